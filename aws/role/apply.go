package role

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

const (
	// maxWrites bounds how often one document is written when someone keeps undoing it.
	maxWrites = 3
	// maxPlans bounds how often one write is promised because promises take long, or other workers
	// promise more.
	maxPlans = 5
	// maxRounds bounds how often one write is thought over because its steps take long.
	maxRounds = 4 * maxPlans
	// maxLate is how much older than the write the clock may be that a document was wanted by, and the
	// confirmation of the approvers.
	maxLate = time.Second
)

// ErrBusy stops an order for which other workers keep promising more, or whose steps all take too
// long. It passes: apply the order again, with what was promised.
var ErrBusy = errors.New("role: other workers keep promising more, or everything takes too long")

// Apply makes AWS say what the order's measure wants, document by document: want, promise, write,
// read back.
//
// The role, its slots and the session of this order are asked for side by side, then the first
// document is written: two remote steps, if the reading session is warm; with a preparation, one.
// A preparation that is not of this order, or is older than a few seconds, is asked for anew; nil
// is none. Nothing is written if the role behind the name is another one (ErrRoleChanged), must not
// be touched (*RefusedError) or AWS's time is not known (ErrNoServerTime); a role that was made
// again just before the write is noticed when that is read back, with ErrRoleChanged, too. Once a
// promise has been made, the end of ctx does not stop its write any more; the call's own deadline
// does. Where something took long meanwhile, the approvers are confirmed and all is read again
// before the write, as long as ctx lasts.
//
// A document that AWS or the measure refuses does not stop the others: see Result.Err. An error
// of it that may pass (not aws.Final) is returned, too: apply the order again, with what was
// promised, and the next try finds the rest done. A final one is in its Result only, unless no
// document came through: then that of the first is returned. Any other error has stopped the
// order, and Outcome says what was done before. A write that timed out may have been done: apply
// the order again, too. A write that succeeded and could not be confirmed is no error: see
// ReadBack.
func (c *Client) Apply(ctx context.Context, p *Prepared, o Order) (Outcome, error) {
	g := o.gate(ctx)
	defer g.close()
	if !p.fits(o) {
		var err error
		if p, err = c.Prepare(ctx, o); err != nil {
			return Outcome{}, err
		}
	}
	r := *p
	r.of, r.gate, r.there = o, g, slices.Clone(p.there)
	r.of.Promised, r.of.Principal = slices.Clone(o.Promised), p.of.Principal
	r.out.Documents = make([]Result, len(p.places))
	r.told()
	for i := range p.places {
		if ctx.Err() != nil {
			return r.out, aws.NewCallError(r.places[i][0].Kind.Facts().Put, p.account.Name, context.Cause(ctx))
		}
		if err := r.document(ctx, i); err != nil {
			return r.out, err
		}
	}
	return r.out, r.out.err()
}

// told notes what was read for the outcome.
func (p *Prepared) told() {
	p.out.Role, p.out.CallerARN, p.out.Unnamed = p.role, p.callerARN(), p.cred.Unnamed
}

// refresh reads the role and all slots anew if what was read is too old, and opens a new session if
// the order's is about to end.
func (p *Prepared) refresh(ctx context.Context) error {
	if time.Since(p.read) <= preparedFor {
		return nil
	}
	policy := toWrite
	if p.cred.Lasts() {
		policy = nil
	}
	again, err := p.c.prepare(ctx, p.of, policy)
	if err != nil {
		return err
	}
	if policy == nil {
		again.cred = p.cred
	}
	again.of, again.gate, again.out = p.of, p.gate, p.out
	*p = *again
	p.told()
	return nil
}

// document writes one document of the measure, unless it is there. An error stops the order.
func (p *Prepared) document(ctx context.Context, i int) error {
	result := &p.out.Documents[i]
	result.There = p.in(p.places[i][0]).Document
	defer func() {
		for _, place := range p.places[i] {
			there := p.in(place).Document
			if place != result.There.Slot && p.of.Measure.Gap(p.clock.Latest(), there, result.There) == contain.Foreign {
				result.Beside = there
			}
		}
	}()
	if there := p.alreadyThere(i); there != nil {
		result.found(*there)
		return nil
	}
	for tries := 0; ; tries++ {
		promised, err := p.plan(ctx, i)
		if err != nil || !promised {
			return err
		}
		switch changed, err := p.changed(ctx, result); {
		case err != nil:
			result.Err = err
			return nil
		case changed && tries == maxPlans:
			return ErrBusy
		case changed:
			continue
		}
		if gap, err := p.write(ctx, i); err != nil || !gap {
			return err
		}
		slot := result.Change.Slot
		p.c.cloud.Log().WarnContext(ctx, "what is on the role is not what was written", "account", p.account.Name,
			"role", p.role.Name, "slot", slot.Label(), "writes", result.Writes, "gap", result.Gap)
		if result.Writes == maxWrites || p.of.Mode == Undo {
			return nil
		}
		// The slot was just read; its other places, and what is read besides, were not.
		others := slices.Concat(p.places[i], p.of.Measure.Reads(p.of.at(p.role).Target))
		again := p.see(ctx, p.cred, slices.DeleteFunc(others, func(s contain.Slot) bool { return s == slot }))
		if p.keep(again); unread(again) != nil {
			return nil
		}
	}
}

