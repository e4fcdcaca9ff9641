package handlers

import (
	"cmp"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/messages"
)

// Suggestion is what a requester has typed into the menu of roles of the form. It is no item: the
// answer is the acknowledgement.
type Suggestion struct {
	approvals.Place
	User    string
	Text    string              // what was typed so far
	Account string              // what is chosen in the form, "" nothing or nothing that Slack says
	Origin  messages.FormOrigin // as it was put into the form when it was opened
}

// maxSuggested is how many roles are offered. A person reads no more, and Slack shows a hundred at
// most.
const maxSuggested = 50

// Suggest answers with the roles that what was typed could mean, from memory and at once. A list
// that is not there, or old, is read in the background; meanwhile what was typed is offered as it
// is. Names of roles are told only in a form that was opened for this person, which it is after a
// look who they are.
func (h *Handlers) Suggest(s Suggestion) any {
	if !h.Slack.Home().Holds(s.Place) || s.User == "" || s.Origin.User != s.User {
		return messages.RoleOptions(nil, false)
	}
	accounts := h.Cloud.Accounts()
	var choices, typed []messages.RoleChoice
	text := s.Text
	if ref, isKey, err := h.Cloud.ParseKey(text); isKey && err == nil { // whose it is takes longer than an answer may
		choice := messages.RoleChoice{Account: cmp.Or(ref.Account, s.Account), Name: ref.ID, Key: true}
		return messages.RoleOptions([]messages.RoleChoice{choice}, choice.Account != "")
	}
	if strings.ContainsAny(text, "/:") { // account/name, or an ARN, which say the account themselves
		if target, err := h.Cloud.Parse(text); err == nil {
			if target.Kind == contain.User {
				return messages.RoleOptions([]messages.RoleChoice{{Name: target.GivenARN, User: true}}, false)
			}
			text, s.Account = target.RoleName, target.Account.Name
		}
	}
	most := maxSuggested
	if s.Account == "" {
		most = max(3, maxSuggested/len(accounts))
	}
	for _, a := range accounts {
		if s.Account != "" && a.Name != s.Account {
			continue
		}
		h.keepListed(a.Name)
		list := h.Roles.Roles(a.Name)
		for _, r := range list.Find(text, most) {
			choices = append(choices, messages.RoleChoice{Account: a.Name, Name: r.Name, Path: r.Path})
		}
		// A role may be younger than the list. Without an account it would be offered once for each.
		if target, err := h.target(a.Name, text); err == nil && !list.Holds(target.RoleName) &&
			(!list.Loaded || s.Account != "" || len(accounts) == 1) {
			typed = append(typed, messages.RoleChoice{
				Account: a.Name, Name: target.RoleName, Typed: true, Unlisted: !list.Loaded,
			})
		}
	}
	later := func(c messages.RoleChoice) int {
		if begins(c.Name, text) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(choices, func(a, b messages.RoleChoice) int { return later(a) - later(b) })
	choices = choices[:min(len(choices), maxSuggested)]
	return messages.RoleOptions(append(choices, typed...), len(accounts) > 1)
}

// begins reports whether a name begins with a text, without regard to case. Names of roles are
// ASCII.
func begins(name, text string) bool {
	return len(name) >= len(text) && strings.EqualFold(name[:len(text)], text)
}

// keepListed has the list of an account's roles read in the background if it is not there or old.
func (h *Handlers) keepListed(account string) {
	if h.mayLook.Err() != nil || !h.Roles.Roles(account).Stale {
		return
	}
	h.listing.Go(func() { h.readList(account) })
}

func (h *Handlers) readList(account string) {
	if err := h.Roles.LoadRoles(h.mayLook, account); err != nil && h.mayLook.Err() == nil {
		h.Log.WarnContext(h.mayLook, "the roles of an account cannot be listed; they are typed in the form",
			"account", account, "error", err)
	}
}
