package measure

import (
	"fmt"
	"strconv"
)

// TrecName returns the name under which trec_eval prints the measure, and
// whether it has one there. A measure with a relevance level of its own has
// none, because trec_eval sets the level for all measures at once.
func (m Measure) TrecName() (string, bool) {
	if m.Rel != 0 || m.Gain != "" || m.Discount != "" {
		return "", false
	}
	plain := map[string]string{
		"AP": "map", "GMAP": "gm_map", "RR": "recip_rank", "Rprec": "Rprec", "Bpref": "bpref", "GBpref": "gm_bpref",
		"infAP": "infAP", "nDCG": "ndcg", "IPrec11": "11pt_avg", "SetP": "set_P", "SetR": "set_recall", "SetF": "set_F",
		"SetAP": "set_map", "SetRelP": "set_relative_P", "Utility": "utility", "G": "G", "BinG": "binG", "GradeNDCG": "Rndcg", "RelNDCG": "ndcg_rel", "NumRet": "num_ret", "NumRel": "num_rel", "NumRelRet": "num_rel_ret", "NumNonrelRet": "num_nonrel_judged_ret",
	}
	cut := map[string]string{"P": "P", "R": "recall", "RCap": "relative_P", "AP": "map_cut", "nDCG": "ndcg_cut", "Success": "success", "Unjudged": "unj"}
	switch {
	case m.Name == "IPrec":
		return fmt.Sprintf("iprec_at_recall_%.2f", m.Recall), true
	case m.Name == "RprecMult":
		return fmt.Sprintf("Rprec_mult_%.2f", m.Factor), true
	case m.Name == "SetF" && m.Beta != 1:
		return "", false
	case m.K > 0:
		name, ok := cut[m.Name]
		return name + "_" + strconv.Itoa(m.K), ok
	}
	name, ok := plain[m.Name]
	return name, ok
}

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

// TrecText prints a value as trec_eval does: counts as whole numbers, all else
// with four decimals.
func (m Measure) TrecText(v float64) string {
	switch m.Name {
	case "NumRet", "NumRel", "NumRelRet", "NumNonrelRet":
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 4, 64)
}
