package fusion

import (
	"fmt"
	"math"

	"github.com/rankcascade/cascade/internal/nearest"
	"github.com/rankcascade/cascade/pipeline"
)

// EngineScore is what a search engine or library computes when it fuses scores,
// with its own edge cases and width of numbers. docs/fusion.md has the table.
// The order of equal scores is ours; theirs is unspecified.
type EngineScore struct {
	// Engine is one of "weaviate-relative", "elastic-linear", "opensearch",
	// "milvus-weighted", "vespa-linear", "qdrant-dbsf", "haystack-dbsf",
	// "llamaindex-relative", "llamaindex-dist", "pyserini-hybrid", "meilisearch",
	// "redis-linear", "haystack-merge".
	Engine string
	// Weights has one weight for each list, where the engine knows weights; nil is
	// the engine's default.
	Weights []float64 `spec:"w"`
	// Norm is the normaliser by the engine's own name, where it offers a choice:
	// "none", "minmax" or "l2_norm" for elastic-linear, "min_max", "l2" or
	// "z_score" for opensearch, "none" or "normalization" for pyserini-hybrid. The
	// first is the default.
	Norm string `spec:"norm"`
	// Mean is "arithmetic_mean", "geometric_mean" or "harmonic_mean" for
	// opensearch, "sum", "max" or "avg" for milvus-weighted.
	Mean    string `spec:"mean"`
	Options Options
}

// WeaviateRelative is Weaviate's relativeScoreFusion: Σ w·minmax(s), keyword list
// first; weights are 1-alpha and alpha, in [0, 1]: at 0 the keywords decide alone.
// EngineScore{Engine: "weaviate-relative"} has Weaviate's default, 0.75.
func WeaviateRelative(alpha float64) EngineScore {
	return EngineScore{Engine: "weaviate-relative", Weights: []float64{1 - alpha, alpha}}
}

// ElasticLinear is Elasticsearch's linear retriever: Σ w·norm(s) in float32, with
// its normalizer "none", "minmax" or "l2_norm".
func ElasticLinear(normalizer string, weights ...float64) EngineScore {
	return EngineScore{Engine: "elastic-linear", Norm: normalizer, Weights: weights}
}

// OpenSearch is OpenSearch's normalization processor: technique "min_max", "l2"
// or "z_score", then the "arithmetic_mean", "geometric_mean" or "harmonic_mean",
// in float32. Its three means treat missing documents differently.
func OpenSearch(technique, mean string, weights ...float64) EngineScore {
	return EngineScore{Engine: "opensearch", Norm: technique, Mean: mean, Weights: weights}
}

// MilvusWeighted is Milvus' WeightedRanker: Σ w·f(s) in float32, where f follows
// from the list's scale: (1+s)/2 for cosines, ½+atan(s)/π for dot products,
// 2·atan(s)/π for BM25, 1-2·atan(d)/π for distances.
func MilvusWeighted(weights ...float64) EngineScore {
	return EngineScore{Engine: "milvus-weighted", Weights: weights}
}

// QdrantDBSF is Qdrant's distribution-based score fusion: Σ 3-sigma(s) in
// float32, with the sample deviation.
func QdrantDBSF() EngineScore { return EngineScore{Engine: "qdrant-dbsf"} }

// scoreForm is what distinguishes an engine.
type scoreForm struct {
	engine  string
	norms   []string // choices, the default first
	means   []string
	weights bool
	usual   []float64
	formula string
	source  string
}

