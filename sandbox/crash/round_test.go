package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	slackstandin "github.com/revokebot/revokebot/sandbox/slack"
)

// story is what becomes of a request if nobody dies.
type story string

const (
	approved      story = "approved"
	approvedTwice story = "approved by two people at once"
	refusedFirst  story = "approved after a stranger and the requester were refused"
	denied        story = "denied"
	cancelled     story = "cancelled"
	contested     story = "approved, denied and cancelled at once"
	left          story = "left alone"
	askedTwice    story = "asked for twice, then approved"
	roleReplaced  story = "approved after the role was replaced"
	roleDeleted   story = "approved after the role was deleted"
	undone        story = "approved, and then undone by two people"
	stolen        story = "approved, and then somebody takes the deny off"
	locked        story = "a lock, approved by two people at once"
	unlocked      story = "a lock, and then undone by two people"
	keyed         story = "a leaked key, deactivated by two people at once"
	unkeyed       story = "a leaked key, deactivated and then undone by two people"
	keyStolen     story = "a leaked key, deactivated, and then somebody makes it active"
	keyStripped   story = "a leaked key, deactivated, and then somebody takes the policy off"
	drilled       story = "a drill, approved by two people at once"
	noSuchRole    story = "of a role that does not exist"
	help          story = "no request, a question"
)

// stories in the shares in which they are told.
func stories() []story {
	return []story{
		approved, approved, approved, approvedTwice, approvedTwice, refusedFirst, denied, cancelled, contested, contested,
		left, left,
		askedTwice, askedTwice, undone, undone, locked, unlocked, unlocked, stolen,
		keyed, keyed, unkeyed, keyStolen, keyStripped,
		roleReplaced, roleDeleted, drilled, drilled, noSuchRole, help,
	}
}

// ofKey reports whether a story is of an access key.
func (s story) ofKey() bool { return strings.HasPrefix(string(s), "a leaked key") }

// ask is one request of a round, from the command to the decision.
type ask struct {
	story story
	seat  int
	room  string
	role  string // or user
	key   string // of the user
	again bool   // envelopes come twice
	since string

	mu       sync.Mutex
	commands []sent
	clicks   []sent
}

// actionForm is the action of an envelope that brings a form.
const actionForm = "form"

// sent is an envelope that Slack sent.
type sent struct {
	id, user, action string
	acked            bool
}

// plan is what a round does. It follows from the seed and the number alone.
type plan struct {
	number int
	kind   kind
	asks   []*ask
	shots  []shot
}

func newPlan(seed uint64, number int, only *point) plan {
	dice := rand.New(rand.NewPCG(seed, uint64(number)))
	p := plan{number: number, kind: kindOf(number)}
	tell := stories()
	for seat := range 3 + dice.IntN(seats-2) {
		p.asks = append(p.asks, &ask{
			story: tell[dice.IntN(len(tell))], seat: seat, again: dice.IntN(2) == 0,
		})
	}
	all := points()
	for range 1 + dice.IntN(2) {
		s := shot{at: all[dice.IntN(len(all))], nth: 1 + dice.IntN(6), carry: dice.IntN(2) == 0}
		if rare(s.at) {
			s.nth = 1
		}
		if dice.IntN(6) == 0 { // any step of a kind: where the bot is most of the time it dies most of the time
			s.at, s.nth = point{after: dice.IntN(2) == 0}, 1+dice.IntN(150)
		}
		switch roll := dice.IntN(10); {
		case roll < 2:
			s.how = cutReply
		case roll < 5:
			s.how = killAll
		}
		s.late = p.kind.replicas > 1 && s.how == killOne && dice.IntN(2) == 0
		p.shots = append(p.shots, s)
	}
	if only != nil {
		p.shots[0].at = *only
		if rare(*only) {
			p.shots[0].nth = 1
		}
	}
	if first := p.shots[0].at; strings.HasPrefix(first.what, "conversations.") {
		// The bot only looks for a message when it does not know whether it was posted.
		unsure := shot{at: point{"slack", "chat.postMessage", true}, nth: 1, how: p.shots[0].how}
		if first.what == "conversations.replies" {
			unsure.nth += len(p.asks) + dice.IntN(4) // when all cards are there
		}
		p.shots = append([]shot{unsure}, p.shots[0])
	}
	if len(p.shots) > 1 && p.shots[0].late {
		p.shots = p.shots[:1] // nobody would be left
	}
	return p
}

