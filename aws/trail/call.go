package trail

import (
	"cmp"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/revokebot/revokebot/aws/contain"
)

// Call is one call that was signed by a key. All text but Opens is foreign. Its JSON is what is
// kept of it.
type Call struct {
	EventID       string    `json:"event_id,omitempty"`
	Time          time.Time `json:"time"`
	Service       string    `json:"service"` // iam
	Name          string    `json:"name"`    // CreateAccessKey
	Region        string    `json:"region,omitempty"`
	SourceAddress string    `json:"address,omitempty"`
	ErrorCode     string    `json:"error_code,omitempty"` // "" for a success
	Times         int       `json:"times,omitempty"`      // in Activity.Persistence how often it was done, elsewhere 0
	Target        string    `json:"about,omitempty"`      // what it was about: "user backdoor"; "" not known
	Opens         string    `json:"opens,omitempty"`      // what an attacker gets by it, in words; "" nothing

	// What is used while a check lasts, and not kept.
	Made          string `json:"-"` // the access key that CreateAccessKey made, else ""
	UserAgent     string `json:"-"`
	Delegate      string `json:"-"` // the account that acts in the session by a temporary delegation, else ""
	Unread        bool   `json:"-"` // the event's record could not be read: whether it was a success is not known
	Unclear       bool   `json:"-"` // whether the measure denies it is not known
	Denied        bool   `json:"-"` // refused for want of a permission
	ExplicitDeny  string `json:"-"` // and by a policy of the role: the action
	DenyingPolicy string `json:"-"` // the ARN of that policy; empty: an inline one, as a revocation is
}

// dryRun is EC2's word for a call that it would have carried out (Amazon EC2 API Reference, "Error
// codes").
const dryRun = "DryRunOperation"

// decodeCall reads one event as a call. Whatever the event does not tell stays empty.
func decodeCall(r record) Call {
	c := Call{
		EventID:       r.EventID,
		Time:          r.at,
		Region:        r.AWSRegion,
		Service:       r.service(),
		Name:          r.EventName,
		ErrorCode:     r.failure(),
		Unread:        r.unread,
		Denied:        isDenial(r.ErrorCode),
		SourceAddress: r.SourceIPAddress,
		UserAgent:     r.UserAgent,
		Delegate:      r.UserIdentity.InvokedByDelegate.AccountID,
	}
	if c.Denied {
		c.ExplicitDeny, c.DenyingPolicy = deniedAction(r.ErrorMessage)
	}
	if c.Service == "iam" && c.Name == "CreateAccessKey" {
		c.Made = r.ResponseElements.AccessKey.AccessKeyID
	}
	c.Target = targetOf(r)
	c.Opens = persistenceOf(c.Service, c.Name)
	return c
}

// facts are what a measure has to know of a call from an address, besides whose session it was. An
// address behind an endpoint is as record.from writes it.
func facts(service, name, address string) contain.Call {
	from, _, endpoint := strings.Cut(address, " through ")
	return contain.Call{Service: service + ".amazonaws.com", Name: name, From: from, Endpoint: endpoint}
}

// succeeded reports whether the call went through.
func (c Call) succeeded() bool { return c.ErrorCode == "" && !c.Unread }

// persists reports whether a call that went through creates persistence, and does not only read
// secrets.
func (c Call) persists() bool {
	reads := strings.Contains(c.Name, "Get") && c.Service != "sts" && c.Service != "signin"
	return c.succeeded() && c.Opens != "" && !reads
}

// granting are the services whose calls say who has access.
var granting = map[string]bool{
	"iam": true, "sso": true, "identitystore": true, "organizations": true, "rolesanywhere": true,
}

// grants reports whether a successful call gave a principal access, which no deployment does as an
// ordinary thing.
func (c Call) grants() bool { return c.persists() && granting[c.Service] }

// proves reports whether the outcome says something about a policy: sts:GetCallerIdentity works
// under every one (STS API reference, "GetCallerIdentity").
func (c Call) proves() bool { return c.Service != "sts" || c.Name != "GetCallerIdentity" }

// targetOf says what a call was about, from the few parameters that are read.
func targetOf(r record) string {
	asked := r.RequestParameters
	var words []string
	for _, part := range []struct{ kind, name string }{
		{"user", asked.UserName},
		{"group", asked.GroupName},
		{"role", cmp.Or(asked.RoleName, asked.RoleARN)},
		{"policy", cmp.Or(asked.PolicyName, asked.PolicyARN)},
		{"function", asked.FunctionName},
		{"secret", asked.SecretID},
		{"key", asked.KeyID},
		{"for", asked.GrantPrincipal},
		{"bucket", asked.BucketName},
		{"trail", asked.TrailName},
		{"instance", cmp.Or(append([]string{asked.InstanceID, asked.Target}, asked.InstanceIDs...)...)},
		{"account", asked.TargetPrincipal},
		{"provider", asked.URL},
		{"name", asked.Name},
	} {
		if part.name != "" {
			words = append(words, part.kind+" "+part.name)
		}
	}
	if len(words) == 0 {
		for _, resource := range r.in.Resources {
			if name := awssdk.ToString(resource.ResourceName); name != "" && len(words) < 2 {
				words = append(words, name)
			}
		}
	}
	return clip(strings.Join(words, ", "), 200)
}
