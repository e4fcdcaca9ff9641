package doctor

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/revokebot/revokebot/internal/finding"
)

// all judge Redis' version and settings (docs/redis.md). hidden is what could not be read, as
// managed services hide it: it is worth a line of doctor's, and none at every start.
func (f redisFacts) all() []func() (found finding.Finding, hidden bool) {
	return []func() (finding.Finding, bool){f.version, f.persistence, f.eviction, f.memory, f.replication}
}

// unsaid is a warning of what Redis does not tell.
func unsaid(check, lookUp, saw string) (finding.Finding, bool) {
	return finding.Warn(check, "Look it up where the server is managed"+lookUp+".", "%s", saw), true
}

func (f redisFacts) version() (finding.Finding, bool) {
	const check, least = "version", 7
	text, ok := f.info["redis_version"]
	if !ok {
		return unsaid(check, ": it has to be 7.0 or later",
			"Redis does not say its version (INFO is not allowed or lacks it).")
	}
	major, err := strconv.Atoi(strings.SplitN(text, ".", 2)[0])
	if err != nil || major < least {
		return finding.Fail(check, "Use Redis 7.0 or later.", "Redis is of version %s, and the scripts need 7.0.",
			text), false
	}
	if valkey := f.info["valkey_version"]; valkey != "" {
		return finding.Good(check, "Valkey %s, which answers as Redis %s.", valkey, text), false
	}
	return finding.Good(check, "Redis %s.", text), false
}

func (f redisFacts) persistence() (finding.Finding, bool) {
	const check = "persistence"
	aof, known := f.config["appendonly"]
	switch {
	case f.info["aof_enabled"] == "1" && f.info["aof_last_write_status"] == "err":
		return finding.Fail(check, "Check the server's disk and its log.",
			"Redis could not write its append-only file, and refuses writes until it can."), false
	case f.info["rdb_last_bgsave_status"] == "err":
		return finding.Warn(check, "Check the server's disk and its log.",
			"The last snapshot of Redis failed; by default it refuses writes then."), false
	case aof == "yes", !known && f.info["aof_enabled"] == "1":
		return finding.Good(check, "Every write goes to the append-only file."), false
	case !known:
		return unsaid(check, ": appendonly yes, or what the service has for it",
			"Redis does not tell its settings (CONFIG is not allowed), so it is not known whether requests survive its restart.")
	case f.config["save"] == "":
		return finding.Warn(check, "Set appendonly yes.", "Redis keeps nothing on disk."), false
	default:
		return finding.Warn(check, "Set appendonly yes.",
			"Redis keeps snapshots only and can lose minutes of requests."), false
	}
}

func (f redisFacts) eviction() (finding.Finding, bool) {
	const check = "eviction"
	policy, known := f.config["maxmemory-policy"]
	if !known {
		policy, known = f.info["maxmemory_policy"]
	}
	switch {
	case !known:
		return unsaid(check, ": maxmemory-policy noeviction",
			"Redis does not tell whether it drops requests when its memory is full (CONFIG is not allowed).")
	case policy != "noeviction":
		return finding.Warn(check, "Set maxmemory-policy noeviction.",
			"Redis may drop requests when its memory is full (maxmemory-policy %s).", policy), false
	default:
		return finding.Good(check, "It drops nothing when its memory is full (noeviction)."), false
	}
}

// nearlyFull is the part of maxmemory from which on a warning is due.
const nearlyFull = 0.9

func (f redisFacts) memory() (finding.Finding, bool) {
	const check, fix = "memory", "Give it more memory, or raise maxmemory."
	used, err := strconv.ParseFloat(f.info["used_memory"], 64)
	if err != nil {
		return unsaid(check, "", "Redis does not tell how full its memory is.")
	}
	most, _ := strconv.ParseFloat(f.info["maxmemory"], 64) // 0 and what is missing are no limit
	saw := fmt.Sprintf("It uses %.0f MB of %.0f MB", used/1e6, most/1e6)
	switch {
	case most == 0:
		return finding.Good(check, "It uses %.0f MB and has no limit of its own.", used/1e6), false
	case used >= most:
		return finding.Fail(check, fix, "%s: it is full and takes no writes.", saw), false
	case used >= nearlyFull*most:
		return finding.Warn(check, fix, "%s: it takes no writes when it is full.", saw), false
	default:
		return finding.Good(check, "%s.", saw), false
	}
}

func (f redisFacts) replication() (finding.Finding, bool) {
	const check = "replication"
	role, ok := f.info["role"]
	replicas := f.info["connected_slaves"]
	least, known := f.config["min-replicas-to-write"]
	switch {
	case !ok:
		return unsaid(check, "",
			"Redis does not tell whether it has replicas (INFO is not allowed or lacks it).")
	case role == "slave":
		return finding.Fail(check, "Give the address of the primary, or of the sentinels with master_name.",
			"Redis answers as a replica, which takes no writes."), false
	case replicas == "0":
		return finding.Good(check, "It is a primary without replicas."), false
	case !known:
		return unsaid(check, ": min-replicas-to-write 1",
			"Redis has replicas and does not tell whether it goes on without them (CONFIG is not allowed).")
	case least == "0":
		return finding.Warn(check, "Set min-replicas-to-write 1.",
			"Redis has replicas and may go on without them, and what it took meanwhile is lost in a failover."), false
	default:
		return finding.Good(check, "It is a primary with replicas (%s), and takes no writes with fewer than %s.",
			replicas, least), false
	}
}
