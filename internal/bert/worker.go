package bert

import (
	"math"
)

// worker is the memory of one batch, which is used again by the next. Sequences
// lie one after the other without padding, so what a sequence gives does not
// depend on what stands beside it.
type worker struct {
	model  *Model
	reader reader
	stop   <-chan struct{} // closed when nobody waits for the batch any more
	halted bool

	tokens    []int32
	sequences []sequence

	x, qkv, context, spare, up plane // a row for each token
	heads, scores, values      plane // of one head of one sequence
	pack, result               []float32
	second                     []int32 // tokens of the second text of a pair
}

// sequence is a text, or a pair of them, with its special tokens.
type sequence struct {
	item   int // the caller's number for it
	length int // tokens
	second int // where the second text begins; length where there is none
}

func newWorker(m *Model) *worker {
	return &worker{model: m, reader: reader{tokenizer: m.tokenizer}}
}

// begin empties the worker for a new batch.
func (w *worker) begin(stop <-chan struct{}) {
	w.tokens, w.sequences, w.stop, w.halted = w.tokens[:0], w.sequences[:0], stop, false
}

// add adds a text to the batch.
func (w *worker) add(item int, text string) {
	t, begin := w.model.tokenizer, len(w.tokens)
	w.tokens = append(w.tokens, t.first)
	w.tokens = w.reader.read(w.tokens, text, begin+w.model.config.maxTokens-1)
	w.tokens = append(w.tokens, t.separator)
	length := len(w.tokens) - begin
	w.sequences = append(w.sequences, sequence{item, length, length})
}

// addPair adds two texts to the batch. What is too long is cut as HuggingFace's
// "longest first" does it: the shorter text keeps what it has up to half.
func (w *worker) addPair(item int, a, b string) {
	t, begin := w.model.tokenizer, len(w.tokens)
	room := w.model.config.maxTokens - 3
	w.tokens = append(w.tokens, t.first)
	w.tokens = w.reader.read(w.tokens, a, begin+1+room)
	w.second = w.reader.read(w.second[:0], b, room)
	na, nb := longestFirst(len(w.tokens)-begin-1, len(w.second), room)
	w.tokens = append(w.tokens[:begin+1+na], t.separator)
	second := len(w.tokens) - begin
	w.tokens = append(append(w.tokens, w.second[:nb]...), t.separator)
	w.sequences = append(w.sequences, sequence{item, len(w.tokens) - begin, second})
}

// longestFirst shortens two lengths to a sum of at most room.
func longestFirst(a, b, room int) (int, int) {
	if a+b <= room {
		return a, b
	}
	if a > b {
		b, a = longestFirst(b, a, room)
		return a, b
	}
	if a <= room/2 {
		return a, room - a
	}
	return room / 2, room - room/2
}

// stopped reports whether the batch is given up. What the worker holds is then
// of no use.
func (w *worker) stopped() bool {
	if !w.halted {
		select {
		case <-w.stop:
			w.halted = true
		default:
		}
	}
	return w.halted
}

// multiply sets c to a times b. It stops in between if the batch is given up.
func (w *worker) multiply(c, a plane, b packed) {
	rows := roundUp(a.rows, tileRows)
	_ = a.floats[(rows-1)*a.stride+b.k-1] // the kernels do not check
	_ = c.floats[(rows-1)*c.stride+roundUp(b.n, tileColumns)-1]
	for j := 0; j < b.n && !w.stopped(); j += tileColumns {
		panel := b.panels[j*b.k:][:tileColumns*b.k]
		for i := 0; i < rows; i += tileRows {
			w.model.loops.block(b.k, &a.floats[i*a.stride], a.stride, &panel[0], &c.floats[i*c.stride+j], c.stride)
		}
	}
}

// states sets x to the last hidden states of the batch, one row for each token.
// It returns false if it was stopped.
func (w *worker) states() bool {
	w.embed()
	for i := range w.model.layers {
		l := &w.model.layers[i]
		w.selfAttention(l)
		w.close(l.out, w.context, l.afterOut)
		w.raise(l.up)
		w.close(l.down, w.up, l.afterDown)
		if w.halted {
			return false
		}
	}
	return true
}

// embed sets x to the sum of the embeddings of word, position and type.
func (w *worker) embed() {
	m, h, at := w.model, w.model.config.hidden, 0
	w.x.resize(len(w.tokens), h)
	for _, s := range w.sequences {
		for p, id := range w.tokens[at:][:s.length] {
			kind := m.types[:h]
			if p >= s.second {
				kind = m.types[len(m.types)-h:]
			}
			row, position := w.x.row(at+p), m.positions[p*h:][:h]
			m.words.row(int(id), row)
			for i := range row {
				row[i] += position[i] + kind[i]
			}
		}
		at += s.length
	}
	m.embedded.apply(w.x)
}

