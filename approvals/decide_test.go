package approvals_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/approvals"
)

var soon = opened.Add(time.Minute)

func TestAClickThatNothingSpeaksAgainstCounts(t *testing.T) {
	r := asked(t, 1).fold(t)
	for _, c := range []struct {
		attempt approvals.Attempt
		event   approvals.EventType
		next    approvals.State
	}{
		{click(approvals.ActionApprove, bob), approvals.EventApproved, approvals.StateApproved},
		{click(approvals.ActionDeny, bob), approvals.EventDenied, approvals.StateDenied},
		{click(approvals.ActionCancel, alice), approvals.EventCancelled, approvals.StateCancelled},
	} {
		want := approvals.Decision{
			Next: c.next, Event: approvals.Event{Type: c.event, By: c.attempt.By, Source: c.attempt.Source},
		}
		if diff := cmp.Diff(want, approvals.Decide(r, card, c.attempt, policy, soon)); diff != "" {
			t.Errorf("%s by %s: %s", c.attempt.Action, c.attempt.By, diff)
		}
	}
}

func TestEveryRefusalHasItsReason(t *testing.T) {
	inGroup := func(m approvals.Membership) approvals.Attempt {
		a := click(approvals.ActionApprove, dave)
		a.Facts.Groups[sec] = m
		return a
	}
	with := func(a approvals.Attempt, change func(*approvals.Attempt)) approvals.Attempt {
		change(&a)
		return a
	}
	type situation struct {
		log     log
		card    string
		attempt approvals.Attempt
		policy  approvals.Policy
		now     time.Time
	}
	for name, c := range map[string]struct {
		change func(*situation)
		want   approvals.Refusal
	}{
		"a button that is none": {
			func(s *situation) { s.attempt.Action = "revoke_everything" },
			approvals.Refusal{Action: "revoke_everything", Code: approvals.RefusedUnknownAction},
		},
		"no action": {
			func(s *situation) { s.attempt.Action = "" }, approvals.Refusal{Code: approvals.RefusedUnknownAction},
		},
		"a card that is not known yet": {
			func(s *situation) { s.card = "" }, approvals.Refusal{Code: approvals.RefusedNoCard},
		},
		"a card that is not known yet and a click that names none": {
			func(s *situation) { s.card, s.attempt.Card = "", "" }, approvals.Refusal{Code: approvals.RefusedNoCard},
		},
		"a copy of the card": {
			func(s *situation) { s.attempt.Card = "1700000000.999999" },
			approvals.Refusal{Code: approvals.RefusedWrongPlace, Card: "1700000000.999999", Channel: home.Channel},
		},
		"another channel": {
			func(s *situation) { s.attempt.Place.Channel = "C0OTHER" },
			approvals.Refusal{Code: approvals.RefusedWrongPlace, Card: card, Channel: "C0OTHER"},
		},
		"another workspace": {
			func(s *situation) { s.attempt.Place.Team = "T0OTHER" },
			approvals.Refusal{Code: approvals.RefusedWrongPlace, Card: card, Channel: home.Channel},
		},
		"another organisation": {
			func(s *situation) { s.attempt.Place.Team, s.attempt.Place.Enterprise = "", "E0OTHER" },
			approvals.Refusal{Code: approvals.RefusedWrongPlace, Card: card, Channel: home.Channel},
		},
		"another app": {
			func(s *situation) { s.attempt.Place.App = "A0OTHER" },
			approvals.Refusal{Code: approvals.RefusedWrongPlace, Card: card, Channel: home.Channel},
		},
		"a click by nobody": {
			func(s *situation) { s.attempt.By = "" },
			approvals.Refusal{Code: approvals.RefusedWrongPlace, Card: card, Channel: home.Channel},
		},
		"an approved request": {
			func(s *situation) {
				s.log = s.log.by(carol, approvals.EventApproved)
			}, approvals.Refusal{Code: approvals.RefusedTaken},
		},
		"a request that is being executed": {
			func(s *situation) { s.log = s.log.by(carol, approvals.EventApproved).then(approvals.EventStarted) },
			approvals.Refusal{Code: approvals.RefusedTaken},
		},
		"a denied request": {
			func(s *situation) {
				s.log = s.log.by(carol, approvals.EventDenied)
			}, approvals.Refusal{Code: approvals.RefusedEnded},
		},
		"a cancelled request": {
			func(s *situation) {
				s.log = s.log.by(alice, approvals.EventCancelled)
			}, approvals.Refusal{Code: approvals.RefusedEnded},
		},
		"a request that was marked as expired": {
			func(s *situation) { s.log = s.log.then(approvals.EventExpired) }, approvals.Refusal{Code: approvals.RefusedEnded},
		},
		"a request that was done": {
			func(s *situation) {
				s.log = s.log.by(carol, approvals.EventApproved).then(approvals.EventStarted, approvals.EventApplied)
			},
			approvals.Refusal{Code: approvals.RefusedEnded},
		},
		"a request that failed": {
			func(s *situation) { s.log = s.log.then(approvals.EventFailed) }, approvals.Refusal{Code: approvals.RefusedEnded},
		},
		"a void request": {
			func(s *situation) { s.log = s.log.by(carol, approvals.EventApproved).then(approvals.EventVoided) },
			approvals.Refusal{Code: approvals.RefusedEnded},
		},
		"an empty log": {
			func(s *situation) {
				s.log = nil
				s.attempt.Place = approvals.Place{}
			}, approvals.Refusal{Code: approvals.RefusedWrongPlace, Card: card},
		},
		"the moment of the deadline": {
			func(s *situation) { s.now = opened.Add(expireAfter) }, approvals.Refusal{Code: approvals.RefusedExpired},
		},
		"long after the deadline": {
			func(s *situation) { s.now = opened.Add(24 * time.Hour) }, approvals.Refusal{Code: approvals.RefusedExpired},
		},
		"a time that nobody knows": {
			func(s *situation) { s.now = time.Time{} }, approvals.Refusal{Code: approvals.RefusedExpired},
		},
		"a cancellation after the deadline": {
			func(s *situation) { s.attempt, s.now = click(approvals.ActionCancel, alice), opened.Add(expireAfter) },
			approvals.Refusal{Action: approvals.ActionCancel, Code: approvals.RefusedExpired},
		},
		"an approver who cancels": {
			func(s *situation) { s.attempt = click(approvals.ActionCancel, bob) },
			approvals.Refusal{Action: approvals.ActionCancel, Code: approvals.RefusedNotRequester},
		},
		"a requester who approves": {
			func(s *situation) {
				s.attempt, s.policy.Approvers = click(approvals.ActionApprove, alice), []string{alice, bob}
			},
			approvals.Refusal{Code: approvals.RefusedOwnRequest},
		},
		"a requester who denies": {
			func(s *situation) {
				s.attempt, s.policy.Approvers = click(approvals.ActionDeny, alice), []string{alice, bob}
			},
			approvals.Refusal{Action: approvals.ActionDeny, Code: approvals.RefusedOwnRequest},
		},
		"an empty list of approvers": {
			func(s *situation) { s.policy.Approvers = nil }, approvals.Refusal{Code: approvals.RefusedNoPolicy},
		},
		"a policy that no number is enough for": {
			func(s *situation) { s.policy.Required = 0 }, approvals.Refusal{Code: approvals.RefusedNoPolicy},
		},
		"a policy with a negative number": {
			func(s *situation) { s.policy.Required = -1 }, approvals.Refusal{Code: approvals.RefusedNoPolicy},
		},
		"a policy that asks for too many": {
			func(s *situation) {
				s.policy.Required = approvals.MaxRequired + 1
			}, approvals.Refusal{Code: approvals.RefusedNoPolicy},
		},
		"facts about somebody else": {
			func(s *situation) { s.attempt.Facts = member(carol) }, approvals.Refusal{Code: approvals.RefusedLookupFailed},
		},
		"no facts": {
			func(s *situation) { s.attempt.Facts = approvals.Facts{} }, approvals.Refusal{Code: approvals.RefusedLookupFailed},
		},
		"a person who was not found": {
			func(s *situation) { s.attempt.Facts.Person.Found = false }, approvals.Refusal{Code: approvals.RefusedLookupFailed},
		},
		"a guest who is on the list": {
			func(s *situation) { s.attempt.Facts.Person.Guest = true },
			approvals.Refusal{Code: approvals.RefusedNotMember, Standing: approvals.Guest},
		},
		"a bot that is on the list": {
			func(s *situation) { s.attempt.Facts.Person.Bot = true },
			approvals.Refusal{Code: approvals.RefusedNotMember, Standing: approvals.Bot},
		},
		"a deactivated account that is on the list": {
			func(s *situation) { s.attempt.Facts.Person.Gone = true },
			approvals.Refusal{Code: approvals.RefusedNotMember, Standing: approvals.Deactivated},
		},
		"an outsider who is on the list": {
			func(s *situation) { s.attempt.Facts.Person.Team = "T0OTHER" },
			approvals.Refusal{Code: approvals.RefusedNotMember, Standing: approvals.Outsider},
		},
		"somebody who is not on the list": {
			func(s *situation) {
				s.attempt = click(approvals.ActionApprove, erin)
			}, approvals.Refusal{Code: approvals.RefusedNotApprover},
		},
		"somebody who is not on the list and denies": {
			func(s *situation) { s.attempt = click(approvals.ActionDeny, erin) },
			approvals.Refusal{Action: approvals.ActionDeny, Code: approvals.RefusedNotApprover},
		},
		"somebody who is not in the group": {
			func(s *situation) {
				s.attempt = inGroup(approvals.NotMember)
			}, approvals.Refusal{Code: approvals.RefusedNotApprover},
		},
		"a group that could not be read": {
			func(s *situation) {
				s.attempt = inGroup(approvals.MembershipUnknown)
			}, approvals.Refusal{Code: approvals.RefusedLookupFailed},
		},
		"a second approval by the same person": {
			func(s *situation) {
				s.log = asked(t, 3).by(bob, approvals.EventVoted)
			}, approvals.Refusal{Code: approvals.RefusedAlreadyVoted},
		},
		"a second approval by the same person, who is not the last who approved": {
			func(s *situation) {
				s.log = asked(t, 3).by(bob, approvals.EventVoted).by(carol, approvals.EventVoted)
			},
			approvals.Refusal{Code: approvals.RefusedAlreadyVoted},
		},
		"the whole place is wrong in a request that has none": {
			func(s *situation) { s.log = nil; s.attempt = with(s.attempt, func(*approvals.Attempt) {}) },
			approvals.Refusal{Code: approvals.RefusedWrongPlace, Card: card, Channel: home.Channel},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := situation{log: asked(t, 1), card: card, attempt: click(approvals.ActionApprove, bob), policy: policy, now: soon}
			c.change(&s)
			if c.want.Action == "" {
				c.want.Action = s.attempt.Action
			}
			r := s.log.fold(t)
			d := approvals.Decide(r, s.card, s.attempt, s.policy, s.now)
			if d.Event.Type != approvals.EventRefused || d.Next != r.State {
				t.Errorf("the event is %s and leads to %s", d.Event.Type, d.Next)
			}
			if diff := cmp.Diff(c.want, d.Refusal); diff != "" {
				t.Error(diff)
			}
			if d.Event.Type != approvals.EventRefused || d.Event.By != s.attempt.By || d.Event.Source != s.attempt.Source {
				t.Errorf("the log is given %+v", d.Event)
			}
			var told approvals.Refusal
			if err := json.Unmarshal(d.Event.Detail, &told); err != nil || told != d.Refusal {
				t.Errorf("the log is told %s, %v", d.Event.Detail, err)
			}
		})
	}
}

