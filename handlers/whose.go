package handlers

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/investigate"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// holder finds the role or user that an access key stands for.
func (h *Handlers) holder(ctx context.Context, key aws.KeyRef) (aws.Target, error) {
	a, err := h.Cloud.KeyAccount(ctx, key)
	if err != nil {
		return aws.Target{}, err
	}
	if key.LongTerm() {
		target, err := h.Roles.KeyUser(ctx, a.Name, key.ID)
		target.Key = key.ID
		return target, err
	}
	found, err := h.Trail.Whose(ctx, a.Name, key.ID)
	if err != nil {
		return aws.Target{}, err
	}
	return found.Target(h.Cloud)
}

// describe looks a role up for a measure. What is known of an access key that was typed in its
// place comes first, with a refusal, too.
func (h *Handlers) describe(
	ctx context.Context, t aws.Target, on contain.Measure, params json.RawMessage,
) (role.Role, error) {
	found, err := h.Roles.Describe(ctx, t, on, params)
	refused, ok := errors.AsType[*aws.RefusedError](err)
	switch {
	case t.Told == "":
	case ok:
		told := *refused
		told.Sentence = t.Told + " " + told.Sentence
		return found, &told
	case err == nil:
		if t.RoleID != "" && t.RoleID != found.ID {
			t.Told += " That was another role of the same name, which was deleted: its sessions ended with it."
		}
		found.Warnings = append([]string{t.Told}, found.Warnings...)
	}
	return found, err
}

// offerKeys lists the active access keys of a user, with a button for each: which of them leaked is
// not for the bot to guess.
func (h *Handlers) offerKeys(ctx context.Context, a act, t aws.Target, drill bool, reason string) error {
	if allowed, standing := h.mayRequest(ctx, a.User); !allowed {
		return h.refuse(ctx, a, "requester", messages.NotEntitled(standing))
	}
	found, keys, err := h.Roles.UserKeys(ctx, t)
	if err != nil {
		return h.refuseRole(ctx, a, err)
	}
	return h.refuse(ctx, a, "which_key", messages.WhichKey(roleFacts(found), t.Told, keys, drill, reason))
}

// subjectOf names a role or user for good, or one of a user's access keys: of all requests for a
// measure on it one can be under way.
func subjectOf(r role.Role, key string) approvals.Subject {
	return approvals.Subject{Key: r.AccountID + "/" + r.ID, Part: key, Group: r.AccountName}
}

// rotation is what a request to rotate an external id is to do: take the old one away where a
// rotation is in force that has not, else let a new one in.
func (h *Handlers) rotation(ctx context.Context, target aws.Target) (*contain.RotateParams, error) {
	look, err := h.Roles.Look(ctx, target, nil)
	if err != nil {
		return nil, err
	}
	force, err := h.InForce(ctx, subjectOf(look.Role, "").Key)
	if err != nil {
		return nil, err
	}
	for _, held := range force.Each() {
		if facts, err := record.FactsOf(held.Request); err == nil && held.Measure == approvals.RotateExternalID {
			if facts.Rotate != nil && !facts.Rotate.Only {
				return &contain.RotateParams{New: facts.Rotate.New, Only: true}, nil
			}
		}
	}
	return &contain.RotateParams{New: rand.Text()}, nil
}

// shown shows the requester the new external id, once its request is open. It stands in no other
// message.
func (h *Handlers) shown(ctx context.Context, a act, role record.Role, err error) error {
	if err != nil || role.Rotate == nil || role.Rotate.Only {
		return err
	}
	if _, _, err := h.Store.Load(ctx, a.RequestID); err == nil { // it is no other person's
		h.whisper(ctx, a, messages.NewExternalID(role, role.Rotate.New))
	}
	return nil
}

// rotationSeen reports whether CloudTrail has shown a third party with the new external id of a
// rotation in force.
func rotationSeen(force record.Force) bool {
	return slices.ContainsFunc(force.Each(), func(h record.Holding) bool {
		return h.Measure == approvals.RotateExternalID && h.Request.Has(investigate.PartnerSeen)
	})
}
