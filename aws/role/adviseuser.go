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

// The Code of a Warning about a user.
const (
	WarnOtherKeys   = "other_keys"  // access keys of the user that go on
	WarnPassword    = "password"    // the user can sign in to the console
	WarnQuarantined = "quarantined" // AWS has restricted the user
	WarnInactive    = "inactive"    // the key is inactive already, or gone
	WarnLastUsed    = "last_used"   // what breaks
)

// quarantine begins the names of the policies that AWS attaches to a user whose key was found in
// public (AWS Managed Policy Reference Guide, "AWSCompromisedKeyQuarantineV3").
const quarantine = "AWSCompromisedKeyQuarantine"

// notCoveredOfUser is said of every user.
var notCoveredOfUser = Warning{WarnNotCovered, "This does not end sessions that the key opened in roles: revoke " +
	"those roles too. What the key made (users, keys, roles) stays. CloudTrail mostly records no call of an inactive " +
	"key, so silence proves nothing."}

// adviseUser is advise of a user.
func (p *Prepared) adviseUser(ctx context.Context) (Role, error) {
	user, inline, w := p.role, p.inline, &warnings{role: p.role}
	wanted, existing, err := p.wanted()
	if err != nil {
		return Role{}, err
	}
	var others aws.Answer[[]contain.Document]
	var keys aws.Answer[[]contain.Document]
	var attached aws.Answer[*iam.ListAttachedUserPoliciesOutput]
	var groups aws.Answer[*iam.ListGroupsForUserOutput]
	var login aws.Answer[*iam.GetLoginProfileOutput]
	var used aws.Answer[*iam.GetAccessKeyLastUsedOutput]
	var own, rights simulated
	name := awssdk.String(user.Name)
	aws.All(
		func() {
			others = aws.Advisory(ctx, func(ctx context.Context) ([]contain.Document, error) {
				return p.named(ctx, p.besides(inline.Value.names))
			})
		},
		func() { keys = p.advisory(ctx, contain.KeyStatus) },
		func() {
			attached = advise(ctx, p, "iam:ListAttachedUserPolicies", (*iam.Client).ListAttachedUserPolicies,
				&iam.ListAttachedUserPoliciesInput{UserName: name})
		},
		func() {
			groups = advise(ctx, p, "iam:ListGroupsForUser", (*iam.Client).ListGroupsForUser,
				&iam.ListGroupsForUserInput{UserName: name})
		},
		func() {
			login = advise(ctx, p, "iam:GetLoginProfile", (*iam.Client).GetLoginProfile,
				&iam.GetLoginProfileInput{UserName: name})
		},
		func() {
			for _, s := range p.slots {
				if s.Kind == contain.KeyStatus {
					used = advise(ctx, p, "iam:GetAccessKeyLastUsed", (*iam.Client).GetAccessKeyLastUsed,
						&iam.GetAccessKeyLastUsedInput{AccessKeyId: awssdk.String(s.Name)})
				}
			}
		},
		func() {
			own = p.may(ctx, p.account.OwnPrincipal(p.hubARN), append(p.of.reads(p.slots), puts(p.places)...)...)
		},
		func() {
			rights = p.may(ctx, user.ARN, append(append(puts(p.places), removes(p.places)...), "iam:CreateAccessKey")...)
		},
	)
	if err := missingPermission(user, own); err != nil {
		return Role{}, err
	}
	if _, err := p.fit(w, wanted, "what %s says", others.Value, nil); err != nil {
		return Role{}, err
	}
	w.notRead("whether its inline policies leave room for the deny", errors.Join(inline.Err, others.Err))
	w.notRead("whether revokebot's own role may write", own.Err)
	w.notRead("which other keys it has", keys.Err)
	w.notRead("whether AWS has restricted it", attached.Err)
	w.notRead("which groups it is in", groups.Err)
	if errors.Is(login.Err, aws.ErrNoSuchRole) {
		login.Err = nil
	}
	w.notRead("whether it has a console password", login.Err)
	w.notRead("whether it can write IAM", rights.Err)
	w.notRead("when the key was used last", used.Err)
	if used.Value != nil && used.Value.AccessKeyLastUsed != nil && used.Value.AccessKeyLastUsed.LastUsedDate != nil {
		last := used.Value.AccessKeyLastUsed
		user.LastUsed, user.LastUsedRegion = *last.LastUsedDate, awssdk.ToString(last.Region)
		w.add(WarnLastUsed, "The key of %s was used last at %s, with %s in %s. What uses it stops working at once, and for "+
			"good: give it a new key.", user.LastUsed.UTC().Format("2006-01-02 15:04 UTC"),
			aws.Quote(awssdk.ToString(last.ServiceName)), aws.Quote(user.LastUsedRegion))
	}
	w.all = append(w.all, existing...)
	w.keys(p, keys.Value)
	if login.Value != nil {
		w.add(WarnPassword, "%s has a console password, which goes on working. Console sessions from before are denied. "+
			"Remove the password if it may have leaked as well.")
	}
	if attached.Value != nil {
		for _, policy := range attached.Value.AttachedPolicies {
			if policy := awssdk.ToString(policy.PolicyName); strings.HasPrefix(policy, quarantine) {
				w.add(WarnQuarantined, "AWS found a key of %s in public and attached %s. It stays: leave it there until the key "+
					"is replaced.", aws.Quote(policy))
			}
		}
	}
	w.rights(groups.Value, rights.Value)
	w.code(p.places[len(p.places)-1][0])
	user.Warnings = w.ending(notCoveredOfUser)
	return user, nil
}

