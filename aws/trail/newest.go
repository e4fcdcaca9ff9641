package trail

import "sync"

// mostAttempts bounds the attempts that gave nothing, so that they never take the place of
// sessions: whoever is locked out may try every second.
const mostAttempts = 100

// newestSessions gathers what the regions find and keeps the newest, so that what is held does not
// grow with what is read.
type newestSessions struct {
	limit int // of issued sessions

	mu       sync.Mutex
	sessions []Session
	dropped  map[string]bool // regions of issued sessions that were too many
	cut      map[string]bool // regions of attempts that were too many
}

func newNewestSessions(limit int) *newestSessions {
	return &newestSessions{limit: limit, dropped: map[string]bool{}, cut: map[string]bool{}}
}

func (n *newestSessions) add(sessions []Session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sessions = append(n.sessions, sessions...)
	if len(n.sessions) > 2*(n.limit+mostAttempts) {
		n.sort()
	}
}

// trim leaves the newest, each once, in order.
func (n *newestSessions) trim() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sort()
}

func (n *newestSessions) sort() {
	issued, attempts, kept := 0, 0, 0
	sorted := once(n.sessions)
	for _, s := range sorted {
		switch {
		case s.Issued() && issued == n.limit:
			n.dropped[s.Region] = true
			continue
		case s.Issued():
			issued++
		case attempts == mostAttempts:
			n.cut[s.Region] = true
			continue
		default:
			attempts++
		}
		sorted[kept] = s
		kept++
	}
	clear(sorted[kept:])
	n.sessions = sorted[:kept]
}
