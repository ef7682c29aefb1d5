package qdrant

import (
	"errors"
	"fmt"
	"math"

	"github.com/rankcascade/cascade/pipeline"
)

// plan checks the options and lays out the queries that will be sent.
func (r *Retriever) plan(embedder Embedder) error {
	o := r.opts
	legs := make([]Leg, 0, len(o.Legs)+1)
	if embedder != nil {
		legs = append(legs, Leg{Using: o.Using, Dense: embedder, Scale: o.Scale, Params: o.Params})
	} else if o.Using != "" || o.Scale != pipeline.Unknown || o.Params != nil {
		return errors.New("qdrant: new retriever: Using, Scale and Params belong to the embedder, which is nil: set them on a leg")
	}
	legs = append(legs, o.Legs...)
	if err := o.check(len(legs)); err != nil {
		return fmt.Errorf("qdrant: new retriever: %w", err)
	}
	var err error
	if r.filter, err = Filter(o.Filter); err != nil {
		return err
	}
	switch {
	case o.Server != nil:
		r.roots = []*Leg{{Name: r.name, Fusion: o.Server, Prefetch: legs, Limit: r.limit, Threshold: o.ScoreThreshold}}
	case o.Fuser != nil:
		for i := range legs {
			r.roots = append(r.roots, &legs[i])
		}
	default:
		root := legs[0]
		root.Name, root.Limit = r.name, r.limit
		if o.ScoreThreshold != nil {
			if root.Threshold != nil {
				return errors.New("qdrant: new retriever: the only leg has a Threshold and so has Options.ScoreThreshold: set one")
			}
			root.Threshold = o.ScoreThreshold
		}
		r.roots = []*Leg{&root}
	}
	return r.settle()
}

// settle gives every leg of every root its defaults and checks it.
func (r *Retriever) settle() error {
	names := map[string]bool{}
	for _, root := range r.roots {
		if err := r.settleLeg(root); err != nil {
			return fmt.Errorf("qdrant: new retriever: %w", err)
		}
		if names[root.Name] {
			return fmt.Errorf("qdrant: new retriever: two legs are named %q: set Leg.Name", root.Name)
		}
		names[root.Name] = true
		if err := r.scales.check(root); err != nil {
			return fmt.Errorf("qdrant: new retriever: %w", err)
		}
	}
	return nil
}

func (r *Retriever) settleLeg(l *Leg) error {
	if l.Name == "" {
		l.Name = r.name + "/" + l.label()
	}
	if l.Limit == 0 {
		l.Limit = max(r.limit, defaultLimit)
	}
	if err := l.check(); err != nil {
		return fmt.Errorf("leg %q: %w", l.Name, err)
	}
	if _, err := Filter(l.Filter); err != nil {
		return fmt.Errorf("leg %q: %w", l.Name, err)
	}
	// The caller's array stays as it is.
	l.Prefetch = append([]Leg(nil), l.Prefetch...)
	for i := range l.Prefetch {
		if err := r.settleLeg(&l.Prefetch[i]); err != nil {
			return err
		}
	}
	return nil
}

func (o Options) check(legs int) error {
	switch {
	case o.Limit < 0:
		return fmt.Errorf("Limit is %d: it must be at least 1, or 0 for %d", o.Limit, defaultLimit)
	case legs == 0:
		return errors.New("nothing to ask: give an embedder or Options.Legs")
	case o.Server != nil && o.Fuser != nil:
		return errors.New("Server and Fuser are both set: legs are fused in one place")
	case legs > 1 && o.Server == nil && o.Fuser == nil:
		return fmt.Errorf("%d legs and no fusion: set Options.Server or Options.Fuser", legs)
	case o.Fuser != nil && o.Groups != nil:
		return errors.New("Groups cannot be combined with Fuser: the server has no batch of groups; use Server")
	case o.Fuser != nil && o.ScoreThreshold != nil:
		return errors.New("ScoreThreshold cannot be applied to scores that are fused here: set Leg.Threshold, or cut afterwards")
	case o.Groups != nil && o.Groups.By == "":
		return errors.New("Groups.By names no payload field")
	case o.Groups != nil && o.Groups.Size < 0:
		return fmt.Errorf("Groups.Size is %d: it must be at least 1, or 0 for %d", o.Groups.Size, defaultGroupSize)
	}
	if err := checkThreshold(o.ScoreThreshold); err != nil {
		return err
	}
	return o.Mapping.check()
}

func (l *Leg) check() error {
	kinds := 0
	for _, set := range []bool{l.Dense != nil, l.Sparse != nil, l.Multi != nil, l.Native != nil, l.Fusion != nil} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return fmt.Errorf("%d of Dense, Sparse, Multi, Native and Fusion are set: set exactly one", kinds)
	case l.Limit < 0:
		return fmt.Errorf("Limit is %d: it must be at least 1, or 0 for the default", l.Limit)
	case l.Fusion != nil && l.Using != "":
		return errors.New("Using names a vector, but a fusion searches none: set it on the Prefetch legs")
	case l.Fusion != nil && len(l.Prefetch) == 0:
		return errors.New("Fusion without Prefetch has nothing to fuse")
	case l.Native != nil && l.Scale == pipeline.Unknown:
		return errors.New("Scale must be set with Native: nobody else knows what its scores mean")
	}
	if err := checkThreshold(l.Threshold); err != nil {
		return err
	}
	if l.Fusion != nil {
		return l.Fusion.check(len(l.Prefetch))
	}
	return nil
}

func (f *ServerFusion) check(legs int) error {
	switch {
	case f.Method > DBSF:
		return fmt.Errorf("fusion method %d does not exist", f.Method)
	case f.Method == DBSF && (f.K != 0 || f.Weights != nil):
		return errors.New("K and Weights belong to RRF, not to DBSF")
	case f.K < 0 || f.K > math.MaxUint32:
		return fmt.Errorf("K is %d: it must be at least 1, or 0 for %d", f.K, serverRRFK)
	case f.Weights != nil && len(f.Weights) != legs:
		return fmt.Errorf("%d weights for %d legs", len(f.Weights), legs)
	}
	for i, w := range f.Weights {
		if !(w > 0) || math.IsInf(w, 0) {
			return fmt.Errorf("weight %d is %v: it must be positive and finite; leave the leg out instead of 0", i+1, w)
		}
	}
	return nil
}

func (f *ServerFusion) k() int {
	if f.K == 0 {
		return serverRRFK
	}
	return f.K
}

func checkThreshold(t *float64) error {
	if t != nil && (math.IsNaN(*t) || math.IsInf(*t, 0)) {
		return fmt.Errorf("threshold is %v: it must be finite", *t)
	}
	return nil
}

// label is the part of the leg's default name after the slash.
func (l *Leg) label() string {
	if l.Using != "" {
		return l.Using
	}
	return l.kind()
}

func (l *Leg) kind() string {
	switch {
	case l.Dense != nil:
		return "dense"
	case l.Sparse != nil:
		return "sparse"
	case l.Multi != nil:
		return "multi"
	case l.Native != nil:
		return "native"
	}
	return "fusion"
}
