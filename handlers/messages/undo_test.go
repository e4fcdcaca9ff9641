package messages_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// earlierID is the request whose deny is to be taken away.
const earlierID = "QWEARLIER3ISOEUUODW4FIG5AF"

// earlier is a policy that was there before and comes back.
var earlier = record.Stands{{Document: contain.Document{Text: "{}"}, Fate: record.FateRestored}}

// twoPlaces is an undo of two policies, one of which someone else has replaced.
var twoPlaces = record.Stands{
	{
		Document: contain.Document{Slot: contain.Slot{Kind: contain.RoleInline, Name: contain.ConsolePolicy}, Text: "{}"},
		Fate:     record.FateForeign,
	},
	{
		Document: contain.Document{Slot: contain.Slot{Kind: contain.RoleInline, Name: contain.OwnPolicy + "QWEARLIE"}},
		Fate:     record.FateRemoved,
	},
}

func exampleUndoing() record.Undoing {
	return record.Undoing{
		Card: "https://acme.slack.com/archives/C0INCIDENT/p1", Requester: "U0ROSA", Approvers: []string{"U0BOB"},
		Applied: at.Add(-time.Hour),
		Cutoff:  at.Add(-59 * time.Minute), RevivesUntil: at.Add(11 * time.Hour), Revives: true, Words: messages.ReviveWords,
	}
}

// undoStory is a story whose request is to take a deny away.
type undoStory struct {
	*story
	context messages.Context
}

func beginUndo(t *testing.T, u record.Undoing, role record.Role, reason string) *undoStory {
	c := exampleContext()
	c.Role, c.Undo = role, &u
	s := &story{t: t}
	s.add(approvals.EventRequested, "U0ROSA", approvals.Opening{
		Purpose: approvals.Revoke.Undo(), About: earlierID,
		Subject: approvals.Subject{
			Key: "111122223333/AROAEXAMPLEDEPLOY0001", Group: "prod", Facts: must(t, record.Facts{Role: role, Undo: &u}),
		},
		Place:  approvals.Place{Team: "T0TEAM", App: "A0APP", Channel: "C0INCIDENT"},
		Reason: reason, Required: 1, ExpireAfter: 15 * time.Minute,
	})
	return &undoStory{s, c}
}

func (u *undoStory) add(typ approvals.EventType, by string, detail any) *undoStory {
	u.story.add(typ, by, detail)
	return u
}

func (u *undoStory) card() *messages.Message {
	return messages.Card(u.fold(len(u.events)), u.events, u.context)
}

func (u *undoStory) last() *messages.Message { return u.lastIn(u.context) }

