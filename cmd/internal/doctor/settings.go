package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/bot/traces"
	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/internal/finding"
	"github.com/revokebot/revokebot/internal/hosts"
)

// Where a setting comes from.
const (
	fromEnvironment = "environment"
	fromDefault     = "default"
)

// settings reads all settings, each with its value and where it comes from, and makes the clients
// that can be made.
func (d doctor) settings(ctx context.Context) (patient, []finding.Finding) {
	s, wrong := settings.ReadAll(d.env)
	p := patient{
		settings: s, nowhere: slices.ContainsFunc(wrong, func(w *settings.Error) bool {
			return w.Setting == "SLACK_API_URL"
		}),
	}
	var err error
	if s.RedisURL != "" {
		p.redis, err = d.redis(s.RedisURL)
		if refused, ok := errors.AsType[*settings.Error](err); ok {
			wrong = append(wrong, refused)
		}
	}
	var unknown []finding.Finding
	for _, e := range settings.Unknown(d.env) {
		unknown = append(unknown, finding.Warn(e.Setting, e.Fix, "%s", e.Saw).From(fromEnvironment))
	}
	lines := slices.Concat(d.variables(s, p.redis, wrong), unknown, d.tracesVariables(), d.awsVariables())
	file := readConfiguration(s.Config)
	p.config, p.usable = file.Config, file.usable()
	sdk, err := d.sdk(ctx)
	switch {
	case err != nil:
		lines = append(lines, finding.Fail("AWS settings", "Correct AWS_PROFILE and the other variables of the AWS SDK.",
			"They cannot be used: %s.", settings.OneLine(err)))
	case len(p.config.Accounts) > 0:
		p.cloud, err = aws.New(p.config.AWS(sdk))
		file.refused(err)
	}
	return p, append(lines, file.lines()...)
}

// source says where a variable's value comes from.
func (d doctor) source(name string) string {
	switch {
	case d.env.Get(name+"_FILE") != "":
		return "the file that " + name + "_FILE names"
	case d.env.Get(name) != "":
		return fromEnvironment
	default:
		return fromDefault
	}
}

// variables are those of the environment that are revokebot's own.
func (d doctor) variables(
	s settings.Settings, client redis.UniversalClient, wrong []*settings.Error,
) []finding.Finding {
	secretly := func(text, form string) string {
		if text == "" {
			return ""
		}
		return fmt.Sprintf("%s, %d characters", form, utf8.RuneCountInString(text))
	}
	logForm := "text"
	if s.LogJSON {
		logForm = "json"
	}
	listen := "health is off"
	if s.Listen != "" {
		listen = s.Listen
	}
	var lines []finding.Finding
	for _, v := range []struct{ name, value string }{
		{"SLACK_APP_TOKEN", secretly(s.AppToken, "an app-level token (xapp-…)")},
		{"SLACK_BOT_TOKEN", secretly(s.BotToken, "a bot token (xoxb-…)")},
		{"SLACK_API_URL", withoutPassword(cmp.Or(s.SlackAPI, bot.DefaultSlackAPI))},
		{"REDIS_URL", redisAddress(client)},
		{"REVOKEBOT_CONFIG", s.Config},
		{"REVOKEBOT_LISTEN", listen},
		{"REVOKEBOT_LOG", logForm},
		{"REVOKEBOT_LOG_LEVEL", strings.ToLower(s.LogLevel.String())},
		{"REVOKEBOT_SIGNING_KEY", "an Ed25519 seed, " + s.Key.String()},
		{"REVOKEBOT_WEBHOOK_URL", webhook(s.WebhookURL)},
		{"REVOKEBOT_WEBHOOK_SECRET", cmp.Or(secretly(s.WebhookSecret, "a secret"), "none")},
	} {
		l := finding.Good(v.name, "%s", v.value).From(d.source(v.name))
		switch v.name {
		case "REVOKEBOT_LISTEN":
			if _, set := d.env.Lookup(v.name); set {
				l.Source = fromEnvironment // empty turns it off
			}
		case "REVOKEBOT_SIGNING_KEY":
			if s.Key.IsZero() {
				l = finding.Warn(v.name, "Set it to what openssl rand -base64 32 prints, the same for all replicas.",
					"It is not set: votes and audit lines are not signed, and a process that can write to Redis can forge them.")
			}
		case "SLACK_API_URL":
			l = encrypted(l, s.SlackAPI)
		}
		if i := slices.IndexFunc(wrong, func(w *settings.Error) bool { return w.Setting == v.name }); i >= 0 {
			l = finding.Fail(v.name, wrong[i].Fix, "%s", wrong[i].Saw)
		}
		lines = append(lines, l)
	}
	return lines
}

// tracesVariables are those of OpenTelemetry: a wrong one would end the bot's start.
func (d doctor) tracesVariables() []finding.Finding {
	where, err := traces.Destination(d.env.Lookup)
	switch {
	case err != nil:
		variable, wrong, _ := strings.Cut(err.Error(), " ")
		saw, fix := finding.Split("It " + wrong + ".")
		return []finding.Finding{finding.Fail(variable, fix, "%s", saw).From(fromEnvironment)}
	case where == "":
		return nil
	default:
		return []finding.Finding{finding.Good("traces", "They are sent to %s.", where).From(fromEnvironment)}
	}
}

// webhook says which host events are sent to: the rest of the address may be a secret.
func webhook(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return "events are sent to " + u.Scheme + "://" + u.Host
	}
	return "none: events are not sent anywhere"
}

// withoutPassword is an address as it may be shown. Proxies are written without a scheme too.
func withoutPassword(address string) string {
	if strings.Contains(address, "@") {
		return "an address with a password (not repeated here)"
	}
	return address
}

// awsVariables are those of the AWS SDK that say where calls go and as whom, where they are set.
// None of them is a secret, but for the password that an address may have.
func (d doctor) awsVariables() []finding.Finding {
	var lines []finding.Finding
	for _, name := range []string{
		"AWS_PROFILE", "AWS_REGION", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ENDPOINT_URL",
		"AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_CLOUDTRAIL",
		"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "AWS_CA_BUNDLE", "HTTPS_PROXY", "NO_PROXY",
	} {
		if value := d.env.Get(name); value != "" {
			l := finding.Good(name, "%s", settings.Redact(withoutPassword(value))).From(fromEnvironment)
			if strings.HasPrefix(name, "AWS_ENDPOINT_URL") {
				l = encrypted(l, value)
			}
			lines = append(lines, l)
		}
	}
	return lines
}

// encrypted is a setting, or a warning if its address is called without TLS on another machine.
func encrypted(f finding.Finding, address string) finding.Finding {
	if u, err := url.Parse(address); err == nil && address != "" && hosts.Plain(u) {
		return finding.Warn(f.Check, "Use https://, or an address of this machine.",
			"%s is called without TLS: what is sent can be read and changed on the way.", f.Saw).From(f.Source)
	}
	return f
}

// redisAddress says where Redis is, without user and password.
func redisAddress(client redis.UniversalClient) string {
	switch c := client.(type) {
	case *redis.ClusterClient:
		return "a cluster, found by " + strings.Join(c.Options().Addrs, ", ")
	case *redis.Client:
		o := c.Options()
		where := o.Addr
		if where == "FailoverClient" {
			where = "the primary that the sentinels name"
		}
		with := ""
		if o.TLSConfig != nil {
			with += ", with TLS"
		}
		if o.Password != "" {
			with += ", with a password"
		}
		return fmt.Sprintf("%s, database %d%s", where, o.DB, with)
	default:
		return ""
	}
}
