package handlers

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// formLookUp is how long it may take to find out who asks for the form: Slack lets it be opened for
// three seconds only.
const formLookUp = 1500 * time.Millisecond

// offerForm opens the form for a revocation to people who may ask for one: it leads to the names of
// roles. The others get the usage of the command.
func (h *Handlers) offerForm(ctx context.Context, a act) error {
	if a.Trigger != "" && a.item.Tries <= 1 { // of a try before this one the form may be in front of them
		allowed, standing := h.mayRequestSoon(ctx, a.User)
		if !allowed && standing != approvals.StandingUnknown {
			return h.refuse(ctx, a, "requester", messages.NotEntitled(standing))
		}
		if allowed && h.openAskForm(ctx, a.Trigger, messages.FormOrigin{Channel: a.Channel, User: a.User}) {
			return nil
		}
	}
	return h.answer(ctx, a, messages.Usage("", messages.ExampleReason, h.accountNames()))
}

// mayRequestSoon is mayRequest for as long as a form can wait for it.
func (h *Handlers) mayRequestSoon(ctx context.Context, user string) (bool, approvals.Standing) {
	ctx, cancel := context.WithTimeout(ctx, formLookUp)
	defer cancel()
	return h.mayRequest(ctx, user)
}

// openAskForm opens the form and sees to it that there are roles to choose from. It reports whether
// Slack took the form.
func (h *Handlers) openAskForm(ctx context.Context, trigger string, origin messages.FormOrigin) bool {
	asking := messages.Asking{
		Typed: true, ReasonRequired: h.RequireReason, Margin: h.Margin, Chosen: h.Cloud.DefaultAccount(),
	}
	for _, a := range h.Cloud.Accounts() {
		asking.Accounts = append(asking.Accounts, messages.AccountChoice{Name: a.Name, ID: a.ID})
		h.keepListed(a.Name)
		list := h.Roles.Roles(a.Name)
		asking.Typed = asking.Typed && !list.Loaded && errors.Is(list.Err, aws.ErrAccessDenied)
	}
	err := h.Slack.OpenForm(ctx, trigger, messages.AskForm(asking, origin))
	if err != nil {
		h.Log.WarnContext(ctx, "the form for a revocation may not have opened", "user", origin.User, "error", err)
	}
	return err == nil
}

// ValidateForm says what is wrong with a form as it is, by field, without asking Slack or AWS. It
// is asked before the form is recorded, and must answer at once.
func (h *Handlers) ValidateForm(s Submission) map[string]string {
	wrong := map[string]string{}
	switch s.Form {
	case messages.FormAsk:
		if _, field, text := h.roleMeant(s); text != "" {
			wrong[field] = text
		}
	case messages.FormAddresses:
		if k, err := measures.Known(s.Addresses); err != nil || k.String() == "" {
			wrong[messages.FieldAddresses] = messages.FieldAddressesWrong(err)
		}
	default:
		return nil
	}
	switch n := utf8.RuneCountInString(s.Reason); {
	case n > messages.MaxReason:
		wrong[messages.FieldReason] = messages.ReasonTooLong(n).Text
	case h.RequireReason && strings.TrimSpace(s.Reason) == "":
		wrong[messages.FieldReason] = messages.ReasonMissing().Text
	}
	return wrong
}

// roleMeant says which role a form means, in the syntax of the command, or what is wrong with which
// field.
func (h *Handlers) roleMeant(s Submission) (reference, field, wrong string) {
	text := strings.TrimSpace(s.Role)
	if text == "" {
		return "", messages.FieldRole, messages.FieldRoleMissing
	}
	there := func(a aws.Account) bool { return a.Name == s.Account }
	if s.Account != "" && !slices.ContainsFunc(h.Cloud.Accounts(), there) {
		return "", messages.FieldAccount, messages.FieldAccountGone
	}
	if ref, isKey, err := h.Cloud.ParseKey(text); isKey {
		if err != nil {
			return "", messages.FieldRole, aws.Explain(err) + " Nothing was requested."
		}
		return strings.TrimPrefix(cmp.Or(ref.Account, s.Account)+"/"+ref.ID, "/"), "", ""
	}
	target, err := h.target(s.Account, text)
	if err != nil {
		return "", messages.FieldRole, aws.Explain(err) + " Nothing was requested."
	}
	if s.Account != "" && target.Account.Name != s.Account {
		return "", messages.FieldRole, messages.FieldOtherAccount(target.Account.Name, s.Account)
	}
	if target.GivenARN != "" {
		return target.GivenARN, "", ""
	}
	return target.Account.Name + "/" + target.RoleName, "", ""
}

