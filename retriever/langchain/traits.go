package langchain

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/tmc/langchaingo/vectorstores"
)

// ScorePolicy says what a document's Score is good for.
type ScorePolicy uint8

const (
	// ScoreByKind takes the policy from the store's Kind.
	ScoreByKind ScorePolicy = iota
	// ScoreHigherIsBetter uses the score as it is.
	ScoreHigherIsBetter
	// ScoreIsDistance uses the negated score, so that nearer is higher.
	ScoreIsDistance
	// IgnoreScore uses the order alone: the score of a hit is 1/rank.
	IgnoreScore
)

var policyNames = [...]string{"by kind", "higher is better", "distance", "ignored"}

// String returns the policy in words.
func (p ScorePolicy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return "invalid score policy"
}

// Threshold says what a store makes of vectorstores.WithScoreThreshold. Zero
// always means that there is none.
type Threshold uint8

const (
	// ThresholdAny is handed on unchecked, because the store is not known.
	ThresholdAny Threshold = iota
	// ThresholdUnit must lie in (0, 1]; documents with a lower score are left out.
	ThresholdUnit
	// ThresholdRaw must be positive and is compared with the score as the store
	// has it. In Milvus it is a radius: with L2, the default, a largest distance.
	ThresholdRaw
	// ThresholdComplement must lie in (0, 1); documents at a distance above
	// 1 - threshold are left out.
	ThresholdComplement
	// ThresholdIgnored has no effect in the store and is refused here.
	ThresholdIgnored
)

// Traits is what there is to know about the store of a Kind. It was read in the
// source of langchaingo v0.1.14.
type Traits struct {
	// Holds says in words what the store puts into Document.Score.
	Holds string
	// Score is the direction of that number, and Scale the scale that a ranking
	// made of it has.
	Score ScorePolicy
	Scale pipeline.Scale
	// Low and High bound Document.Score as the store returns it; infinite where
	// there is no bound.
	Low, High float64
	// ZeroIsAbsent says that a score of 0 stands for no score.
	ZeroIsAbsent bool
	// Filter is the type of filter that the store takes.
	Filter Filter
	// Threshold is what the store makes of a score threshold.
	Threshold Threshold
	// NameSpace, Embedder and Limit say whether the store honours the search
	// options of those names, and numDocuments. A store that ignores
	// numDocuments returns as many documents as it was built for.
	NameSpace, Embedder, Limit bool
	// Pasted lists the characters that end a string in the SQL statement into
	// which the store formats filters and name space. Both are refused if they
	// hold one. Empty if the store does no such thing, or cannot be protected.
	Pasted string
	// IDKey is the metadata key under which the store gives back the ids that its
	// AddDocuments returned, or that it was given; empty if it keeps them to itself.
	IDKey string
	// Conditions are what the store can do of a pipeline.Filter; a filter with
	// others is refused or, under Options.OverFetch, decided after retrieval. A
	// condition may be refused for its path or its values.
	Conditions []pipeline.ConditionOp
}

// check returns an error that says what to pass if the store of these traits
// cannot honour the filter.
func (t Traits) check(filter any) error {
	if !t.Filter.takes(filter) {
		if t.Filter == FilterNone {
			return fmt.Errorf("filter of type %T: %w: the store ignores filters", filter, ErrOption)
		}
		return fmt.Errorf("filter of type %T: %w: the store takes %v", filter, ErrOption, t.Filter)
	}
	if t.Filter == FilterEquality {
		return t.checkEquality(filter.(map[string]any))
	}
	return nil
}

// checkEquality goes through the keys in order, so that the error is the same
// on every run.
func (t Traits) checkEquality(filter map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(filter)) {
		value, ok := filter[key].(string)
		if !ok {
			return fmt.Errorf("filter value of type %T: %w: the store compares text, pass a string", filter[key], ErrOption)
		}
		if t.breaksOut(key) || t.breaksOut(value) {
			return fmt.Errorf("filter: %w: the store pastes keys and values into SQL, none of %s may stand in them", ErrOption, t.Pasted)
		}
	}
	return nil
}

