package record

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
	SharedChannel  bool          `json:"shared_channel,omitempty"`
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
	Document     string    `json:"document,omitempty"` // what was written last, where that is not what was promised
	Unnamed      bool      `json:"unnamed,omitempty"`  // the session that wrote it could not name the people
	Seen         Seen      `json:"seen,omitempty"`     // what the look after the write found; the event after it has the details
	// RevivesUntil is until when sessions that this keeps out would come back to life without it, by the role as it was.
	RevivesUntil time.Time `json:"revives_until,omitzero"`
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
	Undo     bool      `json:"undo,omitempty"` // of a request that takes a deny away
	At       time.Time `json:"at,omitzero"`    // AWS's clock
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
