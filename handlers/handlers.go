// Package handlers holds one file for each thing that can happen: a command, a click, and a piece of work that has come
// due (an execution, a look at CloudTrail, an expiry, a delivery to Slack).
//
// An Item comes from the store, at least once; whatever a handler does, it can be done again: what is already in a
// request's log is known by its source and not done twice. A handler reads, lets package approvals decide, acts through
// package aws, and commits events. It never writes to the channel itself: Slack is brought up to date from the log, by
// deliver.go, and only private replies are sent on the spot.
package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// Kinds of items, besides approvals.KindDeliver and approvals.KindExpire, which stores queue by themselves.
const (
	KindCommand  = "command"
	KindClick    = "click"
	KindSubmit   = "submit"
	KindExecute  = "execute"
	KindEvidence = "evidence"
	KindInert    = "inert"  // a deny may have become inert: offer the clean-up
	KindUndone   = "undone" // a deny was taken away: tell the request that it was of
)

// Slack is what handlers need of Slack. Its errors are *SlackError.
type Slack interface {
	// Home is the workspace that the bot is installed in; only Team and Enterprise are set.
	Home() approvals.Place
	// Person looks somebody up now. Somebody Slack does not know is a Person who is not Found.
	Person(ctx context.Context, id string) (approvals.Person, error)
	// GroupMembers looks up a user group's members now.
	GroupMembers(ctx context.Context, group string) ([]string, error)

	// Members are the people of a channel, the bot among them. One that has too many to read is an error.
	Members(ctx context.Context, channel string) ([]string, error)
	// Shared reports whether a channel is shared with another organisation, or about to be.
	Shared(ctx context.Context, channel string) (bool, error)

	// Post sends a message to a channel, or into a thread when thread is not empty, marked so that Find knows it again. A
	// message that Slack took and put into the channel, because the root of its thread is gone, is an error with the Code
	// CodeOutside, and ts names it.
	Post(ctx context.Context, channel, thread string, mark Mark, m *messages.Message) (ts string, err error)
	// Direct sends a message to one person, in the conversation that only they and the bot are in.
	Direct(ctx context.Context, person string, mark Mark, m *messages.Message) error
	// Update replaces a message of the bot's own.
	Update(ctx context.Context, channel, ts string, m *messages.Message) error
	// Find looks for a message that was posted with the mark, not before since. It returns "" when there is none.
	Find(ctx context.Context, channel, thread string, mark Mark, since time.Time) (ts string, err error)
	// Upload puts a file into a thread, as a message of its own, at once or a moment after it returns. Nothing was uploaded
	// unless the error is of kind SlackUnsure or SlackUnknown.
	Upload(ctx context.Context, channel, thread string, f Upload) error
	// FindFile reports whether the bot uploaded a file of that name into a thread, not before since.
	FindFile(ctx context.Context, channel, thread, name string, since time.Time) (bool, error)
	// Whisper shows a message to one person only.
	Whisper(ctx context.Context, to Listener, m *messages.Message) error
	// OpenForm shows a form to the person whose act made the trigger, which is good for three seconds.
	OpenForm(ctx context.Context, trigger string, form slack.ModalViewRequest) error
	// PublishHome shows somebody their App Home.
	PublishHome(ctx context.Context, user string, view slack.HomeTabViewRequest) error
	// Link is the address of a message in the workspace, "" when it cannot be known.
	Link(channel, ts string) string
}

// Mark says which event of which request a message tells. It travels as the message's metadata.
type Mark struct {
	Request string
	Seq     int64 // 0 for the card
}

// Upload is a file for a thread.
type Upload struct {
	Name    string // unique within the thread, so that FindFile knows it again
	Title   string // what people see
	AltText string // of a picture, for those who do not see it; at most report.MaxAltText characters
	Content []byte // not empty
}

// Listener is somebody who typed or pressed something, and how to answer just them.
type Listener struct {
	User, Channel string
	ResponseURL   string // a credential for half an hour: never logged
	Drill         bool   // what is answered is about a drill, and says so
}

