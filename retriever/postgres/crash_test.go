package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/postgres"
)

const (
	many  = 400
	batch = 16
	half  = many / 2 / batch * batch
)

// page is the i-th document of a load.
func page(i int) pipeline.Document {
	return pipeline.Document{ID: fmt.Sprintf("page %04d", i), Text: fmt.Sprintf("harbour %d", i), Metadata: map[string]any{"n": i}}
}

// pages are the documents from one on; before is called in front of each.
func pages(from int, before func(i int)) iter.Seq2[pipeline.Document, error] {
	return func(yield func(pipeline.Document, error) bool) {
		for i := from; i < many; i++ {
			if before != nil {
				before(i)
			}
			if !yield(page(i), nil) {
				return
			}
		}
	}
}

// table makes the table of a store on a pool and returns the store.
func table(t *testing.T, p *pgxpool.Pool, name string) *postgres.Store {
	t.Helper()
	s, err := postgres.New(p, words{}, postgres.Options{Table: name, Dimensions: dimensions, Batch: batch})
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context(), func(string) error { return nil }))
	return s
}

// confirmed reads how many documents a failed load promises, and looks for each.
func confirmed(t *testing.T, s *postgres.Store, failed error) int {
	t.Helper()
	var e *postgres.LoadError
	require.ErrorAs(t, failed, &e)
	require.Zero(t, e.Loaded%batch, "whole batches")
	require.ErrorContains(t, failed, fmt.Sprintf("the first %d documents are stored", e.Loaded))
	require.NotContains(t, failed.Error(), "harbour", "no text of a document")
	holds(t, s, e.Loaded)
	return e.Loaded
}

// holds checks that the first n documents are stored as they were given.
func holds(t *testing.T, s *postgres.Store, n int) {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = page(i).ID
	}
	found, err := s.Fetch(t.Context(), ids)
	require.NoError(t, err)
	require.Len(t, found, n)
	for i, d := range found {
		require.Equal(t, page(i).Text, d.Text)
		require.EqualValues(t, i, d.Metadata["n"])
	}
}

// again waits until a store has found its server again, by itself: a call that takes a
// connection of the server that died fails by name, and the next one gets a new one.
func again(t *testing.T, s *postgres.Store) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := s.Fetch(t.Context(), []string{page(0).ID})
		assert.True(t, err == nil || errors.Is(err, postgres.ErrUnavailable), "%v", err)
		return err == nil
	}, time.Minute, time.Millisecond)
}

// goesOn loads the rest through the same store, which finds the server again by itself.
func goesOn(t *testing.T, s *postgres.Store, from int) {
	t.Helper()
	require.NoError(t, s.Load(t.Context(), pages(from, nil)))
	holds(t, s, many)
	r, err := s.Vectors().Retrieve(t.Context(), pipeline.Query{Text: page(7).Text})
	require.NoError(t, err)
	require.Equal(t, page(7).ID, r.IDs()[0])
	found, err := s.Text().Retrieve(t.Context(), pipeline.Query{Text: "harbour", Filter: pipeline.Eq("n", many-1)})
	require.NoError(t, err)
	require.Equal(t, []string{page(many - 1).ID}, found.IDs(), "once, although it may have been written twice")
}

