package nebius

import "strings"

// Qwen3 writes the prompt that Qwen3-Reranker was trained with around a query
// and its documents, relying on a server that puts the two together as they
// are. A server started with the model's own template does this itself; both
// together would do it twice.
//
// Text: the template of Qwen3-Reranker as vLLM publishes it
// (examples/pooling/score/template/qwen3_reranker.jinja).
type Qwen3 struct {
	// Instruction says what the query is after; empty means the model's default,
	// a web search query. Options.Instruction and InstructionKey take its place.
	Instruction string
}

const (
	qwen3Head = "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided." +
		" Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n<Instruct>: "
	qwen3Tail        = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
	qwen3Instruction = "Given a web search query, retrieve relevant passages that answer the query"
)

// query wraps the query and the instruction. Control words of the prompt that occur in a text are
// taken apart, so that a document cannot end its turn and speak in another.
func (q Qwen3) query(text, instruction string) string {
	if instruction == "" {
		instruction = qwen3Instruction
	}
	return qwen3Head + disarm(instruction) + "\n<Query>: " + disarm(text) + "\n"
}

func (q Qwen3) document(text string) string { return "<Document>: " + disarm(text) + qwen3Tail }

func disarm(text string) string { return strings.ReplaceAll(text, "<|", "< |") }

// qwen3TemplateTokens is the measured cost of the template for each pair,
// rounded down: 198 against 56 tokens for two pairs on vLLM 0.30.0.
const qwen3TemplateTokens = 71

// templateMissing reports whether the server's token count shows that a
// Qwen3-Reranker runs without its template: a pair costs far less than the
// template and its text do. Text is estimated at four bytes a token. Where the
// text is so long that the estimate's error hides the template, it reports
// false.
func templateMissing(model string, tokens, pairs, textBytes int) bool {
	if tokens <= 0 || pairs <= 0 || !strings.Contains(strings.ToLower(model), "qwen3-reranker") {
		return false
	}
	each := float64(tokens) / float64(pairs)
	text := float64(textBytes) / 4 / float64(pairs)
	return each < qwen3TemplateTokens-10 || text < 100 && each < text+qwen3TemplateTokens/2
}