// Config is what New needs. All fields without a default are required.
type Config struct {
	Store approvals.Store
	Slack Slack
	Cloud *aws.Cloud
	Roles *role.Client
	Trail *trail.Client

	Measures measures.Table // that exist here

	Channels   []string                    // where the command works
	Requesters []string                    // people and groups; empty: any full member
	Policies   map[string]approvals.Policy // by account name
	// AllowShared: the command works in channels that are shared with another organisation, too. Its people stay shut out.
	AllowShared bool

	ExpireAfter   time.Duration // how long people have to decide
	RequireReason bool
	Margin        time.Duration   // as aws.Config has it; shown to people
	Lookback      time.Duration   // how far back sessions are listed
	FollowUps     []time.Duration // after the revocation, when CloudTrail is asked again
	Guard         []time.Duration // after the revocation, when the deny is looked at again; none: nobody looks

	Connection func() messages.Connection // how this replica is connected, for people; nil: not known
	Logger     *slog.Logger               // nil: discard
}

// Handlers handles items. Make one with New; its methods may be called at the same time.
type Handlers struct {
	Config
	log *slog.Logger
	// slow bounds the work that waits for Slack or CloudTrail, so that it can never hold up a click or a revocation.
	slow chan struct{}
	// looks bounds the looks at CloudTrail among them, which last until stopLooking.
	looks       chan struct{}
	mayLook     context.Context
	stopLooking context.CancelFunc
	// listing is whoever reads a list of roles in the background.
	listing  sync.WaitGroup
	measures record.Measures
}

const (
	// maxSlow is how many items of slow work are done at one time; a replica has twice as many workers.
	maxSlow = 8
	// maxLooking is how many of them are looks at CloudTrail, which can take a minute: the others tell Slack.
	maxLooking = 3
	// slowTurn and lookTurn are when an item comes back that found no place.
	slowTurn = time.Second
	lookTurn = 3 * time.Second
)

