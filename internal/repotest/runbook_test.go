package repotest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/handlers/messages"
)

const runbookPage = "docs/runbook.md"

// wantInRunbook checks that people read some words, in which … stands for others, and that the
// runbook has them.
func wantInRunbook(t *testing.T, runbook, words, sentence string) {
	t.Helper()
	for part := range strings.SplitSeq(words, " … ") {
		if !strings.Contains(sentence, part) {
			t.Errorf("people do not read %q any more, but %q: correct %s", part, sentence, runbookPage)
		}
	}
	if !strings.Contains(runbook, words) {
		t.Errorf("%s does not say what to do when people read %q", runbookPage, words)
	}
}

func TestTheRunbookKnowsEverySentenceWithWhichAWSEndsARequest(t *testing.T) {
	runbook := unwrapped(text(t, runbookPage))
	words := map[string]struct {
		kind  error
		words string
	}{
		"ErrNoSuchRole":      {aws.ErrNoSuchRole, "No such role"},
		"ErrAccessDenied":    {aws.ErrAccessDenied, "AWS does not allow revokebot"},
		"ErrUnmodifiable":    {aws.ErrUnmodifiable, "Only AWS may change this role"},
		"ErrLimitExceeded":   {aws.ErrLimitExceeded, "The inline policies of the role leave no room"},
		"ErrMalformedPolicy": {aws.ErrMalformedPolicy, "AWS did not accept the policy"},
		"ErrThrottled":       {aws.ErrThrottled, "AWS is answering too many requests"},
		"ErrBusy":            {aws.ErrBusy, "AWS is still making another change"},
		"ErrTimeout":         {aws.ErrTimeout, "AWS did not answer"},
		"ErrCredentials":     {aws.ErrCredentials, "AWS did not accept revokebot's own credentials"},
		"ErrRoleChanged":     {aws.ErrRoleChanged, "The role … was recreated"},
		"ErrNoServerTime":    {aws.ErrNoServerTime, "AWS's answer … carried no usable date"},
		"ErrInvalidRequest":  {aws.ErrInvalidRequest, "AWS did not accept the request"},
		"ErrUnavailable":     {aws.ErrUnavailable, "AWS could not be reached"},
	}
	for _, m := range regexp.MustCompile(`case (Err\w+):`).FindAllStringSubmatch(text(t, "aws/explain.go"), -1) {
		w, ok := words[m[1]]
		if !ok {
			t.Errorf("%s is explained to people, and nothing is known of it in %s", m[1], runbookPage)
			continue
		}
		wantInRunbook(t, runbook, w.words,
			aws.Explain(&aws.CallError{Kind: w.kind, Operation: "iam:PutRolePolicy", Account: "prod"}))
	}
	for words, err := range refusals(t) {
		wantInRunbook(t, runbook, words, aws.Explain(err))
	}
	wantInRunbook(t, runbook, "AWS does not let revokebot open a session",
		aws.Explain(&aws.CallError{Kind: aws.ErrAccessDenied, Named: true}))
	wantInRunbook(t, runbook, "failed. The log has the reason",
		aws.Explain(&aws.CallError{Operation: "iam:PutRolePolicy"}))
}

// refusals are what people read when a revocation, or its undo, refuses a document.
func refusals(t *testing.T) map[string]error {
	t.Helper()
	const foreign = `{"Statement":[]}`
	state := contain.State{Target: contain.Target{Request: "R1"}, Now: time.Unix(1_800_000_000, 0)}
	places := contain.Revoke().Places(state.Target)[0]
	read := func(text string) {
		state.There = nil
		for _, place := range places {
			state.There = append(state.There, contain.Document{Slot: place, Text: text})
		}
	}
	read("")
	ours, err := contain.Revoke().Want(state, nil)
	if err != nil {
		t.Fatal(err)
	}
	read(foreign)
	_, noPlace := contain.Revoke().Want(state, nil)
	written := contain.Written{Slot: places[0], Before: foreign, After: []string{ours[0].Text}}
	_, notRestored := contain.Revoke().Without(ours[0], written)
	written.Before = ""
	_, notOurs := contain.Revoke().Without(state.There[0], written)
	return map[string]error{
		"hold documents on … that revokebot did not write": noPlace,
		"held something that is not exactly a revocation":  notRestored,
		"is not what revokebot wrote":                      notOurs,
	}
}