// lock keeps writers of a table waiting until the function that it returns is called.
func lock(t *testing.T, address, name string) func() {
	t.Helper()
	c, err := pgx.Connect(t.Context(), address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	_, err = c.Exec(t.Context(), "BEGIN; LOCK TABLE "+pgx.Identifier{name}.Sanitize()+" IN EXCLUSIVE MODE")
	require.NoError(t, err)
	return func() { _ = c.Close(context.Background()) }
}

// loadIntoLock loads all pages, and locks the table in front of one of them: the batch
// with that one waits in the server.
func loadIntoLock(ctx context.Context, t *testing.T, s *postgres.Store, address, name string, at int) (done chan error, unlock func()) {
	t.Helper()
	reached, locked := make(chan struct{}), make(chan struct{})
	done = make(chan error, 1)
	go func() {
		done <- s.Load(ctx, pages(0, func(i int) {
			if i == at {
				close(reached)
				<-locked
			}
		}))
	}()
	<-reached
	unlock = lock(t, address, name)
	close(locked)
	return done, unlock
}

// waiting returns the process of the server that waits with an insert, once one does.
func waiting(t *testing.T, p *pgxpool.Pool, name string) int {
	t.Helper()
	var pid int
	require.Eventually(t, func() bool {
		return p.QueryRow(t.Context(), `SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%INSERT INTO "' || $1 || '"%'`, name).Scan(&pid) == nil
	}, time.Minute, 5*time.Millisecond)
	return pid
}

// A server that dies in the middle of a load, in whatever way and at whatever moment,
// takes nothing with it that was confirmed; the error says what to go on from.
func TestNothingConfirmedIsLostWhenTheServerDies(t *testing.T) {
	o := startOwn(t)
	watch := o.pool(t, "postgres", "")
	process := func(pid int) { assert.NoError(t, syscall.Kill(pid, syscall.SIGKILL)) }
	for sentence, die := range map[string]func(pid int){
		"killed while it writes":                func(int) { o.end(syscall.SIGKILL) },
		"shut down fast while it writes":        func(int) { o.end(syscall.SIGINT) },
		"one of its processes is killed":        process,
		"the connection is ended on the server": func(pid int) { _, _ = watch.Exec(context.Background(), "SELECT pg_terminate_backend($1)", pid) },
		"shut down at once, without a goodbye":  func(int) { o.end(syscall.SIGQUIT) },
	} {
		t.Run(sentence, func(t *testing.T) {
			s := table(t, o.pool(t, "postgres", ""), sentence)
			done, unlock := loadIntoLock(t.Context(), t, s, o.address("postgres", ""), sentence, half)
			die(waiting(t, watch, sentence))
			err := <-done
			unlock()
			require.ErrorIs(t, err, postgres.ErrUnavailable)
			require.Equal(t, pipeline.ReasonTransport, pipeline.ReasonOf(err))
			o.start(t)
			again(t, s)
			n := confirmed(t, s, err)
			require.GreaterOrEqual(t, n, half, "the lock may end before the server does, and let a batch through")
			require.Less(t, n, many)
			goesOn(t, s, n)
		})
	}
	t.Run("killed between two batches, and away for a while", func(t *testing.T) {
		s := table(t, o.pool(t, "postgres", ""), "between")
		err := s.Load(t.Context(), pages(0, func(i int) {
			if i == 3*batch {
				o.end(syscall.SIGKILL)
			}
		}))
		require.ErrorIs(t, err, postgres.ErrUnavailable)
		_, away := s.Text().Retrieve(t.Context(), pipeline.Query{Text: "harbour"})
		require.ErrorIs(t, away, postgres.ErrUnavailable)
		require.ErrorIs(t, s.Load(t.Context(), pages(0, nil)), postgres.ErrUnavailable)
		o.start(t)
		again(t, s)
		n := confirmed(t, s, err)
		require.GreaterOrEqual(t, n, 3*batch)
		require.Less(t, n, many)
		goesOn(t, s, n)
	})
	t.Run("killed at any moment", func(t *testing.T) {
		s := table(t, o.pool(t, "postgres", ""), "any moment")
		killed := make(chan struct{})
		err := s.Load(t.Context(), pages(0, func(i int) {
			if i == 5*batch+3 {
				go func() { defer close(killed); o.end(syscall.SIGKILL) }()
			}
		}))
		<-killed
		o.start(t)
		again(t, s)
		if err == nil {
			holds(t, s, many)
			return
		}
		require.ErrorIs(t, err, postgres.ErrUnavailable)
		goesOn(t, s, confirmed(t, s, err))
	})
}

// A password that is changed while the program serves ends no connection; new ones are
// refused by name, without the password.
func TestAChangedPasswordIsRefusedByNameAndNotShown(t *testing.T) {
	o := startOwn(t)
	admin := o.pool(t, "postgres", "")
	change := func(to string) {
		_, err := admin.Exec(t.Context(), "ALTER ROLE keyed PASSWORD '"+to+"'")
		require.NoError(t, err)
	}
	_, err := admin.Exec(t.Context(), "CREATE ROLE keyed LOGIN PASSWORD 'old-secret'; GRANT ALL ON SCHEMA public TO keyed; CREATE EXTENSION vector")
	require.NoError(t, err)
	p := o.pool(t, "keyed:old-secret", "&pool_max_conns=1")
	s := table(t, p, "keyed")
	err = s.Load(t.Context(), pages(0, func(i int) {
		switch i {
		case batch:
			change("new-secret") // the connection that is there goes on
		case 2 * batch:
			p.Reset() // and the next one is new
		}
	}))
	require.ErrorIs(t, err, postgres.ErrAccess)
	require.Equal(t, pipeline.ReasonClientError, pipeline.ReasonOf(err))
	_, searched := s.Text().Retrieve(t.Context(), pipeline.Query{Text: "harbour"})
	require.ErrorIs(t, searched, postgres.ErrAccess)
	_, fetched := s.Fetch(t.Context(), []string{"page 0000"})
	for _, e := range []error{err, searched, fetched, s.Delete(t.Context(), "x"), s.Migrate(t.Context(), func(string) error { return nil })} {
		require.ErrorIs(t, e, postgres.ErrAccess)
		require.NotContains(t, fmt.Sprintf("%v %+v %#v", e, e, e), "secret")
	}
	renewed, err2 := postgres.New(o.pool(t, "keyed:new-secret", ""), words{}, postgres.Options{Table: "keyed", Dimensions: dimensions, Batch: batch})
	require.NoError(t, err2)
	n := confirmed(t, renewed, err)
	require.Equal(t, 2*batch, n)
	goesOn(t, renewed, n)
}

// A server that has no connection left refuses by name, and answers when one is free.
func TestExhaustedConnectionsAreErrFull(t *testing.T) {
	o := startOwn(t)
	s := table(t, o.pool(t, "postgres", ""), "crowd")
	late, err := postgres.New(o.pool(t, "postgres", ""), words{}, postgres.Options{Table: "crowd", Dimensions: dimensions, Batch: batch})
	require.NoError(t, err)
	var crowd []*pgx.Conn
	for range 50 {
		c, err := pgx.Connect(t.Context(), o.address("postgres", ""))
		if err != nil {
			break
		}
		crowd = append(crowd, c)
	}
	require.Less(t, len(crowd), 50)
	err = late.Load(t.Context(), pages(0, nil))
	require.ErrorIs(t, err, postgres.ErrFull)
	require.Equal(t, pipeline.ReasonServerError, pipeline.ReasonOf(err))
	_, err = late.Text().Retrieve(t.Context(), pipeline.Query{Text: "harbour"})
	require.ErrorIs(t, err, postgres.ErrFull)
	for _, c := range crowd {
		require.NoError(t, c.Close(t.Context()))
	}
	require.Eventually(t, func() bool { return late.Load(t.Context(), pages(0, nil)) == nil }, time.Minute, 50*time.Millisecond)
	holds(t, s, many)
}

// A full disk ends a load by name; what was confirmed stays, and the load goes on when
// there is room.
func TestAFullDiskKeepsWhatWasConfirmed(t *testing.T) {
	o := startOwn(t)
	disk := o.folder + "/disk"
	require.NoError(t, os.Mkdir(disk, 0o700))
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m,mode=700,uid="+fmt.Sprint(nobody), "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("a small disk cannot be mounted here, which needs root: %s", out)
	}
	t.Cleanup(func() {
		o.end(syscall.SIGQUIT)
		require.NoError(t, exec.Command("umount", disk).Run())
	})
	admin := o.pool(t, "postgres", "")
	_, err := admin.Exec(t.Context(), "CREATE TABLESPACE small LOCATION '"+disk+"'")
	require.NoError(t, err)
	p := o.pool(t, "postgres", "&default_tablespace=small")
	s := table(t, p, "small")
	source := rand.New(rand.NewPCG(1, 2))
	noise := func(n int) string { // which does not become smaller by compression
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('a' + source.IntN(26))
		}
		return string(b)
	}
	wide := func(from int) iter.Seq2[pipeline.Document, error] {
		return func(yield func(pipeline.Document, error) bool) {
			for d, err := range pages(from, nil) {
				d.Metadata["more"] = noise(8000)
				if !yield(d, err) {
					return
				}
			}
		}
	}
	err = s.Load(t.Context(), wide(0))
	require.ErrorIs(t, err, postgres.ErrFull)
	require.Equal(t, pipeline.ReasonServerError, pipeline.ReasonOf(err))
	n := confirmed(t, s, err)
	require.Positive(t, n)
	require.NoError(t, exec.Command("mount", "-o", "remount,size=64m", disk).Run())
	require.NoError(t, s.Load(t.Context(), wide(n)))
	holds(t, s, many)
}

