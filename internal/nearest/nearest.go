package nearest

import "strings"

// Name returns the known name with the fewest edits from the given one, letter
// case aside: a letter more, less or other, or two neighbours swapped. A known
// name that begins with the given one is one edit away. It returns "" if none is
// within half the given length, or within two edits if that is more; of equally
// near names the shortest wins, and then the first.
func Name(given string, known []string) string {
	word := strings.ToLower(given)
	if word == "" {
		return ""
	}
	best, least := "", max(2, len(word)/2)+1
	for _, k := range known {
		d := distance(word, strings.ToLower(k))
		if strings.HasPrefix(strings.ToLower(k), word) {
			d = min(d, 1)
		}
		if d < least || (d == least && best != "" && len(k) < len(best)) {
			best, least = k, d
		}
	}
	return best
}

// Hint returns `; did you mean "x"?`, or "" if nothing is near.
func Hint(given string, known []string) string {
	name := Name(given, known)
	if name == "" {
		return ""
	}
	return `; did you mean "` + name + `"?`
}

// distance is Levenshtein's, with the swap of two neighbours as one step.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			if a[i-1] == b[j-1] {
				d[i][j] = d[i-1][j-1]
				continue
			}
			d[i][j] = 1 + min(d[i-1][j-1], d[i-1][j], d[i][j-1])
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
