// Package gate finds what would make a table of systems untrue, and says which of
// the table's claims that spoils.
//
// Every command and every experiment asks it before it prints: it knows of
// incomplete systems, unjudged documents, settings learned on the very topics,
// repeats and topics without a relevant document.
//
//	found := gate.Inspect(gate.Table{Measures: measures, Systems: systems})
//	t.Warnings = append(t.Warnings, found.Warnings()...)
//	if why := found.Spoiled(gate.Claim{System: 1, Measure: 0, Difference: .03}); why != "" {
//		// the claim is printed without a mark
//	}
//
// The package computes no figure and tests nothing for significance.
package gate
