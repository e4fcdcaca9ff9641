package metrics

import (
	"context"
	"sync/atomic"
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

// Read lets the bot and its store be asked, once there is a bot.
func (m *Metrics) Read(s Source) { m.scrape.source.Store(&s) }

// scrape is a prometheus.Collector of the gauges.
type scrape struct {
	program []string // the labels of build_info
	source  atomic.Pointer[Source]
	descs   map[string]*prometheus.Desc // by the name in families

	turn    chan struct{} // held by the one who reads; others wait for it and take what it read
	readAt  time.Time
	backlog approvals.Backlog
	err     error
}

// Describe implements prometheus.Collector.
func (s *scrape) Describe(out chan<- *prometheus.Desc) {
	for _, d := range s.descs {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (s *scrape) Collect(out chan<- prometheus.Metric) {
	gauge := func(name string, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(s.descs[name], prometheus.GaugeValue, value, labels...)
	}
	gauge("build_info", 1, s.program...)
	source := s.source.Load()
	if source == nil {
		return
	}
	h := source.Health()
	gauge("ready", truth(h.Ready))
	gauge("connections", float64(h.Alive), "alive")
	gauge("connections", float64(h.Wanted), "wanted")
	hello := 0.0
	if !h.LastHello.IsZero() {
		hello = float64(h.LastHello.UnixMilli()) / 1000
	}
	gauge("last_hello_timestamp_seconds", hello)
	for _, t := range []bot.Trouble{bot.TroubleToken, bot.TroubleOff, bot.TroubleTooMany, bot.TroublePassing} {
		gauge("connection_trouble", truth(h.Trouble == t), string(t))
	}
	gauge("channels_in_trouble", float64(len(h.Channels)))

	b, err := s.read(source)
	gauge("store_up", truth(err == nil))
	if err != nil {
		return // what waits is not known, and 0 would say that nothing does
	}
	gauge("inbox_items", float64(b.Waiting))
	gauge("inbox_oldest_seconds", b.Oldest.Seconds())
	gauge("timers", float64(b.Timers))
	gauge("timers_overdue_seconds", b.Overdue.Seconds())
	gauge("items_parked", float64(b.Aside))
	gauge("requests", float64(b.Open), string(approvals.StateOpen))
	gauge("requests", float64(b.Approved), string(approvals.StateApproved))
	gauge("requests", float64(b.Executing), string(approvals.StateExecuting))
	gauge("request_longest_seconds", b.Longest.Seconds())
}

// read asks the store, unless it was asked a moment ago.
func (s *scrape) read(from *Source) (approvals.Backlog, error) {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if s.readAt.IsZero() || time.Since(s.readAt) >= backlogFor {
		ctx, cancel := context.WithTimeout(context.Background(), backlogWithin)
		defer cancel()
		s.backlog, s.err = from.Backlog(ctx)
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
