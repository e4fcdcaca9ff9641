package doctor

import (
	"errors"
	"flag"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/cmd/internal/cmdtest"
	"github.com/revokebot/revokebot/deploy"
	"github.com/revokebot/revokebot/internal/finding"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	slackstandin "github.com/revokebot/revokebot/sandbox/slack"
)

var update = flag.Bool("update", false, "write the golden files")

// testdata is where the golden files are, for tests that are in a folder of their own.
var testdata, _ = filepath.Abs("testdata")

// illness is something that doctor has to find.
type illness struct {
	name  string
	ill   func(w *ward)
	cure  func(w *ward) // what the fix says, beside reset; nil: nothing more
	state finding.State
	check string
	saw   string // a part of what is seen
	fix   string // a part of the fix
}

func set(name, value string) func(*ward) { return func(w *ward) { w.variables[name] = value } }

func unset(name string) func(*ward) { return func(w *ward) { delete(w.variables, name) } }

func yamlWith(change ...string) func(*ward) {
	return func(w *ward) { w.yaml = strings.NewReplacer(change...).Replace(w.yaml) }
}

func fault(f slackstandin.Fault) func(*ward) { return func(w *ward) { w.slack.Inject(f) } }

func awsFault(f awsstandin.Fault) func(*ward) {
	f.Times = -1
	return func(w *ward) { w.aws.Inject(f) }
}

func channel(change func(*slackstandin.Channel)) func(*ward) {
	return func(w *ward) {
		for _, c := range w.slack.Channels() {
			if c.ID == actors.Incident {
				change(&c)
				w.slack.PutChannel(c)
			}
		}
	}
}

func person(id string, change func(*slackstandin.User)) func(*ward) {
	return func(w *ward) {
		for _, u := range w.slack.Users() {
			if u.ID == id {
				change(&u)
				w.slack.PutUser(u)
			}
		}
	}
}

func group(change func(*slackstandin.Group)) func(*ward) {
	return func(w *ward) {
		for _, g := range w.slack.Groups() {
			if g.ID == actors.Group {
				change(&g)
				w.slack.PutGroup(g)
			}
		}
	}
}

func scopesWithout(name string) func(*ward) {
	return func(w *ward) {
		w.slack.SetScopes(slices.DeleteFunc(slackstandin.DefaultScopes(), func(s string) bool { return s == name })...)
	}
}

func redisSays(info, config map[string]string) func(*ward) {
	return func(w *ward) {
		maps.Copy(w.info, info)
		maps.Copy(w.config, config)
	}
}

func policy(change ...string) func(*ward) { return func(w *ward) { w.revokePolicy(change...) } }

func extra(document string) func(*ward) {
	return func(w *ward) {
		if err := w.prod.PutRolePolicy("revokebot-spoke", "extra", document); err != nil {
			w.t.Fatal(err)
		}
	}
}

func scp(document string) func(*ward) {
	return func(w *ward) {
		if err := w.prod.SetSCP(document); err != nil {
			w.t.Fatal(err)
		}
	}
}

