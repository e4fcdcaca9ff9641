package handlers

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/investigate"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
	"github.com/revokebot/revokebot/internal/times"
)

// Command is a slash command, the Body of an item of KindCommand.
type Command struct {
	approvals.Place
	RequestID   string `json:"request_id"` // the id a request gets if one comes of it; made when the envelope came in
	User        string `json:"user"`
	Text        string `json:"text"`
	Secret      bool   `json:"secret,omitempty"` // a secret was dropped from Text
	ResponseURL string `json:"response_url,omitempty"`
	// of a command without words; a credential for three seconds: never logged
	Trigger string `json:"trigger,omitempty"`
	// About is the request that an undo has to be about: set by handlers for a button, never by what
	// came from Slack.
	About string `json:"about,omitempty"`
}

// command does what a person typed, or what a button means: it requests a measure, if everything
// about it is in order. Approvers are called only after the role was found in IAM.
func (h *Handlers) command(ctx context.Context, a act) error {
	a.drill = IsDrill(a.Text)
	if !h.Slack.Home().Holds(a.Place) {
		h.Log.WarnContext(ctx, "a command of another workspace was refused", "place", a.Place, "user", a.User)
		return h.refuse(ctx, a, "workspace", messages.NotEntitled(approvals.Outsider))
	}
	// Another replica began with this command and did not finish: the request is there, only the rest
	// is to be done.
	if a.item.Tries > 1 || a.item.Attempt > 0 {
		if _, _, err := h.Store.Load(ctx, a.RequestID); !errors.Is(err, approvals.ErrUnknownRequest) {
			if err == nil {
				err = h.firstDelivery(ctx, a)
			}
			return err
		}
	}
	if err := h.flooded(ctx, a, "command by "+a.User, commandsPerPerson); err != nil {
		return err
	}
	word, rest := splitCommand(a.Text)
	word = strings.ToLower(word)
	here := slices.Contains(h.Channels, a.Channel)
	switch word {
	case "help", "--help", "-help", "-h", "?":
		elsewhere := h.Channels
		if here {
			elsewhere = nil
		}
		return h.answer(ctx, a, messages.Help(h.listedWords(), h.accountNames(), elsewhere, h.Margin))
	}
	if !here {
		return h.refuse(ctx, a, "wrong_channel", messages.WrongChannel(h.Channels))
	}
	switch word {
	case "":
		return h.offerForm(ctx, a)
	case "undo":
		return h.undo(ctx, a, rest)
	case "report":
		return h.reportCommand(ctx, a, rest)
	case "status":
		return h.status(ctx, a)
	case wordDrill:
		return h.ask(ctx, a, approvals.ModeDrill, rest)
	}
	return h.ask(ctx, a, approvals.ModeDo, a.Text)
}

// measure takes the word of a measure off the beginning of a text; without one the first is meant.
func (h *Handlers) measure(text string) (k measures.Kind, named bool, rest string) {
	word, rest := splitCommand(text)
	if k, named = h.Measures.Of(word); !named {
		rest = text
	}
	return k, named, rest
}

