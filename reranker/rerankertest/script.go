package rerankertest

import (
	"fmt"
	"net/http"
	"time"
)

// Script decides what the server does with each call. It is called from many
// goroutines at once.
type Script func(c Call) Reply

// Always gives every call the same reply.
func Always(r Reply) Script { return func(Call) Reply { return r } }

// Sequence uses the scripts one after the other, by the number of the call; the
// last one serves all further calls.
func Sequence(scripts ...Script) Script {
	return func(c Call) Reply { return scripts[min(c.N, len(scripts))-1](c) }
}

// Times uses first for the first n calls and then the other.
func Times(n int, first, then Script) Script {
	return func(c Call) Reply {
		if c.N <= n {
			return first(c)
		}
		return then(c)
	}
}

// On uses yes for the calls that match and no for the others.
func On(match func(Call) bool, yes, no Script) Script {
	return func(c Call) Reply {
		if match(c) {
			return yes(c)
		}
		return no(c)
	}
}

// Status answers every call with a status and a JSON body.
func Status(status int, body string) Script { return Always(JSON(status, body)) }

// RateLimited answers every call with 429 and, unless it is empty, the
// Retry-After.
func RateLimited(retryAfter string) Script {
	r := JSON(http.StatusTooManyRequests, `{"detail":"Rate limit exceeded"}`)
	if retryAfter != "" {
		r = r.With("Retry-After", retryAfter)
	}
	return Always(r)
}

// Fails answers every call with a fault.
func Fails(f Fault) Script { return Always(Reply{Fault: f}) }

// Redirect answers every call with a redirect.
func Redirect(status int, location string) Script {
	return Always(Reply{Status: status}.With("Location", location))
}

// Slow holds every reply of the script back.
func Slow(delay time.Duration, s Script) Script {
	return func(c Call) Reply {
		r := s(c)
		r.Delay += delay
		return r
	}
}

// SlowPer holds every reply back by a fixed time and one for each document.
func SlowPer(fixed, document time.Duration, s Script) Script {
	return func(c Call) Reply {
		r := s(c)
		r.Delay += fixed + time.Duration(len(c.Documents))*document
		return r
	}
}

// Trickle sends the bodies of the script in small pieces.
func Trickle(chunk int, delay time.Duration, s Script) Script {
	return func(c Call) Reply {
		r := s(c)
		r.Chunk, r.ChunkDelay = chunk, delay
		return r
	}
}

// Cut makes the bodies of the script end early with a body fault.
func Cut(f Fault, at int, s Script) Script {
	return func(c Call) Reply {
		r := s(c)
		r.Fault, r.CutAt = f, at
		return r
	}
}

// Change lets a function alter every reply of the script.
func Change(s Script, change func(Call, Reply) Reply) Script {
	return func(c Call) Reply { return change(c, s(c)) }
}

// MaxDocuments refuses calls with more than n documents, with the status and
// the words of a server that limits its batches.
func MaxDocuments(n, status int, s Script) Script {
	return func(c Call) Reply {
		if len(c.Documents) > n {
			return JSON(status, fmt.Sprintf(`{"error":"batch size %d > maximum allowed batch size %d","error_type":"Validation"}`, len(c.Documents), n))
		}
		return s(c)
	}
}

// MaxBytes refuses calls with a document of more than n bytes, with the words
// of a server whose context is too small.
func MaxBytes(n, status int, s Script) Script {
	return func(c Call) Reply {
		for _, d := range c.Documents {
			if len(d) > n {
				return JSON(status, fmt.Sprintf(`{"error":{"message":"This model's maximum context length is %d tokens. However, your request has %d input tokens.","type":"BadRequestError","param":"input_tokens","code":%d}}`, n, n+1, status))
			}
		}
		return s(c)
	}
}
