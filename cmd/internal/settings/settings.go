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
	"github.com/revokebot/revokebot/internal/hosts"
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
	WebhookURL         string        // "": none
	WebhookSecret      string
}

const defaultHealthListen = "127.0.0.1:9090"

// Read reads the environment. Its error names the first variable that is wrong.
func Read(env Environment) (Settings, error) {
	r := reader{Environment: env}
	return r.all(), r.err()
}

// ReadAll reads the environment to its end. A setting that is wrong is as if it were empty.
func ReadAll(env Environment) (Settings, []*Error) {
	r := reader{Environment: env}
	return r.all(), r.wrong
}

// ReadKey reads the deployment's key; the zero Key when there is none.
func ReadKey(env Environment) (approvals.Key, error) {
	r := reader{Environment: env}
	return r.signingKey(), r.err()
}

// ReadRedisURL reads the address of Redis, which has to be there.
func ReadRedisURL(env Environment) (string, error) {
	r := reader{Environment: env}
	return r.redisURL(), r.err()
}

// reader reads variables and gathers what is wrong with them. What is wrong reads as empty.
type reader struct {
	Environment
	wrong []*Error
}

func (r *reader) err() error {
	if len(r.wrong) > 0 {
		return r.wrong[0]
	}
	return nil
}

// bad takes note of what is wrong and returns "".
func (r *reader) bad(e *Error) string {
	r.wrong = append(r.wrong, e)
	return ""
}

func (r *reader) all() Settings {
	s := Settings{
		AppToken: r.slackToken("SLACK_APP_TOKEN", appTokenForm), BotToken: r.slackToken("SLACK_BOT_TOKEN", botTokenForm),
		SlackAPI: r.slackAPI(), RedisURL: r.redisURL(), Config: r.Get("REVOKEBOT_CONFIG"),
	}
	if s.Config == "" {
		r.bad(is("REVOKEBOT_CONFIG", "is missing",
			"set it to the path of the configuration file; docs/configuration.md has all of it"))
	}
	s.Key, s.Listen, s.LogJSON, s.LogLevel = r.signingKey(), r.listenAddress(), r.logForm(), r.logLevel()
	s.WebhookURL, s.WebhookSecret = r.webhook()
	return s
}

// leastSecret is the length of the shortest secret that is taken, in characters.
const leastSecret = 16

// webhook is where events are sent to, and the secret that signs them. The address may hold a
// secret of the receiver, so it is not repeated.
func (r *reader) webhook() (address, secret string) {
	const where, what = "REVOKEBOT_WEBHOOK_URL", "REVOKEBOT_WEBHOOK_SECRET"
	address, ok := r.secret("REVOKEBOT_WEBHOOK_URL")
	secret, read := r.secret("REVOKEBOT_WEBHOOK_SECRET")
	if !ok || !read || address == "" && secret == "" {
		return "", ""
	}
	switch u, err := url.Parse(address); {
	case address == "":
		r.bad(is(where, "is missing, and "+what+" is set", "set both, or neither"))
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Fragment != "":
		r.bad(is(where, "is not an address that events can be sent to", "give one such as https://soc.example.com/revokebot"))
	case hosts.Plain(u):
		r.bad(is(where, "leads to another machine without TLS", "use https://"))
	case secret == "":
		r.bad(is(what, "is missing", "set it to what openssl rand -base64 32 prints, and give the receiver the same"))
	case len(secret) < leastSecret:
		r.bad(is(what, fmt.Sprintf("has %d characters", len(secret)), fmt.Sprintf("use %d or more", leastSecret)))
	default:
		return address, secret
	}
	return "", ""
}

// listenAddress is where health is served; "" is nowhere.
func (r *reader) listenAddress() string {
	address := defaultHealthListen
	if value, ok := r.Lookup("REVOKEBOT_LISTEN"); ok {
		address = strings.TrimSpace(value)
	}
	if _, _, err := net.SplitHostPort(address); address != "" && err != nil {
		return r.bad(is("REVOKEBOT_LISTEN", "is "+Redact(address),
			"give a host and a port such as "+defaultHealthListen+", or leave it empty to turn health off"))
	}
	return address
}

func (r *reader) redisURL() string {
	address, ok := r.secret("REDIS_URL")
	if ok && address == "" {
		r.bad(is("REDIS_URL", "is missing", "set it to the address of a Redis server, such as redis://localhost:6379/0"))
	}
	return address
}

// slackAPI is the base of Slack's Web API; "" is Slack's own.
func (r *reader) slackAPI() string {
	address := strings.TrimSpace(r.Get("SLACK_API_URL"))
	u, err := url.Parse(address)
	if address != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" ||
		u.Fragment != "") {
		return r.bad(is("SLACK_API_URL", "is "+Redact(address)+", which is not the address of a Web API",
			"leave it out for Slack, or give one such as https://slack-gov.com/api/"))
	}
	return address
}

// signingKey is the key of an Ed25519 seed in base64; of nothing it is no key.
func (r *reader) signingKey() (key approvals.Key) {
	text, _ := r.secret("REVOKEBOT_SIGNING_KEY")
	if text == "" {
		return key
	}
	seed, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err == nil {
		key, err = approvals.NewKey(seed)
	}
	if err != nil {
		r.bad(is("REVOKEBOT_SIGNING_KEY", "is not an Ed25519 seed", fmt.Sprintf(
			"put the base64 text of %d random bytes there, such as openssl rand -base64 %d prints", ed25519.SeedSize,
			ed25519.SeedSize)))
		return approvals.Key{}
	}
	return key
}

// secret reads NAME, or the file that NAME_FILE names. It is not ok if that cannot be read.
func (r *reader) secret(name string) (text string, ok bool) {
	value, path := r.Get(name), r.Get(name+"_FILE")
	switch {
	case value != "" && path != "":
		return r.bad(says(name, name+" and "+name+"_FILE are both set", "keep one of them")), false
	case path == "":
		return strings.TrimSpace(value), true
	}
	data, err := readFile(path)
	if err != nil {
		return r.bad(says(name, name+"_FILE names a file that cannot be read ("+FileTrouble(err)+")",
			"give the path of a file that holds the value, not the value itself")), false
	}
	if text = strings.TrimSpace(string(data)); text == "" {
		return r.bad(says(name, name+"_FILE names an empty file", "put the value into it")), false
	}
	return text, true
}

// String keeps tokens out of logs, should settings ever be printed.
func (s Settings) String() string {
	return fmt.Sprintf("config %s, listen %s", s.Config, s.Listen)
}

// MarshalText does the same for JSON.
func (s Settings) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
