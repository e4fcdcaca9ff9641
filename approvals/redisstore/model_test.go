package redisstore

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// model says in a few plain lines what the store and the rules have to come to. It shares no code
// with them: where the store has scripts and Decide has reasons, it has maps and a yes or no.
type model struct {
	requests map[string]*modelRequest
	order    []string          // the ids of requests, as they were opened
	open     map[string]string // by subject
	seen     map[string]bool
	queue    map[string]int // items that wait or are in hand, by their JSON
	timers   map[string]time.Time
}

type modelRequest struct {
	subject, requester string
	required           int
	deadline           time.Time
	state              approvals.State
	voters             []string
	log                []modelEvent
}

type modelEvent struct {
	Type       approvals.EventType
	By, Source string
}

func newModel() *model {
	return &model{
		requests: make(map[string]*modelRequest), open: make(map[string]string), seen: make(map[string]bool),
		queue: make(map[string]int), timers: make(map[string]time.Time),
	}
}

// The people of the model, and who of them may approve anything.
var (
	people    = []string{"U0ALICE", "U0BOB", "U0CAROL", "U0DAVE", "U0ERIN", "U0GUEST"}
	approvers = []string{"U0ALICE", "U0BOB", "U0CAROL", "U0DAVE", "U0GUEST"}
	mayVote   = map[string]bool{"U0ALICE": true, "U0BOB": true, "U0CAROL": true, "U0DAVE": true}
)

func itemJSON(item approvals.Item) string {
	text, err := json.Marshal(item)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (m *model) enqueue(item approvals.Item) { m.queue[itemJSON(item)]++ }

func (m *model) finish(item approvals.Item) {
	key := itemJSON(item)
	if m.queue[key]--; m.queue[key] == 0 {
		delete(m.queue, key)
	}
}

// timer sets a timer, unless an equal one comes sooner.
func (m *model) timer(item approvals.Item, at time.Time) {
	key := itemJSON(item)
	if sooner, set := m.timers[key]; !set || at.Before(sooner) {
		m.timers[key] = at
	}
}

// promote queues what has come due.
func (m *model) promote(now time.Time) {
	for key, at := range m.timers {
		if !at.After(now) {
			m.queue[key]++
			delete(m.timers, key)
		}
	}
}

func (m *model) accept(item approvals.Item, ids []string) bool {
	for _, id := range ids {
		if m.seen[id] {
			return false
		}
	}
	for _, id := range ids {
		m.seen[id] = true
	}
	m.enqueue(item)
	return true
}

func (m *model) start(
	id, subject, by, source string, required int, now time.Time, expireAfter time.Duration,
) (other string) {
	if m.requests[id] != nil {
		return ""
	}
	if m.open[subject] != "" {
		return m.open[subject]
	}
	m.requests[id] = &modelRequest{
		subject: subject, requester: by, required: required, deadline: now.Add(expireAfter), state: approvals.StateOpen,
		log: []modelEvent{{approvals.EventRequested, by, source}},
	}
	m.order = append(m.order, id)
	m.open[subject] = id
	m.timer(approvals.Item{Kind: approvals.KindDeliver, Request: id}, now)
	m.timer(approvals.Item{Kind: approvals.KindExpire, Request: id}, now.Add(expireAfter))
	return ""
}

// add appends an event and what follows from it.
func (m *model) add(id string, e modelEvent, next approvals.State) {
	r := m.requests[id]
	r.log = append(r.log, e)
	r.state = next
	deliver := approvals.Item{Kind: approvals.KindDeliver, Request: id}
	if _, comes := m.timers[itemJSON(deliver)]; !comes { // no other than at once is set here
		m.enqueue(deliver)
	}
	switch next {
	case approvals.StateOpen, approvals.StateApproved, approvals.StateExecuting:
	default:
		if m.open[r.subject] == id {
			delete(m.open, r.subject)
		}
	}
}

// click is what becomes of a click: nothing if its source was heard before, a refusal or a move.
func (m *model) click(id string, a approvals.Action, by, source string, required int, now time.Time) {
	r := m.requests[id]
	for _, e := range r.log {
		if e.Source == source {
			return
		}
	}
	passes := r.state == approvals.StateOpen && now.Before(r.deadline)
	switch a {
	case approvals.ActionCancel:
		passes = passes && by == r.requester
	case approvals.ActionApprove:
		passes = passes && by != r.requester && mayVote[by] && !slices.Contains(r.voters, by)
	default:
		passes = passes && by != r.requester && mayVote[by]
	}
	switch {
	case !passes:
		m.add(id, modelEvent{approvals.EventRefused, by, source}, r.state)
	case a == approvals.ActionCancel:
		m.add(id, modelEvent{approvals.EventCancelled, by, source}, approvals.StateCancelled)
	case a == approvals.ActionDeny:
		m.add(id, modelEvent{approvals.EventDenied, by, source}, approvals.StateDenied)
	default:
		r.voters = append(r.voters, by)
		if len(r.voters) < max(r.required, required) {
			r.required = max(r.required, required) // the stricter policy counts from then on
			m.add(id, modelEvent{approvals.EventVoted, by, source}, approvals.StateOpen)
			return
		}
		m.add(id, modelEvent{approvals.EventApproved, by, source}, approvals.StateApproved)
		m.enqueue(approvals.Item{Kind: "execute", Request: id})
		m.timer(approvals.Item{Kind: "reminder", Request: id}, now.Add(time.Minute))
	}
}

// leads is where a move leads, and follows the states after which it may come, in the model's own
// words.
var (
	leads = map[approvals.EventType]approvals.State{
		"requested": "open", "voted": "open", "approved": "approved", "denied": "denied", "cancelled": "cancelled",
		"expired": "expired", "started": "executing", "applied": "applied", "failed": "failed", "voided": "void",
	}
	follows = map[approvals.EventType][]approvals.State{
		"voted": {"open"}, "approved": {"open"}, "denied": {"open"}, "cancelled": {"open"}, "expired": {"open"},
		"started": {"approved", "executing"}, "applied": {"executing"},
		"failed": {"open", "approved", "executing"}, "voided": {"approved", "executing"},
	}
)

// move is what becomes of a move that nobody decided; it reports whether a request in this state
// makes it.
func (m *model) move(id string, event approvals.EventType, by, source string) bool {
	r := m.requests[id]
	if !slices.Contains(follows[event], r.state) {
		return false
	}
	if event == approvals.EventVoted || event == approvals.EventApproved {
		r.voters = append(r.voters, by)
	}
	m.add(id, modelEvent{event, by, source}, leads[event])
	return true
}

// expire is what becomes of an expiry that has come due.
func (m *model) expire(id string) {
	if m.requests[id].state == approvals.StateOpen {
		m.add(id, modelEvent{approvals.EventExpired, "", "expire " + id}, approvals.StateExpired)
	}
}
