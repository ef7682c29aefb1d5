package pipeline

import (
	"context"
	"errors"
	"iter"
	"runtime/debug"
	"slices"

	"github.com/sourcegraph/conc"
)

// Refiner is a Stage that can show what it has before it is done: a rerank in
// shards, whose ranking gets better with every shard.
type Refiner interface {
	Stage
	// Refine yields rankings, each at least as good as the one before. The last
	// one equals what Apply returns. The pipeline says of all others that they are
	// early; Refine need not. An error ends the sequence. The sequence works once;
	// when its consumer stops early it ends everything that it started before it
	// returns.
	Refine(ctx context.Context, q Query, in Ranking) iter.Seq2[Ranking, error]
}

// streamer is a retriever that can pass on the refinements below it.
type streamer interface {
	stream(ctx context.Context, q Query) iter.Seq2[Ranking, error]
}

// Stream yields the retrieval order at once and then a better ranking whenever a
// stage that is a Refiner has one, or a stage is done. The last one equals what
// r.Retrieve returns. An error ends the sequence; the rankings before it can
// still be shown.
//
// Every ranking but the last is Early: it has a gap for ReasonEarly, which names
// the part that is still at work, and so is Degraded. The last one is not early.
//
// A ranking that is shown before its turn passes through those of the later
// stages that only cut, so that it is no longer than the last one; stages that
// rescore are left out of it. Early rankings are not traced and not observed. The
// last ranking may repeat the one before it.
// When the consumer stops early, everything that was started has ended by the
// time the loop is left. A retriever that is no combinator of this package
// yields once.
func Stream(ctx context.Context, r Retriever, q Query) iter.Seq2[Ranking, error] {
	if r == nil {
		return failing(errNilArgument("stream", "retriever"))
	}
	if s, ok := asStreamer(r); ok {
		return s.stream(ctx, q)
	}
	return streamPart(ctx, newPart(r), q)
}

func streamPart(ctx context.Context, p part[Retriever], q Query) iter.Seq2[Ranking, error] {
	s, ok := asStreamer(p.chosen(ctx, q))
	return func(yield func(Ranking, error) bool) {
		if !ok {
			yield(retrieve(ctx, p, q))
			return
		}
		q, err := restrict(ctx, q)
		g := newRun(p, KindRetrieve, q)
		if err != nil {
			yield(Ranking{}, g.named(err))
			return
		}
		g.sequence(ctx, nil, func(ctx context.Context) iter.Seq2[Ranking, error] { return s.stream(ctx, q) }, yield)
	}
}

// refine is apply for a part that may be a Refiner.
func refine(ctx context.Context, p part[Stage], q Query, in Ranking) iter.Seq2[Ranking, error] {
	s, ok := asRefiner(p.chosen(ctx, q))
	return func(yield func(Ranking, error) bool) {
		if !ok {
			yield(apply(ctx, p, q, in))
			return
		}
		g := newRun(p, KindApply, q)
		if err := g.mayStart(ctx); err != nil {
			yield(Ranking{}, err)
			return
		}
		g.sequence(ctx, []Ranking{in}, func(ctx context.Context) iter.Seq2[Ranking, error] { return s.Refine(ctx, q, in) }, yield)
	}
}

// drainage passes the rankings of one sequence on.
type drainage struct {
	*run
	inputs []Ranking
	yield  func(Ranking, error) bool
	// shown is what was yielded last, settled that it is the end of the sequence
	// and was yielded as such, stopped that the consumer wants no more.
	shown            Ranking
	settled, stopped bool
	consuming        bool
}

// drain yields the accepted rankings of the sequence and returns the last one, or
// the error that ended it, which it does not yield. A panic in the sequence is
// such an error; a panic in the consumer is none of ours.
func (d *drainage) drain(ctx context.Context, start func(context.Context) iter.Seq2[Ranking, error]) (end Ranking, err error) {
	defer func() {
		if d.consuming {
			return
		}
		if v := recover(); v != nil {
			end, err = Ranking{}, &PanicError{Part: d.name, Value: v, Stack: debug.Stack()}
		}
	}()
	yielded := false
	for r, failure := range start(ctx) {
		if failure == nil {
			r, failure = d.accept(ctx, d.inputs, r)
		}
		if failure != nil {
			return Ranking{}, d.failed(ctx, failure)
		}
		end, yielded = r.settled(), true
		if !d.show(r) {
			return end, nil
		}
	}
	if !yielded {
		return Ranking{}, d.failed(ctx, errNoRanking)
	}
	return end, nil
}