func settingIllnesses() []illness {
	const f, w = finding.Failure, finding.Warning
	return []illness{
		{"no app token", unset("SLACK_APP_TOKEN"), nil, f, "SLACK_APP_TOKEN", "It is missing.", "Put the app-level token"},
		{
			"the wrong kind of token", set("SLACK_BOT_TOKEN", cmdtest.AppToken), nil, f, "SLACK_BOT_TOKEN",
			"holds an app-level token", "Put the bot token",
		},
		{"a token's file that is not there", func(w *ward) {
			delete(w.variables, "SLACK_BOT_TOKEN")
			w.variables["SLACK_BOT_TOKEN_FILE"] = "nowhere"
		}, nil, f, "SLACK_BOT_TOKEN", "SLACK_BOT_TOKEN_FILE names a file that cannot be read", "Give the path"},
		{
			"no address of Slack", set("SLACK_API_URL", "slack.com"), nil, f, "SLACK_API_URL", "not the address of a Web API",
			"Leave it out",
		},
		{
			"Slack without TLS", set("SLACK_API_URL", "http://slack-proxy.corp.example/api"), nil, w, "SLACK_API_URL",
			"without TLS", "Use https://",
		},
		{
			"AWS without TLS", set("AWS_ENDPOINT_URL_STS", "http://vpce.corp.example"), nil, w, "AWS_ENDPOINT_URL_STS",
			"without TLS", "Use https://",
		},
		{
			"all of AWS without TLS", set("AWS_ENDPOINT_URL", "http://10.0.0.7:4566"), nil, w, "AWS_ENDPOINT_URL", "without TLS",
			"Use https://",
		},
		{
			"CloudTrail without TLS", set("AWS_ENDPOINT_URL_CLOUDTRAIL", "http://localhost.corp.example"), nil, w,
			"AWS_ENDPOINT_URL_CLOUDTRAIL", "without TLS", "Use https://",
		},
		{"no Redis", unset("REDIS_URL"), nil, f, "REDIS_URL", "It is missing.", "Set it to the address"},
		{"no address of Redis", set("REDIS_URL", "redis.example"), nil, f, "REDIS_URL", "cannot be read", "Give an address"},
		{
			"no configuration file", unset("REVOKEBOT_CONFIG"), nil, f, "REVOKEBOT_CONFIG", "It is missing.",
			"Set it to the path",
		},
		{
			"a configuration file that is not there", set("REVOKEBOT_CONFIG", "nowhere.yaml"), nil, f, "configuration file",
			"cannot be read", "Give the path",
		},
		{
			"no address to listen on", set("REVOKEBOT_LISTEN", "9090"), nil, f, "REVOKEBOT_LISTEN", `It is "9090".`,
			"Give a host and a port",
		},
		{"no form of log", set("REVOKEBOT_LOG", "xml"), nil, f, "REVOKEBOT_LOG", `It is "xml".`, "Set it to json or text"},
		{
			"no level of log", set("REVOKEBOT_LOG_LEVEL", "loud"), nil, f, "REVOKEBOT_LOG_LEVEL", `It is "loud".`,
			"Set it to debug",
		},
		{
			"an exporter that is not there", set("OTEL_TRACES_EXPORTER", "zipkin"), nil, f, "OTEL_TRACES_EXPORTER",
			"It names an exporter", "Set it to otlp or none",
		},
		{
			"a collector without an address", set("OTEL_EXPORTER_OTLP_ENDPOINT", "collector"), nil, f,
			"OTEL_EXPORTER_OTLP_ENDPOINT", "It is not a web address", "Give one such as",
		},
		{"less than no time for a collector", func(w *ward) {
			w.variables["OTEL_TRACES_EXPORTER"], w.variables["OTEL_EXPORTER_OTLP_TIMEOUT"] = "otlp", "-1"
		}, nil, f, "OTEL_EXPORTER_OTLP_TIMEOUT", "It is not a number of milliseconds", "Correct it"},
		{
			"no seed", set("REVOKEBOT_SIGNING_KEY", "abc"), nil, f, "REVOKEBOT_SIGNING_KEY", "not an Ed25519 seed",
			"openssl rand -base64 32",
		},
		{
			"an unknown variable", set("REVOKEBOT_LISTN", ":9090"), unset("REVOKEBOT_LISTN"), w, "REVOKEBOT_LISTN",
			"no variable of revokebot", "Set REVOKEBOT_LISTEN",
		},
		{
			"a webhook without a secret", set("REVOKEBOT_WEBHOOK_URL", "https://soc.example.com/x"),
			unset("REVOKEBOT_WEBHOOK_URL"), f, "REVOKEBOT_WEBHOOK_SECRET", "It is missing", "openssl rand",
		},
		{
			"an unknown region", yamlWith("regions: [eu-west-1]", "regions: [eu-west-1, eu-wset-1]"), nil, w,
			"accounts.prod.regions", "no such region", "Write eu-west-1",
		},
		{
			"no signing key", unset("REVOKEBOT_SIGNING_KEY"), nil, w, "REVOKEBOT_SIGNING_KEY", "not signed",
			"openssl rand -base64 32",
		},
		{
			"AWS settings that cannot be used", func(w *ward) {
				w.sdkError = errors.New("failed to get shared config profile, nobodys")
			}, nil, f, "AWS settings", "nobodys", "Correct AWS_PROFILE",
		},

		{
			"an unknown key", yamlWith("  requesters", "  requestors"), nil, f, "configuration file",
			`there is no key "requestors" here`, "Correct its spelling",
		},
		{
			"a text for a list", yamlWith("[S0SECURITY]\n", "{a: b}\n"), nil, f, "configuration file", "was used where",
			"Compare it with docs/configuration.md",
		},
		{
			"no YAML", func(w *ward) {
				w.yaml = "slack: ["
			}, nil, f, "configuration file", "", "Compare it with docs/configuration.md",
		},
		{
			"two documents", func(w *ward) {
				w.yaml += "---\nslack: {}\n"
			}, nil, f, "configuration file", "a second document begins", "Keep everything in one",
		},
		{
			"a name for an id", yamlWith("C0INCIDENT", "incident"), nil, f, "slack.channels", `It has "incident".`,
			"List ids of channels",
		},
		{
			"no accounts", func(w *ward) { w.yaml = strings.Split(w.yaml, "accounts:\n")[0] }, nil, f, "accounts",
			"It is empty.", "Name at least one account",
		},
		{
			"an id that is none", yamlWith(`"111122223333"`, "12"), nil, f, "accounts.prod.id", `"12" is not twelve digits`,
			"Correct it",
		},
		{
			"a role of another account", yamlWith("iam::111122223333:role", "iam::999900001111:role"), nil, f,
			"accounts.prod.assume_role", "of another account", "Correct it",
		},
		{
			"a region that is none", yamlWith("[eu-west-1]", "[mars]"), nil, f, "accounts.prod.regions", `"mars" is not one`,
			"Correct it",
		},
		{
			"an account that is none", yamlWith("protected_roles", "default_account: dev\nprotected_roles"), nil, f,
			"default_account", "not among the accounts", "Name one of them",
		},
		{
			"too many approvers", yamlWith("[S0SECURITY]\nacc", "[S0SECURITY]\n  required: 9\nacc"), nil, f,
			"approvals.required", "It is 9.", "between 1 and 5",
		},
		{
			"a short expiry", yamlWith("[S0SECURITY]\nacc", "[S0SECURITY]\n  expire_after: 5s\nacc"), nil, w,
			"approvals.expire_after", "It is 5s.", "15m is the default",
		},
		{
			"an audit file in no folder", yamlWith("protected_roles", "audit: {file: nowhere/audit.jsonl}\nprotected_roles"),
			nil, f, "audit.file", "cannot be written here (no such file or directory)", "Give the path",
		},
		{
			"an audit file that is a folder", yamlWith("protected_roles", "audit: {file: .}\nprotected_roles"), nil, f,
			"audit.file", "cannot be written here (is a directory)", "Give the path",
		},
		{
			"no guard", yamlWith("protected_roles", "revocation: {guard: []}\nprotected_roles"), nil, w, "revocation.guard",
			"It is empty.", "A removal",
		},
		{
			"one approver alone", yamlWith("[S0SECURITY]\n", "[U0BOB]\n"), nil, w, "accounts.prod", "1 approver is required",
			"List more people",
		},
		{
			"follow-ups that end early", yamlWith("protected_roles", "trail: {follow_ups: [1m]}\nprotected_roles"), nil, w,
			"trail.follow_ups", "end after 1m", "Add a check",
		},
		{
			"unnamed sessions", yamlWith("    regions", "    allow_unnamed_sessions: true\n    regions"), nil, w,
			"accounts.prod", "allow_unnamed_sessions", "Allow sts:SetSourceIdentity",
		},
		{
			"a role without an external id", yamlWith("    external_id: sandbox-external-id\n", ""), nil, w, "accounts.prod",
			"without external_id", "Set one",
		},
	}
}

