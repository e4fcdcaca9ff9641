package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/internal/finding"
)

// ExamineConfig is what Examine looks at. The tokens have the right form or are "".
type ExamineConfig struct {
	AppToken, BotToken string
	SlackAPI           string       // as Config has it
	HTTPClient         *http.Client // as Config has it

	Channels    []string
	AllowShared bool
	Requesters  []string
	Policies    map[string]approvals.Policy // by account
}

// Examine looks whether Slack lets the bot do its work, and changes nothing. It asks for an address
// of a connection and opens none, since Slack might deliver a person's click to it. The checks run
// side by side within ctx; one that gets no answer is a failure and does not hold up the others.
func Examine(ctx context.Context, cfg ExamineConfig) []finding.Finding {
	client, err := newSlackClient(Config{
		AppToken: cfg.AppToken, BotToken: cfg.BotToken, SlackAPI: cfg.SlackAPI, HTTPClient: cfg.HTTPClient,
	})
	if err != nil {
		return nil // the address is a setting, and told of there
	}
	e := &examination{slackClient: client, cfg: cfg}
	var app, rest []finding.Finding
	var all sync.WaitGroup
	all.Go(func() { app = e.appToken(ctx) })
	all.Go(func() { rest = e.workspace(ctx) })
	all.Wait()
	return append(app, rest...)
}

// ExamineChannels looks at the channels alone, as Examine does. It returns nothing if Slack refuses
// the token or does not answer: the start says so elsewhere.
func ExamineChannels(ctx context.Context, cfg ExamineConfig) []finding.Finding {
	client, err := newSlackClient(Config{BotToken: cfg.BotToken, SlackAPI: cfg.SlackAPI, HTTPClient: cfg.HTTPClient})
	if err != nil {
		return nil
	}
	e := &examination{slackClient: client, cfg: cfg}
	if _, err := e.whoami(ctx); err != nil {
		return nil
	}
	return e.channels(ctx)
}

func (e *examination) channels(ctx context.Context) []finding.Finding {
	found := make([]finding.Finding, len(e.cfg.Channels))
	var all sync.WaitGroup
	for i, id := range e.cfg.Channels {
		all.Go(func() { found[i] = e.channel(ctx, id) })
	}
	all.Wait()
	return found
}

type examination struct {
	*slackClient
	cfg ExamineConfig
}

const (
	checkAppToken = "app-level token"
	checkBotToken = "bot token"
	reinstall     = "Add it by putting the manifest (revokebot manifest) into the app's settings, " +
		"install the app again, and put the token that it shows into SLACK_BOT_TOKEN."
)

// appToken is a line about apps.connections.open. What Slack answers there when Socket Mode is off
// is not documented; by what was seen the address is given, and the connection ended with
// link_disabled.
func (e *examination) appToken(ctx context.Context) []finding.Finding {
	if e.cfg.AppToken == "" {
		return nil // told of as a setting
	}
	if _, err := e.openSocket(ctx); err != nil {
		return []finding.Finding{refusal(checkAppToken, err, map[string]advice{
			"missing_scope": {
				"Make one with that scope on the app's Basic Information page.",
				"The token lacks the scope connections:write, which apps.connections.open needs.",
			},
			string(deliver.SlackToken): {
				"Put the app-level token (xapp-…, scope connections:write) from the app's Basic Information page into " +
					"SLACK_APP_TOKEN.", "Slack refuses the token",
			},
		}, advice{"Switch Socket Mode on in the app's settings if it is off.", "Slack gives no address for a connection"})}
	}
	return []finding.Finding{
		finding.Good(checkAppToken, "Slack gives addresses for connections. Whether Socket Mode is on shows at the first "+
			"connection, which doctor does not open."),
	}
}

// workspace is all that the bot token is needed for.
func (e *examination) workspace(ctx context.Context) []finding.Finding {
	const skipped = " Scopes, channels and people were not checked."
	if e.cfg.BotToken == "" {
		return []finding.Finding{finding.Fail(checkBotToken, "Correct SLACK_BOT_TOKEN.", "It cannot be used."+skipped)}
	}
	who, err := e.whoami(ctx)
	if err != nil {
		f := refusal(checkBotToken, err, nil, advice{
			"Put the bot token (xoxb-…) from the app's OAuth & Permissions page into SLACK_BOT_TOKEN, of the workspace that " +
				"the app is installed in.", "Slack refuses the token",
		})
		f.Saw += skipped
		return []finding.Finding{f}
	}
	found := []finding.Finding{
		finding.Good(checkBotToken, "It is %s (%s) of %s.", who.User, who.UserID, installedIn(who)),
	}

	var same, teams, people, channels []finding.Finding
	var all sync.WaitGroup
	all.Go(func() { same = e.sameApp(ctx, who.BotID) })
	all.Go(func() { teams = e.addedTo(ctx, who) })
	all.Go(func() { channels = e.channels(ctx) })
	all.Go(func() { people = e.people(ctx) })
	scopes := e.scopes(who.Header)
	all.Wait()
	return slices.Concat(found, teams, same, scopes, channels, people)
}

