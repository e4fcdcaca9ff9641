// Package deliver makes Slack equal to the log, and is the only package that can post: it alone
// holds a Poster. The other packages of handlers append to the log; a message in a thread begins as
// an event.
//
// Start with deliver.go: Deliver takes an item of kind approvals.KindDeliver and, under a lease,
// posts the card or brings it up to date, posts the messages of the thread that are new (tell.go,
// files.go), and edits those that say something else now (update.go). What was posted is marked in
// the store, so that a replica that takes over goes on there; what may have been posted is looked
// for first.
//
// Beside that it reminds approvers (remind.go), tells those who are not in the channel
// (callout.go), ends a request whose card cannot be posted or was deleted (card.go), and tells
// people directly when there is no thread any more (direct.go).
package deliver

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/report"
	"github.com/revokebot/revokebot/handlers/step"
)

// Sender makes Slack equal to the log. Make one with New; its methods may be called at the same
// time.
type Sender struct {
	step.Requests
	slack Poster   // not exported: other packages cannot post
	paced sync.Map // by request: paced
}

// paced is how far a thread was told when an edit had to wait for Slack's pace, which is that of
// all edits.
type paced struct {
	at    approvals.Delivery
	until time.Time
}

// waits reports how long it is until what is new of a request can be told, if all of it is edits.
func (s *Sender) waits(ctx context.Context, id string) (time.Duration, error) {
	known, _ := s.paced.Load(id)
	p, _ := known.(paced)
	left := time.Until(p.until)
	if left <= 0 {
		s.paced.Delete(id)
		return 0, nil
	}
	r, events, err := s.Store.Load(ctx, id)
	if err != nil {
		return 0, err
	}
	about, err := s.Context(r)
	if err != nil {
		return 0, err
	}
	for n := p.at.Cursor + 1; n <= r.Seq; n++ {
		if report.Brings(events[:n]) {
			return 0, nil
		}
	}
	for _, post := range messages.Thread(r, events, about) {
		if _, there := p.at.Posted[post.Name]; post.Seq > p.at.Cursor && !there {
			return 0, nil
		}
	}
	return left, nil
}

// New returns a sender for requests, which posts through slack.
func New(requests step.Requests, slack Poster) *Sender {
	return &Sender{Requests: requests, slack: slack}
}

const (
	// deliveryCall bounds one call to Slack in a delivery, and deliveryLease how long a delivery may
	// go without a sign of life before another replica takes over. The lease begins anew with each
	// call and outlasts it, so that no two replicas tell the same; and it is short, because a replica
	// that died holds it to its end.
	deliveryCall  = 7 * time.Second
	deliveryLease = 9 * time.Second
	// giveUpAfter is the attempt, about three hours after the first, at which a channel that refuses
	// the bot is given up.
	giveUpAfter = 200
	// cardBeingPosted is the CardSeq of a delivery whose card may have been posted without an answer.
	cardBeingPosted = -1
	// cardName is the card among the messages that are edited.
	cardName = "card"
	// uploadCall bounds an upload, which is three calls to Slack, and uploadLease its lease.
	uploadCall  = 20 * time.Second
	uploadLease = 22 * time.Second
)

// Deliver brings Slack up to date with a request's log.
func (s *Sender) Deliver(ctx context.Context, item approvals.Item) error {
	if after, err := s.waits(ctx, item.Request); err != nil || after > 0 {
		return cmp.Or[error](err, &step.Again{After: after, Busy: true}) // no sooner than the timer that is set
	}
	queued, err := s.bring(ctx, item.Request, func(err error) bool {
		_, code := KindOf(err)
		return code == CodePaced
	})
	if err == nil || queued {
		return nil
	}
	kind, code := KindOf(err)
	if _, ok := errors.AsType[*SlackError](err); !ok {
		return err
	}
	if kind == SlackChannel {
		// Without a card no approver can decide: the request ends, also when the replica that opened it
		// died before it could say so.
		if _, err := s.CloseWithoutCard(ctx, item.Request, code); err != nil {
			return err
		}
		if nowhere, err := s.NowhereToTell(ctx, item.Request); nowhere || err != nil {
			return err
		}
		if err := s.refusedChannel(ctx, item.Request, code); err != nil {
			return err
		}
	}
	if kind == SlackChannel && item.Attempt >= giveUpAfter {
		s.Log.ErrorContext(ctx, "Slack was not told of a request: it refuses the channel", "request", item.Request,
			"code", code)
		return nil
	}
	after := waitFor(err, item.Attempt)
	s.Log.WarnContext(ctx, "Slack could not be told yet", "request", item.Request, "error", err,
		"again_in", after.String())
	return &step.Again{After: after}
}