// name gives the roles of a round that is played once more names that are not taken.
func (p plan) name(times int) {
	for _, a := range p.asks {
		a.role = fmt.Sprintf("round-%d-%d-%d", p.number, times, a.seat)
	}
}

// rare tells the points that a round passes once or twice, or only when something went wrong
// before.
func rare(p point) bool {
	switch p.what {
	case "auth.test", "apps.connections.open", "GetCallerIdentity", "conversations.history", "conversations.replies",
		"claim", "begin", "keep",
		"postpone", "note", "views.open", "LookupEvents", "PutRolePolicy", "DeleteRolePolicy",
		"AttachRolePolicy", "DetachRolePolicy", "ListRolePolicies", "GetUser", "ListAccessKeys",
		"UpdateAccessKey", "GetUserPolicy", "PutUserPolicy", "DeleteUserPolicy", "GetAccessKeyInfo", "GetAccessKeyLastUsed",
		"ListUserPolicies", "ListAttachedUserPolicies", "ListGroupsForUser", "GetLoginProfile",
		"response_url", "chat.postEphemeral",
		"files.getUploadURLExternal", "upload", "files.completeUploadExternal":
		return true
	default:
		return false
	}
}

func (p plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "round %d: replicas %d, %v to decide\n", p.number, p.kind.replicas, p.kind.expireAfter)
	for _, a := range p.asks {
		fmt.Fprintf(&b, "  %s in %s by %s: %s\n", a.role, a.room, requester(a.seat), a.story)
	}
	for _, s := range p.shots {
		fmt.Fprintf(&b, "  shot %s, the %d. time, how %d, carry %v, late %v\n", s.at, s.nth, s.how, s.carry, s.late)
	}
	return b.String()
}

// How long a round, its people and its end are waited for. That only tells what hangs from a busy
// machine.
const (
	roundPatience  = 20 * time.Minute
	actorsPatience = 5 * time.Minute
	quietPatience  = 5 * time.Minute
)

const rethink = 3 * time.Second // before people try again what they were told did not work out

// play plays a round to its end, when nothing moves any more. What people could not do because
// nobody answered for long is an error as well.
func (l *lane) play(ctx context.Context, p plan) (fired []shot, seen map[point]int, err error) {
	if err := l.prepare(p); err != nil {
		return nil, nil, err
	}
	ready, cancel := context.WithTimeout(ctx, actorsPatience)
	defer cancel()
	if err := l.ready(ready); err != nil {
		return nil, nil, err
	}
	l.log.forget()
	l.gate.arm(slices.Clone(p.shots))
	acting, cancel := context.WithTimeout(ctx, actorsPatience)
	defer cancel()
	failures := make([]error, len(p.asks))
	var actors sync.WaitGroup
	for i, a := range p.asks {
		actors.Go(func() {
			if err := l.act(acting, a); err != nil {
				failures[i] = fmt.Errorf("%s: %w", a.role, err)
			}
		})
	}
	actors.Wait()
	if err := errors.Join(failures...); err != nil {
		fired, seen = l.gate.disarm()
		return fired, seen, err
	}
	quiet, cancel := context.WithTimeout(ctx, quietPatience)
	defer cancel()
	err = until(quiet, "everything is at rest", func() error { return l.atRest(quiet) })
	fired, seen = l.gate.disarm()
	l.restarts.Wait()
	l.comeBack()
	if err != nil {
		return fired, seen, err
	}
	// A shot may have struck at the very last step.
	return fired, seen, until(quiet, "everything is at rest again", func() error { return l.atRest(quiet) })
}

