// Package handlers is the life of a request: it is asked for, decided, and carried out. It holds
// one file for each thing that can happen: a command, a click, a form, and a piece of work that has
// come due.
//
// An item comes from the store, at least once; whatever a handler does, it can be done again: what
// is already in a request's log is known by its source and not done twice. A handler reads, lets
// package approvals decide, acts through package aws, and commits events. It cannot write to the
// channel: Slack is brought up to date from the log, by package deliver, and only private replies
// are sent on the spot.
//
// Read Handle (handlers.go) and act.go, what a person did and how it is answered, then the way of a
// request: command.go asks for one, click.go decides it, execute.go gets ready while that is
// decided, and carries it out, outcome.go records what came of it. drill.go and undo.go are the
// other ways to ask. What every step has in common is in package step; the rooms beside it are
// deliver, guard, which watches what was written, and investigate, which looks into who used the
// role.
package handlers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/guard"
	"github.com/revokebot/revokebot/handlers/investigate"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// Kinds of items, besides approvals.KindDeliver and approvals.KindExpire, which stores queue by
// themselves.
const (
	KindCommand = "command"
	KindClick   = "click"
	KindSubmit  = "submit"
	KindExecute = "execute"
	KindUndone  = "undone" // a policy was undone: tell the request that it was of
)

// Slack is what handlers need of Slack: they look people up and answer one person at a time, and
// cannot post. Its errors are *deliver.SlackError.
type Slack interface {
	// Home is the workspace or organisation that the bot is installed in; it names no app and channel.
	Home() approvals.Place
	// Person looks a person up now. One whom Slack does not know is not Found.
	Person(ctx context.Context, id string) (approvals.Person, error)
	// GroupMembers looks up a user group's members now.
	GroupMembers(ctx context.Context, group string) ([]string, error)

	// Members are the people of a channel. One that has too many to read is an error.
	Members(ctx context.Context, channel string) ([]string, error)
	// Shared reports whether a channel is shared with another organisation, or about to be.
	Shared(ctx context.Context, channel string) (bool, error)

	// Whisper shows a message to one person only.
	Whisper(ctx context.Context, to Listener, m *messages.Message) error
	// OpenForm shows a form to the person whose act made the trigger, which is good for three seconds.
	OpenForm(ctx context.Context, trigger string, form slack.ModalViewRequest) error
	// PublishHome shows a person their App Home.
	PublishHome(ctx context.Context, user string, view slack.HomeTabViewRequest) error
	// Link is the address of a message in the workspace, "" when it cannot be known.
	Link(channel, ts string) string
}

// Listener is a person who typed or pressed something, and how to answer them alone.
type Listener struct {
	User, Channel string
	ResponseURL   string // a credential for half an hour: never logged
	Drill         bool   // what is answered is about a drill, and says so
}

// Config is what New needs. All fields without a default are required.
type Config struct {
	step.Requests
	Slack  Slack
	Sender *deliver.Sender // tells the channel
	Cloud  *aws.Cloud
	Roles  *role.Client
	Trail  *trail.Client

	Channels   []string // where the command works
	Requesters []string // people and groups; empty: any full member
	// AllowShared: the command works in channels that are shared with another organisation, too. Its
	// people stay shut out.
	AllowShared bool

	ExpireAfter   time.Duration // how long people have to decide
	RequireReason bool
	Lookback      time.Duration   // how far back sessions are listed
	FollowUps     []time.Duration // after the revocation, when CloudTrail is asked again
}

// Handlers handles items. Make one with New; its methods may be called at the same time.
type Handlers struct {
	Config
	// slow bounds the work that waits for Slack or CloudTrail, so that it can never hold up a click or
	// a revocation.
	slow *line
	// looks bounds the checks of CloudTrail among them, which last until stopLooking, and surveys
	// those for a card: they take no place of the others.
	looks       *line
	surveys     *line
	choices     *line
	mayLook     context.Context
	stopLooking context.CancelFunc
	// listing are the readers of lists of roles in the background.
	listing      sync.WaitGroup
	sweeps       sweeps
	groups       groups
	guard        *guard.Guard
	investigator *investigate.Investigator
}

