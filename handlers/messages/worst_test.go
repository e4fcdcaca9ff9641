package messages_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
)

// worstOfOthers are the answers that only one person sees, the direct messages, and the events that are no part of a
// revocation that goes well, with everything from outside as bad as it gets.
func worstOfOthers(t *rapid.T, real *testing.T, role messages.Role) map[string]*messages.Message {
	const link = "https://acme.slack.com/archives/C0INCIDENT/p1"
	who := func() string { return foreign(t, "who") }
	c := messages.Context{Role: role, Margin: time.Duration(rapid.Int64().Draw(t, "margin")), Approvers: []string{who(), who()}}
	s := begins(real, foreign(t, "reason"), 2, role)
	open := s.fold(1)
	s.add(approvals.EventReminded, "", messages.Reminder{Ask: []string{who(), who()}, Last: rapid.Bool().Draw(t, "last")})
	s.add(approvals.EventDirect, "", messages.Direct{Person: who(), About: foreign(t, "about"), Nobody: rapid.Bool().Draw(t, "nobody")})
	s.add(approvals.EventRefused, "U0NILS", approvals.Refusal{Action: approvals.ActionApprove, Code: approvals.RefusalCode(foreign(t, "code"))})
	s.add(approvals.EventDenied, "U0BOB", messages.Denial{Reason: foreign(t, "denial")})
	s.add(approvals.EventShutOut, "", messages.ShutOut{Code: foreign(t, "code")})
	s.add(approvals.EventDirect, "", messages.Direct{
		Person: who(), About: messages.DirectOutcome, Problem: foreign(t, "problem"), Unsure: rapid.Bool().Draw(t, "unsure"),
	})
	s.add(approvals.EventFilesRefused, "", messages.FilesRefused{Name: foreign(t, "file"), Code: foreign(t, "code")})
	s.add(approvals.EventSetAside, "", messages.Failure{Work: foreign(t, "work"), Sentence: "AWS did not answer. Nothing was done."})
	denied := s.fold(len(s.events))
	f := begins(real, foreign(t, "reason"), 1, role)
	f.add(approvals.EventApproved, "U0BOB", nil).add(approvals.EventDelayed, "", messages.Failure{Sentence: "AWS did not answer. Nothing was done."})
	f.add(approvals.EventFailed, "", messages.Failure{Sentence: "AWS did not answer. Nothing was done.", Unsure: rapid.Bool().Draw(t, "not known")})
	failed := f.fold(len(f.events))

	people := make([]messages.Candidate, rapid.IntRange(0, 200).Draw(t, "candidates"))
	for i := range people {
		people[i] = messages.Candidate{ID: who(), Why: "cannot, guest"}
	}
	many := make([]string, rapid.IntRange(0, 200).Draw(t, "accounts"))
	for i := range many {
		many[i] = foreign(t, "account")
	}
	standing := approvals.Standing(rapid.IntRange(0, 20).Draw(t, "standing"))
	n := rapid.SampledFrom([]int{0, 1, 7, math.MaxInt}).Draw(t, "n")
	out := map[string]*messages.Message{
		"already open": messages.AlreadyOpen(open, role, link), "call out": messages.CallOut(open, c, link),
		"outcome of a denial": messages.Outcome(denied, c, foreign(t, "code")), "outcome, no thread": messages.Outcome(failed, c, messages.CodeThreadGone),
		"loose": messages.Loose(messages.Card(open, c), open, c), "help": messages.Help(many, c.Margin), "members": messages.MembersOnly(standing),
		"requester": messages.NotARequester(standing), "report for": messages.NotForReport(standing), "status for": messages.StatusRefused(standing),
		"no quorum": messages.NoQuorum(role, n, people), "no quorum to undo": messages.NoQuorumToUndo(role, n, people),
		"reason": messages.ReasonTooLong(n), "chosen": messages.ChosenEnough(n), "too many": messages.TooMany(time.Duration(rapid.Int64().Draw(t, "wait"))),
		"report": messages.ReportComing(open, link), "report there": messages.ReportThere(open, link), "report nowhere": messages.ReportNowhere(foreign(t, "what")),
		"shared": messages.SharedUnknown(foreign(t, "slack error")), "undone": messages.UndoneAlready(role), "gone": messages.DenyAlreadyGone(role),
		"another role": messages.DenyOfAnotherRole(role), "failed": messages.Card(failed, c), "denied": messages.Card(denied, c),
		"not confirmed": messages.Plain(messages.ApproverNotConfirmed(who(), approvals.Refusal{Code: approvals.RefusalCode(foreign(t, "code")), Standing: standing})),
	}
	for _, story := range []*story{s, f} {
		for i, e := range story.events {
			if m := messages.Thread(story.fold(i), e, c); m != nil {
				out[fmt.Sprintf("others %d (%s)", i, e.Type)] = m
			}
		}
	}
	return out
}