func TestTheRunbookKnowsEveryReasonOfItsOwnForWhichARequestEnds(t *testing.T) {
	runbook := unwrapped(text(t, runbookPage))
	for _, w := range []struct{ words, sentence string }{
		{"revokebot failed at this several times because of an internal error", messages.GaveUp("")},
		{"This version of revokebot does not know what the request is for", messages.UnknownPurpose},
		{"Its card was deleted, and no approver can decide without it", messages.CardDeletedReason},
		{"Slack does not let the bot post the card in the channel", messages.CardImpossibleReason("is_archived")},
		{"may not approve any more", messages.ApproverNotConfirmed("U0BOB", approvals.Refusal{})},
		{
			"Slack did not confirm", messages.ApproverNotConfirmed("U0BOB",
				approvals.Refusal{Code: approvals.RefusedLookupFailed}),
		},
		{
			"AWS accepted the policy once, and it was not there as written",
			messages.WrittenOnce("", "gone", "It failed."),
		},
		{
			"Event … of its log is not as it was written",
			messages.ForgedSentence(&approvals.ForgedError{Event: 2, Why: approvals.ForgeryUnsealed}),
		},
		{
			"It was opened without the signing key that is in use now",
			messages.ForgedSentence(&approvals.ForgedError{Foreign: true}),
		},
		{"What was to be undone went with the old one", messages.UndoRoleGone},
		{
			"The policy AWSRevokeOlderSessions is not the one that was to be undone",
			messages.UndoNotOurs(""),
		},
		{
			"AWS accepted the change although this request had ended",
			messages.UndoneAfterAll,
		},
	} {
		wantInRunbook(t, runbook, w.words, w.sentence)
	}
}

// The runbook says of every measure what it does and how to undo it, and the metrics say what its
// purposes are.
func TestTheRunbookAndTheMetricsKnowEveryMeasure(t *testing.T) {
	runbook, metrics := unwrapped(text(t, runbookPage)), text(t, "docs/metrics.md")
	for _, k := range measures.All() {
		on := "prod/DeployRole"
		if k.Principal() == contain.User {
			on = "prod/AKIA…"
		}
		for _, words := range []string{"The measure `" + string(k.Name) + "`:", "undo " + k.Words.Word + on} {
			if !strings.Contains(runbook, words) {
				t.Errorf("the runbook lacks %q", words)
			}
		}
		for _, p := range []approvals.Purpose{k.Name.Do(), k.Name.Undo(), k.Name.Drill()} {
			if !strings.Contains(metrics, "`"+string(p)+"`") {
				t.Errorf("docs/metrics.md lacks the purpose %s", p)
			}
		}
	}
}

// What a measure is called stands in its own files and in the table. Everything else asks the
// table.
func TestNothingButItsOwnFilesAndTheTableNamesALock(t *testing.T) {
	own := []string{
		"approvals/purpose.go", "aws/contain/lock.go", "handlers/measures/lock.go", "handlers/measures/measures.go",
		"handlers/messages/actnow.go", // a command against a user
	}
	named := regexp.MustCompile(`approvals\.Lock\b|contain\.Lock\b|AWSDenyAll|"lock"|\block\(\)`)
	for _, dir := range []string{"cmd", "bot", "handlers", "approvals", "aws"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			name, _ := filepath.Rel(root, path)
			if m := named.Find(source); m != nil && !slices.Contains(own, filepath.ToSlash(name)) &&
				!strings.Contains(name, "sandbox") && !strings.Contains(name, "test/") {
				t.Errorf("%s names it: %s", name, m)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
