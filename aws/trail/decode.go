package trail

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/revokebot/revokebot/aws"
)

// assuming are the events that open a session of a role that they name. CreateSession is that of
// IAM Roles Anywhere alone: other services have a call of that name, too.
var assuming = map[Kind]bool{KindAssumed: true, KindSAML: true, KindWebIdentity: true, KindRolesAnywhere: true}

// deriving are the events by which somebody makes credentials out of those they hold, and whether
// these are of the same role session (IAM User Guide, "Logging IAM and AWS STS API calls"; AWS
// Sign-In User Guide, "Logging AWS Sign-In events").
var deriving = map[Kind]bool{
	KindConsole: true, KindSwitch: true, KindLogin: true, KindRoot: false, KindFederation: false, KindSessionToken: false,
}

// decodeEvent reads one event as LookupEvents returns it. An event whose JSON cannot be read is
// read from the envelope around it, as far as that goes. It reports false for an event that gives
// no credentials: one of another name counts if there are credentials in its answer.
func decodeEvent(in types.Event, region string) (Session, bool) {
	return decodeSession(decodeRecord(in), in, region)
}

func decodeSession(r record, in types.Event, region string) (Session, bool) {
	asked, issuer := r.RequestParameters, r.UserIdentity.SessionContext.SessionIssuer
	s := Session{
		EventID:         cmp.Or(r.EventID, awssdk.ToString(in.EventId)),
		SharedEventID:   r.SharedEventID,
		EventName:       cmp.Or(r.EventName, awssdk.ToString(in.EventName)),
		Time:            eventTime(r.EventTime, in.EventTime),
		Expires:         parseExpiration(r.ResponseElements.Credentials.Expiration),
		Duration:        seconds(string(asked.DurationSeconds)),
		Region:          cmp.Or(r.AWSRegion, region),
		CallerType:      r.UserIdentity.Type,
		CallerARN:       r.UserIdentity.ARN,
		CallerAccount:   r.UserIdentity.AccountID,
		CallerAccessKey: cmp.Or(r.UserIdentity.AccessKeyID, awssdk.ToString(in.AccessKeyId)),
		SessionName:     asked.RoleSessionName,
		SourceIdentity: cmp.Or(asked.SourceIdentity, r.ResponseElements.SourceIdentity,
			r.UserIdentity.SessionContext.SourceIdentity),
		ExternalID:    asked.ExternalID,
		SourceAddress: r.SourceIPAddress,
		UserAgent:     r.UserAgent,
		AccessKeyID:   r.ResponseElements.Credentials.AccessKeyID,
		RoleARN:       asked.RoleARN,
		ErrorCode:     r.ErrorCode,
		Denied:        isDenial(r.ErrorCode),
	}
	s.Kind = Kind(s.EventName)
	if issuer.Type == "" || issuer.Type == "Role" {
		s.CallerRole = issuer.ARN
	}
	s.RoleID, _, _ = strings.Cut(r.ResponseElements.AssumedRoleUser.AssumedRoleID, ":")
	s.SessionName = cmp.Or(s.SessionName, sessionOf(r.ResponseElements.AssumedRoleUser.ARN))
	sameSession, derived := deriving[s.Kind]
	s.Derived = derived
	switch {
	case derived && sameSession:
		s.RoleARN, s.RoleID = s.CallerRole, issuer.PrincipalID
		s.SessionName = cmp.Or(s.SessionName, sessionOf(s.CallerARN))
	case derived:
		s.RoleARN, s.Target = "", cmp.Or(asked.TargetPrincipal, asked.Name)
	}
	s.fromResources(r, in)
	if s.AccessKeyID == s.CallerAccessKey {
		s.AccessKeyID = "" // what the call was signed with is not what it gave
	}
	if s.RoleARN == "" && !derived && s.ErrorCode != "" {
		s.RoleARN = roleInMessage(r.ErrorMessage)
	}
	s.MFA = mfaOf(r, s)
	s.CallerID = callerID(r, s, awssdk.ToString(in.Username))
	s.Caller = callerWords(r, s, awssdk.ToString(in.Username))
	known := assuming[s.Kind] && (s.Kind != KindRolesAnywhere || r.service(in) == "rolesanywhere")
	return s, known || derived || s.AccessKeyID != ""
}

// fromResources adds what only the lists of resources tell, in the record and around it.
func (s *Session) fromResources(r record, in types.Event) {
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
	for _, resource := range in.Resources {
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

// callerID is a mark of who called that is the same for every session they open, whatever its name.
// Of a role session that is the role, with the person where the name of the session or the source
// identity vouches for one: of Identity Center's roles AWS gives the name, of others the caller
// does.
func callerID(r record, s Session, userName string) string {
	who := r.UserIdentity
	unique, session, _ := strings.Cut(who.PrincipalID, ":")
	switch who.Type {
	case "AWSService":
		if who.InvokedBy == "lambda.amazonaws.com" {
			return "service " + who.InvokedBy + " " + s.SessionName
		}
		return "service " + cmp.Or(who.InvokedBy, nameless)
	case "IAMUser":
		return "principal " + cmp.Or(unique, who.ARN, who.UserName, nameless)
	case "AssumedRole", "AWSAccount":
		id := "principal " + cmp.Or(unique, who.ARN, who.AccountID, nameless)
		if ref, err := aws.ParseARN(who.ARN); err == nil && strings.HasPrefix(ref.Rest, aws.IdentityCenterPrefix) {
			return id + " " + session
		}
		if person := who.SessionContext.SourceIdentity; person != "" {
			return id + " " + person
		}
		return id
	case "Root":
		return "root " + cmp.Or(who.AccountID, nameless)
	case "SAMLUser":
		return "saml " + cmp.Or(r.RequestParameters.PrincipalARN, who.IdentityProvider) + " " +
			cmp.Or(who.UserName, who.PrincipalID, nameless)
	case "WebIdentityUser":
		return "web " + webIdentityWords(cmp.Or(who.UserName, userName, who.PrincipalID, nameless), who.IdentityProvider)
	default:
		return strings.TrimSpace(who.Type + " " + cmp.Or(who.ARN, who.PrincipalID, who.UserName, who.InvokedBy, userName,
			nameless))
	}
}