// installedIn tells where the app is installed. slack-go does not read is_enterprise_install: a
// token of an organisation is known by the id that is no workspace's (T…).
func installedIn(who *slack.AuthTestResponse) string {
	switch {
	case orgWide(who):
		return fmt.Sprintf("the whole organisation %s (%s)", who.Team, who.EnterpriseID)
	case who.EnterpriseID != "":
		return fmt.Sprintf("the workspace %s (%s) of the organisation %s", who.Team, who.TeamID, who.EnterpriseID)
	default:
		return fmt.Sprintf("the workspace %s (%s)", who.Team, who.TeamID)
	}
}

func orgWide(who *slack.AuthTestResponse) bool { return !strings.HasPrefix(who.TeamID, "T") }

// addedTo looks at the workspaces of an app that is deployed to an organisation: it works in none
// before an admin adds it (Slack documentation, "Organization-ready apps").
func (e *examination) addedTo(ctx context.Context, who *slack.AuthTestResponse) []finding.Finding {
	const check, add = "workspaces", "Have an admin of the organisation add the app to the workspaces of the channels."
	if !orgWide(who) {
		return nil
	}
	teams, err := e.teams(ctx)
	if err != nil {
		return []finding.Finding{refusal(check, err, nil, advice{add, "Slack does not name them"})}
	}
	if len(teams) == 0 {
		return []finding.Finding{finding.Fail(check, add, "The app was added to no workspace: no one can type the command.")}
	}
	names := make([]string, len(teams))
	for i, t := range teams {
		names[i] = t.Name + " (" + t.ID + ")"
	}
	return []finding.Finding{finding.Good(check, "The app was added to %s.", listed(names))}
}

// appOf finds the app's id in an app-level token. Its form is not documented, so that only what
// fits it is compared.
var appOf = regexp.MustCompile(`^xapp-[0-9]+-(A[A-Z0-9]+)-`)

// sameApp compares the apps of the two tokens: with those of two apps, commands come by the one and
// buttons are of the other, to which no bot is connected.
func (e *examination) sameApp(ctx context.Context, botID string) []finding.Finding {
	const check = "tokens of one app"
	m := appOf.FindStringSubmatch(e.cfg.AppToken)
	if m == nil || botID == "" {
		return nil
	}
	bot, err := e.api.GetBotInfoContext(ctx, slack.GetBotInfoParameters{
		Bot: botID, TeamID: cmp.Or(e.Home().Team, e.Home().Enterprise),
	})
	if err != nil || bot.AppID == "" {
		return nil // without users:read it cannot be known, and that is told of
	}
	if bot.AppID != m[1] {
		return []finding.Finding{
			finding.Fail(check, "Take both from the settings of one app.",
				"SLACK_APP_TOKEN looks like that of the app %s, and SLACK_BOT_TOKEN is of %s: buttons would lead nowhere.", m[1],
				bot.AppID),
		}
	}
	return []finding.Finding{finding.Good(check, "Both are of %s.", bot.AppID)}
}

// scopes compares what the token may do with what the bot uses. Slack names a token's scopes in the
// header of every answer (Slack documentation, "Installing with OAuth").
func (e *examination) scopes(header http.Header) []finding.Finding {
	const check = "scopes"
	given := strings.FieldsFunc(header.Get("X-OAuth-Scopes"), func(r rune) bool { return r == ',' || r == ' ' })
	if len(given) == 0 {
		return []finding.Finding{
			finding.Warn(check, "Compare them with the manifest (revokebot manifest) on the app's OAuth & Permissions page.",
				"Slack's answer does not name the token's scopes."),
		}
	}
	var found []finding.Finding
	used := map[string]bool{}
	for _, s := range Scopes() {
		used[s.Name] = true
		if slices.Contains(given, s.Name) {
			continue
		}
		f := finding.Warn("scope "+s.Name, reinstall, "The bot token lacks it, and %s needs it: %s.", s.Method, s.Without)
		if s.Needed {
			f.State = finding.Failure
		}
		found = append(found, f)
	}
	if len(found) == 0 {
		found = append(found, finding.Good(check, "All %d are there.", len(used)))
	}
	if more := slices.DeleteFunc(slices.Clone(given), func(s string) bool { return used[s] }); len(more) > 0 {
		slices.Sort(more)
		found = append(found, finding.Warn("more scopes than used", "Take them off on the app's OAuth & Permissions page, "+
			"and install the app again.", "The bot token also has %s.", strings.Join(more, ", ")))
	}
	return found
}

