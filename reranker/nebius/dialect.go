package nebius

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
)

// Dialect names the words that a rerank server understands. The empty Dialect
// is Nebius.
type Dialect string

// The dialects.
const (
	Nebius      Dialect = "nebius"
	CohereV1    Dialect = "cohere-v1"
	CohereV2    Dialect = "cohere"
	Jina        Dialect = "jina"
	Voyage      Dialect = "voyage"
	VLLM        Dialect = "vllm"
	TEI         Dialect = "tei"
	LlamaCpp    Dialect = "llama.cpp"
	Infinity    Dialect = "infinity"
	NIM         Dialect = "nim"
	Together    Dialect = "together"
	DeepInfra   Dialect = "deepinfra"
	SiliconFlow Dialect = "siliconflow"
	Mixedbread  Dialect = "mixedbread"
	Pinecone    Dialect = "pinecone"
	LiteLLM     Dialect = "litellm"
	DashScope   Dialect = "dashscope"
	SGLang      Dialect = "sglang"
)

// Shape is the form of a text in a request.
type Shape uint8

// The shapes.
const (
	Plain   Shape = iota // "text"
	Object               // {"text": "text"}
	ForEach              // a list with the text once for each document (queries only)
)

// Account is the form in which an answer tells its cost.
type Account uint8

// The forms.
const (
	// UsageTokens has usage with prompt_tokens and total_tokens, and the model.
	UsageTokens Account = iota
	// MetaUnits has meta with billed_units and tokens, as Cohere.
	MetaUnits
	// Untold tells nothing.
	Untold
)

// Field is a member of every request, its value in JSON.
type Field struct{ Name, JSON string }

// Wire is one row of the table of dialects: everything that differs between
// rerank servers. It is plain data; a server that is not in the table is
// described by a Wire of its own, see Options.Wire.
type Wire struct {
	// Path is the route on a host, with {model} where the model's name stands.
	Path string
	// Models is the route that lists models; empty if there is none.
	Models string
	// ModelKey, QueryKey and DocumentsKey name the members of a request; an empty
	// ModelKey leaves the model out.
	ModelKey, QueryKey, DocumentsKey string
	// Query and Document are the forms of the texts.
	Query, Document Shape
	// Fixed are members that every request has, such as one that switches off
	// the echo of documents.
	Fixed []Field
	// User and ServiceTier say that the server knows these members, Project that
	// it knows ai_project_id in the query of the URL.
	User, ServiceTier, Project bool
	// InstructionKey names the member for the task that the model is told; empty
	// if the server has none.
	InstructionKey string
	// DocumentTokensKey names the member for the most tokens of a document, and
	// SideKey the one for the side that is cut away, "left" or "right"; empty where
	// the server has none.
	DocumentTokensKey, SideKey string
	// TopKey and EchoSwitch name the members that bound the number of results and
	// that switch the echo of documents, which is on by default unless EchoOff is
	// set. The client sends neither; a Handler honours them.
	TopKey, EchoSwitch string
	EchoOff            bool
	// Accepted are members that callers send and that a Handler takes with this one
	// value only, because another would ask for what it does not do.
	Accepted []Field
	// Complete says that an answer always has an id, a model and a usage; one that
	// lacks them is used, with a warning.
	Complete bool
	// Envelope is the member of the answer that holds the list of results; empty
	// means that the answer is the list itself.
	Envelope string
	// IndexKey and ScoreKey name the members of a result; an empty IndexKey means
	// that the list holds bare scores in the order of the documents.
	IndexKey, ScoreKey string
	// EchoKey names the member that repeats the document, a string or an object
	// with a text, and Echo the form that a Handler gives it; empty if the server
	// never does.
	EchoKey string
	Echo    Shape
	// Account says how the answer tells what it cost, for a Handler; a client looks
	// in every known place. ErrorKey names the member of a refusal that says why.
	Account  Account
	ErrorKey string
	// KeyHeader and KeyPrefix say how the key is sent; an empty KeyHeader means
	// "Authorization: Bearer".
	KeyHeader, KeyPrefix string
	// Header is sent with every request, as names and values.
	Header []Field
	// Scale is what the scores mean; Unknown where the server does not promise.
	Scale pipeline.Scale
	// MaxDocuments is the most documents that one call may have, MaxTokens the
	// most tokens (the query counted for each document) and MaxPairTokens the most
	// for the query and one document; 0 where no limit is known. The client does
	// not enforce them: a scheduler that packs calls reads them.
	MaxDocuments, MaxTokens, MaxPairTokens int
	// UnitDocuments is how many documents the vendor bills as one unit; 0 where it
	// bills tokens. An answer that names its units is believed instead.
	UnitDocuments int
}

