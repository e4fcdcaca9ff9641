package aws

import (
	"net/http"
	"time"
)

// Fault is a misfortune for calls that match it. An empty Service, Action, AccountID or Region
// matches all of them. A Fault strikes calls that are properly signed, before their permissions are
// looked at.
type Fault struct {
	Service   string // "iam", "sts" or "cloudtrail"
	Action    string // such as "PutRolePolicy"
	AccountID string // the caller's account
	Region    string // of the credential scope

	// Times is how many calls it strikes; 0 means one, a negative number all until ClearFaults.
	Times int
	// Every lets it strike each second, third and so on of the calls that match, beginning with the
	// Every-th; 0 and 1 mean all of them. The calls in between go on to the next fault.
	Every int
	// Code is the error code on the wire, such as "Throttling". Empty: no error of its own.
	Code string
	// Message is the error's text; empty: a usual one for the code.
	Message string
	// Status is the HTTP status of the error; 0: the usual one for the code.
	Status int
	// Delay is waited before anything else happens; with nothing else set the call is only slow.
	Delay time.Duration
	// HangUp closes the connection without an answer.
	HangUp bool
	// Hang never answers; it ends when the client goes or the Server is closed.
	Hang bool
	// Clock is how far ahead the clock of the answer is.
	Clock time.Duration
	// AfterDoing carries the call out before it fails.
	AfterDoing bool

	met int // calls that matched
}

// Inject adds a fault. Of several that match a call, the one injected first strikes.
func (s *Server) Inject(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults removes all faults; calls that hang already go on hanging.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// takeFault returns the fault that strikes the call, if any, and counts it.
func (s *Server) takeFault(service, action, account, region string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	matches := func(want, got string) bool { return want == "" || want == got }
	for i, f := range s.faults {
		if !matches(f.Service, service) || !matches(f.Action, action) || !matches(f.AccountID, account) ||
			!matches(f.Region, region) {
			continue
		}
		if f.met++; f.Every > 1 && f.met%f.Every != 0 {
			continue
		}
		if f.Times > 0 {
			f.Times--
			if f.Times == 0 {
				s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
			}
		}
		return *f, true
	}
	return Fault{}, false
}

// err is the error that the fault answers with, nil if it has none.
func (f Fault) err() *apiError {
	if f.Code == "" {
		return nil
	}
	e := errOf(f.Code, f.Message)
	if f.Message == "" {
		switch f.Code {
		case "Throttling", "ThrottlingException":
			e.Message = "Rate exceeded"
		case "AccessDenied", "AccessDeniedException":
			e.Message = "Access denied"
		default:
			e.Message = "The request failed with " + f.Code + "."
		}
	}
	if f.Status != 0 {
		e.Status = f.Status
	}
	return e
}

// wait lets the fault's delay pass; false means that the client or the server went away meanwhile.
func (s *Server) wait(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	case <-s.closed:
		return false
	}
}
