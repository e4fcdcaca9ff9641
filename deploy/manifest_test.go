package deploy_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/deploy"
	"github.com/revokebot/revokebot/handlers/messages"
	standin "github.com/revokebot/revokebot/sandbox/slack"
)

// method is a method of Slack's Web API as slack-go calls it, with the bot scopes that it needs:
// Slack documentation, the page that has the method's name as its title, "Facts", for bot tokens.
type method struct {
	name   string
	scopes []string
}

// methods are those that the code may call. One that it calls and that is not here fails the test:
// whoever adds a call says here what it needs, and the manifest asks for that and no more.
func methods() map[string]method {
	return map[string]method{
		"AuthTestContext":                {"auth.test", nil},
		"ListTeamsContext":               {"auth.teams.list", nil},
		"StartSocketModeContext":         {"apps.connections.open", nil}, // the app-level token's, not the bot's
		"GetUserInfoContext":             {"users.info", []string{"users:read"}},
		"GetBotInfoContext":              {"bots.info", []string{"users:read"}},
		"GetUserGroupMembersContext":     {"usergroups.users.list", []string{"usergroups:read"}},
		"GetConversationInfoContext":     {"conversations.info", []string{"channels:read", "groups:read"}},
		"GetUsersInConversationContext":  {"conversations.members", []string{"channels:read", "groups:read"}},
		"OpenConversationContext":        {"conversations.open", []string{"im:write"}},
		"PostMessageWithResponseContext": {"chat.postMessage", []string{"chat:write"}},
		"UpdateMessageContext":           {"chat.update", []string{"chat:write"}},
		"OpenViewContext":                {"views.open", nil},
		"PublishViewContext":             {"views.publish", nil},
		"PostEphemeralContext":           {"chat.postEphemeral", []string{"chat:write"}},
		"GetConversationRepliesContext":  {"conversations.replies", []string{"channels:history", "groups:history"}},
		"GetUploadURLExternalContext":    {"files.getUploadURLExternal", []string{"files:write"}},
		"UploadToURL":                    {"the address that files.getUploadURLExternal gave", nil},
		"CompleteUploadExternalContext":  {"files.completeUploadExternal", []string{"files:write"}},
		"GetConversationHistoryContext":  {"conversations.history", []string{"channels:history", "groups:history"}},
	}
}

func manifest(t *testing.T) slack.Manifest {
	t.Helper()
	var m slack.Manifest
	if err := yaml.NewDecoder(bytes.NewReader(deploy.SlackManifest), yaml.Strict()).Decode(&m); err != nil {
		t.Fatalf("slack-manifest.yaml: %v", err)
	}
	return m
}

// called lists the methods of slack-go's client that the code calls, by any name: those of a
// selector that the client has, in files that import slack-go. Its methods for logging share their
// names with those of other types and call nothing.
func called(t *testing.T) []string {
	t.Helper()
	client := map[string]bool{}
	for m := range reflect.TypeFor[*slack.Client]().Methods() {
		client[m.Name] = !strings.HasPrefix(m.Name, "Debug")
	}
	var names []string
	for _, folder := range []string{"bot", "handlers", "cmd"} {
		err := filepath.WalkDir(filepath.Join("..", folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool {
				return i.Path.Value == `"github.com/slack-go/slack"`
			}) {
				return nil
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && client[s.Sel.Name] {
					names = append(names, s.Sel.Name)
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestTheManifestAsksForTheScopesThatTheCallsNeedAndNoOthers(t *testing.T) {
	known, names := methods(), called(t)
	if len(names) == 0 {
		t.Fatal("no call to Slack was found in the code")
	}
	need := []string{"commands"} // the slash command
	for _, name := range names {
		m, ok := known[name]
		if !ok {
			t.Errorf("the code calls %s: say in this test which method that is and what it needs", name)
		}
		need = append(need, m.scopes...)
		delete(known, name)
	}
	for name := range known {
		t.Errorf("nothing calls %s any more: take it out of this test", name)
	}
	slices.Sort(need)
	asked := slices.Sorted(slices.Values(manifest(t).OAuthConfig.Scopes.Bot))
	if diff := cmp.Diff(slices.Compact(need), asked); diff != "" {
		t.Errorf("scopes that are needed (-) and asked for (+):\n%s", diff)
	}
	// The tests of the whole bot run with the stand-in's scopes: those suffice.
	if diff := cmp.Diff(slices.Sorted(slices.Values(standin.DefaultScopes())), asked); diff != "" {
		t.Errorf("scopes of the stand-in (-) and asked for (+):\n%s", diff)
	}
	if user := manifest(t).OAuthConfig.Scopes.User; len(user) != 0 {
		t.Errorf("the manifest asks for user scopes: %v", user)
	}
}

func TestDoctorAsksForTheScopesOfTheManifest(t *testing.T) {
	var asked []string
	for _, s := range bot.Scopes() {
		asked = append(asked, s.Name)
	}
	if diff := cmp.Diff(manifest(t).OAuthConfig.Scopes.Bot, asked, cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Errorf("the manifest's (-) and doctor's (+):\n%s", diff)
	}
}

func TestTheManifestSetsUpWhatTheBotUses(t *testing.T) {
	m := manifest(t)
	if len(m.Features.SlashCommands) != 1 || m.Features.SlashCommands[0].Command != messages.Command {
		t.Errorf("slash commands: %+v, want %s alone", m.Features.SlashCommands, messages.Command)
	}
	if !m.Settings.SocketModeEnabled {
		t.Error("Socket Mode is off")
	}
	if m.Settings.Interactivity == nil || !m.Settings.Interactivity.IsEnabled {
		t.Error("interactivity is off: buttons would do nothing")
	}
	if e := m.Settings.EventSubscriptions; e == nil || !slices.Equal(e.BotEvents, []string{"app_home_opened"}) ||
		len(e.UserEvents) != 0 {
		t.Errorf("events: %+v, and the bot acts on the App Home being opened and on nothing else", e)
	}
	if !m.Features.AppHome.HomeTabEnabled {
		t.Error("there is no App Home to open")
	}
	if m.Settings.TokenRotationEnabled {
		t.Error("token rotation is on, and the bot does not rotate tokens")
	}
}

func TestTheManifestIsWithinSlacksLimits(t *testing.T) {
	m := manifest(t)
	// Slack documentation, "App manifest reference".
	for what, text := range map[string]struct {
		value string
		limit int
	}{
		"name":         {m.Display.Name, 35},
		"description":  {m.Display.Description, 140},
		"bot user":     {m.Features.BotUser.DisplayName, 80},
		"command":      {m.Features.SlashCommands[0].Command, 32},
		"command text": {m.Features.SlashCommands[0].Description, 2000},
		"usage hint":   {m.Features.SlashCommands[0].UsageHint, 1000},
	} {
		if n := utf8.RuneCountInString(text.value); n == 0 || n > text.limit {
			t.Errorf("%s: %d characters, want 1 to %d", what, n, text.limit)
		}
	}
}
