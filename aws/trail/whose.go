package trail

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/internal/times"
)

// Holder is whose session a temporary access key stands for, as CloudTrail tells it. All text but
// the account's name is foreign.
type Holder struct {
	AccountName string
	Key         string
	Kind        contain.PrincipalKind // "" for root, and for what is neither
	Root        bool
	ARN         string  // of the role or user, with the path; else whatever the events call the caller
	Opened      Session // the event that gave the key; zero if it was not found
	Last        Call    // the newest call that the key signed; zero if none was found
}

// whoseTime is how long the requests of one region may take: a person waits for the answer.
const whoseTime = 5 * time.Second

// Whose finds whose session a temporary access key is, from every region of the account at once: by
// the event that gave it, or by a call that it signed. A *RefusedError says that CloudTrail shows
// neither; other errors are of the question itself.
//
// It takes three requests in each region, which are given up after whoseTime.
func (c *Client) Whose(ctx context.Context, accountName, key string) (Holder, error) {
	a, own, err := c.toAsk(ctx, accountName)
	if err != nil {
		return Holder{}, err
	}
	regions, _ := a.TrailRegions(ctx) // those that every account has, if they are not known
	read, found := make([]RegionCoverage, len(regions)), make([]Holder, len(regions))
	c.everywhere(regions, func(i int, s *regionBudget) {
		s.left = min(s.left, whoseTime)
		covers := &read[i]
		*covers = RegionCoverage{Region: s.region, Covered: true, Reported: c.reported(ctx, a, own, time.Time{}, s)}
		for _, attribute := range []types.LookupAttributeKey{
			types.LookupAttributeKeyResourceName, types.LookupAttributeKeyAccessKeyId,
		} {
			if covers.Covered {
				c.read(ctx, a, s, trailQuery{key: attribute, value: key}, covers, only(1, func(newest page) {
					found[i].take(newest.events, key, s.region)
				}))
			}
		}
	})
	all := Holder{AccountName: a.Name, Key: key}
	for _, h := range found {
		all.join(h)
	}
	if all.Opened.EventID == "" && all.Last.EventID == "" {
		return all, unknownKey(all, read)
	}
	return all, nil
}

// take notes what events tell of a key.
func (h *Holder) take(events []types.Event, key, region string) {
	for _, in := range events {
		r := decodeRecord(in, region)
		if s, ok := decodeSession(r); ok && s.AccessKeyID == key && s.Issued() {
			opened := Holder{Opened: s}
			switch {
			case s.RoleARN != "":
				opened.Kind, opened.ARN = contain.Role, s.RoleARN
			case s.CallerType == "IAMUser" && s.Kind != KindRoot:
				opened.Kind, opened.ARN = contain.User, s.CallerARN
			default:
				opened.Root, opened.ARN = s.Kind == KindRoot || s.CallerType == "Root", s.CallerARN
			}
			h.join(opened)
		}
		if r.UserIdentity.AccessKeyID != key {
			continue
		}
		called := Holder{Last: decodeCall(r)}
		issuer := r.UserIdentity.SessionContext.SessionIssuer
		switch role, _, _ := r.role(); {
		case role != "":
			called.Kind, called.ARN = contain.Role, role
		case r.UserIdentity.Type == "IAMUser":
			called.Kind, called.ARN = contain.User, r.UserIdentity.ARN
		case issuer.Type == "IAMUser":
			called.Kind, called.ARN = contain.User, issuer.ARN
		default:
			called.Root, called.ARN = r.UserIdentity.Type == "Root" || issuer.Type == "Root", cmp.Or(r.UserIdentity.ARN,
				r.UserIdentity.PrincipalID, r.UserIdentity.Type)
		}
		h.join(called)
	}
}

// join adds what another region tells. Who was given the key counts before who called with it: the
// latter may lack the path of the role.
func (h *Holder) join(other Holder) {
	if h.Opened.EventID == "" && (other.Opened.EventID != "" || h.ARN == "") {
		h.Kind, h.Root, h.ARN, h.Opened = other.Kind, other.Root, other.ARN, other.Opened
	}
	if other.Last.Time.After(h.Last.Time) {
		h.Last = other.Last
	}
}

// unknownKey says where CloudTrail was asked, and how far it has reported there.
func unknownKey(h Holder, read []RegionCoverage) error {
	var silent []string
	var reported time.Time
	for _, r := range read {
		if !r.Covered {
			silent = append(silent, r.Region+": "+r.Reason)
		}
		reported = times.Later(reported, r.Reported)
	}
	text := fmt.Sprintf("CloudTrail in %s shows no session with access key %s.", h.AccountName, h.Key)
	if n := len(read) - len(silent); n == 1 {
		text += " 1 region answered."
	} else {
		text += fmt.Sprintf(" %d regions answered.", n)
	}
	if len(silent) > 0 {
		text += " Not asked to the end: " + strings.Join(aws.Few(silent), ", ") + "."
	}
	if !reported.IsZero() {
		text += " They have reported up to " + times.Clock(reported, time.Now()) + "."
	}
	return aws.Refuse("%s A new session appears within minutes: try again, or give its role.", text)
}

// Target is the role whose sessions are to be revoked, or the user with the access key by which the
// session was opened, as far as CloudTrail shows it. The error is a *RefusedError: the key is of
// root, and it says what to do instead.
func (h Holder) Target(cloud *aws.Cloud) (aws.Target, error) {
	name, account := aws.NameOf(h.ARN), h.AccountName
	if ref, err := aws.ParseARN(h.ARN); err == nil && h.Kind != "" { // one account's events tell of others' sessions
		if account = cloud.AccountName(ref.Account); account == "" {
			return aws.Target{}, aws.Refuse("%s is a session of %s: account %s is not configured here.", h.Key,
				aws.Quote(h.ARN), aws.Quote(ref.Account))
		}
	}
	switch {
	case h.Kind == contain.Role && name != "":
		target, err := cloud.Parse(account + "/" + name) // names are unique in the account, whatever the path
		target.Key, target.RoleID, target.Told = h.Key, h.Opened.RoleID, h.words()
		return target, err
	case h.Kind == contain.User && name != "":
		target, err := cloud.Parse(h.ARN)
		target.Path, target.GivenARN, target.Key, target.Told = "", "", h.Key, h.words() // the user may have moved
		if key := (aws.KeyRef{ID: h.Opened.CallerAccessKey}); key.LongTerm() {
			target.UserKey = key.ID
		}
		return target, err
	case !h.Root:
		return aws.Target{}, aws.Refuse("%s is not a session of a role: CloudTrail in %s calls its holder %s. Look at its "+
			"calls there.", h.Key, h.AccountName, aws.Quote(h.ARN))
	}
	return aws.Target{}, aws.RefuseRootKey(h.Key, h.AccountName)
}

// words says what is known of the session.
func (h Holder) words() string {
	now := time.Now()
	text := fmt.Sprintf("Asked for by access key %s", h.Key)
	if o := h.Opened; o.EventID != "" {
		text += fmt.Sprintf(": %s opened its session %s at %s from %s", aws.Quote(o.Caller), aws.Quote(o.SessionName),
			times.Clock(o.Time, now), aws.Quote(o.SourceAddress))
	}
	if c := h.Last; c.EventID != "" {
		text += fmt.Sprintf(". It was last used at %s, for %s in %s from %s", times.Clock(c.Time, now), aws.Quote(c.Name),
			aws.Quote(c.Region), aws.Quote(c.SourceAddress))
	}
	return text + "."
}
