package qdranttest

import (
	"cmp"
	"slices"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/proto"
)

// requests is how often the server asks for more groups, and then for more hits of
// groups that are not full.
const requests = 5

// grouped collects groups of a fusion as the server does: it asks for as many hits as
// the groups hold, and again without what it has, for more groups and then within
// those that are not full. Each time the legs are searched under that filter and fused
// anew, so that scores of one answer come from several fusions.
type grouped struct {
	by         jsonPath
	field      string
	most, size int
	groups     map[string]*gathered
	ids        []*api.PointId
	seen       map[string]bool
}

// gathered is a group with all hits so far.
type gathered struct {
	id   *api.GroupId
	name string
	hits []scored
}

// groupable returns the hits that groups are made of, the best first.
func groupable(c *collection, r *api.QueryPointGroups, by jsonPath) ([]scored, error) {
	if len(r.GetPrefetch()) > 0 && fuses(r.GetQuery()) {
		return fusedGroups(c, r, by)
	}
	return c.search(&query{
		prefetch: r.GetPrefetch(), query: r.GetQuery(), using: r.GetUsing(), filter: r.GetFilter(),
		threshold: r.ScoreThreshold, limit: uint64(len(c.points)),
	})
}

// fusedGroups returns the hits that groups are made of, the best group first.
func fusedGroups(c *collection, r *api.QueryPointGroups, by jsonPath) ([]scored, error) {
	g := &grouped{
		by: by, field: r.GetGroupBy(), most: int(limit(r.Limit, defaultGroups)), size: int(limit(r.GroupSize, defaultGroupSize)),
		groups: map[string]*gathered{}, seen: map[string]bool{},
	}
	legs := widened(r.GetPrefetch(), uint64(g.size))
	for _, narrow := range []func() *api.Filter{g.others, g.unfilled} {
		for range requests {
			found, err := c.search(&query{
				prefetch: legs, query: r.GetQuery(), using: r.GetUsing(), threshold: r.ScoreThreshold,
				filter: both(r.GetFilter(), both(narrow(), g.fresh())), limit: uint64(g.most * g.size),
			})
			if err != nil {
				return nil, err
			}
			g.add(found)
			if len(found) == 0 || g.full() {
				break
			}
		}
		if g.full() {
			break
		}
	}
	var out []scored
	for _, best := range g.best() {
		out = append(out, best.hits[:min(len(best.hits), g.size)]...)
	}
	return out, nil
}

// widened multiplies the limits of prefetches by the size of a group.
func widened(legs []*api.PrefetchQuery, size uint64) []*api.PrefetchQuery {
	out := make([]*api.PrefetchQuery, len(legs))
	for i, leg := range legs {
		most := limit(leg.Limit, defaultLimit) * size
		out[i] = proto.Clone(leg).(*api.PrefetchQuery)
		out[i].Limit, out[i].Prefetch = &most, widened(leg.GetPrefetch(), size)
	}
	return out
}

func (g *grouped) add(found []scored) {
	for _, s := range found {
		in := map[string]bool{}
		for _, v := range g.by.values(s.point.payload) {
			name, id := groupKey(v)
			if id == nil || in[name] {
				continue
			}
			in[name] = true
			if g.groups[name] == nil {
				g.groups[name] = &gathered{id: id, name: name}
			}
			g.groups[name].hits = append(g.groups[name].hits, s)
			order(g.groups[name].hits, false)
		}
		if len(in) > 0 && !g.seen[s.point.key] {
			g.seen[s.point.key] = true
			g.ids = append(g.ids, s.point.id)
		}
	}
}

// best are the groups that are answered, as far as it is known.
func (g *grouped) best() []*gathered {
	var all []*gathered
	for _, one := range g.groups {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b *gathered) int {
		return cmp.Or(cmp.Compare(b.hits[0].score, a.hits[0].score), cmp.Compare(a.name, b.name))
	})
	return all[:min(len(all), g.most)]
}

func (g *grouped) full() bool {
	best := g.best()
	return len(best) == g.most && !slices.ContainsFunc(best, func(one *gathered) bool { return len(one.hits) < g.size })
}

// fresh leaves out the hits so far.
func (g *grouped) fresh() *api.Filter {
	if len(g.ids) == 0 {
		return nil
	}
	return &api.Filter{MustNot: []*api.Condition{api.NewHasID(g.ids...)}}
}

// others leaves out the groups that are full.
func (g *grouped) others() *api.Filter {
	var full []*gathered
	for _, one := range g.groups {
		if len(one.hits) >= g.size {
			full = append(full, one)
		}
	}
	return g.keyed(full, api.NewMatchExceptKeywords, api.NewMatchExceptInts)
}

// unfilled is for the best groups that are not full.
func (g *grouped) unfilled() *api.Filter {
	open := slices.DeleteFunc(g.best(), func(one *gathered) bool { return len(one.hits) >= g.size })
	return g.keyed(open, api.NewMatchKeywords, api.NewMatchInts)
}

// keyed is a filter on the texts and on the integers of the groups' ids.
func (g *grouped) keyed(of []*gathered, texts func(string, ...string) *api.Condition, numbers func(string, ...int64) *api.Condition) *api.Filter {
	var words []string
	var ints []int64
	for _, one := range of {
		switch k := one.id.GetKind().(type) {
		case *api.GroupId_StringValue:
			words = append(words, k.StringValue)
		case *api.GroupId_UnsignedValue:
			ints = append(ints, int64(k.UnsignedValue))
		case *api.GroupId_IntegerValue:
			ints = append(ints, k.IntegerValue)
		}
	}
	f := &api.Filter{}
	if len(words) > 0 {
		f.Must = append(f.Must, texts(g.field, words...))
	}
	if len(ints) > 0 {
		f.Must = append(f.Must, numbers(g.field, ints...))
	}
	if len(f.Must) == 0 {
		return nil
	}
	return f
}

// group collects the best hits of each value of the field, best group first.
func group(found []scored, by jsonPath, shown output, most, size uint64) []*api.PointGroup {
	var groups []*api.PointGroup
	if slices.ContainsFunc(by, func(s step) bool { return s.index >= 0 && !s.every }) {
		return nil // one element of a list forms no groups
	}
	at := map[string]*api.PointGroup{}
	for _, s := range found {
		seen := map[string]bool{}
		for _, v := range by.values(s.point.payload) {
			name, id := groupKey(v)
			if id == nil || seen[name] {
				continue
			}
			seen[name] = true
			g := at[name]
			if g == nil && uint64(len(groups)) < most {
				g = &api.PointGroup{Id: id}
				at[name] = g
				groups = append(groups, g)
			}
			if g != nil && uint64(len(g.Hits)) < size {
				g.Hits = append(g.Hits, shown.scored(s))
			}
		}
	}
	return groups
}

func groupKey(v *api.Value) (string, *api.GroupId) {
	switch k := v.GetKind().(type) {
	case *api.Value_StringValue:
		return "s" + k.StringValue, api.NewGroupIDString(k.StringValue)
	case *api.Value_IntegerValue:
		if k.IntegerValue >= 0 {
			return v.String(), &api.GroupId{Kind: &api.GroupId_UnsignedValue{UnsignedValue: uint64(k.IntegerValue)}}
		}
		return v.String(), api.NewGroupIDInt(k.IntegerValue)
	}
	return "", nil
}
