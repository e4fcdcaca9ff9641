package aws

import "time"

// Role is what IAM says about a role. All text but AccountName, AccountID and Partition is foreign.
type Role struct {
	AccountName, AccountID, Partition string
	Name, Path, ARN                   string
	ID                                string // the unique id, AROA…: another role of the same name has another one
	Description                       string
	Created                           time.Time
	LastUsed                          time.Time // zero when IAM knows of no use (it looks back 400 days)
	LastUsedRegion                    string
	MaxSession                        time.Duration // does not bound sessions that AWS services open
	Trust                             []Principal   // who may assume it
	TrustDigest                       string        // of the trust policy, the same for the same JSON, in hex
	ServerTime                        time.Time     // AWS's clock at the answer, whole seconds; zero when it gave none
}

// Principal is one who may assume a role, as the trust policy puts it.
type Principal struct {
	Kind        string // one of the Principal… values
	Words       string // "the service ec2.amazonaws.com", "user alice in 777788889999": plain text, foreign
	Conditional bool   // only under a condition
}
