package handlers

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/handlers/messages"
)

const (
	mostMeant  = 3               // roles of an account that are offered in place of a mistyped one
	listedSoon = 3 * time.Second // how long the sender of a mistyped name waits for a list of roles
)

// whichAccount asks the sender of a name without an account which one is meant. The lists of roles
// are for people who may ask in this channel, as for a role that was looked up.
func (h *Handlers) whichAccount(ctx context.Context, a act, t aws.Target, cause error) error {
	_, err := h.admit(ctx, a, t, approvals.ModeDo, measures.Kind{}, func(context.Context) (role.Role, error) {
		return role.Role{}, cause
	})
	return err
}

// didYouMean offers the roles that may be meant by a name that no role has, or that says no
// account: a button each, which sends the command with that role and all else as it was typed.
func (h *Handlers) didYouMean(ctx context.Context, a act, t aws.Target, cause error) (*messages.Message, bool) {
	account := t.Account.Name
	if t.Key != "" || t.Kind == contain.User || account != "" && !errors.Is(cause, aws.ErrNoSuchRole) {
		return nil, false
	}
	ctx, cancel := context.WithTimeout(ctx, listedSoon)
	defer cancel()
	var here, near, all []string
	for _, one := range h.Cloud.Accounts() {
		if account == "" || one.Name == account {
			h.keepListed(one.Name)
		}
	}
	for _, one := range h.Cloud.Accounts() {
		if account != "" && one.Name != account {
			continue
		}
		list := h.roleList(ctx, one.Name)
		all = append(all, one.Name+"/"+t.RoleName)
		if account == "" && (!list.Loaded || list.Holds(t.RoleName)) {
			here = append(here, one.Name+"/"+t.RoleName)
		}
		for _, r := range list.Near(t.RoleName, mostMeant) {
			near = append(near, one.Name+"/"+r.Name)
		}
	}
	switch {
	case len(here) > 0:
		near = here
	case len(near) == 0 && account == "":
		near = all
	}
	_, rest := splitCommand(a.Text)
	var meant []messages.Meant
	for _, name := range near {
		meant = append(meant, messages.Meant{Role: name, Command: strings.TrimSpace(a.before + name + " " + rest)})
	}
	return messages.DidYouMean(t.RoleName, account, meant, a.drill), true
}

// roleList is the list of an account's roles. One that was never read is waited for.
func (h *Handlers) roleList(ctx context.Context, account string) role.RoleList {
	if list := h.Roles.Roles(account); list.Loaded {
		return list
	}
	read := make(chan struct{})
	h.listing.Go(func() {
		defer close(read)
		h.readList(account)
	})
	select {
	case <-read:
	case <-ctx.Done():
	}
	return h.Roles.Roles(account)
}

// meant reads which role or user, and why, is asked for. What cannot be read is answered.
func (h *Handlers) meant(ctx context.Context, a act, name, reason string) (target aws.Target, err error) {
	if n := utf8.RuneCountInString(reason); n > messages.MaxReason {
		return target, h.refuse(ctx, a, "reason_too_long", messages.ReasonTooLong(n))
	}
	if h.RequireReason && reason == "" {
		return target, h.refuse(ctx, a, "reason_missing", messages.ReasonMissing())
	}
	key, isKey, err := h.Cloud.ParseKey(name)
	switch {
	case !isKey:
		target, err = h.Cloud.Parse(name)
	case err == nil:
		next, _ := splitCommand(reason)
		if err := aws.OneKey(key.ID + " " + next); err != nil {
			return target, h.refuseRole(ctx, a, err)
		}
		// Only people who may ask learn whose a key is.
		if allowed, standing := h.mayRequest(ctx, a.User); !allowed {
			return target, h.refuse(ctx, a, "requester", messages.NotEntitled(standing))
		}
		target, err = h.holder(ctx, key)
	}
	if err != nil && target.RoleName != "" {
		return target, h.whichAccount(ctx, a, target, err)
	}
	if err != nil {
		return target, h.refuseRole(ctx, a, err)
	}
	return target, nil
}

// refuseRole answers a command whose role cannot be used.
func (h *Handlers) refuseRole(ctx context.Context, a act, cause error) error {
	text := sentenceOf(cause)
	if text == "" {
		h.Log.ErrorContext(ctx, "the role could not be looked up", "user", a.User, "error", cause)
		return h.refuse(ctx, a, "role", messages.GaveUpOn())
	}
	h.Log.InfoContext(ctx, "the role could not be used", "user", a.User, "error", cause)
	answer := messages.Plain(text)
	if refused, ok := errors.AsType[*aws.RefusedError](cause); ok {
		answer = messages.RefusedRole(text, refused.Steps, refused.Document)
	}
	return h.refuse(ctx, a, "role", answer)
}

// listedWords are those of the measures that exist in any account, behind those of the first.
func (h *Handlers) listedWords() []messages.Words {
	all := []messages.Words{h.Measures[0].Words}
	for _, k := range h.Measures[1:] {
		if slices.ContainsFunc(slices.Collect(maps.Values(h.Policies)), func(p approvals.Policy) bool {
			return slices.Contains(p.Measures, k.Name)
		}) {
			all = append(all, k.Words)
		}
	}
	return all
}

func (h *Handlers) accountNames() []string {
	return slices.Sorted(maps.Keys(h.Policies))
}

// splitCommand takes the role and the reason out of the command's text. White space of any kind
// parts them.
func splitCommand(text string) (role, reason string) {
	text = strings.TrimSpace(text)
	if i := strings.IndexFunc(text, unicode.IsSpace); i >= 0 {
		return text[:i], strings.TrimSpace(text[i:])
	}
	return text, ""
}
