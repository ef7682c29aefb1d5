package measure

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// cutoff says whether a measure takes "@k".
type cutoff uint8

const (
	cutNever cutoff = iota
	cutMay
	cutMust
)

// mean says how the values of topics become one figure.
type mean uint8

const (
	arithmetic mean = iota
	geometric       // exp(mean(ln(max(v, 1e-5))))
	total           // a sum
)

// spec describes a measure of the catalogue.
type spec struct {
	name, summary, source string
	cut                   cutoff
	params                []param
	mean                  mean
	value                 func(Measure, *topic) float64
	// expected is the value's mean over all orders of tied documents; for
	// measures that look at no order it is value, and nil for those without one.
	expected func(Measure, *topic) float64
	prepare  func(Measure) (Measure, error)
	aliases  []string // trec_eval's and other common names, lower case
}

// param is a named parameter of a measure.
type param struct {
	name, summary string
	set           func(*Measure, string) error
	// print returns the value, or "" where it is the default and need not be said.
	print func(Measure) string
}

// Entry describes a measure for people who choose one.
type Entry struct {
	// Name is the canonical form with its defaults, Summary says what the measure
	// computes, Source where the definition is from.
	Name, Summary, Source string
	// Params lists the parameters with their meaning.
	Params []string
	// Aliases are other names under which it parses.
	Aliases []string
}

// Catalogue lists every measure.
func Catalogue() []Entry {
	var entries []Entry
	for _, s := range catalogue() {
		e := Entry{Name: s.name, Summary: s.summary, Source: s.source, Aliases: slices.Clone(s.aliases)}
		if s.cut != cutNever {
			e.Name += "@k"
		}
		for _, p := range s.params {
			e.Params = append(e.Params, p.name+": "+p.summary)
		}
		entries = append(entries, e)
	}
	return entries
}

func find(name string) (spec, bool) {
	s, ok := byName()[name]
	return s, ok
}

// byName is the catalogue by canonical name. Nobody changes it.
var byName = sync.OnceValue(func() map[string]spec {
	specs := map[string]spec{}
	for _, s := range catalogue() {
		specs[s.name] = s
	}
	return specs
})

const trecEval = "trec_eval"

// catalogue is the table of measures. It is made once and nobody changes it.
var catalogue = sync.OnceValue(func() []spec {
	return slices.Concat(binaryMeasures(), gradedMeasures(), pooledMeasures(), setMeasures(), countMeasures())
})

func binaryMeasures() []spec {
	return []spec{
		{name: "P", cut: cutMust, params: []param{rel()}, value: precision, expected: expectedPrecision, source: trecEval,
			summary: "relevant documents in the top k, divided by k even if fewer were retrieved", aliases: []string{"precision"}},
		{name: "R", cut: cutMust, params: []param{rel()}, value: recall, expected: expectedRecall, source: trecEval,
			summary: "relevant documents in the top k, divided by all relevant ones", aliases: []string{"recall"}},
		{name: "RCap", cut: cutMust, params: []param{rel()}, value: cappedRecall, expected: expectedCappedRecall, source: "BEIR recall_cap",
			summary: "relevant documents in the top k, divided by the most that could be there, min(R, k)", aliases: []string{"relative_p", "recall_cap", "relp"}},
		{name: "AP", cut: cutMay, params: []param{rel()}, value: averagePrecision, expected: expectedAveragePrecision, source: trecEval,
			summary: "precision at every relevant document, summed and divided by R (not by min(R, k))", aliases: []string{"map", "map_cut"}},
		{name: "GMAP", cut: cutNever, params: []param{rel()}, value: averagePrecision, mean: geometric, source: trecEval + " gm_map",
			summary: "geometric mean of AP over topics, values below 0.00001 raised to it", aliases: []string{"gm_map"}},
		{name: "RR", cut: cutMay, params: []param{rel()}, value: reciprocalRank, expected: expectedFirstRank, source: trecEval + " recip_rank; with k: MS MARCO",
			summary: "1/rank of the first relevant document, 0 if there is none in the top k", aliases: []string{"recip_rank", "mrr"}},
		{name: "Success", cut: cutMust, params: []param{rel()}, value: success, expected: expectedSuccess, source: trecEval,
			summary: "1 if a relevant document is in the top k; not Recall", aliases: []string{"hit_rate", "accuracy"}},
		{name: "Hits", cut: cutMust, params: []param{rel()}, value: func(m Measure, t *topic) float64 { return float64(t.retrieved(m.K, m.level(t))) }, expected: expectedHits, source: "ranx",
			summary: "number of relevant documents in the top k"},
		{name: "F", cut: cutMust, params: []param{rel(), beta()}, value: fAt, prepare: defaultBeta, source: "ranx f1",
			summary: "harmonic mean of P and R at k; SetF is that of everything retrieved", aliases: []string{"f1"}},
		{name: "Rprec", cut: cutNever, params: []param{rel()}, value: rPrecision, expected: expectedRPrecision, source: trecEval,
			summary: "precision at rank R, the number of relevant documents", aliases: []string{"r-precision"}},
		{name: "RprecMult", cut: cutNever, params: []param{rel(), factor()}, value: rPrecisionMultiple, source: trecEval,
			summary: "precision at rank factor times R", aliases: []string{"rprec_mult"}},
		{name: "IPrec", cut: cutNever, params: []param{rel(), recallPoint()}, value: interpolated, source: trecEval + "; the cut-off is int(recall*R + 0.9) in version 9 and round(recall*R) in 10",
			summary: "highest precision at any rank that reaches the recall", aliases: []string{"iprec_at_recall"}},
		{name: "IPrec11", cut: cutNever, params: []param{rel()}, value: elevenPoint, source: trecEval,
			summary: "mean of IPrec at recall 0, 0.1, ... 1", aliases: []string{"11pt_avg"}},
	}
}

