package bert

// plane is memory for a matrix of activations. Kernels read and write whole
// blocks, so there is room for rows rounded up to tileRows, and a row takes its
// width rounded up to tileColumns floats. What stands beyond rows and width is
// finite or not, and never reaches a result: a row of a product depends on its
// own row alone.
type plane struct {
	floats              []float32
	rows, width, stride int
}

// resize sets the size. What the plane holds is left over.
func (p *plane) resize(rows, width int) {
	p.rows, p.width, p.stride = rows, width, roundUp(width, tileColumns)
	n := roundUp(rows, tileRows) * p.stride
	if cap(p.floats) < n {
		p.floats = make([]float32, n)
	}
	p.floats = p.floats[:n]
}

// row returns row i.
func (p *plane) row(i int) []float32 { return p.floats[i*p.stride:][:p.width] }
