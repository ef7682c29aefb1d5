package bert

// packed is a matrix whose columns are laid side by side in panels of
// tileColumns, each of k rows, the last one padded with zeros.
type packed struct {
	k, n   int // rows and columns, not rounded
	panels []float32
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// packWeights packs the transposed matrices one after the other, as PyTorch has
// them: C = A w^T. All have k columns. row is memory for one row.
func packWeights(ws []matrix, n, k int) packed {
	p := packed{k, n, make([]float32, roundUp(n, tileColumns)*k)}
	row, at := make([]float32, k), 0
	for _, w := range ws {
		for i := range w.rows {
			w.row(i, row)
			p.setColumn(at, row)
			at++
		}
	}
	return p
}

func (p packed) setColumn(j int, values []float32) {
	to := p.panels[j/tileColumns*tileColumns*p.k+j%tileColumns:]
	for i, v := range values {
		to[i*tileColumns] = v
	}
}

// packRows packs n rows of k floats, stride apart, as columns, into buffer.
func packRows(rows []float32, n, k, stride int, buffer *[]float32) packed {
	p := packed{k, n, grow(buffer, roundUp(n, tileColumns)*k)}
	clear(p.panels[n/tileColumns*tileColumns*k:])
	for j := range n {
		p.setColumn(j, rows[j*stride:][:k])
	}
	return p
}

// packColumns packs k rows of n floats, stride apart, into buffer.
func packColumns(rows []float32, k, n, stride int, buffer *[]float32) packed {
	p := packed{k, n, grow(buffer, roundUp(n, tileColumns)*k)}
	for first := 0; first < n; first += tileColumns {
		width := min(tileColumns, n-first)
		panel := p.panels[first*k:]
		for i := range k {
			to := panel[i*tileColumns:][:tileColumns]
			copy(to, rows[i*stride+first:][:width])
			clear(to[width:])
		}
	}
	return p
}

// grow returns n floats of the buffer, which it enlarges if it must. What they
// hold is left over.
func grow(buffer *[]float32, n int) []float32 {
	if cap(*buffer) < n {
		*buffer = make([]float32, n)
	}
	return (*buffer)[:n]
}
