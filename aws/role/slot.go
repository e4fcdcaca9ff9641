package role

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// on is a role and the credential with which its slots are read and written; the zero one is the
// reading session.
type on struct {
	account *aws.Conn
	role    string
	with    aws.Credential
}

// found is what one read found in a slot.
type found struct {
	contain.Document
	at  time.Time // AWS's clock, whole seconds; zero when the answer had none
	err error
}

// access is how the slots of one kind are read and written.
type access interface {
	// read returns what is in the slots, in their order. That a slot is empty is no error.
	read(context.Context, on, []contain.Slot) []found
	// put writes a document, and returns AWS's clock.
	put(context.Context, on, contain.Document) (time.Time, error)
	// remove empties a slot, and returns AWS's clock. That it is empty is ErrNoSuchRole.
	remove(context.Context, on, contain.Slot) (time.Time, error)
	// all returns the role's documents of the kind.
	all(context.Context, on) ([]contain.Document, error)
	// only narrows the session's permission to write to these slots; "" if IAM has no condition for
	// that.
	only([]contain.Slot) string
	// noRoom says that what a role would hold is more than the quota.
	noRoom(r Role, size int) string
}

// kinds are those that this version can read and write.
var kinds = map[contain.Kind]access{
	contain.RoleInline:   inline{},
	contain.RoleAttached: attached{},
}

// read reads slots side by side, and returns them in their order.
func (o on) read(ctx context.Context, slots []contain.Slot) []found {
	all := make([]found, len(slots))
	var reads []func()
	for kind, access := range kinds {
		var of []contain.Slot
		var at []int
		for i, s := range slots {
			if s.Kind == kind {
				of, at = append(of, s), append(at, i)
			}
		}
		if len(of) > 0 {
			reads = append(reads, func() {
				for i, f := range access.read(ctx, o, of) {
					all[at[i]] = f
				}
			})
		}
	}
	aws.All(reads...)
	return all
}

// write makes a slot say what a document says.
func (o on) write(ctx context.Context, d contain.Document) (time.Time, error) {
	if d.Text == "" {
		return kinds[d.Slot.Kind].remove(ctx, o, d.Slot)
	}
	return kinds[d.Slot.Kind].put(ctx, o, d)
}

// inline reads and writes inline policies of a role.
type inline struct{}

func (inline) read(ctx context.Context, o on, slots []contain.Slot) []found {
	all, reads := make([]found, len(slots)), make([]func(), len(slots))
	turn := make(chan struct{}, inlineAtOnce)
	for i, s := range slots {
		reads[i] = func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			all[i] = o.inline(ctx, s)
		}
	}
	aws.All(reads...)
	return all
}

// inline reads one inline policy.
func (o on) inline(ctx context.Context, s contain.Slot) found {
	out, err := aws.IAM(ctx, o.account, o.with, "iam:GetRolePolicy", (*iam.Client).GetRolePolicy, &iam.GetRolePolicyInput{
		RoleName: awssdk.String(o.role), PolicyName: awssdk.String(s.Name),
	})
	f := found{Document: contain.Document{Slot: s}}
	switch {
	case errors.Is(err, aws.ErrNoSuchRole):
		// IAM has one code for a role and for a policy that is not there. GetRole tells about the role.
		f.at = aws.RefusalTime(err)
	case err != nil:
		f.err = err
	default:
		f.Text, f.at = aws.DecodeDocument(awssdk.ToString(out.PolicyDocument)), aws.ServerTime(out.ResultMetadata)
	}
	return f
}

func (inline) put(ctx context.Context, o on, d contain.Document) (time.Time, error) {
	out, err := aws.IAM(ctx, o.account, o.with, "iam:PutRolePolicy", (*iam.Client).PutRolePolicy, &iam.PutRolePolicyInput{
		RoleName: awssdk.String(o.role), PolicyName: awssdk.String(d.Slot.Name), PolicyDocument: awssdk.String(d.Text),
	})
	if err != nil {
		return time.Time{}, err
	}
	return aws.ServerTime(out.ResultMetadata), nil
}

func (inline) remove(ctx context.Context, o on, s contain.Slot) (time.Time, error) {
	in := &iam.DeleteRolePolicyInput{RoleName: awssdk.String(o.role), PolicyName: awssdk.String(s.Name)}
	out, err := aws.IAM(ctx, o.account, o.with, "iam:DeleteRolePolicy", (*iam.Client).DeleteRolePolicy, in)
	if err != nil {
		return time.Time{}, err
	}
	return aws.ServerTime(out.ResultMetadata), nil
}

// all reads all inline policies of a role.
func (inline) all(ctx context.Context, o on) ([]contain.Document, error) {
	list, err := listInline(ctx, o.account, o.role)
	switch {
	case err != nil:
		return nil, err
	case list.IsTruncated:
		return nil, errTooMany
	}
	return o.named(ctx, list.PolicyNames)
}

const (
	mostInline   = 100 // inline policies that are read: more hardly fit into the quota
	inlineAtOnce = 8   // reads side by side, so that IAM does not throttle the bot when it matters
)