// allOfUndo is every message about taking a deny away, by name.
func allOfUndo(t *testing.T) map[string]*messages.Message {
	t.Helper()
	role := exampleRole()
	revives, cleanUp, restores, same, onPurpose := exampleUndoing(), exampleUndoing(), exampleUndoing(), exampleUndoing(),
		exampleUndoing()
	onPurpose.Gone = true
	two := exampleUndoing()
	two.Slots = twoPlaces
	twoGone := two
	twoGone.Slots = record.Stands{twoPlaces[0], {Document: twoPlaces[1].Document, Fate: record.FateSame}}
	cleanUp.Revives, cleanUp.Words, cleanUp.RevivesUntil, cleanUp.Card = false, "", at.Add(-time.Minute), ""
	restores.Slots, restores.RestoreCutoff = earlier, at.Add(-5*time.Hour)
	same.Slots, same.RestoreCutoff, same.Revives, same.Words = earlier, same.Cutoff, false, ""
	begin := func(u record.Undoing) *undoStory { return beginUndo(t, u, role, "it was a drill") }
	approved := func(u record.Undoing) *undoStory { return begin(u).add(approvals.EventApproved, "U0INES", nil) }
	executing := func(u record.Undoing) *undoStory {
		return approved(u).add(approvals.EventStarted, "", record.Started{ServerTime: at})
	}
	done := record.Applied{
		At: at.Add(time.Minute), Revives: true, Seen: record.SeenEqual,
		CallerARN: "arn:aws:sts::111122223333:assumed-role/revokebot-spoke/4DLARAV3ISOEUUODW4FIG5AF5F",
	}
	other, unread, found, resumed, clean := done, done, done, done, done
	other.Seen, unread.Seen, unread.Unnamed = record.SeenOther, record.SeenNothing, true
	found.At, found.AlreadyThere = time.Time{}, true
	resumed.At, resumed.AlreadyThere, resumed.Promised = time.Time{}, true, true
	clean.Revives = false
	applied := func(u record.Undoing, a record.Applied) *undoStory {
		a.Slots, a.RestoreCutoff = u.Slots, u.RestoreCutoff
		return executing(u).add(approvals.EventApplied, "", a)
	}
	failure := record.Failure{
		Sentence: "AWS does not allow revokebot iam:DeleteRolePolicy in account prod. Give its role that permission.",
	}
	refusal := approvals.Refusal{Action: approvals.ActionApprove, Code: approvals.RefusedOwnRequest}

	// The revocation that is undone, or offered for clean-up.
	revoked := func() *undoStory {
		c := exampleContext()
		s := begins(t, "key pasted in a gist", 1, role).add(approvals.EventApproved, "U0BOB", nil).
			add(approvals.EventStarted, "", started()).
			add(approvals.EventApplied, "", record.Applied{
				Cutoff: cutoff, At: at.Add(22 * time.Second), Writes: 1, Seen: record.SeenEqual,
			})
		return &undoStory{s, c}
	}
	told := record.Undone{
		Request: earlierID, Card: revives.Card, Requester: "U0ROSA", Approvers: []string{"U0INES"}, At: at.Add(time.Hour),
		Cutoff:  cutoff,
		Revives: true, RevivesUntil: cutoff.Add(12 * time.Hour), Seen: record.SeenEqual,
	}
	back, gone, quiet, twoTold := told, told, told, told
	twoTold.Slots = twoPlaces
	back.Slots = record.Stands{{Document: contain.Document{Text: "{}"}, Fate: record.FateRestored}}
	gone.Found, gone.Seen, quiet.Revives, quiet.Card = true, record.SeenNothing, false, ""

	return map[string]*messages.Message{
		"card_undo_open":         begin(revives).card(),
		"card_undo_open_cleanup": begin(cleanUp).card(),
		"card_undo_open_restore": begin(restores).card(),
		"card_undo_open_same":    begin(same).card(),
		"card_undo_open_gone":    begin(onPurpose).card(),
		"card_undo_approved":     approved(revives).card(),
		"card_undo_applied":      applied(revives, done).card(),
		"card_undo_cleaned_up":   applied(cleanUp, clean).card(),
		"card_undo_restored":     applied(restores, done).card(),
		"card_undo_other":        applied(revives, other).card(),
		"card_undo_not_read":     applied(revives, unread).card(),
		"card_undo_found":        applied(revives, found).card(),
		"card_undo_failed":       executing(revives).add(approvals.EventFailed, "", failure).card(),
		"card_undo_unsure": executing(revives).
			add(approvals.EventFailed, "", record.Failure{Sentence: messages.GaveUp(""), Unsure: true}).card(),
		"card_undo_denied": begin(revives).add(approvals.EventDenied, "U0BOB", record.Denial{Reason: "not before Monday"}).
			card(),
		"card_undo_cancelled": begin(revives).add(approvals.EventCancelled, "U0ROSA", nil).card(),
		"card_undo_expired":   begin(revives).add(approvals.EventExpired, "", nil).card(),
		"card_undo_void": approved(revives).
			add(approvals.EventVoided, "", record.Failure{Sentence: messages.UndoRoleGone}).card(),

		"card_undo_two_places":           begin(two).card(),
		"card_undo_two_places_applied":   applied(two, done).card(),
		"card_undo_two_places_found":     applied(twoGone, found).card(),
		"thread_undo_two_places_applied": applied(two, done).last(),
		"thread_undo_two_places_found":   applied(twoGone, found).last(),
		"thread_undone_two_places":       revoked().add(approvals.EventUndone, "U0ROSA", twoTold).last(),

		"thread_undo_requested": begin(revives).last(),
		"thread_undo_approved":  approved(revives).last(),
		"thread_undo_applied":   applied(revives, done).last(),
		"thread_undo_cleaned":   applied(cleanUp, clean).last(),
		"thread_undo_restored":  applied(restores, done).last(),
		"thread_undo_found":     applied(revives, found).last(),
		"thread_undo_resumed":   applied(revives, resumed).last(),
		"thread_undo_unnamed":   applied(revives, unread).last(),
		"thread_undo_read_not": applied(revives, unread).add(approvals.EventReadBack,
			"", record.ReadBack{Error: "AWS did not answer iam:GetRolePolicy in time."}).last(),
		"thread_undo_read_else": applied(revives, other).add(approvals.EventReadBack,
			"", record.ReadBack{At: at, Mismatch: "someone else wrote the policy meanwhile"}).last(),
		"thread_undo_failed": executing(revives).add(approvals.EventFailed, "", failure).last(),
		"thread_undo_delayed": executing(revives).add(approvals.EventDelayed,
			"", record.Failure{Sentence: "AWS is answering too many requests."}).last(),
		"thread_undo_expired": begin(revives).add(approvals.EventExpired, "", nil).last(),
		"refused_undo_own":    messages.Refused(begin(revives).fold(1), refusal, begin(revives).context),

		"card_undone":         revoked().add(approvals.EventUndone, "U0ROSA", told).card(),
		"card_undone_quiet":   revoked().add(approvals.EventUndone, "U0ROSA", quiet).card(),
		"thread_undone":       revoked().add(approvals.EventUndone, "U0ROSA", told).last(),
		"thread_undone_back":  revoked().add(approvals.EventUndone, "U0ROSA", back).last(),
		"thread_undone_gone":  revoked().add(approvals.EventUndone, "U0ROSA", gone).last(),
		"thread_undone_quiet": revoked().add(approvals.EventUndone, "U0ROSA", quiet).last(),
		"thread_inert": revoked().
			add(approvals.EventPolicyExpired, "", record.Expired{Cutoff: cutoff, Since: cutoff.Add(12 * time.Hour)}).last(),
		"thread_inert_restore": revoked().add(approvals.EventPolicyExpired, "", record.Expired{
			Cutoff: cutoff, Since: cutoff.Add(12 * time.Hour), Restores: true,
		}).last(),

		"reply_undo_usage":   messages.Usage("undo ", messages.ExampleReason, []string{"prod"}),
		"reply_undo_nothing": messages.NothingToUndo(role, messages.NotOnRecord("measure")),
		"reply_undo_which": messages.UndoWhich([]messages.Listed{
			{Request: begin(revives).fold(1), Context: exampleContext()},
			{
				Request: approvals.Request{ID: begin(revives).fold(1).ID, Purpose: approvals.Purpose(approvals.Lock)},
				Context: messages.Context{Words: *exampleContext().Further},
			},
		}, role),
		"reply_undo_stays":        messages.NothingToUndo(role, messages.UndoStays),
		"reply_undo_already":      messages.NothingToUndo(role, messages.UndoneAlready),
		"reply_undo_gone":         messages.NothingToUndo(role, messages.UndoneByOthers(revokeWords())),
		"reply_undo_changed":      messages.DenyChanged(revokeWords(), role, "", true),
		"reply_undo_removed":      messages.DenyChanged(revokeWords(), role, "", false),
		"reply_undo_another_role": messages.NothingToUndo(role, messages.UndoneByRole),
		"reply_undo_newer":        messages.NewerDeny(revokeWords(), begin(revives).fold(1), role, revives.Card),
		"reply_undo_words":        messages.WordsNeeded(revokeWords(), role, revives),
		"reply_undo_words_older":  messages.WordsNeeded(revokeWords(), role, restores),
		"reply_undo_by_command":   messages.UndoByCommand(revokeWords(), role),
		"reply_undo_open_already": messages.AlreadyOpen(begin(revives).fold(1), begin(revives).context, revives.Card, false),
		"reply_undo_no_quorum": messages.NoQuorum(approvals.ModeUndo, revokeWords(), role, 1, []messages.Candidate{
			{ID: "U0ROSA", Why: "you, the requester"},
		}),
	}
}

