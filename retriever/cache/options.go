package cache

import (
	"context"
	"fmt"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// The defaults of Options.
const (
	DefaultTTL       = 10 * time.Minute
	DefaultSize      = 1000
	DefaultThreshold = 0.97
)

// Embedder turns a query's text into a vector. langchaingo's embeddings.Embedder
// is one. It must be safe for concurrent use.
type Embedder interface {
	EmbedQuery(ctx context.Context, text string) ([]float32, error)
}

// Options are the settings of a Cache. The zero value is the default of every
// field.
type Options struct {
	// Name is the cache's name in trees; "" means "cache".
	Name string
	// TTL is how long a ranking is remembered; 0 means DefaultTTL, and below 0 for
	// ever.
	TTL time.Duration
	// Size is the number of rankings that the cache in memory holds, the least
	// recently used go first; 0 means DefaultSize. It is not used with a Store.
	Size int
	// Store keeps the rankings elsewhere; nil means in memory. A Store whose calls
	// fail costs the memory and no query.
	Store Store
	// Version is part of the pipeline's fingerprint, beside its description:
	// whatever changes rankings and does not show there, such as the code of a
	// StageFunc, where a Store outlives the program.
	Version string
	// Tenant returns whose query it is, for programs that know it by the context
	// and not by the query's filter or attributes; nil means that nothing else
	// tells tenants apart. It must be safe for concurrent use.
	Tenant func(ctx context.Context, q pipeline.Query) string
	// Ignore reports, by its name, that an attribute does not change rankings, such
	// as the name of a session; nil means that every attribute may. Never ignore
	// what a guard reads.
	Ignore func(name string) bool

	// Embedder, if set, makes the cache answer a query with the ranking of a
	// similar one: whose vectors have at least the cosine Threshold, and whose
	// numbers, names of code and negations are the same. Everything but the text
	// must be equal. Which threshold is safe depends on the embedder; measure it.
	Embedder Embedder
	// Threshold is the least cosine, above 0 and up to 1; 0 means
	// DefaultThreshold.
	Threshold float64
}

func (o Options) withDefaults() Options {
	if o.Name == "" {
		o.Name = "cache"
	}
	if o.TTL == 0 {
		o.TTL = DefaultTTL
	}
	if o.Size == 0 {
		o.Size = DefaultSize
	}
	if o.Threshold == 0 {
		o.Threshold = DefaultThreshold
	}
	return o
}

func (o Options) check() error {
	switch {
	case o.Size < 0:
		return fmt.Errorf("a size of %d holds nothing: give 1 or more, or 0 for %d", o.Size, DefaultSize)
	case !(o.Threshold >= 0 && o.Threshold <= 1):
		return fmt.Errorf("threshold %v is no cosine of similar texts: give one above 0, up to 1", o.Threshold)
	case o.Threshold != 0 && o.Embedder == nil:
		return fmt.Errorf("a threshold of %v needs an Embedder", o.Threshold)
	}
	return nil
}