// Whoever is refused hears the reason that tells a stranger least and a colleague most: first what
// is wrong with the click, then with the request, then with the person.
func TestOfSeveralReasonsTheFirstIsGiven(t *testing.T) {
	a := click("no button", alice)
	a.Card, a.Facts = "another card", approvals.Facts{}
	theCard, l, now, p := "", asked(t, 3).by(bob, approvals.EventVoted).then(approvals.EventFailed),
		opened.Add(expireAfter), approvals.Policy{}
	for _, c := range []struct {
		want  approvals.RefusalCode
		right func() // puts right what the reason names
	}{
		{approvals.RefusedUnknownAction, func() { a.Action = approvals.ActionApprove }},
		{approvals.RefusedNoCard, func() { theCard = card }},
		{approvals.RefusedWrongPlace, func() { a.Card = card }},
		{approvals.RefusedEnded, func() { l = l[:2] }},
		{approvals.RefusedExpired, func() { now = soon }},
		{approvals.RefusedOwnRequest, func() { a.By = bob }},
		{approvals.RefusedNoPolicy, func() { p = approvals.Policy{Approvers: []string{sec}, Required: 1} }},
		{approvals.RefusedLookupFailed, func() { a.Facts = member(bob); a.Facts.Person.Guest = true }},
		{approvals.RefusedNotMember, func() { a.Facts.Person.Guest = false }},
		{approvals.RefusedNotApprover, func() { p.Approvers = []string{bob} }},
		{approvals.RefusedAlreadyVoted, func() { l = l[:1] }},
		{"", func() {}},
	} {
		d := approvals.Decide(l.fold(t), theCard, a, p, now)
		if d.Refusal.Code != c.want {
			t.Fatalf("the reason is %q, want %q", d.Refusal.Code, c.want)
		}
		c.right()
	}
}