// alreadyThere finds the place that does all that this request has promised for a document, and
// what others have in force. A promise that is older than that of an earlier document is stale: a
// key that was switched on again may have made sessions since. What another request has put there
// does not excuse this one from its write.
func (p *Prepared) alreadyThere(i int) *found {
	last, earlier := -1, -1
	written := slices.DeleteFunc(slices.Clone(p.of.InForce), func(d contain.Document) bool {
		return d.Slot.Kind != p.places[i][0].Kind
	})
	for n, d := range contain.Documents(p.of.Promised) {
		switch at := slices.IndexFunc(p.places, func(p []contain.Slot) bool { return slices.Contains(p, d.Slot) }); {
		case at == i:
			last, written = n, append(written, d)
		case at >= 0 && at < i:
			earlier = n
		}
	}
	if p.of.Mode == Undo || last < 0 || last < earlier {
		return nil
	}
	return p.covering(p.clock.Latest(), p.places[i], written)
}

// plan wants a document and promises it, until the promise covers all that was promised for the
// document and is no older than a second. However long something took, the approvers were confirmed
// within a second before the promise, and before the write that follows; and the role and its slots
// were read within a few seconds. It reports whether a write follows: not if the measure refuses
// the document, nor if an undo finds it as it should be.
func (p *Prepared) plan(ctx context.Context, i int) (promised bool, err error) {
	result := &p.out.Documents[i]
	var kept *contain.Change // that was promised last, while it may be what is wanted
	var lead time.Duration   // how long the last promise took, for the next one to allow for
	for n, rounds := 0, 0; rounds < maxRounds; rounds++ {
		if err := p.refresh(ctx); err != nil {
			return false, err
		}
		began := p.clock.Latest()
		now := began.Add(lead)
		if kept != nil {
			now = began.Add(-maxLate)
		}
		doc, err := p.want(now, i)
		if refused, ok := err.(*contain.Refusal); ok {
			result.Err = refused
			return false, nil
		}
		if err != nil {
			return false, err
		}
		there := p.in(doc.Slot)
		change := contain.Change{
			Slot: doc.Slot, Before: there.Text, After: doc.Text, Guard: p.of.Guard,
			Trusted: p.trusted(there.Document),
		}
		switch {
		case p.of.Mode == Undo && there.Document == doc:
			result.found(*there)
			return false, nil
		case kept != nil && (kept.Slot != doc.Slot || kept.After != doc.Text || kept.Before != there.Text):
			kept = nil // it came too late, others have promised more, or something else is there now
			continue
		}
		if passed, err := p.gate.pass(ctx); err != nil {
			return false, err
		} else if !passed {
			continue // it was waited for, and the clock went on
		}
		switch {
		case kept != nil:
			return true, nil
		case n == maxPlans:
			return false, ErrBusy
		}
		n++
		kept = &change
		all := append(p.of.Promised, change)
		if p.of.Promise != nil {
			if all, err = p.of.Promise(ctx, Plan{Change: change, At: p.clock.Server, Now: now}); err != nil {
				return false, err
			}
		}
		p.of.Promised, result.Change = all, change
		lead = p.clock.Latest().Sub(began)
	}
	return false, ErrBusy
}

// want asks the measure for one of its documents. An error that is a *contain.Refusal is of this
// document.
func (p *Prepared) want(now time.Time, i int) (contain.Document, error) {
	docs, err := p.of.Measure.Want(p.state(now), slices.Concat(p.of.InForce, contain.Documents(p.of.Promised)))
	if refused := contain.RefusalOf(err, p.places[i]); refused != nil {
		return contain.Document{}, refused
	}
	if len(docs) != len(p.places) || docs[i] == (contain.Document{}) {
		return contain.Document{}, errors.Join(err, errors.New("role: the measure wants no document"))
	}
	return docs[i], nil
}

