"""Makes golden.json with scipy and statsmodels; run: python3 generate.py > golden.json

Values are Python's shortest decimal forms, which read back to the same bits.
"""
import itertools, json, sys
import numpy as np, scipy, statsmodels
from scipy import stats
from statsmodels.stats.multitest import multipletests

rng = np.random.default_rng(7)
cases = {
    "fifty topics": rng.normal(.02, .1, 50), "twelve topics": rng.normal(.05, .1, 12), "ten topics": rng.normal(.03, .1, 10),
    "ties and zeros": np.round(rng.normal(.1, .5, 40), 1), "large": rng.normal(.01, .2, 300), "skewed": rng.exponential(1, 60) - .7,
}
out = {"versions": {"python": sys.version.split()[0], "numpy": np.__version__, "scipy": scipy.__version__, "statsmodels": statsmodels.__version__}, "paired": {}}
for name, d in cases.items():
    t, w = stats.ttest_1samp(d, 0), stats.wilcoxon(d)
    entry = {"d": d.tolist(), "t": t.statistic, "t_p": t.pvalue, "w": w.statistic, "w_p": w.pvalue}
    if len(d) <= 12:
        observed = abs(d.sum()) - 1e-12
        entry["flip_p"] = sum(abs(np.dot(s, d)) >= observed for s in itertools.product((1, -1), repeat=len(d))) / 2 ** len(d)
    for method in ("BCa", "percentile"):
        ci = stats.bootstrap((d,), np.mean, n_resamples=200000, method=method, rng=np.random.default_rng(1), batch=2000).confidence_interval
        entry[method] = [ci.low, ci.high]
    out["paired"][name] = entry
index = np.random.default_rng(3).integers(0, 20, (500, 20))
d = cases["skewed"][:20]
class Fixed:
    def integers(self, *a, **k): return index
means = d[index].mean(axis=1)
out["fixed"] = {"d": d.tolist(), "means": means.tolist()}
theta = d.mean(); z0 = stats.norm.ppf((np.sum(means < theta) + np.sum(means <= theta)) / 2 / len(means))
jack = np.array([np.delete(d, i).mean() for i in range(20)]); u = jack.mean() - jack
a = (u ** 3).sum() / (6 * (u ** 2).sum() ** 1.5)
ends = [stats.norm.cdf(z0 + (z0 + z) / (1 - a * (z0 + z))) for z in (stats.norm.ppf(.025), stats.norm.ppf(.975))]
out["fixed"]["BCa"] = [float(np.percentile(means, 100 * e)) for e in ends]
groups = [rng.normal(.3 + .03 * i, .1, 25) for i in range(4)]
out["tukey"] = {"groups": [g.tolist() for g in groups], "p": stats.tukey_hsd(*groups).pvalue.tolist()}
out["range"] = [[q, k, df, stats.studentized_range.sf(q, k, df)] for q in (.5, 2., 3.5, 5.) for k in (2, 3, 10) for df in (2, 5, 24, 147, 1000)]
out["tdist"] = [[t, df, 2 * stats.t.sf(t, df)] for t in (.1, 1., 2.4691, 7., 30.) for df in (1, 2, 9, 42, 500)]
out["tquantile"] = [[p, df, stats.t.ppf(p, df)] for p in (.8, .975, .999) for df in (1, 9, 49)]
ps = [.01, .04, .03, .005]
more = rng.uniform(0, 1, 15).round(3).tolist() + [.001, .001, 0., 1.]
out["adjust"] = [{"p": p, **{m: multipletests(p, method=s)[1].tolist() for m, s in {"bonferroni": "bonferroni", "holm": "holm", "holm-sidak": "holm-sidak", "hommel": "hommel", "bh": "fdr_bh", "by": "fdr_by"}.items()}} for p in (ps, more)]
json.dump(out, sys.stdout, indent=None, separators=(",", ":"))
