package trail

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

// assuming are the events that open a session of a role that they name. CreateSession is that of
// IAM Roles Anywhere alone: other services have a call of that name, too. SwitchRole names the role
// by the new session's ARN and the opener in SwitchFrom (AWS Sign-In User Guide, "Logging").
var assuming = map[Kind]bool{
	KindAssumed: true, KindSAML: true, KindWebIdentity: true, KindRolesAnywhere: true, KindSwitch: true,
}

// derived describes credentials that a caller makes out of those they hold.
type derived struct {
	same  bool          // of the same role session, and found by its name and creation date
	token bool          // in place of the session: what becomes of it is in no record of the role
	lasts time.Duration // at most, where the event does not say it
}

// deriving are the events by which a caller makes credentials out of those they hold (IAM User
// Guide, "Logging IAM and AWS STS API calls"; AWS Sign-In User Guide, "Logging AWS Sign-In
// events"). Whether a revocation reaches the tokens is not documented, except that no AWS policy
// takes back one for outside services (GetWebIdentityToken, at most an hour;
// GetDelegatedAccessToken).
var deriving = map[Kind]derived{
	KindConsole: {same: true}, "CreateOAuth2Token": {same: true}, "GetScopedCredentials": {same: true},
	"CreateBearerToken": {true, true, longestSession}, "CreateOAuth2TokenWithIAM": {true, true, longestSession},
	"CreateOAuth2TokenWithTokenExchange": {true, true, longestSession}, KindDelegated: {true, true, longestSession},
	"GetWebIdentityToken": {true, true, time.Hour},
	KindRoot:              {}, KindFederation: {}, "GetSessionToken": {},
}

// decodeEvent reads one event as LookupEvents returns it. An event whose JSON cannot be read is
// read from the envelope around it, as far as that goes. It reports false for an event that gives
// no credentials: one of another name counts if there are credentials in its answer.
func decodeEvent(in types.Event, region string) (Session, bool) {
	return decodeSession(decodeRecord(in, region))
}

func decodeSession(r record) (Session, bool) {
	asked, answer := r.RequestParameters, r.ResponseElements
	s := Session{
		EventID:         r.EventID,
		SharedEventID:   r.SharedEventID,
		ExternalID:      asked.ExternalID,
		EventName:       r.EventName,
		Time:            r.at,
		Expires:         parseExpiration(answer.Credentials.Expiration),
		Duration:        seconds(string(asked.DurationSeconds)),
		Region:          r.AWSRegion,
		CallerType:      r.UserIdentity.Type,
		CallerARN:       r.UserIdentity.ARN,
		CallerAccessKey: r.UserIdentity.AccessKeyID,
		CallerBegan:     r.began(),
		CallerName:      cmp.Or(awssdk.ToString(r.in.Username), r.UserIdentity.UserName),
		SessionName:     asked.RoleSessionName,
		SourceIdentity: cmp.Or(asked.SourceIdentity, answer.SourceIdentity,
			r.UserIdentity.SessionContext.SourceIdentity),
		Tags:          tagsOf(asked),
		SourceAddress: r.SourceIPAddress,
		UserAgent:     r.UserAgent,
		AccessKeyID:   answer.Credentials.AccessKeyID,
		RoleARN:       asked.RoleARN,
		ErrorCode:     r.failure(),
		Denied:        isDenial(r.ErrorCode),
	}
	s.Kind = Kind(s.EventName)
	var callerID, callerName string
	s.CallerRole, callerID, callerName = r.role()
	id, name, _ := strings.Cut(answer.AssumedRoleUser.AssumedRoleID, ":")
	_, session := assumed(answer.AssumedRoleUser.ARN)
	s.RoleID, s.SessionName = id, cmp.Or(s.SessionName, session, name)
	how, isDerived := deriving[s.Kind]
	s.Derived, s.Token = isDerived, how.token
	switch {
	case isDerived && how.same:
		s.RoleARN, s.RoleID = s.CallerRole, callerID
		s.SessionName = cmp.Or(s.SessionName, callerName)
		if s.Expires.IsZero() && how.lasts > 0 {
			s.Expires = s.Time.Add(cmp.Or(s.Duration, how.lasts))
		}
	case isDerived:
		s.RoleARN, s.Target = "", cmp.Or(asked.TargetPrincipal, asked.Name)
	case s.Kind == KindSwitch:
		s.RoleARN, s.RoleID, s.SessionName = s.CallerRole, callerID, callerName
		s.CallerARN = r.AdditionalEventData.SwitchFrom
		s.CallerType, s.CallerAccessKey = "IAMUser", ""
		if s.CallerRole, _ = assumed(s.CallerARN); s.CallerRole != "" {
			s.CallerType = "AssumedRole"
		}
		s.CallerBegan = time.Time{}
	}
	s.fromResources(r)
	own := s.AccessKeyID != "" && s.AccessKeyID == s.CallerAccessKey
	if own {
		s.AccessKeyID = "" // what the call was signed with is not what it gave
	}
	if s.RoleARN == "" && !isDerived && s.ErrorCode != "" {
		s.RoleARN = roleInMessage(r.ErrorMessage)
	}
	if at := s.issued(); at.Sub(s.Time).Abs() <= time.Minute {
		s.Time = at
	}
	s.MFA = mfaOf(r, s)
	who := callerOf(r, s)
	s.CallerID, s.Caller = who.id, who.words
	known := assuming[s.Kind] && (s.Kind != KindRolesAnywhere || r.service() == "rolesanywhere")
	// GetSigninToken without a duration answers with the caller's own key.
	return s, known || isDerived && !(own && s.Kind == KindConsole) || s.AccessKeyID != ""
}