// stands are what an undo can leave.
func stands(t *rapid.T) (all record.Stands) {
	for range rapid.IntRange(0, 3).Draw(t, "slots") {
		all = append(all, record.Stand{
			Document: contain.Document{Slot: contain.Slot{Kind: contain.RoleInline, Name: foreign(t, "policy")}, Text: "{}"},
			Fate: rapid.SampledFrom([]record.Fate{
				record.FateRemoved, record.FateRestored, record.FateSame, record.FateForeign, record.FateFailed,
			}).Draw(t, "fate"),
		})
	}
	return all
}

// worstOfUndo is the same with everything from outside as bad as it gets.
func worstOfUndo(t *rapid.T, real *testing.T, role record.Role) map[string]*messages.Message {
	u := record.Undoing{
		Requester: foreign(t, "earlier requester"), Words: foreign(t, "words"),
		Slots:   stands(t),
		Applied: at, Cutoff: at, RevivesUntil: at, Revives: rapid.Bool().Draw(t, "revives"),
	}
	for range rapid.IntRange(0, 5).Draw(t, "approvers") {
		u.Approvers = append(u.Approvers, foreign(t, "approver"))
	}
	if rapid.Bool().Draw(t, "an earlier cutoff") {
		u.RestoreCutoff = at.Add(-time.Hour)
	}
	s := beginUndo(real, u, role, foreign(t, "reason"))
	s.events[0].By = "U0ROSA"
	s.add(approvals.EventApproved, "U0BOB", nil).add(approvals.EventStarted, "", record.Started{})
	s.add(approvals.EventApplied, "", record.Applied{
		Slots: stands(t), AlreadyThere: rapid.Bool().Draw(t, "found"), Revives: u.Revives, CallerARN: foreign(t, "caller"),
		Unnamed: true,
		Seen:    rapid.SampledFrom([]record.Seen{record.SeenEqual, record.SeenOther, record.SeenNothing}).Draw(t, "seen"),
	})
	s.add(approvals.EventReadBack, "", record.ReadBack{
		Mismatch: foreign(t, "mismatch"), Error: rapid.SampledFrom([]string{"", "It failed."}).Draw(t, "error"),
	})
	out := map[string]*messages.Message{
		"undo words": messages.WordsNeeded(revokeWords(), role, u), "undo newer": messages.NewerDeny(revokeWords(),
			s.fold(1), role, ""),
		"undo which":      messages.UndoWhich([]messages.Listed{{Request: s.fold(1), Context: s.context}}, role),
		"undo nothing":    messages.NothingToUndo(role, messages.NotOnRecord("measure")),
		"undo by command": messages.UndoByCommand(revokeWords(), role),
		"undo changed":    messages.DenyChanged(revokeWords(), role, "", true),
	}
	s.said(out, "undo ", s.context)
	c := messages.Context{Words: revokeWords(), Role: role}
	undone := record.Undone{
		Request: foreign(t, "request"), Requester: foreign(t, "who"), Approvers: u.Approvers, Revives: u.Revives,
		Slots: stands(t),
	}
	revoked := begins(real, "", 1, role).add(approvals.EventApproved, "U0BOB", nil).
		add(approvals.EventStarted, "", started()).
		add(approvals.EventApplied, "", record.Applied{Cutoff: cutoff}).add(approvals.EventUndone, "", undone).
		add(approvals.EventPolicyExpired, "", record.Expired{Cutoff: at})
	revoked.said(out, "undone ", c)
	return out
}

