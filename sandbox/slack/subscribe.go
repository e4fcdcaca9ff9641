package slack

import "context"

// Change is one thing that became visible.
type Change struct {
	// Kind is message, update, delete, ephemeral, view or view_closed; empty when Resync is set.
	Kind    string
	Message *Message
	View    *View
	// Resync says that changes were dropped because they were not read: read everything again.
	Resync bool
}

// backlog is how many changes wait for a subscriber before it is told to read everything again.
const backlog = 256

type subscription struct {
	changes chan Change
	stop    func() bool
}

// Subscribe returns every change from now on. The channel is buffered and never holds the server
// up: a subscriber who falls too far behind gets a Change with Resync instead of those it missed.
// The channel is closed when ctx ends or the server closes.
func (s *Server) Subscribe(ctx context.Context) <-chan Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := &subscription{changes: make(chan Change, backlog)}
	if s.closed {
		close(sub.changes)
		return sub.changes
	}
	s.subs[sub] = struct{}{}
	s.work.Add(1)
	sub.stop = context.AfterFunc(ctx, func() {
		defer s.work.Done()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.endLocked(sub)
	})
	return sub.changes
}

// endLocked closes a subscription once.
func (s *Server) endLocked(sub *subscription) {
	if _, ok := s.subs[sub]; !ok {
		return
	}
	delete(s.subs, sub)
	close(sub.changes)
	if sub.stop() {
		s.work.Done() // the AfterFunc will not run
	}
}

// publishLocked hands a change to everybody without waiting.
func (s *Server) publishLocked(c Change) {
	for sub := range s.subs {
		select {
		case sub.changes <- c:
			continue
		default:
		}
		// Only this code sends, under the mutex, so after taking everything out there is room.
		for len(sub.changes) > 0 {
			select {
			case <-sub.changes:
			default:
			}
		}
		sub.changes <- Change{Resync: true}
	}
}
