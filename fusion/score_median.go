package fusion

import "slices"

// medians replaces what has been accumulated by the median contribution.
func medians(w *Workspace) {
	lists := len(w.lists)
	ranks := w.ranks()
	for slot, id := range w.cells.order {
		values := w.scratch[:0]
		for l := range lists {
			if rank := ranks[slot*lists+l]; rank > 0 {
				values = append(values, w.cols[l].contribution[rank-1])
			} else if a := w.cols[l].absent; a.given {
				values = append(values, a.add)
			}
		}
		slices.Sort(values)
		mid := len(values) / 2
		if len(values)%2 == 1 {
			w.cells.table[id].acc = values[mid]
		} else {
			w.cells.table[id].acc = (values[mid-1] + values[mid]) / 2
		}
		w.scratch = values
	}
}
