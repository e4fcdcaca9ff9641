package aws

import (
	"context"
	"slices"
	"time"
)

// keptCalls bounds the log of calls, so that a long soak does not grow without end.
const keptCalls = 100_000

// Call is one request that the server answered, or let hang, in the order in which they ended.
type Call struct {
	// At is when the request arrived, on the machine's clock.
	At time.Time
	// Ended is when it was answered, or given up.
	Ended        time.Time
	Service      string // "iam", "sts", "cloudtrail" or another; empty if the request could not be read
	Action       string
	Region       string // of the credential scope
	AccountID    string // the caller's, empty if the signature was refused
	PrincipalARN string // the user or the assumed-role session, empty likewise
	AccessKeyID  string // as the request names it, also if the signature was refused
	// Params are the request's parameters by their names in the Query protocol; those of LookupEvents
	// are flattened to AttributeKey, AttributeValue, StartTime, EndTime, MaxResults, NextToken and
	// EventCategory.
	Params map[string]string
	// Status is the HTTP status, 0 if no answer was given.
	Status int
	// Code is the error code on the wire, empty for a success.
	Code string
}

// Calls returns the calls of one action, of all actions for "", oldest first. The newest hundred
// thousand are kept.
func (s *Server) Calls(action string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	if action == "" {
		return slices.Clone(s.calls)
	}
	var calls []Call
	for _, c := range s.calls {
		if c.Action == action {
			calls = append(calls, c)
		}
	}
	return calls
}

// Subscribe returns a channel with every call as it ends. The channel is closed when ctx ends or
// the Server is closed. A reader that falls more than 256 calls behind misses calls; the server
// never waits for it.
func (s *Server) Subscribe(ctx context.Context) <-chan Call {
	ch := make(chan Call, 256)
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
		close(ch)
		return ch
	default:
	}
	s.subscribers[ch] = struct{}{}
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, ok := s.subscribers[ch]; ok {
			delete(s.subscribers, ch)
			close(ch)
		}
	})
	return ch
}

func (s *Server) logCall(c Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.calls) >= keptCalls {
		s.calls = slices.Clone(s.calls[keptCalls/10:])
	}
	s.calls = append(s.calls, c)
	for ch := range s.subscribers {
		select {
		case ch <- c:
		default:
		}
	}
}
