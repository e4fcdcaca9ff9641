package generated

import (
	"sync"
	"testing"
)

// Score compares verdicts with the truth. It may be counted at the same time.
type Score struct {
	mu                       sync.Mutex
	all, in, over, contained int // over: and fully recorded
	without, accused, shown  int // without an attacker
}

// Count counts a verdict, and fails the test if it is "contained" while the attacker is in.
func (s *Score) Count(t testing.TB, seed uint64, w *Incident, verdict, reasons string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all++
	wrong := false
	if w.In != "" {
		s.in++
		if verdict == "contained" {
			t.Errorf("incident %d: contained, and the attacker is in by %s", seed, w.In)
			wrong = true
		}
	} else {
		s.without++
		if verdict == "not contained" {
			s.accused++
			wrong = true
		}
		if w.Blind == "" {
			s.over++
			if verdict == "contained" {
				s.contained++
			} else {
				wrong = true
			}
		}
	}
	if wrong && s.shown < 12 {
		s.shown++
		t.Logf("incident %d: %s, in by %q: %s\n%q", seed, verdict, w.In, reasons, w.Story)
	}
}

// Check holds the counts against what is promised.
func (s *Score) Check(t testing.TB) {
	t.Helper()
	t.Logf("%d incidents: in %d the attacker is in; %d of %d that are over are contained; "+
		"%d of %d without an attacker are not contained", s.all, s.in, s.contained, s.over, s.accused, s.without)
	if s.accused*100 > s.without {
		t.Errorf("%d of %d incidents without an attacker are not contained", s.accused, s.without)
	}
	if s.contained*10 < s.over*9 {
		t.Errorf("only %d of %d incidents that are over are contained", s.contained, s.over)
	}
}
