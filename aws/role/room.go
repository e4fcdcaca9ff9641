package role

import (
	"context"
	"errors"
	"slices"
	"sync"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

const (
	mostInline   = 100 // inline policies that are read: more hardly fit into the quota
	inlineAtOnce = 8   // reads side by side, so that IAM does not throttle the bot when it matters
)

// errTooMany: the role has more inline policies than are read.
var errTooMany = errors.New("there are too many inline policies")

// room is how much of a quota a role's documents of one kind need together.
type room struct {
	kind contain.Kind
	size int   // in the units of the quota
	err  error // why it is not known
}

// roomFor counts what a role would hold: what is there, and what is wanted in its place or beside
// it.
func roomFor(kind contain.Kind, there, wanted []contain.Document) room {
	r := room{kind: kind}
	for _, d := range there {
		if d.Slot.Kind == kind && !slices.ContainsFunc(wanted, func(w contain.Document) bool { return w.Slot == d.Slot }) {
			r.size += kind.Size(d.Text)
		}
	}
	for _, d := range wanted {
		if d.Slot.Kind == kind {
			r.size += kind.Size(d.Text)
		}
	}
	return r
}

// refuse refuses a role on which the documents would not fit beside the others. What is not known
// is no reason.
func (r room) refuse(role Role) error {
	quota := r.kind.Facts().Quota
	if r.err != nil || quota == 0 || r.size <= quota {
		return nil
	}
	return &aws.RefusedError{Reason: aws.RefusedNoRoom, Sentence: kinds[r.kind].noRoom(role, r.size)}
}

// rooms reads what a role holds, for each kind of the documents.
func (p *Prepared) rooms(ctx context.Context, wanted []contain.Document) []room {
	var rooms []room
	for _, kind := range kindsOf(wanted) {
		there := aws.Advisory(ctx, func(ctx context.Context) ([]contain.Document, error) {
			return kinds[kind].all(ctx, on{account: p.account, role: p.role.Name})
		})
		r := roomFor(kind, there.Value, wanted)
		r.err = there.Err
		rooms = append(rooms, r)
	}
	return rooms
}

// kindsOf are the kinds of documents, each once.
func kindsOf(docs []contain.Document) (all []contain.Kind) {
	for _, d := range docs {
		if !slices.Contains(all, d.Slot.Kind) {
			all = append(all, d.Slot.Kind)
		}
	}
	return all
}

// listInline lists the names of a role's inline policies.
func listInline(ctx context.Context, a *aws.Conn, roleName string) (*iam.ListRolePoliciesOutput, error) {
	in := &iam.ListRolePoliciesInput{RoleName: awssdk.String(roleName), MaxItems: awssdk.Int32(mostInline)}
	return aws.IAM(ctx, a, aws.Credential{}, "iam:ListRolePolicies", (*iam.Client).ListRolePolicies, in)
}

// named reads inline policies by their names.
func (o on) named(ctx context.Context, names []string) ([]contain.Document, error) {
	docs, failed := make([]contain.Document, len(names)), make([]error, len(names))
	turn := make(chan struct{}, inlineAtOnce)
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			f := o.inline(ctx, contain.Slot{Kind: contain.RoleInline, Name: name})
			docs[i], failed[i] = f.Document, f.err
		})
	}
	all.Wait()
	return docs, errors.Join(failed...)
}