// advise makes a call that only advises, with the reading session.
func advise[In, Out any](
	ctx context.Context, p *Prepared, operation string,
	call func(*iam.Client, context.Context, *In, ...func(*iam.Options)) (*Out, error), in *In,
) aws.Answer[*Out] {
	return aws.Advisory(ctx, func(ctx context.Context) (*Out, error) {
		return aws.IAM(ctx, p.account, aws.Credential{}, operation, call, in)
	})
}

// keys warns of the keys that go on, and of one that is off already.
func (w *warnings) keys(p *Prepared, keys []contain.Document) {
	for _, k := range keys {
		if k.Text == contain.KeyActive && !slices.Contains(p.slots, k.Slot) {
			w.add(WarnOtherKeys, "%s has another active access key, %s, which goes on working. If it may have leaked too, ask "+
				"for it as well.", k.Slot.Name)
		}
	}
	for _, f := range p.there {
		switch {
		case f.Slot.Kind != contain.KeyStatus || f.err != nil:
		case f.Text == "":
			w.add(WarnInactive, "%s has no access key %s any more: it was deleted. Its sessions can live up to 36 hours.",
				f.Slot.Name)
		case f.Text != contain.KeyActive:
			w.add(WarnInactive, "The access key %[2]s of %[1]s is %[3]s already. Its sessions can live up to 36 hours.",
				f.Slot.Name, strings.ToLower(f.Text))
		}
	}
}

// rights warns of what the user may do about all this.
func (w *warnings) rights(groups *iam.ListGroupsForUserOutput, rights *iam.SimulatePrincipalPolicyOutput) {
	may := false
	if rights != nil {
		may = slices.ContainsFunc(rights.EvaluationResults, func(r types.EvaluationResult) bool {
			return r.EvalDecision == types.PolicyEvaluationDecisionTypeAllowed
		})
	}
	if !may {
		return
	}
	by := ""
	if groups != nil && len(groups.Groups) > 0 {
		var names []string
		for _, g := range groups.Groups {
			names = append(names, aws.Quote(awssdk.ToString(g.GroupName)))
		}
		by = ", perhaps by its groups (" + strings.Join(aws.Few(names), ", ") + ")"
	}
	w.add(WarnCanWriteIAM, "%s can write IAM%s: an attacker with its key can make another key, or remove revokebot's "+
		"policy before IAM enforces it. Check for keys and users that it made.", by)
}
