package web

import (
	"slices"
	"strings"
	"unicode"

	"github.com/revokebot/revokebot/sandbox/slack"
)

// shades is how many avatar colours the style sheet has.
const shades = 8

// names gives blocks the names of the workspace.
type names struct{ slack *slack.Server }

func (n names) User(id string) (string, bool) {
	users := n.slack.Users()
	if i := slices.IndexFunc(users, func(u slack.User) bool { return u.ID == id }); i >= 0 {
		return users[i].RealName, true
	}
	return "", false
}

func (n names) Channel(id string) (string, bool) {
	channels := n.slack.Channels()
	if i := slices.IndexFunc(channels, func(c slack.Channel) bool { return c.ID == id }); i >= 0 {
		return channels[i].Name, true
	}
	return "", false
}

func (n names) Group(id string) (string, bool) {
	groups := n.slack.Groups()
	if i := slices.IndexFunc(groups, func(g slack.Group) bool { return g.ID == id }); i >= 0 {
		return groups[i].Handle, true
	}
	return "", false
}

// initials are what an avatar shows.
func initials(name string) string {
	var out []rune
	for word := range strings.FieldsSeq(name) {
		r := []rune(word)[0]
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			out = append(out, unicode.ToUpper(r))
		}
		if len(out) == 2 {
			break
		}
	}
	if len(out) == 0 {
		return "?"
	}
	return string(out)
}

// shade is the number of a person's avatar colour: their place among the people, so that it stays
// and few share one.
func (n names) shade(id string) int {
	i := slices.IndexFunc(n.slack.Users(), func(u slack.User) bool { return u.ID == id })
	return max(i, 0) % shades
}