// breaksOut reports whether text could end the SQL string that it is pasted
// into. NUL is in no text that these databases store.
func (t Traits) breaksOut(text string) bool {
	return t.Pasted != "" && strings.ContainsAny(text, t.Pasted+"\x00")
}

// checkOptions refuses what a store of these traits would not honour, because
// it would ignore it in silence.
func (t Traits) checkOptions(o vectorstores.Options) error {
	if o.Deduplicater != nil {
		return fmt.Errorf("WithDeduplicater: %w: it belongs to adding documents", ErrOption)
	}
	if o.NameSpace != "" && !t.NameSpace {
		return fmt.Errorf("WithNameSpace: %w: the store ignores it", ErrOption)
	}
	if t.breaksOut(o.NameSpace) {
		return fmt.Errorf("WithNameSpace: %w: the store pastes it into SQL, none of %s may stand in it", ErrOption, t.Pasted)
	}
	if o.Embedder != nil && !t.Embedder {
		return fmt.Errorf("WithEmbedder: %w: the store ignores it", ErrOption)
	}
	if err := t.checkThreshold(o.ScoreThreshold); err != nil {
		return err
	}
	if o.Filters != nil {
		return t.check(o.Filters)
	}
	return nil
}

func (t Traits) checkThreshold(v float32) error {
	if v == 0 {
		return nil
	}
	wants := ""
	switch t.Threshold {
	case ThresholdUnit:
		if !(v > 0 && v <= 1) {
			wants = "it must lie in (0, 1]"
		}
	case ThresholdComplement:
		if !(v > 0 && v < 1) {
			wants = "it must lie in (0, 1)"
		}
	case ThresholdRaw:
		if !(v > 0) {
			wants = "it must be positive"
		}
	case ThresholdIgnored:
		wants = "the store ignores it"
	}
	if wants == "" {
		return nil
	}
	return fmt.Errorf("WithScoreThreshold(%v): %w: %s", v, ErrOption, wants)
}

const (
	rankOnly  = pipeline.RankOnly
	cosine    = pipeline.Cosine
	unbounded = pipeline.Unbounded
	distance  = pipeline.Distance
)

var inf = math.Inf(1)

// What stores can do of a pipeline.Filter. Those with equality alone take several
// keys, each once, and texts and booleans; a list is one text to them.
var (
	equalityConditions = []pipeline.ConditionOp{pipeline.ConditionEq, pipeline.ConditionAnd}
	operatorConditions = []pipeline.ConditionOp{
		pipeline.ConditionEq, pipeline.ConditionIn, pipeline.ConditionRange, pipeline.ConditionAnd, pipeline.ConditionOr,
	}
	qdrantConditions = []pipeline.ConditionOp{
		pipeline.ConditionEq, pipeline.ConditionIn, pipeline.ConditionRange, pipeline.ConditionExists,
		pipeline.ConditionAnd, pipeline.ConditionOr, pipeline.ConditionNot,
	}
)