func gradedMeasures() []spec {
	return []spec{
		{name: "nDCG", cut: cutMay, params: []param{gain(), discount()}, value: ndcg, expected: expectedNDCG, source: "Jarvelin and Kekalainen 2002, as in " + trecEval,
			summary: "DCG divided by that of the best ordering of all judged documents, cut at k as well", aliases: []string{"ndcg", "ndcg_cut"}},
		{name: "DCG", cut: cutMay, params: []param{gain(), discount()}, value: dcg, expected: expectedDCG, source: trecEval,
			summary: "sum of gains, each divided by log2(rank+1)"},
		{name: "IDCG", cut: cutMay, params: []param{gain(), discount()}, value: idealDCG, expected: idealDCG, source: trecEval,
			summary: "DCG of the best ordering", aliases: []string{"ideal_dcg"}},
		{name: "ERR", cut: cutMay, params: []param{maxGrade()}, value: expectedReciprocalRank, source: "Chapelle et al. 2009, as in gdeval",
			summary: "expected reciprocal rank of the document where a user stops; a grade g satisfies with (2^g-1)/2^max"},
		{name: "RBP", cut: cutMay, params: []param{rel(), persistence("0.8"), gradedGain()}, value: rankBiased, expected: expectedRankBiased, prepare: defaultP(0.8), source: "Moffat and Zobel 2008",
			summary: "(1-p) times the sum of gain * p^(rank-1); gain is 1 from the relevance level on, or grade/highest given grade if graded"},
		{name: "RBPResidual", cut: cutNever, params: []param{persistence("0.8")}, value: rankBiasedResidual, prepare: defaultP(0.8), source: trecEval + " 10 rbp_resid",
			summary: "what RBP could still gain from unjudged and unretrieved documents", aliases: []string{"rbp_resid"}},
		{name: "G", cut: cutNever, value: gainG, source: trecEval + ", experimental",
			summary: "gains, each divided by log2(2 + what the ideal ranking had gained more so far), over all gains"},
		{name: "BinG", cut: cutNever, params: []param{rel()}, value: binaryG, source: trecEval + ", experimental",
			summary: "mean over the relevant documents of 1/log2(2 + other documents above)"},
		{name: "GradeNDCG", cut: cutNever, params: []param{rel()}, value: gradeNDCG, source: trecEval + " Rndcg, experimental",
			summary: "mean of nDCG at the ranks where the ideal ranking goes over to a lower grade", aliases: []string{"rndcg"}},
		{name: "RelNDCG", cut: cutNever, value: relevantNDCG, source: trecEval + " ndcg_rel, experimental",
			summary: "mean of nDCG at the ranks of the relevant documents", aliases: []string{"ndcg_rel"}},
		{name: "Compat", cut: cutNever, params: []param{persistence("0.95")}, value: compatibility, prepare: defaultP(0.95), source: "Clarke et al. 2021, as in ir_measures",
			summary: "rank-biased overlap with the nearest ideal ranking, normalised"},
	}
}

