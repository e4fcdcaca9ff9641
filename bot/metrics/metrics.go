package metrics

import (
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/handlers/record"
)

// Config is what New needs.
type Config struct {
	Version, Commit, Go string // of the program
}

// Metrics is the counters of one bot, and their registry. Make it with New; its methods may be
// called at the same time.
type Metrics struct {
	registry *prometheus.Registry
	families []Family
	words    words
	scrape   *scrape

	envelopes   *prometheus.CounterVec   // kind, outcome
	ackAge      *prometheus.HistogramVec // kind
	items       *prometheus.CounterVec   // kind, outcome
	itemTime    *prometheus.HistogramVec // kind
	setAside    *prometheus.CounterVec   // kind
	requests    *prometheus.CounterVec   // state, purpose
	events      *prometheus.CounterVec   // event
	refusals    *prometheus.CounterVec   // code
	clickToDeny *prometheus.HistogramVec
	proof       *prometheus.HistogramVec // proof
	findings    *prometheus.CounterVec   // found
	alarms      *prometheus.CounterVec   // kind
	slackCalls  *prometheus.CounterVec   // method, outcome
	slackTime   *prometheus.HistogramVec // method
	slackHeld   *prometheus.CounterVec   // method
	awsCalls    *prometheus.CounterVec   // service, operation, outcome
	awsTime     *prometheus.HistogramVec // service, operation
	awsRetries  *prometheus.CounterVec   // service, operation
}

// Buckets, in seconds.
var (
	// ackBuckets end where Slack gives up.
	ackBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 1.5, 2, 3}
	// callBuckets end where calls are given up.
	callBuckets = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	// itemBuckets reach to a look at CloudTrail.
	itemBuckets = []float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}
	// denyBuckets are fine where a click should end, and reach to where a write is given up.
	denyBuckets = []float64{.1, .15, .2, .25, .3, .4, .5, .75, 1, 1.5, 2.5, 5, 10, 30, 60, 300}
	// proofBuckets reach to the last look at CloudTrail.
	proofBuckets = []float64{.25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600}
)

// AlarmKind is something that a person has to look at now.
type AlarmKind string

// Alarms.
const (
	AlarmTampered  AlarmKind = "tampered"   // a look found the deny gone or weakened
	AlarmForgedLog AlarmKind = "forged_log" // a request's log, or an act of a person, is not what this deployment signed
	AlarmAuditLog  AlarmKind = "audit_log"  // the audit log is not as it was, or holds what nobody signed
)

// Family is a metric with all its labels.
type Family struct {
	Name, Type, Help string
	Labels           []string
}

// New makes the counters. Nothing is registered outside of the registry of its own.
func New(c Config) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.scrape = newScrape(m.list)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.list("counter", name, help, labels), Help: help}, labels)
		m.registry.MustRegister(v)
		return v
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		v := prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: m.list("histogram", name, help, labels), Help: help, Buckets: buckets,
		}, labels)
		m.registry.MustRegister(v)
		return v
	}
	m.envelopes = counter("envelopes_total", "Envelopes from Slack, by what became of them.", "kind", "outcome")
	m.ackAge = histogram("envelope_ack_age_seconds", "From reading an envelope off its connection to having written its "+
		"acknowledgement. Slack waits three seconds.", ackBuckets, "kind")
	m.items = counter("items_total", "Items of work that were handled, by what became of it. "+
		"One that comes back counts each time.", "kind", "outcome")
	m.itemTime = histogram("item_seconds", "How long it took to handle an item once.", itemBuckets, "kind")
	m.setAside = counter("items_set_aside_total", "Items that failed too often and were put where nobody takes them.",
		"kind")
	m.requests = counter("requests_total", "Requests that came into a state, by what they are for.", "state", "purpose")
	m.events = counter("events_total", "Events that were committed to the logs of requests.", "event")
	m.refusals = counter("refusals_total", "Commands and clicks that were refused, by the reason.", "code")
	m.clickToDeny = histogram("click_to_deny_seconds", "From the click that completed an approval, when the store had "+
		"it, to the record that AWS took the deny; by the store's clock.", denyBuckets)
	m.proof = histogram("time_to_proof_seconds", "From an approval to the first record of each proof that its deny "+
		"works; by the store's clock.", proofBuckets, "proof")
	m.findings = counter("guard_findings_total", "Denies that a look found in trouble.", "found")
	m.alarms = counter("alarms_total", "What a person has to look at now.", "kind")
	m.slackCalls = counter("slack_calls_total", "Requests to Slack, by what became of them.", "method", "outcome")
	m.slackTime = histogram("slack_call_seconds", "How long Slack took to answer.", callBuckets, "method")
	m.slackHeld = counter("slack_held_back_total",
		"Messages that were not sent yet because Slack would not take so many. Each comes back.", "method")
	m.awsCalls = counter("aws_calls_total", "Calls to AWS, by what became of them after all retries.", "service",
		"operation", "outcome")
	m.awsTime = histogram("aws_call_seconds", "How long a call to AWS took, retries included.", callBuckets, "service",
		"operation")
	m.awsRetries = counter("aws_retries_total", "Requests to AWS that were sent again.", "service", "operation")

	const buildHelp = "1, with the program's version."
	labels := []string{"version", "commit", "go"}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: m.list("gauge", "build_info", buildHelp, labels), Help: buildHelp,
	}, labels)
	build.WithLabelValues(c.Version, c.Commit, c.Go).Set(1)
	m.registry.MustRegister(build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	m.begin()
	return m
}

// begin makes what is alarmed on begin at 0: a first rise must be seen as one.
func (m *Metrics) begin() {
	for _, kind := range []AlarmKind{AlarmTampered, AlarmForgedLog, AlarmAuditLog} {
		m.alarms.WithLabelValues(string(kind))
	}
	for _, state := range []approvals.State{approvals.StateFailed, approvals.StateVoid} {
		for _, purpose := range append(approvals.Purposes(), unknownPurpose) {
			m.requests.WithLabelValues(string(state), string(purpose))
		}
	}
	for _, found := range []record.TamperedState{
		record.DenyGone, record.DenyWeakened, record.RoleGone, record.RoleReplaced,
	} {
		m.findings.WithLabelValues(m.words.of("found", string(found)))
	}
	for _, kind := range bot.EnvelopeKinds() {
		for _, outcome := range []bot.EnvelopeOutcome{
			bot.EnvelopeNotRecorded, bot.EnvelopeBusy, bot.EnvelopeDropped, bot.EnvelopeUnreadable, bot.EnvelopeUnknown,
		} {
			m.envelopes.WithLabelValues(kind, string(outcome))
		}
	}
}

// list adds a metric to the families, and returns its full name.
func (m *Metrics) list(kind, name, help string, labels []string) string {
	name = "revokebot_" + name
	m.families = append(m.families, Family{Name: name, Type: kind, Help: help, Labels: labels})
	return name
}

// Families are all metrics but those of the Go runtime and of the process, in the order of their
// names, also those that nothing was counted of yet.
func (m *Metrics) Families() []Family {
	return slices.SortedFunc(slices.Values(m.families), func(a, b Family) int { return strings.Compare(a.Name, b.Name) })
}

// Alarm counts something that a person has to look at now.
func (m *Metrics) Alarm(kind AlarmKind) { m.alarms.WithLabelValues(string(kind)).Inc() }

// Registry is where everything is registered.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// maxScrapes is how many may read the metrics at one time.
const maxScrapes = 3

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: maxScrapes,
	})
}
