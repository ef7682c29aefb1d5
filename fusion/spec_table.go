package fusion

import (
	"reflect"
	"slices"
)

// The tables are made once and never written to.
var (
	canonicals  = canonicalTable()
	methods     = withEngines(canonicals)
	normalisers = normaliserTable()
	nameByType  = namesByType(canonicals, normalisers)
)

// entry is a row of a table: a name, a value with the defaults, the formula and
// its source. A new formula is a new row; a test names the types without one.
type entry struct {
	name      string
	prototype any
	formula   string
	source    string
}

// withEngines adds what engines compute to the canonical methods.
func withEngines(table []entry) []entry {
	table = slices.Clone(table)
	for _, form := range rrfForms() {
		m := EngineRRF{Engine: form.engine}
		table = append(table, entry{m.specName(), m, form.formula, form.source})
	}
	for _, form := range scoreForms() {
		m := EngineScore{Engine: form.engine}
		table = append(table, entry{m.specName(), m, form.formula, form.source})
	}
	return table
}

// namesByType indexes the names; the first row of a type counts.
func namesByType(tables ...[]entry) map[reflect.Type]string {
	out := map[reflect.Type]string{}
	for _, table := range tables {
		for _, e := range table {
			if t := reflect.TypeOf(e.prototype); out[t] == "" {
				out[t] = e.name
			}
		}
	}
	return out
}

// canonicalTable is every method that is not an engine's, by name.
func canonicalTable() []entry {
	return []entry{
		{"rrf", RRF{}, "Σ w/(k+r)", "Cormack, Clarke and Büttcher 2009; ranx rrf with equal weights"},
		{"convex", Convex{}, "Σ w·norm(s), Σ w = 1", "Bruch, Gai and Ingber 2023"},
		{"wsum", WSUM{}, "Σ w·norm(s)", "ranx wsum"},
		{"combsum", CombSUM{}, "Σ norm(s)", "Fox and Shaw 1993; ranx sum"},
		{"combmnz", CombMNZ{}, "count · Σ norm(s)", "Fox and Shaw 1993; ranx mnz"},
		{"combanz", CombANZ{}, "Σ norm(s) / count", "Fox and Shaw 1993; ranx anz"},
		{"combmax", CombMAX{}, "max norm(s)", "Fox and Shaw 1993; ranx max"},
		{"combmin", CombMIN{}, "min norm(s)", "Fox and Shaw 1993; ranx min"},
		{"combmed", CombMED{}, "median norm(s)", "Fox and Shaw 1993; ranx med"},
		{"combgmnz", CombGMNZ{}, "count^gamma · Σ norm(s)", "Lee 1997; ranx gmnz"},
		{"wmnz", WMNZ{}, "(Σ w of the lists that hold it) · Σ norm(s)", "ranx wmnz"},
		{"mixed", Mixed{}, "√count · Σ w·norm(s)", "Wu and Crestani 2002; ranx mixed"},
		{"tm2c2", TM2C2{}, "alpha·TM2(second) + (1-alpha)·TM2(first)", "Bruch, Gai and Ingber 2023"},
		{"log-odds", LogOdds{}, "Σ w·(logit(p)-logit(prior))", "naive Bayes; Bayesian BM25"},
		{"isr", ISR{}, "count · Σ 1/r²", "Mourão, Martins and Magalhães 2015; ranx isr"},
		{"log-isr", LogISR{}, "ln(count+sigma) · Σ 1/r²", "Mourão, Martins and Magalhães 2015; ranx log_isr, logn_isr"},
		{"logn-isr", LogISR{Sigma: 0.01}, "ln(count+0.01) · Σ 1/r²", "ranx logn_isr; prints as log-isr(sigma=0.01)"},
		{"rbc", RBC{}, "Σ (1-phi)·phi^(r-1)", "Bailey, Moffat, Scholer and Thomas 2017; ranx rbc"},
		{"borda", Borda{}, "Σ w·(c-r+1), missing (c-n+1)/2", "Aslam and Montague 2001; ranx bordafuse, w_bordafuse"},
		{"median-rank", MedianRank{}, "-median r", "Fagin, Kumar and Sivakumar 2003"},
		{"smooth-rrf", SmoothRRF{}, "Σ w/(k+½+Σ σ(beta·Δs))", "Bruch, Gai and Ingber 2023"},
		{"softmax-rrf", SoftmaxRRF{}, "Σ w·softmax(s)/(k+r)", "Distribution-Aware-Rank-Fusion"},
		{"condorcet", Condorcet{}, "order by pairwise majorities", "Montague and Aslam 2002; ranx condorcet, w_condorcet"},
		{"copeland", Copeland{}, "wins - losses", "Copeland 1951"},
		{"schulze", Schulze{}, "order by strongest paths", "Schulze 2011"},
		{"ranked-pairs", RankedPairs{}, "order by locked majorities", "Tideman 1987"},
		{"mapfuse", MAPFuse{}, "Σ MAP/r", "Lillis and others 2010; ranx mapfuse"},
		{"posfuse", PosFuse{}, "Σ p(r)", "Lillis and others 2010; ranx posfuse"},
		{"probfuse", ProbFuse{}, "Σ p(k)/k by equal segments", "Lillis and others 2006; ranx probfuse"},
		{"segfuse", SegFuse{}, "Σ p(k)·(norm(s)+1) by growing segments", "Shokouhi 2007; ranx segfuse"},
		{"slidefuse", SlideFuse{}, "Σ mean p over a window", "Lillis and others 2008; ranx slidefuse"},
		{"bayesfuse", BayesFuse{}, "Σ log-odds by bucket", "Aslam and Montague 2001; ranx bayesfuse"},
		{"geometric-mean", GeometricMean{}, "exp(Σ w·ln norm(s) / Σ w)", "standard"},
		{"harmonic-mean", HarmonicMean{}, "Σ w / Σ (w/norm(s))", "standard"},
		{"interleave", Interleave{}, "round robin", "standard"},
		{"concatenate", Concatenate{}, "each list below the ones before", "PyTerrier ^"},
	}
}

