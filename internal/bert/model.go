package bert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"runtime"
	"strings"

	"github.com/sourcegraph/conc"
)

// Options sets how a model is opened. The zero value takes the fastest kernel
// and as many workers as the program may use processors.
type Options struct {
	// MaxTokens cuts texts to fewer tokens than the model takes, special ones
	// included; 0 means what the model takes. It must not be 1, 2 or less than 0.
	MaxTokens int
	// Workers is the number of batches that run at once, over all calls; 0 means
	// runtime.GOMAXPROCS. Each needs about 10 MB for MiniLM.
	Workers int
	// Kernel names the inner loops, for measurements; the zero value takes the
	// fastest that the processor has.
	Kernel Kernel
	// MaxBytes is the most bytes that the weights may have; 0 means 4 GiB.
	MaxBytes int64
}

const defaultMaxBytes = 4 << 30

func (o Options) withDefaults() (Options, error) {
	if o.MaxTokens < 0 || o.MaxTokens == 1 || o.MaxTokens == 2 {
		return o, fmt.Errorf("bert: MaxTokens is %d: set at least 3, or 0 for what the model takes", o.MaxTokens)
	}
	if o.Workers < 0 || o.MaxBytes < 0 {
		return o, fmt.Errorf("bert: Workers is %d and MaxBytes is %d: set at least 1, or 0 for the default", o.Workers, o.MaxBytes)
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	return o, nil
}

// dense is a linear layer.
type dense struct {
	weights packed
	bias    []float32
}

// layer is one layer of the encoder.
type layer struct {
	qkv, out, up, down  dense
	afterOut, afterDown layerNorm
}

// Model is an encoder with its tokenizer. It is safe for concurrent use and owns
// nothing that must be closed.
type Model struct {
	config    config
	tokenizer *Tokenizer
	loops     loops

	words            matrix
	positions, types []float32
	embedded         layerNorm
	layers           []layer
	pooler, classes  dense

	identity string
	idle     chan *worker // as many as may run at once; nil stands for one not made yet
}

// Open reads the model of a directory. An error about the model is an *Error.
func Open(fsys fs.FS, o Options) (*Model, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	l, ok := loopsOf(o.Kernel)
	if !ok {
		return nil, fmt.Errorf("bert: this processor has no kernel %q, it has %v", o.Kernel, Kernels())
	}
	m := &Model{loops: l}
	if m.config, err = readConfig(fsys); err != nil {
		return nil, err
	}
	if o.MaxTokens > 0 {
		m.config.maxTokens = min(m.config.maxTokens, o.MaxTokens)
	}
	if m.tokenizer, err = OpenTokenizer(fsys, m.config.vocabulary); err != nil {
		return nil, err
	}
	t, err := openTensors(fsys, weightsFile, o.MaxBytes)
	if err != nil {
		return nil, err
	}
	err = m.readWeights(t)
	if err = errors.Join(err, t.close()); err != nil {
		return nil, err
	}
	m.idle = make(chan *worker, o.Workers)
	for range o.Workers {
		m.idle <- nil
	}
	return m, nil
}

// Dimensions is the length of a vector.
func (m *Model) Dimensions() int { return m.config.hidden }

// MaxTokens is the number of tokens that a text is cut to, special ones
// included.
func (m *Model) MaxTokens() int { return m.config.maxTokens }

// Classes is the number of logits of the sequence classification head; 0 without
// one.
func (m *Model) Classes() int { return m.config.classes }

// Normalised reports whether vectors have length 1.
func (m *Model) Normalised() bool { return m.config.normalise }

// Identity is a hash, in hexadecimal digits, of what the results depend on:
// weights, vocabulary and settings. It does not depend on the kernel.
func (m *Model) Identity() string { return m.identity }

// Kernel names the inner loops that run.
func (m *Model) Kernel() Kernel { return m.loops.kernel }

// builder reads the tensors of a model and notes the first error.
type builder struct {
	*tensors
	prefix string
	hash   hash.Hash
	err    error
}

func (m *Model) readWeights(t *tensors) error {
	b := &builder{tensors: t, hash: sha256.New()}
	const table = "embeddings.word_embeddings.weight"
	if t.has("bert." + table) {
		b.prefix = "bert."
	}
	c := m.config
	fmt.Fprintf(b.hash, "%+v %s %d %d %d", c, m.tokenizer.normaliser.describe(), m.tokenizer.unknown, m.tokenizer.first, m.tokenizer.separator)
	m.words = b.table(table, c.vocabulary, c.hidden)
	m.positions = b.flat("embeddings.position_embeddings.weight", c.positions, c.hidden)
	m.types = b.flat("embeddings.token_type_embeddings.weight", c.types, c.hidden)
	m.embedded = b.layerNorm("embeddings.LayerNorm", c)
	for i := 0; i < c.layers && b.err == nil; i++ {
		m.layers = append(m.layers, b.layer(fmt.Sprintf("encoder.layer.%d.", i), c))
	}
	if c.classifies {
		m.pooler = b.dense(c.hidden, c.hidden, "pooler.dense")
		b.prefix = ""
		m.classes = b.dense(c.classes, c.hidden, "classifier")
	}
	m.identity = hex.EncodeToString(b.hash.Sum(nil)[:16])
	return b.err
}

// Embed computes a vector of each text: the pooled last states, of length 1 if
// Normalised says so. done is told each vector when it is there, never by two
// goroutines at once; the vector is only lent. Texts are begun in their order. If
// the context ends, what is done has been told, and the context's cause is in the
// error. Texts are cut to MaxTokens; of an empty one, the vector of its special
// tokens is computed.
func (m *Model) Embed(ctx context.Context, texts []string, done func(i int, vector []float32)) error {
	job := job{
		items: len(texts),
		add:   func(w *worker, i int) { w.add(i, texts[i]) },
		finish: func(w *worker) error {
			return w.pool(done)
		},
	}
	return m.run(ctx, &job)
}

// Score computes the logits of pairs of the query and each text; done is told
// them as Embed tells vectors. Without a head the error is ErrNoHead.
func (m *Model) Score(ctx context.Context, query string, texts []string, done func(i int, logits []float32)) error {
	if m.config.classes == 0 {
		return ErrNoHead
	}
	job := job{
		items: len(texts),
		add:   func(w *worker, i int) { w.addPair(i, query, texts[i]) },
		finish: func(w *worker) error {
			return w.classify(done)
		},
	}
	return m.run(ctx, &job)
}

// run works the job off, by as many workers as are idle.
func (m *Model) run(ctx context.Context, j *job) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if j.items < 2 {
		j.work(ctx, m)
		return j.err
	}
	var wg conc.WaitGroup
	for range min(j.items, cap(m.idle)) {
		wg.Go(func() { j.work(ctx, m) })
	}
	wg.Wait()
	return j.err
}