func TestTheLastMillisecondBeforeTheDeadlineIsInTime(t *testing.T) {
	d := approvals.Decide(asked(t, 1).fold(t), card, click(approvals.ActionApprove, bob), policy,
		opened.Add(expireAfter-time.Millisecond))
	if d.Event.Type != approvals.EventApproved {
		t.Errorf("refused: %q", d.Refusal.Code)
	}
}

func TestSoManyPeopleAreNeededAsAreRequired(t *testing.T) {
	people := []string{"U01", "U02", "U03", "U04", "U05"}
	for required := 1; required <= approvals.MaxRequired; required++ {
		t.Run(fmt.Sprint(required), func(t *testing.T) {
			p := approvals.Policy{Approvers: people, Required: required}
			l := asked(t, required)
			for i, who := range people[:required] {
				event, next := approvals.EventVoted, approvals.StateOpen
				if i == required-1 {
					event, next = approvals.EventApproved, approvals.StateApproved
				}
				d := approvals.Decide(l.fold(t), card, click(approvals.ActionApprove, who), p, soon)
				if d.Event.Type != event || d.Next != next {
					t.Fatalf("approval %d of %d: %+v", i+1, required, d)
				}
				l = l.by(who, d.Event.Type)
			}
			if r := l.fold(t); r.State != approvals.StateApproved || len(r.Voters()) != required {
				t.Errorf("%s after approvals of %v", r.State, r.Voters())
			}
		})
	}
}