// ask opens the request to apply a measure, or to rehearse it, if everything about it is in order.
// text is what followed the word of the mode.
func (h *Handlers) ask(ctx context.Context, a act, mode approvals.Mode, text string) error {
	k, named, text := h.measure(text)
	a.about(text)
	name, reason := splitCommand(text)
	drill := mode == approvals.ModeDrill
	if name == "" {
		what := k.Words.Word
		if drill {
			what = wordDrill + " " + what
		}
		return h.answer(ctx, a, messages.Usage(what, messages.ExampleReason, h.accountNames()))
	}
	var known contain.Known
	var err error
	if k.Takes != nil {
		if known, reason, err = k.Takes(reason); err != nil {
			return h.refuse(ctx, a, "addresses", messages.NotAddresses(err))
		}
	}
	target, err := h.meant(ctx, a, name, reason)
	if err != nil {
		return err
	}
	if k.Takes != nil && known.String() == "" {
		known = target.Account.Known
	}
	on := cmp.Or(target.Kind, contain.Role)
	switch {
	case k.Principal() == on:
	case named:
		return h.refuse(ctx, a, "other_principal", messages.OtherPrincipal(string(k.Name), on))
	default:
		k = h.Measures.For(on)[0]
	}
	if !slices.Contains(h.Policies[target.Account.Name].Measures, k.Name) {
		return h.refuse(ctx, a, "not_listed", messages.NotListed(string(k.Name), target.Account.Name))
	}
	if on == contain.User && target.UserKey == "" {
		return h.offerKeys(ctx, a, target, drill, reason)
	}
	about := record.Role{Key: target.UserKey}
	if k.Takes != nil {
		if about.Known = &known; known.String() == "" {
			return h.offerAddresses(ctx, a, target, reason)
		}
	}
	found, err := h.admit(ctx, a, target, mode, k, func(ctx context.Context) (role.Role, error) {
		if k.Name == approvals.RotateExternalID {
			if about.Rotate, err = h.rotation(ctx, target); err != nil {
				return role.Role{}, err
			}
		}
		return h.describe(ctx, target, k.On, about.Params())
	})
	if err != nil {
		return err
	}
	subject := subjectOf(found, target.UserKey)
	force, err := h.InForce(ctx, subject.Key)
	if err != nil {
		return err
	}
	if k.Beside && !drill && !force.Has(h.Measures.First(on)...) {
		return h.refuse(ctx, a, "alone", messages.NotAlone(k.Words, roleFacts(found)))
	}
	if k.Takes != nil { // else what is in force never keeps another one from being written
		r := approvals.Request{Purpose: k.Name.Do(), Subject: subject}
		of := contain.Target{Principal: found.Principal, Request: a.RequestID, Params: about.Params()}
		_, err := contain.Fresh(k.On, of, force.Minimum(r)...)
		if refused, ok := errors.AsType[*contain.Refusal](err); ok {
			return h.refuse(ctx, a, "in_force", messages.Plain(refused.Sentence))
		}
	}
	role := roleFacts(found)
	role.Leaked, role.Key, role.Known, role.Rotate = target.Key, about.Key, about.Known, about.Rotate
	if role.InForce, err = h.others(ctx, force, ""); err != nil {
		return err
	}
	if r := about.Rotate; r != nil && r.Only && !rotationSeen(force) {
		role.Warnings = append(role.Warnings, "CloudTrail has not shown the third party with the new external id yet: "+
			"if it still uses the old one, it is locked out.")
	}
	o := approvals.Opening{
		Purpose: k.Name.Do(), Subject: subject, Reason: reason, Witness: found.ServerTime,
	}
	if !drill {
		return h.shown(ctx, a, role, h.open(ctx, a, role, role, o))
	}
	for _, open := range force.Open { // a real request that is opened after this goes on beside the drill
		if open.Subject.Part != subject.Part {
			continue
		}
		link, err := h.Sender.CardLink(ctx, open)
		if err != nil {
			return err
		}
		about, err := h.Context(open)
		if err != nil {
			return err
		}
		return h.refuse(ctx, a, "real_one_open", messages.AlreadyOpen(open, about, link, false))
	}
	o.Purpose, o.Subject.Key = k.Name.Drill(), drillPrefix+o.Subject.Key
	return h.open(ctx, a, role, record.Facts{Drill: &role}, o)
}

// others are the requests whose measures are in force on a role, but one.
func (h *Handlers) others(ctx context.Context, force record.Force, but string) (all []record.Other, err error) {
	for _, held := range force.Each() {
		if held.Request.ID == but {
			continue
		}
		link, err := h.Sender.CardLink(ctx, held.Request)
		if err != nil {
			return nil, err
		}
		all = append(all, record.Other{Measure: held.Measure, Request: held.Request.ID, Card: link})
	}
	return all, nil
}

// warnShared is a warning of this package's own beside those of a role: others read what is written
// about it.
const warnShared = "shared_channel"

// admit looks up, side by side and now, whether the sender may ask, the role, whether enough people
// could approve, and whether the channel is shared with another organisation. What does not pass is
// answered in the words of what is asked for.
func (h *Handlers) admit(
	ctx context.Context, a act, target aws.Target, mode approvals.Mode, k measures.Kind,
	find func(context.Context) (role.Role, error),
) (found role.Role, err error) {
	var (
		side     sync.WaitGroup
		allowed  bool
		standing approvals.Standing
		roleErr  error
		enough   bool
		why      []messages.Candidate
		shared   bool
		placeErr error
	)
	policy := h.Policies[target.Account.Name]
	policy.Required = max(policy.Required, mode.Of(k.Name).Least())
	side.Go(func() { allowed, standing = h.mayRequest(ctx, a.User) })
	side.Go(func() { found, roleErr = find(ctx) })
	side.Go(func() { enough, why = h.quorum(ctx, a.User, policy) })
	side.Go(func() { shared, placeErr = h.Slack.Shared(ctx, a.Channel) })
	side.Wait()
	switch {
	case !allowed:
		return found, h.refuse(ctx, a, "requester", messages.NotEntitled(standing))
	case placeErr != nil:
		h.Log.WarnContext(ctx, "Slack did not say whether a channel is shared", "channel", a.Channel,
			"error", placeErr)
		_, code := deliver.KindOf(placeErr)
		return found, h.refuse(ctx, a, "channel_unknown", messages.SharedUnknown(code))
	case shared && !h.AllowShared:
		return found, h.refuse(ctx, a, "shared_channel", messages.SharedChannel())
	case roleErr != nil:
		if m, ok := h.didYouMean(ctx, a, target, roleErr); ok {
			return found, h.refuse(ctx, a, "role", m)
		}
		return found, h.refuseRole(ctx, a, roleErr)
	case !enough:
		return found, h.refuse(ctx, a, "no_quorum", messages.NoQuorum(mode, k.Words, roleFacts(found), policy.Required, why))
	}
	if shared {
		found.Warnings = append(found.Warnings, warnShared)
	}
	return found, nil
}

