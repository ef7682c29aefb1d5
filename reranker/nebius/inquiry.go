package nebius

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// inquiry is a checked rerank request.
type inquiry struct {
	face      *face
	model     string
	query     string
	documents []string
	topN      int  // 0 means all
	echo      bool // repeat the documents
	asked     asked
	tierSet   bool
	sent      map[role]string // the names that the members had
}

// place says where an attribute stood in the request.
func (in *inquiry) place(attribute string) []any {
	switch attribute {
	case projectName:
		return []any{"query", projectName}
	case InstructionKey.String():
		attribute = firstOf(in.sent[instructionRole], attribute)
	case DocumentTokensKey.String():
		attribute = firstOf(in.sent[tokensRole], attribute)
	}
	return []any{"body", attribute}
}

// context returns ctx with the attributes that may pass to the scorer.
func (in *inquiry) context(ctx context.Context, may func(name string) bool) context.Context {
	var q pipeline.Query
	if a := in.asked.user; a != "" && may(UserKey.String()) {
		q = UserKey.With(q, a)
	}
	if in.tierSet && may(TierKey.String()) {
		q = TierKey.With(q, in.asked.tier)
	}
	if a := in.asked.project; a != "" && may(ProjectKey.String()) {
		q = ProjectKey.With(q, a)
	}
	if a := in.asked.instruction; a != "" && may(InstructionKey.String()) {
		q = InstructionKey.With(q, a)
	}
	if a := in.asked.tokens; a > 0 && may(DocumentTokensKey.String()) {
		q = DocumentTokensKey.With(q, a)
	}
	return pipeline.WithQuery(ctx, q)
}

