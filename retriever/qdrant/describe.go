package qdrant

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
)

// Describe implements pipeline.Describer. Legs that are fused here are children
// beside their fuser; what the server does in one call is one part with
// settings. The scale is stated once it is known: declared, or looked up by an
// earlier query.
func (r *Retriever) Describe() pipeline.Node {
	n := pipeline.Node{Name: r.name, Settings: []pipeline.Setting{
		{Name: "collection", Value: r.collection},
		{Name: "limit", Value: strconv.Itoa(r.limit)},
	}}
	n.Facts = pipeline.Facts{Role: pipeline.RoleRetrieve, Limit: r.limit}
	if g := r.opts.Groups; g != nil {
		n.Settings = append(n.Settings, pipeline.Setting{Name: "groups", Value: fmt.Sprintf("%d by %s", g.size(), g.By)})
		n.Facts.Limit = r.limit * g.size()
	}
	if r.filter != nil {
		n.Settings = append(n.Settings, pipeline.Setting{Name: "filter", Value: "fixed"})
	}
	if r.fuser != nil {
		n.Facts.Role = pipeline.RoleBranch
		fuser := pipeline.Describe(r.fuser)
		n.Facts.Scale, n.Facts.Max = fuser.Facts.Scale, fuser.Facts.Max
		n.Children = append(n.Children, fuser)
		for _, l := range r.roots {
			n.Children = append(n.Children, r.describeLeg(l))
		}
		return n
	}
	root := r.roots[0]
	n.Settings = append(n.Settings, root.settings()...)
	n.Facts.Scale, n.Facts.Max = r.scales.known(root), root.max()
	return n
}

func (r *Retriever) describeLeg(l *Leg) pipeline.Node {
	return pipeline.Node{
		Name:     l.Name,
		Settings: append([]pipeline.Setting{{Name: "limit", Value: strconv.Itoa(l.Limit)}}, l.settings()...),
		Facts:    pipeline.Facts{Role: pipeline.RoleRetrieve, Limit: l.Limit, Scale: r.scales.known(l), Max: l.max()},
	}
}

// settings describes what a leg asks.
func (l *Leg) settings() []pipeline.Setting {
	s := []pipeline.Setting{{Name: "query", Value: l.text()}}
	if l.Threshold != nil {
		s = append(s, pipeline.Setting{Name: "threshold", Value: strconv.FormatFloat(*l.Threshold, 'g', -1, 64)})
	}
	return s
}

// text writes a leg as one would say it: "dense(title) over [sparse(terms):200]".
func (l *Leg) text() string {
	what := l.kind()
	if l.Fusion != nil {
		what = l.Fusion.text()
	}
	if l.Using != "" {
		what += "(" + l.Using + ")"
	}
	if len(l.Prefetch) == 0 {
		return what
	}
	parts := make([]string, len(l.Prefetch))
	for i := range l.Prefetch {
		parts[i] = l.Prefetch[i].text() + ":" + strconv.Itoa(l.Prefetch[i].Limit)
	}
	return what + " over [" + strings.Join(parts, ", ") + "]"
}

func (f *ServerFusion) text() string {
	if f.Method == DBSF {
		return "Qdrant DBSF"
	}
	if f.Weights == nil {
		return fmt.Sprintf("Qdrant RRF k=%d", f.k())
	}
	return fmt.Sprintf("Qdrant RRF k=%d weights=%v", f.k(), f.Weights)
}

// max is the highest score that a fused leg can give out: first in every list.
// 0 states nothing. DBSF has no useful bound.
func (l *Leg) max() float64 {
	if l.Fusion == nil || l.Fusion.Method != RRF {
		return 0
	}
	var sum float64
	for i := range l.Prefetch {
		w := 1.0
		if l.Fusion.Weights != nil {
			w = l.Fusion.Weights[i]
		}
		sum += 1 / (1/w + float64(l.Fusion.k()) - 1)
	}
	return sum
}
