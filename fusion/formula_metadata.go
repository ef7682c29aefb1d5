package fusion

import (
	"reflect"
	"strconv"
	"strings"
)

// lookUp returns the value under a key, or under a path of keys with dots between them.
func lookUp(metadata map[string]any, key string) (any, bool) {
	if v, ok := metadata[key]; ok {
		return v, v != nil
	}
	outer, inner, nested := strings.Cut(key, ".")
	if !nested {
		return nil, false
	}
	below, ok := metadata[outer].(map[string]any)
	if !ok {
		return nil, false
	}
	return lookUp(below, inner)
}

// numberOf returns a number, a truth value as 0 or 1, or a text that is a number.
func numberOf(value any) (float64, bool) {
	v := reflect.ValueOf(value)
	switch {
	case !v.IsValid():
		return 0, false
	case v.CanFloat():
		return v.Float(), finite(v.Float())
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanUint():
		return float64(v.Uint()), true
	case v.Kind() == reflect.Bool:
		return truth(v.Bool()), true
	case v.Kind() == reflect.String: // json.Number is one
		x, err := strconv.ParseFloat(v.String(), 64)
		return x, err == nil && finite(x)
	}
	return 0, false
}

// holds reports whether a value is the text or the number, or a list that has it.
func holds(value any, want *expr) bool {
	v := reflect.ValueOf(value)
	if v.Kind() == reflect.Slice {
		for i := range v.Len() {
			if holds(v.Index(i).Interface(), want) {
				return true
			}
		}
		return false
	}
	if want.form == formText {
		return v.Kind() == reflect.String && v.String() == want.text
	}
	x, ok := numberOf(value)
	return ok && x == want.num
}

// secondsSince1970 reads a date: a number of seconds, a text by ISO 8601, or a value
// that says it of itself, as time.Time does.
func secondsSince1970(value any) (float64, bool) {
	if t, ok := value.(interface{ Unix() int64 }); ok {
		return float64(t.Unix()), true
	}
	if text, ok := value.(string); ok {
		if at, ok := readDate(text); ok {
			return at, true
		}
	}
	return numberOf(value)
}

// readDate reads 2026-03-31, and behind a T or a space 12:00, 12:00:00 or
// 12:00:00.5, and behind that Z or +02:00.
func readDate(s string) (float64, bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	year, okY := digits(s[:4])
	month, okM := digits(s[5:7])
	day, okD := digits(s[8:10])
	if !okY || !okM || !okD || month < 1 || month > 12 || day < 1 || day > daysOf(year, month) {
		return 0, false
	}
	at := float64(dayNumber(year, month, day)) * 86400
	if s = s[10:]; s == "" {
		return at, true
	}
	clock, ok := readClock(s)
	return at + clock, ok
}

func readClock(s string) (float64, bool) {
	if s[0] != 'T' && s[0] != 't' && s[0] != ' ' {
		return 0, false
	}
	s, zone, ok := cutZone(s[1:])
	parts := strings.Split(s, ":")
	if !ok || len(parts) < 2 || len(parts) > 3 {
		return 0, false
	}
	hours, okH := digits(parts[0])
	minutes, okM := digits(parts[1])
	if !okH || !okM || hours > 24 || minutes > 59 {
		return 0, false
	}
	seconds := 0.0
	if len(parts) == 3 {
		var err error
		if seconds, err = strconv.ParseFloat(parts[2], 64); err != nil || !(seconds >= 0 && seconds < 61) {
			return 0, false
		}
	}
	return float64(hours*3600+minutes*60) + seconds - zone, true
}

// cutZone takes the zone off a time of day and returns its seconds east.
func cutZone(s string) (rest string, seconds float64, ok bool) {
	if rest, ok := strings.CutSuffix(strings.ToUpper(s), "Z"); ok {
		return rest, 0, true
	}
	i := strings.LastIndexAny(s, "+-")
	if i < 0 {
		return s, 0, true
	}
	zone := strings.ReplaceAll(s[i+1:], ":", "")
	n, ok := digits(zone)
	if !ok || len(zone) != 4 {
		return s, 0, false
	}
	seconds = float64(n/100*3600 + n%100*60)
	if s[i] == '-' {
		seconds = -seconds
	}
	return s[:i], seconds, true
}

func digits(s string) (int, bool) {
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, s != ""
}

func daysOf(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// dayNumber counts days from 1 January 1970 in the Gregorian calendar, by years that
// begin in March, so that the leap day is the last one.
func dayNumber(year, month, day int) int {
	if month < 3 {
		year--
		month += 12
	}
	era := year / 400
	ofEra := year - era*400
	ofYear := (153*(month-3)+2)/5 + day - 1
	return era*146097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719468
}
