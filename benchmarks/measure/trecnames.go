package measure

import (
	"strconv"
)

// AllTrec returns the measures of trec_eval's -m all_trec that this package
// has, in the order in which trec_eval prints them. The lines runid, num_q and
// relstring are no measures.
func AllTrec() []Measure {
	names := []string{"num_ret", "num_rel", "num_rel_ret", "map", "gm_map", "Rprec", "bpref", "recip_rank"}
	for _, x := range []string{"0.00", "0.10", "0.20", "0.30", "0.40", "0.50", "0.60", "0.70", "0.80", "0.90", "1.00"} {
		names = append(names, "iprec_at_recall_"+x)
	}
	names = append(names, atCuts("P")...)
	names = append(names, atCuts("recall")...)
	names = append(names, "infAP", "gm_bpref")
	for _, x := range []string{"0.20", "0.40", "0.60", "0.80", "1.00", "1.20", "1.40", "1.60", "1.80", "2.00"} {
		names = append(names, "Rprec_mult_"+x)
	}
	names = append(names, "utility", "11pt_avg", "binG", "G", "ndcg", "ndcg_rel", "Rndcg")
	names = append(names, atCuts("ndcg_cut")...)
	names = append(names, atCuts("map_cut")...)
	names = append(names, atCuts("relative_P")...)
	names = append(names, "success_1", "success_5", "success_10", "set_P", "set_relative_P", "set_recall", "set_map", "set_F", "num_nonrel_judged_ret")
	return MustParse(names...)
}

func atCuts(name string) []string {
	var names []string
	for _, k := range []int{5, 10, 15, 20, 30, 100, 200, 500, 1000} {
		names = append(names, name+"_"+strconv.Itoa(k))
	}
	return names
}
