package settings

import "strings"

// tokenForm is a kind of Slack token.
type tokenForm struct{ prefix, name, hint, page string }

var (
	appTokenForm = tokenForm{"xapp-", "app-level token", ", scope connections:write", "Basic Information"}
	botTokenForm = tokenForm{"xoxb-", "bot token", "", "OAuth & Permissions"}
)

// slackToken reads a Slack token and tells the kinds apart by their prefixes. It never repeats any
// of its text.
func (r *reader) slackToken(variable string, form tokenForm) string {
	text, ok := r.secret(variable)
	wrong, hint, where := "", "", " from the app's "+form.page+" page there"
	switch {
	case !ok:
		return ""
	case text == "":
		wrong, hint = "is missing", form.hint
	case !strings.HasPrefix(text, form.prefix):
		wrong = "holds " + kindOfToken(text)
	case strings.ContainsFunc(text, notInTokens):
		wrong, where = "holds more than a token", " alone there, on one line"
	default:
		return text
	}
	return r.bad(is(variable, wrong, "put the "+form.name+" ("+form.prefix+"…"+hint+")"+where))
}

func kindOfToken(token string) string {
	for prefix, kind := range map[string]string{
		"xapp-": "an app-level token (xapp-…)", "xoxb-": "a bot token (xoxb-…)", "xoxp-": "a user token (xoxp-…)",
		"xoxe": "a configuration or rotating token (xoxe…)",
	} {
		if strings.HasPrefix(token, prefix) {
			return kind
		}
	}
	return "no Slack token"
}

// notInTokens tells the characters that cannot be sent in a header, or would end it.
func notInTokens(r rune) bool { return r <= ' ' || r > '~' }