// New checks the configuration and returns handlers. It does not use the network.
func New(cfg Config) (*Handlers, error) {
	var wrong []error
	if cfg.Store == nil || cfg.Slack == nil || cfg.Cloud == nil || cfg.Roles == nil || cfg.Trail == nil {
		wrong = append(wrong, errors.New("a store, Slack and AWS are needed"))
	}
	if len(cfg.Measures) == 0 {
		wrong = append(wrong, errors.New("no measure is configured"))
	}
	if len(cfg.Channels) == 0 {
		wrong = append(wrong, errors.New("no channel is configured"))
	}
	if cfg.ExpireAfter < time.Second {
		wrong = append(wrong, errors.New("requests need at least a second to be decided"))
	}
	if len(cfg.Policies) == 0 {
		wrong = append(wrong, errors.New("no approvers are configured"))
	}
	for account, p := range cfg.Policies {
		if len(p.Approvers) == 0 || p.Required < 1 || p.Required > approvals.MaxRequired {
			wrong = append(wrong, fmt.Errorf("account %s: approvers and a number of them from 1 to %d are needed", account, approvals.MaxRequired))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, fmt.Errorf("handlers: %w", err)
	}
	h := &Handlers{Config: cfg, log: cfg.Logger, measures: cfg.Measures.On(), slow: make(chan struct{}, maxSlow), looks: make(chan struct{}, maxLooking)}
	h.mayLook, h.stopLooking = context.WithCancel(context.Background())
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	return h, nil
}

// Again is returned by Handle when an item should be handled again later, as its next attempt.
type Again struct {
	After time.Duration
	// Busy: nothing was tried, because something else has to be done first. It does not count as an attempt.
	Busy bool
}

// Error says so.
func (a *Again) Error() string { return "again in " + a.After.String() }

// FromPeople are the kinds of items that are somebody's act, by an envelope. All others act on what a log says.
func FromPeople() []string { return []string{KindCommand, KindClick, KindSubmit, KindHome} }

// Handle does one item. A nil error means that it is done; *Again that it comes back later; any other error that it
// should be tried again soon, a few times, and then be set aside with SetAside.
func (h *Handlers) Handle(ctx context.Context, item approvals.Item) error {
	return h.withAlarm(ctx, func(ctx context.Context) error {
		err := h.handle(ctx, item)
		if errors.Is(err, approvals.ErrUnknownRequest) && !slices.Contains(FromPeople(), item.Kind) {
			return nil // the request is gone, or has ended under another key: nothing is left to do for it
		}
		return err
	})
}

func (h *Handlers) handle(ctx context.Context, item approvals.Item) error {
	switch item.Kind {
	case KindCommand:
		return h.command(ctx, item)
	case KindClick:
		return h.click(ctx, item)
	case KindSubmit:
		return h.submit(ctx, item)
	case KindExecute:
		return h.execute(ctx, item)
	case KindEvidence:
		return h.looking(ctx, item, h.evidence)
	case KindActivity:
		return h.looking(ctx, item, h.chosenActivity)
	case KindGuard:
		return h.guard(ctx, item)
	case KindSimulate:
		return h.slowly(ctx, item, h.simulate)
	case KindCulprit:
		return h.slowly(ctx, item, h.culprit)
	case KindHome:
		return h.slowly(ctx, item, h.home)
	case KindInert:
		return h.slowly(ctx, item, h.inert)
	case KindUndone:
		return h.undone(ctx, item)
	case KindCallOut:
		return h.slowly(ctx, item, h.callOut)
	case KindOutcome:
		return h.slowly(ctx, item, h.outcome)
	case KindRemind:
		return h.slowly(ctx, item, h.remind)
	case approvals.KindDeliver:
		return h.slowly(ctx, item, h.deliver)
	case approvals.KindExpire:
		return h.expire(ctx, item)
	case approvals.KindForged:
		return h.forgedItem(ctx, item)
	default:
		return fmt.Errorf("%w: its kind %q is not known", errNotAnItem, item.Kind)
	}
}

// slowly does an item if not too many of its kind are being done, else it comes back.
func (h *Handlers) slowly(ctx context.Context, item approvals.Item, do func(context.Context, approvals.Item) error) error {
	return ifFree(ctx, h.slow, slowTurn, item, do)
}

// looking does the same for a look at CloudTrail. One that StopLooking interrupts comes back, here or elsewhere.
func (h *Handlers) looking(ctx context.Context, item approvals.Item, do func(context.Context, approvals.Item) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.mayLook, cancel)()
	err := ifFree(ctx, h.looks, lookTurn, item, func(ctx context.Context, item approvals.Item) error { return h.slowly(ctx, item, do) })
	if err != nil && h.mayLook.Err() != nil {
		return &Again{After: slowTurn, Busy: true}
	}
	return err
}

// StopLooking ends the looks at CloudTrail that are under way, and all later ones at once: a process that stops need not
// wait for them. What they have recorded stays, and they are taken up again.
func (h *Handlers) StopLooking() { h.stopLooking() }

// Wait waits for what goes on in the background. It is called last, after StopLooking.
func (h *Handlers) Wait() { h.listing.Wait() }

func ifFree(
	ctx context.Context, places chan struct{}, turn time.Duration, item approvals.Item, do func(context.Context, approvals.Item) error,
) error {
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
		return do(ctx, item)
	default:
		return &Again{After: turn, Busy: true}
	}
}

// lastingRetry is how long after having failed too often an item comes back that must not be given up.
const lastingRetry = 30 * time.Second