// prepare makes the roles and gives each request its room.
func (l *lane) prepare(p plan) error {
	for _, a := range p.asks {
		a.room = room(l.rooms)
		l.rooms++
		a.since = l.latest(a.room)
		for n := range 2 {
			for _, v := range slices.Backward(l.slack.Views(approver(a.seat, n))) {
				if _, err := l.slack.CloseView(context.Background(), v.UserID, v.ID); err != nil {
					return err
				}
			}
		}
		if a.story == noSuchRole {
			continue
		}
		if a.story.ofKey() {
			key, err := l.world.Prod.NewUser(awsstandin.UserSpec{Name: a.role})
			if err != nil {
				return err
			}
			a.key = key.AccessKeyID
			continue
		}
		if _, err := l.world.Prod.NewRole(awsstandin.RoleSpec{Name: a.role, Trust: trust}); err != nil {
			return err
		}
		// The thread has a table, files and a picture when there is a session to tell of.
		if _, err := l.world.Prod.ServiceSession(a.role, "ec2.amazonaws.com", fmt.Sprintf("i-0%016d", a.seat),
			"us-east-1"); err != nil {
			return err
		}
	}
	return nil
}

const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},` +
	`"Action":"sts:AssumeRole"}]}`

// act plays the people around one request.
func (l *lane) act(ctx context.Context, a *ask) error {
	who := requester(a.seat)
	text := "prod/" + a.role + " round of the crash test"
	switch a.story {
	case help:
		text = "help"
	case drilled:
		text = "drill " + text
	case locked, unlocked:
		text = "lock " + text
	case keyed, unkeyed, keyStolen, keyStripped:
		text = a.key + " round of the crash test"
	}
	asking := []string{who}
	switch a.story {
	case noSuchRole, help:
		return l.command(ctx, a, who, text)
	case askedTwice:
		asking = append(asking, approver(a.seat, 1))
	}
	card, err := l.ask(ctx, a, 0, text, asking...)
	if err != nil {
		return err
	}
	press := func(user, action string) error { return l.press(ctx, a, card, user, action) }
	first, second := approver(a.seat, 0), approver(a.seat, 1)
	switch a.story {
	case approved:
		return press(first, messages.ActionApprove)
	case askedTwice: // by first or second, whichever did not ask
		return errors.Join(press(first, messages.ActionApprove), press(second, messages.ActionApprove))
	case approvedTwice, drilled, locked, keyed:
		return together(
			func() error { return press(first, messages.ActionApprove) },
			func() error { return press(first, messages.ActionApprove) },
			func() error { return press(second, messages.ActionApprove) },
		)
	case refusedFirst:
		err := together(
			func() error { return press(who, messages.ActionApprove) },
			func() error { return press(actors.Nils, messages.ActionApprove) },
		)
		return errors.Join(err, press(second, messages.ActionApprove))
	case denied:
		return l.deny(ctx, a, card, first)
	case cancelled:
		return press(who, messages.ActionCancel)
	case contested:
		return together(
			func() error { return press(first, messages.ActionApprove) },
			func() error { return l.deny(ctx, a, card, second) },
			func() error { return press(who, messages.ActionCancel) },
		)
	case undone, unlocked, unkeyed:
		if err := press(first, messages.ActionApprove); err != nil {
			return err
		}
		return l.undo(ctx, a, card, who, first)
	case stolen, keyStolen, keyStripped:
		if err := press(first, messages.ActionApprove); err != nil {
			return err
		}
		applied, err := l.applied(ctx, card, func() error { return press(first, messages.ActionApprove) })
		if !applied || err != nil {
			return err
		}
		switch a.story {
		case keyStolen:
			return l.world.Prod.SetKeyStatus(a.role, a.key, "Active")
		case keyStripped:
			return l.world.Prod.DeleteUserPolicy(a.role, olderSessions)
		}
		return l.world.Prod.DeleteRolePolicy(a.role, denyPolicy)
	case roleReplaced:
		if _, err := l.world.Prod.RecreateRole(a.role); err != nil {
			return err
		}
		return press(first, messages.ActionApprove)
	case roleDeleted:
		if err := l.world.Prod.DeleteRole(a.role); err != nil {
			return err
		}
		return press(first, messages.ActionApprove)
	default:
		return nil
	}
}

// ask has people send a command and waits for the room's nth card, counted from 0. Whoever is told
// that it did not work out sends the command again, after a while.
func (l *lane) ask(ctx context.Context, a *ask, nth int, text string, who ...string) (cardMessage, error) {
	for {
		since := l.latest(a.room)
		for _, user := range who {
			if err := l.command(ctx, a, user, text); err != nil {
				return cardMessage{}, err
			}
		}
		card, err := l.card(ctx, a, nth, since)
		if !errors.Is(err, errTold) {
			return card, err
		}
		if !pause(ctx, rethink) {
			return cardMessage{}, ctx.Err()
		}
	}
}

// undo has one person ask for a deny to be taken away again, and another approve.
func (l *lane) undo(ctx context.Context, a *ask, revoked cardMessage, who, other string) error {
	applied, err := l.applied(ctx, revoked, func() error {
		return l.press(ctx, a, revoked, other, messages.ActionApprove)
	})
	if !applied || err != nil {
		return err
	}
	text := "undo prod/" + a.role + " " + messages.ReviveWords
	switch a.story {
	case unlocked:
		text = "undo lock prod/" + a.role
	case unkeyed:
		text = "undo " + a.key + " " + messages.ReviveWords
	}
	card, err := l.ask(ctx, a, 1, text+" round of the crash test", who)
	if err != nil {
		return err
	}
	return l.press(ctx, a, card, other, messages.ActionApprove)
}

// applied waits for a request's end, and reports whether it was applied. As long as it is open,
// whoever approved was told to press again, and does after a while.
func (l *lane) applied(ctx context.Context, c cardMessage, press func() error) (applied bool, err error) {
	pressed := time.Now()
	err = until(ctx, "the request ends", func() error {
		r, _, err := l.store.Load(ctx, c.request)
		if err == nil && r.State == approvals.StateOpen && time.Since(pressed) > rethink {
			pressed = time.Now()
			if err := press(); err != nil {
				return err
			}
		}
		if err == nil && !r.State.Ended() {
			err = fmt.Errorf("it is %s", r.State)
		}
		applied = r.State == approvals.StateApplied
		return err
	})
	return applied, err
}

// pause waits, and reports false when ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func together(acts ...func() error) error {
	errs := make([]error, len(acts))
	var all sync.WaitGroup
	for i, do := range acts {
		all.Go(func() { errs[i] = do() })
	}
	all.Wait()
	return errors.Join(errs...)
}

// repeat does something until it is acknowledged, as people do who read that nothing happened, and
// has the envelope come once more if the request is one of those.
func (l *lane) repeat(
	ctx context.Context, a *ask, keep func(sent), user, action string, send func() (slackstandin.Delivery, error),
) error {
	return until(ctx, user+"'s "+action+" is acknowledged", func() error {
		d, err := send()
		if err != nil {
			return err
		}
		keep(sent{id: d.EnvelopeID, user: user, action: action, acked: d.Acked})
		if a.again {
			second, err := l.slack.Redeliver(ctx, d.EnvelopeID)
			if err != nil {
				return err
			}
			if second.Acked && !d.Acked {
				d.Acked = true
				keep(sent{id: d.EnvelopeID, user: user, action: action, acked: true})
			}
		}
		if !d.Acked {
			return errors.New(d.Error)
		}
		return nil
	})
}

func (l *lane) command(ctx context.Context, a *ask, user, text string) error {
	return l.repeat(ctx, a, a.keepCommand, user, "command", func() (slackstandin.Delivery, error) {
		return l.slack.Command(ctx, user, a.room, messages.Command, text)
	})
}

func (a *ask) keepCommand(s sent) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.commands = append(a.commands, s)
}

func (a *ask) keepClick(s sent) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.clicks = append(a.clicks, s)
}

// press presses a button of the card, also one that the card has no more: somebody's client has not
// drawn that yet.
func (l *lane) press(ctx context.Context, a *ask, c cardMessage, user, action string) error {
	return l.repeat(ctx, a, a.keepClick, user, action, func() (slackstandin.Delivery, error) {
		return l.slack.Click(ctx, user, slackstandin.Click{
			ChannelID: a.room, MessageTS: c.ts, BlockID: "decide", ActionID: action, Value: c.request,
		})
	})
}

// deny presses Deny and sends the form that opens, if it does.
func (l *lane) deny(ctx context.Context, a *ask, c cardMessage, user string) error {
	if err := l.press(ctx, a, c, user, messages.ActionDeny); err != nil {
		return err
	}
	looking, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var form slackstandin.View
	if until(looking, "a form opens", func() error {
		open := l.slack.Views(user)
		if len(open) == 0 {
			return errors.New("no form")
		}
		form = open[len(open)-1]
		return nil
	}) != nil {
		return ctx.Err() // refused, or decided without a form: the thread says which
	}
	return l.repeat(ctx, a, a.keepClick, user, actionForm, func() (slackstandin.Delivery, error) {
		open := l.slack.Views(user)
		if len(open) == 0 || open[len(open)-1].ID != form.ID {
			return slackstandin.Delivery{EnvelopeID: "", Acked: true}, nil
		}
		return l.slack.Submit(ctx, user, form.ID, map[string]map[string]any{messages.FieldReason: {"text": "not today"}})
	})
}

// cardMessage is where a request's card is.
type cardMessage struct{ ts, request string }

// errTold is that somebody was answered and there is no card.
var errTold = errors.New("an answer and no card")

// card waits for the room's nth card, or for an answer to the requester since then.
func (l *lane) card(ctx context.Context, a *ask, nth int, since string) (cardMessage, error) {
	var found cardMessage
	told := false
	err := until(ctx, "there is a card", func() error {
		told = l.whispered(a.room, requester(a.seat), since)
		cards := l.cards(a)
		switch {
		case len(cards) > nth:
			found = cards[nth]
			return nil
		case told:
			return nil
		}
		return errors.New("no card")
	})
	if err == nil && found.ts == "" {
		err = errTold
	}
	return found, err
}

// latest is the newest message of a room.
func (l *lane) latest(room string) string {
	ts := ""
	for _, m := range l.slack.Messages(room) {
		ts = max(ts, m.TS)
	}
	return ts
}

// cards are the cards of this round in the room.
func (l *lane) cards(a *ask) []cardMessage {
	var list []cardMessage
	for _, m := range l.slack.Messages(a.room) {
		if m.TS <= a.since || m.ThreadTS != "" || m.Ephemeral {
			continue
		}
		if request, event := markOf(m); request != "" && event == "0" {
			list = append(list, cardMessage{m.TS, request})
		}
	}
	return list
}

// markOf reads the metadata that the bot gives its messages.
func markOf(m slackstandin.Message) (request, event string) {
	var meta struct {
		Payload struct {
			Request string `json:"request"`
			Event   string `json:"event"`
		} `json:"event_payload"`
	}
	if json.Unmarshal(m.Metadata, &meta) != nil {
		return "", ""
	}
	return meta.Payload.Request, meta.Payload.Event
}