// delivery is one turn of telling Slack about one request, under the lease.
type delivery struct {
	*Sender
	id    string
	owner string
	at    approvals.Delivery
	kept  approvals.Delivery // as the store has it
	until time.Time          // the lease lasts, at least

	r     approvals.Request // as this turn has read it
	about messages.Context
	event approvals.Event // that is told
	log   *slog.Logger    // names both
	// withoutFiles: the thread goes without some file already, so that others are not tried again and
	// again.
	withoutFiles bool
	// loose: the root of the thread is gone, as far as this turn knows, and the lines go into the
	// channel.
	loose bool
}

// BringUpToDate posts the card or brings it up to date, and then tells in the thread what the log
// has and the thread has not: in order, each once. What it fails to tell is queued. Another worker
// that does so already makes it return *Again.
func (s *Sender) BringUpToDate(ctx context.Context, id string) error {
	_, err := s.bring(ctx, id, func(error) bool { return true })
	return err
}

// bring does that, and says after an error whether the rest is queued: queue says for which it is
// to be.
func (s *Sender) bring(ctx context.Context, id string, queue func(error) bool) (queued bool, err error) {
	d := &delivery{Sender: s, id: id, owner: rand.Text(), log: s.Log.With("request", id)}
	d.until = time.Now().Add(deliveryLease)
	at, ok, err := s.Store.BeginDelivery(ctx, id, d.owner, deliveryLease)
	switch {
	case err != nil:
		return false, err
	case !ok:
		return true, &step.Again{After: time.Second, Busy: true}
	}
	d.at, d.kept = at, at
	defer func() {
		if err == nil {
			return
		}
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		then := approvals.Then{Force: true}
		if queue(err) {
			then.Again = waitFor(err, 0)
		}
		if _, code := KindOf(err); code == CodePaced && d.r.Seq > 0 && d.at.Cursor == d.r.Seq && then.Again > 0 {
			s.paced.Store(id, paced{d.at, time.Now().Add(then.Again)})
		}
		_, endErr := s.Store.EndDelivery(release, id, d.owner, d.at, then)
		queued = endErr == nil && then.Again > 0
		if endErr != nil && !errors.Is(endErr, approvals.ErrLeaseLost) {
			s.Log.WarnContext(ctx, "a delivery's lease runs out by itself", "request", id, "error", endErr)
		}
	}()
	if at.Tampered {
		why := "how far the thread was told is not what revokebot wrote; its messages are looked for"
		if err := s.Alarm(ctx, id, "delivery of "+id, why); err != nil {
			return false, err
		}
	}
	for {
		if err := d.turn(ctx); err != nil {
			if errors.Is(err, approvals.ErrLeaseLost) {
				return false, &step.Again{After: time.Second}
			}
			return false, err
		}
		more, err := s.Store.EndDelivery(ctx, id, d.owner, d.at, approvals.Then{})
		if err != nil && !errors.Is(err, approvals.ErrLeaseLost) {
			return false, err
		}
		if d.kept = d.at; !more {
			return false, nil
		}
	}
}

// call makes one call to Slack under a lease that outlasts it.
func (d *delivery) call(ctx context.Context, do func(context.Context) error) error {
	return d.within(ctx, deliveryCall, deliveryLease, do)
}

// within does something that takes at most a while, under a lease that outlasts it, when the store
// has what a crash must not forget. An edit can be made again: what was posted before is looked
// for.
func (d *delivery) within(ctx context.Context, most, lease time.Duration, do func(context.Context) error) error {
	return d.leased(ctx, most, lease, d.ahead(), do)
}

