package qdrant

import (
	"errors"
	"fmt"
	"math"
)

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
		return errors.New("Groups.By names no payload field: name the one that groups, such as source")
	case o.Groups != nil && o.Groups.Size < 0:
		return fmt.Errorf("Groups.Size is %d: it must be at least 1, or 0 for %d", o.Groups.Size, defaultGroupSize)
	}
	if err := checkThreshold(o.ScoreThreshold); err != nil {
		return err
	}
	return o.Mapping.check()
}

func checkThreshold(t *float64) error {
	if t != nil && (math.IsNaN(*t) || math.IsInf(*t, 0)) {
		return fmt.Errorf("threshold is %v: it must be finite", *t)
	}
	return nil
}
