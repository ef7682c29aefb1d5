package trec

// rows reads lines of a run quickly that look like the line before: the second
// column and the tag are the same, single blanks stand between the fields, rank
// and score are plain decimals. It remembers what those columns were. Every other
// line is left to fields, which judges it.
type rows struct {
	topic, second, tag string
}

// row is what a line says.
type row struct {
	topic, document string
	score           float64
	rank            int
}

// learn remembers the columns of a line that was read by fields.
func (r *rows) learn(topic, second, tag string) { r.topic, r.second, r.tag = topic, second, tag }

// next reads the line at text[i] and returns where the next one begins, 0 where
// the line looks otherwise.
func (r *rows) next(text string, i int, into *row) int {
	if r.second == "" {
		return 0
	}
	if i = r.topicAt(text, i); i == 0 {
		return 0
	}
	if i = follows(text, i, r.second); i == 0 || i == len(text) || !blank(text[i]) {
		return 0
	}
	start := i + 1
	if i = fieldEnd(text, start); i == 0 {
		return 0
	}
	into.topic, into.document = r.topic, text[start:i]
	if i = rankAt(text, i+1, &into.rank); i == 0 {
		return 0
	}
	if i = scoreAt(text, i, &into.score); i == 0 {
		return 0
	}
	if i = follows(text, i, r.tag); i == 0 || i == len(text) {
		return i
	}
	end := lineEnd(text, i)
	if end == 0 {
		return 0
	}
	return i + end
}

// topicAt reads the topic and returns where the second column begins.
func (r *rows) topicAt(text string, i int) int {
	if end := follows(text, i, r.topic); end > 0 && end < len(text) && blank(text[end]) {
		return end + 1
	}
	end := fieldEnd(text, i)
	if end == 0 || text[i] == '#' {
		return 0
	}
	r.topic = text[i:end]
	return end + 1
}

// follows returns where the field ends if it stands at text[i], 0 if it does not.
func follows(text string, i int, field string) int {
	if end := i + len(field); end <= len(text) && text[i:end] == field {
		return end
	}
	return 0
}

// fieldEnd returns where the field that begins at text[i] ends, 0 if none begins
// there or no blank follows.
func fieldEnd(text string, i int) int {
	start := i
	for i < len(text) && text[i] > ' ' {
		i++
	}
	if i == start || i == len(text) || !blank(text[i]) {
		return 0
	}
	return i
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// rankAt reads a whole number and the blank behind it.
func rankAt(text string, i int, rank *int) int {
	n, start := 0, i
	for i < len(text) && text[i]-'0' <= 9 {
		n = n*10 + int(text[i]-'0')
		i++
	}
	if i == start || i > start+9 || i == len(text) || !blank(text[i]) {
		return 0
	}
	*rank = n
	return i + 1
}

// scoreAt reads a plain decimal and the blank behind it. With digits below 2^53
// and a power of ten that a float64 holds exactly, one division rounds correctly
// (Clinger 1990).
func scoreAt(text string, i int, score *float64) int {
	negative := i < len(text) && text[i] == '-'
	if negative {
		i++
	}
	digits, start, point := uint64(0), i, -1
	for ; i < len(text); i++ {
		if c := text[i] - '0'; c <= 9 {
			digits = digits*10 + uint64(c)
		} else if text[i] == '.' && point < 0 {
			point = i
		} else {
			break
		}
	}
	seen, places := i-start, 0
	if point >= 0 {
		seen, places = seen-1, i-point-1
	}
	if seen == 0 || seen > 19 || digits > 1<<53 || i == len(text) || !blank(text[i]) {
		return 0
	}
	v := float64(digits) / exactPowers[places]
	if negative {
		v = -v
	}
	*score = v
	return i + 1
}