// errTooMany: the role has more inline policies than are read.
var errTooMany = errors.New("there are too many inline policies")

// listInline lists the names of a role's inline policies.
func listInline(ctx context.Context, a *aws.Conn, roleName string) (*iam.ListRolePoliciesOutput, error) {
	in := &iam.ListRolePoliciesInput{RoleName: awssdk.String(roleName), MaxItems: awssdk.Int32(mostInline)}
	return aws.IAM(ctx, a, aws.Credential{}, "iam:ListRolePolicies", (*iam.Client).ListRolePolicies, in)
}

// named reads inline policies by their names.
func (o on) named(ctx context.Context, names []string) (docs []contain.Document, err error) {
	slots := make([]contain.Slot, len(names))
	for i, name := range names {
		slots[i] = contain.Slot{Kind: contain.RoleInline, Name: name}
	}
	var failed []error
	for _, f := range (inline{}).read(ctx, o, slots) {
		docs, failed = append(docs, f.Document), append(failed, f.err)
	}
	return docs, errors.Join(failed...)
}

// only is nothing: IAM has no condition for the name or the content of an inline policy, so the
// role is what bounds it.
func (inline) only([]contain.Slot) string { return "" }

func (inline) noRoom(r Role, size int) string {
	return fmt.Sprintf("The inline policies of %s leave no room for the deny: together they would have %d characters, "+
		"and 10,240 is the limit, which cannot be raised. Move one of them into a managed policy, "+
		"or attach the managed policy AWSDenyAll to lock the role.",
		r.title(), size)
}

// attached reads and writes which managed policies are attached to a role. One call lists them all.
type attached struct{}

func (attached) read(ctx context.Context, o on, slots []contain.Slot) []found {
	arns, at, err := o.attached(ctx)
	if errors.Is(err, aws.ErrNoSuchRole) { // GetRole tells about the role
		arns, at, err = nil, aws.RefusalTime(err), nil
	}
	all := make([]found, len(slots))
	for i, s := range slots {
		all[i] = found{Document: contain.Document{Slot: s}, at: at, err: err}
		if slices.Contains(arns, s.Name) {
			all[i].Text = s.Name
		}
	}
	return all
}

// attached lists the ARNs of the managed policies.
func (o on) attached(ctx context.Context) (arns []string, at time.Time, err error) {
	in, list := &iam.ListAttachedRolePoliciesInput{RoleName: awssdk.String(o.role)}, (*iam.Client).ListAttachedRolePolicies
	for {
		out, err := aws.IAM(ctx, o.account, o.with, "iam:ListAttachedRolePolicies", list, in)
		if err != nil {
			return nil, time.Time{}, err
		}
		for _, p := range out.AttachedPolicies {
			arns = append(arns, awssdk.ToString(p.PolicyArn))
		}
		if !out.IsTruncated {
			return arns, aws.ServerTime(out.ResultMetadata), nil
		}
		in.Marker = out.Marker
	}
}

func (attached) put(ctx context.Context, o on, d contain.Document) (time.Time, error) {
	in := &iam.AttachRolePolicyInput{RoleName: awssdk.String(o.role), PolicyArn: awssdk.String(d.Text)}
	out, err := aws.IAM(ctx, o.account, o.with, "iam:AttachRolePolicy", (*iam.Client).AttachRolePolicy, in)
	if err != nil {
		return time.Time{}, err
	}
	return aws.ServerTime(out.ResultMetadata), nil
}

func (attached) remove(ctx context.Context, o on, s contain.Slot) (time.Time, error) {
	in := &iam.DetachRolePolicyInput{RoleName: awssdk.String(o.role), PolicyArn: awssdk.String(s.Name)}
	out, err := aws.IAM(ctx, o.account, o.with, "iam:DetachRolePolicy", (*iam.Client).DetachRolePolicy, in)
	if err != nil {
		return time.Time{}, err
	}
	return aws.ServerTime(out.ResultMetadata), nil
}

// all lists all managed policies of a role.
func (attached) all(ctx context.Context, o on) ([]contain.Document, error) {
	arns, _, err := o.attached(ctx)
	docs := make([]contain.Document, len(arns))
	for i, arn := range arns {
		docs[i] = contain.Document{Slot: contain.Slot{Kind: contain.RoleAttached, Name: arn}, Text: arn}
	}
	return docs, err
}

// only is a condition: without it, the session could attach a policy that allows everything.
func (attached) only(slots []contain.Slot) string {
	arns := make([]string, len(slots))
	for i, s := range slots {
		arns[i] = s.Name
	}
	list, err := json.Marshal(arns)
	if err != nil {
		return "" // unreachable: strings always encode
	}
	return `{"StringEquals":{"iam:PolicyARN":` + string(list) + `}}`
}

func (attached) noRoom(r Role, size int) string {
	return fmt.Sprintf("%s would have %d managed policies attached, and %d is the default limit. "+
		"Detach one that it does not need.",
		r.title(), size, contain.RoleAttached.Facts().Quota)
}