// SetAside puts an item that failed too often where a person can look at it, and says so to whoever waits for it. An
// expiry and a delivery are never given up: without the one a role stays taken, without the other a card keeps its
// buttons. They come back later.
func (h *Handlers) SetAside(ctx context.Context, item approvals.Item, cause error) error {
	request := item.Request
	var to Listener
	switch item.Kind {
	case approvals.KindExpire, approvals.KindDeliver:
		return h.Store.Postpone(ctx, item, lastingRetry)
	case KindClick:
		var c Click
		if json.Unmarshal(item.Body, &c) == nil {
			request, _ = messages.PartsOf(c.Value)
			to = Listener{User: c.User, Channel: c.Channel, ResponseURL: c.ResponseURL}
		}
	case KindSubmit:
		var s Submission
		if json.Unmarshal(item.Body, &s) == nil {
			request, to = s.Origin.Request, Listener{User: s.User, Channel: s.Origin.Channel}
		}
	case KindCommand:
		var c Command
		if json.Unmarshal(item.Body, &c) == nil {
			to = Listener{User: c.User, Channel: c.Channel, ResponseURL: c.ResponseURL, Drill: IsDrill(c.Text)}
		}
	case approvals.KindForged:
		item.Body = nil // it may hold a response URL
	}
	to = h.about(ctx, to, request)
	if to.User != "" {
		item.Body = nil // it may hold a response URL
		h.whisper(ctx, to, messages.GaveUpOn())
	}
	if request != "" {
		err := h.remark(ctx, request, approvals.EventSetAside, "aside "+item.Source, record.Failure{
			Work:     item.Kind,
			Sentence: "Whoever runs revokebot finds the cause in its log under this request's id.",
		})
		if err != nil && !errors.Is(err, approvals.ErrUnknownRequest) {
			return fmt.Errorf("set aside: %w", err)
		}
		switch item.Kind {
		case KindExecute:
			err = h.giveUp(ctx, request)
		case KindEvidence:
			err = h.lookSetAside(ctx, item)
		}
		if err != nil && !errors.Is(err, approvals.ErrUnknownRequest) {
			return err
		}
	}
	return h.Store.SetAside(ctx, item, cause.Error())
}

// context gathers what messages about a request need.
func (h *Handlers) context(r approvals.Request) (messages.Context, error) {
	if r.Forged != nil && r.Subject.Facts == nil {
		return messages.Context{Words: h.Measures.Words(r.Purpose), Margin: h.Margin}, nil // its opening is not to be trusted
	}
	facts, err := record.FactsOf(r)
	if err != nil {
		return messages.Context{}, err
	}
	drill := r.Purpose.Mode() == approvals.ModeDrill
	switch {
	case drill && facts.Drill == nil:
		return messages.Context{}, fmt.Errorf("facts of request %s: a drill without a role", r.ID)
	case drill:
		facts = record.Facts{Role: *facts.Drill}
	case r.Purpose.Mode() != approvals.ModeUndo:
		facts.Undo = nil
	case facts.Undo == nil:
		facts.Undo = new(record.Undoing) // without what was written nothing is taken away
	}
	policy := h.Policies[r.Subject.Group]
	return messages.Context{
		Words: h.Measures.Words(r.Purpose), Role: facts.Role, Undo: facts.Undo, Drill: drill, Margin: h.Margin, Approvers: policy.Approvers, Required: max(r.Required, policy.Required),
	}, nil
}

// about is whoever is answered, about a request or none. That it is a drill is said if that can be known.
func (h *Handlers) about(ctx context.Context, to Listener, request string) Listener {
	if r, _, err := h.Store.Load(ctx, request); err == nil {
		to.Drill = r.Purpose.Mode() == approvals.ModeDrill
	}
	return to
}

// whisper answers one person. That it fails is logged and nothing else: the log of the request has what matters.
func (h *Handlers) whisper(ctx context.Context, to Listener, m *messages.Message) {
	if to.Drill {
		m = messages.Drilled(m)
	}
	if err := h.Slack.Whisper(ctx, to, m); err != nil {
		h.log.WarnContext(ctx, "a private reply was not delivered", "user", to.User, "channel", to.Channel, "error", err)
	}
}