func (d *delivery) leased(
	ctx context.Context, most, lease time.Duration, mark bool, do func(context.Context) error,
) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	if now := time.Now(); mark || now.Add(most).After(d.until) {
		if err := d.Store.MarkDelivery(ctx, d.id, d.owner, lease, d.at); err != nil {
			return err
		}
		d.kept, d.until = d.at, now.Add(lease)
	}
	return do(ctx)
}

// ahead reports whether a message that was posted, or is about to be, is not in the store yet. An
// edit can be made again.
func (d *delivery) ahead() bool {
	a, k := d.at, d.kept
	return a.Card != k.Card || a.Cursor != k.Cursor || a.Part != k.Part || a.Intent != k.Intent ||
		(a.CardSeq == cardBeingPosted) != (k.CardSeq == cardBeingPosted)
}

// turn makes card and thread equal to the log as it is now: it posts what is new, each message with
// its event, in their order, and then edits what was posted earlier and says something else now.
// The edit of the card comes first; one that has to wait does not hold back new messages.
func (d *delivery) turn(ctx context.Context) (err error) {
	var events []approvals.Event
	if d.r, events, err = d.Store.Load(ctx, d.id); err != nil {
		return err
	}
	if d.about, err = d.Context(d.r); err != nil {
		return err
	}
	if d.at.Cursor > d.r.Seq || d.at.CardSeq > d.r.Seq {
		d.at = approvals.Delivery{Tampered: true} // without a key nothing else tells
	}
	if d.at.Card == "" && (d.at.Tampered || len(events) > 1) { // it may be there all the same
		d.at.Tampered, d.at.CardSeq, d.at.Intent = false, cardBeingPosted, max(d.at.Intent, d.r.Seq)
	}
	waits := d.card(ctx, events)
	if e, ok := errors.AsType[*SlackError](waits); waits != nil && (d.at.Card == "" || !ok || e.RetryAfter == 0) {
		return waits
	}
	d.withoutFiles = step.CountOf(events, approvals.EventFilesRefused) > 0
	posts := messages.Thread(d.r, events, d.about)
	for n := d.at.Cursor + 1; n <= d.r.Seq; n++ {
		d.event = events[n-1]
		d.log = d.Log.With("request", d.id, "event", n)
		if err := d.tell(ctx, events[:n], posts); err != nil {
			return err
		}
	}
	if err := cmp.Or(waits, d.edit(ctx, posts)); err != nil {
		return err
	}
	d.at.CardSeq = d.r.Seq
	return nil
}

// firstCards is how many cards of one person, in the time that people have to decide, are posted
// before what is in threads. Later ones wait behind everything else.
const firstCards = 3

// card posts the card, or updates it when it does not say what the log says.
func (d *delivery) card(ctx context.Context, events []approvals.Event) error {
	mark := Mark{Request: d.id}
	if d.at.Card == "" && d.at.CardSeq == cardBeingPosted {
		ts, err := d.find(ctx, "", mark, d.r.Opened)
		if err != nil {
			return err
		}
		if ts != "" { // it shows what was so when it was posted
			d.at.Card, d.at.CardSeq = ts, 0
		}
	}
	m := d.about.Leaving(messages.Card(d.r, events, d.about))
	switch {
	case d.at.Card == "":
		wait, err := d.Store.Allow(ctx, "cards of "+d.r.Requester, d.id, firstCards, d.r.Deadline.Sub(d.r.Opened))
		if err != nil {
			return err
		}
		d.at.CardSeq, mark.Late = cardBeingPosted, wait > 0
		ts, err := d.send(ctx, "", mark, m)
		if kind, _ := KindOf(err); err != nil && kind != SlackUnsure && kind != SlackUnknown {
			d.at.CardSeq = 0
		}
		if err != nil {
			return err
		}
		d.at.Card = ts
	case d.at.Posted[cardName].Sum != sum(m):
		gone, err := d.replace(ctx, d.at.Card, m)
		if gone {
			err = d.threadGone(ctx, true)
		}
		if err != nil {
			return err
		}
	default:
		return nil
	}
	d.at.CardSeq = 0 // until all edits are made
	d.posted(cardName, approvals.Posted{TS: d.at.Card, Sum: sum(m)})
	return nil
}
