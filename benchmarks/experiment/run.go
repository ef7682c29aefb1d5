package experiment

import (
	"context"
	"errors"
	"sync"

	"github.com/sourcegraph/conc/pool"

	"github.com/rankcascade/cascade/pipeline"
)

// runner is an experiment under way.
type runner struct {
	plan    Plan
	forest  *forest
	journal *journal
	runs    []topicRun // of each topic of the plan

	mu      sync.Mutex
	cost    Cost
	done    int
	resumed int
}

// Run runs every system on every topic and compares them.
//
// A topic on which a system fails counts 0 for it and is listed; Run itself
// fails on a mistake in the plan, when the context ends, and with a
// *BudgetError when the budget is used up.
func Run(ctx context.Context, p Plan) (*Result, error) {
	p = p.withDefaults()
	if err := p.check(); err != nil {
		return nil, err
	}
	r := &runner{plan: p, forest: plant(p)}
	var err error
	if r.journal, err = openJournal(p, r.forest); err != nil {
		return nil, err
	}
	defer r.journal.close()
	if err := r.runAll(ctx); err != nil {
		return nil, err
	}
	if err := r.writeRuns(); err != nil {
		return nil, err
	}
	return r.result()
}

// runAll runs the topics, Concurrency at a time.
func (r *runner) runAll(ctx context.Context) error {
	r.runs = make([]topicRun, len(r.plan.Topics))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := pool.New().WithErrors().WithFirstError().WithMaxGoroutines(r.plan.Concurrency)
	for i, q := range r.plan.Topics {
		p.Go(func() error {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			err := r.topic(ctx, q, &r.runs[i])
			if err != nil {
				cancel()
			}
			return err
		})
	}
	return p.Wait()
}

func (r *runner) topic(ctx context.Context, q pipeline.Query, into *topicRun) error {
	known, ok := r.journal.find(q)
	if ok {
		*into = known
	} else {
		t, err := r.runTopic(ctx, q)
		if err != nil {
			return err
		}
		*into = t
		if err := r.journal.add(q, t); err != nil {
			return err
		}
	}
	return r.advance(*into, ok)
}

// advance adds up what was spent and stops when that is too much.
func (r *runner) advance(t topicRun, resumed bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	if resumed {
		r.resumed++
	} else {
		for _, o := range t.outcomes {
			r.cost = r.cost.plus(o.Usage)
		}
	}
	if r.plan.Progress != nil {
		r.plan.Progress(Progress{Done: r.done, Topics: len(r.plan.Topics), Resumed: r.resumed, Cost: r.cost})
	}
	if r.done < len(r.plan.Topics) && r.plan.Budget.exceededBy(r.cost) {
		return &BudgetError{Budget: r.plan.Budget, Cost: r.cost, Done: r.done, Total: len(r.plan.Topics)}
	}
	return nil
}

func (c Cost) plus(u usage) Cost {
	c.Calls += u.Calls
	c.Retries += u.Retries
	c.Documents += u.Documents
	c.Tokens += u.Tokens
	c.Cached += u.Cached
	c.Price += u.Price
	return c
}

// IsBudget reports whether an experiment was stopped by its budget.
func IsBudget(err error) bool {
	var b *BudgetError
	return errors.As(err, &b)
}
