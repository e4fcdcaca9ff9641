// Package redisstore keeps requests, the inbox and the work that is due in Redis. It is an
// approvals.Store.
//
// Every change is one Lua script of the folder scripts, so that the log, the work and the timers
// move together or not at all, by Redis' own clock. A script compares with the log, which alone is
// sealed. The scripts name every key they touch, and all keys carry the hash tag {revokebot}, so
// that the same code runs on a single server, behind Sentinel, and on a cluster.
//
// Keys, each with the prefix "{revokebot}:"
//
//	work            stream, group "bot"   accepted envelopes and work that has come due, one JSON item each
//	due             sorted set            items by the time in ms at which they move to work
//	seen:<id>       string, 24 h          an envelope that was accepted
//	noted:<source>  string, 24 h          a source whose note was taken
//	request:<id>    hash                  seq, the number of the last event, which tells a log that was set back;
//	                                      state, for Backlog
//	log:<id>        stream                the events, each with its seal; entry n-0 is event n
//	delivery:<id>   hash                  how far Slack has been told, and who is telling it
//	condemned:<log>  stream            a log that was not what was written
//	limit:<name>    string, a minute      what a person did, against floods; ten for reports, an hour for failed uploads
//	open:<subject>  string                the request that is under way for a measure on a subject
//	policies        sorted set, 3 minutes how many approvals each replica asks for
//	recent          sorted set, 1 000     the newest requests' ids by the time in ms at which they were opened
//	history:<subject>  sorted set, 50     the same for one subject, for twice the retention
//	parked          stream, about 10 000  items that failed too often
//	notes           stream, about 10 000  refusals that belong to no request, or are one of too many in it
//	                                      outlines of envelopes that the bot cannot parse
//	unchained       stream                events and notes that are not in the audit log yet, as they were recorded
//	audit           stream                the audit log; entry n-0 is line n. A line is kept for the retention
//	auditend        hash                  number and hash of its last line
//	webhook         hash                  number of the last line that the webhook's receiver accepted, and who is sending
//
// A request's keys live as long as it is under way, and from the last event after its end on for
// the retention. An item that a worker took stays in the stream's pending list until it is done, so
// the work of a replica that died is found there by the others. The list's count of deliveries is
// that of the tries that were begun: the Take, and one for each Begin.
//
// It needs Redis 7.0 or later, reads and writes the primary only.
package redisstore
