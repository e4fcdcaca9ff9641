package role

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/internal/times"
)

// Verdict is what the policy simulator says of one session. The zero value is unknown and never a
// proof.
type Verdict string

// The verdicts.
const (
	DeniedByOurs  Verdict = "denied_by_ours"  // an explicit deny, and a statement of what was written is among its reasons
	DeniedByOther Verdict = "denied_by_other" // an explicit deny without our statement
	NotDenied     Verdict = "not_denied"      // allowed, or not allowed by anything: no explicit deny
)

// Simulation is what the simulator says of the sessions that a measure's probes name: of a
// measure with a cutoff, one that was issued a second before it, and one that was issued a second
// after it. It reads what is stored on the role: it proves the document, not that it is enforced.
// Its JSON is what is kept of it.
type Simulation struct {
	Before      Verdict   `json:"before,omitempty"`      // of the first probe: an older session
	After       Verdict   `json:"after,omitempty"`       // of the last: a newer one
	Proven      bool      `json:"proven,omitempty"`      // all probes say that the documents do what they are for
	At          time.Time `json:"at,omitzero"`           // AWS's clock at the latest answer, whole seconds
	Tried       bool      `json:"tried,omitempty"`       // a session of the role was tried, in place of the simulator
	Unavailable string    `json:"unavailable,omitempty"` // why it was not simulated, a sentence without AWS's words
}

// Simulate asks what the role's policies say of the sessions that the measure's probes name, once
// for each probe, side by side, with the reading session. written is what the order has written.
// That the simulator may not be asked, or knows nothing of the measure, is no error but
// Unavailable; an error is worth another try.
func (c *Client) Simulate(ctx context.Context, o Order, written []contain.Document) (Simulation, error) {
	a, err := c.conn(o)
	if err != nil {
		return Simulation{}, err
	}
	if _, seals := o.Measure.(contain.Sealer); seals {
		return probe(ctx, a, o.Principal.ARN)
	}
	return simulate(ctx, a, aws.Credential{}, o, written, false)
}

// asked is one question of a measure's probes.
type asked struct {
	Question
	denied bool // what the answer has to be
	ours   func(types.Statement) bool
	answer simulated
}

// simulate asks all questions side by side: about what is on the role or about documents
// that are given beside it. For these, an error is Unavailable, too.
func simulate(
	ctx context.Context, a *aws.Conn, with aws.Credential, o Order, docs []contain.Document, paper bool,
) (Simulation, error) {
	if paper {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, aws.AdvisoryTime)
		defer cancel()
	}
	var all []*asked
	var asks []func()
	prober, ok := o.Measure.(contain.Prober)
	for i := 0; ok && i < len(docs); i++ {
		for _, p := range prober.Probes(docs[i]) {
			ours := isOurs(aws.NameOf(o.Principal.ARN), docs[i].Slot)
			q := &asked{Question: question(o, p, simulatedAction), denied: p.Denied, ours: ours}
			if paper {
				q.Besides, q.ours = []string{prober.Policy(docs[i])}, isGiven
			}
			all, asks = append(all, q), append(asks, func() { q.answer = aws.Try(q.Ask(ctx, a, with)) })
		}
	}
	if len(all) == 0 {
		return Simulation{Unavailable: "It was not simulated: the policy simulator knows nothing of this."}, nil
	}
	aws.All(asks...)
	s := Simulation{Proven: true}
	var failed error
	for i, q := range all {
		switch err := q.answer.Err; {
		case err != nil && (paper || aws.Final(err)):
			return Simulation{Unavailable: notSimulated(err, a.Name)}, nil
		case err != nil:
			failed = cmp.Or(failed, err)
		}
		if s.After = verdict(q.answer.Value.Results, q.ours); i == 0 {
			s.Before = s.After
		}
		s.Proven = s.Proven && (q.denied && s.After == DeniedByOurs || !q.denied && s.After == NotDenied)
		s.At = times.Later(s.At, q.answer.Value.At)
	}
	if failed != nil {
		return Simulation{}, failed
	}
	return s, nil
}

// question is a probe about some actions.
func question(o Order, p contain.Probe, actions ...string) Question {
	return Question{Principal: o.Principal.ARN, Actions: actions, Context: p.Keys}
}

// isGiven reports whether a matched statement is of the document that was given. Such documents are
// named PolicyInputList.1 and so on in the examples of answers (AWS CLI Command Reference, "iam
// simulate-custom-policy"); only one is given.
func isGiven(s types.Statement) bool {
	return strings.HasPrefix(awssdk.ToString(s.SourcePolicyId), "PolicyInputList")
}

