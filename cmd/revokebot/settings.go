package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/revokebot/revokebot/approvals"
)

// settings are those of the environment, except AWS's own, which the SDK reads.
type settings struct {
	appToken, botToken string
	slackAPI           string
	redisURL           string
	config             string // path
	listen             string // "" is off
	logJSON            bool
	logLevel           slog.Level
	key                approvals.Key // zero: nothing is signed
}

const defaultHealthListen = "127.0.0.1:9090"

// readSettings reads the environment. Its errors name the variable and say what to put there; of several it is the first.
func readSettings(env environment) (settings, error) {
	s, wrong := everySetting(env)
	if len(wrong) > 0 {
		return s, wrong[0].err
	}
	return s, nil
}

// settingError is a variable that is wrong or missing.
type settingError struct {
	name string
	err  error // a *usageError
}

// everySetting reads the environment to its end. A setting that is wrong is as if it were empty.
func everySetting(env environment) (settings, []settingError) {
	var s settings
	var wrong []settingError
	take := func(name string, into *string, read func() (string, error)) {
		value, err := read()
		if err != nil {
			wrong = append(wrong, settingError{name, err})
			return
		}
		*into = value
	}
	take("SLACK_APP_TOKEN", &s.appToken, func() (string, error) { return token(env, "SLACK_APP_TOKEN", appTokenForm) })
	take("SLACK_BOT_TOKEN", &s.botToken, func() (string, error) { return token(env, "SLACK_BOT_TOKEN", botTokenForm) })
	take("SLACK_API_URL", &s.slackAPI, func() (string, error) { return slackAPI(env.getenv("SLACK_API_URL")) })
	take("REDIS_URL", &s.redisURL, func() (string, error) { return readRedisURL(env) })
	take("REVOKEBOT_CONFIG", &s.config, func() (string, error) {
		path := env.getenv("REVOKEBOT_CONFIG")
		if path == "" {
			return "", usagef("REVOKEBOT_CONFIG is missing: set it to the path of the configuration file; docs/configuration.md has all of it.")
		}
		return path, nil
	})
	take("REVOKEBOT_SIGNING_KEY", new(string), func() (_ string, err error) {
		s.key, err = readKey(env)
		return "", err
	})
	take("REVOKEBOT_LISTEN", &s.listen, func() (string, error) { return listenAddress(env) })
	var err error
	if s.logJSON, err = logForm(env); err != nil {
		wrong = append(wrong, settingError{"REVOKEBOT_LOG", err})
	}
	if s.logLevel, err = logLevel(env); err != nil {
		wrong = append(wrong, settingError{"REVOKEBOT_LOG_LEVEL", err})
	}
	return s, wrong
}

// listenAddress is where health is served; "" is nowhere.
func listenAddress(env environment) (string, error) {
	address := defaultHealthListen
	if value, ok := env.lookupenv("REVOKEBOT_LISTEN"); ok {
		address = strings.TrimSpace(value)
	}
	if address == "" {
		return "", nil
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return "", usagef("REVOKEBOT_LISTEN is %s: give a host and a port such as %s, or leave it empty to turn health off.", shown(address), defaultHealthListen)
	}
	return address, nil
}

// readKey reads the deployment's key; the zero Key when there is none.
func readKey(env environment) (approvals.Key, error) {
	text, err := secret(env, "REVOKEBOT_SIGNING_KEY")
	if err != nil {
		return approvals.Key{}, err
	}
	return signingKey(text)
}

// readRedisURL reads REDIS_URL.
func readRedisURL(env environment) (string, error) {
	address, err := secret(env, "REDIS_URL")
	if err == nil && address == "" {
		err = usagef("REDIS_URL is missing: set it to the address of a Redis server, such as redis://localhost:6379/0.")
	}
	return address, err
}

// slackAPI checks the base of Slack's Web API; "" is Slack's own.
func slackAPI(address string) (string, error) {
	address = strings.TrimSpace(address)
	u, err := url.Parse(address)
	if address != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "") {
		return "", usagef("SLACK_API_URL is %s, which is not the address of a Web API: leave it out for Slack, or give one such as https://slack-gov.com/api/.", shown(address))
	}
	return address, nil
}

