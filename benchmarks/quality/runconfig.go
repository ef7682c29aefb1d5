package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/internal/nearest"
	"github.com/rankcascade/cascade/pipeline/ltr"
)

// runConfig is an experiment as its file describes it. The json names, with the
// doc tags, are what run -h prints.
type runConfig struct {
	Name        string                     `json:"name" doc:"title of the report"`
	Collections []string                   `json:"collections" doc:"folders in BEIR form, or names of folders below -collections"`
	Language    string                     `json:"language" doc:"language of the texts for BM25 and the lexical scorer; default en"`
	Depth       int                        `json:"depth" doc:"hits of a ranking that are measured; default 1000"`
	Measures    []string                   `json:"measures" doc:"such as nDCG@10; see evaluate -list"`
	Baseline    string                     `json:"baseline" doc:"the system to compare with; default the first"`
	Test        string                     `json:"test" doc:"randomisation (default), t, wilcoxon or tukey"`
	Correction  string                     `json:"correction" doc:"holm (default) or another that compare -h lists"`
	Samples     int                        `json:"samples" doc:"samples of tests and intervals; default 100000"`
	Seed        uint64                     `json:"seed" doc:"seed of samples and folds"`
	Keep        int                        `json:"keep" doc:"hits of each ranking that the result and the report hold; default 20"`
	Concurrency int                        `json:"concurrency" doc:"topics that run at once; default 1, so that times are those of an idle machine"`
	Repeats     map[string]int             `json:"repeats" doc:"how often systems run that are not deterministic"`
	Retrievers  map[string]retrieverConfig `json:"retrievers" doc:"by name, for systems to refer to"`
	Scorers     map[string]scorerConfig    `json:"scorers" doc:"by name, for systems to refer to"`
	Systems     []systemConfig             `json:"systems" doc:"what is compared"`
	Budget      budgetConfig               `json:"budget" doc:"stops the experiment; a field that is 0 is no bound"`
	Prices      map[string]float64         `json:"prices" doc:"for a million tokens, by model"`

	folder string // where relative paths begin
}

type retrieverConfig struct {
	Kind   string  `json:"kind" doc:"bm25; minilm: the embedded model and exact search; or dense: a hosted embedder (POST URL/embeddings, as OpenAI has it) and exact search"`
	Limit  int     `json:"limit" doc:"hits; default 1000"`
	K1     float64 `json:"k1" doc:"bm25: default 0.9"`
	B      float64 `json:"b" doc:"bm25: default 0.4"`
	Model  string  `json:"model" doc:"dense: the embedding model"`
	URL    string  `json:"url" doc:"dense: address with /v1"`
	KeyEnv string  `json:"keyEnv" doc:"dense: the environment variable that holds the key; empty for none"`
	Prefix string  `json:"prefix" doc:"dense: put in front of every query, for models that take an instruction"`
}

type scorerConfig struct {
	Kind    string `json:"kind" doc:"lexical; minilm: the embedded model; or http: a server that speaks a dialect of POST /v1/rerank"`
	Model   string `json:"model" doc:"http: the model"`
	URL     string `json:"url" doc:"http: address; default the hosted service's"`
	Dialect string `json:"dialect" doc:"http: nebius (default), cohere, jina, voyage, vllm, tei, llama.cpp, ..."`
	KeyEnv  string `json:"keyEnv" doc:"http: the environment variable that holds the key; empty for none"`
	Version string `json:"version" doc:"http: part of the cached scores' keys; change it with the prompt template"`
}