// channel looks at one channel by conversations.info (Slack documentation, "Conversation object").
// What it does not tell, such as who may post in a channel with restrictions, only a message would
// show.
func (e *examination) channel(ctx context.Context, id string) finding.Finding {
	check := "channel " + id
	c, err := e.channelInfo(ctx, id)
	if err != nil {
		return refusal(check, err, map[string]advice{
			"channel_not_found": {
				"Correct the id in slack.channels, or type /invite @revokebot in the channel.",
				"Slack knows no such channel, or it is private and the bot is not in it.",
			},
			"team_access_not_granted": {
				"Have an admin of the organisation add the app to that workspace.",
				"The app was not added to the workspace that the channel is in.",
			},
			"missing_scope": {
				reinstall, "It cannot be checked without the scope for its kind (channels:read, groups:read).",
			},
		}, advice{"Check the channel in Slack.", "Slack does not tell about it"})
	}
	name := "#" + c.Name
	switch shared := isShared(c); {
	case c.IsArchived:
		return finding.Fail(check, "Unarchive it, or take it out of slack.channels.",
			"%s is archived: nothing can be posted there.", name)
	case !c.IsMember:
		return finding.Fail(check, "Type /invite @revokebot there.",
			"The bot is not in %s: it cannot post its card there.", name)
	case c.IsReadOnly:
		return finding.Fail(check, "Let the bot post there in the channel's settings, or use another channel.",
			"%s is read-only: Slack does not let the bot write there.", name)
	case shared && !e.cfg.AllowShared:
		return finding.Fail(check, "Use another channel, or set slack.allow_shared_channels if they may read along.",
			"%s is shared with another organisation, or about to be: requests there are refused.", name)
	case shared:
		return finding.Warn(check, "Use a channel of your own if they should not read along.",
			"%s is shared with another organisation, whose people read every card.", name)
	}
	if to := c.Properties; to != nil && len(to.PostingRestrictedTo.Type)+len(to.PostingRestrictedTo.User) > 0 &&
		!slices.Contains(to.PostingRestrictedTo.User, e.self.Load().user) {
		return finding.Warn(check, "Let the bot post there in the channel's settings.",
			"In %s only some may post, and it cannot be seen whether the bot is among them.", name)
	}
	return finding.Good(check, "The bot is in %s.", name)
}

// advice is what to do, and what was seen. What is no sentence gets Slack's answer behind it.
type advice struct{ fix, saw string }

// refusal is a check that Slack refused: what is known of its code, else of the kind of error, else
// the last.
func refusal(check string, err error, known map[string]advice, other advice) finding.Finding {
	e, _ := errors.AsType[*deliver.SlackError](err)
	if silent(e) {
		return noAnswer(check, e)
	}
	a, ok := known[e.Code]
	if !ok {
		a, ok = known[string(e.Kind)]
	}
	if !ok {
		a = other
	}
	if !strings.HasSuffix(a.saw, ".") {
		a.saw += fmt.Sprintf(" (%s answered %s).", e.Method, e.Code)
	}
	return finding.Fail(check, a.fix, "%s", a.saw)
}

// silent reports an error after which it is not known what Slack would have said.
func silent(e *deliver.SlackError) bool {
	return e == nil || e.Kind == deliver.SlackUnsure || e.Kind == deliver.SlackPassing
}

// noAnswer is a check to which Slack gave no answer that counts.
func noAnswer(check string, e *deliver.SlackError) finding.Finding {
	saw := "Slack did not answer in time."
	if e != nil && e.RetryAfter > 0 {
		return finding.Fail(check, "Ask again after that.", "Slack answers too many requests and refused %s for %s, "+
			"so what it would have said is not known.", e.Method, e.RetryAfter)
	}
	if e != nil && !errors.Is(e, context.DeadlineExceeded) {
		saw = fmt.Sprintf("Slack could not be asked (%s).", e)
	}
	return finding.Fail(check, "Check the path to Slack from here (network, proxy, SLACK_API_URL) and at "+
		"status.slack.com, and ask again.", "%s", saw)
}