func slackIllnesses() []illness {
	const f, w = finding.Failure, finding.Warning
	openScopes := func(w *ward) { w.slack.SetScopes(slackstandin.DefaultScopes()...) }
	rested := func(w *ward) { w.slack.ClearFaults() }
	calm := func(c *slackstandin.Channel) {
		c.Archived, c.ReadOnly, c.Shared, c.PostingOnly, c.BotMember, c.Private = false, false, false, nil, true, false
	}
	hired := func(u *slackstandin.User) { u.Guest, u.Deactivated = false, false }
	staffed := func(g *slackstandin.Group) { g.Disabled, g.Members = false, []string{actors.Bob, actors.Ines} }
	all := []illness{
		{
			"an app token of nobody", set("SLACK_APP_TOKEN", "xapp-1-A0SANDBOX-2-other"), nil, f, "app-level token",
			"invalid_auth", "Put the app-level token",
		},
		{
			"an app token without its scope", fault(slackstandin.Fault{Method: "apps.connections.open", Error: "missing_scope"}),
			rested, f, "app-level token", "connections:write", "Make one with that scope",
		},
		{
			"no address for a connection", fault(slackstandin.Fault{Method: "apps.connections.open", Error: "something_else"}),
			rested, f, "app-level token", "something_else", "Switch Socket Mode on",
		},
		{
			"a bot token of nobody", set("SLACK_BOT_TOKEN", "xoxb-other"), nil, f, "bot token", "invalid_auth",
			"Put the bot token",
		},
		{
			"a bot that was removed", fault(slackstandin.Fault{Method: "auth.test", Error: "account_inactive"}), rested, f,
			"bot token", "account_inactive", "of the workspace",
		},
		{
			"a Slack that hangs up", fault(slackstandin.Fault{Method: "auth.test", DropBefore: true}), rested, f, "bot token",
			"could not be asked (auth.test: Post", "the path to Slack",
		},
		{
			"a Slack in trouble", fault(slackstandin.Fault{Method: "auth.test", HTTPStatus: 503}), rested, f, "bot token",
			"could not be asked (auth.test: 503)", "status.slack.com",
		},
		{
			"too many requests", fault(slackstandin.Fault{Method: "conversations.info", RetryAfter: 30 * time.Second}), rested,
			f, "channel C0INCIDENT", "too many requests", "Ask again",
		},
		{"tokens of two apps", func(w *ward) {
			w.edit = func(r *http.Response) {
				if strings.HasSuffix(r.Request.URL.Path, "/bots.info") {
					r.Body = io.NopCloser(strings.NewReader(`{"ok":true,"bot":{"id":"B0BOT","app_id":"A0OTHER"}}`))
				}
			}
		}, nil, f, "tokens of one app", "buttons would lead nowhere", "Take both from"},
		{
			"no scopes in the answer", func(w *ward) { w.edit = func(r *http.Response) { r.Header.Del("X-OAuth-Scopes") } }, nil,
			w, "scopes", "does not name", "Compare them with the manifest",
		},
		{"a scope too many", func(w *ward) {
			w.slack.SetScopes(append(slackstandin.DefaultScopes(), "admin", "chat:write.public")...)
		}, openScopes, w, "more scopes than used", "admin, chat:write.public", "Take them off"},

		{
			"an unknown channel", yamlWith("C0INCIDENT", "C0NOWHERE"), nil, f, "channel C0NOWHERE", "no such channel",
			"Correct the id",
		},
		{
			"an archived channel", channel(func(c *slackstandin.Channel) { c.Archived = true }), channel(calm), f,
			"channel C0INCIDENT", "#incident-4711 is archived", "Unarchive it",
		},
		{
			"a channel without the bot", channel(func(c *slackstandin.Channel) { c.BotMember = false }), channel(calm), f,
			"channel C0INCIDENT", "The bot is not in #incident-4711", "/invite @revokebot",
		},
		{
			"a private channel without the bot", channel(func(c *slackstandin.Channel) { c.Private, c.BotMember = true, false }),
			channel(calm), f, "channel C0INCIDENT", "it is private and the bot is not in it", "/invite @revokebot",
		},
		{
			"a channel that is read-only", channel(func(c *slackstandin.Channel) { c.ReadOnly = true }), channel(calm), f,
			"channel C0INCIDENT", "does not let the bot write", "Let the bot post",
		},
		{
			"a channel where few may post", channel(func(c *slackstandin.Channel) { c.PostingOnly = []string{actors.Rosa} }),
			channel(calm), w, "channel C0INCIDENT", "only some may post", "Let the bot post",
		},
		{
			"a shared channel", channel(func(c *slackstandin.Channel) { c.Shared = true }), channel(calm), f,
			"channel C0INCIDENT", "requests there are refused", "allow_shared_channels",
		},
		{"a shared channel that is allowed", func(w *ward) {
			channel(func(c *slackstandin.Channel) { c.Shared = true })(w)
			yamlWith("  requesters", "  allow_shared_channels: true\n  requesters")(w)
		}, channel(calm), w, "channel C0INCIDENT", "read every card", "Use a channel of your own"},
		{
			"a channel that is told nothing of",
			fault(slackstandin.Fault{Method: "conversations.info", Error: "method_not_supported_for_channel_type"}), rested, f,
			"channel C0INCIDENT", "method_not_supported", "Check the channel",
		},

		{
			"an unknown group", yamlWith("approvers: [S0SECURITY]", "approvers: [S0SECURITY, S0NOBODY]"), nil, f,
			"user group S0NOBODY", "no such user group", "Enable it",
		},
		{
			"a disabled group", group(func(g *slackstandin.Group) { g.Disabled = true }), group(staffed), f, "prod: approvers",
			"Nobody can approve as far as", "Correct what is said",
		},
		{
			"an empty group", group(func(g *slackstandin.Group) { g.Members = nil }), group(staffed), w, "user group S0SECURITY",
			"Nobody is in it", "Put people into it",
		},
		{
			"nobody to approve", group(func(g *slackstandin.Group) { g.Members = nil }), group(staffed), f, "prod: approvers",
			"no request can be approved", "list more of them as approvers",
		},
		{
			"a plan without groups", fault(slackstandin.Fault{Method: "usergroups.users.list", Error: "plan_upgrade_required"}),
			rested, f, "user group S0SECURITY", "plan_upgrade_required", "paid plan",
		},
		{
			"just enough approvers", group(func(g *slackstandin.Group) { g.Members = []string{actors.Bob} }), group(staffed), w,
			"prod: approvers", "what one of them asks for cannot be approved: Bob (U0BOB)", "list more of them as approvers",
		},
		{
			"an unknown person", yamlWith("[U0ROSA, S0SECURITY]", "[U0NOBODY, S0SECURITY]"), nil, w, "person U0NOBODY",
			"no user with this id", "Correct the id",
		},
		{
			"a guest", yamlWith("approvers: [S0SECURITY]", "approvers: [S0SECURITY, U0GINA]"), nil, w, "person U0GINA",
			"Gina is a guest", "Take them out",
		},
		{
			"somebody who left", person(actors.Rosa, func(u *slackstandin.User) { u.Deactivated = true }),
			person(actors.Rosa, hired), w, "person U0ROSA", "deactivated account", "name a full member",
		},
		{
			"people who cannot be looked up", fault(slackstandin.Fault{Method: "users.info", Error: "access_denied"}), rested, f,
			"person U0ROSA", "access_denied", "Check the person",
		},
		{
			"nobody to ask", yamlWith("[U0ROSA, S0SECURITY]", "[U0GINA]"), nil, f, "requesters", "no person may ask",
			"List full members",
		},
		{"a crowd", func(w *ward) {
			var crowd []string
			for i := range 90 {
				id := "U0CROWD" + string(rune('A'+i/10)) + string(rune('0'+i%10))
				crowd = append(crowd, id)
				w.slack.PutUser(slackstandin.User{ID: id, Name: "crowd"})
			}
			group(func(g *slackstandin.Group) { g.Members = crowd })(w)
		}, group(staffed), w, "people", "11 people of the groups were not looked up", "smaller"},
	}
	for name, state := range map[string]finding.State{
		"commands": f, "chat:write": f, "users:read": f, "usergroups:read": f, "channels:read": f, "groups:read": f,
		"im:write": w, "files:write": w, "channels:history": w, "groups:history": w,
	} {
		all = append(all, illness{
			"without " + name, scopesWithout(name), openScopes, state, "scope " + name, "The bot token lacks it",
			"install the app again",
		})
	}
	return append(
		all,
		illness{
			"a channel that cannot be looked at", scopesWithout("channels:read"), openScopes, f, "channel C0INCIDENT",
			"without the scope", "install the app again",
		},
		illness{
			"a group that cannot be looked at", scopesWithout("usergroups:read"), openScopes, f, "user group S0SECURITY",
			"without the scope", "install the app again",
		},
		illness{
			"people who cannot be looked at", scopesWithout("users:read"), openScopes, f, "person U0ROSA", "without the scope",
			"install the app again",
		},
		illness{
			"requesters who cannot be looked at", scopesWithout("users:read"), openScopes, f, "requesters",
			"as far as could be looked up", "Correct what is said",
		},
	)
}

