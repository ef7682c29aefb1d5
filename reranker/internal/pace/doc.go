// Package pace decides when a call may be made, how much it may hold, and what
// its outcome says about the server: the breaker, the gate after a refusal, the
// quotas, the slots of calls in flight, the budget for extra calls, the record
// of hedges, the model of latency, the ladder that learns into how many calls a
// query is split, the limits of one call, the packing, and the choice among
// upstreams.
//
//	p := pace.New(now, pace.Options{Upstreams: 2, Concurrency: 32, Rand: rng})
//	f, err := p.Forecast(now, pace.Query{Items: items, Rest: rest})
//	a := p.Admit(now, pace.Call{Waiter: w, Tokens: 500})
//	if a.Ticket != nil {
//		p.Release(later, a.Ticket, pace.Outcome{Verdict: pace.Good})
//	}
//
// It is pure: it makes no call, starts no goroutine and reads no clock. One lock
// guards everything, and only methods of Pace take it.
package pace