// Whatever the server or the caller ends, the error has a name, the batch is undone
// whole, and the store goes on.
func TestWhatEndsABatchHasAName(t *testing.T) {
	p := pool(t)
	address := os.Getenv("CASCADE_PGVECTOR")
	stop := errors.New("the user went home")
	for sentence, row := range map[string]struct {
		settings string
		end      func(cancel context.CancelCauseFunc, pid int)
		want     error
		reason   pipeline.Reason
	}{
		"statement_timeout": {"&statement_timeout=300", nil, postgres.ErrTime, pipeline.ReasonDeadline},
		"lock_timeout":      {"&lock_timeout=300", nil, postgres.ErrTime, pipeline.ReasonDeadline},
		"canceled in the server": {"", func(_ context.CancelCauseFunc, pid int) {
			_, _ = p.Exec(context.Background(), "SELECT pg_cancel_backend($1)", pid)
		}, postgres.ErrTime, pipeline.ReasonDeadline},
		"canceled by the caller": {"", func(cancel context.CancelCauseFunc, _ int) { cancel(stop) }, stop, ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			name := fmt.Sprintf("ends %d", tables.Add(1))
			s := table(t, lazy(t, address+row.settings), name)
			t.Cleanup(func() { _, _ = p.Exec(context.Background(), "DROP TABLE "+pgx.Identifier{name}.Sanitize()) })
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			done, unlock := loadIntoLock(ctx, t, s, address, name, 2*batch)
			if row.end != nil {
				row.end(cancel, waiting(t, p, name))
			}
			err := <-done
			unlock()
			require.ErrorIs(t, err, row.want)
			if row.reason != "" {
				require.Equal(t, row.reason, pipeline.ReasonOf(err))
			}
			n := confirmed(t, s, err)
			require.Equal(t, 2*batch, n)
			goesOn(t, s, n)
		})
	}
}

