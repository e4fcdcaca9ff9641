package main

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/bot/traces"
	"github.com/revokebot/revokebot/internal/finding"
)

// Where a setting comes from.
const (
	fromEnvironment = "environment"
	fromDefault     = "default"
)

// settings reads all settings, each with its value and where it comes from, and makes the clients that can be made.
func (d doctor) settings(ctx context.Context) (patient, []line) {
	s, wrong := everySetting(d.env)
	p := patient{settings: s, nowhere: slices.ContainsFunc(wrong, func(w settingError) bool { return w.name == "SLACK_API_URL" })}
	var err error
	if s.redisURL != "" {
		if p.redis, err = d.redis(s.redisURL); err != nil {
			wrong = append(wrong, settingError{"REDIS_URL", err})
		}
	}
	lines := d.variables(s, p.redis, wrong)
	var configLines []line
	p.config, p.usable, configLines = examineConfig(s.config)
	lines = append(append(lines, d.tracesVariables()...), d.awsVariables()...)

	sdk, err := d.sdk(ctx)
	if err != nil {
		return p, append(append(lines, line{Finding: finding.Fail("AWS settings", "Correct AWS_PROFILE and the other variables of the AWS SDK.", "They cannot be used: %s.", oneLine(err))}), configLines...)
	}
	if len(p.config.accounts) > 0 {
		p.cloud, err = newDoctorsCloud(p.config, sdk)
		for _, one := range unjoin(err) {
			configLines = refusedAccount(configLines, s.config, oneLine(one))
		}
	}
	return p, append(lines, configLines...)
}

// aboutIt makes a sentence that begins with the name of a setting go on from that name.
func aboutIt(name, saw string) string {
	rest, ok := strings.CutPrefix(saw, name+" ")
	verb, _, _ := strings.Cut(rest, " ")
	if !ok || !slices.Contains([]string{"is", "has", "holds", "names", "cannot"}, verb) {
		return saw
	}
	return "It " + rest
}

// accountKey finds what a complaint of package aws is about: the account's name, and what of it.
var accountKey = regexp.MustCompile(`^account "([^"]+)": (?:the |an )?(id|region|partition|assume_role|external_id)`)

// refusedAccount puts a complaint of package aws to the key that it is about.
func refusedAccount(lines []line, path, complaint string) []line {
	for _, one := range strings.Split(complaint, "; account ") {
		one = "account " + strings.TrimPrefix(one, "account ")
		f := finding.Fail("accounts", "Correct it in the configuration file.", "%s.", one)
		if m := accountKey.FindStringSubmatch(one); m != nil {
			f.Check = "accounts." + m[1] + "." + strings.Replace(m[2], "region", "regions", 1)
		}
		i := slices.IndexFunc(lines, func(l line) bool { return l.Check == f.Check })
		switch {
		case i < 0:
			lines = append(lines, line{Finding: f, Source: path})
		case lines[i].State == finding.OK:
			lines[i].Finding = f
		default:
			lines[i].Saw, lines[i].Fix, lines[i].State = lines[i].Saw+" "+lines[i].Fix+" "+f.Saw, f.Fix, finding.Failure
		}
	}
	return lines
}

func newDoctorsCloud(c config, sdk awssdk.Config) (*aws.Cloud, error) {
	return aws.New(aws.Config{
		Accounts: c.accounts, DefaultAccount: c.defaultAccount, ProtectedRoles: c.protectedRoles, Margin: min(c.margin, maxMargin), SDK: sdk,
	})
}

// source says where a variable's value comes from.
func (d doctor) source(name string) string {
	switch {
	case d.env.getenv(name+"_FILE") != "":
		return "the file that " + name + "_FILE names"
	case d.env.getenv(name) != "":
		return fromEnvironment
	default:
		return fromDefault
	}
}

// variables are those of the environment that are revokebot's own.
func (d doctor) variables(s settings, client redis.UniversalClient, wrong []settingError) []line {
	secretly := func(text, form string) string {
		if text == "" {
			return ""
		}
		return fmt.Sprintf("%s, %d characters", form, utf8.RuneCountInString(text))
	}
	logForm := "text"
	if s.logJSON {
		logForm = "json"
	}
	listen := "health is off"
	if s.listen != "" {
		listen = s.listen
	}
	var lines []line
	for _, v := range []struct{ name, value string }{
		{"SLACK_APP_TOKEN", secretly(s.appToken, "an app-level token (xapp-…)")},
		{"SLACK_BOT_TOKEN", secretly(s.botToken, "a bot token (xoxb-…)")},
		{"SLACK_API_URL", withoutPassword(cmp.Or(s.slackAPI, bot.DefaultSlackAPI))},
		{"REDIS_URL", redisAddress(client)},
		{"REVOKEBOT_CONFIG", s.config},
		{"REVOKEBOT_LISTEN", listen},
		{"REVOKEBOT_LOG", logForm},
		{"REVOKEBOT_LOG_LEVEL", strings.ToLower(s.logLevel.String())},
		{"REVOKEBOT_SIGNING_KEY", "an Ed25519 seed, " + s.key.String()},
	} {
		l := line{Finding: finding.Good(v.name, "%s", v.value), Source: d.source(v.name)}
		if _, set := d.env.lookupenv(v.name); set && l.Source == fromDefault && v.name == "REVOKEBOT_LISTEN" {
			l.Source = fromEnvironment // empty turns it off
		}
		if v.name == "REVOKEBOT_SIGNING_KEY" && s.key.IsZero() {
			l = line{Finding: finding.Warn(v.name, "Set it to what openssl rand -base64 32 prints, the same for all replicas.", "It is not set: votes and audit lines are not signed, and whoever can write to Redis can make an approval.")}
		}
		for _, w := range wrong {
			if w.name == v.name {
				saw, fix := finding.Split(w.err.Error())
				l = line{Finding: finding.Fail(v.name, fix, "%s", aboutIt(v.name, saw))}
				break
			}
		}
		lines = append(lines, l)
	}
	return lines
}

// tracesVariables are those of OpenTelemetry: a wrong one would end the bot's start.
func (d doctor) tracesVariables() []line {
	where, err := traces.Destination(d.env.lookupenv)
	switch {
	case err != nil:
		variable, _, _ := strings.Cut(err.Error(), " ")
		saw, fix := finding.Split(oneLine(err) + ".")
		return []line{{Finding: finding.Fail(variable, cmp.Or(fix, "Correct it, or leave it out."), "%s", aboutIt(variable, saw)), Source: fromEnvironment}}
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

// awsVariables are those of the AWS SDK that say where calls go and as whom, where they are set. None of them is a secret, but
// for the password that an address may have.
func (d doctor) awsVariables() []line {
	var lines []line
	for _, name := range []string{
		"AWS_PROFILE", "AWS_REGION", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL_STS",
		"AWS_ENDPOINT_URL_CLOUDTRAIL", "AWS_CA_BUNDLE", "HTTPS_PROXY", "NO_PROXY",
	} {
		if value := d.env.getenv(name); value != "" {
			lines = append(lines, line{Finding: finding.Good(name, "%s", shown(withoutPassword(value))), Source: fromEnvironment})
		}
	}
	return lines
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
