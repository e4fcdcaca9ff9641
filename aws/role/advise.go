package role

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// simulated is what became of a question to the policy simulator.
type simulated = aws.Answer[Simulated]

// advise is the second step of Describe: it asks what follows from the first one, side by side,
// and puts together what refuses the role or user and what people are warned about.
func (p *Prepared) advise(ctx context.Context) (Role, error) {
	role, w, user := p.role, &warnings{role: p.role}, p.role.Kind == contain.User
	wanted, existing, err := p.wanted()
	if err != nil {
		return Role{}, err
	}
	facts := readTrustFacts(p.account.Account, role.ARN, p.trust)
	if m, ok := p.of.Measure.(contain.Serving); ok {
		target := p.of.Target
		target.Principal = role.Principal
		warning, err := m.Services(target, facts.services)
		if err != nil {
			return Role{}, err
		}
		if warning != "" {
			existing = append(existing, warning)
		}
	}
	puts := puts(p.places)
	writes := slices.Concat(puts, removes(p.places))
	comeback := "sts:AssumeRole" // by which a session makes another credential of its own
	if user {
		comeback = "iam:CreateAccessKey"
	}
	var others, managed aws.Answer[[]contain.Document]
	var own, rights simulated
	var rest userFacts
	aws.All(
		func() { others = aws.Advisory(ctx, p.otherInline) },
		func() {
			if slices.Contains(kindsOf(wanted), contain.RoleAttached) {
				managed = p.advisory(ctx, contain.RoleAttached)
			}
		},
		func() { own = p.may(ctx, p.account.OwnPrincipal(p.hubARN), append(p.of.reads(p.slots), puts...)...) },
		func() { rights = p.may(ctx, role.ARN, append(slices.Clone(writes), comeback)...) },
		func() {
			if user {
				rest = p.userFacts(ctx)
			}
		},
	)
	if err := missingPermission(role, own); err != nil {
		return Role{}, err
	}
	known := others.Value
	for _, f := range p.there {
		known = append(known, f.Document)
		what := "what " + f.Slot.Label() + " says"
		if f.Slot.Kind == contain.KeyStatus {
			what = "whether access key " + f.Slot.Name + " is active"
		}
		w.notRead(what, f.err)
	}
	for _, kind := range kindsOf(wanted) {
		if err := noRoom(role, kind, sizeWith(kind, append(managed.Value, known...), wanted)); err != nil {
			return Role{}, err
		}
	}
	w.notRead("whether the inline policies leave room for the deny", cmp.Or(p.inline.Err, others.Err))
	w.notRead("whether revokebot's own role may write the deny", own.Err)
	w.notRead("whether it can write IAM, past its inline policies", rights.Err)

	may := rights.Value.actions(types.PolicyEvaluationDecisionTypeAllowed)
	for _, d := range known {
		may = append(may, named("Allow", d.Text, writes...)...)
	}
	if user { // the gravest first: a card shows a few
		w.all = append(w.all, existing...)
		w.user(p, rest, len(may) > 0)
		for _, k := range rest.keys.Value {
			role.Keys = append(role.Keys, k.Slot.Name)
		}
		if used := rest.used; used != nil {
			role.LastUsed, role.LastUsedRegion = awssdk.ToTime(used.LastUsedDate), awssdk.ToString(used.Region)
		}
	} else {
		w.policies(slices.ContainsFunc(writes, func(action string) bool { return slices.Contains(may, action) }))
		w.all = append(w.all, existing...)
		w.trust(p.of.Measure, facts, slices.Contains(may, comeback))
	}
	w.code(p.places[len(p.places)-1][0])
	role.Warnings, role.Locked = w.ending(), p.role.Locked
	return role, nil
}

// otherInline reads the inline policies that were not read with the slots.
func (p *Prepared) otherInline(ctx context.Context) ([]contain.Document, error) {
	return p.named(ctx, slices.DeleteFunc(slices.Clone(p.inline.Value), func(name string) bool {
		return slices.Contains(p.slots, contain.Slot{Kind: p.inlineKind(), Name: name})
	}))
}

// may asks the simulator whether a principal may do actions on the role, with the session of the
// order, if there is one.
func (p *Prepared) may(ctx context.Context, principal string, actions ...string) simulated {
	q := Question{
		Principal: principal, Actions: actions, Resources: []string{p.role.ARN},
		Context: Context(slices.Concat(p.places...)...),
	}
	return aws.Advisory(ctx, func(ctx context.Context) (Simulated, error) {
		return q.Ask(ctx, p.account, p.cred)
	})
}

// wanted is what the measure would write now, and what people are warned about of what is there.
// It refuses a role on which no document can be written. What could not be read is not known to
// be there.
func (p *Prepared) wanted() (docs []contain.Document, existing []string, err error) {
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
			switch there := p.in(slot).Document; {
			case there.Text == "" || slot.Kind == contain.KeyStatus || slot.Kind == contain.RoleTrust: // every role has one
			case slot == all[i].Slot:
				w.existing(m, state.Now, there)
			default:
				sentence, locks := Foreign(m, there)
				if w.all = append(w.all, sentence); locks {
					p.role.Locked = sentence
				}
			}
		}
	}
	return docs, w.all, nil
}

// missingPermission refuses a role on which the bot's own role may not write the policy, according
// to the simulator.
func missingPermission(role Role, own simulated) error {
	var missing []string
	for _, d := range own.Value.Decided() {
		if d.Open == "" && strings.HasSuffix(string(d.Decision), "Deny") { // explicit or implicit
			missing = append(missing, d.Action)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return aws.Refuse("revokebot's own role in account %s may not do %s on %s, so a revocation would fail. "+
		"Allow it there, or use the IAM console.",
		role.AccountName, strings.Join(missing, " and "), role.title())
}

// sizeWith counts, as the quota of a kind does, what a role would hold: what is there, and what is
// wanted in its place or beside it.
func sizeWith(kind contain.Kind, there, wanted []contain.Document) (size int) {
	for _, d := range append(slices.DeleteFunc(slices.Clone(there), func(d contain.Document) bool {
		return slices.ContainsFunc(wanted, func(w contain.Document) bool { return w.Slot == d.Slot })
	}), wanted...) {
		if d.Slot.Kind == kind {
			size += kind.Size(d.Text)
		}
	}
	return size
}

// noRoom refuses a role on which documents of such a size would not fit.
func noRoom(role Role, kind contain.Kind, size int) error {
	quota := kind.Facts().Quota
	if quota == 0 || size <= quota {
		return nil
	}
	text := "%s would have %d managed policies attached, and %d is the default limit. Detach one that it does not need."
	if kind.Inline() {
		text = "The inline policies of %s leave no room for the revocation policy: together they would have %d " +
			"characters, and AWS allows %d. Move one into a managed policy, or choose a measure that writes no " +
			"inline policy."
	}
	return aws.Refuse(text, role.title(), size, quota)
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
	case errors.Is(err, errTooMany):
		return err.Error()
	default:
		return "it could not be read"
	}
}
