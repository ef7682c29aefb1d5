package experiment

import "fmt"

// Tuning says how a system's settings were chosen from judgements. The system is
// measured honestly if every topic was held out from the choice of the setting
// that it is measured with.
type Tuning struct {
	// Measure is what was raised, Default the setting before.
	Measure string `json:"measure"`
	Default string `json:"default"`
	// Verdict says what the choice is worth, where that was tested.
	Verdict string `json:"verdict,omitempty"`
	// Folds are the parts of the cross-validation.
	Folds []TunedFold `json:"folds"`
}

// TunedFold is one part of a cross-validation.
type TunedFold struct {
	// Chosen is the setting, Trained the topics that chose it and Held the topics
	// that are measured with it.
	Chosen  string   `json:"chosen"`
	Trained []string `json:"trained"`
	Held    []string `json:"held"`
}

// leak says why the tuning does not hold its topics out; "" if it does, and for
// nil.
func (t *Tuning) leak(topics []Topic) string {
	if t == nil {
		return ""
	}
	held := map[string]bool{}
	for _, f := range t.Folds {
		trained := map[string]bool{}
		for _, id := range f.Trained {
			trained[id] = true
		}
		for _, id := range f.Held {
			held[id] = true
			if trained[id] {
				return fmt.Sprintf("topic %s took part in choosing the setting that it is measured with", id)
			}
		}
	}
	for _, topic := range topics {
		if !held[topic.ID] {
			return fmt.Sprintf("topic %s is measured and was held out by no fold", topic.ID)
		}
	}
	return ""
}
