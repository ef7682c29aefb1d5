package bert_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/internal/bert"
	"github.com/rankcascade/cascade/reranker/local/minilm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// directory reads a folder of testdata, so that a test can change it.
func directory(t testing.TB, name string) fstest.MapFS {
	files := fstest.MapFS{}
	for _, file := range []string{"config.json", "vocab.txt", "model.safetensors"} {
		raw, err := os.ReadFile("testdata/" + name + "/" + file)
		require.NoError(t, err)
		files[file] = &fstest.MapFile{Data: raw}
	}
	return files
}

func set(name, content string) func(fstest.MapFS) {
	return func(files fstest.MapFS) { files[name] = &fstest.MapFile{Data: []byte(content)} }
}

func swap(name, old, fresh string) func(fstest.MapFS) {
	return func(files fstest.MapFS) {
		files[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(files[name].Data), old, fresh))}
	}
}

const wordPiece = `{"normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "BertPreTokenizer"},
	"model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": {"[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "wing": 60}}}`

// TestWhatIsRefused has one sentence for each way in which a directory is no
// model that the package runs.
func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		change func(fstest.MapFS)
		kind   bert.Kind
		says   string
	}{
		"no config":                  {func(f fstest.MapFS) { delete(f, "config.json") }, bert.Missing, "config.json"},
		"no weights":                 {func(f fstest.MapFS) { delete(f, "model.safetensors") }, bert.Missing, "model.safetensors"},
		"no vocabulary":              {func(f fstest.MapFS) { delete(f, "vocab.txt") }, bert.Missing, "vocab.txt"},
		"config is no JSON":          {set("config.json", "{"), bert.Malformed, "config.json"},
		"RoBERTa":                    {swap("config.json", `"bert"`, `"roberta"`), bert.Unsupported, "roberta"},
		"another head":               {swap("config.json", "BertModel", "BertForTokenClassification"), bert.Unsupported, "BertForTokenClassification"},
		"another activation":         {swap("config.json", `"gelu"`, `"relu"`), bert.Unsupported, "relu"},
		"relative positions":         {swap("config.json", `"hidden_act"`, `"position_embedding_type": "relative_key", "hidden_act"`), bert.Unsupported, "relative_key"},
		"no layers":                  {swap("config.json", `"num_hidden_layers": 2`, `"num_hidden_layers": 0`), bert.Malformed, "num_hidden_layers"},
		"a billion layers":           {swap("config.json", `"num_hidden_layers": 2`, `"num_hidden_layers": 1000000000`), bert.TooLarge, "num_hidden_layers"},
		"more layers than weights":   {swap("config.json", `"num_hidden_layers": 2`, `"num_hidden_layers": 3`), bert.Missing, "encoder.layer.2."},
		"a huge vocabulary":          {swap("config.json", `"vocab_size": 120`, `"vocab_size": 16000000`), bert.Malformed, "word_embeddings"},
		"heads that do not divide":   {swap("config.json", `"num_attention_heads": 3`, `"num_attention_heads": 5`), bert.Malformed, "multiple"},
		"an epsilon of 2":            {swap("config.json", `1e-12`, `2`), bert.Malformed, "layer_norm_eps"},
		"a head without weights":     {swap("config.json", "BertModel", "BertForSequenceClassification"), bert.Missing, "pooler"},
		"Unigram":                    {set("tokenizer.json", `{"model": {"type": "Unigram"}}`), bert.Unsupported, "Unigram"},
		"a tokenizer that is a list": {set("tokenizer.json", `[]`), bert.Malformed, "tokenizer.json"},
		"another normaliser":         {set("tokenizer.json", strings.Replace(wordPiece, "BertNormalizer", "NFKC", 1)), bert.Unsupported, "normalizer"},
		"another pre-tokenizer":      {set("tokenizer.json", strings.Replace(wordPiece, "BertPreTokenizer", "ByteLevel", 1)), bert.Unsupported, "pre_tokenizer"},
		"another prefix":             {set("tokenizer.json", strings.Replace(wordPiece, "##", "@@", 1)), bert.Unsupported, "@@"},
		"longer words":               {set("tokenizer.json", strings.Replace(wordPiece, "100", "200", 1)), bert.Unsupported, "200"},
		"an added word":              {set("tokenizer.json", `{"added_tokens": [{"content": "foo"}], `+wordPiece[1:]), bert.Unsupported, "foo"},
		"an id beyond the table":     {set("tokenizer.json", strings.Replace(wordPiece, "60", "120", 1)), bert.Malformed, "120"},
		"a negative id":              {set("tokenizer.json", strings.Replace(wordPiece, "60", "-1", 1)), bert.Malformed, "-1"},
		"no separator":               {swap("vocab.txt", "[SEP]\n", "SEP\n"), bert.Malformed, "[SEP]"},
		"a word twice":               {swap("vocab.txt", "lift\n", "wing\n"), bert.Malformed, "same token"},
		"too many words":             {func(f fstest.MapFS) { set("vocab.txt", string(f["vocab.txt"].Data)+"more\n")(f) }, bert.Malformed, "120 tokens"},
		"a vocabulary of noise":      {set("vocab.txt", "\xff\xfe\n"), bert.Malformed, "UTF-8"},
		"max pooling":                {set("1_Pooling/config.json", `{"pooling_mode_max_tokens": true}`), bert.Unsupported, "max_tokens"},
		"two poolings":               {set("1_Pooling/config.json", `{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true}`), bert.Unsupported, "2 modes"},
		"a named pooling":            {set("1_Pooling/config.json", `{"pooling_mode": "lasttoken"}`), bert.Unsupported, "lasttoken"},
		"a dense module":             {set("modules.json", `[{"type": "sentence_transformers.models.Dense", "path": "2_Dense"}]`), bert.Unsupported, "Dense"},
		"a transformer elsewhere":    {set("modules.json", `[{"type": "x.Transformer", "path": "0_Transformer"}]`), bert.Unsupported, "0_Transformer"},
		"a pooling elsewhere":        {set("modules.json", `[{"type": "x.Pooling", "path": "3_Pooling"}]`), bert.Unsupported, "3_Pooling"},
		"no room for a word":         {set("sentence_bert_config.json", `{"max_seq_length": 2}`), bert.Malformed, "2 tokens"},
		"an endless name":            {set("config.json", `{"model_type": "`+strings.Repeat("x", 1<<16)+`"}`), bert.Unsupported, "..."},
	} {
		files := directory(t, "tiny")
		c.change(files)
		_, err := bert.Open(files, bert.Options{})
		var typed *bert.Error
		if assert.ErrorAs(t, err, &typed, sentence) {
			assert.Equal(t, c.kind, typed.Kind, "%s: %v", sentence, err)
			assert.ErrorContains(t, err, c.says, sentence)
			assert.Less(t, len(err.Error()), 400, sentence)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for says, o := range map[string]bert.Options{
		"MaxTokens is 2": {MaxTokens: 2}, "MaxTokens is -1": {MaxTokens: -1}, "Workers is -1": {Workers: -1},
		"MaxBytes is -1": {MaxBytes: -1}, "no kernel": {Kernel: 99},
	} {
		_, err := bert.Open(directory(t, "tiny"), o)
		assert.ErrorContains(t, err, says)
	}
	_, err := bert.Open(directory(t, "tiny"), bert.Options{MaxBytes: 1000})
	var typed *bert.Error
	require.ErrorAs(t, err, &typed)
	assert.Equal(t, bert.TooLarge, typed.Kind)
}

// header takes a safetensors file apart and puts it together again.
func header(t testing.TB, file []byte, change func(map[string]any)) []byte {
	n := binary.LittleEndian.Uint64(file)
	var h map[string]any
	require.NoError(t, json.Unmarshal(file[8:8+n], &h))
	change(h)
	raw, err := json.Marshal(h)
	require.NoError(t, err)
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(raw)))
	return append(append(out, raw...), file[8+n:]...)
}

