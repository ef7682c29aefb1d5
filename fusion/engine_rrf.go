package fusion

import (
	"fmt"
	"strconv"

	"github.com/rankcascade/cascade/internal/nearest"
	"github.com/rankcascade/cascade/pipeline"
)

// EngineRRF is what a search engine or library computes under the name
// reciprocal rank fusion, with its own constant, width of numbers and weighting.
// No two agree: docs/fusion.md has the table. The order of equal scores is ours;
// theirs is unspecified.
type EngineRRF struct {
	// Engine is one of "elastic", "opensearch", "milvus", "infinity", "bleve",
	// "langchain", "haystack", "lancedb", "lancedb-rust", "weaviate",
	// "llamaindex", "eino", "chroma", "rank-fusion", "qdrant", "typesense".
	Engine string
	// K is the constant as the engine writes it, which is not always Cormack's; 0
	// stands for the engine's default and Zero for a true 0.
	K float64 `spec:"k"`
	// Weights has one weight for each list, where the engine knows weights; nil is
	// the engine's default.
	Weights []float64 `spec:"w"`
	// Missing is Chroma's default rank: without one it drops documents that are
	// not in all lists. Other engines add nothing for a missing document.
	Missing Missing `spec:"missing"`
	Options Options
}

// said is an argument as a parameter: a zero that was given is meant, and does not
// stand for the engine's default.
func said(k float64) float64 { return or(k, Zero) }

// ElasticRRF is Elasticsearch's rrf retriever: w·1/(k+r) in float32. Elasticsearch
// takes k from 1, 60 by default.
func ElasticRRF(k float64, weights ...float64) EngineRRF {
	return EngineRRF{Engine: "elastic", K: said(k), Weights: weights}
}

// OpenSearchRRF is OpenSearch's rrf technique: 1/(k+r) rounded half-up to ten
// decimals, in float32. k is a whole number from 1 to 10000, 60 by default. Its weights lie in [0, 1] and add up to 1.
func OpenSearchRRF(k float64, weights ...float64) EngineRRF {
	return EngineRRF{Engine: "opensearch", K: said(k), Weights: weights}
}

// QdrantRRF is Qdrant's: 1/(r/w + k - 1) in float32. k is 1 or more, 2 by default. The weight divides the
// rank, so weights (1, 2) and (2, 4) differ.
func QdrantRRF(k float64, weights ...float64) EngineRRF {
	return EngineRRF{Engine: "qdrant", K: said(k), Weights: weights}
}

// HaystackRRF is Haystack's DocumentJoiner: w·L/(61+r-1), divided by L/61 so that
// 1 is the best possible score; w is 1/L by default.
func HaystackRRF(weights ...float64) EngineRRF {
	return EngineRRF{Engine: "haystack", Weights: weights}
}

// ChromaRRF is Chroma's Rrf: w/(k+r-1) in float32, k is 60 by default; documents that are not in
// all lists are dropped. Chroma's score is the negative of ours.
func ChromaRRF(k float64, weights ...float64) EngineRRF {
	return EngineRRF{Engine: "chroma", K: said(k), Weights: weights}
}

// TypesenseRRF is Typesense's hybrid: (1-alpha)/r of the text list, whose equal
// scores share a rank, plus alpha/r of the vector list, in float32. alpha is in
// [0, 1]: at 0 the text decides alone. EngineRRF{Engine: "typesense"} has
// Typesense's default, 0.3.
func TypesenseRRF(alpha float64) EngineRRF {
	return EngineRRF{Engine: "typesense", Weights: []float64{1 - alpha, alpha}}
}

// WeaviateRanked is Weaviate's rankedFusion: w/(60+r-1) in float32.
func WeaviateRanked(weights ...float64) EngineRRF {
	return EngineRRF{Engine: "weaviate", Weights: weights}
}

// rrfForm is what distinguishes an engine.
type rrfForm struct {
	engine   string
	k        float64
	first    float64 // the first rank
	single   bool    // float32
	weights  bool    // knows weights
	usual    []float64
	times    bool // weight times reciprocal, two roundings
	drop     bool // drops what is not in all lists
	decimals bool // rounds to ten decimals
	inside   bool // divides the rank by the weight
	rescaled bool // divides by L/k
	shared   bool // each list has 1/L by default
	dense    bool // equal scores of the first list share a rank
	formula  string
	source   string
}

