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
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

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
	// write makes a slot say what a document says, or empties it, and returns AWS's clock. That it is
	// empty already is ErrNoSuchRole.
	write(context.Context, *Prepared, aws.Credential, contain.Document) (time.Time, error)
	// all returns the role's documents of the kind.
	all(context.Context, *Prepared) ([]contain.Document, error)
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
	contain.UserInline:   inline{},
	contain.KeyStatus:    keyStatus{},
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

// inlinePolicy reads one inline policy.
func (p *Prepared) inlinePolicy(ctx context.Context, with aws.Credential, s contain.Slot) found {
	f := found{Document: contain.Document{Slot: s}}
	if s.Kind == contain.UserInline {
		f.Text, f.at, f.err = p.userPolicy(ctx, with, s.Name)
		return f
	}
	out, err := aws.IAM(ctx, p.account, with, "iam:GetRolePolicy", (*iam.Client).GetRolePolicy, &iam.GetRolePolicyInput{
		RoleName: awssdk.String(p.of.Principal.Name), PolicyName: awssdk.String(s.Name),
	})
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

func (inline) write(
	ctx context.Context, p *Prepared, with aws.Credential, d contain.Document,
) (at time.Time, err error) {
	name := awssdk.String(p.of.Principal.Name)
	if d.Slot.Kind == contain.UserInline {
		return p.writeUserPolicy(ctx, with, d)
	}
	if d.Text == "" {
		in := &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: awssdk.String(d.Slot.Name)}
		out, err := aws.IAM(ctx, p.account, with, "iam:DeleteRolePolicy", (*iam.Client).DeleteRolePolicy, in)
		if err == nil {
			at = aws.ServerTime(out.ResultMetadata)
		}
		return at, err
	}
	in := &iam.PutRolePolicyInput{
		RoleName: name, PolicyName: awssdk.String(d.Slot.Name), PolicyDocument: awssdk.String(d.Text),
	}
	out, err := aws.IAM(ctx, p.account, with, "iam:PutRolePolicy", (*iam.Client).PutRolePolicy, in)
	if err == nil {
		at = aws.ServerTime(out.ResultMetadata)
	}
	return at, err
}

// all reads all inline policies of a role.
func (inline) all(ctx context.Context, p *Prepared) ([]contain.Document, error) {
	list, err := p.listInline(ctx)
	switch {
	case err != nil:
		return nil, err
	case list.more:
		return nil, errTooMany
	}
	return p.named(ctx, list.names)
}

const (
	mostInline   = 100 // inline policies that are read: more hardly fit into the quota
	inlineAtOnce = 8   // reads side by side, so that IAM does not throttle the bot when it matters
)

// errTooMany: the role has more inline policies than are read.
var errTooMany = errors.New("there are too many inline policies")

// policyNames are the names of inline policies, and whether there are more.
type policyNames struct {
	names []string
	more  bool
}

// listInline lists the names of the inline policies.
func (p *Prepared) listInline(ctx context.Context) (policyNames, error) {
	if p.of.Principal.Kind == contain.User {
		return p.userPolicies(ctx)
	}
	in := &iam.ListRolePoliciesInput{
		RoleName: awssdk.String(p.of.Principal.Name), MaxItems: awssdk.Int32(mostInline),
	}
	out, err := aws.IAM(ctx, p.account, aws.Credential{}, "iam:ListRolePolicies", (*iam.Client).ListRolePolicies, in)
	if err != nil {
		return policyNames{}, err
	}
	return policyNames{out.PolicyNames, out.IsTruncated}, nil
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

// only is nothing: IAM has no condition for the name or the content of an inline policy, so the
// role is what bounds it.
func (inline) only([]contain.Slot) string { return "" }

func (inline) noRoom(r Role, size int) string {
	if r.Kind == contain.User {
		return fmt.Sprintf("The inline policies of %s leave no room for the revocation policy: together they would have "+
			"%d characters, and 2,048 is the limit, which cannot be raised. Move one of them into a managed policy or a group.",
			r.title(), size)
	}
	return fmt.Sprintf("The inline policies of %s leave no room for the revocation policy: together they would have "+
		"%d characters, and 10,240 is the limit, which cannot be raised. Move one of them into a managed policy, "+
		"or take a measure that writes no inline policy.",
		r.title(), size)
}

// attached reads and writes which managed policies are attached to a role. One call lists them all.
type attached struct{}

func (attached) read(ctx context.Context, p *Prepared, with aws.Credential, slots []contain.Slot) []found {
	arns, at, err := p.attached(ctx, with)
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
func (p *Prepared) attached(ctx context.Context, with aws.Credential) (arns []string, at time.Time, err error) {
	list := (*iam.Client).ListAttachedRolePolicies
	in := &iam.ListAttachedRolePoliciesInput{RoleName: awssdk.String(p.of.Principal.Name)}
	for {
		out, err := aws.IAM(ctx, p.account, with, "iam:ListAttachedRolePolicies", list, in)
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

func (attached) write(
	ctx context.Context, p *Prepared, with aws.Credential, d contain.Document,
) (at time.Time, err error) {
	name := awssdk.String(p.of.Principal.Name)
	if d.Text == "" {
		in := &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: awssdk.String(d.Slot.Name)}
		out, err := aws.IAM(ctx, p.account, with, "iam:DetachRolePolicy", (*iam.Client).DetachRolePolicy, in)
		if err == nil {
			at = aws.ServerTime(out.ResultMetadata)
		}
		return at, err
	}
	in := &iam.AttachRolePolicyInput{
		RoleName: name, PolicyArn: awssdk.String(d.Text),
	}
	out, err := aws.IAM(ctx, p.account, with, "iam:AttachRolePolicy", (*iam.Client).AttachRolePolicy, in)
	if err == nil {
		at = aws.ServerTime(out.ResultMetadata)
	}
	return at, err
}

// all lists all managed policies of a role.
func (attached) all(ctx context.Context, p *Prepared) ([]contain.Document, error) {
	arns, _, err := p.attached(ctx, aws.Credential{})
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

// Context is what the simulator has to know of the slots that an action is asked about.
func Context(slots ...contain.Slot) map[string]types.ContextEntry {
	e := types.ContextEntry{ContextKeyType: types.ContextKeyTypeEnumString}
	for _, s := range slots {
		if s.Kind == contain.RoleAttached && !slices.Contains(e.ContextKeyValues, s.Name) {
			e.ContextKeyValues = append(e.ContextKeyValues, s.Name)
		}
	}
	if e.ContextKeyValues == nil {
		return nil
	}
	return map[string]types.ContextEntry{"iam:PolicyARN": e}
}

func (attached) noRoom(r Role, size int) string {
	return fmt.Sprintf("%s would have %d managed policies attached, and %d is the default limit. "+
		"Detach one that it does not need.",
		r.title(), size, contain.RoleAttached.Facts().Quota)
}
