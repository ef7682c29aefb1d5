// Package postgres retrieves from one PostgreSQL database that holds everything:
// the texts with their full-text index, the vectors of pgvector, and the metadata
// that filters read.
//
//	store, err := postgres.New(pool, embedder, postgres.Options{Dimensions: 384})
//	if err != nil {
//		return err
//	}
//	err = store.Migrate(ctx, func(statement string) error { fmt.Println(statement); return nil })
//	err = store.Load(ctx, documents)
//	search := store.Hybrid(fusion.RRF{}) // or store.Text() or store.Vectors()
//	ranking, err := search.Retrieve(ctx, pipeline.Query{Text: "how is bread baked?"})
//
// Text is found by the words of a text search configuration and scored by ts_rank
// or ts_rank_cd, which count words in the one document and know neither how rare a
// word is in the collection nor BM25. Vectors are compared exactly, without an
// index; an index of pgvector that the program makes is used and is approximate. A
// hybrid asks for both and fuses here, so that every score stays in the marks.
//
// A pipeline.Filter is decided in the database before the limit, exactly: what a
// filter can ask of a document is written beside it when it is loaded, and all
// values reach the server as parameters. The package opens no connection of its
// own; pool and its settings are the program's. Nothing is repeated here: after a
// restart of the server, a call that gets a connection from before is
// ErrUnavailable, and the next one gets a new connection.
package postgres
