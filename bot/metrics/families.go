package metrics

import "strings"

// Family is a metric with all its labels.
type Family struct {
	Name, Type, Help string
	Labels           []string
}

// families are the metrics without the prefix that all have, each with its labels and its help, in
// the order of their names. A counter ends in _total, a histogram has buckets, the rest are gauges.
var families = [][3]string{
	{"alarms_total", "kind", "What a person has to look at now."},
	{"aws_call_seconds", "service operation", "How long a call to AWS took, retries included."},
	{"aws_calls_total", "service operation outcome", "Calls to AWS, by what became of them after all retries."},
	{"aws_retries_total", "service operation", "Requests to AWS that were sent again."},
	{"build_info", "version commit go", "1, with the program's version."},
	{
		"channels_in_trouble", "", "Channels that Slack does not let the bot write into, as this replica was answered " +
			"last.",
	},
	{
		"click_to_deny_seconds", "", "From the click that completed an approval, when the store had it, to the record " +
			"that AWS accepted the policy; by the store's clock.",
	},
	{"connection_trouble", "trouble", "1 for the reason why there are fewer connections than there should be."},
	{
		"connections", "state", "Socket Mode connections of this replica: those that are greeted and alive, and those " +
			"that there should be.",
	},
	{
		"envelope_ack_age_seconds", "kind", "From reading an envelope off its connection to having written its " +
			"acknowledgement. Slack waits three seconds.",
	},
	{"envelopes_total", "kind outcome", "Envelopes from Slack, by what became of them."},
	{"events_total", "event", "Events that were committed to the logs of requests."},
	{"guard_findings_total", "found", "Checks of the guard that found a policy gone or weakened."},
	{"inbox_items", "", "Items that are not done, those in hand included. Shared by all replicas."},
	{"inbox_oldest_seconds", "", "Age of the oldest of them. Shared by all replicas."},
	{"item_seconds", "kind", "How long it took to handle an item once."},
	{
		"items_parked", "", "Items that were parked and still lie there, about ten thousand at most. Shared by all " +
			"replicas.",
	},
	{"items_parked_total", "kind", "Items that failed too often and were parked."},
	{
		"items_total", "kind outcome", "Items of work that were handled, by what became of it. One that comes back " +
			"counts each time.",
	},
	{"last_hello_timestamp_seconds", "", "When Slack last greeted a connection of this replica, Unix time; 0 before."},
	{"ready", "", "1 when this replica is connected to Slack, the store answers, and it is not stopping."},
	{"refusals_total", "code", "Commands and clicks that were refused, by the reason."},
	{
		"request_longest_seconds", "", "Since the earliest approval of a request that has not ended, drills left out. " +
			"Shared by all replicas.",
	},
	{
		"request_to_approval_seconds", "", "From a request to the approval that was still missing, drills left out; by the " +
			"store's clock.",
	},
	{"requests", "state", "Requests that have not ended, of the newest 200. Shared by all replicas."},
	{"requests_total", "state purpose", "Requests that came into a state, by what they are for."},
	{"slack_call_seconds", "method", "How long Slack took to answer."},
	{"slack_calls_total", "method outcome", "Requests to Slack, by what became of them."},
	{
		"slack_held_back_total", "method", "Messages that were not sent yet because Slack would not take so many. Each " +
			"comes back.",
	},
	{"store_up", "", "1 when the store told in time what waits; without that the metrics of what waits are missing."},
	{
		"time_to_proof_seconds", "proof", "From an approval to the first record of each proof that its deny works; by " +
			"the store's clock.",
	},
	{"timers", "", "Items that are due later. Shared by all replicas."},
	{"timers_overdue_seconds", "", "How long the first timer has been due without being queued. Shared by all replicas."},
	{"verdicts_total", "verdict", "Verdicts that differ from the one before on the same request."},
	{"webhook_posts_total", "outcome", "Requests to the webhook's receiver, by what became of them."},
}

// buckets are those of the histograms, in seconds.
var buckets = map[string][]float64{
	// it ends where Slack gives up
	"envelope_ack_age_seconds": {.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 1.5, 2, 3},
	// they end where calls are given up
	"aws_call_seconds":   {.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	"slack_call_seconds": {.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	// it reaches to a check of CloudTrail
	"item_seconds": {.005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120},
	// it is fine where a click should end, and reaches to where a write is given up
	"click_to_deny_seconds": {.1, .15, .2, .25, .3, .4, .5, .75, 1, 1.5, 2.5, 5, 10, 30, 60, 300},
	// people take minutes
	"request_to_approval_seconds": {5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 450, 600, 900, 1800, 3600, 86400},
	// it reaches to the last check of CloudTrail
	"time_to_proof_seconds": {.25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600},
}

const (
	prefix    = "revokebot_"
	counter   = "counter"
	gauge     = "gauge"
	histogram = "histogram"
)

// Families are all metrics but those of the Go runtime and of the process, in the order of their
// names, also those that nothing was counted of yet.
func Families() []Family {
	all := make([]Family, len(families))
	for i, f := range families {
		kind := gauge
		switch {
		case strings.HasSuffix(f[0], "_total"):
			kind = counter
		case buckets[f[0]] != nil:
			kind = histogram
		}
		all[i] = Family{Name: prefix + f[0], Type: kind, Help: f[2], Labels: strings.Fields(f[1])}
	}
	return all
}