const (
	// maxSlow is how many items of slow work are done at one time; a replica has twice as many
	// workers.
	maxSlow = 8
	// maxLooking is how many of them are looks at CloudTrail, which can take a minute: the others tell
	// Slack.
	maxLooking = 3
	// maxSurveys is how many surveys for a card are done at one time: each takes its part of the two
	// requests a second that CloudTrail allows. Sessions that people choose have a place of their own.
	maxSurveys = 2
	// slowTurn and lookTurn are when an item comes back, at the earliest, that found no place. A look
	// may be away for longestTurn: CloudTrail counts the questions of all replicas.
	slowTurn    = time.Second
	lookTurn    = 3 * time.Second
	longestTurn = time.Minute
)

// New returns handlers. It does not use the network.
func New(cfg Config) *Handlers {
	h := &Handlers{
		Config: cfg,
		guard: guard.New(guard.Config{
			Requests: cfg.Requests, Roles: cfg.Roles, Trail: cfg.Trail, Plan: cfg.Guard, Again: investigate.Again,
		}),
		investigator: investigate.New(investigate.Config{
			Requests: cfg.Requests, Roles: cfg.Roles, Trail: cfg.Trail, Lookback: cfg.Lookback, FollowUps: cfg.FollowUps,
		}),
		slow:    newLine(maxSlow, slowTurn, 2*slowTurn),
		looks:   newLine(maxLooking, lookTurn, longestTurn),
		surveys: newLine(maxSurveys, lookTurn, longestTurn), choices: newLine(1, lookTurn, longestTurn),
	}
	h.mayLook, h.stopLooking = context.WithCancel(context.Background())
	return h
}

// FromPeople are the kinds of items that are a person's act, by an envelope. All others act on what
// a log says.
func FromPeople() []string { return []string{KindCommand, KindClick, KindSubmit, KindHome} }

// Handle does one item. A nil error means that it is done; *Again that it comes back later; any
// other error that it should be tried again soon, a few times, and then be parked with Park.
func (h *Handlers) Handle(ctx context.Context, item approvals.Item) error {
	if slices.Contains(FromPeople(), item.Kind) && item.Age > h.ExpireAfter+waitedTooLong {
		return h.Park(ctx, item, errors.New("it waited for too long"))
	}
	return h.withAlarm(ctx, func(ctx context.Context) error {
		err := h.handle(ctx, item)
		unknown := errors.Is(err, approvals.ErrUnknownRequest)
		if !unknown {
			h.sweeps.note(item.Request, time.Minute, false)
		} else if !slices.Contains(FromPeople(), item.Kind) {
			return nil // the request is gone, or has ended under another key: nothing is left to do for it
		}
		return err
	})
}

func (h *Handlers) handle(ctx context.Context, item approvals.Item) error {
	switch item.Kind {
	case KindCommand:
		return h.ofPerson(ctx, item, h.command)
	case KindClick:
		return h.ofPerson(ctx, item, h.click)
	case KindSubmit:
		return h.ofPerson(ctx, item, h.submit)
	case KindExecute:
		return h.execute(ctx, item)
	case investigate.KindUsers:
		return h.looking(ctx, item, h.surveys, h.investigator.Users)
	case investigate.KindEvidence:
		return h.looking(ctx, item, h.looks, h.investigator.Evidence)
	case investigate.KindActivity:
		return h.looking(ctx, item, h.choices, h.investigator.Activity)
	case guard.KindGuard:
		return h.guard.Check(ctx, item)
	case guard.KindSimulate:
		return h.slowly(ctx, item, h.guard.Simulate)
	case guard.KindTamperedBy:
		return h.slowly(ctx, item, h.guard.TamperedBy)
	case KindHome:
		return h.slowly(ctx, item, h.home)
	case guard.KindExpired:
		return h.slowly(ctx, item, h.guard.Expired)
	case KindUndone:
		return h.undone(ctx, item)
	case deliver.KindCallOut:
		return h.slowly(ctx, item, h.Sender.CallOut)
	case deliver.KindOutcome:
		return h.slowly(ctx, item, h.Sender.Outcome)
	case deliver.KindRemind:
		return h.slowly(ctx, item, h.Sender.Remind)
	case approvals.KindDeliver:
		return h.slowly(ctx, item, h.Sender.Deliver)
	case approvals.KindExpire:
		return h.expire(ctx, item)
	case approvals.KindForged:
		return h.forgedItem(ctx, item)
	default:
		return fmt.Errorf("%w: its kind %q is not known", step.ErrNotAnItem, item.Kind)
	}
}

