package langchain

import (
	"math"

	"github.com/rankcascade/cascade/pipeline"
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

// Traits returns what is known of the store. An invalid kind has the traits of
// AnyStore.
func (k Kind) Traits() Traits {
	if !k.Valid() {
		k = AnyStore
	}
	return traits[k]
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
