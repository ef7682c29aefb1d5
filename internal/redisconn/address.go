package redisconn

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

const wanted = "give redis://user:password@host:port/database, or rediss:// for TLS"

// parse reads the address. Its errors have no part of the address but the scheme,
// since a password may stand anywhere in a URL that is wrong.
func parse(address string) (rueidis.ClientOption, error) {
	u, err := url.Parse(address)
	switch {
	case address == "":
		return rueidis.ClientOption{}, errors.New("the URL is empty: " + wanted)
	case err != nil:
		return rueidis.ClientOption{}, errors.New("the URL cannot be read (special characters in a password are escaped as %2F): " + wanted)
	case u.Scheme == "unix":
		if u.Path == "" {
			return rueidis.ClientOption{}, errors.New("the URL of a socket has no path: give unix:///path/to/redis.sock")
		}
	case u.Scheme != "redis" && u.Scheme != "rediss" && u.Scheme != "valkey" && u.Scheme != "valkeys":
		return rueidis.ClientOption{}, errors.New("the URL has another scheme than redis, rediss, valkey, valkeys or unix: " + wanted)
	case u.Hostname() == "":
		return rueidis.ClientOption{}, errors.New("the URL has no host: " + wanted)
	default:
		if err := checkDatabase(u.Path); err != nil {
			return rueidis.ClientOption{}, err
		}
	}
	o, err := rueidis.ParseURL(address)
	if err != nil {
		return rueidis.ClientOption{}, errors.New("the URL has a parameter that cannot be read: " + wanted)
	}
	return o, nil
}

// replaceTLS puts the caller's settings in place of those of the URL.
func replaceTLS(o *rueidis.ClientOption, secure *tls.Config) error {
	if secure == nil {
		return nil
	}
	if o.TLSConfig == nil {
		return errors.New("TLS is set and the URL does not ask for it: begin it with rediss://")
	}
	secure = secure.Clone()
	if secure.ServerName == "" {
		secure.ServerName = o.TLSConfig.ServerName
	}
	o.TLSConfig = secure
	return nil
}

func checkDatabase(path string) error {
	path = strings.Trim(path, "/")
	if path == "" {
		return nil
	}
	if n, err := strconv.Atoi(path); err != nil || n < 0 {
		return &Error{Kind: KindDatabase, Op: "open", Err: errors.New("the path of the URL is the number of a database, from 0")}
	}
	return nil
}

// settings are how the client is to behave: one connection for a few calls under
// way, no repetition, and no state of its own.
func settings(o rueidis.ClientOption, sender string) rueidis.ClientOption {
	o.ForceSingleClient = len(o.InitAddress) == 1 && o.Sentinel.MasterSet == ""
	o.DisableCache, o.DisableRetry = true, true
	// Otherwise a call that is late ends the connection for all the others.
	o.AlwaysPipelining = true
	o.PipelineMultiplex = -1 // one connection
	if o.Dialer.Timeout == 0 {
		o.Dialer.Timeout = dialTimeout
	}
	if o.ConnWriteTimeout == 0 {
		o.ConnWriteTimeout = hangTimeout
	}
	if o.ClientName == "" {
		o.ClientName = sender
	}
	o.ClientSetInfo = rueidis.DisableClientSetInfo
	return o
}

// place is the host and port for messages.
func place(o rueidis.ClientOption) string {
	if len(o.InitAddress) == 0 {
		return "nowhere"
	}
	host, port, err := net.SplitHostPort(o.InitAddress[0])
	if err != nil {
		return o.InitAddress[0]
	}
	return fmt.Sprintf("%s:%s", host, port)
}