func pooledMeasures() []spec {
	return []spec{
		{name: "Bpref", cut: cutNever, params: []param{rel()}, value: bpref, source: trecEval,
			summary: "share of judged non-relevant documents below each relevant one; blind to unjudged documents"},
		{name: "GBpref", cut: cutNever, params: []param{rel()}, value: bpref, mean: geometric, source: trecEval + " gm_bpref",
			summary: "geometric mean of Bpref over topics", aliases: []string{"gm_bpref"}},
		{name: "infAP", cut: cutNever, params: []param{rel()}, value: inferredAP, source: "Yilmaz and Aslam 2006, as in " + trecEval,
			summary: "AP estimated from a sampled pool"},
		{name: "Unjudged", cut: cutMay, value: unjudged, expected: expectedUnjudged, source: trecEval + " 10 unj",
			summary: "documents in the top k that nobody judged, divided by k", aliases: []string{"unj"}},
		{name: "Judged", cut: cutMay, value: judged, expected: expectedJudged, source: "ir_measures",
			summary: "judged documents in the top k, divided by min(k, retrieved); a negative grade is no judgement, which it is in ir_measures"},
		{name: "Hole", cut: cutMust, value: holes, source: "BEIR",
			summary: "documents in the top k that were judged for no topic at all, divided by k"},
	}
}

func setMeasures() []spec {
	return []spec{
		{name: "SetP", cut: cutNever, params: []param{rel()}, value: setPrecision, expected: setPrecision, source: trecEval, summary: "precision of everything retrieved", aliases: []string{"set_p"}},
		{name: "SetR", cut: cutNever, params: []param{rel()}, value: setRecall, expected: setRecall, source: trecEval, summary: "recall of everything retrieved", aliases: []string{"set_recall"}},
		{name: "SetF", cut: cutNever, params: []param{rel(), beta()}, value: setF, expected: setF, prepare: defaultBeta, source: trecEval, summary: "(beta+1)PR/(R + beta P) of everything retrieved", aliases: []string{"set_f"}},
		{name: "SetAP", cut: cutNever, params: []param{rel()}, value: setAP, expected: setAP, source: trecEval, summary: "precision times recall of everything retrieved", aliases: []string{"set_map"}},
		{name: "SetRelP", cut: cutNever, params: []param{rel()}, value: setRelativeP, expected: setRelativeP, source: trecEval, summary: "relevant retrieved, divided by min(R, retrieved)", aliases: []string{"set_relative_p"}},
		{name: "Utility", cut: cutNever, params: []param{rel()}, value: utility, expected: utility, source: trecEval, summary: "relevant minus other documents retrieved"},
	}
}

func countMeasures() []spec {
	return []spec{
		{name: "NumRet", cut: cutNever, mean: total, value: numRet, expected: numRet, source: trecEval, summary: "documents retrieved, summed over topics", aliases: []string{"num_ret"}},
		{name: "NumRel", cut: cutNever, mean: total, params: []param{rel()}, value: numRel, expected: numRel, source: trecEval, summary: "relevant documents, summed over topics", aliases: []string{"num_rel"}},
		{name: "NumRelRet", cut: cutNever, mean: total, params: []param{rel()}, value: numRelRet, expected: numRelRet, source: trecEval, summary: "relevant documents retrieved, summed over topics", aliases: []string{"num_rel_ret"}},
		{name: "NumNonrelRet", cut: cutNever, mean: total, params: []param{rel()}, value: numNonrelRet, expected: numNonrelRet, source: trecEval, summary: "documents retrieved that are judged not relevant, summed over topics", aliases: []string{"num_nonrel_judged_ret"}},
	}
}

