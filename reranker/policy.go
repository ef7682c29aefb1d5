package reranker

import (
	"fmt"
	"slices"
)

// Policy says what a rerank stage does with documents that it should have scored
// and could not. The zero value is no policy: the caller names one.
//
// Documents that the stage leaves out on purpose, beyond StageOptions.Depth or by
// pruning, are none of a policy's business: they stand below the others in
// retrieval order.
type Policy uint8

// The policies. Everything that others ask about a policy is answered by a method
// below, so a further one is added in this file alone, with its name; a test names
// what is missing.
const (
	// KeepPosition leaves each unscored document in the slot that retrieval gave
	// it and fills the other slots with the scored ones, best first. It loses the
	// least when shards are lost, and it is the only policy under which a lost
	// shard is never worse than a document's own retrieval rank.
	KeepPosition Policy = iota + 1
	// Below puts the unscored documents under the scored ones, in retrieval order.
	Below
	// Drop leaves the unscored documents out; the gaps list them.
	Drop
	// AllOrNothing makes an *UnscoredError of any unscored document that has text. A
	// document without text can never be scored, and keeps its position.
	AllOrNothing
)

var policyNames = [...]string{"no policy", "keep position", "below", "drop", "all or nothing"}

// policies are all policies.
func policies() []Policy {
	var all []Policy
	for p := KeepPosition; int(p) < len(policyNames); p++ {
		all = append(all, p)
	}
	return all
}

// String returns "keep position", "below", "drop" or "all or nothing".
func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return "invalid policy"
}

func (p Policy) check() error {
	if slices.Contains(policies(), p) {
		return nil
	}
	return fmt.Errorf("name in Unscored what happens to documents that cannot be scored: KeepPosition, Below, Drop or AllOrNothing (%v given)", p)
}

// tolerates reports whether a ranking may come out although documents with text
// are unscored.
func (p Policy) tolerates() bool { return p != AllOrNothing }

// empties reports whether nothing comes out when nothing was scored.
func (p Policy) empties() bool { return p == Drop }

// needsCoverage reports whether StageOptions.MinCoverage holds.
func (p Policy) needsCoverage() bool { return p == KeepPosition || p == Below }

// placement is where a document without a score stands.
type placement uint8

const (
	inItsSlot placement = iota
	belowTheScored
	leftOut
)

// place says where a document without a score stands. A blank document, which no
// policy can have scored, keeps its slot under AllOrNothing.
func (p Policy) place() placement {
	switch p {
	case Below:
		return belowTheScored
	case Drop:
		return leftOut
	}
	return inItsSlot
}