// A session that may only read searches, and writes nothing.
func TestAReadOnlySessionSearchesAndIsErrReadOnlyForWrites(t *testing.T) {
	p := pool(t)
	name := fmt.Sprintf("reads %d", tables.Add(1))
	require.NoError(t, table(t, p, name).Load(t.Context(), pages(0, nil)))
	t.Cleanup(func() { _, _ = p.Exec(context.Background(), "DROP TABLE "+pgx.Identifier{name}.Sanitize()) })
	s, err := postgres.New(lazy(t, os.Getenv("CASCADE_PGVECTOR")+"&default_transaction_read_only=on"), words{}, postgres.Options{Table: name, Dimensions: dimensions})
	require.NoError(t, err)
	holds(t, s, many)
	err = s.Load(t.Context(), pages(0, nil))
	require.ErrorIs(t, err, postgres.ErrReadOnly)
	require.Equal(t, pipeline.ReasonClientError, pipeline.ReasonOf(err))
	require.ErrorIs(t, s.Delete(t.Context(), page(0).ID), postgres.ErrReadOnly)
	holds(t, s, many)
}

// three embeds into three components.
type three struct{ err error }

func (e three) EmbedDocuments(_ context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i := range out {
		out[i] = []float32{1, 2, 3}
	}
	return out, e.err
}

func (e three) EmbedQuery(context.Context, string) ([]float32, error) {
	return []float32{1, 2, 3}, e.err
}