func scoreForms() []scoreForm {
	return []scoreForm{
		{engine: "weaviate-relative", weights: true, usual: []float64{0.25, 0.75}, formula: "Σ w·minmax(s), float32", source: "Weaviate relativeScoreFusion"},
		{engine: "elastic-linear", weights: true, norms: []string{"none", "minmax", "l2_norm"}, formula: "Σ w·norm(s), float32", source: "Elasticsearch linear retriever"},
		{engine: "opensearch", weights: true, norms: []string{"min_max", "l2", "z_score"}, means: []string{"arithmetic_mean", "geometric_mean", "harmonic_mean"}, formula: "mean of norm(s), float32", source: "OpenSearch normalization-processor"},
		{engine: "milvus-weighted", weights: true, means: []string{"sum", "max", "avg"}, formula: "Σ w·f(s) by metric, float32", source: "Milvus WeightedRanker"},
		{engine: "vespa-linear", weights: true, formula: "Σ w·normalize_linear(s)", source: "Vespa normalize_linear"},
		{engine: "qdrant-dbsf", formula: "Σ 3-sigma(s), sample deviation, float32", source: "Qdrant DBSF"},
		{engine: "haystack-dbsf", formula: "max 3-sigma(s)", source: "Haystack distribution_based_rank_fusion"},
		{engine: "haystack-merge", weights: true, formula: "Σ w·s, w adding up to 1", source: "Haystack merge"},
		{engine: "llamaindex-relative", weights: true, formula: "Σ w·minmax(s)/L", source: "LlamaIndex relative_score"},
		{engine: "llamaindex-dist", weights: true, formula: "Σ w·3-sigma(s)/L", source: "LlamaIndex dist_based_score"},
		{engine: "pyserini-hybrid", weights: true, usual: []float64{1, 0.1}, norms: []string{"none", "normalization"}, formula: "dense + 0.1·sparse, missing the list's minimum", source: "pyserini HybridSearcher"},
		{engine: "meilisearch", weights: true, formula: "max w·s", source: "Meilisearch hybrid"},
		{engine: "redis-linear", weights: true, usual: []float64{0.3, 0.7}, formula: "Σ w·s", source: "Redis FT.HYBRID LINEAR"},
	}
}

func (f EngineScore) form() (scoreForm, error) {
	var known []string
	for _, form := range scoreForms() {
		if form.engine == f.Engine {
			return form, nil
		}
		known = append(known, form.engine)
	}
	return scoreForm{}, fmt.Errorf("%w: no engine %q%s", ErrConfig, f.Engine, nearest.Hint(f.Engine, known))
}

// effective fills in the engine's defaults, for printing.
func (f EngineScore) effective() any {
	form, err := f.form()
	if err != nil {
		return f
	}
	if f.Weights == nil {
		f.Weights = form.usual
	}
	if len(form.norms) > 0 {
		f.Norm = orText(f.Norm, form.norms[0])
	}
	if len(form.means) > 0 {
		f.Mean = orText(f.Mean, form.means[0])
	}
	return f
}

func (f EngineScore) specName() string { return f.Engine }

func (f EngineScore) check() error {
	form, err := f.form()
	if err != nil {
		return err
	}
	if f.Weights != nil && !form.weights {
		return fmt.Errorf("%w: %s knows no weights", ErrConfig, f.Engine)
	}
	return firstError(checkChoice("norm", f.Norm, form.norms), checkChoice("mean", f.Mean, form.means), f.scoring().check())
}

func checkChoice(name, chosen string, known []string) error {
	for _, k := range known {
		if chosen == k {
			return nil
		}
	}
	if chosen == "" {
		return nil
	}
	if len(known) == 0 {
		return fmt.Errorf("%w: the engine has no choice of %s", ErrConfig, name)
	}
	return fmt.Errorf("%w: %s %q is none of %q%s", ErrConfig, name, chosen, known, nearest.Hint(chosen, known))
}

// plan lets the shared code do the work and then brings weights into the width
// of the engine.
func (f EngineScore) plan(w *Workspace) error { return f.scoring().plan(w) }

func (f EngineScore) facts(scales []pipeline.Scale) pipeline.Facts {
	facts := f.scoring().facts(scales)
	facts.Linear = f.Engine == "redis-linear" || f.Engine == "haystack-merge"
	return facts
}

