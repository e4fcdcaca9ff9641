package record

import (
	"time"

	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
)

// What an event keeps of CloudTrail.
const (
	// MaxSuspects is how many sessions a check names as unusual by themselves.
	MaxSuspects = 40
	// MaxServices and MaxPersistence bound what is kept of one session.
	MaxServices    = 12
	MaxHome        = 3
	MaxPersistence = 20
	// MaxLinks is how many roles of the chain are kept and shown, each with its button: Slack allows
	// 50 blocks in a message.
	MaxLinks = 15
	// MaxLinkServices and MaxLinkPersistence bound what is kept of what a role's sessions did in turn.
	MaxLinkServices    = 5
	MaxLinkPersistence = 3
	// MaxCalls is how many calls, and how many sessions, a verdict keeps to show for itself.
	MaxCalls = 20
	// MaxReasons is how many sentences a verdict keeps.
	MaxReasons = 12
	// MaxToDo is how many calls that created persistence, and how many roles, a verdict says what
	// to do about.
	MaxToDo = 8
)

// MaxUsers is how many callers Users names.
const MaxUsers = 20

// Users is the Detail of an EventUsers: who had live sessions of the role when approval was asked
// for.
type Users struct {
	Since   time.Time              `json:"since"`
	Until   time.Time              `json:"until"`             // AWS's clock at the last answer
	Callers []User                 `json:"callers,omitempty"` // unusual ones first, then the latest first
	More    int                    `json:"more,omitempty"`    // callers that are left out
	Regions []trail.RegionCoverage `json:"regions,omitempty"`
	Failed  string                 `json:"failed,omitempty"`  // why it is not known, a sentence
	Preview *Preview               `json:"preview,omitempty"` // of a measure that denies some calls
}

// MaxDenied is how many callers a Preview names.
const MaxDenied = 5

// Preview is what a measure would have denied since Users.Since, as far as was asked.
type Preview struct {
	Calls   int      `json:"calls"`
	Denied  int      `json:"denied"`
	Unknown int      `json:"unknown,omitempty"` // calls of which it is not known
	By      []Denied `json:"by,omitempty"`      // most first
	Left    int      `json:"left,omitempty"`    // sessions that were not asked about
	Partly  bool     `json:"partly,omitempty"`  // not all calls of the others could be read
	Failed  string   `json:"failed,omitempty"`  // why it is not known, a sentence
}

// Denied is how many calls of a caller would have been denied. Its text comes from outside.
type Denied struct {
	Caller string `json:"caller"`
	Calls  int    `json:"calls"`
}

// User is a caller with live sessions. Its text comes from outside.
type User struct {
	Caller   string    `json:"caller"`
	Sessions int       `json:"sessions"`
	Opened   time.Time `json:"opened"`             // the newest of them
	LastCall time.Time `json:"last_call,omitzero"` // in the newest; zero: none was seen, or it was not asked
	// the caller or its address is first seen in the window, or its key was typed
	Unusual bool `json:"unusual,omitempty"`
}

// Looking is the Detail of an EventLooking: a check of CloudTrail is under way.
type Looking struct {
	Look int `json:"look"` // 0: the first check; then 1, 2, …
	Done int `json:"done"` // regions that have answered, or failed to
	All  int `json:"all"`
}

// Evidence is the Detail of an EventEvidence: what CloudTrail told at one moment about who assumed
// the role.
type Evidence struct {
	Since    time.Time              `json:"since"`
	Until    time.Time              `json:"until"`
	Cutoff   time.Time              `json:"cutoff,omitzero"`
	LeftOut  int                    `json:"left_out,omitempty"` // sessions that this look found and the log does not keep
	Suspects []Suspect              `json:"suspects,omitempty"` // of all sessions until now, at most MaxSuspects
	Regions  []trail.RegionCoverage `json:"regions,omitempty"`  // every region that was asked
	Past     []trail.Past           `json:"past,omitempty"`     // of callers, that no earlier check had found out
	FollowUp int                    `json:"follow_up"`          // 0: the first check; then 1, 2, …
	Last     bool                   `json:"last,omitempty"`     // no further check is planned
	Failed   string                 `json:"failed,omitempty"`   // a sentence, when nothing could be asked at all
}

// Sessions is the Detail of an EventSessions: what a check found that no earlier one had, newest
// first; in several events where one is too small for it.
type Sessions struct {
	Look int       `json:"look"`
	Rows []Session `json:"rows"`
}

// Session is a session that was issued for the role, or an attempt to get one, as package trail
// read it. All its texts come from outside, and are cut to what Trim allows.
type Session struct {
	trail.Session
	Role string `json:"role,omitempty"` // in a Conclusion: the name of the role that it is of, where that is another one
}

// Suspect is a session that is looked into by itself, and why.
type Suspect struct {
	EventID string `json:"event_id"`
	Address bool   `json:"address,omitempty"` // its address is seen nowhere else in the window
	Caller  bool   `json:"caller,omitempty"`  // nor is its caller
	New     bool   `json:"new,omitempty"`     // others used the role in the 90 days before the window, not its caller
	Leaked  bool   `json:"leaked,omitempty"`  // the request was asked for by its access key

	// From are the addresses from which its key was used and where it was not opened. Gather adds them
	// from what the session did; they are in no Evidence.
	From []string `json:"used_from,omitempty"`
}

// Chosen is the Detail of an EventChosen: a person chose a session from the menu.
type Chosen struct {
	Mark string `json:"mark"` // as in the menu
}

// Vouched is the Detail of an EventVouched: a person said that a caller is theirs.
type Vouched struct {
	CallerID string    `json:"caller_id"` // as Session.CallerIdentity
	Caller   string    `json:"caller"`    // in words
	By       string    `json:"-"`         // who said so, and when: set by Gather
	At       time.Time `json:"-"`
}

