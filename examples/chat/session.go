package main

import (
	"container/list"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/rankcascade/cascade/pipeline/chat"
)

// session is one chat. Whoever holds it has it alone.
type session struct {
	conversation chat.Conversation
	turns        int
	busy         chan struct{} // holds one token while nobody has the session
}

// sessions are the chats that are going on, by names that nobody can guess. The
// zero value is empty. The least recently used leave when there are too many.
type sessions struct {
	mu    sync.Mutex
	byID  map[string]*list.Element
	order *list.List // of *entry, the newest first
}

type entry struct {
	id   string
	s    *session
	used time.Time
}

// The bounds of memory: a session is at most maxTurns turns of a few kilobytes.
const (
	maxSessions = 500
	maxTurns    = 200
	maxIdle     = 2 * time.Hour
)

var (
	errNoSession = errors.New("this chat has ended: begin a new one")
	errBusy      = errors.New("this chat is answering another question")
	errFull      = errors.New("this chat is full: begin a new one")
)

// begin makes a session and returns its name.
func (s *sessions) begin() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID == nil {
		s.byID, s.order = map[string]*list.Element{}, list.New()
	}
	for back := s.order.Back(); back != nil; back = s.order.Back() {
		e := back.Value.(*entry)
		if s.order.Len() < maxSessions && time.Since(e.used) < maxIdle {
			break
		}
		s.order.Remove(back)
		delete(s.byID, e.id)
	}
	e := &entry{id: rand.Text(), s: &session{busy: make(chan struct{}, 1)}, used: time.Now()}
	e.s.busy <- struct{}{}
	s.byID[e.id] = s.order.PushFront(e)
	return e.id
}

// hold returns the session with the name for the caller alone, until release.
func (s *sessions) hold(id string) (held *session, release func(), err error) {
	s.mu.Lock()
	element, ok := s.byID[id]
	if ok {
		element.Value.(*entry).used = time.Now()
		s.order.MoveToFront(element)
	}
	s.mu.Unlock()
	if !ok {
		return nil, nil, errNoSession
	}
	held = element.Value.(*entry).s
	select {
	case <-held.busy:
		return held, func() { held.busy <- struct{}{} }, nil
	default:
		return nil, nil, errBusy
	}
}