// ofPerson does a person's act.
func (h *Handlers) ofPerson(ctx context.Context, item approvals.Item, do func(context.Context, act) error) error {
	a, err := actOf(item)
	if err != nil {
		return err
	}
	if a.Secret {
		h.whisper(ctx, a, messages.SecretRemoved())
	}
	if err = do(ctx, a); errors.Is(err, errAnswered) {
		return nil
	}
	return err
}

// slowly does an item if not too many of its kind are being done, else it comes back.
func (h *Handlers) slowly(
	ctx context.Context, item approvals.Item, do func(context.Context, approvals.Item) error,
) error {
	return h.slow.ifFree(ctx, item, do)
}

// looking does the same for a check of CloudTrail. One that StopLooking interrupts comes back, here
// or elsewhere.
func (h *Handlers) looking(
	ctx context.Context, item approvals.Item, places *line, do func(context.Context, approvals.Item) error,
) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.mayLook, cancel)()
	err := places.ifFree(ctx, item, func(ctx context.Context, item approvals.Item) error {
		return h.slowly(ctx, item, do)
	})
	if err != nil && h.mayLook.Err() != nil {
		return &step.Again{After: slowTurn, Busy: true}
	}
	return err
}

// StopLooking ends the checks of CloudTrail that are under way, and all later ones at once: a
// process that stops need not wait for them. What they have recorded stays, and they are taken up
// again.
func (h *Handlers) StopLooking() { h.stopLooking() }

// Wait waits for what goes on in the background. It is called last, after StopLooking.
func (h *Handlers) Wait() { h.listing.Wait() }

// waitedTooLong is how much longer than a request waits an act of a person may wait to be handled.
const waitedTooLong = 15 * time.Minute

// lastingRetry is how long after having failed too often an item comes back that must not be given
// up.
const lastingRetry = 30 * time.Second

// Park parks an item that failed too often, and tells the person who waits for it. An expiry
// and a delivery are never given up: without the one a role stays taken, without the other a card
// keeps its buttons. They come back later.
func (h *Handlers) Park(ctx context.Context, item approvals.Item, cause error) error {
	if item.Kind == approvals.KindExpire || item.Kind == approvals.KindDeliver {
		return h.Store.Postpone(ctx, item, lastingRetry)
	}
	a, _ := actOf(item) // of one that cannot be read no person is told
	request := cmp.Or(a.request, item.Request)
	if r, _, err := h.Store.Load(ctx, request); err == nil {
		a.drill = r.Purpose.Mode() == approvals.ModeDrill
	}
	if a.User != "" {
		h.whisper(ctx, a, messages.GaveUpOn())
	}
	if a.User != "" || item.Kind == approvals.KindForged {
		item.Body = nil // it may hold a response URL
	}
	if request != "" {
		err := h.Remark(ctx, request, approvals.EventParked, "parked "+item.Source, record.Failure{
			Work:     item.Kind,
			Sentence: "The operator of revokebot finds the cause in its log under this request's id.",
		})
		switch {
		case err != nil:
		case item.Kind == KindExecute:
			err = h.giveUp(ctx, request)
		case item.Kind == investigate.KindEvidence:
			err = h.investigator.Park(ctx, item)
		}
		if err != nil && !errors.Is(err, approvals.ErrUnknownRequest) {
			return fmt.Errorf("parked: %w", err)
		}
	}
	return h.Store.Park(ctx, item, cause.Error())
}