// scoring expresses the engine in the parts of this package.
func (f EngineScore) scoring() scoring {
	form, _ := f.form()
	s := scoring{weights: f.Weights, missing: MissingZero, options: f.Options}
	if s.weights == nil {
		s.weights = form.usual
	}
	single := scheme{rule: pipeline.Sum32}
	switch f.Engine {
	case "weaviate-relative":
		s.norm, s.scheme = engineNorm{"weaviate"}, single
	case "elastic-linear":
		s.norm, s.scheme = engineNorm{"elastic " + orText(f.Norm, "none")}, single
	case "opensearch":
		s.norm, s.scheme = engineNorm{"opensearch " + orText(f.Norm, "min_max")}, single
		s.missing = MissingIgnore
		s.scheme.assign = openSearchMean(orText(f.Mean, "arithmetic_mean"))
	case "milvus-weighted":
		s.norm, s.scheme = engineNorm{"milvus"}, single
		s = milvusMean(s, f.Mean)
	case "vespa-linear":
		s.norm = Centred{Degenerate: DegenerateHalf}
	case "qdrant-dbsf":
		s.norm, s.scheme = engineNorm{"qdrant"}, single
	case "haystack-dbsf":
		s.norm, s.scheme, s.missing = engineNorm{"haystack"}, scheme{rule: pipeline.Max}, MissingIgnore
	case "haystack-merge":
		s.norm, s.unit = None{}, true
	case "llamaindex-relative", "llamaindex-dist":
		s.norm, s.perList = engineNorm{f.Engine}, true
	case "pyserini-hybrid":
		s.norm, s.missing = Normaliser(None{}), MissingListMin
		if f.Norm == "normalization" {
			s.norm = Centred{NoOffset: true}
		}
	case "meilisearch":
		s.norm, s.scheme, s.missing = None{}, scheme{rule: pipeline.Max}, MissingIgnore
	default:
		s.norm = None{}
	}
	s.mixed = true
	return s
}

func orText(v, d string) string {
	if v == "" {
		return d
	}
	return v
}

func milvusMean(s scoring, mean string) scoring {
	switch mean {
	case "max":
		s.scheme, s.missing = scheme{rule: pipeline.Max}, MissingIgnore
	case "avg":
		s.scheme.finish, s.missing = overCount, MissingIgnore
	}
	return s
}

// openSearchMean combines in float32. The arithmetic mean counts missing and
// negative scores as 0 with their weight; the other two leave them out.
func openSearchMean(mean string) func(*Workspace) error {
	return func(w *Workspace) error {
		lists := len(w.lists)
		ranks := w.ranks()
		for slot, id := range w.cells.order {
			var total, weights float32
			for l := range lists {
				weight, s := float32(w.cols[l].weight), float32(0)
				if rank := ranks[slot*lists+l]; rank > 0 {
					s = float32(w.cols[l].normalised[rank-1])
				}
				switch {
				case mean == "arithmetic_mean":
					total += float32(max(s, 0) * weight)
					weights += weight
				case s <= 0:
				case mean == "geometric_mean":
					total += float32(weight * float32(math.Log(float64(s))))
					weights += weight
				default:
					total += weight / s
					weights += weight
				}
			}
			w.cells.table[id].acc = openSearchEnd(mean, total, weights)
		}
		return nil
	}
}

func openSearchEnd(mean string, total, weights float32) float64 {
	switch {
	case weights == 0 || total == 0 && mean == "harmonic_mean":
		return 0
	case mean == "geometric_mean":
		return float64(float32(math.Exp(float64(total / weights))))
	case mean == "harmonic_mean":
		return float64(weights / total)
	}
	return float64(total / weights)
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f EngineScore) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
	return fuse(f, inputs)
}

// Describe names the method and its effective settings.
func (f EngineScore) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f EngineScore) String() string { return specOf(f) }
