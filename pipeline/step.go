package pipeline

// Step is one node of a trace: a part of the pipeline that ran, what it was
// given and what it returned. Steps are immutable and shared.
type Step struct {
	// Name is the part's name, as in its description.
	Name string
	// Inputs are the steps whose rankings this one was made from; empty for a
	// retriever.
	Inputs []*Step
	// Query is the text that the part was asked, which a rewriter may have made.
	Query string
	// Hits are the hits that the part returned.
	Hits []Hit
	// Scale is the scale of those hits.
	Scale Scale
}

// find returns the step of that name that is nearest to the end, nil if there is
// none.
func (s *Step) find(name string) *Step {
	seen := map[*Step]bool{}
	for level := []*Step{s}; len(level) > 0; {
		var next []*Step
		for _, step := range level {
			if step == nil || seen[step] {
				continue
			}
			if step.Name == name {
				return step
			}
			seen[step] = true
			next = append(next, step.Inputs...)
		}
		level = next
	}
	return nil
}