// target finds the role that a person means who has chosen an account, or none.
func (h *Handlers) target(account, text string) (aws.Target, error) {
	if account != "" && !strings.HasPrefix(text, "arn:") &&
		(!strings.Contains(text, "/") || strings.Contains(text, "://")) {
		text = account + "/" + text
	}
	return h.Cloud.Parse(text)
}

// offerAddresses answers a restriction that says no addresses, at once. A second answer offers
// those from which the role was used, once CloudTrail has told them: a form would not wait for it.
func (h *Handlers) offerAddresses(ctx context.Context, a act, t aws.Target, reason string) error {
	name, _ := splitCommand(a.Text)
	command := strings.TrimSpace(a.before + name + " " + reason)
	err := h.refuse(ctx, a, "addresses", messages.NoAddresses(command, t.Account.Name))
	if !errors.Is(err, errAnswered) {
		return err
	}
	cause := h.surveys.ifFree(ctx, a.item, func(ctx context.Context, _ approvals.Item) error {
		return h.usedFrom(ctx, a, t, command)
	})
	if cause != nil {
		h.Log.InfoContext(ctx, "the addresses of a role are not offered", "role", t.RoleName, "error", cause)
	}
	return err
}

// usedFrom offers the addresses from which a role was used to a person who may ask for it.
func (h *Handlers) usedFrom(ctx context.Context, a act, t aws.Target, command string) error {
	if allowed, _ := h.mayRequest(ctx, a.User); !allowed {
		return nil
	}
	found, err := h.Roles.Describe(ctx, t, h.Measures[0].On, nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.mayLook, cancel)()
	usual, unusual, err := h.investigator.Addresses(ctx, record.Role{Role: found})
	if err == nil && len(usual)+len(unusual) > 0 {
		h.whisper(ctx, a, messages.UsedFrom(command, found.Name, messages.Known{Usual: usual, Unusual: unusual}))
	}
	return err
}

// openAddresses opens the form for the addresses of a restriction. Who may ask is looked up when it
// is sent.
func (h *Handlers) openAddresses(ctx context.Context, a act, offer messages.Known) error {
	before, rest := "", strings.TrimSpace(a.Text)
	if a.drill {
		_, rest = splitCommand(rest)
		before = wordDrill + " "
	}
	word, rest := splitCommand(rest)
	name, reason := splitCommand(rest)
	origin := messages.FormOrigin{Channel: a.Channel, User: a.User, Command: before + word + " " + name}
	err := h.Slack.OpenForm(ctx, a.Trigger, messages.AddressesForm(origin, reason, h.RequireReason, offer))
	if err != nil {
		h.Log.WarnContext(ctx, "the form for addresses may not have opened", "user", a.User, "error", err)
	}
	return nil
}

// submitAddresses asks for a restriction to the addresses that were typed, as a command does.
func (h *Handlers) submitAddresses(ctx context.Context, a act, s Submission) error {
	a.Text = s.Origin.Command
	if s.Origin.User != s.User {
		return h.refuse(ctx, a, "form", messages.NotUnderstood())
	}
	for _, text := range h.ValidateForm(s) {
		return h.refuse(ctx, a, "form", messages.Plain(text))
	}
	a.Text = strings.Join([]string{s.Origin.Command, s.Addresses, s.Reason}, " ")
	return h.command(ctx, a)
}

// submitAsk asks for what the form says, as a command of that person in the channel does.
func (h *Handlers) submitAsk(ctx context.Context, a act, s Submission) error {
	a.Text = s.Role
	if s.Origin.User != s.User { // a form that was opened for another person
		return h.refuse(ctx, a, "form", messages.NotUnderstood())
	}
	for _, text := range h.ValidateForm(s) { // this replica may be configured otherwise than the one that took the form
		return h.refuse(ctx, a, "form", messages.Plain(text))
	}
	if s.Origin.Home && h.Slack.Home().Holds(a.Place) && slices.Contains(h.Channels, a.Channel) && !h.inChannel(ctx, a) {
		if err := h.noteRefused(ctx, a, "not_in_channel"); err != nil {
			return err
		}
		return h.drawHome(ctx, a.Command, "", messages.HomeNotInChannel(a.Channel))
	}
	a.Text, _, _ = h.roleMeant(s)
	if reason := strings.TrimSpace(s.Reason); reason != "" {
		a.Text += " " + reason
	}
	if err := h.command(ctx, a); err != nil && !errors.Is(err, errAnswered) || !s.Origin.Home {
		return err
	}
	// The person who asked there is still looking at it.
	return h.drawHome(ctx, a.Command, "", messages.HomeAsked(a.Channel))
}
