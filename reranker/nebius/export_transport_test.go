package nebius

import "net/http"

// OwnTransport is the transport that a client with the options makes for itself.
func OwnTransport(o Options) *http.Transport { return newTransport(o, false) }