// A table of another shape is refused by name, and what it holds is not touched.
func TestATableOfAnotherShapeIsRefusedByName(t *testing.T) {
	p := pool(t)
	ctx := t.Context()
	name := fmt.Sprintf("shape %d", tables.Add(1))
	s := table(t, p, name)
	require.NoError(t, s.Load(ctx, pages(0, nil)))
	t.Cleanup(func() { _, _ = p.Exec(context.Background(), "DROP TABLE "+pgx.Identifier{name}.Sanitize()) })
	other := func(o postgres.Options, e postgres.Embedder) *postgres.Store {
		if o.Table == "" {
			o.Table = name
		}
		s, err := postgres.New(p, e, o)
		require.NoError(t, err)
		return s
	}

	short := other(postgres.Options{Dimensions: 3}, three{})
	_, err := short.Vectors().Retrieve(ctx, pipeline.Query{Text: "harbour"})
	require.ErrorIs(t, err, postgres.ErrDimensions)
	require.ErrorIs(t, short.Load(ctx, pages(0, nil)), postgres.ErrDimensions)
	holds(t, s, many)

	for sentence, change := range map[string]string{
		"a column is missing":          "DROP COLUMN facts",
		"a column has another type":    "ALTER COLUMN facts TYPE int USING 0",
		"the IDs are not unique":       "DROP CONSTRAINT %s",
		"a column more must be filled": "ADD COLUMN tenant text NOT NULL",
		"the vectors are another type": "ALTER COLUMN embedding TYPE int USING 0",
	} {
		t.Run(sentence, func(t *testing.T) {
			shaped := fmt.Sprintf("shape %d", tables.Add(1))
			s := table(t, p, shaped)
			quoted := pgx.Identifier{shaped}.Sanitize()
			t.Cleanup(func() { _, _ = p.Exec(context.Background(), "DROP TABLE "+quoted) })
			_, err := p.Exec(ctx, "ALTER TABLE "+quoted+" "+strings.ReplaceAll(change, "%s", pgx.Identifier{shaped + "_pkey"}.Sanitize()))
			require.NoError(t, err)
			require.ErrorIs(t, s.Load(ctx, pages(0, nil)), postgres.ErrSchema)
		})
	}
}

// An index for another metric is not used for this one: the hits and their scores stay.
func TestAnIndexOfAnotherMetricChangesNoAnswer(t *testing.T) {
	p := pool(t)
	name := fmt.Sprintf("metric %d", tables.Add(1))
	s := table(t, p, name)
	t.Cleanup(func() { _, _ = p.Exec(context.Background(), "DROP TABLE "+pgx.Identifier{name}.Sanitize()) })
	require.NoError(t, s.Load(t.Context(), pages(0, nil)))
	before, err := s.Vectors().Retrieve(t.Context(), pipeline.Query{Text: page(9).Text})
	require.NoError(t, err)
	_, err = p.Exec(t.Context(), "CREATE INDEX ON "+pgx.Identifier{name}.Sanitize()+" USING hnsw (embedding vector_l2_ops)")
	require.NoError(t, err)
	after, err := s.Vectors().Retrieve(t.Context(), pipeline.Query{Text: page(9).Text})
	require.NoError(t, err)
	assert.Equal(t, before.IDs(), after.IDs())
	for i := range before.Hits {
		assert.InDelta(t, before.Hits[i].Score, after.Hits[i].Score, 1e-12)
	}
}

