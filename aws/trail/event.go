package trail

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/revokebot/revokebot/aws"
)

// record is what is read of an event's JSON (AWS CloudTrail User Guide, "CloudTrail record
// contents"; IAM User Guide, "Logging IAM and AWS STS API calls"). It is a list of what is allowed
// in: responseElements.credentials.sessionToken is not on it, so it is never decoded.
type record struct {
	UserIdentity struct {
		Type             string
		PrincipalID      string `json:"principalId"`
		ARN              string `json:"arn"`
		AccountID        string `json:"accountId"`
		AccessKeyID      string `json:"accessKeyId"`
		UserName         string
		InvokedBy        string
		IdentityProvider string
		// The account that acts in the session by a temporary delegation.
		InvokedByDelegate struct {
			AccountID string `json:"accountId"`
		}
		SessionContext struct {
			SourceIdentity   string
			SignInSessionARN string `json:"signInSessionArn"`
			SessionIssuer    struct {
				Type        string
				PrincipalID string `json:"principalId"`
				ARN         string `json:"arn"`
			}
			Attributes struct {
				CreationDate     string
				MFAAuthenticated looseText `json:"mfaAuthenticated"`
			}
		}
	}
	EventTime            string
	EventSource          string
	EventName            string
	AWSRegion            string `json:"awsRegion"`
	SourceIPAddress      string
	UserAgent            string
	EventID              string `json:"eventID"`
	SharedEventID        string `json:"sharedEventID"`
	RecipientAccountID   string `json:"recipientAccountId"`
	EventCategory        string
	VPCEndpointID        string `json:"vpcEndpointId"`
	VPCEndpointAccountID string `json:"vpcEndpointAccountId"`
	ErrorCode            string
	ErrorMessage         string
	AdditionalEventData  struct {
		Success    looseText
		SwitchFrom string
	}
	RequestParameters requestRecord
	ResponseElements  responseRecord
	Resources         []struct {
		Type string
		ARN  string `json:"ARN"`
	}

	in     types.Event // the envelope
	at     time.Time   // the event's time
	unread bool        // the record could not be read
}

// issued is what an answer says of the credentials that it gives.
type issued struct {
	Credentials struct {
		AccessKeyID string `json:"accessKeyId"`
		Expiration  string
	}
	AssumedRoleUser struct {
		ARN           string `json:"arn"`
		AssumedRoleID string `json:"assumedRoleId"`
	}
	SourceIdentity string
}

// responseRecord is what is read of an answer, of whatever call.
type responseRecord struct {
	issued
	Provider      string   // of a web identity
	CredentialSet []issued // of IAM Roles Anywhere
	AccessKey     struct { // of CreateAccessKey; the secret is never in an event
		AccessKeyID string `json:"accessKeyId"`
	}
	failure bool // the answer says so itself, as {"ConsoleLogin": "Failure"}
}

// UnmarshalJSON reads what is allowed in, and whether a member of the answer is "Failure" ("other
// services provide error information as part of responseElements", AWS CloudTrail User Guide).
func (r *responseRecord) UnmarshalJSON(raw []byte) error {
	type plain responseRecord
	_ = json.Unmarshal(raw, (*plain)(r)) // one member of another type leaves the others readable
	var members map[string]looseText
	if json.Unmarshal(raw, &members) == nil {
		for _, m := range members {
			r.failure = r.failure || m == "Failure"
		}
	}
	if len(r.CredentialSet) > 0 {
		r.issued = r.CredentialSet[0]
	}
	return nil
}

// requestRecord is what is read of a request's parameters, of whatever call.
type requestRecord struct {
	RoleARN         string `json:"roleArn"`
	RoleSessionName string
	SourceIdentity  string
	ExternalID      string `json:"externalId"`
	SerialNumber    string
	DurationSeconds looseText
	PrincipalARN    string `json:"principalArn"`
	TargetPrincipal string
	Name            string
	UserName        string
	GroupName       string
	RoleName        string
	PolicyName      string
	PolicyARN       string `json:"policyArn"`
	PolicyDocument  string
	AccessKeyID     string `json:"accessKeyId"`
	Status          string
	FunctionName    string
	SecretID        string `json:"secretId"`
	KeyID           string `json:"keyId"`
	GrantPrincipal  string `json:"granteePrincipal"`
	TrailName       string
	LogGroupName    string
	Target          string
	InstanceID      string   `json:"instanceId"`
	InstanceIDs     []string `json:"instanceIds"`
	BucketName      string
	URL             string                        `json:"url"`
	PrincipalTags   map[string]looseText          // of SAML and web identity
	Tags            []struct{ Key, Value string } // of AssumeRole
	says            bool                          // a member is "Failure": the caller's own word, which an answer repeats
}

// UnmarshalJSON reads what is allowed in.
func (r *requestRecord) UnmarshalJSON(raw []byte) error {
	type plain requestRecord
	_ = json.Unmarshal(raw, (*plain)(r))
	r.says = bytes.Contains(raw, []byte(`"Failure"`))
	return nil
}

// looseText reads what is a text in some events and a number or a truth value in others. Anything
// else is empty.
type looseText string

