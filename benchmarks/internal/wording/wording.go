// Package wording counts things in the sentences of tables and reports.
//
//	wording.Count(1, "topic") + " " + wording.Are(1) // 1 topic is
//	wording.Small(.00021)                          // 0.0002
package wording

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Count returns a number and its noun, such as "1 topic" and "3 queries".
func Count(n int, noun string) string { return strconv.Itoa(n) + " " + Noun(n, noun) }

// Of returns "2 of 3 topics".
func Of(part, whole int, noun string) string {
	return fmt.Sprintf("%d of %s", part, Count(whole, noun))
}

// Noun returns the noun for so many of a kind, without the number. A noun in y
// after a consonant ends in ies.
func Noun(n int, noun string) string {
	if n == 1 {
		return noun
	}
	if stem, y := strings.CutSuffix(noun, "y"); y && stem != "" && !strings.ContainsRune("aeiou", rune(stem[len(stem)-1])) {
		return stem + "ies"
	}
	return noun + "s"
}

// Are returns "is" for one and "are" for any other number.
func Are(n int) string { return Verb(n, "is", "are") }

// Verb returns the form of a verb for so many.
func Verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// Small prints a figure with three decimals, or with as many as its first digit
// needs: a figure that is not 0 never reads 0.000.
func Small(v float64) string {
	if v == 0 || math.Abs(v) >= .0005 {
		return strconv.FormatFloat(v, 'f', 3, 64)
	}
	places := int(math.Ceil(-math.Log10(math.Abs(v))))
	return strconv.FormatFloat(v, 'f', places, 64)
}

// Some prints the first five names of a list.
func Some(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + ", ..."
}