func TestHostileWeightsAreRefused(t *testing.T) {
	t.Parallel()
	const table = "embeddings.word_embeddings.weight"
	entry := func(key string, value any) func([]byte) []byte {
		return func(file []byte) []byte {
			return header(t, file, func(h map[string]any) { h[table].(map[string]any)[key] = value })
		}
	}
	for sentence, c := range map[string]struct {
		change func([]byte) []byte
		kind   bert.Kind
		says   string
	}{
		"empty":                {func([]byte) []byte { return nil }, bert.Malformed, "0 bytes"},
		"7 bytes":              {func(f []byte) []byte { return f[:7] }, bert.Malformed, "7 bytes"},
		"cut in the header":    {func(f []byte) []byte { return f[:100] }, bert.Malformed, "header"},
		"cut in the data":      {func(f []byte) []byte { return f[:len(f)-4] }, bert.Malformed, ""},
		"a tail":               {func(f []byte) []byte { return append(slices.Clone(f), 0) }, bert.Malformed, "tail"},
		"a header of 2^63":     {func(f []byte) []byte { return append([]byte{0, 0, 0, 0, 0, 0, 0, 0x80}, f[8:]...) }, bert.Malformed, "header of"},
		"a header of 5 MB":     {func([]byte) []byte { return append([]byte{0, 0, 0x50, 0, 0, 0, 0, 0}, make([]byte, 6<<20)...) }, bert.TooLarge, "limit"},
		"a header of noise":    {func([]byte) []byte { return append([]byte{4, 0, 0, 0, 0, 0, 0, 0}, "nope"...) }, bert.Malformed, "JSON"},
		"a header that ends":   {func([]byte) []byte { return append([]byte{1, 0, 0, 0, 0, 0, 0, 0}, '{') }, bert.Malformed, "ends early"},
		"no tensors":           {func([]byte) []byte { return append([]byte{2, 0, 0, 0, 0, 0, 0, 0}, "{}"...) }, bert.Missing, "tensor"},
		"an unknown type":      {entry("dtype", "Q4"), bert.Unsupported, "Q4"},
		"a type without use":   {entry("dtype", "I32"), bert.Unsupported, "I32"},
		"a negative offset":    {entry("data_offsets", []int{-4, 4}), bert.Malformed, "offsets"},
		"offsets in reverse":   {entry("data_offsets", []int{8, 4}), bert.Malformed, "offsets"},
		"three offsets":        {entry("data_offsets", []int{0, 4, 8}), bert.Malformed, "offsets"},
		"an offset beyond":     {entry("data_offsets", []int64{0, 1 << 60}), bert.Malformed, "offsets"},
		"a negative shape":     {entry("shape", []int{-120, -48}), bert.Malformed, "shape"},
		"a shape beyond 2^64":  {entry("shape", []int64{1 << 32, 1 << 32}), bert.Malformed, "shape"},
		"another shape":        {entry("shape", []int{48, 120}), bert.Malformed, "config.json asks for"},
		"nine dimensions":      {entry("shape", []int{1, 1, 1, 1, 1, 1, 1, 120, 48}), bert.Malformed, "9 dimensions"},
		"a shape of fractions": {entry("shape", []float64{1.5, 2}), bert.Malformed, "entry"},
		"shared bytes": {func(f []byte) []byte {
			return header(t, f, func(h map[string]any) { h["extra"] = h[table] })
		}, bert.Malformed, "overlap"},
		"8-bit without scales": {func(f []byte) []byte {
			return header(t, f, func(h map[string]any) {
				e := h[table].(map[string]any)
				e["dtype"], e["shape"] = "I8", []int{120, 192}
			})
		}, bert.Malformed, "asks for"},
		"not a number": {func(f []byte) []byte {
			f = slices.Clone(f)
			binary.LittleEndian.PutUint32(f[len(f)-4:], math.Float32bits(float32(math.NaN())))
			return f
		}, bert.Malformed, "not finite"},
	} {
		files := directory(t, "tiny")
		files["model.safetensors"] = &fstest.MapFile{Data: c.change(files["model.safetensors"].Data)}
		_, err := bert.Open(files, bert.Options{})
		var typed *bert.Error
		if assert.ErrorAs(t, err, &typed, sentence) {
			assert.Equal(t, c.kind, typed.Kind, "%s: %v", sentence, err)
			assert.ErrorContains(t, err, c.says, sentence)
		}
	}
}

