package aws

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

// record is what is read of an event's JSON (AWS CloudTrail User Guide, "CloudTrail record contents"; IAM User Guide,
// "Logging IAM and AWS STS API calls"). It is a list of what is allowed in: responseElements.credentials.sessionToken
// is not on it, so it is never decoded.
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
		SessionContext   struct{ SourceIdentity string }
	}
	EventTime         string
	EventName         string
	AWSRegion         string `json:"awsRegion"`
	SourceIPAddress   string
	UserAgent         string
	EventID           string `json:"eventID"`
	SharedEventID     string `json:"sharedEventID"`
	ErrorCode         string
	RequestParameters struct {
		RoleARN         string `json:"roleArn"`
		RoleSessionName string
		SourceIdentity  string
		PrincipalARN    string `json:"principalArn"`
		RoleName        string
		PolicyName      string
		PolicyDocument  string
	}
	ResponseElements struct {
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
	Resources []struct {
		Type string
		ARN  string `json:"ARN"`
	}
}

// issues are the events that open a session of a role.
var issues = map[string]bool{"AssumeRole": true, "AssumeRoleWithSAML": true, "AssumeRoleWithWebIdentity": true}

// decodeEvent reads one event as LookupEvents returns it. An event whose JSON cannot be read is read from the envelope
// around it, as far as that goes. It reports false for an event that opens no session.
func decodeEvent(in types.Event, region string) (Session, bool) {
	r := decodeRecord(in)
	s := Session{
		EventID:         first(r.EventID, awssdk.ToString(in.EventId)),
		SharedEventID:   r.SharedEventID,
		EventName:       first(r.EventName, awssdk.ToString(in.EventName)),
		Time:            eventTime(r.EventTime, in.EventTime),
		Expires:         parseExpiration(r.ResponseElements.Credentials.Expiration),
		Region:          first(r.AWSRegion, region),
		CallerType:      r.UserIdentity.Type,
		CallerARN:       r.UserIdentity.ARN,
		CallerAccount:   r.UserIdentity.AccountID,
		CallerAccessKey: first(r.UserIdentity.AccessKeyID, awssdk.ToString(in.AccessKeyId)),
		SessionName:     r.RequestParameters.RoleSessionName,
		SourceIdentity:  first(r.RequestParameters.SourceIdentity, r.ResponseElements.SourceIdentity),
		SourceAddress:   r.SourceIPAddress,
		UserAgent:       r.UserAgent,
		AccessKeyID:     r.ResponseElements.Credentials.AccessKeyID,
		RoleARN:         r.RequestParameters.RoleARN,
		ErrorCode:       r.ErrorCode,
		Kind:            Kind(first(r.EventName, awssdk.ToString(in.EventName))),
		Denied:          r.ErrorCode != "",
	}
	s.RoleID, _, _ = strings.Cut(r.ResponseElements.AssumedRoleUser.AssumedRoleID, ":")
	for _, resource := range r.Resources {
		if resource.Type == "AWS::IAM::Role" {
			s.RoleARN = first(s.RoleARN, resource.ARN)
		}
	}
	for _, resource := range in.Resources {
		name := awssdk.ToString(resource.ResourceName)
		switch awssdk.ToString(resource.ResourceType) {
		case "AWS::IAM::AccessKey":
			s.AccessKeyID = first(s.AccessKeyID, name)
		case "AWS::IAM::Role":
			s.RoleARN = first(s.RoleARN, name)
		}
	}
	s.SessionName = first(s.SessionName, sessionOf(r.ResponseElements.AssumedRoleUser.ARN))
	s.CallerID = first(r.UserIdentity.ARN, r.UserIdentity.PrincipalID, r.UserIdentity.InvokedBy, nameless)
	s.Caller = callerWords(r, s, awssdk.ToString(in.Username))
	return s, issues[s.EventName]
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

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// eventTime is the event's time, which is the issue time of its session.
func eventTime(text string, envelope *time.Time) time.Time {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC()
	}
	return awssdk.ToTime(envelope).UTC()
}

// parseExpiration reads the end of a session in the text forms that are seen: "Feb 9, 2026, 9:57:03 PM", and in older
// events without the second comma. Newer Java versions put a narrow no-break space before AM and PM.
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
	ref, err := parseARN(text)
	if err != nil || ref.kind != "assumed-role" {
		return ""
	}
	_, session, _ := strings.Cut(ref.rest, "/")
	return session
}
