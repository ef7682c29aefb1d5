// Package nearest finds the known name that a mistyped one was meant to be.
package nearest

import "strings"

// Name returns the known name with the fewest edits from the given one, letter
// case aside, and "" if none is within half its length. Of equally near names
// the first wins.
func Name(given string, known []string) string {
	best, least := "", len([]rune(given))/2+1
	for _, k := range known {
		if d := distance(strings.ToLower(given), strings.ToLower(k)); d < least {
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

// distance is Levenshtein's.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j, s := range y {
			cost := diagonal
			if r != s {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(y)]
}
