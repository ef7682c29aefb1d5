package qdrant

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc"
	"google.golang.org/protobuf/proto"
)

// load is one Load on its way.
type load struct {
	*Loader
	progress Progress
	started  time.Time
	prepared bool
	flight   *flight // the batch on its way, nil for none
}

// flight is a batch on its way to the server. Its load counts what became of it.
type flight struct {
	load
	done conc.WaitGroup
	err  error
}

// take sends a batch, after the one before has arrived.
func (r *load) take(ctx context.Context, batch []pipeline.Document, points []*api.PointStruct) error {
	if err := r.land(); err != nil {
		return err
	}
	f := &flight{load: load{Loader: r.Loader}}
	f.done.Go(func() { f.err = f.send(ctx, batch, points) })
	r.flight = f
	return nil
}

// land waits for the batch on its way and counts it.
func (r *load) land() error {
	f := r.flight
	if f == nil {
		return nil
	}
	r.flight = nil
	f.done.Wait()
	r.progress.Stored += f.progress.Stored
	r.progress.Batches += f.progress.Batches
	r.progress.Retries += f.progress.Retries
	r.progress.Waited += f.progress.Waited
	if f.err == nil {
		r.report()
	}
	return f.err
}

// read stores the documents, batch by batch.
func (r *load) read(ctx context.Context, documents iter.Seq2[pipeline.Document, error]) error {
	// One is filled while the other is on its way.
	batch, next := make([]pipeline.Document, 0, r.opts.Batch), make([]pipeline.Document, 0, r.opts.Batch)
	for d, err := range documents {
		if err != nil {
			return fmt.Errorf("qdrant: load: read document %d: %w", r.progress.Read+1, err)
		}
		r.progress.Read++
		if d.ID == "" {
			return fmt.Errorf("qdrant: load: document %d has no ID", r.progress.Read)
		}
		if r.opts.Sync != nil {
			if d, err = r.opts.Sync.mark(d); err != nil {
				return fmt.Errorf("qdrant: load: document %q: %w", d.ID, err)
			}
		}
		if batch = append(batch, d); len(batch) < r.opts.Batch {
			continue
		}
		if err := r.store(ctx, batch); err != nil {
			return err
		}
		batch, next = next[:0], batch
	}
	if len(batch) > 0 {
		if err := r.store(ctx, batch); err != nil {
			return err
		}
	}
	if err := r.land(); err != nil {
		return err
	}
	return r.sync(ctx)
}

// prepare makes sure that the collection exists and fits. sizes are those of
// the vectors of the first document.
func (r *load) prepare(ctx context.Context, sizes []int) error {
	exists, err := r.exists(ctx)
	if err != nil {
		return err
	}
	if exists {
		return r.compare(ctx, sizes)
	}
	if err := r.create(ctx, sizes); err != nil {
		return err
	}
	return r.index(ctx, nil)
}

func (r *load) create(ctx context.Context, sizes []int) error {
	request := &api.CreateCollection{}
	if r.opts.Create != nil {
		request = proto.Clone(r.opts.Create).(*api.CreateCollection)
	}
	request.CollectionName = r.collection
	r.configure(request, sizes)
	err := r.retry(ctx, func() error { return mapError(ctx, "create collection", r.client.CreateCollection(ctx, request)) })
	if err == nil {
		return nil
	}
	// Another program, or the try before this one, may have created it; then it
	// only has to fit.
	if exists, again := r.exists(ctx); again == nil && exists {
		return r.compare(ctx, sizes)
	}
	return err
}

