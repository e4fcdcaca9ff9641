// Package metrics counts what a bot does, for Prometheus.
//
// Nothing is counted where it happens. A Metrics watches the bot (bot.Watch), the store (a
// decorator that sees every event that is committed) and AWS (the function for aws.Config), and
// reads the rest when it is asked: the bot's health, and what waits in the store, with a deadline.
//
// What comes from the store (revokebot_inbox_…, revokebot_timers…, revokebot_requests,
// revokebot_request_longest_seconds, revokebot_items_parked) is shared by all replicas, and each of
// them reports all of it: take the maximum, not the sum. Counters are of one replica since its
// start: add them up. They count what this replica committed; a step that is told to the store
// twice, because the answer to the first was lost, counts twice.
//
// Label values are words of this program, of Slack's and AWS's methods: no names of roles, people
// or channels, and no text that a person wrote. docs/metrics.md lists all of them; a test holds it
// to the registry.
package metrics
