package nebius

import (
	"fmt"
	"slices"
	"strings"
)

// role is what a member of a request means, whatever a dialect calls it.
type role uint8

const (
	unknownRole role = iota
	modelRole
	queryRole
	documentsRole
	userRole
	tierRole
	topRole
	echoRole
	instructionRole
	tokensRole
	sideRole
	fixedRole // a member that may have one value
)

// face is a dialect as a handler speaks it.
type face struct {
	dialect Dialect
	wire    Wire
	roles   map[string]role
	fixed   map[string]string // the one value of members with fixedRole
}

func newFace(d Dialect, w Wire) *face {
	f := &face{dialect: d, wire: w, roles: map[string]role{}, fixed: map[string]string{}}
	f.learn(w)
	for name, r := range map[string]role{w.ModelKey: modelRole, w.QueryKey: queryRole, w.DocumentsKey: documentsRole} {
		f.name(name, r)
	}
	if w.User {
		f.name(UserKey.String(), userRole)
	}
	if w.ServiceTier {
		f.name(TierKey.String(), tierRole)
	}
	return f
}

func (f *face) name(name string, r role) {
	if name != "" {
		f.roles[name] = r
	}
}

// learn adds the optional members of a row.
func (f *face) learn(w Wire) {
	for name, r := range map[string]role{
		w.TopKey: topRole, w.EchoSwitch: echoRole, w.InstructionKey: instructionRole, w.DocumentTokensKey: tokensRole, w.SideKey: sideRole,
	} {
		f.name(name, r)
	}
	for _, m := range w.Accepted {
		f.name(m.Name, fixedRole)
		f.fixed[m.Name] = m.JSON
	}
}

// faces are the dialects that a handler speaks, by path. Two of them may share a
// path if their documents have different names.
type faces map[string][]*face

// newFaces checks that the dialects can be served side by side. With extra, the
// hosted service's own form takes the optional members of all dialects.
func newFaces(dialects []Dialect, extra bool) (faces, error) {
	own, _ := Nebius.Wire()
	hosted := newFace(Nebius, own)
	if extra {
		for _, r := range table() {
			hosted.learn(r.wire)
		}
		for name := range hosted.fixed {
			if hosted.roles[name] != fixedRole {
				delete(hosted.fixed, name)
			}
		}
	}
	all := faces{own.Path: {hosted}}
	for _, d := range dialects {
		w, err := d.Wire()
		switch {
		case err != nil:
			return nil, err
		case d == Nebius || d == "":
			continue
		case w.bare() || w.Query != Plain || w.Document != Plain || strings.Contains(w.Path, "{"):
			return nil, fmt.Errorf("dialect %q cannot be served: its requests are not one query and a list of strings at one path", string(d))
		}
		if slices.ContainsFunc(all[w.Path], func(f *face) bool { return f.wire.DocumentsKey == w.DocumentsKey }) {
			return nil, fmt.Errorf("dialect %q cannot be served: %s is already taken by %q", string(d), w.Path, string(all[w.Path][0].dialect))
		}
		all[w.Path] = append(all[w.Path], newFace(d, w))
	}
	const short = "/rerank" // the hosted form has it too, unless another dialect does
	if !slices.ContainsFunc(all[short], func(f *face) bool { return f.wire.DocumentsKey == own.DocumentsKey }) {
		all[short] = append([]*face{hosted}, all[short]...)
	}
	return all, nil
}

// at returns the faces of a path, with or without a slash at its end.
func (f faces) at(path string) []*face { return f[strings.TrimSuffix(path, "/")] }

// roleAt returns what a name means to the faces of one path, and to which.
func roleAt(at []*face, name string) (role, *face) {
	for _, f := range at {
		if r := f.roles[name]; r != unknownRole {
			return r, f
		}
	}
	return unknownRole, nil
}