func redisIllnesses() []illness {
	const f, w = finding.Failure, finding.Warning
	type m = map[string]string
	return []illness{
		{
			"a Redis that is gone", func(w *ward) { w.pong = "gone" }, nil, f, "answer", "does not answer (connection refused)",
			"Start it",
		},
		{
			"a password that is wrong", func(w *ward) {
				w.pong = "NOAUTH Authentication required."
			}, nil, f, "answer", "refuses the bot", "Correct the user name",
		},
		{"an old Redis", redisSays(m{"redis_version": "6.2.14"}, nil), nil, f, "version", "6.2.14", "7.0 or later"},
		{
			"nothing on disk", redisSays(m{"aof_enabled": "0"}, m{"appendonly": "no"}), nil, w, "persistence",
			"keeps nothing on disk", "Set appendonly yes",
		},
		{
			"snapshots", redisSays(m{"aof_enabled": "0"}, m{"appendonly": "no", "save": "60 1000"}), nil, w, "persistence",
			"snapshots only", "Set appendonly yes",
		},
		{"a full disk", redisSays(m{"aof_last_write_status": "err"}, nil), nil, f, "persistence", "refuses writes", "disk"},
		{
			"a snapshot that failed", redisSays(m{"rdb_last_bgsave_status": "err"}, nil), nil, w, "persistence",
			"snapshot of Redis failed", "disk",
		},
		{"eviction", redisSays(nil, m{"maxmemory-policy": "allkeys-lru"}), nil, w, "eviction", "allkeys-lru", "noeviction"},
		{"nearly full", redisSays(m{"used_memory": "95000000"}, nil), nil, w, "memory", "95 MB of 100 MB", "more memory"},
		{"full", redisSays(m{"used_memory": "100000000"}, nil), nil, f, "memory", "takes no writes", "more memory"},
		{
			"a replica", redisSays(m{"role": "slave"}, nil), nil, f, "replication", "answers as a replica",
			"address of the primary",
		},
		{
			"replicas that do not count", redisSays(nil, m{"min-replicas-to-write": "0"}), nil, w, "replication",
			"lost in a failover", "min-replicas-to-write 1",
		},
		{
			"no CONFIG, persistence", func(w *ward) { w.config = nil; w.info["aof_enabled"] = "0" }, nil, w, "persistence",
			"does not tell its settings", "where the server is managed",
		},
		{
			"no CONFIG, eviction", func(w *ward) {
				w.config = nil
			}, nil, w, "eviction", "does not tell", "where the server is managed",
		},
		{
			"no CONFIG, replication", func(w *ward) {
				w.config = nil
			}, nil, w, "replication", "does not tell whether it goes on", "where the server is managed",
		},
		{"no INFO, version", func(w *ward) { w.info = nil }, nil, w, "version", "does not say its version", "7.0 or later"},
		{"no INFO, memory", func(w *ward) { w.info = nil }, nil, w, "memory", "how full", "where the server is managed"},
		{
			"no INFO, replication", func(w *ward) {
				w.info = nil
			}, nil, w, "replication", "whether it has replicas", "where the server is managed",
		},
	}
}

