package settings

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"

	"github.com/revokebot/revokebot/approvals"
)

// Settings are those of the environment, except AWS's own, which the SDK reads.
type Settings struct {
	AppToken, BotToken string
	SlackAPI           string
	RedisURL           string
	Config             string // path
	Listen             string // "" is off
	LogJSON            bool
	LogLevel           slog.Level
	Key                approvals.Key // zero: nothing is signed
}

const defaultHealthListen = "127.0.0.1:9090"

// Read reads the environment. Its error names the first variable that is wrong.
func Read(env Environment) (Settings, error) {
	s, wrong := ReadAll(env)
	if len(wrong) > 0 {
		return s, wrong[0]
	}
	return s, nil
}

// ReadAll reads the environment to its end. A setting that is wrong is as if it were empty.
func ReadAll(env Environment) (Settings, []*Error) {
	var s Settings
	var wrong []*Error
	keep := func(err *Error) {
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	take := func(into *string, value string, err *Error) {
		keep(err)
		if err == nil {
			*into = value
		}
	}
	app, err := slackToken(env, "SLACK_APP_TOKEN", appTokenForm)
	take(&s.AppToken, app, err)
	bot, err := slackToken(env, "SLACK_BOT_TOKEN", botTokenForm)
	take(&s.BotToken, bot, err)
	api, err := slackAPI(env.Get("SLACK_API_URL"))
	take(&s.SlackAPI, api, err)
	redis, err := redisURL(env)
	take(&s.RedisURL, redis, err)
	if s.Config = env.Get("REVOKEBOT_CONFIG"); s.Config == "" {
		keep(is("REVOKEBOT_CONFIG", "is missing",
			"set it to the path of the configuration file; docs/configuration.md has all of it"))
	}
	s.Key, err = signingKey(env)
	keep(err)
	listen, err := listenAddress(env)
	take(&s.Listen, listen, err)
	s.LogJSON, err = logForm(env)
	keep(err)
	s.LogLevel, err = logLevel(env)
	keep(err)
	return s, wrong
}

// listenAddress is where health is served; "" is nowhere.
func listenAddress(env Environment) (string, *Error) {
	address := defaultHealthListen
	if value, ok := env.Lookup("REVOKEBOT_LISTEN"); ok {
		address = strings.TrimSpace(value)
	}
	if address == "" {
		return "", nil
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return "", is("REVOKEBOT_LISTEN", "is "+Redact(address),
			"give a host and a port such as "+defaultHealthListen+", or leave it empty to turn health off")
	}
	return address, nil
}

// ReadKey reads the deployment's key; the zero Key when there is none.
func ReadKey(env Environment) (approvals.Key, error) {
	key, err := signingKey(env)
	return key, orNil(err)
}

// ReadRedisURL reads the address of Redis, which has to be there.
func ReadRedisURL(env Environment) (string, error) {
	address, err := redisURL(env)
	return address, orNil(err)
}

// orNil keeps a nil *Error from being an error that is not nil.
func orNil(err *Error) error {
	if err == nil {
		return nil
	}
	return err
}

func redisURL(env Environment) (string, *Error) {
	address, err := secret(env, "REDIS_URL")
	if err == nil && address == "" {
		err = is("REDIS_URL", "is missing", "set it to the address of a Redis server, such as redis://localhost:6379/0")
	}
	return address, err
}

// slackAPI checks the base of Slack's Web API; "" is Slack's own.
func slackAPI(address string) (string, *Error) {
	address = strings.TrimSpace(address)
	u, err := url.Parse(address)
	if address != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" ||
		u.Fragment != "") {
		return "", is("SLACK_API_URL", "is "+Redact(address)+", which is not the address of a Web API",
			"leave it out for Slack, or give one such as https://slack-gov.com/api/")
	}
	return address, nil
}

// signingKey is the key of an Ed25519 seed in base64; of nothing it is no key.
func signingKey(env Environment) (approvals.Key, *Error) {
	text, wrong := secret(env, "REVOKEBOT_SIGNING_KEY")
	if wrong != nil || text == "" {
		return approvals.Key{}, wrong
	}
	seed, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err == nil {
		var key approvals.Key
		if key, err = approvals.NewKey(seed); err == nil {
			return key, nil
		}
	}
	return approvals.Key{}, is("REVOKEBOT_SIGNING_KEY", "is not an Ed25519 seed", fmt.Sprintf(
		"put the base64 text of %d random bytes there, such as openssl rand -base64 %d prints", ed25519.SeedSize,
		ed25519.SeedSize))
}

// secret reads NAME, or the file that NAME_FILE names.
func secret(env Environment, name string) (string, *Error) {
	value, path := env.Get(name), env.Get(name+"_FILE")
	switch {
	case value != "" && path != "":
		return "", says(name, name+" and "+name+"_FILE are both set", "keep one of them")
	case path == "":
		return strings.TrimSpace(value), nil
	}
	data, err := readFile(path)
	if err != nil {
		return "", says(name, name+"_FILE names a file that cannot be read ("+FileTrouble(err)+")",
			"give the path of a file that holds the value, not the value itself")
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return "", says(name, name+"_FILE names an empty file", "put the value into it")
	}
	return text, nil
}

// String keeps tokens out of logs, should settings ever be printed.
func (s Settings) String() string {
	return fmt.Sprintf("config %s, listen %s", s.Config, s.Listen)
}

// MarshalText does the same for JSON.
func (s Settings) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
