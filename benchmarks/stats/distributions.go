package stats

import "math"

// studentTail returns the two-sided tail probability of |t| with df degrees of
// freedom.
func studentTail(t, df float64) float64 {
	return incompleteBeta(df/2, .5, df/(df+t*t))
}

// studentQuantile inverts the distribution function of t by bisection.
func studentQuantile(p, df float64) float64 {
	if p < .5 {
		return -studentQuantile(1-p, df)
	}
	low, high := 0.0, 1.0
	for studentTail(high, df)/2 > 1-p {
		high *= 2
	}
	for range 200 {
		mid := (low + high) / 2
		if studentTail(mid, df)/2 > 1-p {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}

// incompleteBeta is the regularised incomplete beta function I_x(a, b), by
// Lentz's continued fraction (Press et al., Numerical Recipes, 6.4).
func incompleteBeta(a, b, x float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab - la - lb + a*math.Log(x) + b*math.Log1p(-x))
	if x < (a+1)/(a+b+2) {
		return front * betaFraction(a, b, x) / a
	}
	return 1 - front*betaFraction(b, a, 1-x)/b
}

func betaFraction(a, b, x float64) float64 {
	const tiny = 1e-300
	guard := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/guard(1-(a+b)*x/(a+1))
	h := d
	for i := 1.0; i < 10000; i++ {
		even := i * (b - i) * x / ((a + 2*i - 1) * (a + 2*i))
		d = 1 / guard(1+even*d)
		c = guard(1 + even/c)
		h *= d * c
		odd := -(a + i) * (a + b + i) * x / ((a + 2*i) * (a + 2*i + 1))
		d = 1 / guard(1+odd*d)
		c = guard(1 + odd/c)
		step := d * c
		h *= step
		if math.Abs(step-1) < 1e-16 {
			break
		}
	}
	return h
}

// normalCDF is the standard normal distribution function.
func normalCDF(x float64) float64 { return .5 * math.Erfc(-x/math.Sqrt2) }

// normalQuantile inverts it.
func normalQuantile(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

// studentizedRangeTail returns P(Q > q) for the range of k standard normal
// means over an independent estimate of the deviation with df degrees of
// freedom: the outer integral over the estimate, the inner over the smallest
// mean, both by Gauss-Legendre panels.
func studentizedRangeTail(q float64, k int, df float64) float64 {
	if q <= 0 {
		return 1
	}
	// s = sqrt(chi2/df) has density c * s^(df-1) * exp(-df s^2/2).
	lg, _ := math.Lgamma(df / 2)
	logC := math.Ln2 + df/2*math.Log(df/2) - lg
	width := 9 / math.Sqrt(2*df)
	low, high := math.Max(0, 1-width), 1+width
	if df < 10 {
		low, high = 0, 1+12/math.Sqrt(df)
	}
	p := integrate(low, high, 24, func(s float64) float64 {
		if s == 0 {
			return 0
		}
		return math.Exp(logC+(df-1)*math.Log(s)-df*s*s/2) * rangeCDF(q*s, k)
	})
	return math.Min(1, math.Max(0, 1-p))
}

// rangeCDF is the distribution function of the range of k standard normals.
func rangeCDF(w float64, k int) float64 {
	return float64(k) * integrate(-8.5, 8.5, 16, func(z float64) float64 {
		return math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) * math.Pow(normalCDF(z+w)-normalCDF(z), float64(k-1))
	})
}

// integrate applies the 8-point Gauss-Legendre rule on equal panels.
func integrate(low, high float64, panels int, f func(float64) float64) float64 {
	nodes := [4]float64{.1834346424956498, .5255324099163290, .7966664774136267, .9602898564975363}
	weights := [4]float64{.3626837833783620, .3137066458778873, .2223810344533745, .1012285362903763}
	half := (high - low) / float64(panels) / 2
	sum := 0.0
	for i := range panels {
		mid := low + half*float64(2*i+1)
		for j, x := range nodes {
			sum += weights[j] * (f(mid-half*x) + f(mid+half*x))
		}
	}
	return sum * half
}
