package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/bot"
)

const (
	// backlogWithin bounds the reading of what waits, so that a store that hangs holds up no scrape.
	backlogWithin = time.Second
	// backlogFor is how long what was read is good for several scrapes.
	backlogFor = time.Second
)

// Source is what is read when the metrics are asked for.
type Source struct {
	Health  func() bot.Health
	Backlog func(ctx context.Context) (approvals.Backlog, error)
}

// Read lets the bot and its store be asked. It is called once, when there is a bot.
func (m *Metrics) Read(s Source) {
	m.scrape.source = s
	m.registry.MustRegister(m.scrape)
}

// scrape is a prometheus.Collector.
type scrape struct {
	source Source
	all    []*prometheus.Desc

	ready, connections, lastHello, trouble, channels *prometheus.Desc

	storeUp, inbox, oldest, timers, overdue, aside, requests, longest *prometheus.Desc

	turn    chan struct{} // held by the one who reads; others wait for it and take what it read
	readAt  time.Time
	backlog approvals.Backlog
	err     error
}

// newScrape makes one that has no source yet. list is told of each metric and returns its full
// name.
func newScrape(list func(kind, name, help string, labels []string) string) *scrape {
	s := &scrape{turn: make(chan struct{}, 1)}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		d := prometheus.NewDesc(list("gauge", name, help, labels), help, labels, nil)
		s.all = append(s.all, d)
		return d
	}
	s.ready = desc("ready", "1 when this replica is connected to Slack, the store answers, and it is not stopping.")
	s.connections = desc("connections", "Socket Mode connections of this replica: those that are greeted and alive, "+
		"and those that there should be.", "state")
	s.lastHello = desc("last_hello_timestamp_seconds",
		"When Slack last greeted a connection of this replica, Unix time; 0 before.")
	s.trouble = desc("connection_trouble", "1 for the reason why there are fewer connections than there should be.",
		"trouble")
	s.channels = desc("channels_in_trouble",
		"Channels that Slack does not let the bot write into, as this replica was answered last.")
	s.storeUp = desc("store_up", "1 when the store told in time what waits; without that the metrics of what waits are "+
		"missing.")
	s.inbox = desc("inbox_items", "Items that are not done, those in hand included. Shared by all replicas.")
	s.oldest = desc("inbox_oldest_seconds", "Age of the oldest of them. Shared by all replicas.")
	s.timers = desc("timers", "Items that are due later. Shared by all replicas.")
	s.overdue = desc("timers_overdue_seconds",
		"How long the first timer has been due without being queued. Shared by all replicas.")
	s.aside = desc("items_aside",
		"Items that were set aside and still lie there, about ten thousand at most. Shared by all replicas.")
	s.requests = desc("requests", "Requests that have not ended, of the newest 200. Shared by all replicas.", "state")
	s.longest = desc("request_longest_seconds",
		"Since the earliest approval of a request that has not ended, drills left out. Shared by all replicas.")
	return s
}

// Describe implements prometheus.Collector.
func (s *scrape) Describe(out chan<- *prometheus.Desc) {
	for _, d := range s.all {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (s *scrape) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	h := s.source.Health()
	gauge(s.ready, truth(h.Ready))
	gauge(s.connections, float64(h.Alive), "alive")
	gauge(s.connections, float64(h.Wanted), "wanted")
	hello := 0.0
	if !h.LastHello.IsZero() {
		hello = float64(h.LastHello.UnixMilli()) / 1000
	}
	gauge(s.lastHello, hello)
	for _, t := range []bot.Trouble{bot.TroubleToken, bot.TroubleOff, bot.TroubleTooMany, bot.TroublePassing} {
		gauge(s.trouble, truth(h.Trouble == t), string(t))
	}
	gauge(s.channels, float64(len(h.Channels)))

	b, err := s.read()
	gauge(s.storeUp, truth(err == nil))
	if err != nil {
		return // what waits is not known, and 0 would say that nothing does
	}
	gauge(s.inbox, float64(b.Waiting))
	gauge(s.oldest, b.Oldest.Seconds())
	gauge(s.timers, float64(b.Timers))
	gauge(s.overdue, b.Overdue.Seconds())
	gauge(s.aside, float64(b.Aside))
	gauge(s.requests, float64(b.Open), string(approvals.StateOpen))
	gauge(s.requests, float64(b.Approved), string(approvals.StateApproved))
	gauge(s.requests, float64(b.Executing), string(approvals.StateExecuting))
	gauge(s.longest, b.Longest.Seconds())
}

// read asks the store, unless it was asked a moment ago.
func (s *scrape) read() (approvals.Backlog, error) {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if s.readAt.IsZero() || time.Since(s.readAt) >= backlogFor {
		ctx, cancel := context.WithTimeout(context.Background(), backlogWithin)
		defer cancel()
		s.backlog, s.err = s.source.Backlog(ctx)
		s.readAt = time.Now()
	}
	return s.backlog, s.err
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