// write writes what was promised and reads it back. It reports whether that leaves a gap. Of a role
// that was made again meanwhile the document is taken off, as far as the bot may.
func (p *Prepared) write(ctx context.Context, i int) (gap bool, err error) {
	result := &p.out.Documents[i]
	doc := contain.Document{Slot: result.Change.Slot, Text: result.Change.After}
	kept := context.WithoutCancel(ctx)
	if p.of.Mode == Undo {
		ctx = kept
		if !p.stillOurs(ctx, i, doc) {
			return false, nil
		}
	}
	at, err := kinds[doc.Slot.Kind].write(kept, p, p.cred, doc)
	if errors.Is(err, aws.ErrNoSuchRole) {
		switch {
		case p.holder(kept) != "":
			err = renaming(p.role.Principal) // the user is somewhere else
		case doc.Text == "" || doc.Slot.Kind == contain.KeyStatus:
			err = nil // an attempt whose answer was lost has emptied it, or the key was deleted; the read below tells
		}
	}
	if err != nil {
		result.Err = err
		return false, nil
	}
	*p.in(doc.Slot) = found{Document: doc, at: at}
	result.Writes++
	result.At, result.There, result.Gap = at, doc, contain.Covers
	// The documents that are still to be written are read along: the next one is wanted by what is
	// there then.
	slots := append([]contain.Slot{doc.Slot}, slices.Concat(p.places[i+1:]...)...)
	var back []found
	var again *Prepared
	aws.All(
		func() { back = p.see(ctx, p.cred, slots) },
		func() { again, err = p.c.look(ctx, Order{Target: p.of.Target}, false, nil) },
	)
	p.keep(back)
	if err == nil && again.role.ID != p.role.ID {
		if there := p.in(doc.Slot); p.of.Mode == Do && there.Document == doc && p.takeOff(kept, doc.Slot) == nil {
			there.Text = ""
		}
		result.There = p.in(doc.Slot).Document
		if p.holder(kept) != "" {
			return false, renaming(p.role.Principal)
		}
		return false, again.replaced(p.role.ID)
	}
	if result.ReadBackError = back[0].err; errors.Is(err, aws.ErrNoSuchRole) {
		result.ReadBackError = err // an empty slot of what is not there says nothing
	}
	if result.ReadBackError != nil {
		return false, nil
	}
	result.There, result.ReadBackAt = back[0].Document, back[0].at
	result.Gap = p.of.Measure.Gap(p.clock.Latest(), result.There, doc)
	result.ReadBack = result.Gap == contain.Covers
	return !result.ReadBack, nil
}

// takeOff empties a slot with a session that may do that.
func (p *Prepared) takeOff(ctx context.Context, slot contain.Slot) error {
	if slot.Kind == contain.KeyStatus {
		return nil // the other user has no such key
	}
	o := p.of.at(p.role)
	o.Mode = Undo
	cred, err := p.account.Open(ctx, o.grant(o.sessionPolicy()))
	if err == nil {
		_, err = kinds[slot.Kind].write(ctx, p, cred, contain.Document{Slot: slot})
	}
	return err
}

// stillOurs reads a slot once more just before an undo writes to it. IAM has no compare-and-set:
// this leaves a moment in which someone else's write is lost.
func (p *Prepared) stillOurs(ctx context.Context, i int, doc contain.Document) bool {
	result := &p.out.Documents[i]
	there := p.see(ctx, p.cred, []contain.Slot{doc.Slot})
	if result.Err = there[0].err; result.Err != nil {
		return false
	}
	p.keep(there)
	result.There = there[0].Document
	wanted, err := p.want(p.clock.Latest(), i)
	switch {
	case err != nil:
		result.Err = err
	case wanted == there[0].Document:
		result.found(there[0])
	case wanted == doc:
		return true
	default:
		result.Err = &contain.Refusal{
			Slot: doc.Slot, NotOurs: true,
			Sentence: doc.Slot.Label() + " was changed while the undo was being recorded. Nothing was done. Ask again.",
		}
	}
	return false
}

// keep notes what was read.
func (p *Prepared) keep(all []found) {
	for _, f := range all {
		if f.err == nil {
			*p.in(f.Slot) = f
		}
	}
}

// gate lets a promise and its write pass once the approvers are confirmed.
type gate struct {
	confirm   func(context.Context) error
	first     chan error // nil once its answer was used
	answered  time.Time  // when the first answer came; once that was received
	confirmed time.Time  // when the approvers were confirmed last
	cancel    context.CancelFunc
}

// gate begins to confirm the approvers.
func (o Order) gate(ctx context.Context) *gate {
	g := &gate{confirm: o.Confirm, cancel: func() {}}
	if o.Confirm == nil {
		return g
	}
	ctx, g.cancel = context.WithCancel(ctx)
	first := make(chan error, 1)
	g.first = first
	go func() {
		err := o.Confirm(ctx)
		g.answered = time.Now()
		first <- err
	}()
	return g
}

// pass reports whether the approvers were confirmed just now. Otherwise it confirms them, so that
// time goes by: look at the clock and come again.
func (g *gate) pass(ctx context.Context) (passed bool, err error) {
	switch {
	case g.confirm == nil || time.Since(g.confirmed) <= maxLate:
		return true, nil
	case g.first != nil:
		err = <-g.first
		g.first, g.confirmed = nil, g.answered
	default:
		err = g.confirm(ctx)
		g.confirmed = time.Now()
	}
	return false, err
}

// close waits for what was begun and is not needed.
func (g *gate) close() {
	g.cancel()
	if g.first != nil {
		<-g.first
	}
}
