package qdrant

import (
	api "github.com/qdrant/go-client/qdrant"

	"github.com/rankcascade/cascade/pipeline"
)

// Options are the settings of a Retriever. The zero value searches the default
// vector of the collection for the 100 nearest points.
type Options struct {
	// Name is the retriever's name in marks, gaps and trees; empty means "qdrant".
	Name string
	// Limit is the most hits that a query returns; with Groups the most groups.
	// 0 means 100. It is always sent.
	Limit int
	// Using names the vector that the embedder's leg searches; empty means the
	// collection's default vector.
	Using string
	// Scale says what the scores of the embedder's leg mean, see Leg.Scale.
	Scale pipeline.Scale
	// Legs are further queries beside the embedder's. With more than one leg in
	// all, either Server or Fuser must be set.
	Legs []Leg
	// Server fuses the legs in Qdrant: one call, one list, and the scores of the
	// single legs are lost. The ranking's scale is Fused.
	Server *ServerFusion
	// Fuser fuses the legs here: one batch call brings a ranking for each leg, in
	// the order embedder first, then Legs. A leg that fails is an empty ranking
	// and a gap, also where the server refuses it, as it does for a vector of the
	// wrong size or name; if all fail, Retrieve does.
	Fuser pipeline.Fuser
	// Filter always holds, beside the filter of the query: the place for a
	// tenant. It takes what Query.Filter takes, see Filter.
	Filter any
	// ScoreThreshold, if set, drops hits below it in the server. It is on the
	// scale of the ranking: for Distance it is a negated distance. With a Fuser
	// set the thresholds of the legs instead. A threshold on the Fused scale
	// depends on the method, its constants and the number of legs.
	ScoreThreshold *float64
	// Groups, if set, returns the best hits of each group, see GroupsKey. It
	// cannot be combined with Fuser.
	Groups *Groups
	// Mapping says how payloads become documents.
	Mapping Mapping
	// Payload lists the payload fields to fetch; the fields of Mapping are always
	// among them. Empty means all. Ask for less where payloads are large: an
	// answer over the client's size limit is an error of KindTooLarge.
	Payload []string
	// Vectors names the stored vectors, dense or of several rows, that come with the
	// hits and are noted under VectorsKey, for diversity or late interaction here.
	// Answers grow by them: see Config.MaxReply.
	Vectors []string
	// Params tune the index for the embedder's leg: hnsw_ef, exact, quantization.
	Params *api.SearchParams
	// ReadConsistency says how many replicas must agree; nil means one.
	ReadConsistency *api.ReadConsistency
	// ShardKeys are the shards to search; empty means all. The query attribute
	// ShardKeysKey overrides it.
	ShardKeys []*api.ShardKey
}

// Method is a way in which Qdrant fuses lists.
type Method uint8

const (
	// RRF is reciprocal rank fusion in Qdrant's form: a list adds
	// 1/((position+1)/w + k - 1), position from 0, w the list's weight. Without
	// weights K = k corresponds to the literature's constant k-1. The weight
	// divides the position, so weights (1, 2) and (2, 4) differ.
	RRF Method = iota
	// DBSF is distribution-based score fusion: a list adds
	// (score - mean + 3d)/(6d), d its sample standard deviation, and 0.5 for each
	// document of a list of one or of equal scores.
	DBSF
)

// String returns "RRF" or "DBSF".
func (m Method) String() string {
	if m == DBSF {
		return "DBSF"
	}
	return "RRF"
}

// Groups asks for the best hits of each value of a payload field.
type Groups struct {
	// By is the path of the payload field, text or whole number; floats and booleans
	// form no groups. A point with several values is in several groups; its
	// document stands in the ranking once.
	By string
	// Size is the most hits of one group; 0 means 3. It is always sent.
	Size int
	// Lookup, if not empty, is a collection whose documents have the group ids as
	// their document ids, as PointID makes them: a Loader filled it, or its point
	// ids are numbers or UUIDs. Their payload is fetched into Group.Lookup. A
	// client that is a Getter looks them up in one further call; else the server
	// does, which finds numbers and UUIDs only.
	Lookup string
}

// Group is one group of a ranking, see GroupsKey.
type Group struct {
	// ID is the value of the field: a string, an int64, or a uint64 for a number
	// of 2^63 and more.
	ID any
	// Documents are the ids of the group's documents, best first.
	Documents []string
	// Lookup is the payload of the point in Groups.Lookup; nil if there is none.
	Lookup map[string]any
}

// GroupsKey is the note under which a grouped ranking carries its groups, best
// group first: groups, ok := qdrant.GroupsKey.Noted(ranking).
var GroupsKey = pipeline.NewKey[[]Group]("qdrant groups")

// ShardKeysKey is the query attribute that names the shards to search, in place
// of Options.ShardKeys: q = qdrant.ShardKeysKey.With(q, keys).
var ShardKeysKey = pipeline.NewKey[[]*api.ShardKey]("qdrant shard keys")

// OffsetKey is the query attribute for paging: the number of hits to leave out in
// front, q = qdrant.OffsetKey.With(q, 20). It is refused where the legs are fused
// here, for groups, and below 0. The marks' ranks count from the page's first hit.
var OffsetKey = pipeline.NewKey[int]("qdrant offset")

const (
	defaultLimit     = 100
	defaultGroupSize = 3
	serverRRFK       = 2 // Qdrant's own default, in force when no k is sent
)