// show yields a state, unless it looks like the one before. A combinator of this
// package says itself which state is the last; of those of any other part nobody
// knows before its end, so they are early, and the last one is yielded once more.
func (d *drainage) show(r Ranking) bool {
	if !d.structural {
		r = r.early(d.name)
		if alike(r, d.shown) {
			return true
		}
	}
	d.shown, d.settled = r, !r.Early()
	d.consuming = true
	d.stopped = !d.yield(r, nil)
	d.consuming = false
	return !d.stopped
}

func forward(rankings iter.Seq2[Ranking, error], yield func(Ranking, error) bool) {
	for r, err := range rankings {
		if !yield(r, err) || err != nil {
			return
		}
	}
}

// alike reports whether a person would see no difference between two rankings.
func alike(a, b Ranking) bool {
	return a.Scale == b.Scale && len(a.Gaps) == len(b.Gaps) && b.Hits != nil &&
		slices.EqualFunc(a.Hits, b.Hits, func(x, y Hit) bool {
			return x.Document.ID == y.Document.ID && x.Score == y.Score
		})
}

// update is news from one of several stages that refine side by side.
type update struct {
	outcome
	branch int
	last   bool
}

// refineSideBySide runs the stages over the same ranking and hands their news to
// take, one at a time, until all are done or take says to stop; it reports
// whether all were done. Everything it started has ended when it returns.
func refineSideBySide(ctx context.Context, parts []part[Stage], limit int, q Query, in Ranking, take func(update) bool) bool {
	ctx, cancel := context.WithCancel(ctx)
	news, stop := make(chan update), make(chan struct{})
	slots := make(chan struct{}, limit)
	var group conc.WaitGroup
	defer func() {
		close(stop)
		cancel()
		group.Wait()
	}()
	running := 0
	for i, p := range parts {
		if p.instant() { // first, so that no early state waits for it
			r, err := apply(ctx, p, q, in)
			if !take(update{outcome: outcome{r, err}, branch: i, last: true}) {
				return false
			}
			continue
		}
		running++
		group.Go(func() {
			send := func(u update) bool {
				u.branch = i
				select {
				case news <- u:
					return true
				case <-stop:
					return false
				}
			}
			select {
			case slots <- struct{}{}:
				refineInto(ctx, send, p, q, in)
				<-slots
			case <-ctx.Done():
				send(update{outcome: outcome{err: ended(ctx)}, last: true})
			}
		})
	}
	for running > 0 {
		u := <-news
		if u.last {
			running--
		}
		if !take(u) {
			return false
		}
	}
	return true
}

// refineInto sends what one stage yields, and at the end an update that is last.
func refineInto(ctx context.Context, send func(update) bool, p part[Stage], q Query, in Ranking) {
	if _, ok := asRefiner(p.do); !ok {
		r, err := apply(ctx, p, q, in)
		send(update{outcome: outcome{r, err}, last: true})
		return
	}
	var failure error
	for r, err := range refine(ctx, p, q, in) {
		if err != nil {
			failure = err
			break
		}
		if !send(update{outcome: outcome{ranking: r}}) {
			return
		}
	}
	send(update{outcome: outcome{err: failure}, last: true})
}

var errNoRanking = errors.New("ended without a ranking")

func once(r Ranking, err error) iter.Seq2[Ranking, error] {
	return func(yield func(Ranking, error) bool) { yield(r, err) }
}

func failing(err error) iter.Seq2[Ranking, error] { return once(Ranking{}, err) }

// last returns the last ranking of a sequence, or its error.
func last(rankings iter.Seq2[Ranking, error]) (end Ranking, err error) {
	for end, err = range rankings {
		if err != nil {
			return Ranking{}, err
		}
	}
	return end, nil
}