// worker waits for an idle one.
func (m *Model) worker(ctx context.Context) (*worker, error) {
	select {
	case w := <-m.idle:
		if w == nil {
			w = newWorker(m)
		}
		return w, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (b *builder) layer(prefix string, c config) layer {
	self := prefix + "attention.self."
	return layer{
		qkv:       b.dense(c.hidden, c.hidden, self+"query", self+"key", self+"value"),
		out:       b.dense(c.hidden, c.hidden, prefix+"attention.output.dense"),
		up:        b.dense(c.feed, c.hidden, prefix+"intermediate.dense"),
		down:      b.dense(c.hidden, c.feed, prefix+"output.dense"),
		afterOut:  b.layerNorm(prefix+"attention.output.LayerNorm", c),
		afterDown: b.layerNorm(prefix+"output.LayerNorm", c),
	}
}

// read reads a matrix and adds it to the hash.
func (b *builder) read(name string, rows, columns int) matrix {
	if b.err != nil {
		return matrix{}
	}
	var w matrix
	w, b.err = b.matrix(b.prefix+name, rows, columns)
	b.hash.Write(w.raw)
	for _, s := range w.scales {
		fmt.Fprint(b.hash, s)
	}
	return w
}

// table reads a matrix that stays as the file has it, and checks its numbers.
func (b *builder) table(name string, rows, columns int) matrix {
	w := b.read(name, rows, columns)
	row := make([]float32, columns)
	for i := 0; b.err == nil && i < rows; i++ {
		w.row(i, row)
		b.err = finite(b.file, name, row)
	}
	return w
}

func (b *builder) flat(name string, rows, columns int) []float32 {
	w := b.read(name, rows, columns)
	if b.err != nil {
		return nil
	}
	v := make([]float32, rows*columns)
	b.err = w.checked(b.file, name, v)
	return v
}

// line reads a tensor of one dimension. Old files call the weights of layer
// normalisation gamma and beta.
func (b *builder) line(name string, n int) []float32 {
	if b.err != nil {
		return nil
	}
	name = b.prefix + name
	if old := strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta").Replace(name); !b.has(name) && b.has(old) {
		name = old
	}
	var v []float32
	v, b.err = b.vector(name, n)
	fmt.Fprint(b.hash, v)
	return v
}

func (b *builder) layerNorm(name string, c config) layerNorm {
	return layerNorm{b.line(name+".weight", c.hidden), b.line(name+".bias", c.hidden), c.epsilon}
}

// dense reads linear layers of out rows each and lays them side by side.
func (b *builder) dense(out, in int, names ...string) dense {
	var d dense
	var ws []matrix
	for _, name := range names {
		ws = append(ws, b.read(name+".weight", out, in))
		d.bias = append(d.bias, b.line(name+".bias", out)...)
	}
	if b.err != nil {
		return dense{}
	}
	d.weights = packWeights(ws, out*len(names), in)
	b.err = finite(b.file, b.prefix+names[0]+".weight", d.weights.panels)
	return d
}