// A database without pgvector, without the right to make it, or that does not exist.
func TestADatabaseWithoutPgvectorIsRefusedByName(t *testing.T) {
	p := pool(t)
	ctx := t.Context()
	name := fmt.Sprintf("bare_%d_%d", time.Now().UnixNano(), tables.Add(1))
	bare := func(user, database string) *pgxpool.Pool {
		c, err := pgxpool.ParseConfig(os.Getenv("CASCADE_PGVECTOR"))
		require.NoError(t, err)
		c.ConnConfig.User, c.ConnConfig.Database = user, database
		p, err := pgxpool.NewWithConfig(ctx, c)
		require.NoError(t, err)
		return p
	}
	missing, err := postgres.New(bare("postgres", name), words{}, postgres.Options{Dimensions: dimensions})
	require.NoError(t, err)
	require.ErrorIs(t, missing.Migrate(ctx, func(string) error { return nil }), postgres.ErrSchema)

	for _, sql := range []string{"CREATE DATABASE " + name, "CREATE ROLE " + name + " LOGIN"} {
		_, err = p.Exec(ctx, sql)
		require.NoError(t, err)
	}
	admin, guest := bare("postgres", name), bare(name, name)
	t.Cleanup(func() {
		admin.Close()
		guest.Close()
		for _, sql := range []string{"DROP DATABASE " + name + " WITH (FORCE)", "DROP ROLE " + name} {
			_, err := p.Exec(context.Background(), sql)
			assert.NoError(t, err)
		}
	})
	s, err := postgres.New(guest, words{}, postgres.Options{Dimensions: dimensions, Batch: batch})
	require.NoError(t, err)
	require.ErrorIs(t, s.Migrate(ctx, func(string) error { return nil }), postgres.ErrAccess)
	owner := table(t, admin, "cascade_documents")
	require.NoError(t, owner.Load(ctx, pages(0, nil)))
	_, err = s.Text().Retrieve(ctx, pipeline.Query{Text: "harbour"})
	require.ErrorIs(t, err, postgres.ErrAccess, "of a table of somebody else")
	require.ErrorIs(t, s.Load(ctx, pages(0, nil)), postgres.ErrAccess)

	_, err = admin.Exec(ctx, "DROP EXTENSION vector CASCADE")
	require.NoError(t, err)
	_, err = owner.Vectors().Retrieve(ctx, pipeline.Query{Text: "harbour"})
	require.ErrorIs(t, err, postgres.ErrSchema)
	require.ErrorIs(t, owner.Load(ctx, pages(0, nil)), postgres.ErrSchema)
	found, err := owner.Text().Retrieve(ctx, pipeline.Query{Text: "harbour", Filter: pipeline.Eq("n", 3)})
	require.NoError(t, err, "the words need no pgvector")
	assert.Equal(t, []string{page(3).ID}, found.IDs())
}

// An embedder that fails is not the server: its error keeps its own name.
func TestAnEmbedderThatFailsIsNotTheServer(t *testing.T) {
	t.Parallel()
	s, err := postgres.New(lazy(t, "postgres://127.0.0.1:1/none"), three{context.DeadlineExceeded}, postgres.Options{Dimensions: 3})
	require.NoError(t, err)
	_, err = s.Vectors().Retrieve(t.Context(), pipeline.Query{Text: "x"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, postgres.ErrUnavailable)
	err = s.Load(t.Context(), pages(0, nil))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, postgres.ErrUnavailable)
}

// Loads of the same documents in opposite orders wait for one another in one order, and
// so do deletions: the server has no deadlock to break.
func TestLoadsOfTheSameDocumentsDoNotDeadlock(t *testing.T) {
	p := pool(t)
	name := fmt.Sprintf("same %d", tables.Add(1))
	s, err := postgres.New(p, nil, postgres.Options{Table: name, Batch: many})
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context(), func(string) error { return nil }))
	t.Cleanup(func() { _, _ = p.Exec(context.Background(), "DROP TABLE "+pgx.Identifier{name}.Sanitize()) })
	up, down := make([]pipeline.Document, many), make([]pipeline.Document, many)
	ids := make([]string, many)
	for i := range up {
		up[i], down[many-1-i], ids[many-1-i] = page(i), page(i), page(i).ID
	}
	var failed atomic.Int64
	done := make(chan struct{})
	for _, do := range []func() error{
		func() error { return s.Load(t.Context(), pipeline.Documents(up...)) },
		func() error { return s.Load(t.Context(), pipeline.Documents(down...)) },
		func() error { return s.Delete(t.Context(), ids...) },
	} {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 10 {
				if err := do(); err != nil {
					t.Log(err)
					failed.Add(1)
				}
			}
		}()
	}
	for range 3 {
		<-done
	}
	assert.Zero(t, failed.Load())
}
