package fusion

// sumImputed replaces the sums by sums in which missing scores are estimated.
func sumImputed(w *Workspace) {
	lists := len(w.lists)
	ranks := w.ranks()
	estimates := buffer(&w.estimates, len(ranks))
	estimate(w, ranks, estimates)
	for slot, id := range w.cells.order {
		var acc float64
		for l := range lists {
			if rank := ranks[slot*lists+l]; rank > 0 {
				acc += w.cols[l].contribution[rank-1]
			} else {
				acc += float64(w.cols[l].weight * estimates[slot*lists+l])
			}
		}
		w.cells.table[id].acc = acc
	}
}

// estimate fills in the normalised scores of missing documents: the mean, in list
// order, of what the other lists that hold the document predict; the list's
// minimum if none can.
func estimate(w *Workspace, ranks []uint32, estimates []float64) {
	lists := len(w.lists)
	clear(estimates)
	counts := make([]int, len(ranks))
	for from := range lists {
		for to := range lists {
			if from == to || w.cols[to].silent() {
				continue
			}
			predict, ok := regressLists(w, ranks, from, to)
			if !ok {
				continue
			}
			for slot := range w.cells.order {
				if ranks[slot*lists+to] == 0 && ranks[slot*lists+from] > 0 {
					estimates[slot*lists+to] += predict.At(w.cols[from].normalised[ranks[slot*lists+from]-1])
					counts[slot*lists+to]++
				}
			}
		}
	}
	for i := range estimates {
		if counts[i] > 0 {
			estimates[i] /= float64(counts[i])
		} else {
			estimates[i] = w.cols[i%lists].absent.normalised
		}
	}
}

// regressLists fits a monotone map from the normalised scores of one list to those
// of another, on the documents that both hold.
func regressLists(w *Workspace, ranks []uint32, from, to int) (Isotonic, bool) {
	var xs, ys []float64
	lists := len(w.lists)
	for slot := range w.cells.order {
		a, b := ranks[slot*lists+from], ranks[slot*lists+to]
		if a > 0 && b > 0 {
			xs = append(xs, w.cols[from].normalised[a-1])
			ys = append(ys, w.cols[to].normalised[b-1])
		}
	}
	if len(xs) == 0 {
		return Isotonic{}, false
	}
	return fitIsotonic(xs, ys), true
}