func TestAPolicyThatBecameStricterCounts(t *testing.T) {
	p := policy
	p.Required = 2
	if d := approvals.Decide(asked(t, 1).fold(t), card, click(approvals.ActionApprove, bob), p,
		soon); d.Event.Type != approvals.EventVoted {
		t.Errorf("one approval was enough: %+v", d)
	}
	l := asked(t, 1).by(carol, approvals.EventVoted)
	if d := approvals.Decide(l.fold(t), card, click(approvals.ActionApprove, bob), p,
		soon); d.Event.Type != approvals.EventApproved {
		t.Errorf("two approvals were not enough: %+v", d)
	}
}

func TestAPolicyThatBecameLaxerDoesNotChangeWhatPeopleWereTold(t *testing.T) {
	if d := approvals.Decide(asked(t, 2).fold(t), card, click(approvals.ActionApprove, bob), policy,
		soon); d.Event.Type != approvals.EventVoted {
		t.Errorf("one approval was enough: %+v", d)
	}
}

func TestARequestThatNamesNoNumberStillNeedsOnePerson(t *testing.T) {
	if d := approvals.Decide(asked(t, 0).fold(t), card, click(approvals.ActionApprove, bob), policy,
		soon); d.Event.Type != approvals.EventApproved {
		t.Errorf("%+v", d)
	}
}

func TestWhoApprovedMayStillDeny(t *testing.T) {
	l := asked(t, 2).by(bob, approvals.EventVoted)
	if d := approvals.Decide(l.fold(t), card, click(approvals.ActionDeny, bob), policy,
		soon); d.Event.Type != approvals.EventDenied || d.Next != approvals.StateDenied {
		t.Errorf("%+v", d)
	}
}

