package stats

import (
	"errors"
	"fmt"
	"math"

	"github.com/rankcascade/cascade/benchmarks/internal/wording"
)

// ErrTooFew is returned where there are too few topics for the question.
var ErrTooFew = errors.New("stats: too few topics")

// Test is the outcome of a significance test.
type Test struct {
	// Name says which test it was, with what decides its outcome.
	Name string
	// Statistic is the test's own: t, the mean difference, W, q.
	Statistic float64
	// P is the two-sided p value, in (0, 1].
	P float64
}

// Differences returns b[i] - a[i] for each topic. It panics if the lengths
// differ: values of different topics cannot be paired.
func Differences(a, b []float64) []float64 {
	if len(a) != len(b) {
		panic(fmt.Sprintf("stats: %d values cannot be paired with %d", len(a), len(b)))
	}
	d := make([]float64, len(a))
	for i := range d {
		d[i] = b[i] - a[i]
	}
	return d
}

// Repeats averages several runs of one system topic by topic: repeats of a
// system that is not deterministic are no independent topics, and must be
// averaged before they are tested. All repeats must have the same length.
func Repeats(runs ...[]float64) ([]float64, error) {
	if len(runs) == 0 {
		return nil, errors.New("stats: average repeats: none given")
	}
	mean := make([]float64, len(runs[0]))
	for i, run := range runs {
		if len(run) != len(mean) {
			return nil, fmt.Errorf("stats: average repeats: repeat %d has %d topics, the first has %d", i+1, len(run), len(mean))
		}
		for j, v := range run {
			mean[j] += v
		}
	}
	for j := range mean {
		mean[j] /= float64(len(runs))
	}
	return mean, nil
}

// Summary describes paired differences.
type Summary struct {
	// Topics is their number; Wins, Ties and Losses count positive, zero and
	// negative ones.
	Topics, Wins, Ties, Losses int
	// Mean is the mean difference and Deviation the sample standard deviation,
	// 0 for a single topic.
	Mean, Deviation float64
	// Effect is Cohen's d for paired samples, Mean/Deviation; 0, because it has no
	// value, if the deviation is 0.
	Effect float64
}

// Describe summarises differences.
func Describe(d []float64) Summary {
	s := Summary{Topics: len(d)}
	for _, v := range d {
		switch {
		case v > 0:
			s.Wins++
		case v < 0:
			s.Losses++
		default:
			s.Ties++
		}
	}
	s.Mean, s.Deviation = meanAndDeviation(d)
	if s.Deviation != 0 {
		s.Effect = s.Mean / s.Deviation
	}
	return s
}

// String prints the summary in one line.
func (s Summary) String() string {
	losses := wording.Verb(s.Losses, "loss", "losses")
	return fmt.Sprintf("%+.4f over %s, %s, %s, %d %s, d = %.2f", s.Mean, wording.Count(s.Topics, "topic"), wording.Count(s.Wins, "win"), wording.Count(s.Ties, "tie"), s.Losses, losses, s.Effect)
}

func meanAndDeviation(d []float64) (mean, deviation float64) {
	if len(d) == 0 {
		return 0, 0
	}
	for _, v := range d {
		mean += v
	}
	mean /= float64(len(d))
	if len(d) < 2 || allEqual(d) {
		return mean, 0
	}
	sum := 0.0
	for _, v := range d {
		sum += float64((v - mean) * (v - mean))
	}
	return mean, math.Sqrt(sum / float64(len(d)-1))
}

func allEqual(d []float64) bool {
	for _, v := range d {
		if v != d[0] {
			return false
		}
	}
	return true
}

// TTest is Student's paired test. Differences that are all zero give p = 1.
// Differences that are all equal and not zero leave t without a value (scipy
// says p = 0); they get the exact p of the sign-flip test instead, 2^(1-n).
func TTest(d []float64) (Test, error) {
	if err := check(d, 2); err != nil {
		return Test{}, err
	}
	test := Test{Name: "paired t", P: 1}
	mean, deviation := meanAndDeviation(d)
	switch {
	case mean == 0 && deviation == 0:
	case deviation == 0:
		test.Statistic = math.Inf(int(math.Copysign(1, mean)))
		test.P = math.Min(1, math.Ldexp(1, 1-len(d)))
	default:
		test.Statistic = mean / (deviation / math.Sqrt(float64(len(d))))
		test.P = studentTail(test.Statistic, float64(len(d)-1))
	}
	return test, nil
}

func check(d []float64, least int) error {
	if len(d) < least {
		return fmt.Errorf("%w: %d, at least %d are needed", ErrTooFew, len(d), least)
	}
	for i, v := range d {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("stats: difference %d is %v", i, v)
		}
	}
	return nil
}

// DetectableDifference returns the smallest true mean difference that a paired
// two-sided t test at level alpha finds with the given power among n topics
// whose differences have the sample deviation. Typical values are 0.05 and 0.8.
// The formula is the usual (t(1-alpha/2) + t(power)) * deviation / sqrt(n).
func DetectableDifference(deviation float64, n int, alpha, power float64) (float64, error) {
	if n < 2 {
		return 0, fmt.Errorf("%w: %d, at least 2 are needed", ErrTooFew, n)
	}
	if !(alpha > 0 && alpha < 1 && power > 0 && power < 1 && deviation >= 0) {
		return 0, fmt.Errorf("stats: detectable difference: alpha %v and power %v must lie between 0 and 1, the deviation %v not below 0", alpha, power, deviation)
	}
	df := float64(n - 1)
	return (studentQuantile(1-alpha/2, df) + studentQuantile(power, df)) * deviation / math.Sqrt(float64(n)), nil
}
