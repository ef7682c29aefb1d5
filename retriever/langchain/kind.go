package langchain

// Kind names a vector store of langchaingo v0.1.14, and by that what its scores
// mean and which search options it honours; Traits has the data.
type Kind uint8

// The kinds. A store that is none of them is AnyStore: its order is used, its
// scores are not, unless Options.Score declares them.
const (
	AnyStore Kind = iota
	AlloyDB
	AzureAISearch
	BedrockKnowledgeBases
	Chroma
	CloudSQL
	Dolt
	MariaDB
	Milvus
	MilvusV2
	MongoVector
	OpenSearch
	PGVector
	Pinecone
	Qdrant
	RedisVector
	Weaviate
)

var kindNames = [...]string{
	"store", "alloydb", "azureaisearch", "bedrockknowledgebases", "chroma", "cloudsql", "dolt", "mariadb", "milvus",
	"milvus/v2", "mongovector", "opensearch", "pgvector", "pinecone", "qdrant", "redisvector", "weaviate",
}

// Kinds returns every kind, AnyStore first, in a new slice.
func Kinds() []Kind {
	kinds := make([]Kind, len(kindNames))
	for i := range kinds {
		kinds[i] = Kind(i)
	}
	return kinds
}

// String returns the name of the store's package below vectorstores, "store"
// for AnyStore.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "invalid kind"
}

// Valid reports whether k is one of the constants.
func (k Kind) Valid() bool { return int(k) < len(kindNames) }

// Traits returns what is known of the store. An invalid kind has the traits of
// AnyStore.
func (k Kind) Traits() Traits {
	if !k.Valid() {
		k = AnyStore
	}
	return traits[k]
}
