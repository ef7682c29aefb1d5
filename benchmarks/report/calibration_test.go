package report_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/report"
)

// The model's scores are probabilities, so its system has a reliability diagram whose
// dots lie where the bins say; systems on other scales have none.
func TestProbabilitiesHaveAReliabilityDiagram(t *testing.T) {
	t.Parallel()
	r := sample(t, "first", 40)
	with := 0
	for _, s := range r.Systems {
		if s.Calibration == nil {
			continue
		}
		with++
		n, ece, mean := 0, 0.0, 0.0
		for _, b := range s.Calibration.Bins {
			n += b.Documents
			ece += float64(b.Documents) * math.Abs(b.Mean-b.Share)
			mean += float64(b.Documents) * b.Mean
		}
		assert.Equal(t, s.Calibration.Documents, n)
		assert.InDelta(t, s.Calibration.ECE, ece/float64(n), 1e-12)
	}
	require.Positive(t, with)
	require.Less(t, with, len(r.Systems))

	b := openBrowser(t)
	b.Size(1280, 900, false)
	file, _ := written(t, report.Options{}, r)
	b.open(file, "")
	b.Eval(`document.querySelectorAll("details").forEach((d) => { d.open = true; })`)
	assert.InDelta(t, with, b.Eval(`document.querySelectorAll(".reliability svg").length`), 0)
	assert.Equal(t, true, b.Eval(`[...document.querySelectorAll(".reliability")].every((d) => {
		const rows = [...d.querySelectorAll("tbody tr")].map((r) => [...r.children].map((c) => Number(c.textContent)));
		const dots = [...d.querySelectorAll("circle")];
		return dots.length === rows.length && dots.every((c, i) => Math.abs((c.getAttribute("cx") - 40) / 240 - rows[i][2]) < 0.002 && Math.abs(1 - (c.getAttribute("cy") - 12) / 240 - rows[i][3]) < 0.002);
	})`))
	b.Shoot("reliability", true)
}

// A name without any place to break at stays within its column, at every width.
func TestANameThatIsOneLongWordStaysInItsColumn(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	r := sample(t, "first", 40)
	name := "run" + strings.Repeat("x", 140)
	was := r.Systems[2].Name
	r.Systems[2].Name = name
	for i := range r.Comparisons {
		if r.Comparisons[i].System == was {
			r.Comparisons[i].System = name
		}
	}
	file, _ := written(t, report.Options{}, r)
	for _, width := range []int{400, 1024, 1280, 1920} {
		b.Size(width, 900, false)
		b.open(file, "?a#system="+name)
		assert.Empty(t, b.Eval(brokenHeads), "%d px", width)
		outside := b.Eval(`[...document.querySelectorAll("body *")].filter((e) => !e.parentElement.closest(".scroll") && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map((e) => e.tagName + "." + (e.getAttribute("class") || e.id)).join(" ")`)
		assert.Empty(t, outside, "%d px", width)
		assert.Equal(t, b.Eval(`document.documentElement.clientWidth`), b.Eval(`document.documentElement.scrollWidth`), "%d px", width)
	}
}