// logGroup has the account's events sent to a log group by a trail, and the bot allowed to query
// it.
func (w *ward) logGroup(change func(*awsstandin.Trail)) {
	const group = "arn:aws:logs:us-east-1:111122223333:log-group:aws-cloudtrail-logs"
	yamlWith("    regions", "    trail_log_group: "+group+"\n    regions")(w)
	trail := awsstandin.Trail{Name: "all", Region: "us-east-1", LogGroup: "aws-cloudtrail-logs"}
	change(&trail)
	w.prod.SetTrail(trail)
	if err := w.prod.PutRolePolicy("revokebot-spoke", "trail-log-group", deploy.LogGroupPolicy); err != nil {
		w.t.Fatal(err)
	}
}

func logGroupIllnesses() []illness {
	const name = `prod: log group "aws-cloudtrail-logs"`
	trailed := func(change func(*awsstandin.Trail)) func(*ward) { return func(w *ward) { w.logGroup(change) } }
	ill := func(what string, sick, cured func(*ward), check, saw, fix string) illness {
		return illness{what, sick, cured, finding.Warning, name + check, saw, fix}
	}
	refused := func(f awsstandin.Fault) func(*ward) {
		return func(w *ward) {
			w.logGroup(func(*awsstandin.Trail) {})
			w.aws.Inject(f)
		}
	}
	rested := func(w *ward) { w.aws.ClearFaults() }
	return []illness{
		{
			"a log group that is none", yamlWith("    regions", "    trail_log_group: aws-cloudtrail-logs\n    regions"), nil,
			finding.Failure, "accounts.prod.trail_log_group", "is not the ARN of a log group", "Correct it",
		},
		ill("a log group of no trail", trailed(func(t *awsstandin.Trail) { t.LogGroup = "other" }), nil, "",
			"no trail sends its events to it", "--cloud-watch-logs-log-group-arn arn:aws:logs:us-east-1:111122223333"),
		ill("a trail of one region", trailed(func(t *awsstandin.Trail) { t.SingleRegion = true }), nil, "",
			`its trail "all" records one region only`, "--name all --is-multi-region-trail"),
		ill("a trail without global services", trailed(func(t *awsstandin.Trail) { t.WithoutGlobal = true }), nil, "",
			"leaves out global services", "--include-global-service-events"),
		ill("a trail that is stopped", trailed(func(t *awsstandin.Trail) { t.Stopped = true }), nil, "", "does not record",
			"aws cloudtrail start-logging --name all"),
		ill("a trail that cannot deliver", trailed(func(t *awsstandin.Trail) { t.Failing = "AccessDenied" }), nil, "",
			"could not deliver to it lately", "LatestCloudWatchLogsDeliveryError"),
		ill("a trail of reads alone", trailed(func(t *awsstandin.Trail) { t.ReadsOnly = true }), nil, "",
			"leaves out management events", "put-event-selectors"),
		ill("a log group in which nothing is", trailed(func(t *awsstandin.Trail) {
			t.Lose = func(string) bool { return true }
		}), nil, ": query",
			"It shows no event of the last hour", "PutLogEvents"),
		ill("a log group that may not be queried", func(w *ward) {
			w.logGroup(func(*awsstandin.Trail) {})
			if err := w.prod.DeleteRolePolicy("revokebot-spoke", "trail-log-group"); err != nil {
				w.t.Fatal(err)
			}
		}, nil, "", "may not call cloudtrail:DescribeTrails", "deploy/log-group-policy.json"),
		ill("another log group that may be queried", refused(awsstandin.Fault{Action: "StartQuery", Code: "AccessDenied"}),
			rested, ": query", "may not call logs:StartQuery", "with your log group in it"),
		ill("a log group that is gone", refused(awsstandin.Fault{Action: "StartQuery", Code: "ResourceNotFoundException"}),
			rested, ": query", "There is no such log group", "accounts.prod.trail_log_group"),
		ill("a log group that is slow", refused(awsstandin.Fault{Action: "StartQuery", Hang: true}), rested, ": query",
			"did not answer logs:StartQuery", "Check the path to AWS"),
	}
}

func TestALogGroupThatLacksNothingIsWell(t *testing.T) {
	inWard(t, func(t *testing.T, w *ward) {
		w.logGroup(func(*awsstandin.Trail) {})
		r := w.look("aws")
		var lines []finding.Finding
		for _, p := range r.parts {
			for _, l := range p.lines {
				if strings.Contains(l.Check, "log group") || l.State != finding.OK {
					lines = append(lines, l)
				}
			}
		}
		const prefix = `ok prod: log group "aws-cloudtrail-logs"`
		got := words(lines)
		if !strings.HasPrefix(got, prefix+`: The trail "all" sends it all management events of all regions.`) ||
			!strings.Contains(got, prefix+": query: It was queried. Its newest event was delivered at 2000-01-01") {
			t.Error(got)
		}
	})
}

