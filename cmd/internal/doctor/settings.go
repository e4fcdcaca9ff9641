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
func (d doctor) settings(ctx context.Context) (patient, []line) {
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
	lines := slices.Concat(d.variables(s, p.redis, wrong), d.tracesVariables(), d.awsVariables())
	file := readConfiguration(s.Config)
	p.config, p.usable = file.Config, file.usable()
	sdk, err := d.sdk(ctx)
	switch {
	case err != nil:
		lines = append(lines, line{
			Finding: finding.Fail("AWS settings", "Correct AWS_PROFILE and the other variables of the AWS SDK.",
				"They cannot be used: %s.", settings.OneLine(err)),
		})
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
func (d doctor) variables(s settings.Settings, client redis.UniversalClient, wrong []*settings.Error) []line {
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
	var lines []line
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
	} {
		l := line{Finding: finding.Good(v.name, "%s", v.value), Source: d.source(v.name)}
		if _, set := d.env.Lookup(v.name); set && l.Source == fromDefault && v.name == "REVOKEBOT_LISTEN" {
			l.Source = fromEnvironment // empty turns it off
		}
		if v.name == "REVOKEBOT_SIGNING_KEY" && s.Key.IsZero() {
			l = line{
				Finding: finding.Warn(v.name, "Set it to what openssl rand -base64 32 prints, the same for all replicas.",
					"It is not set: votes and audit lines are not signed, and a process that can write to Redis can forge them."),
			}
		}
		if v.name == "SLACK_API_URL" {
			l.encrypted(s.SlackAPI)
		}
		for _, w := range wrong {
			if w.Setting == v.name {
				l = line{Finding: finding.Fail(v.name, w.Fix, "%s", w.Saw)}
				break
			}
		}
		lines = append(lines, l)
	}
	return lines
}

// tracesVariables are those of OpenTelemetry: a wrong one would end the bot's start.
func (d doctor) tracesVariables() []line {
	where, err := traces.Destination(d.env.Lookup)
	wrong, ok := errors.AsType[*traces.SettingError](err)
	switch {
	case ok:
		return []line{
			{
				Finding: finding.Fail(wrong.Variable, wrong.Fix, "%s", wrong.Saw),
				Source:  fromEnvironment,
			},
		}
	case where == "":
		return nil
	default:
		return []line{{Finding: finding.Good("traces", "They are sent to %s.", where), Source: fromEnvironment}}
	}
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
func (d doctor) awsVariables() []line {
	var lines []line
	for _, name := range []string{
		"AWS_PROFILE", "AWS_REGION", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ENDPOINT_URL",
		"AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL_STS",
		"AWS_ENDPOINT_URL_CLOUDTRAIL", "AWS_CA_BUNDLE", "HTTPS_PROXY", "NO_PROXY",
	} {
		if value := d.env.Get(name); value != "" {
			l := line{
				Finding: finding.Good(name, "%s", settings.Redact(withoutPassword(value))), Source: fromEnvironment,
			}
			if strings.HasPrefix(name, "AWS_ENDPOINT_URL") {
				l.encrypted(value)
			}
			lines = append(lines, l)
		}
	}
	return lines
}

// encrypted warns of an address that is called without TLS on another machine.
func (l *line) encrypted(address string) {
	if u, err := url.Parse(address); err == nil && address != "" && hosts.Plain(u) {
		l.Finding = finding.Warn(l.Check, "Use https://, or an address of this machine.",
			"%s is called without TLS: what is sent can be read and changed on the way.", l.Saw)
	}
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