// rrfForms is a row for each engine; adding one adds a row.
func rrfForms() []rrfForm {
	return []rrfForm{
		{engine: "elastic", k: 60, first: 1, single: true, weights: true, times: true, formula: "w·1/(k+r), float32", source: "Elasticsearch rrf retriever"},
		{engine: "opensearch", k: 60, first: 1, single: true, weights: true, decimals: true, formula: "w·1/(k+r) to 10 decimals, float32", source: "OpenSearch neural-search rrf"},
		{engine: "milvus", k: 60, first: 1, single: true, formula: "1/(k+r), float32", source: "Milvus RRFRanker"},
		{engine: "infinity", k: 60, first: 1, single: true, formula: "1/(k+r), float32", source: "Infinity rrf"},
		{engine: "bleve", k: 60, first: 1, weights: true, times: true, formula: "w·(1/(k+r))", source: "bleve fusion/rrf.go"},
		{engine: "langchain", k: 60, first: 1, weights: true, shared: true, formula: "w/(k+r), w 1/L by default", source: "LangChain EnsembleRetriever"},
		{engine: "haystack", k: 61, first: 0, weights: true, shared: true, rescaled: true, formula: "(w·L/(k+r-1)) / (L/k)", source: "Haystack DocumentJoiner"},
		{engine: "lancedb", k: 60, first: 1, single: true, formula: "1/(k+r), float32", source: "LanceDB Python RRFReranker"},
		{engine: "lancedb-rust", k: 60, first: 0, single: true, formula: "1/(k+r-1), float32", source: "LanceDB Rust RRFReranker"},
		{engine: "weaviate", k: 60, first: 0, single: true, weights: true, formula: "w/(k+r-1), float32", source: "Weaviate rankedFusion"},
		{engine: "llamaindex", k: 60, first: 0, formula: "1/(k+r-1)", source: "LlamaIndex reciprocal_rerank"},
		{engine: "eino", k: 60, first: 0, formula: "1/(k+r-1)", source: "Eino router retriever"},
		{engine: "chroma", k: 60, first: 0, single: true, weights: true, drop: true, formula: "w/(k+r-1), float32, intersection", source: "Chroma Rrf"},
		{engine: "rank-fusion", k: 60, first: 0, single: true, weights: true, formula: "w/(k+r-1), float32", source: "rank-fusion (Rust)"},
		{engine: "qdrant", k: 2, first: 1, single: true, weights: true, inside: true, formula: "1/(r/w + k - 1), float32", source: "Qdrant reciprocal_rank_fusion.rs"},
		{engine: "typesense", k: Zero, first: 1, single: true, weights: true, usual: []float64{0.7, 0.3}, dense: true, formula: "w/r, dense text ranks, float32", source: "Typesense hybrid search"},
	}
}

func (f EngineRRF) form() (rrfForm, error) {
	var known []string
	for _, form := range rrfForms() {
		if form.engine == f.Engine {
			if f.K != 0 {
				form.k = f.K
			}
			return form, nil
		}
		known = append(known, form.engine)
	}
	return rrfForm{}, fmt.Errorf("%w: no engine %q%s", ErrConfig, f.Engine, nearest.Hint(f.Engine, known))
}

// effective fills in the engine's defaults, for printing.
func (f EngineRRF) effective() any {
	form, err := f.form()
	if err != nil {
		return f
	}
	if form.usual == nil {
		f.K = form.k
	}
	if f.Weights == nil {
		f.Weights = form.usual
	}
	return f
}

func (f EngineRRF) specName() string {
	if f.Engine == "weaviate" {
		return "weaviate-ranked"
	}
	return f.Engine + "-rrf"
}

func (f EngineRRF) check() error {
	form, err := f.form()
	switch {
	case err != nil:
		return err
	case f.K != 0 && form.usual != nil:
		return fmt.Errorf("%w: %s has no k", ErrConfig, f.Engine)
	case f.Weights != nil && !form.weights:
		return fmt.Errorf("%w: %s knows no weights", ErrConfig, f.Engine)
	case f.Missing != MissingDefault && !(form.drop && f.Missing.rank(1) > 0):
		return fmt.Errorf("%w: %s knows no missing=%s", ErrConfig, f.Engine, f.Missing)
	case f.Engine == "elastic" && form.k < 1:
		return fmt.Errorf("%w: elasticsearch takes k from 1", ErrConfig)
	case form.decimals && (form.k != float64(int(form.k)) || form.k < 1 || form.k > 10000):
		return fmt.Errorf("%w: opensearch takes whole k from 1 to 10000", ErrConfig)
	case form.inside && form.k < 1:
		return fmt.Errorf("%w: qdrant takes k from 1", ErrConfig)
	case form.decimals && f.Weights != nil && (sum(f.Weights) < 0.99 || sum(f.Weights) > 1.01):
		return fmt.Errorf("%w: opensearch's weights add up to 1", ErrConfig)
	}
	return firstError(checkPositive("k", form.k), checkWeights(f.Weights), checkOptions(f.Options, f.Missing))
}