// traits is a table and never written to.
var traits = [...]Traits{
	AnyStore: {
		Holds: "unknown", Score: IgnoreScore, Scale: rankOnly, Low: -inf, High: inf,
		Filter: FilterAny, Threshold: ThresholdAny, NameSpace: true, Embedder: true, Limit: true,
	},
	AlloyDB: {
		Holds: "distance, by default of cosine", Score: ScoreIsDistance, Scale: distance, Low: 0, High: inf,
		Filter: FilterSQL, Threshold: ThresholdIgnored, IDKey: "id",
	},
	AzureAISearch: {
		Holds: "search score", Score: ScoreHigherIsBetter, Scale: unbounded, Low: -inf, High: inf,
		Filter: FilterString, Threshold: ThresholdRaw, NameSpace: true, Limit: true,
	},
	BedrockKnowledgeBases: {
		Holds: "service score", Score: ScoreHigherIsBetter, Scale: unbounded, Low: -inf, High: inf,
		Filter: FilterBedrock, Threshold: ThresholdRaw, Limit: true,
	},
	Chroma: {
		Holds: "1 - distance, by default of squared L2", Score: ScoreHigherIsBetter, Scale: unbounded, Low: -inf, High: inf,
		Filter: FilterMap, Threshold: ThresholdUnit, NameSpace: true, Limit: true, Conditions: operatorConditions,
	},
	CloudSQL: {
		Holds: "distance, by default of cosine", Score: ScoreIsDistance, Scale: distance, Low: 0, High: inf,
		Filter: FilterSQL, Threshold: ThresholdIgnored, IDKey: "id",
	},
	Dolt: {
		Holds: "1 - squared L2 distance", Score: ScoreHigherIsBetter, Scale: unbounded, Low: -inf, High: 1,
		Filter: FilterEquality, Threshold: ThresholdUnit, NameSpace: true, Embedder: true, Limit: true, Pasted: `'\`, Conditions: equalityConditions,
	},
	MariaDB: {
		Holds: "1 - cosine distance", Score: ScoreHigherIsBetter, Scale: cosine, Low: -1, High: 1,
		Filter: FilterEquality, Threshold: ThresholdUnit, NameSpace: true, Embedder: true, Limit: true, Pasted: `'\`, Conditions: equalityConditions,
	},
	Milvus: {
		Holds: "raw metric, by default L2", Score: ScoreIsDistance, Scale: distance, Low: 0, High: inf,
		Filter: FilterString, Threshold: ThresholdRaw, Limit: true,
	},
	MilvusV2: {
		Holds: "raw metric, by default L2", Score: ScoreIsDistance, Scale: distance, Low: 0, High: inf,
		Filter: FilterString, Threshold: ThresholdRaw, Limit: true,
	},
	MongoVector: {
		Holds: "vectorSearchScore", Score: ScoreHigherIsBetter, Scale: unbounded, Low: 0, High: 1,
		Filter: FilterBSON, Threshold: ThresholdUnit, NameSpace: true, Embedder: true, Limit: true, Conditions: operatorConditions,
	},
	OpenSearch: {
		Holds: "_score", Score: ScoreHigherIsBetter, Scale: unbounded, Low: -inf, High: inf,
		Filter: FilterNone, Threshold: ThresholdRaw, NameSpace: true, Limit: true,
	},
	PGVector: {
		Holds: "1 - cosine distance", Score: ScoreHigherIsBetter, Scale: cosine, Low: -1, High: 1,
		Filter: FilterEquality, Threshold: ThresholdUnit, NameSpace: true, Embedder: true, Limit: true, Pasted: `'`, Conditions: equalityConditions,
	},
	Pinecone: {
		Holds: "service score of the index metric", Score: ScoreHigherIsBetter, Scale: unbounded, Low: -inf, High: inf,
		Filter: FilterJSON, Threshold: ThresholdUnit, NameSpace: true, Limit: true, Conditions: operatorConditions,
	},
	Qdrant: { // the direction depends on the collection's metric, which the store does not tell
		Holds: "server score of the collection's metric", Score: IgnoreScore, Scale: rankOnly, Low: -inf, High: inf,
		Filter: FilterJSON, Threshold: ThresholdUnit, Limit: true, IDKey: "_id", Conditions: qdrantConditions,
	},
	RedisVector: {
		Holds: "distance, by default of cosine", Score: ScoreIsDistance, Scale: distance, Low: 0, High: inf,
		Filter: FilterString, Threshold: ThresholdComplement, Embedder: true, Limit: true, IDKey: "id",
	},
	Weaviate: {
		Holds: "certainty, 0 when absent", Score: ScoreHigherIsBetter, Scale: unbounded, Low: 0, High: 1, ZeroIsAbsent: true,
		Filter: FilterWhere, Threshold: ThresholdUnit, NameSpace: true, Embedder: true, Limit: true,
	},
}
