package role

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// simulated is what became of a question to the policy simulator, and answer its answer.
type (
	answer    = iam.SimulatePrincipalPolicyOutput
	simulated = aws.Answer[*answer]
)

// advise is the second step of Describe: it asks what follows from the first one, side by side,
// and puts together what refuses the role and what people are warned about.
func (p *Prepared) advise(ctx context.Context) (Role, error) {
	if p.role.Kind == contain.User {
		return p.adviseUser(ctx)
	}
	a, role, inline := p.account, p.role, p.inline
	puts := puts(p.places)
	writes := slices.Concat(puts, removes(p.places))
	w := &warnings{role: role}
	wanted, existing, err := p.wanted()
	if err != nil {
		return Role{}, err
	}
	var names []string
	if inline.Err == nil {
		names = p.besides(inline.Value.names)
	}
	var others, managed aws.Answer[[]contain.Document]
	var own, roles simulated
	aws.All(
		func() {
			others = aws.Advisory(ctx, func(ctx context.Context) ([]contain.Document, error) { return p.named(ctx, names) })
		},
		func() {
			if slices.Contains(kindsOf(wanted), contain.RoleAttached) {
				managed = p.advisory(ctx, contain.RoleAttached)
			}
		},
		func() { own = p.may(ctx, a.OwnPrincipal(p.hubARN), append(p.of.reads(p.slots), puts...)...) },
		func() { roles = p.may(ctx, role.ARN, append(writes[:len(writes):len(writes)], "sts:AssumeRole")...) },
	)
	if err := missingPermission(role, own); err != nil {
		return Role{}, err
	}
	known, err := p.fit(w, wanted, "whether %s is on the role", others.Value, managed.Value)
	if err != nil {
		return Role{}, err
	}
	w.notRead("whether its inline policies leave room for the deny", errors.Join(inline.Err, others.Err))
	if inline.Err == nil && inline.Value.more {
		w.unknown = append(w.unknown, "whether its inline policies leave room for the deny (there are too many)")
	}
	w.notRead("whether revokebot's own role may write the deny", own.Err)
	w.notRead("whether the role can write IAM, past its inline policies", roles.Err)

	var may []string
	if roles.Err == nil {
		for _, result := range roles.Value.EvaluationResults {
			if result.EvalDecision == types.PolicyEvaluationDecisionTypeAllowed {
				may = append(may, awssdk.ToString(result.EvalActionName))
			}
		}
	}
	for _, d := range known {
		may = append(may, mayName(d.Text, writes...)...)
	}
	w.trust(p.of.Measure, readTrustFacts(a.Account, role.ARN, p.trust), slices.Contains(may, "sts:AssumeRole"))
	w.policies(slices.ContainsFunc(writes, func(action string) bool { return slices.Contains(may, action) }))
	w.all = append(w.all, existing...)
	w.code(p.places[0][0])
	role.Warnings = w.ending(notCovered)
	return role, nil
}

// fit returns the inline documents and those of the slots, and refuses a role or user that has no
// room for what is wanted. says is what is not known of a slot that could not be read.
func (p *Prepared) fit(
	w *warnings, wanted []contain.Document, says string, inline, attached []contain.Document,
) ([]contain.Document, error) {
	known := inline
	for _, f := range p.there {
		known = append(known, f.Document)
		w.notRead(fmt.Sprintf(says, f.Slot.Label()), f.err)
	}
	for _, kind := range kindsOf(wanted) {
		if err := roomFor(kind, append(attached, known...), wanted).refuse(w.role); err != nil {
			return nil, err
		}
	}
	return known, nil
}

// besides are inline policies that were not read with the slots.
func (p *Prepared) besides(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.Contains(p.slots, contain.Slot{Kind: p.inlineKind(), Name: name})
	})
}

// may asks the simulator whether a principal may do actions on the role, with the session of the
// order, if there is one.
func (p *Prepared) may(ctx context.Context, principal string, actions ...string) simulated {
	q := Question{
		Principal: principal, Actions: actions, Resources: []string{p.role.ARN},
		Context: Context(slices.Concat(p.places...)...),
	}
	return aws.Advisory(ctx, func(ctx context.Context) (*answer, error) {
		return q.Ask(ctx, p.account, p.cred)
	})
}

// wanted is what the measure would write now, and what people are warned about of what is there.
// It refuses a role on which no document can be written. What could not be read is not known to
// be there.
func (p *Prepared) wanted() (docs []contain.Document, existing []Warning, err error) {
	w := &warnings{role: p.role}
	if unread(p.there) != nil || p.clock == (aws.Stamp{}) {
		return nil, nil, nil
	}
	state, places, m := p.state(p.latest()), p.places, p.of.Measure
	all, err := m.Want(state, nil)
	some := slices.ContainsFunc(places, func(p []contain.Slot) bool { return contain.RefusalOf(err, p) == nil })
	if len(all) != len(places) || !some {
		return nil, nil, err
	}
	for i, place := range places {
		if contain.RefusalOf(err, place) != nil {
			continue
		}
		docs = append(docs, all[i])
		for _, slot := range place {
			if there := p.in(slot).Document; there.Text != "" && slot.Kind != contain.KeyStatus {
				w.existing(m, state.Now, there, all[i])
			}
		}
	}
	return docs, w.all, nil
}

// missingPermission refuses a role on which the bot's own role may not write the deny, according
// to the simulator. Where that lacks a value that a policy asks for, or an organization's policy
// decides, whose conditions it does not tell, it is no verdict.
func missingPermission(role Role, own simulated) error {
	if own.Err != nil {
		return nil
	}
	var missing []string
	for _, result := range own.Value.EvaluationResults {
		lacks := len(result.MissingContextValues) > 0
		for _, part := range result.ResourceSpecificResults {
			lacks = lacks || len(part.MissingContextValues) > 0
		}
		org := result.OrganizationsDecisionDetail
		denied := result.EvalDecision == types.PolicyEvaluationDecisionTypeExplicitDeny ||
			result.EvalDecision == types.PolicyEvaluationDecisionTypeImplicitDeny
		if denied && !lacks && (org == nil || org.AllowedByOrganizations) {
			missing = append(missing, awssdk.ToString(result.EvalActionName))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return aws.Refuse(aws.RefusedPermission,
		"revokebot's own role in account %s may not do %s on %s, so a revocation would fail. "+
			"Allow it there, or use the IAM console.",
		role.AccountName, strings.Join(missing, " and "), role.title())
}

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
	for _, d := range append(slices.DeleteFunc(slices.Clone(there), func(d contain.Document) bool {
		return slices.ContainsFunc(wanted, func(w contain.Document) bool { return w.Slot == d.Slot })
	}), wanted...) {
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
	return aws.Refuse(aws.RefusedNoRoom, "%s", kinds[r.kind].noRoom(role, r.size))
}

// advisory reads all documents of a kind, for advice alone.
func (p *Prepared) advisory(ctx context.Context, kind contain.Kind) aws.Answer[[]contain.Document] {
	return aws.Advisory(ctx, func(ctx context.Context) ([]contain.Document, error) { return kinds[kind].all(ctx, p) })
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

// notRead says why something could not be found out.
func notRead(err error) string {
	switch {
	case errors.Is(err, aws.ErrAccessDenied):
		return "not allowed"
	case errors.Is(err, aws.ErrThrottled):
		return "AWS had too many requests"
	case errors.Is(err, aws.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	default:
		return "it could not be read"
	}
}
