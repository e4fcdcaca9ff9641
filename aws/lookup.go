package aws

import "time"

// LookupQuery asks for the sessions of one role.
type LookupQuery struct {
	AccountName  string
	RoleARN      string    // with the path
	Since, Until time.Time // the window; zero means CloudTrail's own limit of 90 days, and now
	Cutoff       time.Time // for Session.Relation; zero when there is none
	Limit        int       // most sessions to return and to read in each region; 0 means 200
}

// Report is what CloudTrail answered, region by region. No session in it does not mean that there was none:
// CloudTrail is minutes late, and a region may not be covered.
type Report struct {
	Sessions     []Session // newest first
	Since, Until time.Time // as asked
	Regions      []RegionCoverage
	AskedAt      time.Time // AWS's clock at the last answer, whole seconds; zero when no region answered
}

// RegionCoverage says how much one region contributed.
type RegionCoverage struct {
	Region    string
	Covered   bool   // everything in the window was read, or everything up to the limit
	Events    int    // events read, those that issue no session included
	Reason    string // why it is not covered, plain text without AWS's words
	Err       error  // the cause, for the log
	Truncated bool   // there is more in the window than is reported
}

// Session is one AssumeRole, AssumeRoleWithSAML or AssumeRoleWithWebIdentity event of the role. All text is foreign.
type Session struct {
	EventID, SharedEventID, EventName         string
	Time, Expires                             time.Time // Expires is zero when the event does not say it
	Region                                    string
	Caller, CallerType                        string // in words ("user alice"); as CloudTrail calls it ("IAMUser")
	CallerARN, CallerAccount, CallerAccessKey string // "" where the event does not say it
	SessionName, SourceIdentity               string
	SourceAddress, UserAgent                  string
	AccessKeyID                               string // the issued key
	RoleARN, RoleID                           string
	ErrorCode                                 string // "" when a session was issued
	Relation                                  string // "before" or "after" the cutoff, "" when there is none
}
