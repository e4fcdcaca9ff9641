package handlers

import (
	"context"
	"crypto/rand"
	"slices"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/investigate"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

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