func TestTheRequesterCancelsWithoutALookUp(t *testing.T) {
	a := click(approvals.ActionCancel, alice)
	a.Facts = approvals.Facts{}
	d := approvals.Decide(asked(t, 1).fold(t), card, a, approvals.Policy{}, soon)
	if d.Event.Type != approvals.EventCancelled {
		t.Errorf("%+v", d)
	}
}

func TestWhatIsInTheLogAlreadyIsNotDecidedAgain(t *testing.T) {
	for _, e := range []approvals.EventType{approvals.EventVoted, approvals.EventRefused} {
		l := asked(t, 2).from("envelope 7", e)
		a := click(approvals.ActionApprove, bob)
		a.Source = "envelope 7"
		if diff := cmp.Diff(approvals.Decision{},
			approvals.Decide(l.fold(t), card, a, policy, soon)); diff != "" {
			t.Errorf("after %s: %s", e, diff)
		}
	}
}

func TestAClickWithoutASourceIsNotTakenForAnother(t *testing.T) {
	l := asked(t, 2).by(carol, approvals.EventVoted)
	a := click(approvals.ActionApprove, bob)
	a.Source = ""
	if d := approvals.Decide(l.fold(t), card, a, policy, soon); d.Event.Type != approvals.EventApproved {
		t.Errorf("%+v", d)
	}
}

func TestZeroValueDecisionAndItsPartsAreNotAPass(t *testing.T) {
	var d approvals.Decision
	if d.Next != approvals.StateUnknown || d.Event.Type != "" {
		t.Errorf("a decision that nobody made says %+v", d)
	}
	zero := approvals.Decide(approvals.Request{}, "", approvals.Attempt{}, approvals.Policy{}, time.Time{})
	if zero.Event.Type != approvals.EventRefused {
		t.Errorf("nothing at all is decided: %+v", zero)
	}
	// One zero value among values that are right.
	r, a := asked(t, 1).fold(t), click(approvals.ActionApprove, bob)
	noFacts, noAction, noOne, noPlace, noCard := a, a, a, a, a
	noFacts.Facts, noAction.Action, noOne.By, noPlace.Place, noCard.Card = approvals.Facts{}, "", "", approvals.Place{}, ""
	for name, d := range map[string]approvals.Decision{
		"request":     approvals.Decide(approvals.Request{}, card, a, policy, soon),
		"stored card": approvals.Decide(r, "", a, policy, soon),
		"attempt":     approvals.Decide(r, card, approvals.Attempt{}, policy, soon),
		"facts":       approvals.Decide(r, card, noFacts, policy, soon),
		"action":      approvals.Decide(r, card, noAction, policy, soon),
		"person":      approvals.Decide(r, card, noOne, policy, soon),
		"place":       approvals.Decide(r, card, noPlace, policy, soon),
		"card":        approvals.Decide(r, card, noCard, policy, soon),
		"policy":      approvals.Decide(r, card, a, approvals.Policy{}, soon),
		"time":        approvals.Decide(r, card, a, policy, time.Time{}),
		"list":        approvals.Decide(r, card, a, approvals.Policy{Required: 1}, soon),
		"number":      approvals.Decide(r, card, a, approvals.Policy{Approvers: policy.Approvers}, soon),
		"state": approvals.Decide(approvals.Request{Place: home, Deadline: r.Deadline, Requester: alice}, card, a,
			policy, soon),
		"deadline": approvals.Decide(approvals.Request{Place: home, State: approvals.StateOpen, Requester: alice}, card,
			a, policy, soon),
		"list's entries": approvals.Decide(r, card, a, approvals.Policy{Approvers: []string{""}, Required: 1}, soon),
	} {
		if d.Event.Type != approvals.EventRefused || d.Refusal.Code == "" {
			t.Errorf("the zero value of the %s passes: %+v", name, d)
		}
	}
}

