package role

import (
	"context"
	"errors"
	"slices"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// maxWrites bounds how often one document is written when someone keeps undoing it.
const maxWrites = 3

// Apply makes AWS say what the order's measure wants, document by document: want, promise, write,
// read back.
//
// The role, its slots and the session of this order are asked for side by side, then the first
// document is written: two remote steps, if the reading session is warm; with a preparation, one.
// A preparation that is not of this order, or is older than a few seconds, is asked for anew; nil
// is none. Nothing is written if the role behind the name is another one (ErrRoleChanged), must
// not be touched (*RefusedError) or AWS's time is not known (ErrNoServerTime). Once a promise has
// been made, the end of ctx does not stop its write any more; the call's own deadline does. Where
// something took long meanwhile, the approvers are confirmed and all is read again before the
// write, as long as ctx lasts.
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
	r := &run{c: c, order: o, gate: g, changes: slices.Clone(o.Promised)}
	r.out.Documents = make([]Result, len(p.places))
	r.begin(p)
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

// run is one order on its way.
type run struct {
	*Prepared
	c       *Client
	order   Order
	gate    *gate
	changes []contain.Change // that the request has promised
	now     []found          // each slot as it was read last
	out     Outcome
}

// begin goes on with what was read anew.
func (r *run) begin(p *Prepared) {
	r.Prepared, r.now = p, slices.Clone(p.there)
	r.out.Role, r.out.CallerARN, r.out.Unnamed = p.role, p.callerARN(), p.cred.Unnamed
}

// refresh reads the role and all slots anew if what was read is too old, and opens a new session if
// the order's is about to end.
func (r *run) refresh(ctx context.Context) error {
	if !r.stale() {
		return nil
	}
	p := *r.Prepared
	var besides []func(*aws.Conn) error
	if !p.cred.Lasts() {
		besides = append(besides, p.opening(ctx, r.order.policy))
	}
	if err := p.ask(ctx, r.c, besides...); err != nil {
		return err
	}
	r.begin(&p)
	return nil
}

// in is what was read last in a slot.
func (r *run) in(s contain.Slot) *found {
	i := slices.IndexFunc(r.now, func(f found) bool { return f.Slot == s })
	return &r.now[i]
}

// document writes one document of the measure, unless it is there. An error stops the order.
func (r *run) document(ctx context.Context, i int) error {
	result := &r.out.Documents[i]
	result.There = r.in(r.places[i][0]).Document
	if there := r.alreadyThere(i); there != nil {
		result.found(*there)
		return nil
	}
	for {
		step, err := r.plan(ctx, i)
		switch {
		case err != nil:
			return err
		case step.refused != nil:
			result.Err = step.refused
			return nil
		case step.done:
			result.found(*r.in(step.change.Slot))
			return nil
		}
		if !r.write(ctx, i, result) {
			return nil
		}
		r.c.cloud.Log().WarnContext(ctx, "what is on the role is not what was written", "account", r.account.Name,
			"role", r.role.Name, "slot", step.change.Slot.Label(), "writes", result.Writes, "gap", result.Gap)
		if result.Writes == maxWrites || r.order.Mode == Undo || !r.read(ctx, r.besides(i, step.change.Slot)) {
			return nil
		}
	}
}

// alreadyThere finds the place that does all that this request has promised for a document, and
// what others have in force. A promise that is older than that of an earlier document is stale: a
// key that was switched on again may have made sessions since. What another request has put there
// does not excuse this one from its write.
func (r *run) alreadyThere(i int) *found {
	last, earlier := -1, -1
	written := slices.DeleteFunc(slices.Clone(r.order.InForce), func(d contain.Document) bool {
		return d.Slot.Kind != r.places[i][0].Kind
	})
	for n, d := range documents(r.changes) {
		switch at := slices.IndexFunc(r.places, func(p []contain.Slot) bool { return slices.Contains(p, d.Slot) }); {
		case at == i:
			last, written = n, append(written, d)
		case at >= 0 && at < i:
			earlier = n
		}
	}
	if r.order.Mode == Undo || last < 0 || last < earlier {
		return nil
	}
	for _, place := range r.places[i] {
		there := r.in(place)
		if !slices.ContainsFunc(written, func(d contain.Document) bool {
			return r.order.Measure.Gap(r.clock.Latest(), there.Document, d) != contain.Covers
		}) {
			return there
		}
	}
	return nil
}

// found notes that a document was there.
func (res *Result) found(f found) {
	res.AlreadyThere, res.ReadBack, res.There, res.ReadBackAt = true, true, f.Document, f.at
}

// write writes what was promised and reads it back. It reports whether that leaves a gap.
func (r *run) write(ctx context.Context, i int, result *Result) (gap bool) {
	doc := contain.Document{Slot: result.Change.Slot, Text: result.Change.After}
	kept := context.WithoutCancel(ctx)
	if r.order.Mode == Undo {
		ctx = kept
		if !r.stillOurs(ctx, i, doc, result) {
			return false
		}
	}
	at, err := r.session().write(kept, doc)
	if doc.Text == "" && errors.Is(err, aws.ErrNoSuchRole) {
		at, err = aws.RefusalTime(err), nil // an attempt whose answer was lost has emptied it; the read below tells
	}
	if err != nil {
		result.Err = err
		return false
	}
	*r.in(doc.Slot) = found{Document: doc, at: at}
	result.Writes++
	result.At, result.There, result.Gap = at, doc, contain.Covers
	// The documents that are still to be written are read along: the next one is wanted by what is
	// there then.
	slots := append([]contain.Slot{doc.Slot}, slices.Concat(r.places[i+1:]...)...)
	back := r.session().read(ctx, slots)
	if result.ReadBackError = back[0].err; back[0].err != nil {
		return false
	}
	r.keep(back)
	result.There, result.ReadBackAt = back[0].Document, back[0].at
	result.Gap = r.order.Measure.Gap(r.clock.Latest(), result.There, doc)
	result.ReadBack = result.Gap == contain.Covers
	return !result.ReadBack
}

// stillOurs reads a slot once more just before an undo writes to it. IAM has no compare-and-set:
// this leaves a moment in which someone else's write is lost.
func (r *run) stillOurs(ctx context.Context, i int, doc contain.Document, result *Result) bool {
	there := r.session().read(ctx, []contain.Slot{doc.Slot})
	if result.Err = there[0].err; result.Err != nil {
		return false
	}
	r.keep(there)
	result.There = there[0].Document
	wanted, refused, err := r.want(r.clock.Latest(), i)
	switch {
	case err != nil:
		result.Err = err
	case refused != nil:
		result.Err = refused
	case wanted == there[0].Document:
		result.found(there[0])
	case wanted == doc:
		return true
	default:
		result.Err = &contain.Refusal{
			Slot: doc.Slot, Reason: contain.NotOurs,
			Sentence: doc.Slot.Label() + " was changed while the undo was being recorded. Nothing was done. Ask again.",
		}
	}
	return false
}

// besides are the slots of a document, and what is read besides, without the one that was just
// read.
func (r *run) besides(i int, read contain.Slot) []contain.Slot {
	slots := slices.Concat(r.places[i], r.order.Measure.Reads(r.order.target(r.role.Principal())))
	return slices.DeleteFunc(slots, func(s contain.Slot) bool { return s == read })
}

// read reads slots again and reports whether all could be read.
func (r *run) read(ctx context.Context, slots []contain.Slot) bool {
	all := r.session().read(ctx, slots)
	r.keep(all)
	return unread(all) == nil
}

// keep notes what was read.
func (r *run) keep(all []found) {
	for _, f := range all {
		if f.err == nil {
			*r.in(f.Slot) = f
		}
	}
}