// withheld returns the names of what was asked for and may not pass to the scorer,
// of those attributes that change no score.
func (in *inquiry) withheld(may func(name string) bool) (names []string) {
	for name, asked := range map[string]bool{UserKey.String(): in.asked.user != "", TierKey.String(): in.tierSet, ProjectKey.String(): in.asked.project != ""} {
		if asked && !may(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// fault is one entry of a validation error. It has no input member: that would
// repeat what was sent.
type fault struct {
	Type string `json:"type"`
	Loc  []any  `json:"loc"`
	Msg  string `json:"msg"`
}

// maxFaults is the most faults that are told of one request.
const maxFaults = 20

// errEnough ends the reading of a request that is refused whatever follows.
var errEnough = errors.New("refused")

// bounds are what a request may hold.
type bounds struct {
	documents int
	query     int   // bytes
	text      int64 // bytes of one document
}

// reader reads a request while it arrives and collects what is wrong with it.
type reader struct {
	intake *intake
	at     []*face
	bounds bounds
	in     inquiry
	names  []string // of all members that are known
	echo   *bool
	faults []fault
}

func newReader(s *intake, at []*face, b bounds) *reader {
	return &reader{intake: s, at: at, bounds: b, in: inquiry{face: at[0], sent: map[role]string{}}}
}

func (r *reader) fault(kind, msg string, loc ...any) {
	r.about(kind, msg, append([]any{"body"}, loc...)...)
}

// about notes a fault of another place than the body.
func (r *reader) about(kind, msg string, loc ...any) {
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, fault{Type: kind, Loc: loc, Msg: msg})
	}
}

// read reads the whole request. An error is about the stream or its syntax;
// everything else is in the faults.
func (r *reader) read() error {
	if first := r.intake.peek(); first != '{' {
		if first == 0 {
			return r.intake.failed()
		}
		if _, err := r.intake.skip(0); err != nil {
			return err
		}
		r.faults = append(r.faults, fault{Type: "model_attributes_type", Loc: []any{"body"}, Msg: "Input should be a valid dictionary or object to extract fields from"})
		return r.intake.close()
	}
	err := r.intake.object(r.member)
	if err == nil {
		err = r.intake.close()
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	if err == nil {
		r.finish()
	}
	return err
}

// member reads the value of one member.
func (r *reader) member(name string) error {
	role, face := roleAt(r.at, name)
	if role == unknownRole {
		r.fault("extra_forbidden", "Extra inputs are not permitted", printable(name, 60))
		_, err := r.intake.skip(0)
		return err
	}
	if _, twice := r.in.sent[role]; twice && role != fixedRole || slices.Contains(r.names, name) {
		r.fault("value_error", "The member stands there twice", name)
		_, err := r.intake.skip(0)
		return err
	}
	r.in.sent[role], r.names = name, append(r.names, name)
	err := r.value(name, role, face)
	if errors.Is(err, errTooLong) {
		r.fault("value_error", "Input is longer than any number", name)
		return nil
	}
	return err
}

// value reads the value of a member by what it means.
func (r *reader) value(name string, role role, face *face) error {
	switch role {
	case documentsRole:
		r.in.face = face
		return r.documents(name)
	case modelRole:
		return r.text(name, maxName, &r.in.model, true)
	case queryRole:
		return r.text(name, r.bounds.query, &r.in.query, true)
	case userRole:
		return r.text(name, maxName, &r.in.asked.user, false)
	case instructionRole:
		return r.text(name, maxInstruction, &r.in.asked.instruction, false)
	case tierRole:
		return r.tier(name)
	case topRole:
		return r.number(name, &r.in.topN)
	case tokensRole:
		return r.number(name, &r.in.asked.tokens)
	case echoRole:
		return r.flag(name)
	case sideRole:
		return r.side(name)
	default:
		return r.only(name, face.fixed[name])
	}
}

// text reads a string of at most n bytes that is not blank; null counts as absent
// where that is allowed.
func (r *reader) text(name string, n int, into *string, required bool) error {
	switch first := r.intake.peek(); {
	case first == '"':
		text, err := r.intake.text(n)
		switch {
		case errors.Is(err, errTooLong):
			r.fault("string_too_long", fmt.Sprintf("String should have at most %d bytes", n), name)
			return errEnough
		case err == nil && blank(text):
			r.fault("string_too_short", "String should have at least 1 character", name)
		case err == nil:
			*into = text
		}
		return err
	case first == 'n' && !required:
		_, err := r.intake.literal()
		return err
	}
	r.fault("string_type", "Input should be a valid string", name)
	_, err := r.intake.skip(0)
	return err
}

var requestTiers = []ServiceTier{TierAuto, TierDefault, TierOverLimit, TierFlex, TierNoLimit}

func (r *reader) tier(name string) error {
	var tier string
	if r.intake.peek() == 'n' {
		r.in.asked.tier, r.in.tierSet = TierNull, true
	}
	err := r.text(name, maxName, &tier, false)
	if tier == "" {
		return err
	}
	if !slices.Contains(requestTiers, ServiceTier(tier)) {
		r.fault("enum", "Input should be 'auto', 'default', 'over-limit', 'flex' or 'no-limit'", name)
		return err
	}
	r.in.asked.tier, r.in.tierSet = ServiceTier(tier), true
	return err
}

// number reads a whole number of at least 1; null counts as absent.
func (r *reader) number(name string, into *int) error {
	first := r.intake.peek()
	if first == '"' || first == '{' || first == '[' {
		r.fault("int_type", "Input should be a valid integer", name)
		_, err := r.intake.skip(0)
		return err
	}
	raw, err := r.intake.literal()
	if err != nil || raw == "null" {
		return err
	}
	if raw == "true" || raw == "false" {
		r.fault("int_type", "Input should be a valid integer", name)
		return nil
	}
	n, bad := strconv.Atoi(raw)
	if bad != nil || n < 1 {
		r.fault("greater_than_equal", "Input should be a valid integer greater than or equal to 1", name)
		return nil
	}
	*into = n
	return nil
}

// flag reads the switch of the echo.
func (r *reader) flag(name string) error {
	if first := r.intake.peek(); first == '"' || first == '{' || first == '[' {
		r.fault("bool_type", "Input should be a valid boolean", name)
		_, err := r.intake.skip(0)
		return err
	}
	raw, err := r.intake.literal()
	switch on := raw == "true"; {
	case err != nil || raw == "null":
	case on || raw == "false":
		r.echo = &on
	default:
		r.fault("bool_type", "Input should be a valid boolean", name)
	}
	return err
}

// side reads the side that truncation cuts away, of which the scorer decides
// the one: callers may name it, and not choose another.
func (r *reader) side(name string) error {
	var side string
	err := r.text(name, maxName, &side, false)
	if side != "" && side != sideEnd {
		r.fault("literal_error", "Input should be 'right': this server cuts the end of a document", name)
	}
	return err
}

// only takes one value of a member.
func (r *reader) only(name, value string) error {
	if first := r.intake.peek(); first == '"' || first == '{' || first == '[' {
		r.fault("literal_error", "Input should be "+value+": this server does nothing else", name)
		_, err := r.intake.skip(0)
		return err
	}
	raw, err := r.intake.literal()
	if err == nil && raw != value && raw != "null" {
		r.fault("literal_error", "Input should be "+value+": this server does nothing else", name)
	}
	return err
}

// documents reads the documents and stops at the first one too many, or when
// there is nothing left to tell.
func (r *reader) documents(name string) error {
	if r.intake.peek() != '[' {
		r.fault("list_type", "Input should be a valid list", name)
		_, err := r.intake.skip(0)
		return err
	}
	most := r.bounds.documents
	err := r.intake.list(func(i int) error {
		if i == most {
			r.fault("too_long", fmt.Sprintf("List should have at most %d items after validation, not %d", most, i+1), name)
			return errEnough
		}
		if r.intake.peek() != '"' {
			r.fault("string_type", "Input should be a valid string", name, i)
			if len(r.faults) == maxFaults {
				return errEnough
			}
			_, err := r.intake.skip(0)
			return err
		}
		text, err := r.intake.text(int(r.bounds.text))
		r.in.documents = append(r.in.documents, text)
		return err
	})
	if err == nil && len(r.in.documents) == 0 && len(r.faults) == 0 {
		r.fault("too_short", "List should have at least 1 item after validation, not 0", name)
	}
	return err
}

// finish checks what can be told only of the whole request.
func (r *reader) finish() {
	w := r.in.face.wire
	for _, m := range []struct {
		name string
		role role
	}{{w.ModelKey, modelRole}, {w.QueryKey, queryRole}, {w.DocumentsKey, documentsRole}} {
		if _, there := r.in.sent[m.role]; m.name != "" && !there {
			r.fault("missing", "Field required", m.name)
		}
	}
	for _, name := range r.names { // two dialects may share a path
		if r.in.face.roles[name] == unknownRole {
			r.fault("extra_forbidden", "Extra inputs are not permitted beside "+w.DocumentsKey, name)
		}
	}
	if r.in.asked.user != "" && checkName(UserKey.String(), r.in.asked.user) != nil {
		r.fault("value_error", "String should be 1 to 512 bytes of printable text", UserKey.String())
	}
	r.in.echo = w.EchoKey != "" && !w.EchoOff
	if r.echo != nil {
		r.in.echo = *r.echo && w.EchoKey != ""
	}
}

// address reads the query of the URL, which may have the project and nothing else.
func (r *reader) address(query string) {
	values, err := url.ParseQuery(query)
	if err != nil {
		r.about("value_error", "The query of the URL cannot be read", "query")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch project := values[name]; {
		case name != projectName:
			r.about("extra_forbidden", "Extra parameters are not permitted", "query", printable(name, 60))
		case len(project) > 1:
			r.about("value_error", "The parameter stands there twice", "query", name)
		case checkName(projectName, project[0]) != nil:
			r.about("value_error", "String should be 1 to 512 bytes of printable text", "query", name)
		default:
			r.in.asked.project = project[0]
		}
	}
}

// refuseUnheeded names what the request asks for that would change scores and cannot:
// it may not pass, or the scorer does not heed it.
func (r *reader) refuseUnheeded(scorer reranker.Scorer, passes func(name string) bool) {
	for _, a := range []struct {
		role  role
		asked bool
		name  string
		probe func(n int) context.Context
	}{
		{instructionRole, r.in.asked.instruction != "", InstructionKey.String(), func(n int) context.Context {
			return pipeline.WithQuery(context.Background(), InstructionKey.With(pipeline.Query{}, strconv.Itoa(n)))
		}},
		{tokensRole, r.in.asked.tokens > 0, DocumentTokensKey.String(), func(n int) context.Context {
			return pipeline.WithQuery(context.Background(), DocumentTokensKey.With(pipeline.Query{}, n))
		}},
	} {
		switch {
		case !a.asked:
		case !passes(a.name):
			r.refuse(a.role, "This server does not hand it on to what scores")
		case !heeds(scorer, a.probe):
			r.refuse(a.role, "What scores behind this server does not heed it")
		}
	}
}

// refuse names a member that was sent, whatever its name was, and would have no
// effect.
func (r *reader) refuse(role role, why string) {
	if name, sent := r.in.sent[role]; sent {
		r.fault("value_error", why, name)
	}
}

// refuseBlank names the documents that have no text.
func (r *reader) refuseBlank() {
	for i, d := range r.in.documents {
		if blank(d) {
			r.fault("value_error", "Document has no text", r.in.face.wire.DocumentsKey, i)
		}
	}
}
