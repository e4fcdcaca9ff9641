package role

import (
	"context"
	"errors"
	"slices"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// found is what one read found in a slot.
type found struct {
	contain.Document
	at  time.Time // AWS's clock, whole seconds; zero when the answer had none
	err error
}

// access is how the slots of one kind are read and written with a credential, the zero one being
// the reading session.
type access interface {
	// read returns what is in the slots, in their order. That a slot is empty is no error.
	read(context.Context, *Prepared, aws.Credential, []contain.Slot) []found
	// write makes a slot say what a document says, or empties it, and returns AWS's clock, with an
	// error, too. That it is empty already is ErrNoSuchRole.
	write(context.Context, *Prepared, aws.Credential, contain.Document) (time.Time, error)
	// all returns the principal's documents of the kind.
	all(context.Context, *Prepared) ([]contain.Document, error)
}

// kinds are those that this version can read and write.
var kinds = map[contain.Kind]access{
	contain.RoleInline:   inline{},
	contain.RoleAttached: attached,
	contain.RoleTrust:    trusts{},
	contain.UserInline:   inline{},
	contain.KeyStatus:    accessKeys,
}

// see reads slots side by side, and returns them in their order.
func (p *Prepared) see(ctx context.Context, with aws.Credential, slots []contain.Slot) []found {
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
				for i, f := range access.read(ctx, p, with, of) {
					all[at[i]] = f
				}
			})
		}
	}
	aws.All(reads...)
	return all
}

// inline reads and writes inline policies of a role, or of a user.
type inline struct{}

func (inline) read(ctx context.Context, p *Prepared, with aws.Credential, slots []contain.Slot) []found {
	all, reads := make([]found, len(slots)), make([]func(), len(slots))
	turn := make(chan struct{}, inlineAtOnce)
	for i, s := range slots {
		reads[i] = func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			all[i] = p.inlinePolicy(ctx, with, s)
		}
	}
	aws.All(reads...)
	return all
}

// inlinePolicy reads one inline policy. IAM has one code for a principal and for a policy that is
// not there: GetRole and GetUser tell about the principal.
func (p *Prepared) inlinePolicy(ctx context.Context, with aws.Credential, s contain.Slot) found {
	on, f := &p.of.Principal.Name, found{Document: contain.Document{Slot: s}}
	var text *string
	var at aws.Stamp
	if s.Kind == contain.UserInline {
		in := &iam.GetUserPolicyInput{UserName: on, PolicyName: &s.Name}
		var out *iam.GetUserPolicyOutput
		if out, at, f.err = aws.IAM(ctx, p.account, with, (*iam.Client).GetUserPolicy, in); f.err == nil {
			text = out.PolicyDocument
		}
	} else {
		in := &iam.GetRolePolicyInput{RoleName: on, PolicyName: &s.Name}
		var out *iam.GetRolePolicyOutput
		if out, at, f.err = aws.IAM(ctx, p.account, with, (*iam.Client).GetRolePolicy, in); f.err == nil {
			text = out.PolicyDocument
		}
	}
	switch {
	case errors.Is(f.err, aws.ErrNoSuchRole):
		f.err = nil
	case f.err == nil && awssdk.ToString(text) == "":
		f.err = &aws.CallError{
			Kind: aws.ErrUnavailable, Operation: s.Kind.Facts().Read, Account: p.account.Name,
			Message: "the answer held no document",
		}
	}
	f.Text, f.at = aws.DecodeDocument(awssdk.ToString(text)), at.Server
	return f
}

func (inline) write(ctx context.Context, p *Prepared, with aws.Credential, d contain.Document) (time.Time, error) {
	on, name, user := &p.of.Principal.Name, &d.Slot.Name, d.Slot.Kind == contain.UserInline
	switch {
	case user && d.Text == "":
		return change(ctx, p, with, (*iam.Client).DeleteUserPolicy,
			&iam.DeleteUserPolicyInput{UserName: on, PolicyName: name})
	case user:
		return change(ctx, p, with, (*iam.Client).PutUserPolicy,
			&iam.PutUserPolicyInput{UserName: on, PolicyName: name, PolicyDocument: &d.Text})
	case d.Text == "":
		return change(ctx, p, with, (*iam.Client).DeleteRolePolicy,
			&iam.DeleteRolePolicyInput{RoleName: on, PolicyName: name})
	default:
		return change(ctx, p, with, (*iam.Client).PutRolePolicy,
			&iam.PutRolePolicyInput{RoleName: on, PolicyName: name, PolicyDocument: &d.Text})
	}
}

// change makes a call that writes, and returns AWS's clock.
func change[In, Out any](
	ctx context.Context, p *Prepared, with aws.Credential, call aws.Operation[In, Out], in *In,
) (time.Time, error) {
	_, at, err := aws.IAM(ctx, p.account, with, call, in)
	return at.Server, err
}

// all reads all inline policies of the principal.
func (inline) all(ctx context.Context, p *Prepared) ([]contain.Document, error) {
	names, err := p.listInline(ctx)
	if err != nil {
		return nil, err
	}
	return p.named(ctx, names)
}

const (
	mostInline   = 100 // inline policies that are read: more hardly fit into the quota
	inlineAtOnce = 8   // reads side by side, so that IAM does not throttle the bot when it matters
)

// errTooMany: the role has more inline policies than are read.
var errTooMany = errors.New("there are too many")

