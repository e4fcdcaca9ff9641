package messages

import "time"

// Role is what the card shows of a role: the Facts of a request's subject, as they were when it was asked for.
type Role struct {
	Account        string        `json:"account"`
	AccountID      string        `json:"account_id"`
	Partition      string        `json:"partition"`
	Name           string        `json:"name"`
	ARN            string        `json:"arn"`
	ID             string        `json:"id"`
	Created        time.Time     `json:"created,omitzero"`
	LastUsed       time.Time     `json:"last_used,omitzero"`
	LastUsedRegion string        `json:"last_used_region,omitempty"`
	MaxSession     time.Duration `json:"max_session"`
	Trust          []Principal   `json:"trust"`
	TrustDigest    string        `json:"trust_digest"`
	Warnings       []string      `json:"warnings,omitempty"` // sentences of package aws, with foreign text quoted in them
}

// Principal is one who may assume the role, in words from the trust policy.
type Principal struct {
	Words       string `json:"words"`
	Conditional bool   `json:"conditional,omitempty"`
}

// Started is the Detail of an EventStarted: what is about to be written.
type Started struct {
	Cutoff     time.Time `json:"cutoff"`
	ServerTime time.Time `json:"server_time"`
	Previous   string    `json:"previous,omitempty"` // the policy document that was on the role
	Document   string    `json:"document"`
}

// Applied is the Detail of an EventApplied: AWS took the write.
type Applied struct {
	Cutoff       time.Time `json:"cutoff"`
	At           time.Time `json:"at,omitzero"` // AWS's clock
	AlreadyThere bool      `json:"already_there,omitempty"`
	Writes       int       `json:"writes,omitempty"`
	CallerARN    string    `json:"caller_arn,omitempty"`
	Unnamed      bool      `json:"unnamed,omitempty"` // the session that wrote it could not name the people
	Seen         Seen      `json:"seen,omitempty"`    // what the look after the write found; the event after it has the details
}

// Seen says what was found when a policy that was written was read again. The zero value is nothing.
type Seen string

// What a second look can find.
const (
	SeenEqual   Seen = "equal"   // the role has what was written
	SeenOther   Seen = "other"   // it has not
	SeenNothing Seen = "nothing" // it could not be read
)

// ReadBack is the Detail of an EventReadBack.
type ReadBack struct {
	Equal    bool      `json:"equal"`
	At       time.Time `json:"at,omitzero"` // AWS's clock
	Mismatch string    `json:"mismatch,omitempty"`
	Error    string    `json:"error,omitempty"` // a sentence: why it could not be read
}

// Failure is the Detail of EventFailed, EventVoided, EventDelayed and EventSetAside.
type Failure struct {
	Sentence string        `json:"sentence"` // what happened and what to do, made here or in package aws
	Unsure   bool          `json:"unsure,omitempty"`
	Retry    time.Duration `json:"retry,omitempty"` // EventDelayed: when it is tried again
	Work     string        `json:"work,omitempty"`  // EventSetAside: what kind of work
}

// Finding is the Detail of an EventFinding.
type Finding struct {
	Sentence string      `json:"sentence"`
	Trust    []Principal `json:"trust,omitempty"`  // who may assume the role now
	Urgent   bool        `json:"urgent,omitempty"` // the requester and the approvers are mentioned

	Changes []Change `json:"changes,omitempty"` // who changed the deny, newest first; not with the others
}

// Evidence is the Detail of an EventEvidence: what CloudTrail told at one moment.
type Evidence struct {
	Since    time.Time `json:"since"`
	Until    time.Time `json:"until"`
	Cutoff   time.Time `json:"cutoff,omitzero"`
	Rows     []Session `json:"rows"`             // newest first; of a follow-up only what is new
	Others   []string  `json:"others,omitempty"` // event ids of sessions that were found and left out of Rows
	Regions  []Region  `json:"regions"`          // every region that was asked
	Before   int       `json:"before"`           // sessions issued before the cutoff, Others included
	After    int       `json:"after"`            // at or after it
	Refused  int       `json:"refused"`          // attempts that issued nothing
	FollowUp int       `json:"follow_up"`        // 0: the first look; then 1, 2, …
	Last     bool      `json:"last,omitempty"`   // no further look is planned
	Failed   string    `json:"failed,omitempty"` // a sentence, when nothing could be asked at all
}

// Session is one session that was issued for the role.
type Session struct {
	EventID       string    `json:"event_id"`
	Time          time.Time `json:"time"`
	Caller        string    `json:"caller"`
	SessionName   string    `json:"session_name"`
	SourceAddress string    `json:"source_address"`
	Region        string    `json:"region"`
	ErrorCode     string    `json:"error_code,omitempty"`
	After         bool      `json:"after"` // issued at or after the cutoff
}

// Region is one region's part in an Evidence.
type Region struct {
	Name      string `json:"name"`
	Covered   bool   `json:"covered"`
	Reason    string `json:"reason,omitempty"`
	Truncated bool   `json:"truncated,omitempty"`
}