type systemConfig struct {
	Name     string                       `json:"name" doc:"with {field} where a grid's value goes"`
	Pipeline string                       `json:"pipeline" doc:"a file that describes the pipeline that is served, in place of all below; from this file's folder"`
	Retrieve oneOrMore                    `json:"retrieve" doc:"a retriever, or a list of them that fuse joins"`
	Fuse     string                       `json:"fuse" doc:"fusion of the retrievers, as quality fuse -method takes it"`
	Rerank   string                       `json:"rerank" doc:"a scorer"`
	Depth    int                          `json:"depth" doc:"candidates that are reranked; default all"`
	Blend    string                       `json:"blend" doc:"fusion of the retrieval ranking, first, with the reranked one"`
	Passage  int                          `json:"passage" doc:"the scorer reads passages of so many tokens, and the best one counts; default whole documents"`
	K1       float64                      `json:"k1" doc:"of this system's bm25 retrievers, in place of their own"`
	B        float64                      `json:"b" doc:"of this system's bm25 retrievers, in place of their own"`
	Learn    *learnConfig                 `json:"learn" doc:"ranks by a model that other topics taught"`
	Lambda   float64                      `json:"lambda" doc:"reorders for diversity (MMR), with this weight of relevance; default not at all"`
	Least    *float64                     `json:"least" doc:"cuts below this score, on the scale of the last part; default not at all"`
	Tune     *tuneConfig                  `json:"tune" doc:"chooses settings on other topics than those they are measured on"`
	Grid     map[string][]json.RawMessage `json:"grid" doc:"one system for each combination of these fields' values"`
}

type tuneConfig struct {
	Space   oneOrMore                    `json:"space" doc:"of the blend: weights (of a convex one, exactly), k (of rrf), or a list of fusions"`
	Over    map[string][]json.RawMessage `json:"over" doc:"in place of space: fields of the system, each with the values to try, the default first; every combination is tried"`
	Measure string                       `json:"measure" doc:"what is raised; default the first measure"`
	Folds   int                          `json:"folds" doc:"of the cross-validation; default 5"`
}

type learnConfig struct {
	Features []string `json:"features" doc:"such as norm(bm25), where bm25 is a retriever or scorer; see pipeline/ltr"`
	Kind     string   `json:"kind" doc:"pairwise (default), logistic or linear"`
	L2       float64  `json:"l2" doc:"penalty on weights; default 0.01"`
	Folds    int      `json:"folds" doc:"of the cross-fit; default 5"`
}

type budgetConfig struct {
	Calls  int     `json:"calls" doc:"rerank calls"`
	Tokens int     `json:"tokens" doc:"tokens that the servers count"`
	Price  float64 `json:"price" doc:"in the currency of the prices"`
}

func (b budgetConfig) plan() experiment.Budget {
	return experiment.Budget{Calls: b.Calls, Tokens: b.Tokens, Price: b.Price}
}

// oneOrMore is a string or a list of strings.
type oneOrMore []string

// UnmarshalJSON implements json.Unmarshaler.
func (o *oneOrMore) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*o = oneOrMore{one}
		return nil
	}
	var more []string
	if err := json.Unmarshal(raw, &more); err != nil {
		return fmt.Errorf("%s is neither a string nor a list of strings", raw)
	}
	*o = more
	return nil
}

// path is a path of the file as the program can open it.
func (c runConfig) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.folder, name)
}

// readExperiment reads the file of an experiment, or makes one of the file of a
// pipeline.
func readExperiment(name, on, measures string) (runConfig, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return runConfig{}, err
	}
	if isPipeline(name, raw) {
		return pipelineConfig(name, on, measures)
	}
	if on != "" {
		return runConfig{}, usage("-on goes with the file of a pipeline, and %s is one of an experiment, which names its collections", name)
	}
	return readConfig(name)
}

func readConfig(name string) (runConfig, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return runConfig{}, err
	}
	var c runConfig
	if err := strictly(raw, &c); err != nil {
		return c, fmt.Errorf("%s: %w", name, err)
	}
	c.folder = filepath.Dir(name)
	if err := c.check(); err != nil {
		return c, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// strictly decodes JSON whose every field is known.
func strictly(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: %w", 1+bytes.Count(raw[:min(int(syntax.Offset), len(raw))], []byte("\n")), err)
	case err != nil:
		if quoted, ok := strings.CutPrefix(err.Error(), `json: unknown field "`); ok {
			field := strings.TrimSuffix(quoted, `"`)
			known := slices.DeleteFunc(fieldNames(reflect.TypeFor[runConfig]()), func(name string) bool { return name == field })
			return fmt.Errorf("no field %q here%s (run -h lists the fields)", field, nearest.Hint(field, known))
		}
		return err
	case d.More():
		return errors.New("there is more after the configuration's end")
	}
	return nil
}

