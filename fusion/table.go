package fusion

// methodTable is every method by name. It is made anew for each call, so that
// nothing can change it.
func methodTable() []entry {
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
	}
}

// normaliserTable is every normaliser by name.
func normaliserTable() []entry {
	return []entry{
		{"auto", Auto{}, "by the list's declared scale", "this module"},
		{"none", None{}, "s", "every engine's raw mode"},
		{"minmax", MinMax{}, "(s-m)/(M-m)", "Lee 1997"},
		{"tm2", TheoreticalMinMax{}, "(s-m0)/(M-m0)", "Bruch, Gai and Ingber 2023"},
		{"bounded", BoundedMinMax{}, "(s-low)/(high-low), clipped", "fixed bounds; OpenSearch's lower and upper bounds"},
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
	}
}
