package nebius

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// The attributes of a query that a Client sends in place of its own settings,
// and that a Handler reads from a request and hands to its scorer:
//
//	q := nebius.UserKey.With(pipeline.Query{Text: question}, "user-17")
//	q = nebius.TierKey.With(q, nebius.TierFlex)
//
// A rerank stage carries them to the client by itself; who calls a scorer
// directly puts them into the context with pipeline.WithQuery. A user, a tier or
// a project that the dialect does not know is not sent, which is a warning of
// kind WarnNotSent; an instruction that cannot reach the model is an error,
// because the scores would be others than those that were asked for.
var (
	// UserKey is the end user on whose behalf a query is asked: 1 to 512 bytes of
	// printable text.
	UserKey = pipeline.NewKey[string]("user")
	// TierKey is the class of service.
	TierKey = pipeline.NewKey[ServiceTier]("service_tier")
	// ProjectKey is the project that is billed, 1 to 512 bytes of printable text.
	ProjectKey = pipeline.NewKey[string](projectName)
	// InstructionKey is what the model is told to look for, at most 8 KiB; it is
	// reranker.InstructionKey. An empty one takes the client's back.
	InstructionKey = reranker.InstructionKey
	// DocumentTokensKey is the most tokens of a document that are scored; 0 takes
	// the client's bound back.
	DocumentTokensKey = pipeline.NewKey[int]("max_tokens_per_doc")
)

// The warnings of a Client, beside those of package reranker.
const (
	// WarnNotSent says that an attribute of the query was not sent, because the
	// dialect does not know it.
	WarnNotSent reranker.WarningKind = "not_sent"
	// WarnIncomplete says that an answer lacks an id, a model or a usage that the
	// dialect promises.
	WarnIncomplete reranker.WarningKind = "incomplete_answer"
	// WarnTruncated says that documents were cut to the most tokens allowed.
	WarnTruncated reranker.WarningKind = "truncated"
)

// The words of servers for the side of a document that is cut away.
const (
	sideEnd   = "right"
	sideFront = "left"
)

// sideOf is the word for how documents are cut.
func sideOf(t reranker.Truncation) string {
	if t.Front {
		return sideFront
	}
	return sideEnd
}

// asked is what one call asks for beside query and documents.
type asked struct {
	user, project, instruction string
	tier                       ServiceTier
	tokens                     int // most tokens of a document, 0 for all
}

const (
	maxName        = 512
	maxInstruction = 8 << 10
)

// attributeError says which attribute of a query is not allowed, and why.
type attributeError struct{ name, said string }

// Error says why.
func (e *attributeError) Error() string { return e.said }

func wrong(name, format string, args ...any) error {
	return &attributeError{name: name, said: fmt.Sprintf(format, args...)}
}

// checkName checks what names a user or a project.
func checkName(what, name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return wrong(what, "attribute %s is empty; leave it out", what)
	case len(name) > maxName:
		return wrong(what, "attribute %s has %d bytes; the most is %d", what, len(name), maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return wrong(what, "attribute %s holds a control character or bad UTF-8", what)
	}
	return nil
}

func checkInstruction(text string) error {
	if len(text) > maxInstruction {
		return wrong(InstructionKey.String(), "attribute instruction has %d bytes; the most is %d", len(text), maxInstruction)
	}
	return nil
}

func checkTokens(n int) error {
	if n < 0 {
		return wrong(DocumentTokensKey.String(), "attribute max_tokens_per_doc is %d; it must be positive", n)
	}
	return nil
}

// fit takes out what the dialect does not know and returns the names of it.
func (a *asked) fit(w Wire, o Options) (missing []string, err error) {
	if a.user != "" && !w.User {
		a.user, missing = "", append(missing, UserKey.String())
	}
	if a.tier != "" && !w.ServiceTier {
		a.tier, missing = "", append(missing, TierKey.String())
	}
	if a.project != "" && !w.Project && o.ProjectID == "" {
		a.project, missing = "", append(missing, ProjectKey.String())
	}
	if a.instruction != "" && w.InstructionKey == "" && o.Qwen3 == nil {
		return missing, wrong(InstructionKey.String(), "dialect %q has no member for an instruction: use a dialect that has one (vllm, litellm, siliconflow, deepinfra, dashscope, sglang), or set Qwen3 for a Qwen3 reranker that runs without its template", string(or(o.Dialect, Nebius)))
	}
	return missing, nil
}

// settings lists what is asked for, for reports.
func (a asked) settings() []pipeline.Setting {
	var s []pipeline.Setting
	for _, one := range []pipeline.Setting{
		{Name: UserKey.String(), Value: a.user}, {Name: TierKey.String(), Value: string(a.tier)},
		{Name: ProjectKey.String(), Value: a.project}, {Name: InstructionKey.String(), Value: a.instruction},
		{Name: DocumentTokensKey.String(), Value: strconv.Itoa(a.tokens)},
	} {
		if one.Value != "" && one.Value != "0" {
			s = append(s, one)
		}
	}
	return s
}

// serverCuts reports whether the server truncates documents by itself when it
// is told the number of tokens.
func serverCuts(w Wire, side string) bool {
	return w.DocumentTokensKey != "" && (side == sideEnd || w.SideKey != "")
}

// variantOf is the part of Variant that is the same for all queries. The user,
// the tier and the project change no score.
func variantOf(w Wire, model string, o Options) string {
	parts := []string{string(o.Dialect), model, w.Scale.String(), o.instruction(), strconv.Itoa(o.Truncation.Tokens), sideOf(o.Truncation)}
	if o.Qwen3 != nil {
		parts = append(parts, "qwen3")
	}
	fixed := slices.Clone(w.Fixed)
	for _, name := range sortedKeys(o.Extra) {
		value, _ := extraJSON(o.Extra[name])
		fixed = append(fixed, Field{Name: name, JSON: string(value)})
	}
	for _, f := range fixed {
		parts = append(parts, f.Name+"="+f.JSON)
	}
	return strings.Join(parts, "\x00")
}
