package role

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// trusts reads and writes the trust policy of a role.
type trusts struct{}

// read is the trust policy, as one more step who its principals are now, and those of what was
// promised and of what an undo puts back.
func (trusts) read(ctx context.Context, p *Prepared, with aws.Credential, slots []contain.Slot) []found {
	f := found{Document: contain.Document{Slot: slots[0]}}
	out, at, err := aws.IAM(ctx, p.account, with, (*iam.Client).GetRole, &iam.GetRoleInput{RoleName: &p.of.Principal.Name})
	if errors.Is(err, aws.ErrNoSuchRole) { // readRole tells about the role
		return []found{f}
	}
	if f.at, f.err = at.Server, err; err == nil && out.Role != nil {
		f.Text = aws.DecodeDocument(awssdk.ToString(out.Role.AssumeRolePolicyDocument))
		p.ids, f.err = p.identify(ctx, f.Text)
	}
	return []found{f}
}

// identify finds the unique ids of the account's principals by their ARNs. One that is not there
// has none.
func (p *Prepared) identify(ctx context.Context, text string) (map[string]string, error) {
	arns := contain.Trusts(p.account.ID, text)
	for _, c := range p.of.Promised {
		arns = append(arns, contain.Trusts(p.account.ID, c.After)...)
	}
	if m, ok := p.of.Measure.(contain.Trusting); ok {
		arns = append(arns, m.Trusts()...)
	}
	slices.Sort(arns)
	arns = slices.Compact(arns)
	who, errs, reads := make([]string, len(arns)), make([]error, len(arns)), make([]func(), len(arns))
	turn := make(chan struct{}, inlineAtOnce)
	for i, arn := range arns {
		reads[i] = func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			who[i], errs[i] = p.idOf(ctx, arn)
		}
	}
	aws.All(reads...)
	ids := map[string]string{}
	for i, arn := range arns {
		if who[i] != "" {
			ids[arn] = who[i]
		}
	}
	return ids, errors.Join(errs...)
}

// idOf is the unique id of a role or user; "" if there is none of this ARN.
func (p *Prepared) idOf(ctx context.Context, arn string) (id string, err error) {
	name, is, none := aws.NameOf(arn), "", aws.Credential{}
	if ref, _ := aws.ParseARN(arn); ref.Kind == "user" {
		out, _, failed := aws.IAM(ctx, p.account, none, (*iam.Client).GetUser, &iam.GetUserInput{UserName: &name})
		if err = failed; err == nil && out.User != nil {
			id, is = awssdk.ToString(out.User.UserId), awssdk.ToString(out.User.Arn)
		}
	} else {
		out, _, failed := aws.IAM(ctx, p.account, none, (*iam.Client).GetRole, &iam.GetRoleInput{RoleName: &name})
		if err = failed; err == nil && out.Role != nil {
			id, is = awssdk.ToString(out.Role.RoleId), awssdk.ToString(out.Role.Arn)
		}
	}
	if errors.Is(err, aws.ErrNoSuchRole) || is != arn {
		id = ""
	}
	if errors.Is(err, aws.ErrNoSuchRole) {
		err = nil
	}
	return id, err
}

func (trusts) write(ctx context.Context, p *Prepared, with aws.Credential, d contain.Document) (time.Time, error) {
	if d.Text == "" {
		return time.Time{}, errors.New("role: a trust policy cannot be removed")
	}
	return change(ctx, p, with, (*iam.Client).UpdateAssumeRolePolicy,
		&iam.UpdateAssumeRolePolicyInput{RoleName: &p.of.Principal.Name, PolicyDocument: &d.Text})
}

func (trusts) all(_ context.Context, p *Prepared) ([]contain.Document, error) {
	return []contain.Document{p.in(contain.Slot{Kind: contain.RoleTrust}).Document}, nil
}

// trusted are the unique ids of the principals that a text of the trust policy names; nil of other
// slots.
func (p *Prepared) trusted(d contain.Document) map[string]string {
	if d.Slot.Kind != contain.RoleTrust {
		return nil
	}
	ids := map[string]string{}
	for _, arn := range contain.Trusts(p.account.ID, d.Text) {
		ids[arn] = p.ids[arn]
	}
	return ids
}

// changed reads the trust policy once more just before its write, and reports whether it says
// something else than the promise saw.
func (p *Prepared) changed(ctx context.Context, result *Result) (bool, error) {
	if slot := result.Change.Slot; slot.Kind == contain.RoleTrust && p.of.Mode == Do {
		there := p.see(ctx, p.cred, []contain.Slot{slot})
		p.keep(there)
		return there[0].Text != result.Change.Before, there[0].err
	}
	return false, nil
}

// byTrust is AWS's text for a call that a Deny in the trust policy refuses. The second form is that
// of AWS's list of messages, the first is what STS answers (IAM User Guide, "Troubleshoot access
// denied error messages"). Principals' names have no blank.
var byTrust = regexp.MustCompile(`^User: \S+ is not authorized to perform: sts:AssumeRole on resource: \S+ ` +
	`with an explicit deny in (?:a resource-based policy|the role trust policy)\S*$`)

// probe tries to open a session of the role: the simulator knows nothing of trust policies. What
// was read back has the Deny, so an explicit deny is by it. Any other answer proves nothing.
func probe(ctx context.Context, a *aws.Conn, roleARN string) (Simulation, error) {
	at, err := a.Probe(ctx, roleARN)
	s := Simulation{At: at.Server, Tried: true}
	refused, isCall := errors.AsType[*aws.CallError](err)
	switch {
	case err == nil:
		s.Before = NotDenied
	case !errors.Is(err, aws.ErrAccessDenied) && aws.Final(err):
		return Simulation{Unavailable: "No session could be tried. " + aws.Explain(err)}, nil
	case !errors.Is(err, aws.ErrAccessDenied):
		return Simulation{}, err
	case isCall && byTrust.MatchString(refused.Message):
		s.Before, s.Proven = DeniedByOurs, true
	default:
		s.Before = NotDenied
	}
	s.After = s.Before
	return s, nil
}
