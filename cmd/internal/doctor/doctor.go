// Package doctor checks settings, Slack, Redis and AWS before a revocation is needed. It changes
// nothing. Start with examine: settings are read first, then the other sections are checked side by
// side within a deadline. A check yields a finding.Finding; print.go prints them.
package doctor

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"
	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/internal/finding"
)

const (
	// checksWithin is the time that calls have: what has not answered by then is a failure.
	checksWithin = 9 * time.Second
	// doctorWithin is when doctor prints, whatever does not obey its deadline.
	doctorWithin = 9500 * time.Millisecond
)

// Run prints one line for each check, or one JSON object. Settings that are wrong are failures like
// all others, so that everything that is wrong is seen at once. well is false if a revocation would
// be stopped.
func Run(ctx context.Context, env settings.Environment, asJSON bool) (well bool, err error) {
	redis.SetLogger(settings.RedisLog{Log: slog.New(slog.DiscardHandler)})
	report := doctor{
		env: env, sdk: func(ctx context.Context) (awssdk.Config, error) {
			return awsconfig.LoadDefaultConfig(ctx, awsconfig.WithLogger(logging.Nop{}))
		},
		redis: func(address string) (redis.UniversalClient, error) { return settings.Redis{Address: address}.Client() },
	}.examine(ctx)
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if asJSON {
		err = report.writeJSON(env.Stdout)
	} else {
		err = report.writeText(env.Stdout)
	}
	return report.count(finding.Failure) == 0, err
}

// doctor is what the checks need of the outside.
type doctor struct {
	env       settings.Environment
	slackHTTP *http.Client // nil: one of its own
	sdk       func(context.Context) (awssdk.Config, error)
	redis     func(address string) (redis.UniversalClient, error)
}

// patient is what doctor knows of the settings: whatever can be used of them.
type patient struct {
	settings settings.Settings
	config   settings.Config
	usable   bool // the bot would start with the configuration file
	nowhere  bool // the address of Slack's API cannot be used, and the tokens are not for any other
	redis    redis.UniversalClient
	cloud    *aws.Cloud
}

// examine does all checks side by side.
func (d doctor) examine(ctx context.Context) *report {
	ctx, cancel := context.WithTimeout(ctx, checksWithin)
	defer cancel()
	r := &report{}
	p, lines := d.settings(ctx)
	r.add("Settings", lines...)
	if p.redis != nil {
		defer p.redis.Close()
	}
	sections := []section{
		{"Slack", func() answer { return answer{found: d.examineSlack(ctx, p)} }},
		{"Redis", func() answer { return examineRedis(ctx, p) }},
		{"AWS", func() answer { return examineAWS(ctx, p) }},
	}
	answers := sideBySide(doctorWithin, sections)
	for i, a := range answers {
		r.add(sections[i].name, a.found...)
	}
	r.add("Clocks", compareClocks(answers[1].clock, answers[2].clock)...)
	return r
}