func awsIllnesses() []illness {
	const f, w = finding.Failure, finding.Warning
	rested := func(w *ward) { w.aws.ClearFaults() }
	plain, trusted := policy(), func(w *ward) { w.trust() }
	trusts := func(w *ward) {
		if err := w.prod.PutRolePolicy("revokebot-trust", "change-trust", deploy.TrustPolicy); err != nil {
			w.t.Fatal(err)
		}
	}
	gone := func(w *ward) {
		if err := w.prod.DeleteRolePolicy("revokebot-spoke", "extra"); err != nil {
			w.t.Fatal(err)
		}
	}
	free := scp("")
	without := func(action string) func(*ward) {
		listed := regexp.MustCompile(`"` + action + `",\s*|,\s*"` + action + `"`).FindString(deploy.IAMPolicy)
		return policy(listed, "")
	}
	return []illness{
		{
			"no key", func(w *ward) { w.key = awsstandin.AccessKey{} }, nil, f, "identity", "credentials are empty",
			"AWS_PROFILE",
		},
		{"a root user", func(w *ward) {
			w.edit = func(r *http.Response) {
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(strings.NewReader(strings.ReplaceAll(string(body), ":user/revokebot<", ":root<")))
			}
		}, nil, w, "identity", "the root user", "Give revokebot a role"},
		{
			"a key of nobody", func(w *ward) {
				w.key.SecretAccessKey = "wrong"
			}, nil, f, "identity", "did not accept", "Renew them",
		},
		{
			"a key of nobody, in the account", func(w *ward) { w.key.SecretAccessKey = "wrong" }, nil, f, "prod: session",
			"Its permissions and CloudTrail were not checked.", "Renew them",
		},
		{
			"keys that it may not ask about", func(w *ward) {
				w.aws.Inject(awsstandin.Fault{Action: "GetAccessKeyInfo", Code: "AccessDenied", Times: -1})
			}, rested, w, "leaked keys", "people have to write account/ASIA…", "Allow sts:GetAccessKeyInfo",
		},
		{
			"an answer without a date", func(w *ward) { w.edit = func(r *http.Response) { r.Header.Del("Date") } }, nil, f,
			"identity", "no usable date", "proxy",
		},
		{
			"a role that is not trusted to", func(w *ward) {
				w.trust("user/revokebot", "user/ci/ci-deploy")
			}, trusted, f, "prod: session", "does not let arn:aws:iam::111122223333:user/revokebot assume " +
				"arn:aws:iam::111122223333:role/revokebot-spoke", "external_id",
		},
		{
			"another external id", yamlWith("sandbox-external-id", "another"), nil, f, "prod: session",
			"does not let arn:aws:iam::111122223333:user/revokebot assume", "Compare assume_role and external_id",
		},
		{
			"no names of people", func(w *ward) {
				w.trust(`"sts:SetSourceIdentity", `, "")
			}, trusted, f, "prod: source identity and tags", "every revocation would be refused", "Allow sts:SetSourceIdentity",
		},
		{"no names of people, as configured", func(w *ward) {
			w.trust(`"sts:SetSourceIdentity", `, "")
			yamlWith("    regions", "    allow_unnamed_sessions: true\n    regions")(w)
		}, trusted, w, "prod: source identity and tags", "go on without their names", "Allow sts:SetSourceIdentity"},
		{
			"access keys without a role for users",
			yamlWith("    users_role: arn:aws:iam::111122223333:role/revokebot-users\n", ""), nil, w,
			"accounts.prod.measures", "every request for an access key is refused", "Set users_role",
		},
		{
			"a role for users that is not there", yamlWith("role/revokebot-users", "role/revokebot-nobody"), nil, f,
			"prod: users, session", "or there is no such role", "Compare users_role",
		},
		{
			"freeze without a role for trust policies", yamlWith("[revoke, key]", "[revoke, freeze]", trustYAML, ""), nil, w,
			"accounts.prod.measures", "lists freeze without trust_role", "Set trust_role",
		},
		{
			"a role for trust policies that is not there",
			yamlWith("[revoke, key]", "[revoke, freeze]", "revokebot-trust", "revokebot-nobody"), nil, f,
			"prod: trust policies, session", "or there is no such role", "Compare trust_role",
		},
		{
			"a role for trust policies that may write inline policies", func(w *ward) {
				yamlWith("[revoke, key]", "[revoke, freeze]")(w)
				if err := w.prod.PutRolePolicy("revokebot-trust", "change-trust", `{"Version":"2012-10-17","Statement":{`+
					`"Effect":"Allow","Action":["iam:Get*","iam:ListRolePolicies","iam:SimulatePrincipalPolicy",`+
					`"iam:UpdateAssumeRolePolicy","iam:PutRolePolicy"],"Resource":"*"}}`); err != nil {
					w.t.Fatal(err)
				}
			}, trusts, f, "prod: trust policies, too much permission", "may also do iam:PutRolePolicy", "from that one",
		},
		{
			"a role for trust policies that cannot see users", func(w *ward) {
				yamlWith("[revoke, key]", "[revoke, freeze]")(w)
				text := strings.Replace(deploy.TrustPolicy, `"Action": "iam:GetUser"`, `"Action": "iam:GetRole"`, 1)
				if err := w.prod.PutRolePolicy("revokebot-trust", "change-trust", text); err != nil {
					w.t.Fatal(err)
				}
			}, trusts, f, "prod: trust policies, permission iam:GetUser", "a trust policy that names a user is not changed",
			"Allow its role there",
		},
		{"ambient credentials of another account", func(w *ward) {
			yamlWith(`"111122223333"`, `"444455556666"`,
				"    assume_role: arn:aws:iam::111122223333:role/revokebot-spoke\n    external_id: sandbox-external-id\n", "",
				"    users_role: arn:aws:iam::111122223333:role/revokebot-users\n    measures: [revoke, key]\n", "",
				trustYAML, "")(w)
		}, nil, f, "prod: session", "are those of", "Give that account an assume_role"},
		{
			"ambient credentials", yamlWith("    assume_role: arn:aws:iam::111122223333:role/revokebot-spoke\n"+
				"    external_id: sandbox-external-id\n", ""), nil, w, "accounts.prod", "no assume_role", "Give it a spoke role",
		},

		{
			"no GetRole", without("iam:GetRole"), plain, f, "prod: permission iam:GetRole", "no role can be found",
			"Allow its role there iam:GetRole",
		},
		{
			"no GetRolePolicy", without("iam:GetRolePolicy"), plain, f, "prod: permission iam:GetRolePolicy",
			"what is on a role", "Allow its role there iam:GetRolePolicy",
		},
		{
			"no PutRolePolicy", without("iam:PutRolePolicy"), plain, f, "prod: permission iam:PutRolePolicy",
			"revoke would be stopped", "Allow its role there iam:PutRolePolicy",
		},
		{
			"PutRolePolicy on some", extra(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:PutRolePolicy",` +
				`"Resource":"arn:aws:iam::*:role/ops/*"}}`), gone, w, "prod: permission iam:PutRolePolicy",
			"Not allowed on arn:aws:iam::111122223333:role/ops/NightlyBackup", "Allow it there, or list them",
		},
		{
			"no AttachRolePolicy where lock is listed", func(w *ward) {
				yamlWith("[revoke, key]", "[revoke, lock]")(w)
				if err := w.prod.DeleteRolePolicy("revokebot-spoke", "lock"); err != nil {
					w.t.Fatal(err)
				}
			}, func(w *ward) {
				if err := w.prod.PutRolePolicy("revokebot-spoke", "lock", deploy.LockPolicy); err != nil {
					w.t.Fatal(err)
				}
			}, f, "prod: permission iam:AttachRolePolicy", "lock would be stopped",
			"Allow its role there iam:AttachRolePolicy",
		},
		{
			"every policy can be attached", func(w *ward) {
				yamlWith("[revoke, key]", "[lock]")(w)
				w.revokePolicy("policy/AWSDenyAll", "policy/AdministratorAccess")
				extra(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:AttachRolePolicy","Resource":"*"}}`)(w)
			}, func(w *ward) {
				plain(w)
				gone(w)
			}, w, "prod: too much permission", "may also do iam:AttachRolePolicy", "Take that away",
		},
		{
			"no ListRolePolicies", without("iam:ListRolePolicies"), plain, w, "prod: permission iam:ListRolePolicies",
			"has room", "Allow its role there iam:ListRolePolicies",
		},
		{
			"no simulator", without("iam:SimulatePrincipalPolicy"), plain, w, "prod: permissions", "may not be asked about",
			"Allow its role iam:SimulatePrincipalPolicy",
		},
		{
			"no ListRoles", policy(`"iam:ListRoles"`, `"iam:ListUsers"`), plain, w, "prod: permission iam:ListRoles",
			"offers no names", "Allow its role iam:ListRoles",
		},
		{
			"no LookupEvents", policy("cloudtrail:LookupEvents", "cloudtrail:ListTrails"), plain, w,
			"prod: permission cloudtrail:LookupEvents", "who assumed a role", "Allow its role there cloudtrail:LookupEvents",
		},
		{
			"no LookupEvents in a region", policy("cloudtrail:LookupEvents", "cloudtrail:ListTrails"), plain, w,
			"prod: CloudTrail in eu-west-1", "will not be seen", "Allow it cloudtrail:LookupEvents",
		},
		{
			"a condition", extra(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:PutRolePolicy",` +
				`"Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}}}`), gone, w,
			"prod: permission iam:PutRolePolicy", "it depends on aws:SourceVpce", "Check whether that condition holds",
		},
		{
			"a policy of the organization",
			scp(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:PutRolePolicy","Resource":"*"}}`), free, w,
			"prod: permission iam:PutRolePolicy", "a policy of the organization", "Check whether that condition holds",
		},
		{
			"too much", func(w *ward) {
				w.revokePolicy(`"iam:Create*",`, "", `"iam:PassRole",`, "", `"iam:Update*",`, "")
				extra(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:CreateAccessKey",` +
					`"iam:UpdateAssumeRolePolicy","iam:PassRole"],"Resource":"*"}}`)(w)
			}, func(w *ward) {
				plain(w)
				gone(w)
			}, f, "prod: too much permission", "may also do iam:CreateAccessKey, iam:PassRole, iam:UpdateAssumeRolePolicy",
			"Take iam:UpdateAssumeRolePolicy away",
		},
		{"an administrator", func(w *ward) {
			if err := w.prod.PutRolePolicy("revokebot-spoke", "revoke-sessions",
				`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`); err != nil {
				w.t.Fatal(err)
			}
		}, plain, f, "prod: too much permission", "as if it were an administrator", "nothing else"},
		{"a hub with too much", func(w *ward) { w.fromRole("iam:PassRole", "s3:GetObject") }, func(w *ward) {
			trusted(w)
			if err := w.prod.DeleteRole("revokebot"); err != nil {
				w.t.Fatal(err)
			}
		}, w, "prod: too much permission of revokebot", "may also do iam:PassRole, s3:GetObject", "Take that away"},
		{
			"a protected pattern that a thief can match", func(w *ward) {
				yamlWith("role/break-glass-admin", "role/break-glass-*")(w)
				policy("role/break-glass-admin", "role/break-glass-*", "role/*/break-glass-admin", "role/*/break-glass-*")(w)
			}, plain, w, "prod: protected roles", "break-glass-* protects", "Name the roles",
		},
		{
			"no fence", policy("role/break-glass-admin", "role/other-*", "role/*/break-glass-admin", "role/*/other-*"), plain, w,
			"prod: protected roles", "refuses to touch arn:aws:iam::111122223333:role/break-glass-admin,", "Add the denies",
		},
		{
			"a region that is off", awsFault(awsstandin.Fault{
				Service: "cloudtrail", Region: "eu-west-1", Code: "UnrecognizedClientException", Status: 403,
			}), rested, w, "prod: CloudTrail in eu-west-1", "UnrecognizedClientException", "Take the region out",
		},
		{
			"IAM in trouble", awsFault(awsstandin.Fault{Action: "SimulatePrincipalPolicy", Code: "ServiceFailure", Status: 500}),
			rested, f, "prod: permissions", "could not be reached", "Check the path to AWS",
		},
		{
			"throttling", awsFault(awsstandin.Fault{Action: "ListRoles", Code: "Throttling", Status: 400}), rested, f,
			"prod: permission iam:ListRoles", "too many requests", "Ask again",
		},
		{"Redis' clock", func(w *ward) { w.behind = time.Minute }, nil, w, "Redis and AWS", "1m1s behind AWS's", "NTP"},
		{"Redis' clock, and AWS away", func(w *ward) {
			w.behind = -time.Minute
			w.key.SecretAccessKey = "wrong"
		}, nil, w, "Redis and this machine", "ahead of this machine's", "NTP"},
		{
			"this machine's clock", func(w *ward) {
				w.aws.SetClockOffset(-time.Minute)
			}, func(w *ward) { w.aws.SetClockOffset(0) }, w, "this machine and AWS", "ahead of AWS's", "NTP",
		},
	}
}

func TestWhatDoctorFindsIsGoneAfterTheFix(t *testing.T) {
	for name, all := range map[string][]illness{
		"settings": settingIllnesses(), "slack": slackIllnesses(), "redis": redisIllnesses(),
		"aws": slices.Concat(awsIllnesses(), logGroupIllnesses()),
	} {
		t.Run(name, func(t *testing.T) {
			inWard(t, func(t *testing.T, w *ward) {
				healthy := func(when string) {
					t.Helper()
					if found := wrong(w.look(name)); len(found) > 0 {
						t.Fatalf("%s it is not healthy:\n%s", when, words(found))
					}
				}
				healthy("before all")
				for _, i := range all {
					i.ill(w)
					r := w.look(name)
					found := wrong(r)
					at := slices.IndexFunc(found, func(l finding.Finding) bool { return l.Check == i.check })
					switch {
					case at < 0:
						t.Errorf("%s: nothing about %s in:\n%s", i.name, i.check, words(found))
					case found[at].State != i.state || !strings.Contains(found[at].Saw, i.saw) ||
						!strings.Contains(found[at].Fix, i.fix):
						t.Errorf("%s: %s", i.name, words(found[at:at+1]))
					}
					wellFormed(t, i.name, r)
					w.reset()
					if i.cure != nil {
						i.cure(w)
					}
					healthy("after " + i.name)
				}
			})
		})
	}
}

// wellFormed wants sentences, a fix in every line that is not ok, no check twice, and no secret.
func wellFormed(t *testing.T, name string, r *report) {
	t.Helper()
	for _, p := range r.parts {
		seen := map[string]bool{}
		for _, l := range p.lines {
			if seen[l.Check] {
				t.Errorf("%s: %s is there twice", name, l.Check)
			}
			seen[l.Check] = true
			if l.State != finding.OK && (!strings.HasSuffix(l.Saw, ".") || !strings.HasSuffix(l.Fix, ".")) {
				t.Errorf("%s: %s %s: %q %q", name, l.State, l.Check, l.Saw, l.Fix)
			}
			for _, secret := range append(cmdtest.Secrets(), standInAppToken, standInBotToken, actors.ExternalID) {
				if strings.Contains(l.Saw+l.Fix+l.Source, secret) {
					t.Errorf("%s: the secret %q is in the line about %s", name, secret, l.Check)
				}
			}
		}
	}
}

func TestEachStepThatTheSandboxCanLeaveOutIsAFailureUntilItIsMadeUpFor(t *testing.T) {
	inWard(t, func(t *testing.T, w *ward) {
		for missing, check := range map[actors.Missing]string{
			actors.MissingInvitation: "channel C0INCIDENT", actors.MissingScope: "scope usergroups:read",
			actors.MissingTrust: "prod: session",
			actors.MissingNames: "prod: source identity and tags", actors.MissingWrite: "prod: permission iam:PutRolePolicy",
		} {
			failures := func(step actors.Missing) (checks []string) {
				if err := w.world.LeaveOut(w.slack, step); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute) // AWS enforces it
				for _, l := range wrong(w.examine()) {
					if l.State == finding.Failure {
						checks = append(checks, l.Check)
					}
				}
				return checks
			}
			if got := failures(missing); !slices.Contains(got, check) {
				t.Errorf("%s was left out, and %s is not among the failures %q", missing, check, got)
			}
			if got := failures(actors.MissingNothing); len(got) > 0 {
				t.Errorf("%s was made up for, and these are failures: %q", missing, got)
			}
		}
	})
}

// trustYAML is the role for trust policies in the ward's configuration.
const trustYAML = "    trust_role: arn:aws:iam::111122223333:role/revokebot-trust\n"

func TestTheRoleForTrustPoliciesIsFoundInOrder(t *testing.T) {
	inWard(t, func(t *testing.T, w *ward) {
		yamlWith("[revoke, key]", "[revoke, freeze]")(w)
		n := 0
		for _, p := range w.examine().parts {
			for _, c := range p.lines {
				if strings.HasPrefix(c.Check, "prod: trust policies, ") {
					if n++; c.State != finding.OK {
						t.Errorf("%+v", c)
					}
				}
			}
		}
		if n < 7 {
			t.Errorf("%d checks", n)
		}
	})
}
