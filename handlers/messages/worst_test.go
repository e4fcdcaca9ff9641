package messages_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// worstOfOthers are the answers that only one person sees, the direct messages, and the events that
// are no part of a revocation that goes well, with the same text wherever one comes from outside.
// odd turns what can be so or so.
func worstOfOthers(real *testing.T, text string, odd bool) map[string]*messages.Message {
	role := record.Role{Role: role.Role{Principal: contain.Principal{
		AccountName: text, AccountID: text, Name: text, ARN: text, ID: text,
	}}}
	const link = "https://acme.slack.com/archives/C0INCIDENT/p1"
	c := messages.Context{Words: revokeWords(), Role: role, Margin: time.Minute, Approvers: []string{text, text}}
	s := begins(real, text, 2, role)
	open := s.fold(1)
	s.add(approvals.EventReminded, "", record.Reminder{Ask: []string{text, text}, Last: odd})
	s.add(approvals.EventDirect, "", record.Direct{Person: text, About: text, Nobody: odd})
	s.add(approvals.EventRefused, "U0NILS", approvals.Refusal{
		Action: approvals.ActionApprove, Code: approvals.RefusalCode(text),
	})
	s.add(approvals.EventDenied, "U0BOB", record.Denial{Reason: text})
	s.add(approvals.EventShutOut, "", record.ShutOut{Code: text})
	s.add(approvals.EventDirect, "", record.Direct{
		Person: text, About: record.DirectOutcome, Problem: text, Unsure: odd,
	})
	s.add(approvals.EventFilesRefused, "", record.FilesRefused{Name: text, Code: text})
	s.add(approvals.EventParked, "", record.Failure{Work: text, Sentence: "AWS did not answer. Nothing was done."})
	denied := s.fold(len(s.events))
	f := begins(real, text, 1, role)
	f.add(approvals.EventApproved, "U0BOB", nil).add(approvals.EventDelayed,
		"", record.Failure{Sentence: "AWS did not answer. Nothing was done."})
	f.add(approvals.EventFailed, "", record.Failure{Sentence: "AWS did not answer. Nothing was done.", Unsure: odd})
	failed := f.fold(len(f.events))

	people, many, standing, n := []messages.Candidate{{ID: text, Why: "cannot, guest"}}, []string{text}, approvals.Guest, 1
	if odd {
		people, many, standing, n = slices.Repeat(people, 200), slices.Repeat(many, 200), approvals.Standing(99), math.MaxInt
	}
	out := map[string]*messages.Message{
		"already open": messages.AlreadyOpen(open, c, link, true), "call out": messages.CallOut(open, c, link),
		"outcome of a denial": messages.Outcome(denied, nil, c, text),
		"outcome, no thread":  messages.Outcome(failed, nil, c, record.CodeThreadGone),
		"loose":               messages.Loose(messages.Card(open, nil, c), open, c),
		"other principal":     messages.OtherPrincipal(text, contain.User),
		"which key": messages.WhichKey(role, text, []contain.Document{
			{Slot: contain.Slot{Name: text}, Text: "Active"}, {Slot: contain.Slot{Name: text}, Text: text},
		}, odd, text),
		"new external id":   messages.NewExternalID(c.Role, text),
		"not alone":         messages.NotAlone(c.Words, c.Role),
		"not listed":        messages.NotListed(text, text),
		"no addresses":      messages.NoAddresses(text, text),
		"used from":         messages.UsedFrom(text, text, messages.Known{Usual: []string{text, "198.51.100.23"}}),
		"not addresses":     messages.NotAddresses(errors.New(text)),
		"help":              messages.Help(measures.All().AllWords(), many, nil, c.Margin),
		"did you mean":      messages.DidYouMean(text, "prod", slices.Repeat([]messages.Meant{{text, text}}, n%200+1), odd),
		"members":           messages.NotEntitled(standing),
		"no quorum":         messages.NoQuorum(approvals.ModeDo, revokeWords(), role, n, people),
		"no quorum to undo": messages.NoQuorum(approvals.ModeUndo, revokeWords(), role, n, people),
		"reason":            messages.ReasonTooLong(n), "chosen": messages.ChosenEnough(n),
		"vouched":  messages.Vouched(record.Vouched{Caller: text, By: text, At: at}),
		"too many": messages.TooMany(math.MaxInt64),
		"report":   messages.ReportComing(open, link, nil), "report there": messages.ReportThere(open, link),
		"report nowhere":  messages.ReportNowhere(text),
		"report doubtful": messages.ReportComing(open, link, &record.FilesRefused{Name: text, Code: text}),
		"report enough": messages.ReportEnough(open, record.FilesRefused{Name: text, Code: text}, n, time.Minute,
			time.Duration(n)),
		"shared": messages.SharedUnknown(text), "undone": messages.NothingToUndo(role, messages.UndoneAlready),
		"gone":         messages.NothingToUndo(role, messages.UndoneByOthers(revokeWords())),
		"another role": messages.NothingToUndo(role, messages.UndoneByRole), "failed": messages.Card(failed, nil, c),
		"denied": messages.Card(denied, nil, c),
		"not confirmed": messages.Plain(messages.ApproverNotConfirmed(text,
			approvals.Refusal{Code: approvals.RefusalCode(text), Standing: standing})),
	}
	for _, story := range []*story{s, f} {
		story.said(out, "others ", c)
	}
	return out
}

// Rules 18 and 19, for what is said besides a revocation that goes well.
func TestWhatOnlyOnePersonSeesIsDataAndWithinSlacksLimitsForAnyInput(t *testing.T) {
	for _, text := range append(slices.Clone(nasty), strings.Join(nasty, "")) {
		for _, odd := range []bool{true, false} {
			for name, m := range worstOfOthers(t, text, odd) {
				examine(t, name, m)
			}
		}
	}
}
