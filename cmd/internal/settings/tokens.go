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
func slackToken(env Environment, variable string, form tokenForm) (string, *Error) {
	text, err := secret(env, variable)
	switch {
	case err != nil:
		return "", err
	case text == "":
		return "", is(variable, "is missing",
			"put the "+form.name+" ("+form.prefix+"…"+form.hint+") from the app's "+form.page+" page there")
	case !strings.HasPrefix(text, form.prefix):
		return "", is(variable, "holds "+kindOfToken(text),
			"put the "+form.name+" ("+form.prefix+"…) from the app's "+form.page+" page there")
	case strings.ContainsFunc(text, notInTokens):
		return "", is(variable, "holds more than a token",
			"put the "+form.name+" ("+form.prefix+"…) alone there, on one line")
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