// close ends one half of a layer: a linear layer over in, the residual, and the
// normalisation.
func (w *worker) close(d dense, in plane, norm layerNorm) {
	w.spare.resize(in.rows, d.weights.n)
	w.multiply(w.spare, in, d.weights)
	addResidual(w.x, w.spare, d.bias)
	norm.apply(w.x)
}

// raise widens the states and applies GELU.
func (w *worker) raise(d dense) {
	w.up.resize(w.x.rows, d.weights.n)
	w.multiply(w.up, w.x, d.weights)
	if !w.halted {
		biasGELU(w.up, d.bias)
	}
}

// selfAttention computes, for each sequence and head, softmax(Q K^T / sqrt d) V.
func (w *worker) selfAttention(l *layer) {
	h := w.model.config.hidden
	w.qkv.resize(w.x.rows, 3*h)
	w.multiply(w.qkv, w.x, l.qkv.weights)
	addBias(w.qkv, l.qkv.bias)
	w.context.resize(w.x.rows, h)
	at := 0
	for _, s := range w.sequences {
		for head := 0; head < w.model.config.heads && !w.halted; head++ {
			w.attend(at, s.length, head)
		}
		at += s.length
	}
}

// attend writes one head's part of the context of the n tokens from at on.
func (w *worker) attend(at, n, head int) {
	h, width := w.model.config.hidden, w.model.config.hidden/w.model.config.heads
	scale := float32(1 / math.Sqrt(float64(width)))
	w.heads.resize(n, width)
	for i := range n {
		from, to := w.qkv.row(at + i)[head*width:][:width], w.heads.row(i)
		for j, v := range from {
			to[j] = v * scale
		}
	}
	rest := w.qkv.floats[at*w.qkv.stride:]
	w.scores.resize(n, n)
	w.multiply(w.scores, w.heads, packRows(rest[h+head*width:], n, width, w.qkv.stride, &w.pack))
	if w.halted {
		return
	}
	for i := range n {
		w.model.loops.softmax(w.scores.floats[i*w.scores.stride:], n)
	}
	w.values.resize(n, width)
	w.multiply(w.values, w.scores, packColumns(rest[2*h+head*width:], n, width, w.qkv.stride, &w.pack))
	for i := range n {
		copy(w.context.row(at + i)[head*width:], w.values.row(i))
	}
}

// pool makes one vector of the states of each sequence.
func (w *worker) pool(done func(i int, vector []float32)) error {
	at, c := 0, w.model.config
	vector := grow(&w.result, c.hidden)
	for _, s := range w.sequences {
		if c.pooling == poolCLS {
			copy(vector, w.x.row(at))
		} else {
			w.mean(vector, at, s.length)
		}
		length := euclid(vector)
		if length-length != 0 { // NaN or infinite
			return ErrNotFinite
		}
		if c.normalise && length > 0 {
			scale := float32(1 / length)
			for i := range vector {
				vector[i] *= scale
			}
		}
		done(s.item, vector)
		at += s.length
	}
	return nil
}

// mean sets the vector to the mean of n states.
func (w *worker) mean(vector []float32, at, n int) {
	clear(vector)
	for r := range n {
		for i, v := range w.x.row(at + r) {
			vector[i] += v
		}
	}
	for i := range vector {
		vector[i] /= float32(n)
	}
}

// classify computes the logits of each sequence from its first state.
func (w *worker) classify(done func(i int, logits []float32)) error {
	m, at := w.model, 0
	w.context.resize(len(w.sequences), m.config.hidden)
	for i, s := range w.sequences {
		copy(w.context.row(i), w.x.row(at))
		at += s.length
	}
	w.spare.resize(w.context.rows, m.config.hidden)
	w.multiply(w.spare, w.context, m.pooler.weights)
	addBias(w.spare, m.pooler.bias)
	for i := range w.sequences {
		row := w.spare.row(i)
		for k, v := range row {
			row[k] = float32(math.Tanh(float64(v)))
		}
	}
	w.values.resize(w.context.rows, m.config.classes)
	w.multiply(w.values, w.spare, m.classes.weights)
	addBias(w.values, m.classes.bias)
	for i, s := range w.sequences {
		logits := w.values.row(i)
		if length := euclid(logits); length-length != 0 {
			return ErrNotFinite
		}
		done(s.item, logits)
	}
	return nil
}
