package bleve

import (
	"context"
	"math"

	index "github.com/blevesearch/bleve_index_api"
	"github.com/rankcascade/cascade/internal/okapi"
)

// checkEvery is the number of postings between two looks at the context.
const checkEvery = 4096

// term is a word of the query and how often it stands there.
type term struct {
	text  string
	count float64
}

// scoring gives documents their scores.
type scoring struct{ *Index }

// terms analyzes the query as the documents were, in the order in which the
// terms first appear: the order of summation.
func (x scoring) terms(text string) []term {
	var list []term
	at := map[string]int{}
	for _, token := range x.analyzer.query(text) {
		i, ok := at[string(token.Term)]
		if !ok {
			i = len(list)
			at[string(token.Term)] = i
			list = append(list, term{text: string(token.Term)})
		}
		list[i].count++
	}
	return list
}

// accumulate adds up the scores of all documents that have a term of the text.
func (x scoring) accumulate(ctx context.Context, reader index.IndexReader, text string, a *okapi.Sums) error {
	total, err := tokens(reader)
	if err != nil {
		return err
	}
	count, err := reader.DocCount()
	if err != nil || count == 0 {
		return err
	}
	average := float64(total) / float64(count)
	for _, t := range x.terms(text) {
		if err := x.addTerm(ctx, reader, t, float64(count), average, a); err != nil {
			return err
		}
	}
	return nil
}

func (x scoring) addTerm(ctx context.Context, reader index.IndexReader, t term, documents, average float64, a *okapi.Sums) error {
	postings, err := reader.TermFieldReader(ctx, []byte(t.text), TextField, true, true, false)
	if err != nil {
		return err
	}
	defer postings.Close()
	scores := x.formula.Term(t.count, documents, float64(postings.Count()), average)
	var posting index.TermFieldDoc
	for n := 0; ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p, err := postings.Next(posting.Reset())
		if err != nil {
			return err
		}
		if p == nil {
			return nil
		}
		// The index keeps 1/sqrt(length) in 32 bits, which names lengths below 2^22 exactly.
		length := math.Round(1 / (p.Norm * p.Norm))
		a.Add(p.ID.Value(), scores.Score(float64(p.Freq), length))
	}
}
