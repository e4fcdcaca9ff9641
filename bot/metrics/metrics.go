package metrics

import (
	"net/http"
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
	registry   *prometheus.Registry
	counters   map[string]*prometheus.CounterVec // by the name in families
	histograms map[string]*prometheus.HistogramVec
	words      words
	scrape     *scrape
}

// AlarmKind is something that a person has to look at now.
type AlarmKind string

// Alarms.
const (
	AlarmTampered  AlarmKind = "tampered"      // a check found the policy gone or weakened
	AlarmGaveUp    AlarmKind = "guard_gave_up" // it is, and the guard does not write it again
	AlarmForgedLog AlarmKind = "forged_log"    // a request's log or a person's act is not what this deployment signed
	AlarmAuditLog  AlarmKind = "audit_log"     // the audit log is not as it was, or holds a line without a signature
)

// New makes the counters. Nothing is registered outside of the registry of its own.
func New(c Config) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(), counters: map[string]*prometheus.CounterVec{},
		histograms: map[string]*prometheus.HistogramVec{}, scrape: &scrape{
			program: []string{c.Version, c.Commit, c.Go}, descs: map[string]*prometheus.Desc{}, turn: make(chan struct{}, 1),
		},
	}
	for _, f := range Families() {
		name := strings.TrimPrefix(f.Name, prefix)
		switch f.Type {
		case counter:
			m.counters[name] = prometheus.NewCounterVec(prometheus.CounterOpts{Name: f.Name, Help: f.Help}, f.Labels)
			m.registry.MustRegister(m.counters[name])
		case histogram:
			m.histograms[name] = prometheus.NewHistogramVec(prometheus.HistogramOpts{
				Name: f.Name, Help: f.Help, Buckets: buckets[name],
			}, f.Labels)
			m.registry.MustRegister(m.histograms[name])
		case gauge:
			m.scrape.descs[name] = prometheus.NewDesc(f.Name, f.Help, f.Labels, nil)
		}
	}
	m.registry.MustRegister(m.scrape, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.begin()
	return m
}

func (m *Metrics) counter(name string, labels ...string) prometheus.Counter {
	return m.counters[name].WithLabelValues(labels...)
}

func (m *Metrics) observe(name string, seconds float64, labels ...string) {
	m.histograms[name].WithLabelValues(labels...).Observe(seconds)
}

// begin makes what is alarmed on begin at 0: a first rise must be seen as one.
func (m *Metrics) begin() {
	for _, kind := range []AlarmKind{AlarmTampered, AlarmGaveUp, AlarmForgedLog, AlarmAuditLog} {
		m.counter("alarms_total", string(kind))
	}
	for _, word := range []record.Word{record.WordContained, record.WordNotContained, record.WordUnknown} {
		m.counter("verdicts_total", m.word(word))
	}
	for _, state := range []approvals.State{approvals.StateFailed, approvals.StateVoid, approvals.StateExpired} {
		for _, purpose := range append(approvals.Purposes(), unknownPurpose) {
			m.counter("requests_total", string(state), string(purpose))
		}
	}
	for _, found := range record.Losses() {
		m.counter("guard_findings_total", m.words.of("found", string(found)))
	}
	for _, kind := range bot.EnvelopeKinds() {
		for _, outcome := range []bot.EnvelopeOutcome{
			bot.EnvelopeNotRecorded, bot.EnvelopeBusy, bot.EnvelopeDropped, bot.EnvelopeUnreadable, bot.EnvelopeUnknown,
		} {
			m.counter("envelopes_total", kind, string(outcome))
		}
	}
}

// Alarm counts something that a person has to look at now.
func (m *Metrics) Alarm(kind AlarmKind) { m.counter("alarms_total", string(kind)).Inc() }

// Posted counts a request of the webhook.
func (m *Metrics) Posted(outcome string) { m.counter("webhook_posts_total", outcome).Inc() }

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
