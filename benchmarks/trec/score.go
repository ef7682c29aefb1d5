package trec

import "strconv"

// exactPowers are the powers of ten that a float64 holds exactly.
var exactPowers = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// parseScore is strconv.ParseFloat in 64 bits, faster for the plain decimals of
// run files. With digits below 2^53 and a power of ten that is exact, one
// division rounds correctly (Clinger 1990); all else goes to strconv.
func parseScore(s string) (float64, error) {
	i, negative := 0, false
	if s != "" && s[0] == '-' {
		i, negative = 1, true
	}
	digits, places, seen := uint64(0), -1, 0
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c-'0' <= 9:
			digits = digits*10 + uint64(c-'0')
			seen++
			if places >= 0 {
				places++
			}
		case c == '.' && places < 0:
			places = 0
		default:
			return strconv.ParseFloat(s, 64)
		}
	}
	if seen == 0 || seen > 19 || digits > 1<<53 || places >= len(exactPowers) {
		return strconv.ParseFloat(s, 64)
	}
	v := float64(digits)
	if places > 0 {
		v /= exactPowers[places]
	}
	if negative {
		v = -v
	}
	return v, nil
}