// signingKey is the key of an Ed25519 seed in base64; of nothing it is no key.
func signingKey(text string) (approvals.Key, error) {
	if text == "" {
		return approvals.Key{}, nil
	}
	seed, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil || len(seed) != ed25519.SeedSize {
		return approvals.Key{}, usagef("REVOKEBOT_SIGNING_KEY is not an Ed25519 seed: put the base64 text of %d random bytes there, such as openssl rand -base64 %d prints.", ed25519.SeedSize, ed25519.SeedSize)
	}
	return approvals.NewKey(seed)
}

// secret reads NAME, or the file that NAME_FILE names.
func secret(env environment, name string) (string, error) {
	value, path := env.getenv(name), env.getenv(name+"_FILE")
	switch {
	case value != "" && path != "":
		return "", usagef("%s and %s_FILE are both set: keep one of them.", name, name)
	case path == "":
		return strings.TrimSpace(value), nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", usagef("%s_FILE names a file that cannot be read (%s): give the path of a file that holds the value, not the value itself.", name, fileTrouble(err))
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return "", usagef("%s_FILE names an empty file: put the value into it.", name)
	}
	return text, nil
}

// tokenForm is a kind of Slack token.
type tokenForm struct{ prefix, name, hint, page string }

var (
	appTokenForm = tokenForm{"xapp-", "app-level token", ", scope connections:write", "Basic Information"}
	botTokenForm = tokenForm{"xoxb-", "bot token", "", "OAuth & Permissions"}
)

// token reads a Slack token and tells the kinds apart by their prefixes. It never repeats any of its text.
func token(env environment, variable string, form tokenForm) (string, error) {
	text, err := secret(env, variable)
	switch {
	case err != nil:
		return "", err
	case text == "":
		return "", usagef("%s is missing: put the %s (%s…%s) from the app's %s page there.", variable, form.name, form.prefix, form.hint, form.page)
	case !strings.HasPrefix(text, form.prefix):
		return "", usagef("%s holds %s: put the %s (%s…) from the app's %s page there.", variable, kindOfToken(text), form.name, form.prefix, form.page)
	case strings.ContainsFunc(text, notInTokens):
		return "", usagef("%s holds more than a token: put the %s (%s…) alone there, on one line.", variable, form.name, form.prefix)
	}
	return text, nil
}

func kindOfToken(token string) string {
	switch {
	case strings.HasPrefix(token, "xapp-"):
		return "an app-level token (xapp-…)"
	case strings.HasPrefix(token, "xoxb-"):
		return "a bot token (xoxb-…)"
	case strings.HasPrefix(token, "xoxp-"):
		return "a user token (xoxp-…)"
	case strings.HasPrefix(token, "xoxe"):
		return "a configuration or rotating token (xoxe…)"
	default:
		return "no Slack token"
	}
}

// notInTokens tells the characters that cannot be sent in a header, or would end it.
func notInTokens(r rune) bool { return r <= ' ' || r > '~' }

func logSettings(env environment) (json bool, level slog.Level, err error) {
	if json, err = logForm(env); err == nil {
		level, err = logLevel(env)
	}
	return json, level, err
}

func logForm(env environment) (json bool, err error) {
	switch value := env.getenv("REVOKEBOT_LOG"); value {
	case "json":
		return true, nil
	case "text":
		return false, nil
	case "":
		return !isTerminal(env.stderr), nil
	default:
		return false, usagef("REVOKEBOT_LOG is %s: set it to json or text, or leave it out.", shown(value))
	}
}

func logLevel(env environment) (level slog.Level, err error) {
	if value := env.getenv("REVOKEBOT_LOG_LEVEL"); value != "" {
		if err := level.UnmarshalText([]byte(value)); err != nil {
			return 0, usagef("REVOKEBOT_LOG_LEVEL is %s: set it to debug, info, warn or error.", shown(value))
		}
	}
	return level, nil
}

// logger writes to the terminal's error stream.
func logger(w io.Writer, json bool, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if json {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// String keeps tokens out of logs, should settings ever be printed.
func (s settings) String() string {
	return fmt.Sprintf("config %s, listen %s", s.config, s.listen)
}