// openAI is the row that most servers vary.
func openAI(scale pipeline.Scale) Wire {
	return Wire{
		Path: "/v1/rerank", Models: "/v1/models",
		ModelKey: "model", QueryKey: "query", DocumentsKey: "documents",
		Envelope: "results", IndexKey: "index", ScoreKey: "relevance_score", EchoKey: "document", Echo: Object,
		TopKey: "top_n", ErrorKey: "detail", Scale: scale,
	}
}

func vary(w Wire, change func(*Wire)) Wire {
	change(&w)
	return w
}

type row struct {
	name Dialect
	wire Wire
}

// table has the facts of every dialect, from the servers' documentation or
// source as of October 2026.
func table() []row {
	probability, unknown := openAI(pipeline.Probability), openAI(pipeline.Unknown)
	return append(firstRows(probability, unknown), otherRows(probability, unknown)...)
}

// withoutEcho switches off the echo of servers that repeat documents otherwise.
func withoutEcho() []Field { return []Field{{"return_documents", "false"}} }

func firstRows(probability, unknown Wire) []row {
	return []row{
		{Nebius, vary(probability, func(w *Wire) {
			w.User, w.ServiceTier, w.Project, w.Complete, w.MaxPairTokens, w.TopKey = true, true, true, true, 40960, ""
		})},
		{CohereV1, vary(probability, func(w *Wire) {
			w.MaxDocuments, w.UnitDocuments, w.EchoSwitch, w.EchoOff, w.Account, w.ErrorKey = 1000, 100, "return_documents", true, MetaUnits, "message"
		})},
		{CohereV2, vary(probability, func(w *Wire) {
			w.Path, w.EchoKey, w.MaxDocuments, w.UnitDocuments = "/v2/rerank", "", 1000, 100
			w.DocumentTokensKey, w.Account, w.ErrorKey = "max_tokens_per_doc", MetaUnits, "message"
		})},
		{Jina, vary(probability, func(w *Wire) { w.Models, w.Fixed, w.EchoSwitch = "", withoutEcho(), "return_documents" })},
		{Voyage, vary(unknown, func(w *Wire) {
			w.Models, w.Envelope, w.MaxDocuments, w.MaxTokens, w.MaxPairTokens = "", "data", 1000, 600_000, 32_000
			w.TopKey, w.Echo, w.EchoSwitch, w.EchoOff = "top_k", Plain, "return_documents", true
		})},
		{VLLM, vary(probability, followsInstructions)},
		{TEI, vary(probability, func(w *Wire) {
			w.Path, w.Models, w.ModelKey, w.DocumentsKey, w.TopKey = "/rerank", "/info", "", "texts", ""
			w.Envelope, w.ScoreKey, w.EchoKey, w.MaxDocuments = "", "score", "text", 32
			w.Echo, w.EchoSwitch, w.EchoOff, w.Account, w.ErrorKey = Plain, "return_text", true, Untold, "error"
			w.Accepted = []Field{{"raw_scores", "false"}, {"truncate", "false"}}
		})},
		{LlamaCpp, vary(openAI(pipeline.Logit), func(w *Wire) { w.EchoKey = "" })},
	}
}