func (f EngineRRF) facts(scales []pipeline.Scale) pipeline.Facts {
	form, err := f.form()
	weights := f.weights(form)
	if weights == nil {
		weights = make([]float64, len(scales))
		for l := range weights {
			weights[l] = form.each(len(scales))
		}
	}
	if err != nil || len(weights) == 0 {
		return pipeline.Facts{}
	}
	total := 0.0
	for _, w := range weights {
		if form.rescaled {
			w *= float64(len(weights))
		}
		_, add := form.share(1, w)
		total += add
	}
	if form.rescaled {
		total /= float64(len(weights)) / form.k
	}
	return pipeline.Facts{Max: total}
}

// weights are those that were given, else the engine's, nil for equal ones.
func (f EngineRRF) weights(form rrfForm) []float64 {
	if f.Weights == nil {
		return form.usual
	}
	return f.Weights
}

// each is the weight of a list where none is given.
func (form rrfForm) each(lists int) float64 {
	if form.shared {
		return 1 / float64(lists)
	}
	return 1
}

func (f EngineRRF) plan(w *Workspace) error {
	form, err := f.form()
	if err != nil {
		return err
	}
	weights := f.weights(form)
	r := rankwise{weights: weights, options: f.Options}
	if err := r.begin(w); err != nil {
		return err
	}
	lists := float64(len(w.lists))
	if form.single {
		w.how.rule = pipeline.Sum32
	}
	if form.rescaled {
		w.how.scale = lists / form.k
	}
	w.how.drop = form.drop && f.Missing == MissingDefault
	for l := range w.lists {
		col := &w.cols[l]
		if weights == nil {
			col.weight = form.each(len(w.lists))
		}
		f.column(col, form, w.lists[l], l, lists)
	}
	return nil
}

func (f EngineRRF) column(col *column, form rrfForm, list List, l int, lists float64) {
	n := list.Len()
	col.normalised, col.contribution = buffer(&col.a, n), buffer(&col.b, n)
	ranks := RanksOrdinal
	if form.dense && l == 0 {
		ranks = RanksDense
	}
	ranks.fill(col.normalised, list.Scores)
	weight := col.weight
	if form.rescaled {
		weight = float64(weight * lists)
	}
	for i, rank := range col.normalised {
		col.normalised[i], col.contribution[i] = form.share(rank, weight)
	}
	if rank := f.Missing.rank(n); rank > 0 {
		a := absence{given: true}
		a.normalised, a.add = form.share(float64(rank), weight)
		col.absent = a
	}
}

// share returns the reciprocal and what it adds, in the engine's width.
func (form rrfForm) share(rank, weight float64) (reciprocal, add float64) {
	x := form.k + (rank - 1 + form.first)
	switch {
	case form.decimals:
		v := tenDecimals(int(x))
		return v, float64(float32(weight) * float32(v))
	case form.inside && weight <= 0:
		return 0, 0
	case form.inside:
		v := float64(1 / (float32(rank)/float32(weight) + float32(form.k) - 1))
		return v, v
	case form.single && form.times:
		v := 1 / float32(x)
		return float64(v), float64(float32(weight) * v)
	case form.single:
		return float64(1 / float32(x)), float64(float32(weight) / float32(x))
	case form.times:
		return 1 / x, float64(weight * (1 / x))
	}
	return 1 / x, weight / x
}

// tenDecimals is 1/n rounded half-up to ten decimals and then to float32.
func tenDecimals(n int) float64 {
	const unit = 10_000_000_000
	q := (2*unit + n) / (2 * n)
	v, err := strconv.ParseFloat("0."+fmt.Sprintf("%010d", q), 32)
	if err != nil || q >= unit {
		return 1
	}
	return v
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f EngineRRF) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f EngineRRF) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f EngineRRF) String() string { return specOf(f) }