// DeniedAnyway asks the simulator which of some actions an older session is denied without what is
// in the bot's slots, by whatever else there is: a denial of such an action proves nothing. written
// is what the order has written.
func (c *Client) DeniedAnyway(
	ctx context.Context, o Order, written []contain.Document, slots []contain.Slot, actions []string,
) (map[string]bool, error) {
	a, err := c.conn(o)
	if err != nil {
		return nil, err
	}
	var probes []contain.Probe
	if prober, ok := o.Measure.(contain.Prober); ok {
		for _, doc := range written {
			probes = append(probes, prober.Probes(doc)...)
		}
	}
	if len(probes) == 0 {
		return nil, errNoMeasure
	}
	q := question(o, probes[0], actions...)
	q.Without = slots
	p := &Prepared{account: a, of: o, slots: slots}
	p.of.Principal.Name = aws.NameOf(o.Principal.ARN)
	var out Simulated
	var others []contain.Document
	var unread error
	aws.All(
		func() { out, err = q.Ask(ctx, a, aws.Credential{}) },
		func() {
			if p.inline.Value, unread = p.listInline(ctx); unread == nil {
				others, unread = p.otherInline(ctx)
			}
		},
	)
	if errors.Is(unread, errTooMany) {
		unread, out = nil, Simulated{}
	}
	if err := cmp.Or(err, unread); err != nil {
		return nil, err
	}
	denied := map[string]bool{}
	for _, action := range actions { // one without an answer proves nothing
		denied[action] = true
	}
	for _, r := range out.Results {
		if r.EvalDecision == types.PolicyEvaluationDecisionTypeAllowed ||
			r.EvalDecision == types.PolicyEvaluationDecisionTypeImplicitDeny {
			delete(denied, awssdk.ToString(r.EvalActionName))
		}
	}
	// Another inline policy denies in the same words, and perhaps one resource alone or under a
	// condition, which the simulator was not asked about.
	for _, d := range others {
		for _, action := range named("Deny", d.Text, actions...) {
			denied[action] = true
		}
	}
	return denied, nil
}

// simulatedAction is one that the policy covers like every other. It takes no resource and works in
// every partition.
const simulatedAction = "s3:ListAllMyBuckets"

// verdict reads the answer to a question about one action. The decision alone is no proof: a
// service control policy denies explicitly, too. Where a statement denies, the matched statements
// are those that deny.
func verdict(results []types.EvaluationResult, ours func(types.Statement) bool) Verdict {
	if len(results) != 1 {
		return ""
	}
	switch result := results[0]; result.EvalDecision {
	case types.PolicyEvaluationDecisionTypeAllowed, types.PolicyEvaluationDecisionTypeImplicitDeny:
		return NotDenied
	case types.PolicyEvaluationDecisionTypeExplicitDeny:
		if slices.ContainsFunc(result.MatchedStatements, ours) {
			return DeniedByOurs
		}
		return DeniedByOther
	default:
		return ""
	}
}

// isOurs reports whether a matched statement is of what is in a slot. The id of a role's inline
// policy reads role_Deploy_AWSRevokeOlderSessions. That form is not documented, so some like it are
// taken, too, but none with more before the policy's name: others can name a policy
// x_AWSRevokeOlderSessions. A managed policy's id is its bare name; where the type is one of the
// API's, it has to be that of the slot.
func isOurs(name string, slot contain.Slot) func(types.Statement) bool {
	principal, managed := string(slot.Kind.Facts().Principal), slot.Kind == contain.RoleAttached
	own := types.PolicySourceType(principal)
	if managed {
		own = types.PolicySourceTypeAwsManaged
	}
	return func(s types.Statement) bool {
		id, is := awssdk.ToString(s.SourcePolicyId), s.SourcePolicyType
		before, ok := strings.CutSuffix(id, slot.Label())
		switch {
		case is != own && slices.Contains(is.Values(), is):
			return false
		case managed:
			return id == slot.Name || id == slot.Label()
		case before == "":
			return ok && is == own
		}
		parted := before[len(before)-1:]
		before = strings.TrimPrefix(before, principal+parted)
		return ok && strings.Contains("_/:.", parted) && before == name+parted
	}
}

// notSimulated says why the simulator gave no answer.
func notSimulated(err error, account string) string {
	if errors.Is(err, aws.ErrAccessDenied) {
		return "It could not be simulated: revokebot may not use the policy simulator in account " + account +
			". Allow its role iam:SimulatePrincipalPolicy."
	}
	return "It could not be simulated. " + aws.Explain(err)
}

