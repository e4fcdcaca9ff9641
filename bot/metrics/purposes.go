package metrics

import (
	"sync"

	"github.com/revokebot/revokebot/approvals"
)

// unknownPurpose is the label of a request whose opening is not to be believed, or was read too long ago.
const unknownPurpose = "unknown"

// purposesKnown is of how many requests at least it is known what they are for, and half of how many at most.
const purposesKnown = 2048

// purposes knows what the requests are for that were read or opened lately, so that no step on the way from a click to the
// deny reads a request for the sake of a label.
type purposes struct {
	mu       sync.Mutex
	now, old map[string]approvals.Purpose
}

func (p *purposes) know(id string, purpose approvals.Purpose) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now[id] == purpose {
		return
	}
	if p.now == nil || len(p.now) >= purposesKnown {
		p.now, p.old = make(map[string]approvals.Purpose), p.now
	}
	p.now[id] = purpose
}

func (p *purposes) of(id string) approvals.Purpose {
	p.mu.Lock()
	defer p.mu.Unlock()
	if purpose, ok := p.now[id]; ok {
		return purpose
	}
	return p.old[id]
}

// came counts a request that came into a state.
func (m *Metrics) came(state approvals.State, purpose approvals.Purpose) {
	label := unknownPurpose
	switch purpose {
	case approvals.PurposeRevoke, approvals.PurposeUndo, approvals.PurposeDrill:
		label = string(purpose)
	}
	m.requests.WithLabelValues(string(state), label).Inc()
}
