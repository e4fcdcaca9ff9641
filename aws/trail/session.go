package trail

import (
	"cmp"
	"slices"
	"time"
)

// Session is one event that gave, or was to give, credentials of a role: an AssumeRole in one of
// its forms, a denied attempt at it, or credentials that a session of the role made for itself
// without it. All text is foreign. Its JSON is what is kept of it.
type Session struct {
	EventID   string    `json:"event_id"`
	EventName string    `json:"event_name,omitempty"`
	Time      time.Time `json:"time"`
	Expires   time.Time `json:"expires,omitzero"` // zero when the event does not say it

	Caller          string `json:"caller"`               // in words ("user alice")
	CallerARN       string `json:"caller_arn,omitempty"` // "" where the event does not say it
	CallerID        string `json:"caller_id,omitempty"`  // marks who called, whatever the session was named; never ""
	CallerAccessKey string `json:"caller_key,omitempty"` // that signed the call; "" where the event does not say it
	SessionName     string `json:"session_name"`
	SourceIdentity  string `json:"source_identity,omitempty"`
	MFA             MFA    `json:"mfa,omitempty"`
	SourceAddress   string `json:"source_address"`
	UserAgent       string `json:"user_agent,omitempty"`
	Region          string `json:"region"`

	AccessKeyID string `json:"key,omitempty"`        // the issued key
	ErrorCode   string `json:"error_code,omitempty"` // "" when a session was issued
	Uncertain   bool   `json:"uncertain,omitempty"`  // a denied attempt whose event does not name the role
	Derived     bool   `json:"derived,omitempty"`    // made by a session of the role, not by assuming it
	After       bool   `json:"after,omitempty"`      // issued at the cutoff or later: the deny does not concern it

	// What is used while a look lasts, and not kept.
	SharedEventID string        `json:"-"`
	Kind          Kind          `json:"-"` // how the credentials came about
	Duration      time.Duration `json:"-"` // as asked for, zero when nothing was
	CallerType    string        `json:"-"` // as CloudTrail calls it ("IAMUser")
	CallerAccount string        `json:"-"` // "" where the event does not say it
	CallerRole    string        `json:"-"` // ARN of the caller's role when the caller is a role session, else ""
	ExternalID    string        `json:"-"`
	RoleARN       string        `json:"-"` // "" where the credentials are not a role's
	RoleID        string        `json:"-"` // as RoleARN
	Target        string        `json:"-"` // of AssumeRoot the member account, of GetFederationToken the user
	Denied        bool          `json:"-"` // the attempt was refused for want of a permission
}

// Issued reports whether credentials were given.
func (s Session) Issued() bool { return s.ErrorCode == "" && !s.Denied }

// Kind is how credentials came about.
type Kind string

// The kinds of credentials. What is Derived belongs to the same role session as its caller
// (KindConsole, KindLogin), to root of a member account (KindRoot) or to a user (KindFederation,
// KindSessionToken). Whether the first two inherit the issue time of the session is not documented
// by AWS; the deny on the role never concerns the others.
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

// before and after report on which side of the cutoff a session was issued, as DateLessThan does:
// one of the cutoff itself is not denied. Without a cutoff, both are false.
func before(issued, cutoff time.Time) bool { return !cutoff.IsZero() && issued.Before(cutoff) }
func after(issued, cutoff time.Time) bool  { return !cutoff.IsZero() && !issued.Before(cutoff) }

// once sorts sessions newest first and drops what is told twice: the same event, the two accounts'
// events of one call, or the same issued key. Of those the one that names the caller stays.
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