// issued is when STS issued a session, from its end and its length; the event's time where it does
// not say them. CloudTrail's eventTime is when the call was completed.
func (s Session) issued() time.Time {
	if s.Expires.IsZero() || s.Derived {
		return s.Time
	}
	return s.Expires.Add(-cmp.Or(s.Duration, time.Hour))
}

// tagsOf is the session's tags in words, sorted.
func tagsOf(asked requestRecord) string {
	var all []string
	for k, v := range asked.PrincipalTags {
		all = append(all, k+"="+string(v))
	}
	for _, t := range asked.Tags {
		all = append(all, t.Key+"="+t.Value)
	}
	slices.Sort(all)
	return clip(strings.Join(all, ", "), mostText)
}

// mostText bounds text of a record, which has up to 256 kB.
const mostText = 1024

// clip cuts a text.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// fromResources adds what only the lists of resources tell, in the record and around it.
func (s *Session) fromResources(r record) {
	role := func(arn string) {
		if !s.Derived {
			s.RoleARN = cmp.Or(s.RoleARN, arn)
		}
	}
	for _, resource := range r.Resources {
		if resource.Type == "AWS::IAM::Role" {
			role(resource.ARN)
		}
	}
	issues := assuming[s.Kind] || s.Derived
	for _, resource := range r.in.Resources {
		name := awssdk.ToString(resource.ResourceName)
		switch awssdk.ToString(resource.ResourceType) {
		case "AWS::IAM::AccessKey":
			if issues { // of IAM's own calls it is a user's key
				s.AccessKeyID = cmp.Or(s.AccessKeyID, name)
			}
		case "AWS::IAM::Role":
			role(name)
		}
	}
}

// messageRole finds the role in the message of a denied AssumeRole, which names it nowhere else:
// "User: … is not authorized to perform: sts:AssumeRole on resource:
// arn:aws:iam::111122223333:role/Deploy". What comes before it is partly the caller's choice, so
// the last one counts.
var messageRole = regexp.MustCompile(`on resource: (arn:aws(?:-[a-z]+)*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+)`)

func roleInMessage(message string) string {
	all := messageRole.FindAllStringSubmatch(message, -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1]
}

// denials are the codes by which services refuse for want of a permission; EC2 puts Client. before
// its own. Each of them may end with Exception.
var denials = map[string]bool{
	"AccessDenied": true, "UnauthorizedOperation": true, "NotAuthorized": true, "UnauthorizedAccess": true,
	"Unauthorized":       true,
	"AuthorizationError": true, "Forbidden": true, "AuthFailure": true, "KMSAccessDenied": true,
	"InsufficientPrivileges": true,
}

func isDenial(code string) bool {
	return denials[bare(code)]
}

// mfaOf says whether the caller had proven a second factor: with this call, or when its own session
// began.
func mfaOf(r record, s Session) MFA {
	switch said := r.UserIdentity.SessionContext.Attributes.MFAAuthenticated; {
	case s.Issued() && r.RequestParameters.SerialNumber != "" || said == "true":
		return MFAUsed
	case said == "false":
		return MFANone
	default:
		return MFAUnknown
	}
}

// seconds reads a number of seconds, as text or number; zero when it is none, or more than a
// session can last.
func seconds(text string) time.Duration {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > int((36*time.Hour)/time.Second) {
		return 0
	}
	return time.Duration(n) * time.Second
}
