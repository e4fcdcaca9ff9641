package trail

import (
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
		SessionContext   struct {
			SourceIdentity string
			SessionIssuer  struct {
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
	EventTime         string
	EventSource       string
	EventName         string
	AWSRegion         string `json:"awsRegion"`
	SourceIPAddress   string
	UserAgent         string
	EventID           string `json:"eventID"`
	SharedEventID     string `json:"sharedEventID"`
	ErrorCode         string
	ErrorMessage      string
	RequestParameters requestRecord
	ResponseElements  struct {
		Credentials struct {
			AccessKeyID string `json:"accessKeyId"`
			Expiration  string
		}
		AssumedRoleUser struct {
			ARN           string `json:"arn"`
			AssumedRoleID string `json:"assumedRoleId"`
		}
		SourceIdentity string
		AccessKey      struct { // of CreateAccessKey; the secret is never in an event
			AccessKeyID string `json:"accessKeyId"`
		}
	}
	Resources []struct {
		Type string
		ARN  string `json:"ARN"`
	}
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
	FunctionName    string
	SecretID        string `json:"secretId"`
	KeyID           string `json:"keyId"`
	GrantPrincipal  string `json:"granteePrincipal"`
	TrailName       string
	DetectorID      string `json:"detectorId"`
	Target          string
	InstanceID      string   `json:"instanceId"`
	InstanceIDs     []string `json:"instanceIds"`
	BucketName      string
	URL             string `json:"url"`
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

// service is the service of a call without its domain: iam.
func (r record) service(in types.Event) string {
	source := cmp.Or(r.EventSource, awssdk.ToString(in.EventSource))
	name, _, _ := strings.Cut(source, ".amazonaws.com")
	return name
}

// decodeRecord reads the JSON of an event as far as that goes.
func decodeRecord(in types.Event) record {
	var r record
	err := json.Unmarshal([]byte(awssdk.ToString(in.CloudTrailEvent)), &r)
	if _, mistyped := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !mistyped {
		return record{} // not JSON at all; one member of another type leaves the others readable
	}
	return r
}

// eventTime is the event's time, which is the issue time of its session.
func eventTime(text string, envelope *time.Time) time.Time {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC().Truncate(time.Second)
	}
	return awssdk.ToTime(envelope).UTC().Truncate(time.Second)
}

// parseExpiration reads the end of a session in the text forms that are seen: "Feb 9, 2026, 9:57:03
// PM", and in older events without the second comma. Newer Java versions put a narrow no-break
// space before AM and PM.
func parseExpiration(text string) time.Time {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\u202f", " "), "\u00a0", " ")
	for _, layout := range []string{"Jan 2, 2006, 3:04:05 PM", "Jan 2, 2006 3:04:05 PM", time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// sessionOf returns the session's name from the ARN of an assumed-role session.
func sessionOf(text string) string {
	ref, err := aws.ParseARN(text)
	if err != nil || ref.Kind != "assumed-role" {
		return ""
	}
	_, session, _ := strings.Cut(ref.Rest, "/")
	return session
}
