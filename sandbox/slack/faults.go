package slack

import (
	"net/http"
	"slices"
	"time"
)

// Fault is a trouble that was asked for.
type Fault struct {
	// Method is a Web API method, or "response_url", "upload" or "envelope". "" and "*" are any Web
	// API method. Of an envelope Delay, DropBefore and DropAfter apply (the connection is cut before
	// the frame is written, or right after it), and the three at the end.
	Method string
	// ChannelID narrows a fault to calls with that channel; empty: any.
	ChannelID string
	// Times is how often it happens. 0: until ClearFaults.
	Times int
	// Error is answered instead of doing anything, with status 200 or HTTPStatus.
	Error      string
	HTTPStatus int
	// RetryAfter answers 429 with that header, or with In200 a 200 that says ratelimited.
	RetryAfter time.Duration
	In200      bool
	// Delay comes before everything else. It ends early when the caller gives up.
	Delay time.Duration
	// DropBefore closes the caller's connection instead of doing anything, DropAfter after having done
	// it.
	DropBefore, DropAfter bool
	// LoseAck cuts the connection when the envelope's acknowledgement comes, which then counts as not
	// sent; DropAcked cuts it right after the acknowledgement has counted.
	LoseAck, DropAcked bool
	// Twice sends the envelope on the next connection as well, without waiting for an acknowledgement,
	// as Slack was seen to do (slackapi/bolt-js#2487). What the second acknowledgement says is not
	// shown.
	Twice bool
}

// Inject adds a trouble. Of several that fit a call the one injected first happens.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults ends all troubles.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// takeFault returns the trouble for a call, counted down, or none.
func (s *Server) takeFault(method, channelID string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.takeFaultLocked(method, channelID)
}

func (s *Server) takeFaultLocked(method, channelID string) Fault {
	special := method == methodResponse || method == methodUpload || method == methodEnvelope
	for i, f := range s.faults {
		wide := f.Method == "" || f.Method == "*"
		if f.Method != method && (!wide || special) || f.ChannelID != "" && f.ChannelID != channelID {
			continue
		}
		taken := *f
		if f.Times == 1 {
			s.faults = slices.Delete(s.faults, i, i+1)
		} else if f.Times > 1 {
			f.Times--
		}
		return taken
	}
	return Fault{}
}

// answer is what the fault answers, if it answers.
func (f Fault) answer() (answer, bool) {
	switch {
	case f.RetryAfter > 0 && f.In200, f.In200 && f.Error == "":
		a := refuse("ratelimited")
		a.retryAfter = f.RetryAfter
		return a, true
	case f.RetryAfter > 0:
		a := refuse("ratelimited")
		a.status, a.retryAfter = http.StatusTooManyRequests, f.RetryAfter
		return a, true
	case f.HTTPStatus != 0 && f.Error == "":
		return plain(f.HTTPStatus, http.StatusText(f.HTTPStatus)), true
	case f.Error != "":
		a := refuse(f.Error)
		if f.HTTPStatus != 0 {
			a.status = f.HTTPStatus
		}
		return a, true
	}
	return answer{}, false
}