func TestATensorTwiceIsRefused(t *testing.T) {
	t.Parallel()
	files := directory(t, "tiny")
	raw := `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`
	file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(raw))), raw...)
	files["model.safetensors"] = &fstest.MapFile{Data: append(file, make([]byte, 8)...)}
	_, err := bert.Open(files, bert.Options{})
	assert.ErrorContains(t, err, "twice")
}

// rewritten converts the tensors of a file by their names.
func rewritten(t *testing.T, file []byte, convert func(name string, shape []any, raw []byte) map[string]converted) []byte {
	n := binary.LittleEndian.Uint64(file)
	var h map[string]struct {
		Shape   []any  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	require.NoError(t, json.Unmarshal(file[8:8+n], &h))
	fresh, data := map[string]any{}, []byte(nil)
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for key, c := range convert(name, h[name].Shape, file[8+n:][h[name].Offsets[0]:h[name].Offsets[1]]) {
			fresh[key] = map[string]any{"dtype": c.dtype, "shape": c.shape, "data_offsets": []int{len(data), len(data) + len(c.raw)}}
			data = append(data, c.raw...)
		}
	}
	raw, err := json.Marshal(fresh)
	require.NoError(t, err)
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(raw))), raw...), data...)
}

type converted struct {
	dtype string
	shape []any
	raw   []byte
}

