package endpoint

import "sync"

// teller hands vectors on, one goroutine at a time, if they have one length.
type teller struct {
	done func(i int, vector []float32)

	mu         sync.Mutex
	dimensions int // of the first vector
}

func (t *teller) tell(at int, vectors [][]float32) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, v := range vectors {
		if t.dimensions == 0 {
			t.dimensions = len(v)
		}
		if len(v) != t.dimensions {
			return &Error{Message: "vectors of one model have different lengths", badAnswer: true}
		}
		t.done(at+i, v)
	}
	return nil
}
