package trail

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// TamperQuery asks who changed what the slots of a role or user say.
type TamperQuery struct {
	AccountName string
	RoleName    string
	Slots       []contain.Slot
	Since       time.Time // as in LookupQuery
	Limit       int       // most changes to return; 0 means 50

	// Ours reports whether revokebot can have put a document: an attacker who takes over its role is
	// named. Nil: its role has put all that it put.
	Ours func(contain.Document) bool
}

// Change is one write or removal in a slot by a caller other than the bot. All text but Name is
// foreign. Its JSON is what is kept of it.
type Change struct {
	EventID        string           `json:"event_id"`
	Name           string           `json:"name"` // one of those of the slot's kind, such as PutRolePolicy
	At             time.Time        `json:"at"`
	Who            string           `json:"who"` // in words, such as "user eve"
	PrincipalARN   string           `json:"-"`   // "" where the event does not say it
	AccessKeyID    string           `json:"access_key_id,omitempty"`
	SourceAddress  string           `json:"source_address,omitempty"`
	UserAgent      string           `json:"user_agent,omitempty"`
	SourceIdentity string           `json:"source_identity,omitempty"` // of the session that did it
	Put            contain.Document `json:"-"`                         // in a slot that was asked about; "" for a removal
}

// Tampering lists who changed what the slots say, newest first, without what the bot did, from
// CloudTrail in the partition's home region, where it keeps the events of IAM.
//
// CloudTrail is minutes late and attempts that were denied name no role, so an empty answer does
// not mean that there were none. With an error, the changes that were read before it are returned,
// too. That there are more events of the role than are read is a *RefusedError.
func (c *Client) Tampering(ctx context.Context, q TamperQuery) ([]Change, error) {
	a, err := c.cloud.Conn(q.AccountName)
	if err != nil {
		return nil, err
	}
	hubARN, err := c.cloud.Hub(ctx)
	if err != nil {
		return nil, err // without knowing who the bot is, its own writes would be attributed to another caller
	}
	var names []string
	for _, slot := range q.Slots {
		names = append(names, slot.Kind.Facts().Events...)
	}
	slices.Sort(names)
	var changes []Change
	for _, name := range slices.Compact(names) {
		var found []Change
		found, err = c.tampering(ctx, a, hubARN, q, name)
		if changes = append(changes, found...); err != nil {
			break
		}
	}
	slices.SortStableFunc(changes, func(a, b Change) int { return b.At.Compare(a.At) })
	return changes[:min(len(changes), cmp.Or(q.Limit, maxChanges))], err
}

// tampering are the changes that calls of one name made. They are looked up by that name: a record
// may write the role's name in other letters, and that of a user who changes its own key names no
// user.
func (c *Client) tampering(
	ctx context.Context, a *aws.Conn, hubARN string, q TamperQuery, name string,
) (changes []Change, err error) {
	left, query := tamperPages, trailQuery{key: types.LookupAttributeKeyEventName, value: name, since: q.Since}
	for page, err := range pages(ctx, a, c.budget(a.HomeRegion()), query) {
		if err != nil {
			return changes, err
		}
		for _, event := range page.events {
			change, ok := decodeChange(a, q, event)
			if !ok || a.IsOwn(hubARN, change.PrincipalARN) && (q.Ours == nil || q.Ours(change.Put)) {
				continue
			}
			if changes = append(changes, change); len(changes) == cmp.Or(q.Limit, maxChanges) {
				return changes, nil
			}
		}
		if left--; left == 0 && page.more {
			return changes, aws.Refuse("CloudTrail has more than 2,000 calls of %s, and the older ones were not read.", name)
		}
	}
	return changes, nil
}

// tamperPages is how many pages of a call's name are read, two a second.
const tamperPages = 40

// maxChanges is more than a person reads, and bounds the work when a caller changes the policy
// every half second.
const maxChanges = 50

// decodeChange reads an event of IAM. It reports false for one that changed none of the slots.
func decodeChange(a *aws.Conn, q TamperQuery, in types.Event) (Change, bool) {
	r := decodeRecord(in, a.HomeRegion())
	change := Change{
		EventID:        r.EventID,
		Name:           r.EventName,
		At:             r.at,
		PrincipalARN:   r.UserIdentity.ARN,
		AccessKeyID:    r.UserIdentity.AccessKeyID,
		SourceAddress:  r.SourceIPAddress,
		UserAgent:      r.UserAgent,
		SourceIdentity: r.UserIdentity.SessionContext.SourceIdentity,
	}
	// The words need to know only which account the role is in.
	of := Session{RoleARN: aws.RoleARN(a.Partition, a.ID, "/", q.RoleName)}
	change.Who = callerOf(r, of).words
	asked := r.RequestParameters
	if r.ErrorCode != "" {
		return Change{}, false
	}
	on := strings.EqualFold(cmp.Or(asked.RoleName, asked.UserName), q.RoleName)
	for _, slot := range q.Slots {
		name, text := asked.PolicyName, aws.DecodeDocument(asked.PolicyDocument)
		switch slot.Kind {
		case contain.RoleAttached:
			name, text = asked.PolicyARN, asked.PolicyARN
		case contain.KeyStatus:
			name, text = asked.AccessKeyID, asked.Status
		}
		facts := slot.Kind.Facts()
		named := strings.EqualFold(name, slot.Name) && (on || slot.Kind == contain.KeyStatus)
		if !named || !slices.Contains(facts.Events, change.Name) {
			continue
		}
		change.Put.Slot = slot
		if "iam:"+change.Name != facts.Remove {
			change.Put.Text = text
		}
		return change, true
	}
	return Change{}, false
}