// fieldNames lists the json names of a struct and of those in it.
func fieldNames(t reflect.Type) []string {
	for t.Kind() == reflect.Map || t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var names []string
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("json"); name != "" {
			names = append(names, name)
			names = append(names, fieldNames(t.Field(i).Type)...)
		}
	}
	return names
}

func (c *runConfig) check() error {
	switch {
	case len(c.Collections) == 0:
		return errors.New("collections is empty")
	case len(c.Measures) == 0:
		return errors.New("measures is empty")
	case len(c.Systems) == 0:
		return errors.New("systems is empty")
	}
	if _, err := measure.Parse(strings.Join(c.Measures, ",")); err != nil {
		return fmt.Errorf("measures: %w", err)
	}
	var all []systemConfig
	for i, s := range c.Systems {
		some, err := s.expand()
		if err != nil {
			return fmt.Errorf("system %d (%s): %w", i+1, s.Name, err)
		}
		all = append(all, some...)
	}
	c.Systems = all
	seen := map[string]bool{}
	for _, s := range c.Systems {
		if seen[s.Name] {
			return fmt.Errorf("two systems have the name %q", s.Name)
		}
		seen[s.Name] = true
		if err := c.checkSystem(s); err != nil {
			return fmt.Errorf("system %q: %w", s.Name, err)
		}
	}
	if c.Baseline == "" {
		c.Baseline = c.Systems[0].Name
	}
	return nil
}

func (c *runConfig) checkSystem(s systemConfig) error {
	switch {
	case s.Name == "":
		return errors.New("it has no name")
	case s.Pipeline != "":
		return s.checkPipeline()
	case len(s.Retrieve) == 0:
		return errors.New("retrieve names no retriever")
	case len(s.Retrieve) > 1 && s.Fuse == "":
		return errors.New("several retrievers need fuse")
	case s.Rerank == "" && (s.Blend != "" || s.Depth != 0 || s.Passage != 0 || s.Tune.ofBlend()):
		return errors.New("blend, depth, passage and tune's space are about a rerank, and rerank names no scorer")
	case s.Tune.ofBlend() && s.Blend == "":
		return errors.New("tune chooses a blend's setting, and blend names no fusion to begin with")
	case s.Tune != nil && s.Learn != nil:
		return errors.New("tune and learn in one system would each see what the other held out: leave one away")
	}
	if err := c.checkTune(s); err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	if s.Learn != nil {
		if _, err := ltr.Parse(nil, s.Learn.Features...); err != nil || len(s.Learn.Features) == 0 {
			return errors.Join(errors.New("learn: features is wrong or empty"), err)
		}
	}
	for _, name := range s.Retrieve {
		if _, ok := c.Retrievers[name]; !ok {
			return fmt.Errorf("no retriever %q%s", name, nearest.Hint(name, slices.Collect(maps.Keys(c.Retrievers))))
		}
	}
	if _, ok := c.Scorers[s.Rerank]; !ok && s.Rerank != "" {
		return fmt.Errorf("no scorer %q%s", s.Rerank, nearest.Hint(s.Rerank, slices.Collect(maps.Keys(c.Scorers))))
	}
	return nil
}

func (c *runConfig) checkTune(s systemConfig) error {
	if s.Tune == nil {
		return nil
	}
	if m, err := measure.Parse(cmp.Or(s.Tune.Measure, c.Measures[0])); err != nil || len(m) != 1 {
		return errors.Join(fmt.Errorf("measure %q: one measure is raised", s.Tune.Measure), err)
	}
	if len(s.Tune.Over) == 0 {
		return nil
	}
	if len(s.Tune.Space) > 0 {
		return errors.New("space and over are two ways to say what to choose from: leave one out")
	}
	candidates, err := s.candidates()
	if err != nil {
		return err
	}
	if len(candidates) < 2 || len(candidates) > mostCandidates {
		return fmt.Errorf("over has %d combinations: 2 to %d", len(candidates), mostCandidates)
	}
	for _, one := range candidates {
		if err := c.checkSystem(one); err != nil {
			return fmt.Errorf("%s: %w", one.Name, err)
		}
	}
	return nil
}