// What is done ahead of the look-up is done for whoever may turn out to be the approver that is
// missing, and for nobody else.
func TestOnlyAnApprovalThatMayBeTheLastIsPreparedFor(t *testing.T) {
	people := approvals.Policy{Approvers: []string{bob, carol}, Required: 1}
	voted := asked(t, 2).by(carol, approvals.EventVoted)
	for name, c := range map[string]struct {
		log    log
		action approvals.Action
		by     string
		policy approvals.Policy
		want   bool
	}{
		"one who is named":          {asked(t, 1), approvals.ActionApprove, bob, people, true},
		"one who may be in a group": {asked(t, 1), approvals.ActionApprove, erin, policy, true},
		"the second of two":         {voted, approvals.ActionApprove, bob, people, true},
		"the first of two":          {asked(t, 2), approvals.ActionApprove, bob, people, false},
		"the first of two by a newer policy": {
			asked(t, 1), approvals.ActionApprove, bob, approvals.Policy{Approvers: []string{bob}, Required: 2}, false,
		},
		"the same person again":                     {voted, approvals.ActionApprove, carol, people, false},
		"one who is not named where nobody else is": {asked(t, 1), approvals.ActionApprove, erin, people, false},
		"the requester":                             {asked(t, 1), approvals.ActionApprove, alice, policy, false},
		"a denial":                                  {asked(t, 1), approvals.ActionDeny, bob, people, false},
		"a cancellation":                            {asked(t, 1), approvals.ActionCancel, alice, people, false},
		"a request that is taken": {
			asked(t, 1).by(carol, approvals.EventApproved), approvals.ActionApprove, bob, people, false,
		},
		"nobody":                   {asked(t, 1), approvals.ActionApprove, "", policy, false},
		"a policy without anybody": {asked(t, 1), approvals.ActionApprove, bob, approvals.Policy{Required: 1}, false},
		"a click that is in the log": {
			asked(t, 1).from("approve of "+bob, approvals.EventRefused), approvals.ActionApprove, bob, people, false,
		},
	} {
		a := click(c.action, c.by)
		if got := approvals.MayComplete(c.log.fold(t), card, a, c.policy, soon); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
		if d := approvals.Decide(c.log.fold(t), card, a, c.policy, soon); d.Event.Type == approvals.EventApproved && !c.want {
			t.Errorf("%s: an approval that was not prepared for", name)
		}
	}
	a := click(approvals.ActionApprove, bob)
	if r := asked(t, 1).fold(t); approvals.MayComplete(r, card, a, people, r.Deadline) ||
		approvals.MayComplete(r, "another card", a, people, soon) {
		t.Error("past the deadline, or on another card")
	}
}

func TestARequestWithOneMoreEventIsTheFoldOfBoth(t *testing.T) {
	l := asked(t, 2).by(carol, approvals.EventVoted)
	before, more := l.fold(t), l.by(bob, approvals.EventApproved)
	after, err := before.With(more[len(more)-1])
	if err != nil {
		t.Fatal(err)
	}
	want := more.fold(t)
	if after.State != want.State || after.Seq != want.Seq || !slices.Equal(after.Voters(), want.Voters()) {
		t.Errorf("%+v, want %+v", after, want)
	}
	if before.State != approvals.StateOpen || len(before.Votes) != 1 {
		t.Errorf("the request before is changed: %+v", before)
	}
	if _, err := after.With(approvals.Event{Type: approvals.EventDenied}); err == nil {
		t.Error("an approved request was denied")
	}
}

func TestTheStricterPolicyOfTwoReplicasCounts(t *testing.T) {
	strict, lax := policy, policy
	strict.Required, strict.Approvers = 2, append(slices.Clone(policy.Approvers), dave)
	r := asked(t, 1).fold(t)
	d := approvals.Decide(r, card, click(approvals.ActionApprove, bob), strict, opened.Add(time.Minute))
	if d.Event.Type != approvals.EventVoted {
		t.Fatalf("the first vote: %+v", d)
	}
	r, err := r.With(d.Event)
	if err != nil {
		t.Fatal(err)
	}
	d = approvals.Decide(r, card, click(approvals.ActionDeny, carol), lax, opened.Add(time.Minute))
	if r.Required != 2 || d.Event.Type != approvals.EventDenied {
		t.Errorf("%d approvals are required: %+v", r.Required, d)
	}
}