// Rehearsal is what an order would have done, and what was checked on the way. Nothing was written.
// Its JSON is what is kept of it.
type Rehearsal struct {
	Role      Role               `json:"-"`                  // as it was read for this drill
	Documents []contain.Document `json:"would_be_documents"` // at this moment, in write order
	At        time.Time          `json:"read_at"`            // AWS's clock when the role was read, whole seconds
	Now       time.Time          `json:"-"`                  // the latest that it could show then: for contain.Dated

	// The session that was opened, as AWS calls it; without a role to assume, who the bot is.
	CallerARN string `json:"caller_arn,omitempty"`
	Own       bool   `json:"own_session"`       // of this drill alone, which may read and nothing else
	Unnamed   bool   `json:"unnamed,omitempty"` // it could not name the people; see Account.AllowUnnamedSessions

	// First is how long it took to read the role and to open the session, Second how long a read
	// with that session took, in place of the write. Both by this machine's running clock.
	First  time.Duration `json:"first_step"`
	Second time.Duration `json:"second_step"`

	Size        int    `json:"policy_characters,omitempty"` // with the documents, as the quota counts; 0 unknown
	SizeUnknown string `json:"size_unknown,omitempty"`      // why, in a few words

	Paper Simulation `json:"simulated"` // with the documents beside the role's policies

	MayWrite        bool   `json:"may_write"`                   // by the simulator, the documents on the role
	MayWriteUnknown string `json:"may_write_unknown,omitempty"` // why it is not known, a sentence
}

// Rehearse goes through all of an order but the write: it reads the role and its slots and opens
// a session that names the people, refuses what Apply refuses, and asks the policy simulator with
// the documents that would have been written. That session may read and ask the simulator; an
// account without a role to assume has no such session.
//
// An error is what would have kept the order from being carried out. What could not be found out
// about the rest is no error.
func (c *Client) Rehearse(ctx context.Context, o Order) (Rehearsal, error) {
	began := time.Now()
	p, err := c.prepare(ctx, o, toRehearse)
	if err != nil {
		return Rehearsal{}, err
	}
	state := p.state(p.latest())
	r := Rehearsal{
		Role: p.role, At: p.clock.Server, Now: state.Now, First: time.Since(began),
		CallerARN: p.callerARN(), Own: p.account.AssumeRole != "", Unnamed: p.cred.Unnamed,
	}
	if r.Documents, err = o.Measure.Want(state, slices.Concat(o.InForce, contain.Documents(o.Promised))); err != nil {
		return Rehearsal{}, err
	}

	var again, full error
	var own simulated
	aws.All(
		func() {
			began := time.Now()
			again = unread(p.see(ctx, p.cred, p.slots))
			r.Second = time.Since(began)
		},
		func() { r.Paper, _ = simulate(ctx, p.account, p.cred, p.of, r.Documents, true) },
		func() { own = p.may(ctx, p.account.OwnPrincipal(p.hubARN), puts(p.places)...) },
		func() {
			for _, kind := range kindsOf(r.Documents) {
				there := p.advisory(ctx, kind)
				if there.Err != nil {
					r.SizeUnknown = notRead(there.Err)
					continue
				}
				r.Size = sizeWith(kind, there.Value, r.Documents)
				full = cmp.Or(full, noRoom(p.role, kind, r.Size))
			}
		},
	)
	switch {
	case ctx.Err() != nil:
		return Rehearsal{}, aws.NewCallError(p.slots[0].Kind.Facts().Read, p.account.Name, context.Cause(ctx))
	case again != nil:
		return Rehearsal{}, again
	}
	if err := cmp.Or(missingPermission(p.role, own), full); err != nil {
		return Rehearsal{}, err
	}
	r.MayWrite, r.MayWriteUnknown = mayWrite(own, puts(p.places), p.account.Name)
	return r, nil
}

func toRehearse(p *Prepared) string { return p.of.drillPolicy(p.account.AssumeRole) }

// mayWrite reads the answer about the bot's own permission, of which missingPermission found that
// it is no plain no.
func mayWrite(own simulated, puts []string, account string) (may bool, unknown string) {
	if own.Err != nil {
		return false, notSimulated(own.Err, account)
	}
	allowed := own.Value.actions(types.PolicyEvaluationDecisionTypeAllowed)
	if len(allowed) == len(puts) && len(allowed) == len(own.Value.Results) {
		return true, ""
	}
	return false, "The policy simulator does not say: a condition or a policy of the organization decides, which it " +
		"does not know."
}
