package bot

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/internal/hosts"
)

// slackDomains are those of Slack and of GovSlack.
var slackDomains = []string{"slack.com", "slack-gov.com"}

// stayHere answers a redirect with the redirect itself: a token or a ticket goes to no other
// address than the one it is for.
func stayHere(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// ofAPI reports whether a host is that of the Web API, below it, or Slack's.
func (s *slackClient) ofAPI(host string) bool {
	return slices.ContainsFunc(append(slackDomains, s.base.Hostname()), func(domain string) bool {
		return strings.EqualFold(host, domain) ||
			len(host) > len(domain) && strings.EqualFold(host[len(host)-len(domain)-1:], "."+domain)
	})
}

// checkSocket refuses the address of a WebSocket that would carry its ticket and every click
// unencrypted, or to a host that is not the Web API's. The address is a credential: the error does
// not repeat it.
func (s *slackClient) checkSocket(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "wss" && u.Scheme != "ws" || u.User != nil || !s.ofAPI(u.Hostname()):
		return errors.New("the Web API gave the address of a WebSocket that is not its own, which was not called")
	case hosts.Plain(u):
		return errors.New("the Web API gave the address of a WebSocket without TLS, which was not called")
	}
	return nil
}

// trusts reports whether a response URL leads to Slack, or to the server that stands in for it.
func (s *slackClient) trusts(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return false
	}
	if u.Scheme == "https" && (u.Port() == "" || u.Port() == "443") &&
		(u.Hostname() == "hooks.slack.com" || u.Hostname() == "hooks.slack-gov.com") {
		return true
	}
	return u.Scheme == s.base.Scheme && u.Hostname() == s.base.Hostname() && port(u) == port(s.base)
}

func port(u *url.URL) string {
	if u.Port() == "" {
		return map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Port()
}