// mostCandidates bounds what is tried on every topic.
const mostCandidates = 1000

// ofBlend reports whether a blend is tuned; false for nil.
func (t *tuneConfig) ofBlend() bool { return t != nil && len(t.Over) == 0 }

// candidates are the systems among which tune chooses, named by what they differ in,
// the default first; the system itself if it is not tuned so.
func (s systemConfig) candidates() ([]systemConfig, error) {
	if s.Tune == nil || len(s.Tune.Over) == 0 {
		return []systemConfig{s}, nil
	}
	base := s
	base.Name, base.Tune, base.Grid = "", nil, s.Tune.Over
	if _, nested := s.Tune.Over["tune"]; nested {
		return nil, errors.New("over: tune is no field to choose")
	}
	all, err := base.expand()
	for i := range all {
		all[i].Name = strings.TrimPrefix(all[i].Name, ", ")
	}
	return all, err
}

// checkPipeline refuses what the pipeline's file says already, by name.
func (s systemConfig) checkPipeline() error {
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("json")
		if name != "name" && name != "pipeline" && name != "grid" && !v.Field(i).IsZero() {
			return fmt.Errorf("%s cannot stand beside pipeline: the file says it", name)
		}
	}
	return nil
}

// expand returns a system for each combination of the grid's values, the last
// field in alphabetical order changing fastest.
func (s systemConfig) expand() ([]systemConfig, error) {
	systems := []systemConfig{s}
	systems[0].Grid = nil
	for _, field := range slices.Sorted(maps.Keys(s.Grid)) {
		if field == "grid" || field == "name" || len(s.Grid[field]) == 0 {
			return nil, fmt.Errorf("grid: %q is no field that can take %d values", field, len(s.Grid[field]))
		}
		var next []systemConfig
		for _, base := range systems {
			for _, value := range s.Grid[field] {
				one, err := base.with(field, value)
				if err != nil {
					return nil, fmt.Errorf("grid: %w", err)
				}
				next = append(next, one)
			}
		}
		systems = next
	}
	return systems, nil
}

// with sets a field, and puts its value into the name.
func (s systemConfig) with(field string, value json.RawMessage) (systemConfig, error) {
	raw, err := json.Marshal(map[string]json.RawMessage{field: value})
	if err != nil {
		return s, err
	}
	if err := strictly(raw, &s); err != nil {
		return s, err
	}
	text := strings.Trim(string(value), `"`)
	if strings.Contains(s.Name, "{"+field+"}") {
		s.Name = strings.ReplaceAll(s.Name, "{"+field+"}", text)
	} else {
		s.Name += ", " + field + " " + text
	}
	return s, nil
}

// fieldHelp explains the configuration's fields.
func fieldHelp() string {
	var b strings.Builder
	for _, part := range []struct {
		title string
		of    reflect.Type
	}{
		{"The configuration", reflect.TypeFor[runConfig]()}, {"A retriever", reflect.TypeFor[retrieverConfig]()}, {"A scorer", reflect.TypeFor[scorerConfig]()},
		{"A system", reflect.TypeFor[systemConfig]()}, {"tune", reflect.TypeFor[tuneConfig]()}, {"learn", reflect.TypeFor[learnConfig]()}, {"budget", reflect.TypeFor[budgetConfig]()},
	} {
		fmt.Fprintf(&b, "\n%s:\n", part.title)
		for i := range part.of.NumField() {
			f := part.of.Field(i)
			if f.Tag.Get("json") == "" {
				continue
			}
			fmt.Fprintf(&b, "  %-12s %s\n", f.Tag.Get("json"), f.Tag.Get("doc"))
		}
	}
	return b.String()
}