// UnmarshalJSON never fails: what has another shape is not read.
func (t *looseText) UnmarshalJSON(raw []byte) error {
	var text string
	switch {
	case json.Unmarshal(raw, &text) == nil:
		*t = looseText(text)
	case len(raw) > 0 && raw[0] != '{' && raw[0] != '[' && string(raw) != "null":
		*t = looseText(raw)
	}
	return nil
}

// service is the service of a call without its domain, which every partition spells in its own way:
// iam. It has at most 40 bytes.
func (r record) service() string {
	name, _, _ := strings.Cut(r.EventSource, ".")
	return clip(name, 40)
}

// decodeRecord reads the JSON of an event as far as that goes, and the envelope around it for what
// the record lacks.
func decodeRecord(in types.Event, region string) record {
	var r record
	err := json.Unmarshal([]byte(awssdk.ToString(in.CloudTrailEvent)), &r)
	if _, mistyped := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !mistyped {
		r = record{} // not JSON at all; one member of another type leaves the others readable
	}
	r.in, r.unread = in, r.EventName == ""
	r.EventID = cmp.Or(r.EventID, awssdk.ToString(in.EventId))
	r.EventName = cmp.Or(r.EventName, awssdk.ToString(in.EventName))
	r.EventSource = cmp.Or(r.EventSource, awssdk.ToString(in.EventSource))
	r.AWSRegion, r.SourceIPAddress = cmp.Or(r.AWSRegion, region), r.from()
	r.UserAgent = clip(r.UserAgent, mostText)
	key := &r.UserIdentity.AccessKeyID
	*key = cmp.Or(*key, awssdk.ToString(in.AccessKeyId))
	if r.at = parsed(r.EventTime, time.RFC3339); r.at.IsZero() {
		r.at = awssdk.ToTime(in.EventTime).UTC().Truncate(time.Second)
	}
	return r
}

// failure is why a call failed, "" for one that went through. EC2 answers a dry run that it would
// have carried out with DryRunOperation (Amazon EC2 API Reference, "Error codes").
func (r record) failure() string {
	switch {
	case strings.HasSuffix(r.ErrorCode, dryRun):
		return ""
	case r.ErrorCode == "" && (r.ErrorMessage != "" || r.AdditionalEventData.Success == "false" ||
		r.ResponseElements.failure && !r.RequestParameters.says):
		return "Failure"
	default:
		return r.ErrorCode
	}
}

// began is when the session that called was issued, which is its aws:TokenIssueTime; zero where the
// event does not say it. Both forms are documented (AWS CloudTrail User Guide, "CloudTrail
// userIdentity element").
func (r record) began() time.Time {
	return parsed(r.UserIdentity.SessionContext.Attributes.CreationDate, time.RFC3339, "20060102T150405Z")
}

// parsed is a moment in one of some layouts, in whole seconds; zero if it is in none.
func parsed(text string, layouts ...string) time.Time {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC().Truncate(time.Second)
		}
	}
	return time.Time{}
}

// from is where a call came from. Through a VPC endpoint of the account, or of one that the record
// does not name, that is the endpoint too: such an address says nothing about the holder.
func (r record) from() string {
	if own := r.VPCEndpointAccountID; r.VPCEndpointID != "" &&
		(own == "" || own == r.RecipientAccountID || own == r.UserIdentity.AccountID) {
		return strings.TrimSpace(r.SourceIPAddress + " through " + r.VPCEndpointID)
	}
	return r.SourceIPAddress
}

// role is the role of the session that called and the session's name. SwitchRole names them by the
// session's ARN alone.
func (r record) role() (arn, id, name string) {
	issuer := r.UserIdentity.SessionContext.SessionIssuer
	id, name, _ = strings.Cut(r.UserIdentity.PrincipalID, ":")
	role, session := assumed(r.UserIdentity.ARN)
	name = cmp.Or(name, session)
	switch {
	case issuer.ARN != "" && (issuer.Type == "" || issuer.Type == "Role"):
		return issuer.ARN, cmp.Or(issuer.PrincipalID, id), name
	case r.UserIdentity.Type == "AssumedRole":
		return role, id, name
	default:
		return "", "", ""
	}
}

// assumed is what a session's ARN tells: the ARN of the role without the path, and the session's
// name.
func assumed(arn string) (role, session string) {
	ref, err := aws.ParseARN(arn)
	if err != nil || ref.Kind != "assumed-role" {
		return "", ""
	}
	name, session, _ := strings.Cut(ref.Rest, "/")
	return aws.RoleARN(ref.Partition, ref.Account, "/", name), session
}

// sameRole compares roles by account and name, which is unique in the account whatever the path.
func sameRole(a, b string) bool {
	x, errX := aws.ParseARN(a)
	y, errY := aws.ParseARN(b)
	return errX == nil && errY == nil && x.Account == y.Account && strings.EqualFold(aws.NameOf(a), aws.NameOf(b))
}

// parseExpiration reads the end of a session in the text forms that are seen: "Feb 9, 2026, 9:57:03
// PM", and in older events without the second comma. Newer Java versions put a narrow no-break
// space before AM and PM.
func parseExpiration(text string) time.Time {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\u202f", " "), "\u00a0", " ")
	return parsed(text, "Jan 2, 2006, 3:04:05 PM", "Jan 2, 2006 3:04:05 PM", time.RFC3339)
}
