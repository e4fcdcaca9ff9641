package trail

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/revokebot/revokebot/internal/times"
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
	Tags            string `json:"tags,omitempty"` // of the session: "kubernetes-namespace=shop, …"
	Region          string `json:"region"`

	AccessKeyID string `json:"key,omitempty"`        // the issued key
	ErrorCode   string `json:"error_code,omitempty"` // "" when a session was issued
	Uncertain   bool   `json:"uncertain,omitempty"`  // a denied attempt whose event does not name the role
	Derived     bool   `json:"derived,omitempty"`    // made by a session of the role, not by assuming it
	After       bool   `json:"after,omitempty"`      // issued at the cutoff or later: the policy does not concern it
	// Before is when the caller was seen in the 90 days before the window; zero: not seen, or not
	// asked.
	Before time.Time `json:"before,omitzero"`

	// What is used while a check lasts, and not kept.
	SharedEventID string        `json:"-"`
	ExternalID    string        `json:"-"` // that the caller gave
	Kind          Kind          `json:"-"` // how the credentials came about
	Duration      time.Duration `json:"-"` // as asked for, zero when nothing was
	CallerType    string        `json:"-"` // as CloudTrail calls it ("IAMUser")
	CallerName    string        `json:"-"` // as LookupEvents knows the caller; "" where it does not
	New           bool          `json:"-"` // others used the role in the 90 days before the window, and the caller did not
	Usual         bool          `json:"-"` // the caller came from its address in the 90 days before the window
	CallerRole    string        `json:"-"` // ARN of the caller's role when the caller is a role session, else ""
	CallerBegan   time.Time     `json:"-"` // when the caller's own session was issued; zero: not said
	Token         bool          `json:"-"` // in place of the session: what is done with it is in no record of the role
	RoleARN       string        `json:"-"` // "" where the credentials are not a role's
	RoleID        string        `json:"-"` // as RoleARN
	Target        string        `json:"-"` // of AssumeRoot the member account, of GetFederationToken the user
	Denied        bool          `json:"-"` // the attempt was refused for want of a permission
}

// Issued reports whether credentials were given.
func (s Session) Issued() bool { return s.ErrorCode == "" && !s.Denied }

// ID names a session in what is found out about sessions: by its key, or, where it has none, as a
// console session has a key per call, by its name and issue time.
func (s Session) ID() string {
	if s.AccessKeyID != "" || s.SessionName == "" {
		return s.AccessKeyID
	}
	return s.SessionName + " of " + s.Time.Format(time.RFC3339)
}

// chained is how long a session lasts at most that another one opened (IAM User Guide, "Role
// chaining").
const chained = time.Hour

// GoesOn reports whether credentials that a session got for itself are those of another role or
// account, and had not ended at the cutoff, or an hour before now: they, what they opened, or what
// that opened in turn may live.
func (s Session) GoesOn(roleARN string, cutoff, now time.Time) bool {
	return s.Issued() && !s.Token && !deriving[s.Kind].same && !sameRole(s.RoleARN, roleARN) &&
		!ended(s, times.Earlier(cutoff, now.Add(-chained)))
}

// Kind is how credentials came about.
type Kind string

// Kinds of credentials; deriving has the others. What is Derived belongs to the same role session
// as its caller, to root of a member account (KindRoot) or to a user (KindFederation,
// GetSessionToken). Whether the first inherit the issue time of the session is not documented by
// AWS; the revocation never concerns the others.
const (
	KindAssumed       Kind = "AssumeRole"
	KindSAML          Kind = "AssumeRoleWithSAML"
	KindWebIdentity   Kind = "AssumeRoleWithWebIdentity"
	KindRoot          Kind = "AssumeRoot"
	KindConsole       Kind = "GetSigninToken"
	KindSwitch        Kind = "SwitchRole"
	KindRolesAnywhere Kind = "CreateSession"
	KindFederation    Kind = "GetFederationToken"
	KindDelegated     Kind = "GetDelegatedAccessToken"
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
// events of one call, the same issued key, or the same opening under another id. The one that says
// most of the caller stays.
func once(sessions []Session) []Session {
	slices.SortStableFunc(sessions, func(a, b Session) int {
		return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(a.Region, b.Region), cmp.Compare(a.EventID, b.EventID))
	})
	at := map[string]int{}
	var kept []Session
	for _, s := range sessions {
		marks := []string{"event " + s.EventID, "shared " + s.SharedEventID, "key " + s.AccessKeyID, strings.Join([]string{
			"call", s.EventName, s.ErrorCode, s.CallerID, s.CallerAccessKey, s.SourceAddress, s.SessionName, s.Time.String(),
		}, " ")}
		if s.AccessKeyID != "" || s.SessionName == "" || !s.Issued() {
			marks = marks[:3]
		}
		same := -1
		for _, mark := range marks {
			if j, seen := at[mark]; seen && !strings.HasSuffix(mark, " ") {
				same = j
			}
		}
		if same < 0 {
			same = len(kept)
			kept = append(kept, s)
		} else if tells(s) > tells(kept[same]) {
			kept[same] = s
		}
		for _, mark := range marks {
			at[mark] = same
		}
	}
	return kept
}

// tells ranks the events of one opening by what they say of it: one that lacks members never takes
// the place of a whole one.
func tells(s Session) (rank int) {
	if s.Derived {
		return 0
	}
	if s.CallerARN != "" || s.Kind == KindRolesAnywhere {
		rank = 10
	}
	for _, said := range []string{s.CallerType, s.CallerAccessKey, s.CallerName, s.SessionName, s.SourceAddress} {
		rank += min(len(said), 1)
	}
	return 1 + rank
}

// mostAttempts bounds the attempts that gave nothing, so that they never take the place of
// sessions: a blocked caller may try every second.
const mostAttempts = 100

// newestSessions gathers what the regions find and keeps the newest, so that what is held does not
// grow with what is read.
type newestSessions struct {
	limit int // of issued sessions

	mu       sync.Mutex
	sessions []Session
	dropped  map[string]bool // regions of issued sessions that were too many
	cut      map[string]bool // regions of attempts that were too many
}

func newNewestSessions(limit int) *newestSessions {
	return &newestSessions{limit: limit, dropped: map[string]bool{}, cut: map[string]bool{}}
}

func (n *newestSessions) add(sessions []Session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sessions = append(n.sessions, sessions...)
	if len(n.sessions) > 2*(n.limit+mostAttempts) {
		n.trim()
	}
}

// trim leaves the newest, each once, in order.
func (n *newestSessions) trim() {
	issued, attempts, kept := 0, 0, 0
	sorted := once(n.sessions)
	for _, s := range sorted {
		switch {
		case s.Issued() && issued == n.limit:
			n.dropped[s.Region] = true
			continue
		case s.Issued():
			issued++
		case attempts == mostAttempts:
			n.cut[s.Region] = true
			continue
		default:
			attempts++
		}
		sorted[kept] = s
		kept++
	}
	clear(sorted[kept:])
	n.sessions = sorted[:kept]
}