func rel() param {
	return param{"rel", "lowest grade that counts as relevant", func(m *Measure, s string) error { return whole(s, 1, &m.Rel) },
		func(m Measure) string { return unless(m.Rel == 0, strconv.Itoa(m.Rel)) }}
}

func maxGrade() param {
	return param{"max", "highest grade of the scale, default 4", func(m *Measure, s string) error { return whole(s, 1, &m.Max) },
		func(m Measure) string { return unless(m.Max == 0 || m.Max == 4, strconv.Itoa(m.Max)) }}
}

func gain() param {
	return param{"gain", "exp for 2^grade-1, or gains by grade as 1:3.5;2:10; default the grade", setGain, func(m Measure) string { return m.Gain }}
}

func gradedGain() param {
	return param{"gain", "graded for grade/highest given grade; default 1 for every relevant document", func(m *Measure, s string) error {
		m.Gain = s
		if s != "graded" {
			return fmt.Errorf("gain %q: the only one is graded", s)
		}
		return nil
	}, func(m Measure) string { return m.Gain }}
}

func discount() param {
	return param{"discount", "jk for the older form without discount at ranks 1 and 2; default log2(rank+1)", func(m *Measure, s string) error {
		m.Discount = s
		if s != "jk" {
			return fmt.Errorf("discount %q: the only other one is jk", s)
		}
		return nil
	}, func(m Measure) string { return m.Discount }}
}

func persistence(usual string) param {
	return param{"p", "persistence of the user, above 0 and below 1, default " + usual, func(m *Measure, s string) error { return number(s, 0, 1, &m.P) },
		func(m Measure) string { return format(m.P) }}
}

func recallPoint() param {
	return param{"recall", "recall to interpolate at, in [0, 1]", func(m *Measure, s string) error {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || !(v >= 0 && v <= 1) {
			return fmt.Errorf("recall %q is not a number in [0, 1]", s)
		}
		m.Recall = v
		return nil
	}, func(m Measure) string { return format(m.Recall) }}
}

func beta() param {
	return param{"beta", "weight of recall against precision, default 1", func(m *Measure, s string) error { return number(s, 0, 1e9, &m.Beta) },
		func(m Measure) string { return unless(m.Beta == 1, format(m.Beta)) }}
}

func factor() param {
	return param{"factor", "multiple of R", func(m *Measure, s string) error { return number(s, 0, 1e9, &m.Factor) },
		func(m Measure) string { return format(m.Factor) }}
}

func defaultP(p float64) func(Measure) (Measure, error) {
	return func(m Measure) (Measure, error) {
		if m.P == 0 {
			m.P = p
		}
		return m, nil
	}
}

func defaultBeta(m Measure) (Measure, error) {
	if m.Beta == 0 {
		m.Beta = 1
	}
	return m, nil
}

func setGain(m *Measure, s string) error {
	m.Gain = s
	if s == "exp" {
		return nil
	}
	_, err := parseGains(s)
	return err
}

func unless(isDefault bool, text string) string {
	if isDefault {
		return ""
	}
	return text
}

func format(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func whole(s string, least int, into *int) error {
	v, err := strconv.Atoi(s)
	if err != nil || v < least {
		return fmt.Errorf("%q is not a whole number of at least %d", s, least)
	}
	*into = v
	return nil
}

func number(s string, low, high float64, into *float64) error {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v > low && v < high) {
		return fmt.Errorf("%q is not a number above %v and below %v", s, low, high)
	}
	*into = v
	return nil
}

// parseGains reads "1:3.5;2:10".
func parseGains(s string) (map[int32]float64, error) {
	gains := map[int32]float64{}
	for pair := range strings.SplitSeq(s, ";") {
		grade, value, ok := strings.Cut(pair, ":")
		g, err := strconv.ParseInt(grade, 10, 32)
		v, errV := strconv.ParseFloat(value, 64)
		if !ok || err != nil || errV != nil || g < 1 || !(v >= 0 && v < 1e300) {
			return nil, fmt.Errorf("gain %q: write exp, or gains by grade as 1:3.5;2:10", s)
		}
		gains[int32(g)] = v
	}
	return gains, nil
}
