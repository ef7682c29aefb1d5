package reranker

import "sync"

// lifetime counts the queries that run, until it ends.
type lifetime struct {
	closed chan struct{} // closed when the end has begun

	mu     sync.Mutex
	active int
	idle   chan struct{} // closed when nothing runs any more; nil before the end
}

func newLifetime() *lifetime { return &lifetime{closed: make(chan struct{})} }

// enter registers a query; exit must follow if it returns true.
func (l *lifetime) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.idle != nil {
		return false
	}
	l.active++
	return true
}

func (l *lifetime) exit() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.active--; l.active == 0 && l.idle != nil {
		close(l.idle)
	}
}

// running returns how many queries run.
func (l *lifetime) running() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.active
}

// begin lets no query in any more and returns what is closed when the last has left.
func (l *lifetime) begin() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.idle == nil {
		l.idle = make(chan struct{})
		close(l.closed)
		if l.active == 0 {
			close(l.idle)
		}
	}
	return l.idle
}