// open opens a request, with everything that is the same for all of them, and posts its card. facts
// is what people are shown of the role.
func (h *Handlers) open(ctx context.Context, a act, role record.Role, facts any, o approvals.Opening) error {
	if o.Witness.IsZero() { // its write could never be told from a repeated one
		return h.refuseRole(ctx, a, &aws.CallError{Kind: aws.ErrNoServerTime, Operation: "iam:GetRole"})
	}
	if err := h.flooded(ctx, a, "command in "+a.Channel, commandsPerChannel); err != nil {
		return err
	}
	o.Subject.Facts, o.Place = record.Encode(facts), h.Slack.Home()
	o.Place.App, o.Place.Channel = a.App, a.Channel
	required, err := h.Announce(ctx) // the strictest replica counts
	if err != nil {
		return err
	}
	o.Required, o.ExpireAfter = required[o.Subject.Group], h.ExpireAfter
	other, err := h.Store.Open(ctx, a.RequestID, a.User, a.item.Source, o,
		append(deliver.Calls(a.RequestID, o.ExpireAfter), investigate.UsersDue(a.RequestID, o.Purpose)...)...)
	switch {
	case err != nil:
		return err
	case other != "":
		return h.joins(ctx, a, other, o)
	}
	h.Log.InfoContext(ctx, "a request was opened", "request", a.RequestID, "purpose", string(o.Purpose), "user", a.User,
		"role", role.ARN)
	return h.firstDelivery(ctx, a)
}

// How often, and how long apart, a command looks whether another worker is done with the first
// delivery.
const (
	busyTries = 12
	busyWait  = 250 * time.Millisecond
)

// firstDelivery posts the card while the requester is still looking, so that they hear of it when
// it cannot be posted. The same delivery is queued as well, in case this replica dies here.
func (h *Handlers) firstDelivery(ctx context.Context, a act) error {
	id := a.RequestID
	err := h.Sender.BringUpToDate(ctx, id)
	for range busyTries {
		// Another worker was quicker with the queued delivery. Whether it can post is known in a moment.
		if _, busy := errors.AsType[*step.Again](err); !busy || !times.Pause(ctx, busyWait) {
			break
		}
		err = h.Sender.BringUpToDate(ctx, id)
	}
	switch kind, code := deliver.KindOf(err); {
	case err == nil:
		return nil
	case kind == deliver.SlackChannel:
		closed, closeErr := h.Sender.CloseWithoutCard(ctx, id, code)
		if closeErr != nil {
			return closeErr
		}
		// The queued delivery may have closed it a moment before.
		nowhere, err := h.Sender.NowhereToTell(ctx, id)
		if closed || nowhere {
			h.whisper(ctx, a, messages.CardImpossible(code))
		}
		return err
	default:
		if d, deliveredErr := h.Store.Delivered(ctx, id); deliveredErr == nil && d.Card != "" {
			return nil // the card is there; only the thread is behind
		}
		if _, again := errors.AsType[*step.Again](err); !again {
			h.Log.WarnContext(ctx, "the card could not be posted yet", "request", id, "error", err)
		}
		return h.answer(ctx, a, messages.CardLate()) // the queued delivery goes on trying
	}
}

// joins notes in the request that is under way for the same role that the sender asked for the
// same, and tells them where it is. If it has ended by now, the command comes back.
func (h *Handlers) joins(ctx context.Context, a act, other string, o approvals.Opening) error {
	// A request without its card would keep the role until it expires.
	if _, err := h.Sender.WithoutCard(ctx, other); err != nil {
		return err
	}
	var r approvals.Request
	var waits bool
	err := h.Change(ctx, other, func(v record.View) (t approvals.Transition, err error) {
		r = v.Request
		waits = r.AskedBy(a.User)
		if step.Opened(v) && r.Purpose == o.Purpose && r.About == o.About && r.Requester != a.User &&
			!r.Has(approvals.Asked+a.User) {
			waits = true
			t.Next = approvals.StateOpen
			step.AddBy(&t, approvals.EventAlsoAsked, a.User, a.item.Source, approvals.AlsoAsked{Reason: o.Reason})
		}
		return t, nil
	})
	if errors.Is(err, approvals.ErrUnknownRequest) || err == nil && r.State.Ended() {
		return &step.Again{After: busyWait}
	}
	if err != nil {
		return err
	}
	link, err := h.Sender.CardLink(ctx, r)
	if err != nil {
		return err
	}
	c, err := h.Context(r)
	if err != nil {
		return err
	}
	return h.answer(ctx, a, messages.AlreadyOpen(r, c, link, waits))
}

func cutRunes(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n])
}

func roleFacts(r role.Role) record.Role {
	facts := record.Role{Role: r}
	facts.Warnings = nil
	for _, w := range r.Warnings {
		if w == warnShared {
			facts.SharedChannel = true
		} else if w != r.Locked {
			facts.Warnings = append(facts.Warnings, w)
		}
	}
	return facts
}
