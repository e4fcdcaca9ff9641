package role

import (
	"context"
	"fmt"

	"github.com/revokebot/revokebot/aws"
)

// UndoLook is a role, and the policy AWSRevokeOlderSessions on it, as they were read to say what Undo would do.
type UndoLook struct {
	Role     Role   // without Warnings
	Document string // the policy on the role, "" none
	there    onRole
}

// LookToUndo reads the role and the policy on it, side by side, with the reading session. A role that must not be
// touched, or that is not at the path that was given, is a *RefusedError; a role that does not exist is ErrNoSuchRole.
// Unlike Describe it does not ask whether a deny could be written.
func (c *Client) LookToUndo(ctx context.Context, t aws.Target) (UndoLook, error) {
	s, err := c.survey(ctx, subject{account: t.Account.Name, name: t.RoleName, path: t.Path})
	if err != nil {
		return UndoLook{}, err
	}
	return UndoLook{Role: s.role, Document: s.there.Value.document, there: s.there.Value}, nil
}

// Plan says what Undo would do on the role that was looked at, given the document that the bot wrote last and the one
// that was there before. done says that the role is as it should be, and that nothing is left to do; the plan then tells
// of the deny that is gone. What is on the role and not the bot's is ErrNotOurs. Whether the role is the right one is not
// asked.
func (l UndoLook) Plan(written, previous string) (plan UndoPlan, done bool, err error) {
	return planUndo(l.Role, l.there, written, previous)
}

// planUndo compares what is on a role with what was written.
func planUndo(role Role, there onRole, written, previous string) (plan UndoPlan, done bool, err error) {
	done = there.is(previous)
	if !done && !there.is(written) {
		return UndoPlan{}, false, &aws.CallError{Kind: aws.ErrNotOurs, Operation: "iam:GetRolePolicy", Account: role.AccountName}
	}
	ours, _ := parsePolicy(written)
	earlier, _ := parsePolicy(previous)
	return UndoPlan{
		Document: there.document, Restores: previous, ServerTime: role.ServerTime, Cutoff: ours.cutoff(),
		RevivesUntil: RevivesUntil(ours.cutoff(), role), RestoreCutoff: earlier.cutoff(),
	}, done, nil
}

// Revives reports whether sessions that are denied now could work again: those issued before the cutoff, unless they are
// too old to be alive by AWS's clock, or the policy that comes back denies them, too. While AWS's time is not known, they
// could.
func (p UndoPlan) Revives() bool {
	if p.Cutoff.IsZero() || !p.RestoreCutoff.Before(p.Cutoff) {
		return false
	}
	return p.ServerTime.IsZero() || p.ServerTime.Before(p.RevivesUntil)
}

// otherPath refuses a role that is not at the path that was given.
func otherPath(path string, role Role) error {
	if path == "" || path == role.Path {
		return nil
	}
	return &aws.RefusedError{Reason: aws.RefusedOtherPath, Sentence: fmt.Sprintf(
		"The role %s in %s has the path %s, not %s. Give its name without a path, or its own ARN.",
		role.Name, role.AccountName, aws.Quote(role.Path), aws.Quote(path))}
}
