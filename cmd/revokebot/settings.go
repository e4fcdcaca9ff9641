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

// readSettings reads the environment. Its errors name the variable and say what to put there.
func readSettings(env environment) (settings, error) {
	var s settings
	var err error
	if s.appToken, err = secret(env, "SLACK_APP_TOKEN"); err != nil {
		return s, err
	}
	if s.botToken, err = secret(env, "SLACK_BOT_TOKEN"); err != nil {
		return s, err
	}
	if err := checkTokens(s.appToken, s.botToken); err != nil {
		return s, err
	}
	if s.slackAPI, err = slackAPI(env.getenv("SLACK_API_URL")); err != nil {
		return s, err
	}
	if s.redisURL, err = readRedisURL(env); err != nil {
		return s, err
	}
	if s.config = env.getenv("REVOKEBOT_CONFIG"); s.config == "" {
		return s, usagef("REVOKEBOT_CONFIG is missing: set it to the path of the configuration file; README.md has an example.")
	}
	if s.key, err = readKey(env); err != nil {
		return s, err
	}
	s.listen = defaultHealthListen
	if value, ok := env.lookupenv("REVOKEBOT_LISTEN"); ok {
		s.listen = strings.TrimSpace(value)
	}
	if s.listen != "" {
		if _, _, err := net.SplitHostPort(s.listen); err != nil {
			return s, usagef("REVOKEBOT_LISTEN is %s: give a host and a port such as %s, or leave it empty to turn health off.", shown(s.listen), defaultHealthListen)
		}
	}
	s.logJSON, s.logLevel, err = logSettings(env)
	return s, err
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

// checkTokens tells the kinds of Slack tokens apart by their prefixes, and never repeats any of their text.
func checkTokens(app, bot string) error {
	kind := func(token string) string {
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
	switch {
	case app == "":
		return usagef("SLACK_APP_TOKEN is missing: put the app-level token (xapp-…, scope connections:write) from the app's Basic Information page there.")
	case !strings.HasPrefix(app, "xapp-"):
		return usagef("SLACK_APP_TOKEN holds %s: put the app-level token (xapp-…) from the app's Basic Information page there.", kind(app))
	case strings.ContainsFunc(app, notInTokens):
		return usagef("SLACK_APP_TOKEN holds more than a token: put the app-level token (xapp-…) alone there, on one line.")
	case bot == "":
		return usagef("SLACK_BOT_TOKEN is missing: put the bot token (xoxb-…) from the app's OAuth & Permissions page there.")
	case !strings.HasPrefix(bot, "xoxb-"):
		return usagef("SLACK_BOT_TOKEN holds %s: put the bot token (xoxb-…) from the app's OAuth & Permissions page there.", kind(bot))
	case strings.ContainsFunc(bot, notInTokens):
		return usagef("SLACK_BOT_TOKEN holds more than a token: put the bot token (xoxb-…) alone there, on one line.")
	}
	return nil
}

// notInTokens tells the characters that cannot be sent in a header, or would end it.
func notInTokens(r rune) bool { return r <= ' ' || r > '~' }

func logSettings(env environment) (json bool, level slog.Level, err error) {
	switch value := env.getenv("REVOKEBOT_LOG"); value {
	case "json":
		json = true
	case "text":
	case "":
		json = !isTerminal(env.stderr)
	default:
		return false, 0, usagef("REVOKEBOT_LOG is %s: set it to json or text, or leave it out.", shown(value))
	}
	if value := env.getenv("REVOKEBOT_LOG_LEVEL"); value != "" {
		if err := level.UnmarshalText([]byte(value)); err != nil {
			return false, 0, usagef("REVOKEBOT_LOG_LEVEL is %s: set it to debug, info, warn or error.", shown(value))
		}
	}
	return json, level, nil
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