func otherRows(probability, unknown Wire) []row {
	return []row{
		{Infinity, vary(probability, func(w *Wire) {
			w.Path, w.Models, w.MaxDocuments, w.Echo, w.EchoSwitch, w.EchoOff = "/rerank", "/models", 2048, Plain, "return_documents", true
		})},
		{NIM, vary(openAI(pipeline.Logit), func(w *Wire) {
			w.Path, w.DocumentsKey, w.Query, w.Document, w.TopKey = "/v1/ranking", "passages", Object, Object, ""
			w.Envelope, w.ScoreKey, w.EchoKey, w.MaxDocuments = "rankings", "logit", "", 512
		})},
		{Together, vary(probability, func(w *Wire) { w.EchoSwitch = "return_documents" })},
		{DeepInfra, vary(unknown, func(w *Wire) {
			w.Path, w.Models, w.ModelKey, w.QueryKey, w.Query, w.TopKey = "/v1/inference/{model}", "", "", "queries", ForEach, ""
			w.Envelope, w.IndexKey, w.ScoreKey, w.EchoKey, w.InstructionKey = "scores", "", "", "", "instruction"
		})},
		{SiliconFlow, vary(probability, func(w *Wire) {
			w.Fixed, w.InstructionKey, w.EchoSwitch, w.EchoOff = withoutEcho(), "instruction", "return_documents", true
		})},
		{Mixedbread, vary(unknown, func(w *Wire) {
			w.Path, w.Models, w.DocumentsKey, w.Envelope, w.ScoreKey, w.EchoKey = "/v1/reranking", "", "input", "data", "score", "input"
			w.TopKey, w.Echo, w.EchoSwitch, w.EchoOff = "top_k", Plain, "return_input", true
		})},
		{Pinecone, vary(probability, func(w *Wire) {
			w.Path, w.Models, w.Document, w.Fixed, w.UnitDocuments = "/rerank", "", Object, withoutEcho(), 100
			w.Envelope, w.ScoreKey, w.KeyHeader, w.EchoSwitch = "data", "score", "Api-Key", "return_documents"
			w.Header = []Field{{"X-Pinecone-Api-Version", "2025-04"}}
		})},
		{LiteLLM, vary(unknown, func(w *Wire) {
			followsInstructions(w)
			w.EchoSwitch, w.Account = "return_documents", MetaUnits
		})},
		{DashScope, vary(probability, func(w *Wire) {
			w.Path, w.Models, w.InstructionKey, w.MaxDocuments = "/compatible-api/v1/reranks", "", "instruct", 500
		})},
		{SGLang, vary(probability, func(w *Wire) {
			w.InstructionKey, w.Envelope, w.ScoreKey, w.Echo, w.EchoSwitch = "instruct", "", "score", Plain, "return_documents"
		})},
	}
}

// followsInstructions adds what vLLM has beside the usual members, and LiteLLM
// passes on to it.
func followsInstructions(w *Wire) {
	w.InstructionKey, w.DocumentTokensKey, w.SideKey = "instruction", "max_tokens_per_doc", "truncation_side"
}

// Dialects returns the names of all dialects, Nebius first.
func Dialects() []Dialect {
	var names []Dialect
	for _, r := range table() {
		names = append(names, r.name)
	}
	return names
}

// Wire returns the row of the table, a copy that may be changed and given to
// Options.Wire. A name that is not in the table is an error that lists those
// that are.
func (d Dialect) Wire() (Wire, error) {
	if d == "" {
		d = Nebius
	}
	for _, r := range table() {
		if r.name == d {
			return r.wire, nil
		}
	}
	return Wire{}, fmt.Errorf("dialect %q is not known; known are %s", string(d), listed(Dialects()))
}

func listed[S ~string](names []S) string {
	var b strings.Builder
	for i, n := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(n))
	}
	return b.String()
}

// unitsOf returns how many units a call with the documents is billed as.
func (w Wire) unitsOf(documents int) int {
	if w.UnitDocuments == 0 {
		return 0
	}
	return (documents + w.UnitDocuments - 1) / w.UnitDocuments
}

// bare reports whether the list of an answer holds bare scores.
func (w Wire) bare() bool { return w.IndexKey == "" }

func (w Wire) check() error {
	switch {
	case !strings.HasPrefix(w.Path, "/"):
		return fmt.Errorf("the wire's Path %q does not begin with a slash", w.Path)
	case w.QueryKey == "" || w.DocumentsKey == "":
		return fmt.Errorf("the wire needs a QueryKey and a DocumentsKey")
	case w.IndexKey != "" && w.ScoreKey == "":
		return fmt.Errorf("the wire has an IndexKey and needs a ScoreKey")
	}
	return nil
}

// core returns the members that a request may have by itself.
func (w Wire) core() []string {
	names := []string{"model", "query", "documents", "user", "service_tier", w.ModelKey, w.QueryKey, w.DocumentsKey, w.InstructionKey, w.DocumentTokensKey, w.SideKey}
	for _, f := range w.Fixed {
		names = append(names, f.Name)
	}
	return slices.DeleteFunc(names, func(n string) bool { return n == "" })
}
