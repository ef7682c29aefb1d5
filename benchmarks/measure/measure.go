package measure

import (
	"fmt"
	"strconv"
	"strings"
)

// Measure is a measure of one ranking's quality, with its parameters. It prints
// and parses as its name, such as nDCG@10 or AP(rel=2)@1000, and compares with
// ==. Make one with Parse or MustParse, or of a formula of your own with Own; the
// zero value is not a measure.
type Measure struct {
	// Name is the measure's canonical name without parameters; see Catalogue.
	Name string
	// K is the cut-off rank; 0 looks at the whole ranking.
	K int
	// Rel is the lowest grade that counts as relevant; 0 leaves it to
	// Options.Level. Measures of graded relevance ignore it.
	Rel int
	// P is the persistence of RBP and Compat.
	P float64
	// Gain is how a grade becomes a gain: "" for the grade itself, "exp" for
	// 2^grade - 1, or explicit gains as "1:3.5;2:10" (grades not named keep
	// theirs).
	Gain string
	// Discount is nDCG's and DCG's: "" for log2(rank+1), "jk" for the older form
	// that leaves ranks 1 and 2 undiscounted and divides by log2(rank) from there.
	Discount string
	// Max is the highest grade that ERR assumes.
	Max int
	// Recall is the recall at which IPrec interpolates, in [0, 1].
	Recall float64
	// Beta weighs recall against precision in SetF.
	Beta float64
	// Factor is the multiple of R at which RprecMult cuts.
	Factor float64

	own *own // a program's own formula, see Own
}

// String returns the name under which Parse finds the measure again.
func (m Measure) String() string {
	spec, ok := m.spec()
	if !ok {
		return "invalid measure " + strconv.Quote(m.Name)
	}
	var params []string
	for _, p := range spec.params {
		if text := p.print(m); text != "" {
			params = append(params, p.name+"="+text)
		}
	}
	var b strings.Builder
	b.WriteString(m.Name)
	if len(params) > 0 {
		b.WriteString("(" + strings.Join(params, ",") + ")")
	}
	if m.K > 0 {
		b.WriteString("@" + strconv.Itoa(m.K))
	}
	return b.String()
}

// spec returns the description of the measure, and whether there is one.
func (m Measure) spec() (spec, bool) {
	if m.own != nil {
		return m.own.spec(), true
	}
	return find(m.Name)
}

// check says whether the measure can be computed: Parse makes only such ones.
func (m Measure) check() error {
	if m.own != nil {
		return m.own.check(m)
	}
	_, err := parseOne(m.String())
	return err
}

// level is the lowest relevant grade for this measure on this topic.
func (m Measure) level(t *topic) int32 {
	if m.Rel > 0 {
		return int32(m.Rel)
	}
	return t.level
}

// TrecName returns the name under which trec_eval prints the measure, and
// whether it has one there. A measure with a relevance level of its own has
// none, because trec_eval sets the level for all measures at once.
func (m Measure) TrecName() (string, bool) {
	if m.own != nil || m.Rel != 0 || m.Gain != "" || m.Discount != "" {
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

// Geometric reports whether the measure's figure is a geometric mean over topics,
// so that it has none for one topic: trec_eval prints none there.
func (m Measure) Geometric() bool {
	s, _ := m.spec()
	return s.mean == geometric
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
