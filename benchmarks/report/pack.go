package report

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/experiment"
)

// perBlock is how many topics are compressed together and unpacked when one of
// them is opened.
const perBlock = 16

// block is what the pages of some topics need.
type block struct {
	// Documents hold id, title and text.
	Documents [][3]string `json:"documents"`
	Topics    []details   `json:"topics"`
}

// details are one topic's. Rankings that several systems have stand once: Systems
// holds, for each system and each of its columns, the number of the ranking, -1
// where there is none.
type details struct {
	Judged   map[string]int `json:"judged"`
	Rankings [][]hit        `json:"rankings"`
	Systems  [][]int        `json:"systems"`
}

// hit is [document, score, why, status], without empty ends.
type hit []any

// flow is a ranking of the rank flow, for all topics.
type flow struct {
	name     string
	input    bool
	rankings [][]experiment.Hit
}

// flowOf lists a system's rankings in the order in which they came about. An
// input that only repeats the ranking before it is left out.
func flowOf(s experiment.System) []flow {
	var out []flow
	for i, st := range s.Stages {
		for _, in := range st.Inputs {
			if i == 0 || !sameOrder(in.Rankings, s.Stages[i-1].Rankings) {
				out = append(out, flow{in.Name, true, in.Rankings})
			}
		}
		out = append(out, flow{st.Name, false, st.Rankings})
	}
	return out
}

func sameOrder(a, b [][]experiment.Hit) bool {
	return slices.EqualFunc(a, b, func(x, y []experiment.Hit) bool {
		return slices.EqualFunc(x, y, func(g, h experiment.Hit) bool { return g.ID == h.ID })
	})
}

// rungs are ever smaller shares of what a report would keep, in percent of hits
// and of text.
var rungs = [...][2]int{{100, 100}, {100, 50}, {100, 25}, {75, 25}, {50, 25}, {25, 25}, {25, 0}, {0, 0}}

// cutter packs the topics of one result.
type cutter struct {
	result     *experiment.Result
	hits, text int
	lostHits   int
	lostTexts  int
}

func (c *cutter) said(tight bool) string {
	var parts []string
	if c.lostHits > 0 {
		parts = append(parts, fmt.Sprintf("rankings are shown to rank %d", c.hits))
	}
	if c.lostTexts > 0 {
		parts = append(parts, fmt.Sprintf("texts of documents are cut at %d bytes", c.text))
	}
	if len(parts) == 0 {
		return ""
	}
	why := ""
	if tight {
		why = " to keep the file small"
	}
	return "In this file " + strings.Join(parts, " and ") + why + "; the result's JSON and its run files have the rest."
}

func (c *cutter) blocks() ([]string, error) {
	flows := make([][]flow, len(c.result.Systems))
	for i, s := range c.result.Systems {
		flows[i] = flowOf(s)
	}
	var out []string
	for from := 0; from < len(c.result.Topics); from += perBlock {
		b := c.block(flows, from, min(from+perBlock, len(c.result.Topics)))
		text, err := compress(b)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}

func compress(v any) (string, error) {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if err := json.NewEncoder(z).Encode(v); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(buf.Bytes()), nil
}

func (c *cutter) block(flows [][]flow, from, to int) block {
	b := block{Documents: [][3]string{}}
	known := map[string]int{}
	refer := func(id string) int {
		at, ok := known[id]
		if !ok {
			at = len(b.Documents)
			known[id] = at
			d := c.result.Documents[id]
			// Where the title begins the text, as retrievers read it, it is shown once.
			text := strings.TrimPrefix(d.Text, d.Title+"\n")
			b.Documents = append(b.Documents, [3]string{id, d.Title, c.cutText(text)})
		}
		return at
	}
	for t := from; t < to; t++ {
		b.Topics = append(b.Topics, c.details(flows, t, refer))
	}
	return b
}

func (c *cutter) details(flows [][]flow, t int, refer func(id string) int) details {
	d := details{Judged: c.result.Topics[t].Judged, Rankings: [][]hit{}}
	seen := map[string]int{}
	for _, system := range flows {
		numbers := make([]int, len(system))
		for i, f := range system {
			numbers[i] = -1
			if t >= len(f.rankings) {
				continue
			}
			list := c.list(f.rankings[t], refer)
			key := fmt.Sprint(list)
			at, ok := seen[key]
			if !ok {
				at = len(d.Rankings)
				seen[key] = at
				d.Rankings = append(d.Rankings, list)
			}
			numbers[i] = at
		}
		d.Systems = append(d.Systems, numbers)
	}
	return d
}

func (c *cutter) list(hits []experiment.Hit, refer func(id string) int) []hit {
	if len(hits) > c.hits {
		c.lostHits++
		hits = hits[:c.hits]
	}
	out := make([]hit, 0, len(hits))
	for _, h := range hits {
		x := hit{refer(h.ID), number(h.Score)}
		switch {
		case h.Status != "":
			x = append(x, h.Why, h.Status)
		case h.Why != "":
			x = append(x, h.Why)
		}
		out = append(out, x)
	}
	return out
}

func (c *cutter) cutText(text string) string {
	if len(text) <= c.text {
		return text
	}
	c.lostTexts++
	return strings.ToValidUTF8(text[:c.text], "") + " ..."
}
