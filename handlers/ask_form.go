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
	"github.com/revokebot/revokebot/handlers/messages"
)

// formLookUp is how long it may take to find out who asks for the form: Slack lets it be opened for
// three seconds only.
const formLookUp = 1500 * time.Millisecond

// offerForm opens the form for a revocation to people who may ask for one: it leads to the names of
// roles. The others get the usage of the command.
func (h *Handlers) offerForm(ctx context.Context, item approvals.Item, c Command, to Listener) error {
	if c.Trigger == "" || item.Tries > 1 { // of a try before this one the form may be in front of them
		h.whisper(ctx, to, messages.Usage(h.Measures[0].Words, h.accountNames()))
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, formLookUp)
	allowed, standing := h.mayRequest(limited, c.User)
	cancel()
	if !allowed && standing != approvals.StandingUnknown {
		return h.refuse(ctx, item, c, to, "requester", messages.NotARequester(standing))
	}
	if !allowed || !h.openAskForm(ctx, c.Trigger, messages.FormOrigin{Channel: c.Channel, User: c.User}) {
		h.whisper(ctx, to, messages.Usage(h.Measures[0].Words, h.accountNames()))
	}
	return nil
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
	form, err := messages.AskForm(asking, origin)
	if err == nil {
		err = h.Slack.OpenForm(ctx, trigger, form)
	}
	if err != nil {
		h.Log.WarnContext(ctx, "the form for a revocation may not have opened", "user", origin.User, "error", err)
	}
	return err == nil
}

// Judge says what is wrong with a form as it is, by field, without asking anybody. It is asked
// before the form is recorded, and must answer at once.
func (h *Handlers) Judge(s Submission) map[string]string {
	if s.Form != messages.FormAsk {
		return nil
	}
	wrong := map[string]string{}
	if _, field, text := h.roleMeant(s); text != "" {
		wrong[field] = text
	}
	switch n := utf8.RuneCountInString(s.Reason); {
	case n > messages.MaxReason:
		wrong[messages.FieldReason] = messages.FieldReasonTooLong(n)
	case h.RequireReason && strings.TrimSpace(s.Reason) == "":
		wrong[messages.FieldReason] = messages.FieldReasonMissing
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
	if s.Account != "" && !h.configured(s.Account) {
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

// target finds out which role somebody means who has chosen an account, or none.
func (h *Handlers) target(account, text string) (aws.Target, error) {
	if account != "" && !strings.HasPrefix(text, "arn:") &&
		(!strings.Contains(text, "/") || strings.Contains(text, "://")) {
		text = account + "/" + text
	}
	return h.Cloud.Parse(text)
}

func (h *Handlers) configured(account string) bool {
	for _, a := range h.Cloud.Accounts() {
		if a.Name == account {
			return true
		}
	}
	return false
}

// submitAsk asks for what the form says, as a command of that person in the channel does.
func (h *Handlers) submitAsk(ctx context.Context, item approvals.Item, s Submission, to Listener) error {
	c := Command{
		RequestID: s.RequestID, Team: s.Team, Enterprise: s.Enterprise, App: s.App, Channel: s.Origin.Channel, User: s.User,
		Text: s.Role,
	}
	if s.Origin.User != s.User { // a form that was opened for somebody else
		return h.refuse(ctx, item, c, to, "form", messages.NotUnderstood())
	}
	for _, text := range h.Judge(s) { // this replica may be configured otherwise than the one that took the form
		return h.refuse(ctx, item, c, to, "form", messages.Plain(text))
	}
	if s.Origin.Home && h.atHome(c.Team, c.Enterprise) && slices.Contains(h.Channels, c.Channel) && !h.inChannel(ctx, to) {
		if err := h.noteRefused(ctx, item, c, "not_in_channel"); err != nil {
			return err
		}
		return h.drawHome(ctx, HomeOpened{Team: s.Team, App: s.App, User: s.User}, messages.HomeNotInChannel(c.Channel))
	}
	c.Text, _, _ = h.roleMeant(s)
	if reason := strings.TrimSpace(s.Reason); reason != "" {
		c.Text += " " + reason
	}
	if err := h.request(ctx, item, c, to); err != nil || !s.Origin.Home {
		return err
	}
	// Whoever asked there is still looking at it.
	return h.drawHome(ctx, HomeOpened{Team: s.Team, App: s.App, User: s.User}, messages.HomeAsked(c.Channel))
}
