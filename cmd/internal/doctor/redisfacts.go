package doctor

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/revokebot/revokebot/internal/finding"
)

func good(check, saw string, args ...any) redisFinding {
	return redisFinding{Finding: finding.Good(check, saw, args...)}
}

func hidden(check, fix, saw string, args ...any) redisFinding {
	return redisFinding{Finding: finding.Warn(check, fix, saw, args...), hidden: true}
}

func (f redisFacts) version() redisFinding {
	const check, least = "version", 7
	text, ok := f.info["redis_version"]
	if !ok {
		return hidden(check, "Look it up where the server is managed: it has to be 7.0 or later.",
			"Redis does not say its version (INFO is not allowed or lacks it).")
	}
	major, err := strconv.Atoi(strings.SplitN(text, ".", 2)[0])
	if err != nil || major < least {
		return redisFinding{
			Finding: finding.Fail(check, "Use Redis 7.0 or later.", "Redis is of version %s, and the scripts need 7.0.", text),
		}
	}
	if valkey := f.info["valkey_version"]; valkey != "" {
		return good(check, "Valkey %s, which answers as Redis %s.", valkey, text)
	}
	return good(check, "Redis %s.", text)
}

func (f redisFacts) persistence() redisFinding {
	const check = "persistence"
	aof, known := f.config["appendonly"]
	switch {
	case f.info["aof_enabled"] == "1" && f.info["aof_last_write_status"] == "err":
		return redisFinding{
			Finding: finding.Fail(check, "Check the server's disk and its log.",
				"Redis could not write its append-only file, and refuses writes until it can."),
		}
	case f.info["rdb_last_bgsave_status"] == "err":
		return redisFinding{
			Finding: finding.Warn(check, "Check the server's disk and its log.",
				"The last snapshot of Redis failed; by default it refuses writes then."),
		}
	case aof == "yes", !known && f.info["aof_enabled"] == "1":
		return good(check, "Every write goes to the append-only file.")
	case !known:
		return hidden(check, "Look it up where the server is managed: appendonly yes, or what the service has for it.",
			"Redis does not tell its settings (CONFIG is not allowed), so it is not known whether requests survive its restart.")
	case f.config["save"] == "":
		return redisFinding{Finding: finding.Warn(check, "Set appendonly yes.", "Redis keeps nothing on disk.")}
	default:
		return redisFinding{
			Finding: finding.Warn(check, "Set appendonly yes.", "Redis keeps snapshots only and can lose minutes of requests."),
		}
	}
}

func (f redisFacts) eviction() redisFinding {
	const check = "eviction"
	policy, known := f.config["maxmemory-policy"]
	if !known {
		policy, known = f.info["maxmemory_policy"]
	}
	switch {
	case !known:
		return hidden(check, "Look it up where the server is managed: maxmemory-policy noeviction.",
			"Redis does not tell whether it drops requests when its memory is full (CONFIG is not allowed).")
	case policy != "noeviction":
		return redisFinding{
			Finding: finding.Warn(check, "Set maxmemory-policy noeviction.",
				"Redis may drop requests when its memory is full (maxmemory-policy %s).", policy),
		}
	default:
		return good(check, "It drops nothing when its memory is full (noeviction).")
	}
}

// nearlyFull is the part of maxmemory from which on a warning is due.
const nearlyFull = 0.9

func (f redisFacts) memory() redisFinding {
	const check, fix = "memory", "Give it more memory, or raise maxmemory."
	used, err := strconv.ParseFloat(f.info["used_memory"], 64)
	if err != nil {
		return hidden(check, "Look it up where the server is managed.", "Redis does not tell how full its memory is.")
	}
	most, _ := strconv.ParseFloat(f.info["maxmemory"], 64) // 0 and what is missing are no limit
	megabytes := func(bytes float64) string { return fmt.Sprintf("%.0f MB", bytes/1e6) }
	switch {
	case most == 0:
		return good(check, "It uses %s and has no limit of its own.", megabytes(used))
	case used >= most:
		return redisFinding{
			Finding: finding.Fail(check, fix, "It uses %s of %s: it is full and takes no writes.", megabytes(used),
				megabytes(most)),
		}
	case used >= nearlyFull*most:
		return redisFinding{
			Finding: finding.Warn(check, fix, "It uses %s of %s: it takes no writes when it is full.", megabytes(used),
				megabytes(most)),
		}
	default:
		return good(check, "It uses %s of %s.", megabytes(used), megabytes(most))
	}
}

func (f redisFacts) replication() redisFinding {
	const check = "replication"
	role, ok := f.info["role"]
	replicas := f.info["connected_slaves"]
	least, known := f.config["min-replicas-to-write"]
	switch {
	case !ok:
		return hidden(check, "Look it up where the server is managed.",
			"Redis does not tell whether it has replicas (INFO is not allowed or lacks it).")
	case role == "slave":
		return redisFinding{
			Finding: finding.Fail(check, "Give the address of the primary, or of the sentinels with master_name.",
				"Redis answers as a replica, which takes no writes."),
		}
	case replicas == "0":
		return good(check, "It is a primary without replicas.")
	case !known:
		return hidden(check, "Look it up where the server is managed: min-replicas-to-write 1.",
			"Redis has replicas and does not tell whether it goes on without them (CONFIG is not allowed).")
	case least == "0":
		return redisFinding{
			Finding: finding.Warn(check, "Set min-replicas-to-write 1.",
				"Redis has replicas and may go on without them, and what it took meanwhile is lost in a failover."),
		}
	default:
		return good(check, "It is a primary with replicas (%s), and takes no writes with fewer than %s.", replicas, least)
	}
}
