package qdrant

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/rankcascade/cascade/pipeline"
)

// LoaderOptions are the settings of a Loader.
type LoaderOptions struct {
	// Vectors are the vectors that every document gets. At least one.
	Vectors []Vector
	// Mapping says how documents become payloads; the same as the retriever's.
	Mapping Mapping
	// Batch is the number of documents that are embedded and sent at once; 0
	// means 64. A batch that the server finds too large, in bytes or by its strict mode, is
	// halved and sent again.
	Batch int
	// Text returns what is embedded; nil means the document's Text.
	Text func(pipeline.Document) string
	// Create is what a missing collection is created with beyond its vectors:
	// shards, replicas, quantization. Its name and vectors are overwritten.
	Create *api.CreateCollection
	// Indexes are payload indexes that the collection shall have; missing ones are
	// made, and waited for, before the first document is stored. They need a client
	// that is an Indexer.
	Indexes []Index
	// Sync, if set, deletes at the end what the input no longer has. It needs a
	// client that is a Remover.
	Sync *Sync
	// Ordering says how strictly writes are ordered over replicas; nil means weakly.
	Ordering *api.WriteOrdering
	// OnlyIf updates an existing point only if it passes the filter, which takes
	// what Filter takes; new points are always stored. The server tells nobody which
	// points it left, so they count as stored.
	OnlyIf any
	// Resume skips documents whose point exists already, without embedding them.
	// It needs a client that is a Getter. A document whose content changed is
	// skipped as well: load without Resume to bring everything up to date.
	Resume bool
	// ShardKeys are the shards that the points go to, where a collection is
	// sharded by keys.
	ShardKeys []*api.ShardKey
	// Patience is for how long a call of any kind is repeated after a rate limit, a
	// lost connection or an upsert that the server has not finished; 0 means a
	// minute, which a server needs to restart, less than 0 never. The server's
	// Retry-After is kept; without one the wait is 0.2 s, doubled each time, at
	// most 10 s.
	Patience time.Duration
	// Progress, if set, is called after each batch, from the goroutine of Load.
	Progress func(Progress)
}

// Progress counts what a Load has done.
type Progress struct {
	// Read is the number of documents that came from the input.
	Read int
	// Stored is how many of them the server has confirmed.
	Stored int
	// Skipped is how many were there already, with Resume.
	Skipped int
	// Deleted is how many points Sync deleted.
	Deleted int
	// Batches is the number of confirmed upserts.
	Batches int
	// Retries is how many calls had to be sent again, and Waited the time that was
	// spent waiting before that.
	Retries int
	Waited  time.Duration
	// Elapsed is the time since Load began.
	Elapsed time.Duration
}

const (
	defaultBatch    = 64
	defaultPatience = time.Minute
	firstWait       = 200 * time.Millisecond
	longestWait     = 10 * time.Second
)

// Loader fills a collection. It is safe for concurrent use if its client and
// encoders are.
type Loader struct {
	client     Writer
	collection string
	opts       LoaderOptions
}

// NewLoader returns a loader for a collection. Nothing is sent yet.
func NewLoader(client Writer, collection string, opts LoaderOptions) (*Loader, error) {
	_, canGet := client.(Getter)
	switch {
	case client == nil:
		return nil, errors.New("qdrant: new loader: client is nil: pass one that Dial made")
	case collection == "":
		return nil, errors.New("qdrant: new loader: collection has no name: name one")
	case len(opts.Vectors) == 0:
		return nil, errors.New("qdrant: new loader: Vectors is empty: documents need at least one")
	case opts.Batch < 0:
		return nil, fmt.Errorf("qdrant: new loader: Batch is %d: it must be at least 1, or 0 for %d", opts.Batch, defaultBatch)
	case opts.Resume && !canGet:
		return nil, errors.New("qdrant: new loader: Resume needs a client that can get points")
	}
	names := map[string]bool{}
	for i := range opts.Vectors {
		v := &opts.Vectors[i]
		if err := v.check(); err != nil {
			return nil, fmt.Errorf("qdrant: new loader: %w", err)
		}
		if names[v.Name] {
			return nil, fmt.Errorf("qdrant: new loader: two vectors are named %q", v.Name)
		}
		names[v.Name] = true
	}
	if err := opts.Mapping.check(); err != nil {
		return nil, err
	}
	if err := opts.checkCollection(client); err != nil {
		return nil, fmt.Errorf("qdrant: new loader: %w", err)
	}
	if opts.Batch == 0 {
		opts.Batch = defaultBatch
	}
	if opts.Patience == 0 {
		opts.Patience = defaultPatience
	}
	return &Loader{client: client, collection: collection, opts: opts}, nil
}

// checkCollection checks what concerns the collection as a whole.
func (o LoaderOptions) checkCollection(client Writer) error {
	if _, can := client.(Indexer); len(o.Indexes) > 0 && !can {
		return errors.New("Indexes need a client that can create them")
	}
	for _, i := range o.Indexes {
		if err := i.check(); err != nil {
			return err
		}
	}
	if _, err := Filter(o.OnlyIf); err != nil {
		return err
	}
	if o.Sync != nil {
		return o.Sync.check(client, o.Resume)
	}
	return nil
}

// Load stores all documents, in their order, and creates the collection before
// the first one if it is missing. No documents create nothing. While one batch is on
// its way to the server, the next is read and embedded; batches are stored one after
// the other.
//
// Point ids are made from document ids (PointID), so loading a document again
// replaces it, and a Load that failed is repaired by running it again: the
// Progress that is returned says how far it came, also beside an error. The
// first error ends it, whether it comes from the input, from an encoder or from
// the server. Two documents with one ID in the same batch are an error; in
// different batches the later one replaces the earlier.
func (l *Loader) Load(ctx context.Context, documents iter.Seq2[pipeline.Document, error]) (Progress, error) {
	run := &load{Loader: l, started: time.Now()}
	defer func() { _ = run.land() }() // also where the input panics
	return run.stop(run.read(ctx, documents))
}

func (l *Loader) configure(request *api.CreateCollection, sizes []int) {
	named := map[string]*api.VectorParams{}
	sparse := map[string]*api.SparseVectorParams{}
	for i := range l.opts.Vectors {
		v := &l.opts.Vectors[i]
		if v.sparse() {
			sparse[v.Name] = v.sparseParams()
		} else {
			named[v.Name] = v.params(sizes[i])
		}
	}
	switch {
	case len(named) == 1 && named[""] != nil:
		request.VectorsConfig = api.NewVectorsConfig(named[""])
	case len(named) > 0:
		request.VectorsConfig = api.NewVectorsConfigMap(named)
	}
	if len(sparse) > 0 {
		request.SparseVectorsConfig = api.NewSparseVectorsConfig(sparse)
	}
}

func (l *Loader) differs(v *Vector, how string) error {
	return &Error{Kind: KindInvalid, Op: "load", Message: fmt.Sprintf("collection %q exists and does not fit vector %q: %s", l.collection, v.Name, how)}
}
