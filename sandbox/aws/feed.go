package aws

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Trail is a trail that sends what CloudTrail records to a log group. The zero value of what may be
// wrong with one is that nothing is.
type Trail struct {
	Name     string
	Region   string // its home region, in which the log group is, too
	LogGroup string // the name

	Organization bool // events of all accounts of the server
	DataEvents   bool // those that LookupEvents never shows, too

	SingleRegion, WithoutGlobal, Stopped, ReadsOnly bool
	Exclude                                         []string // sources of management events, such as kms.amazonaws.com
	Advanced                                        bool     // its selectors are advanced ones
	Failing                                         string   // why it cannot deliver to the log group
	Began                                           time.Time

	// What CloudTrail delivers to the log group comes so much later than what LookupEvents shows;
	// Delays are of regions.
	Delay  time.Duration
	Delays map[string]time.Duration
	// Lose keeps a record from the log group; nil loses none.
	Lose func(record string) bool
}

// SetTrail adds a trail to the account, or changes the one of that name.
func (a *Account) SetTrail(t Trail) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	if t.Began.IsZero() {
		t.Began = a.server.now().Add(-historyLength)
	}
	a.feeds[t.Name] = t
}

func (a *Account) trailARN(t Trail) string {
	return "arn:" + a.partition + ":cloudtrail:" + t.Region + ":" + a.id + ":trail/" + t.Name
}

func (a *Account) logGroupARN(region, name string) string {
	return "arn:" + a.partition + ":logs:" + region + ":" + a.id + ":log-group:" + name
}

// biggestLogEvent is what CloudWatch Logs takes: CloudTrail sends no bigger record there (AWS
// CloudTrail User Guide, "Sending events to CloudWatch Logs").
const biggestLogEvent = 256 << 10

// sends reports whether the trail sends an event to its log group.
func (t Trail) sends(region string, e *event) bool {
	global := e.source == "iam.amazonaws.com"
	switch {
	case e.put:
		return true
	case t.Stopped, t.Failing != "", len(e.record) > biggestLogEvent, e.data && !t.DataEvents:
		return false
	case t.SingleRegion && region != t.Region, t.WithoutGlobal && global, e.at.Before(t.Began.Truncate(time.Second)):
		return false
	case !e.data && (slices.Contains(t.Exclude, e.source) || t.ReadsOnly && !e.readOnly):
		return false
	default:
		return t.Lose == nil || !t.Lose(e.record)
	}
}

// logEvent is an event in a log group; its timestamp is when it was delivered.
type logEvent struct {
	at time.Time
	*event
}

// logGroup gives what is in a log group now, the newest first; false if there is none. The caller
// holds the lock.
func (a *Account) logGroup(region, name string) (all []logEvent, there bool) {
	for _, t := range a.feeds {
		if t.LogGroup != name || t.Region != region {
			continue
		}
		there = true
		for _, of := range a.server.accounts {
			if of != a && !t.Organization {
				continue
			}
			for from, trail := range of.trails {
				delay := t.Delay + t.Delays[from]
				for _, e := range trail {
					if !t.sends(from, e) {
						continue
					}
					if at := of.shownFrom(from, e).Add(delay); !at.After(a.server.now()) {
						all = append(all, logEvent{at, e})
					}
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b logEvent) int { return b.at.Compare(a.at) })
	return all, there
}

// trailOperations are those that describe trails.
func trailOperations() map[string]*operation {
	describes := func(parameter string, do func(*Account, Trail) any) *operation {
		of := func(x *exchange) (*Account, Trail, bool) {
			for _, t := range x.caller.account().feeds {
				if named := x.params[parameter]; named == x.caller.account().trailARN(t) ||
					named == t.Name && x.sig.region == t.Region {
					return x.caller.account(), t, true
				}
			}
			return nil, Trail{}, false
		}
		return &operation{
			params: map[string]rule{parameter: required(text(512))}, readOnly: true,
			target: func(x *exchange) target { return target{resource: x.params[parameter]} },
			do: func(x *exchange) (any, error) {
				a, t, ok := of(x)
				if !ok {
					return nil, errf("TrailNotFoundException", "Unknown trail: %s for the user: %s", x.params[parameter],
						x.caller.account().id)
				}
				return do(a, t), nil
			},
		}
	}
	return map[string]*operation{
		"cloudtrail:DescribeTrails": {
			readOnly: true, target: func(*exchange) target { return target{resource: "*"} }, do: describeTrails,
		},
		"cloudtrail:GetTrailStatus": describes("Name", func(_ *Account, t Trail) any {
			status := map[string]any{"IsLogging": !t.Stopped, "StartLoggingTime": t.Began.Unix()}
			if t.Failing != "" {
				status["LatestCloudWatchLogsDeliveryError"] = t.Failing
			}
			return status
		}),
		"cloudtrail:GetEventSelectors": describes("TrailName", func(a *Account, t Trail) any {
			answer := map[string]any{"TrailARN": a.trailARN(t)}
			if t.Advanced {
				field := func(name string, values ...string) map[string]any {
					return map[string]any{"Field": name, "Equals": values}
				}
				fields := []any{field("eventCategory", "Management")}
				if t.ReadsOnly {
					fields = append(fields, field("readOnly", "true"))
				}
				answer["AdvancedEventSelectors"] = []any{map[string]any{"Name": "Management", "FieldSelectors": fields}}
				return answer
			}
			kind := "All"
			if t.ReadsOnly {
				kind = "ReadOnly"
			}
			answer["EventSelectors"] = []any{map[string]any{
				"ReadWriteType": kind, "IncludeManagementEvents": true, "DataResources": []any{},
				"ExcludeManagementEventSources": slices.Concat([]string{}, t.Exclude),
			}}
			return answer
		}),
	}
}

func describeTrails(x *exchange) (any, error) {
	a, list := x.caller.account(), []any{}
	for _, name := range slices.Sorted(maps.Keys(a.feeds)) {
		t := a.feeds[name]
		if t.SingleRegion && t.Region != x.sig.region {
			continue
		}
		list = append(list, map[string]any{
			"Name": t.Name, "TrailARN": a.trailARN(t), "HomeRegion": t.Region, "S3BucketName": "acme-trail",
			"IsMultiRegionTrail": !t.SingleRegion, "IncludeGlobalServiceEvents": !t.WithoutGlobal,
			"IsOrganizationTrail": t.Organization, "LogFileValidationEnabled": true,
			"CloudWatchLogsLogGroupArn": a.logGroupARN(t.Region, t.LogGroup) + ":*",
			"HasCustomEventSelectors":   t.ReadsOnly || len(t.Exclude) > 0,
		})
	}
	return map[string]any{"trailList": list}, nil
}

// shownFrom is when LookupEvents first shows an event of a region. The caller holds the lock.
func (a *Account) shownFrom(region string, e *event) time.Time {
	from := e.delivered
	if from.IsZero() {
		delay, own := a.server.trailDelays[region]
		if !own {
			delay = a.server.trailDelay
		}
		from = e.at.Add(delay + e.late)
	}
	for _, h := range a.holds[region] {
		if !from.Before(h.from) && from.Before(h.until) {
			from = h.until
		}
	}
	return from
}

// logGroupOf is what the ARN of a resource of CloudWatch Logs names for a query: what is in it.
func (x *exchange) logGroupOf(name string) string {
	return x.caller.account().logGroupARN(x.sig.region, strings.TrimSpace(name)) + ":log-stream:"
}
