package main

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"
	"github.com/goccy/go-yaml"
	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/deploy"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/internal/finding"
)

type doctorCmd struct {
	JSON bool `name:"json" help:"Print one JSON object instead of lines."`
}

const (
	// checksWithin is the time that calls have: what has not answered by then is a failure.
	checksWithin = 9 * time.Second
	// doctorWithin is when doctor prints, whatever does not obey its deadline.
	doctorWithin = 9500 * time.Millisecond
)

// Run prints one line for each check. It changes nothing anywhere. Settings that are wrong are failures like all others,
// so that everything that is wrong is seen at once; only a wrong command line ends with exit status 2.
func (d doctorCmd) Run(ctx context.Context, env environment) error {
	redis.SetLogger(redisLog{slog.New(slog.DiscardHandler)})
	report := doctor{
		env: env, sdk: func(ctx context.Context) (awssdk.Config, error) {
			return awsconfig.LoadDefaultConfig(ctx, awsconfig.WithLogger(logging.Nop{}))
		},
		redis: func(address string) (redis.UniversalClient, error) { return redisClient(address, false) },
	}.examine(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	var err error
	if d.JSON {
		err = report.writeJSON(env.stdout)
	} else {
		err = report.writeText(env.stdout, inColour(env))
	}
	if err == nil && report.count(finding.Failure) > 0 {
		return errSaid
	}
	return err
}

// doctor is what the checks need of the outside.
type doctor struct {
	env       environment
	slackHTTP *http.Client // nil: one of its own
	sdk       func(context.Context) (awssdk.Config, error)
	redis     func(address string) (redis.UniversalClient, error)
}

// patient is what doctor knows of the settings: whatever can be used of them.
type patient struct {
	settings settings
	config   config
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
	p, settings := d.settings(ctx)
	r.add("Settings", settings...)
	if p.redis != nil {
		defer p.redis.Close()
	}
	clocks := &clocks{}
	sections := []section{d.slackSection(ctx, p), redisSection(ctx, p, clocks), awsSection(ctx, p, clocks)}
	for i, lines := range sideBySide(doctorWithin, sections) {
		r.add(sections[i].name, lines...)
	}
	r.add("Clocks", unsourced(clocks.judge())...)
	return r
}

func (d doctor) slackSection(ctx context.Context, p patient) section {
	return section{"Slack", func() []line { return unsourced(d.examineSlack(ctx, p)) }}
}

func redisSection(ctx context.Context, p patient, clocks *clocks) section {
	return section{"Redis", func() []line {
		if p.redis == nil {
			return unsourced([]finding.Finding{finding.Fail("answer", "Correct REDIS_URL.", "Redis was not looked at.")})
		}
		found, clock := examineRedis(ctx, p.redis)
		clocks.setRedis(clock)
		return unsourced(found)
	}}
}

func awsSection(ctx context.Context, p patient, clocks *clocks) section {
	return section{"AWS", func() []line {
		found, clock := examineAWS(ctx, p.cloud)
		clocks.setAWS(clock)
		return unsourced(found)
	}}
}

// section is a part of the report and the work for it.
type section struct {
	name string
	look func() []line
}

// sideBySide does the work of all sections. One that is not done within the limit is a failure, and left behind.
func sideBySide(limit time.Duration, sections []section) [][]line {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	done := make([]chan []line, len(sections))
	for i, s := range sections {
		done[i] = make(chan []line, 1)
		go func() { done[i] <- s.look() }()
	}
	over := make(chan struct{})
	stop := sync.OnceFunc(func() { close(over) })
	defer stop()
	all := make([][]line, len(sections))
	for i, s := range sections {
		select {
		case all[i] = <-done[i]:
			continue
		case <-timer.C:
			stop()
		case <-over:
		}
		select {
		case all[i] = <-done[i]:
		default:
			all[i] = unsourced([]finding.Finding{finding.Fail("all", "Look at the way there from here, and ask again.", "%s did not answer within the time that there was.", s.name)})
		}
	}
	return all
}

// examineSlack is bot.Examine with what the configuration file says, as far as it can be used.
func (d doctor) examineSlack(ctx context.Context, p patient) []finding.Finding {
	if p.nowhere {
		return []finding.Finding{finding.Fail("all", "Correct SLACK_API_URL.", "Slack was not looked at.")}
	}
	cfg := bot.ExamineConfig{
		AppToken: p.settings.appToken, BotToken: p.settings.botToken, SlackAPI: p.settings.slackAPI, HTTPClient: d.slackHTTP,
		Channels: p.config.channels, AllowShared: p.config.allowShared, Requesters: p.config.requesters, Policies: p.config.policies,
	}
	for _, a := range p.config.accounts {
		cfg.Accounts = append(cfg.Accounts, a.Name)
	}
	found := bot.Examine(ctx, cfg)
	if !p.usable && p.settings.botToken != "" {
		found = append(found, finding.Fail("channels and people", "Correct the configuration file.", "They were looked at as far as the configuration file could be read."))
	}
	return append(found, manifestFinding(deploy.SlackManifest))
}

// manifestFinding says what can be known of the command: the app's own manifest is not the bot's to read.
func manifestFinding(manifest []byte) finding.Finding {
	const check = "command"
	var m struct {
		Features struct {
			Commands []struct{ Command string } `yaml:"slash_commands"`
		} `yaml:"features"`
	}
	if yaml.Unmarshal(manifest, &m) == nil {
		for _, c := range m.Features.Commands {
			if c.Command == messages.Command {
				return finding.Good(check, "The manifest has %s. Whether the app in Slack has it shows when somebody types %s help.", c.Command, c.Command)
			}
		}
	}
	return finding.Fail(check, "Build revokebot from its own sources.", "The manifest in this program lacks %s.", messages.Command)
}

// examineAWS asks who the bot is, and looks at all accounts.
func examineAWS(ctx context.Context, cloud *aws.Cloud) ([]finding.Finding, aws.Clock) {
	const check = "identity"
	if cloud == nil {
		return []finding.Finding{finding.Fail(check, "Correct the settings above.", "AWS was not looked at.")}, aws.Clock{}
	}
	accounts := cloud.Accounts()
	found := make([][]finding.Finding, len(accounts))
	var all sync.WaitGroup
	for i, a := range accounts {
		all.Go(func() { found[i] = cloud.Examine(ctx, a.Name) })
	}
	me, err := cloud.WhoAmI(ctx)
	all.Wait()
	var list []finding.Finding
	switch {
	case err != nil:
		list = append(list, aws.Failed(check, err))
	case strings.HasSuffix(me.ARN, ":root"):
		list = append(list, finding.Warn(check, "Give revokebot a role (deploy/README.md).", "revokebot works as the root user of an account (%s), which no policy of that account bounds.", me.ARN))
	case !me.Clock.Known:
		list = append(list, finding.Fail(check, "Look for a proxy between revokebot and AWS that removes headers.", "revokebot is %s. AWS's answer carried no usable date, so no cutoff could be known.", me.ARN))
	default:
		list = append(list, finding.Good(check, "revokebot is %s, with credentials of %s.", me.ARN, me.Source))
	}
	for _, f := range found {
		list = append(list, f...)
	}
	return list, me.Clock
}

// inColour reports whether the output is for eyes.
func inColour(env environment) bool {
	return isTerminal(env.stdout) && env.getenv("NO_COLOR") == "" && env.getenv("TERM") != "dumb"
}