// Activity is the Detail of an EventActivity: what calls were signed with the keys of sessions.
type Activity struct {
	Look int `json:"look"`
	// the mark of the session that a reader chose; empty when the bot looked by itself
	Chosen    string            `json:"chosen,omitempty"`
	Asked     string            `json:"asked,omitempty"`   // who chose it
	Session   *Session          `json:"session,omitempty"` // the one that was chosen
	Sessions  []SessionActivity `json:"sessions,omitempty"`
	NotRead   int               `json:"not_read,omitempty"` // sessions that matter and are beyond what is looked into
	Chain     []Link            `json:"chain,omitempty"`
	MoreLinks int               `json:"more_links,omitempty"` // roles beyond those in Chain
	// sessions of which nothing is asked again before the verdict, by Session.Mark: how many calls
	// they made
	Settled map[string]int `json:"settled,omitempty"`
	Partly  string         `json:"partly,omitempty"` // why not everything could be read, a sentence
	Failed  string         `json:"failed,omitempty"` // why nothing could be read, a sentence
}

// SessionActivity is what one session did.
type SessionActivity struct {
	EventID  string    `json:"event_id"` // of the session
	Calls    int       `json:"calls"`
	Denied   int       `json:"denied"`
	AfterCut time.Time `json:"first_denied,omitzero"` // the first denial after the cutoff
	// the first denial after the cutoff that names an explicit deny
	Refused time.Time `json:"refused,omitzero"`
	// the last call that was answered, before the cutoff or after it
	LastOK time.Time `json:"last_ok,omitzero"`
	// where its key was used and it was not opened, most used first
	Elsewhere []trail.Source     `json:"elsewhere,omitempty"`
	Home      []string           `json:"home,omitempty"` // the other addresses, at most MaxHome
	First     time.Time          `json:"first,omitzero"`
	Last      time.Time          `json:"last,omitzero"`
	Services  []trail.ServiceUse `json:"services,omitempty"` // most calls first, at most MaxServices
	Others    int                `json:"others,omitempty"`   // calls of services that are not in Services
	// calls that create persistence, oldest first, at most MaxPersistence
	Persistence     []Call `json:"persistence,omitempty"`
	MorePersistence int    `json:"more_doors,omitempty"`
	Partly          bool   `json:"partly,omitempty"` // only the newest calls were read, or not every region

	// Where only the newest calls were read: whether those that create persistence most often were
	// looked up by name from before them, and of which names there was more than was read.
	Named    bool     `json:"named,omitempty"`
	NamesCut []string `json:"names_cut,omitempty"`
}

// Call is a call that matters by itself, as package trail read it. All its texts come from outside.
type Call struct {
	trail.Call
	Session string `json:"session,omitempty"` // the end of the key that signed it
}

// Link is a role that a session of the chain assumed.
type Link struct {
	Depth       int       `json:"depth"` // 1: by a session of the request's own role
	From        string    `json:"from"`  // the name of the role whose session assumed it
	FromSession string    `json:"from_session,omitempty"`
	RoleARN     string    `json:"role_arn"`
	RoleName    string    `json:"role_name"`
	AccountID   string    `json:"account_id"`
	Account     string    `json:"account,omitempty"` // the configured name; empty when the account is not configured
	Sessions    int       `json:"sessions"`
	First       time.Time `json:"first,omitzero"`
	Last        time.Time `json:"last,omitzero"`
	Loop        bool      `json:"loop,omitempty"`   // a role that is in the chain above already
	Revoked     time.Time `json:"revoked,omitzero"` // the cutoff of another request for it that is in force

	// What these sessions did, all of them together. Looked is false when their account is not
	// configured.
	Looked      bool               `json:"looked,omitempty"`
	Partly      bool               `json:"partly,omitempty"`
	Calls       int                `json:"calls,omitempty"`
	Denied      int                `json:"denied,omitempty"`
	LastOK      time.Time          `json:"last_ok,omitzero"` // the last call that was answered
	Expires     time.Time          `json:"expires,omitzero"` // of the one that lasts longest
	Services    []trail.ServiceUse `json:"services,omitempty"`
	Persistence []Call             `json:"persistence,omitempty"` // at most MaxLinkPersistence, oldest first
}

// Word is what the checks come to in the end. The zero value is that nothing was concluded yet.
type Word = trail.Containment

// The words.
const (
	WordContained         = trail.Contained
	WordNotContained      = trail.NotContained
	WordUnknown           = trail.ContainmentUnknown
	WordSuperseded   Word = "superseded" // by a later request, which has the verdict
)

// Conclusion is the Detail of an EventVerdict.
type Conclusion struct {
	Word     Word      `json:"word"`
	Why      []string  `json:"why,omitempty"`   // sentences, with text from outside quoted in them
	Where    string    `json:"where,omitempty"` // which regions it speaks of, and until when
	Next     time.Time `json:"next,omitzero"`   // when CloudTrail is asked again; zero for never
	Calls    []Call    `json:"calls,omitempty"`
	Sessions []Session `json:"sessions,omitempty"` // opened after the cutoff by callers that were suspicious before
	// that sessions that were unusual opened, whatever the word, at most MaxToDo
	Persistence []Call `json:"persistence,omitempty"`
	// that are held and that nothing here stops, at most MaxToDo; without what they did
	Roles []Link `json:"roles,omitempty"`
	// it is unknown for no other reason than that no old session made a call after the cutoff
	Silent bool `json:"silent,omitempty"`
	// what the role's own documents let an attacker do
	Harden []role.Weakness `json:"harden,omitempty"`
}