func floats(raw []byte) []float32 {
	v := make([]float32, len(raw)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return v
}

func brain(name string, shape []any, raw []byte) map[string]converted {
	var out []byte
	for _, v := range floats(raw) {
		out = binary.LittleEndian.AppendUint16(out, uint16(math.Float32bits(v)>>16))
	}
	return map[string]converted{name: {"BF16", shape, out}}
}

// half rounds towards zero; all weights of the test model are normal numbers or
// so small that they may as well be 0.
func half(name string, shape []any, raw []byte) map[string]converted {
	var out []byte
	for _, v := range floats(raw) {
		bits := math.Float32bits(v)
		exponent := int(bits>>23&255) - 112
		h := uint16(bits>>16) & 0x8000
		if exponent > 0 {
			h |= uint16(exponent)<<10 | uint16(bits>>13&1023)
		}
		out = binary.LittleEndian.AppendUint16(out, h)
	}
	return map[string]converted{name: {"F16", shape, out}}
}

// bytesOf makes 8-bit integers, with a scale for each of two groups in a row.
func bytesOf(name string, shape []any, raw []byte) map[string]converted {
	if len(shape) != 2 {
		return map[string]converted{name: {"F32", shape, raw}}
	}
	var out, scales []byte
	v := floats(raw)
	group := int(shape[1].(float64)) / 2
	for len(v) > 0 {
		scale := float32(0)
		for _, x := range v[:group] {
			scale = max(scale, float32(math.Abs(float64(x)))/127)
		}
		for _, x := range v[:group] {
			out = append(out, byte(int8(math.Round(float64(x/scale)))))
		}
		scales = binary.LittleEndian.AppendUint32(scales, math.Float32bits(scale))
		v = v[group:]
	}
	return map[string]converted{name: {"I8", shape, out}, name + ".scale": {"F32", []any{shape[0], 2}, scales}}
}

func TestOtherNumberFormatsAreRead(t *testing.T) {
	t.Parallel()
	want := goldens(t, "tiny/golden.json")
	for name, c := range map[string]struct {
		convert func(string, []any, []byte) map[string]converted
		most    float64
	}{"BF16": {brain, .02}, "F16": {half, .002}, "I8": {bytesOf, .01}} {
		files := directory(t, "tiny")
		files["model.safetensors"] = &fstest.MapFile{Data: rewritten(t, files["model.safetensors"].Data, c.convert)}
		m, err := bert.Open(files, bert.Options{})
		require.NoError(t, err, name)
		for _, g := range want {
			d := difference(vectors(t, m, g.Text)[0], g.Vector)
			assert.Less(t, d, c.most, "%s: %s", name, g.Text)
			assert.NotZero(t, d, name)
		}
	}
}

func TestBadScalesAreRefused(t *testing.T) {
	t.Parallel()
	for sentence, change := range map[string]func(c converted) converted{
		"another type":       func(c converted) converted { return converted{"F16", c.shape, c.raw[:len(c.raw)/2]} },
		"too few":            func(c converted) converted { return converted{"F32", []any{1}, c.raw[:4]} },
		"groups without end": func(c converted) converted { return converted{"F32", []any{c.shape[0], 0}, nil} },
		"not finite": func(c converted) converted {
			raw := slices.Clone(c.raw)
			binary.LittleEndian.PutUint32(raw, math.Float32bits(float32(math.Inf(1))))
			return converted{c.dtype, c.shape, raw}
		},
	} {
		files := directory(t, "tiny")
		files["model.safetensors"] = &fstest.MapFile{Data: rewritten(t, files["model.safetensors"].Data, func(name string, shape []any, raw []byte) map[string]converted {
			all := bytesOf(name, shape, raw)
			if key := name + ".scale"; all[key].raw != nil {
				all[key] = change(all[key])
			}
			return all
		})}
		_, err := bert.Open(files, bert.Options{})
		assert.Error(t, err, sentence)
		assert.ErrorAs(t, err, new(*bert.Error), sentence)
	}
}

func TestOldNamesOfNormalisationAreRead(t *testing.T) {
	t.Parallel()
	files := directory(t, "tiny")
	files["model.safetensors"] = &fstest.MapFile{Data: rewritten(t, files["model.safetensors"].Data, func(name string, shape []any, raw []byte) map[string]converted {
		name = strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta").Replace(name)
		return map[string]converted{name: {"F32", shape, raw}}
	})}
	m, err := bert.Open(files, bert.Options{})
	require.NoError(t, err)
	g := goldens(t, "tiny/golden.json")[1]
	assert.Less(t, difference(vectors(t, m, g.Text)[0], g.Vector), 1e-6)
}

func TestLengthComesFromSentenceTransformers(t *testing.T) {
	t.Parallel()
	m, err := bert.Open(minilm.Files(), bert.Options{})
	require.NoError(t, err)
	assert.Equal(t, 256, m.MaxTokens(), "config.json has 512 positions")
	assert.Equal(t, 384, m.Dimensions())
	assert.True(t, m.Normalised())
	for want, change := range map[int]func(fstest.MapFS){
		64: func(fstest.MapFS) {},
		20: set("tokenizer_config.json", `{"model_max_length": 20}`),
		30: set("sentence_bert_config.json", `{"max_seq_length": 30}`),
	} {
		files := directory(t, "tiny")
		change(files)
		m, err := bert.Open(files, bert.Options{})
		require.NoError(t, err)
		assert.Equal(t, want, m.MaxTokens())
	}
	short, err := bert.Open(directory(t, "tiny"), bert.Options{MaxTokens: 5})
	require.NoError(t, err)
	v := vectors(t, short, "wing lift wing", "wing lift wing heat flow")
	assert.Equal(t, v[0], v[1], "three words and two special tokens")
}

func TestPoolingAndLengthOfVectors(t *testing.T) {
	t.Parallel()
	files := directory(t, "tiny")
	set("1_Pooling/config.json", `{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}`)(files)
	set("modules.json", `[{"type": "x.Transformer", "path": ""}, {"type": "x.Pooling", "path": "1_Pooling"}]`)(files)
	m, err := bert.Open(files, bert.Options{})
	require.NoError(t, err)
	assert.False(t, m.Normalised())
	mean, err := bert.Open(directory(t, "tiny"), bert.Options{})
	require.NoError(t, err)
	a, b := vectors(t, m, "wing lift")[0], vectors(t, mean, "wing lift")[0]
	assert.Less(t, cosine(a, b), .999)
	assert.InDelta(t, 1, cosine(b, b), 1e-9)
	assert.NotEqual(t, m.Identity(), mean.Identity())
}

// TestBitsDependOnNothingElse runs one list of texts in several batches, by
// several workers, on all kernels with FMA, and among other texts.
func TestBitsDependOnNothingElse(t *testing.T) {
	t.Parallel()
	texts := generate(40)
	one, err := bert.Open(minilm.Files(), bert.Options{Workers: 1})
	require.NoError(t, err)
	want := vectors(t, one, texts...)
	for i := range texts[:8] {
		assert.Equal(t, want[i], vectors(t, one, texts[i])[0], "alone")
	}
	for _, kernel := range bert.Kernels() {
		m, err := bert.Open(minilm.Files(), bert.Options{Workers: 3, Kernel: kernel})
		require.NoError(t, err)
		assert.Equal(t, one.Identity(), m.Identity())
		if kernel == bert.Portable {
			assert.Less(t, difference(vectors(t, m, texts[0])[0], want[0]), 1e-5)
			continue
		}
		assert.Equal(t, want, vectors(t, m, texts...), "%v", kernel)
	}
}

func TestTextsOfEveryKindHaveAVector(t *testing.T) {
	t.Parallel()
	m, err := bert.Open(minilm.Files(), bert.Options{})
	require.NoError(t, err)
	long := strings.Repeat("wing ", 2<<20) // 10 MB
	v := vectors(t, m, "", "\xff\xfe\xfd", "\x00", long, strings.Repeat("x", 10<<20), strings.Repeat("\u0301", 1<<20), strings.Repeat("wing ", 254))
	assert.Equal(t, v[0], v[1], "bytes that are no UTF-8 are left out")
	assert.Equal(t, v[0], v[2])
	assert.Equal(t, v[3], v[6], "cut to 256 tokens")
	for _, x := range v {
		assert.InDelta(t, 1, cosine(x, x), 1e-6)
	}
	require.NoError(t, m.Embed(t.Context(), nil, func(int, []float32) { t.Error("no texts, no vectors") }))
}

func TestPairsAreCutLongestFirst(t *testing.T) {
	t.Parallel()
	m, err := bert.Open(directory(t, "cross"), bert.Options{MaxTokens: 13}) // 10 words
	require.NoError(t, err)
	score := func(a, b string) (logit float32) {
		require.NoError(t, m.Score(t.Context(), a, []string{b}, func(_ int, l []float32) { logit = l[0] }))
		return logit
	}
	w := func(n int) string { return strings.Repeat("wing ", n) }
	assert.Equal(t, score("lift lift", w(8)), score("lift lift", w(20)), "the longer is cut")
	assert.Equal(t, score(w(8), "lift lift"), score(w(20), "lift lift"))
	assert.Equal(t, score(w(5), w(5)), score(w(9), w(9)), "half each")
	assert.NotEqual(t, score("lift lift", w(8)), score("lift lift", w(7)))
}

func TestAModelWithoutAHeadScoresNothing(t *testing.T) {
	t.Parallel()
	m, err := bert.Open(directory(t, "tiny"), bert.Options{})
	require.NoError(t, err)
	assert.ErrorIs(t, m.Score(t.Context(), "a", []string{"b"}, nil), bert.ErrNoHead)
	assert.Zero(t, m.Classes())
}

func TestHugeWeightsGiveAnErrorAndNoVector(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tiny", "cross"} {
		files := directory(t, name)
		files["model.safetensors"] = &fstest.MapFile{Data: rewritten(t, files["model.safetensors"].Data, func(name string, shape []any, raw []byte) map[string]converted {
			raw = slices.Clone(raw)
			for i := range floats(raw) {
				binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(math.MaxFloat32))
			}
			return map[string]converted{name: {"F32", shape, raw}}
		})}
		m, err := bert.Open(files, bert.Options{})
		require.NoError(t, err)
		never := func(int, []float32) { t.Error("a vector that is not finite") }
		assert.ErrorIs(t, m.Embed(t.Context(), []string{"wing", "lift"}, never), bert.ErrNotFinite)
		if name == "cross" {
			assert.ErrorIs(t, m.Score(t.Context(), "wing", []string{"lift"}, never), bert.ErrNotFinite)
		}
	}
}

