package role

import (
	"context"
	"errors"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// quarantine begins the names of the policies that AWS attaches to a user whose key was found in
// public (AWS Managed Policy Reference Guide, "AWSCompromisedKeyQuarantineV3").
const quarantine = "AWSCompromisedKeyQuarantine"

// userFacts is what else people have to know of a user.
type userFacts struct {
	keys     aws.Answer[[]contain.Document]
	attached aws.Answer[*iam.ListAttachedUserPoliciesOutput]
	groups   aws.Answer[*iam.ListGroupsForUserOutput]
	login    aws.Answer[*iam.GetLoginProfileOutput]
	lastUsed aws.Answer[*iam.GetAccessKeyLastUsedOutput]
	used     *types.AccessKeyLastUsed // nil if it is not known that the key was ever used
}

func (p *Prepared) userFacts(ctx context.Context) (f userFacts) {
	name := &p.role.Name
	asks := []func(){
		func() { f.keys = p.advisory(ctx, contain.KeyStatus) },
		func() {
			f.attached = advise(ctx, p, (*iam.Client).ListAttachedUserPolicies,
				&iam.ListAttachedUserPoliciesInput{UserName: name})
		},
		func() {
			f.groups = advise(ctx, p, (*iam.Client).ListGroupsForUser, &iam.ListGroupsForUserInput{UserName: name})
		},
		func() {
			f.login = advise(ctx, p, (*iam.Client).GetLoginProfile, &iam.GetLoginProfileInput{UserName: name})
		},
	}
	for _, s := range p.slots {
		if s.Kind == contain.KeyStatus {
			asks = append(asks, func() {
				f.lastUsed = advise(ctx, p, (*iam.Client).GetAccessKeyLastUsed,
					&iam.GetAccessKeyLastUsedInput{AccessKeyId: &s.Name})
			})
		}
	}
	aws.All(asks...)
	if out := f.lastUsed.Value; out != nil && out.AccessKeyLastUsed != nil && out.AccessKeyLastUsed.LastUsedDate != nil {
		f.used = out.AccessKeyLastUsed
	}
	if errors.Is(f.login.Err, aws.ErrNoSuchRole) {
		f.login.Err = nil
	}
	return f
}

// advise makes a call that only advises, with the reading session.
func advise[In, Out any](
	ctx context.Context, p *Prepared, call aws.Operation[In, Out], in *In,
) aws.Answer[*Out] {
	return aws.Advisory(ctx, func(ctx context.Context) (*Out, error) {
		out, _, err := aws.IAM(ctx, p.account, aws.Credential{}, call, in)
		return out, err
	})
}

// user warns of what else the user has, and may do.
func (w *warnings) user(p *Prepared, f userFacts, canWrite bool) {
	w.notRead("which other keys it has", f.keys.Err)
	w.notRead("whether AWS has restricted it", f.attached.Err)
	w.notRead("which groups it is in", f.groups.Err)
	w.notRead("whether it has a console password", f.login.Err)
	w.notRead("when the key was used last", f.lastUsed.Err)
	w.add("This does not end sessions that the key of %s opened in roles: revoke those roles too. What the key " +
		"made stays. CloudTrail mostly records no call of an inactive key, so silence proves nothing.")
	if used := f.used; used != nil {
		w.add("The key of %s was used last at %s, with %s in %s. What uses it stops working at once, and for good: "+
			"give it a new key.", used.LastUsedDate.UTC().Format("2006-01-02 15:04 UTC"),
			aws.Quote(awssdk.ToString(used.ServiceName)), aws.Quote(awssdk.ToString(used.Region)))
	}
	for _, k := range f.keys.Value {
		if k.Text == contain.KeyActive && !slices.Contains(p.slots, k.Slot) {
			w.add("%s has another active access key, %s, which goes on working. If it may have leaked too, ask for it as well.",
				k.Slot.Name)
		}
	}
	for _, s := range p.there {
		switch {
		case s.Slot.Kind != contain.KeyStatus || s.err != nil:
		case s.Text == "":
			w.add("%s has no access key %s any more: it was deleted. Its sessions can live up to 36 hours.", s.Slot.Name)
		case s.Text != contain.KeyActive:
			w.add("The access key %[2]s of %[1]s is %[3]s already. Its sessions can live up to 36 hours.",
				s.Slot.Name, strings.ToLower(s.Text))
		}
	}
	if f.login.Value != nil {
		w.add("%s has a console password, which goes on working. Console sessions from before are denied. Remove the " +
			"password if it may have leaked as well.")
	}
	if f.attached.Value != nil {
		for _, policy := range f.attached.Value.AttachedPolicies {
			if policy := awssdk.ToString(policy.PolicyName); strings.HasPrefix(policy, quarantine) {
				w.add("AWS found a key of %s in public and attached %s. It stays: leave it there until the key is replaced.",
					aws.Quote(policy))
			}
		}
	}
	if !canWrite {
		return
	}
	by := ""
	if f.groups.Value != nil && len(f.groups.Value.Groups) > 0 {
		var names []string
		for _, g := range f.groups.Value.Groups {
			names = append(names, aws.Quote(awssdk.ToString(g.GroupName)))
		}
		by = ", perhaps by its groups (" + strings.Join(aws.Few(names), ", ") + ")"
	}
	w.add("%s can write IAM%s: an attacker with its key can make another key, or remove revokebot's policy before IAM "+
		"enforces it. Check for keys and users that it made.", by)
}