// listInline lists the names of the inline policies. The first of too many come with an error.
func (p *Prepared) listInline(ctx context.Context) (names []string, err error) {
	on, most, more := &p.of.Principal.Name, awssdk.Int32(mostInline), false
	if p.of.Principal.Kind == contain.User {
		in := &iam.ListUserPoliciesInput{UserName: on, MaxItems: most}
		var out *iam.ListUserPoliciesOutput
		if out, _, err = aws.IAM(ctx, p.account, aws.Credential{}, (*iam.Client).ListUserPolicies, in); err == nil {
			names, more = out.PolicyNames, out.IsTruncated
		}
	} else {
		in := &iam.ListRolePoliciesInput{RoleName: on, MaxItems: most}
		var out *iam.ListRolePoliciesOutput
		if out, _, err = aws.IAM(ctx, p.account, aws.Credential{}, (*iam.Client).ListRolePolicies, in); err == nil {
			names, more = out.PolicyNames, out.IsTruncated
		}
	}
	if more {
		err = errTooMany
	}
	return names, err
}

// inlineKind is the kind of the principal's inline policies.
func (p *Prepared) inlineKind() contain.Kind {
	if p.of.Principal.Kind == contain.User {
		return contain.UserInline
	}
	return contain.RoleInline
}

// named reads inline policies by their names.
func (p *Prepared) named(ctx context.Context, names []string) (docs []contain.Document, err error) {
	slots := make([]contain.Slot, len(names))
	for i, name := range names {
		slots[i] = contain.Slot{Kind: p.inlineKind(), Name: name}
	}
	var failed []error
	for _, f := range (inline{}).read(ctx, p, aws.Credential{}, slots) {
		docs, failed = append(docs, f.Document), append(failed, f.err)
	}
	return docs, errors.Join(failed...)
}

// listed are the slots of a kind of which one call lists all documents on a principal.
type listed struct {
	list func(context.Context, *Prepared, aws.Credential) ([]contain.Document, aws.Stamp, error)
	put  func(context.Context, *Prepared, aws.Credential, contain.Document) (time.Time, error)
}

func (l listed) read(ctx context.Context, p *Prepared, with aws.Credential, slots []contain.Slot) []found {
	docs, at, err := l.list(ctx, p, with)
	if errors.Is(err, aws.ErrNoSuchRole) { // GetRole and GetUser tell about the principal
		err = nil
	}
	all := make([]found, len(slots))
	if slots[0].Kind == contain.KeyStatus {
		p.keys = nil
		for _, d := range docs {
			p.keys = append(p.keys, d.Slot.Name)
		}
	}
	for i, s := range slots {
		all[i] = found{contain.Document{Slot: s}, at.Server, err}
		for _, d := range docs {
			if d.Slot == s {
				all[i].Document = d
			}
		}
	}
	return all
}

func (l listed) write(ctx context.Context, p *Prepared, with aws.Credential, d contain.Document) (time.Time, error) {
	return l.put(ctx, p, with, d)
}

func (l listed) all(ctx context.Context, p *Prepared) ([]contain.Document, error) {
	docs, _, err := l.list(ctx, p, aws.Credential{})
	return docs, err
}

// attached are the managed policies that are attached to a role.
var attached = listed{list: listAttached, put: attach}

func listAttached(
	ctx context.Context, p *Prepared, with aws.Credential,
) (docs []contain.Document, at aws.Stamp, err error) {
	in := &iam.ListAttachedRolePoliciesInput{RoleName: &p.of.Principal.Name}
	err = pages(p.account, contain.RoleAttached.Facts().Read, func() (more bool, err error) {
		out, stamp, err := aws.IAM(ctx, p.account, with, (*iam.Client).ListAttachedRolePolicies, in)
		if at = stamp; err != nil {
			return false, err
		}
		for _, policy := range out.AttachedPolicies {
			arn := awssdk.ToString(policy.PolicyArn)
			docs = append(docs, contain.Document{Slot: contain.Slot{Kind: contain.RoleAttached, Name: arn}, Text: arn})
		}
		in.Marker = out.Marker
		return out.IsTruncated, nil
	})
	return docs, at, err
}

// mostPages is more than any list has that has to be read whole.
const mostPages = 100

// pages asks for a list page by page, while there is more. IAM may cut any list (IAM API Reference,
// "ListAccessKeys"), and what is on no page is taken for absent.
func pages(a *aws.Conn, operation string, next func() (more bool, err error)) error {
	for range mostPages {
		if more, err := next(); err != nil || !more {
			return err
		}
	}
	return &aws.CallError{
		Kind: aws.ErrUnavailable, Operation: operation, Account: a.Name, Message: "the list does not end",
	}
}

func attach(ctx context.Context, p *Prepared, with aws.Credential, d contain.Document) (time.Time, error) {
	on, arn := &p.of.Principal.Name, &d.Slot.Name
	if d.Text == "" {
		return change(ctx, p, with, (*iam.Client).DetachRolePolicy, &iam.DetachRolePolicyInput{RoleName: on, PolicyArn: arn})
	}
	return change(ctx, p, with, (*iam.Client).AttachRolePolicy, &iam.AttachRolePolicyInput{RoleName: on, PolicyArn: arn})
}

// Context is what the simulator has to know of the slots that an action is asked about.
func Context(slots ...contain.Slot) []contain.ContextKey {
	var arns []string
	for _, s := range slots {
		if s.Kind == contain.RoleAttached && !slices.Contains(arns, s.Name) {
			arns = append(arns, s.Name)
		}
	}
	if arns == nil {
		return nil
	}
	return []contain.ContextKey{{Name: "iam:PolicyARN", Type: "string", Values: arns}}
}