// index makes the payload indexes that are missing, and waits for them.
func (r *load) index(ctx context.Context, schema map[string]*api.PayloadSchemaInfo) error {
	for _, i := range r.opts.Indexes {
		there, err := i.there(schema)
		if there {
			continue
		}
		if err == nil {
			err = r.retry(ctx, func() error {
				op := fmt.Sprintf("create index on field %q", i.Field)
				result, err := r.client.(Indexer).CreateFieldIndex(ctx, i.request(r.collection))
				if err != nil {
					return mapError(ctx, op, err)
				}
				return finished(op, result)
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sync deletes what the input no longer has. An input of no documents deletes
// nothing: it is more often a mistake than a wish.
func (r *load) sync(ctx context.Context) error {
	if r.opts.Sync == nil {
		return nil
	}
	if r.progress.Read == 0 {
		return fmt.Errorf("qdrant: load: source %q has no documents: nothing was deleted", r.opts.Sync.Source)
	}
	remover := r.client.(Remover)
	var gone uint64
	err := r.retry(ctx, func() (err error) {
		gone, err = remover.Count(ctx, &api.CountPoints{CollectionName: r.collection, Filter: r.opts.Sync.vanished(), Timeout: serverTimeout(ctx)})
		return mapError(ctx, "count vanished points", err)
	})
	if err != nil || gone == 0 {
		return err
	}
	wait := true
	err = r.retry(ctx, func() error {
		result, err := remover.Delete(ctx, &api.DeletePoints{
			CollectionName: r.collection, Wait: &wait, Ordering: r.opts.Ordering, Points: api.NewPointsSelectorFilter(r.opts.Sync.vanished()), Timeout: serverTimeout(ctx),
		})
		if err != nil {
			return mapError(ctx, "delete vanished points", err)
		}
		return finished("delete vanished points", result)
	})
	if err == nil {
		r.progress.Deleted = int(gone)
	}
	return err
}

// finished refuses an update that the server has not finished.
func finished(op string, result *api.UpdateResult) error {
	if status := result.GetStatus(); status != api.UpdateStatus_Completed {
		return &Error{Kind: KindUnavailable, Op: op, Message: fmt.Sprintf("the server has not finished it: status %v", status)}
	}
	return nil
}

func (r *load) exists(ctx context.Context) (exists bool, err error) {
	err = r.retry(ctx, func() error {
		exists, err = r.client.CollectionExists(ctx, r.collection)
		return mapError(ctx, "find collection", err)
	})
	return exists, err
}

// compare refuses an existing collection whose vectors differ, where the client
// can tell: the server would refuse the points one batch later, and less clearly,
// or it would rank by another formula and say nothing.
func (r *load) compare(ctx context.Context, sizes []int) error {
	inspector, ok := r.client.(Inspector)
	if !ok {
		return r.index(ctx, nil)
	}
	var info *api.CollectionInfo
	err := r.retry(ctx, func() (err error) {
		info, err = inspector.GetCollectionInfo(ctx, r.collection)
		return mapError(ctx, "read collection", err)
	})
	if err != nil {
		return err
	}
	dense := denseVectors(info)
	sparse := info.GetConfig().GetParams().GetSparseVectorsConfig().GetMap()
	for i := range r.opts.Vectors {
		v := &r.opts.Vectors[i]
		var how string
		if v.sparse() {
			how = v.sparseDiffers(sparse[v.Name])
		} else {
			how = v.denseDiffers(dense[v.Name], sizes[i])
		}
		if how != "" {
			return r.differs(v, how)
		}
	}
	return r.index(ctx, info.GetPayloadSchema())
}

// stop ends the load with an error, or that of a batch that was sent before.
func (r *load) stop(err error) (Progress, error) {
	if earlier := r.land(); earlier != nil {
		err = earlier
	}
	r.progress.Elapsed = time.Since(r.started)
	return r.progress, err
}

func (r *load) report() {
	if r.opts.Progress != nil {
		r.progress.Elapsed = time.Since(r.started)
		r.opts.Progress(r.progress)
	}
}

// store embeds one batch and lets it go.
func (r *load) store(ctx context.Context, batch []pipeline.Document) error {
	if err := ended(ctx, "load"); err != nil {
		return err
	}
	if err := unique(batch); err != nil {
		return err
	}
	batch, err := r.missing(ctx, batch)
	if err != nil {
		return err
	}
	if len(batch) > 0 {
		points, sizes, err := r.points(ctx, batch)
		if err != nil {
			return err
		}
		if !r.prepared {
			if err := r.prepare(ctx, sizes); err != nil {
				return err
			}
			r.prepared = true
		}
		return r.take(ctx, batch, points)
	}
	if err := r.land(); err != nil {
		return err
	}
	r.report()
	return nil
}

// missing returns the documents of the batch that are not stored yet.
func (r *load) missing(ctx context.Context, batch []pipeline.Document) ([]pipeline.Document, error) {
	if !r.opts.Resume {
		return batch, nil
	}
	request := &api.GetPoints{CollectionName: r.collection, WithPayload: api.NewWithPayloadEnable(false), WithVectors: api.NewWithVectorsEnable(false), Timeout: serverTimeout(ctx)}
	for _, d := range batch {
		request.Ids = append(request.Ids, PointID(d.ID))
	}
	var found []*api.RetrievedPoint
	err := r.retry(ctx, func() (err error) {
		found, err = r.client.(Getter).Get(ctx, request)
		return mapError(ctx, "get points", err)
	})
	var e *Error
	if errors.As(err, &e) && e.Kind == KindNotFound {
		return batch, nil // the collection comes into being with this batch
	}
	if err != nil {
		return nil, err
	}
	there := make(map[string]bool, len(found))
	for _, p := range found {
		id, _ := pointText(p.GetId())
		there[id] = true
	}
	var missing []pipeline.Document
	for i, d := range batch {
		if id, _ := pointText(request.Ids[i]); !there[id] {
			missing = append(missing, d)
		}
	}
	r.progress.Skipped += len(batch) - len(missing)
	return missing, nil
}

// points makes the points of a batch, and the size of each vector.
func (r *load) points(ctx context.Context, batch []pipeline.Document) ([]*api.PointStruct, []int, error) {
	texts := make([]string, len(batch))
	points := make([]*api.PointStruct, len(batch))
	for i, d := range batch {
		payload, err := r.opts.Mapping.Payload(d)
		if err != nil {
			return nil, nil, err
		}
		points[i] = &api.PointStruct{Id: PointID(d.ID), Payload: payload}
		if texts[i] = d.Text; r.opts.Text != nil {
			texts[i] = r.opts.Text(d)
		}
	}
	sizes := make([]int, len(r.opts.Vectors))
	for k := range r.opts.Vectors {
		v := &r.opts.Vectors[k]
		made, size, err := v.encode(ctx, texts)
		if err != nil {
			return nil, nil, r.encoderError(ctx, v, batch, err)
		}
		sizes[k] = size
		for i, point := range points {
			addVector(point, v.Name, made[i])
		}
	}
	return points, sizes, nil
}

// addVector gives a point a further vector. The default vector alone stands for
// itself; nil adds nothing.
func addVector(p *api.PointStruct, name string, v *api.Vector) {
	named := p.GetVectors().GetVectors().GetVectors()
	alone := p.GetVectors().GetVector()
	switch {
	case name == "" && v != nil && alone == nil && len(named) == 0:
		p.Vectors = &api.Vectors{VectorsOptions: &api.Vectors_Vector{Vector: v}}
		return
	case v == nil && p.Vectors != nil:
		return
	case named == nil:
		named = map[string]*api.Vector{}
		p.Vectors = api.NewVectorsMap(named)
	}
	if alone != nil {
		named[""] = alone
	}
	if v != nil {
		named[name] = v
	}
}

func (r *load) encoderError(ctx context.Context, v *Vector, batch []pipeline.Document, err error) error {
	op := fmt.Sprintf("encode documents for vector %q", v.Name)
	var d *documentError
	if errors.As(err, &d) {
		op += fmt.Sprintf(", document %q", batch[d.index].ID)
	}
	return &Error{Kind: KindEncoder, Op: op, Message: shorten(err.Error()), Err: err, also: contextErrors(ctx, &Error{})}
}

// send upserts the points, and halves what the server finds too large.
func (r *load) send(ctx context.Context, batch []pipeline.Document, points []*api.PointStruct) error {
	err := r.upsert(ctx, points)
	var e *Error
	if err == nil || !errors.As(err, &e) || e.Kind != KindTooLarge {
		return err
	}
	if len(points) == 1 {
		e.Op = fmt.Sprintf("upsert document %q", batch[0].ID)
		return err
	}
	half := len(points) / 2
	if err := r.send(ctx, batch[:half], points[:half]); err != nil {
		return err
	}
	return r.send(ctx, batch[half:], points[half:])
}

// upsert sends the points until they are stored. Upserts may be repeated safely.
func (r *load) upsert(ctx context.Context, points []*api.PointStruct) error {
	wait := true
	only, err := Filter(r.opts.OnlyIf)
	if err != nil {
		return err
	}
	err = r.retry(ctx, func() error {
		request := &api.UpsertPoints{CollectionName: r.collection, Wait: &wait, Points: points, Ordering: r.opts.Ordering, UpdateFilter: only, Timeout: serverTimeout(ctx)}
		if len(r.opts.ShardKeys) > 0 {
			request.ShardKeySelector = &api.ShardKeySelector{ShardKeys: r.opts.ShardKeys}
		}
		result, err := r.client.Upsert(ctx, request)
		if err != nil {
			return mapError(ctx, "upsert points", err)
		}
		return finished("upsert points", result)
	})
	if err == nil {
		r.progress.Stored += len(points)
		r.progress.Batches++
	}
	return err
}

// retry makes the call until it succeeds, patience is over, or an error says
// that making it again is no use.
func (r *load) retry(ctx context.Context, call func() error) error {
	began, backoff := time.Now(), firstWait
	for {
		err := call()
		var e *Error
		if err == nil || !errors.As(err, &e) || !e.Retryable() {
			return err
		}
		wait := max(e.RetryAfter, backoff)
		if time.Since(began)+wait > r.opts.Patience {
			return err
		}
		backoff = min(2*backoff, longestWait)
		if err := r.pause(ctx, wait, err); err != nil {
			return err
		}
		r.progress.Retries++
	}
}

// pause waits, unless the context would end before; then the error that made it
// wait is worth more than the deadline that would follow.
func (r *load) pause(ctx context.Context, d time.Duration, cause error) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return cause
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return errors.Join(ended(ctx, "upsert points"), cause)
	case <-timer.C:
		r.progress.Waited += d
		return nil
	}
}