// normaliserTable is every normaliser by name.
func normaliserTable() []entry {
	return []entry{
		{"auto", Auto{}, "by the list's declared scale", "this module"},
		{"none", None{}, "s", "every engine's raw mode"},
		{"minmax", MinMax{}, "(s-m)/(M-m)", "Lee 1997"},
		{"tm2", TheoreticalMinMax{}, "(s-m0)/(M-m0)", "Bruch, Gai and Ingber 2023"},
		{"bounded", BoundedMinMax{}, "(s-low)/(high-low), clipped", "fixed bounds"},
		{"opensearch-minmax", OpenSearchMinMax{}, "(s-m)/(M-m) with bounds, float32", "OpenSearch min_max with lower_bounds and upper_bounds"},
		{"centred", Centred{}, "0.5 + (s-(m+M)/2)/(M-m)", "Vespa normalize_linear; pyserini HybridSearcher"},
		{"max", MaxScore{}, "s/M", "ranx max"},
		{"sum", SumScore{}, "(s-m)/(Σs - n·m)", "Montague and Aslam 2001; ranx sum; polyfuse"},
		{"l1", L1{}, "s/Σ|s|", "standard"},
		{"l2", L2{}, "s/√Σs²", "OpenSearch l2; Elasticsearch l2_norm; Infinity"},
		{"zscore", ZScore{}, "(s-μ)/σ", "Montague and Aslam 2001; ranx zmuv"},
		{"threesigma", ThreeSigma{}, "(s-(μ-3d))/(6d)", "Qdrant DBSF; Haystack; LlamaIndex"},
		{"rank", Rank{}, "1-(r-1)/n", "ranx rank"},
		{"borda", BordaScore{}, "1-(r-1)/c, missing ½-(n-1)/(2c)", "ranx borda"},
		{"sigmoid", Sigmoid{}, "1/(1+exp(-(s-bias)/temperature)), logits only", "standard"},
		{"softmax", Softmax{}, "exp(s/T)/Σexp(s/T)", "standard"},
		{"arctan", ArcTan{}, "½+atan(s)/π", "Infinity; Milvus"},
		{"exptail", ExpTail{}, "max(s,0)+min(exp(s),1)", "Elasticsearch text_similarity_reranker"},
		{"log1p", Log1p{}, "sign(s)·ln(1+|s|)", "standard"},
		{"boxcox", BoxCox{}, "(s^lambda-1)/lambda", "Box and Cox 1964"},
		{"gumbel", Gumbel{}, "exp(-exp(-(s-μ)/β))", "moments; scipy gumbel_r.cdf"},
		{"logistic", Logistic{}, "1/(1+exp(-(s-μ)/β))", "moments; scipy logistic.cdf"},
		{"normal", Normal{}, "Φ((s-μ)/σ)", "moments; scipy norm.cdf"},
		{"robust", Robust{}, "(s-median)/IQR", "standard"},
		{"quantile", Quantile{}, "share of scores ≤ s", "standard"},
		{"mixture", Mixture{}, "P(relevant | s), exponential and normal", "Manmatha, Rath and Feng 2001"},
		{"calibration", Calibration{}, "P(relevant | s), learnt", "Platt 1999; Guo 2017; Kull 2017; isotonic regression"},
	}
}