func TestAnEndedContextEndsTheWork(t *testing.T) {
	t.Parallel()
	m, err := bert.Open(minilm.Files(), bert.Options{Workers: 2})
	require.NoError(t, err)
	cause := errors.New("nobody waits")
	texts := slices.Repeat([]string{strings.Repeat("wing lift drag ", 100)}, 10000) // minutes of work
	for name, when := range map[string]func(cancel func(), i int){
		"before":     func(cancel func(), i int) { cancel() },
		"in between": func(cancel func(), i int) { cancel() },
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		if name == "before" {
			cancel(cause)
		}
		told := 0
		err := m.Embed(ctx, texts, func(i int, _ []float32) {
			told++
			when(func() { cancel(cause) }, i)
		})
		assert.ErrorIs(t, err, cause, name)
		assert.Less(t, told, 20, name)
	}
	late, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, m.Embed(late, texts, func(int, []float32) {}), context.DeadlineExceeded)
	ok := vectors(t, m, "wing") // the workers are back
	assert.Len(t, ok[0], 384)
}

func TestManyCallsShareTheWorkers(t *testing.T) {
	t.Parallel()
	m, err := bert.Open(directory(t, "tiny"), bert.Options{Workers: 2})
	require.NoError(t, err)
	want := vectors(t, m, "wing lift")[0]
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() { assert.Equal(t, want, vectors(t, m, "heat", "wing lift")[1]) })
	}
	wg.Wait()
}

func TestAPanicOfTheCallerComesBack(t *testing.T) {
	t.Parallel()
	m, err := bert.Open(directory(t, "tiny"), bert.Options{Workers: 1})
	require.NoError(t, err)
	for _, texts := range [][]string{{"a"}, {"a", "b"}} {
		assert.Panics(t, func() { _ = m.Embed(t.Context(), texts, func(int, []float32) { panic("mine") }) })
	}
	assert.Len(t, vectors(t, m, "wing"), 1, "the worker is back")
}

// stream is a file that cannot be read at a position.
type stream struct{ fs.FS }

func (s stream) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return struct{ fs.File }{f}, nil
}

func TestFilesNeedNotBeReadableAtAPosition(t *testing.T) {
	t.Parallel()
	m, err := bert.Open(stream{directory(t, "tiny")}, bert.Options{})
	require.NoError(t, err)
	g := goldens(t, "tiny/golden.json")[0]
	assert.Less(t, difference(vectors(t, m, g.Text)[0], g.Vector), 1e-6)
}
