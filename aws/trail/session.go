package trail

import (
	"cmp"
	"slices"
	"time"
)

// Session is one event that gave, or was to give, credentials of a role: an AssumeRole in one of its forms, a denied
// attempt at it, or credentials that a session of the role made for itself without it. All text is foreign.
type Session struct {
	EventID, SharedEventID, EventName string
	Kind                              Kind          // how the credentials came about
	Time, Expires                     time.Time     // Expires is zero when the event does not say it
	Duration                          time.Duration // as asked for, zero when nothing was
	Region                            string

	Caller, CallerType                        string // in words ("user alice"); as CloudTrail calls it ("IAMUser")
	CallerARN, CallerAccount, CallerAccessKey string // "" where the event does not say it
	CallerID                                  string // a stable mark of who called, whatever the session was named; never ""
	CallerRole                                string // ARN of the caller's role when the caller is a role session, else ""
	MFA                                       MFA
	SessionName, SourceIdentity, ExternalID   string
	SourceAddress, UserAgent                  string

	AccessKeyID     string // the issued key
	RoleARN, RoleID string // of AssumeRoot and of GetFederationToken "": the credentials are not a role's
	Target          string // of AssumeRoot: the member account; of GetFederationToken: the federated user; else ""

	ErrorCode string // "" when a session was issued
	Denied    bool   // the attempt was refused for want of a permission
	Uncertain bool   // a denied attempt whose event does not name the role: it may have been about another
	Derived   bool   // made by a session of the role, not by assuming it
	Relation  string // RelationBefore or RelationAfter the cutoff, "" when there is none
}

// Issued reports whether credentials were given.
func (s Session) Issued() bool { return s.ErrorCode == "" && !s.Denied }

// Kind is how credentials came about.
type Kind string

// The kinds of credentials. What is Derived belongs to the same role session as its caller (KindConsole, KindLogin), to
// root of a member account (KindRoot) or to a user (KindFederation, KindSessionToken). Whether the first two inherit the
// issue time of the session is not documented by AWS; the deny on the role never concerns the others.
const (
	KindAssumed       Kind = "AssumeRole"
	KindSAML          Kind = "AssumeRoleWithSAML"
	KindWebIdentity   Kind = "AssumeRoleWithWebIdentity"
	KindRoot          Kind = "AssumeRoot"
	KindConsole       Kind = "GetSigninToken"
	KindSwitch        Kind = "SwitchRole"
	KindLogin         Kind = "CreateOAuth2Token"
	KindRolesAnywhere Kind = "CreateSession"
	KindFederation    Kind = "GetFederationToken"
	KindSessionToken  Kind = "GetSessionToken"
)

// MFA says whether the caller had proven a second factor.
type MFA string

// The zero value is that the event does not say it.
const (
	MFAUnknown MFA = ""
	MFAUsed    MFA = "yes"
	MFANone    MFA = "no"
)

// The Relation of a Session to the cutoff. A session that was issued at the cutoff is not denied.
const (
	RelationBefore = "before"
	RelationAfter  = "after"
)

// relation says on which side of the cutoff a session was issued, as DateLessThan does.
func relation(issued, cutoff time.Time) string {
	switch {
	case cutoff.IsZero():
		return ""
	case issued.Before(cutoff):
		return RelationBefore
	default:
		return RelationAfter
	}
}

// once sorts sessions newest first and drops what is told twice: the same event, the two accounts' events of one call,
// or the same issued key. Of those the one that names the caller stays.
func once(sessions []Session) []Session {
	slices.SortStableFunc(sessions, func(a, b Session) int {
		return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(a.Region, b.Region), cmp.Compare(a.EventID, b.EventID))
	})
	at := map[string]int{}
	var kept []Session
	for _, s := range sessions {
		marks := []string{"event " + s.EventID, "shared " + s.SharedEventID, "key " + s.AccessKeyID}
		same := -1
		for i, id := range []string{s.EventID, s.SharedEventID, s.AccessKeyID} {
			if id == "" {
				continue
			}
			if j, seen := at[marks[i]]; seen {
				same = j
			}
		}
		if same < 0 {
			same = len(kept)
			kept = append(kept, s)
		} else if kept[same].CallerARN == "" && s.CallerARN != "" {
			kept[same] = s
		}
		for i, id := range []string{s.EventID, s.SharedEventID, s.AccessKeyID} {
			if id != "" {
				at[marks[i]] = same
			}
		}
	}
	return kept
}
