package aws

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// event is one entry of CloudTrail's event history, as LookupEvents gives it.
type event struct {
	at        time.Time     // whole seconds
	delivered time.Time     // when LookupEvents first shows it; zero: after the delay of its region
	late      time.Duration // what comes on top of that delay
	id        string
	name      string
	source    string
	username  string
	keyID     string
	readOnly  bool
	data      bool // a data event, which only trails record
	put       bool // CloudTrail has none of it: somebody put it into the log groups
	resources []Resource
	record    string // the CloudTrailEvent, JSON
}

// Resource is an entry of an event's Resources list, which a look-up by ResourceName or
// ResourceType searches.
type Resource struct {
	Type string // such as "AWS::IAM::Role"
	Name string
}

// historyLength is how far back event history reaches (CloudTrail User Guide, "Working with
// CloudTrail event history").
const historyLength = 90 * 24 * time.Hour

// keptEvents bounds the history of an account and region, so that a long soak does not grow without
// end.
const keptEvents = 100_000

// add keeps an event in its place by time; events of the same second stay in the order in which
// they came. The caller holds the lock.
func (a *Account) add(region string, e *event) {
	trail := a.trails[region]
	if len(trail) >= keptEvents {
		trail = slices.Clone(trail[keptEvents/10:])
	}
	i := len(trail)
	for i > 0 && trail[i-1].at.After(e.at) {
		i--
	}
	a.trails[region] = slices.Insert(trail, i, e)
}

// RecordEvent keeps a CloudTrail record in the event history of a region. Members that every record
// has are filled in where the record lacks them (eventID, eventTime: now, awsRegion,
// recipientAccountId, eventVersion and so on); what LookupEvents shows beside the record is derived
// from it. The map itself is not changed.
func (a *Account) RecordEvent(region string, record map[string]any) error {
	return a.RecordLate(region, record, time.Time{})
}

// RecordLate is RecordEvent for an event that LookupEvents shows from a moment of AWS's clock on,
// whatever Config.TrailDelay is. The zero time means the usual delay.
func (a *Account) RecordLate(region string, record map[string]any, delivered time.Time) error {
	return a.record(region, record, event{delivered: delivered})
}

// PutLogEvent puts a record into the log groups of the account's trails at a moment, which
// CloudTrail knows nothing of: whoever may call logs:PutLogEvents can.
func (a *Account) PutLogEvent(region string, record map[string]any, at time.Time) error {
	return a.record(region, record, event{delivered: at, put: true})
}

func (a *Account) record(region string, record map[string]any, how event) error {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	r := map[string]any{
		"eventVersion": "1.11", "eventTime": a.server.now().Format(time.RFC3339), "awsRegion": region,
		"eventID": randomUUID(), "requestID": randomUUID(), "readOnly": true, "eventType": "AwsApiCall",
		"managementEvent": true, "recipientAccountId": a.id, "eventCategory": "Management",
		"requestParameters": nil, "responseElements": nil,
	}
	for k, v := range record {
		r[k] = v
	}
	e, err := eventOf(r)
	if err != nil {
		return err
	}
	e.delivered, e.put = how.delivered, how.put
	a.add(region, e)
	return nil
}

// hold is a span in which CloudTrail delivers nothing of a region.
type hold struct{ from, until time.Time }

// HoldTrail has CloudTrail deliver nothing of a region until a moment of AWS's clock. What it would
// have delivered by then comes at that moment.
func (a *Account) HoldTrail(region string, until time.Time) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	a.holds[region] = append(a.holds[region], hold{a.server.now(), until})
}

// shows reports whether LookupEvents shows an event of a region: management events alone. The
// caller holds the lock.
func (a *Account) shows(region string, e *event) bool {
	return !e.data && !e.put && !a.shownFrom(region, e).After(a.server.now())
}

// shownRecord is what eventOf reads of a record.
type shownRecord struct {
	UserIdentity struct {
		Type, PrincipalID, UserName, AccessKeyID string
	}
	EventTime         time.Time
	EventSource       string
	EventName         string
	EventID           string
	ReadOnly          bool
	ManagementEvent   *bool
	RequestParameters map[string]any
	ResponseElements  struct {
		Credentials     struct{ AccessKeyID string }
		AssumedRoleUser struct{ AssumedRoleID, ARN string }
		FederatedUser   struct{ FederatedUserID, ARN string }
		AccessKey       struct{ AccessKeyID string }
	}
	Resources []struct{ Type, ARN string }
}

// eventOf derives what LookupEvents shows beside a record.
func eventOf(record map[string]any) (*event, error) {
	text, err := json.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("record event: %w", err)
	}
	var r shownRecord
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("record event: %w", err)
	}
	if r.EventName == "" || r.EventSource == "" {
		return nil, fmt.Errorf("record event: eventName and eventSource are needed")
	}
	return &event{
		at: r.EventTime.UTC().Truncate(time.Second), id: r.EventID, name: r.EventName, source: r.EventSource,
		data:     r.ManagementEvent != nil && !*r.ManagementEvent,
		username: shownUser(r), keyID: r.UserIdentity.AccessKeyID, readOnly: r.ReadOnly, resources: shownResources(r),
		record: string(text),
	}, nil
}

// shownUser is an event's Username: for a role session the session's name, for services and other
// accounts nothing.
func shownUser(r shownRecord) string {
	switch r.UserIdentity.Type {
	case "AssumedRole", "FederatedUser":
		_, name, _ := strings.Cut(r.UserIdentity.PrincipalID, ":")
		return name
	case "AWSService", "AWSAccount":
		return ""
	default:
		return r.UserIdentity.UserName
	}
}

// shownResources is an event's Resources list: for issued sessions the key, the session in three
// ways and the role's full ARN, for writes to a role its bare name.
func shownResources(r shownRecord) []Resource {
	list := []Resource{}
	add := func(kind, name string) {
		if name != "" {
			list = append(list, Resource{kind, name})
		}
	}
	// That the key of a user's session stands here as that of a role's does is inferred.
	add("AWS::IAM::AccessKey", r.ResponseElements.Credentials.AccessKeyID)
	add("AWS::STS::FederatedUser", r.ResponseElements.FederatedUser.FederatedUserID)
	add("AWS::STS::FederatedUser", r.ResponseElements.FederatedUser.ARN)
	if u := r.ResponseElements.AssumedRoleUser; u.ARN != "" {
		_, name, _ := strings.Cut(u.AssumedRoleID, ":")
		add("AWS::STS::AssumedRole", name)
		add("AWS::STS::AssumedRole", u.AssumedRoleID)
		add("AWS::STS::AssumedRole", u.ARN)
	}
	for _, res := range r.Resources {
		add(res.Type, res.ARN)
	}
	if r.EventSource == "iam.amazonaws.com" {
		add("AWS::IAM::AccessKey", r.ResponseElements.AccessKey.AccessKeyID)
		for _, p := range []struct{ parameter, kind string }{
			{"policyName", "AWS::IAM::Policy"},
			{"policyArn", "AWS::IAM::Policy"},
			{"roleName", "AWS::IAM::Role"},
			{"accessKeyId", "AWS::IAM::AccessKey"},
			{"userName", "AWS::IAM::User"},
		} {
			name, _ := r.RequestParameters[p.parameter].(string)
			add(p.kind, name)
		}
	}
	return list
}

// expirationText is the form in which CloudTrail writes the expiration of issued credentials.
func expirationText(t time.Time) string { return t.UTC().Format("Jan 2, 2006, 3:04:05 PM") }