// Everything that asks for an approval says that it undoes a revocation: the title, the sentence
// below it, what Approve does, the question before it, and the fallback.
func TestEveryPartOfAnUndoCardSaysThatItUndoesARevocation(t *testing.T) {
	m := allOfUndo(t)["card_undo_open"]
	blocks := string(must(t, m.Blocks))
	for _, said := range []string{
		"Approval needed: undo the revocation of prod/DeployRole", "asked to undo the revocation by",
		"It undoes a revocation.", "Undo the revocation?",
		"is removed from the role", "Approve: undo the revocation of prod/DeployRole",
	} {
		if !strings.Contains(blocks, said) {
			t.Errorf("the card does not say %q: %s", said, blocks)
		}
	}
	for _, said := range []string{
		"Approval needed: undo the revocation of", "asked to undo the revocation by", "It undoes a revocation.",
		"they work again", "it was a drill", "0 of 1", "prod/DeployRole",
	} {
		if !strings.Contains(m.Text, said) {
			t.Errorf("the fallback does not say %q: %s", said, m.Text)
		}
	}
}

func TestTheWordsCountHoweverTheyAreQuotedAndNothingElseDoes(t *testing.T) {
	for text, want := range map[string]bool{
		"revive old sessions": true, "  Revive\told\n sessions ": true, `"revive old sessions"`: true,
		"“REVIVE OLD SESSIONS”": true, "`revive old sessions`": true,
		"": false, "revive": false, "revive old session": false, "revive old sessions!": false, "reviveoldsessions": false,
		"do not revive old sessions": false,
	} {
		if got := messages.SaysRevive(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestTheFormForAnUndoIsWithinSlacksLimits(t *testing.T) {
	for _, name := range []string{"DeployRole", strings.Repeat("x", 64)} {
		for _, words := range []bool{true, false} {
			c := exampleContext()
			c.Role.Name = name
			form := messages.UndoForm(c, messages.FormOrigin{Request: earlierID, Channel: "C0INCIDENT", Message: "1.1"},
				words, at, words)
			for _, p := range slack.CheckView(must(t, form)) {
				t.Errorf("%s", p)
			}
			if got := strings.Contains(string(must(t, form)), messages.FieldWords+`"`); got != words {
				t.Errorf("a field for the words: %v", got)
			}
		}
	}
}

func TestTheFormOfADenialOfAnUndoSaysWhatIsDenied(t *testing.T) {
	s := beginUndo(t, exampleUndoing(), exampleRole(), "")
	form := messages.DenyForm(s.fold(1), s.context, messages.FormOrigin{})
	if !strings.Contains(string(must(t, form)), "asked to undo the revocation of") {
		t.Errorf("%s", must(t, form))
	}
}
