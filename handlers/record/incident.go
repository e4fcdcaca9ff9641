package record

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/trail"
)

// Incident is what the checks of CloudTrail have told so far: the fold of a request's events, as
// approvals.Request is. Everything that the thread shows of it (the sentence, the table, the lists,
// the picture) is a view of this.
type Incident struct {
	Looks    int       // that told something
	Since    time.Time // the window
	Until    time.Time // of the latest look that told something
	Cutoff   time.Time
	Sessions []Session              // issued and attempted, newest first, each once
	LeftOut  int                    // sessions that were found and are not kept
	Regions  []trail.RegionCoverage // of the latest look that told something
	Suspects map[string]Suspect
	Failed   string // why the latest look told nothing; empty when it did
	Last     bool   // no further check is planned

	Looking *Looking // a check that is under way
	// the latest of each session, by its event id, with what only earlier ones reached
	Activities map[string]SessionActivity
	Chain      []Link // of the latest look, and of earlier ones if it could not read everything
	MoreLinks  int
	NotRead    int // sessions that matter and were not looked into
	Enforced   *Enforcement
	Lost       bool // a later check missed the policy
	Losses     int  // how often one did
	Undone     bool // another request took the policy away
	Drill      bool // nothing was written: the cutoff is the one that a revocation would have had
	// Mark is what parts old sessions from new ones, in the words of the measure: "cutoff". It is in
	// no event.
	Mark    string
	Verdict *Conclusion
	Past    []trail.Past   // of Evidence, of all looks
	Settled map[string]int // of Activity, of all looks

	Vouched map[string]Vouched // callers of whom a person said that they are theirs, by CallerIdentity

	callers map[string]bool // those that had a session before the cutoff
	fresh   map[string]bool // those of Suspect.New
}

// Gather folds events. Those that say nothing of CloudTrail, and those that cannot be read, change
// nothing.
func Gather(events []approvals.Event) Incident {
	in := Incident{
		Suspects: map[string]Suspect{}, Activities: map[string]SessionActivity{}, Drill: IsDrill(events),
		Settled: map[string]int{}, Vouched: map[string]Vouched{}, callers: map[string]bool{}, fresh: map[string]bool{},
	}
	known := map[string]bool{}
	add := func(rows []Session) {
		for _, s := range rows {
			if id := s.Mark(); !known[id] {
				known[id] = true
				in.Sessions = append(in.Sessions, s)
			}
		}
	}
	for _, e := range events {
		switch e.Type {
		case approvals.EventUndone:
			in.Undone = true
		case approvals.EventLooking:
			in.Looking = Known[Looking](e)
		case approvals.EventEvidence:
			v := Known[Evidence](e)
			if v == nil {
				continue
			}
			in.Looking, in.Failed, in.Last = nil, v.Failed, v.Last
			if v.Failed != "" {
				continue
			}
			in.Looks++
			in.Since, in.Until, in.Cutoff, in.Regions = v.Since, v.Until, v.Cutoff, v.Regions
			in.LeftOut, in.Past = max(in.LeftOut, v.LeftOut), append(in.Past, v.Past...)
			clear(in.Suspects)
			for _, s := range v.Suspects {
				in.Suspects[s.EventID] = s
			}
		case approvals.EventSessions:
			if v := Known[Sessions](e); v != nil {
				add(v.Rows)
			}
		case approvals.EventActivity:
			v := Known[Activity](e)
			if v == nil || v.Failed != "" {
				continue
			}
			for _, a := range v.Sessions {
				in.Activities[a.EventID] = a.keeping(in.Activities[a.EventID])
			}
			maps.Copy(in.Settled, v.Settled)
			if v.Chosen == "" {
				if v.Partly != "" {
					v.Chain = keepLinks(v.Chain, in.Chain)
				}
				in.Chain, in.MoreLinks, in.NotRead = v.Chain, v.MoreLinks, v.NotRead
			}
		case approvals.EventVouched:
			if v := Known[Vouched](e); v != nil && in.Vouched[v.CallerID].By == "" {
				v.By, v.At = e.By, e.At
				in.Vouched[v.CallerID] = *v
			}
		case approvals.EventTampered:
			if t := Known[Tampered](e); t != nil && t.Lost() && !t.Told && !t.Resumed {
				in.Losses++
			}
		case approvals.EventVerdict:
			if v := Known[Conclusion](e); v != nil {
				in.Verdict = v
			}
		}
	}
	proof := Proven(events)
	in.Enforced, in.Lost = proof.Seen, proof.Lost != nil && proof.Lost.Lost()
	slices.SortStableFunc(in.Sessions, func(a, b Session) int {
		return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(a.Region, b.Region), cmp.Compare(a.EventID, b.EventID))
	})
	if cutoff := Since(events); !cutoff.IsZero() {
		in.Cutoff = cutoff
	}
	for id, a := range in.Activities {
		if len(a.Elsewhere) == 0 {
			continue
		}
		suspect := in.Suspects[id]
		suspect.EventID = id
		for _, from := range a.Elsewhere {
			suspect.From = append(suspect.From, from.Address)
		}
		in.Suspects[id] = suspect
	}
	for i, s := range in.Sessions {
		if !in.Cutoff.IsZero() { // it may have moved since the session was found
			s.After = !s.Time.Before(in.Cutoff)
			in.Sessions[i] = s
		}
		if s.Issued() && !s.After {
			in.callers[s.CallerIdentity()] = true
		}
		if in.Suspects[s.EventID].New {
			in.fresh[s.CallerIdentity()] = true
		}
	}
	return in
}

// Copied are the ids of the events of sessions whose keys were used from where they were not
// opened.
func (in Incident) Copied() map[string]bool {
	copied := map[string]bool{}
	for id, s := range in.Suspects {
		copied[id] = len(s.From) > 0
	}
	return copied
}

// Known reports whether the caller of a session is one that is not first seen, or of whom a person
// said that they are theirs.
func (in Incident) Known(s Session) bool {
	id := s.CallerIdentity()
	return in.Vouched[id].By != "" || !in.fresh[id] && (in.callers[id] || !s.Before.IsZero())
}

// FirstSeen says since when the caller of a session is seen that is not Known.
func (in Incident) FirstSeen(s Session) string {
	if in.callers[s.CallerIdentity()] {
		return "first seen in this window"
	}
	return "first seen after the " + in.Mark
}

// Doubted finds the caller with a mark: one that opened a session since the cutoff and that is, or
// was before a person called it theirs, not Known.
func (in Incident) Doubted(mark string) (Session, bool) {
	for _, s := range in.Sessions {
		if s.Doubtable() && s.CallerMark() == mark && (!in.Known(s) || in.Vouched[s.CallerIdentity()].By != "") {
			return s, true
		}
	}
	return Session{}, false
}

// Addresses are the public addresses from which the role was used, most sessions first: those of
// unusual sessions and of copied keys, and all others.
func (in Incident) Addresses() (usual, unusual []string) {
	odd, count := map[string]bool{}, map[string]int{}
	for _, s := range in.Sessions {
		why := in.Suspects[s.EventID]
		if s.Issued() {
			count[s.SourceAddress]++
			odd[s.SourceAddress] = odd[s.SourceAddress] || why.Address
		}
		for _, from := range why.From {
			count[from]++
			odd[from] = true
		}
		for _, at := range in.Activities[s.EventID].Home {
			if at != s.SourceAddress {
				count[at]++
				odd[at] = odd[at] || why.Address
			}
		}
	}
	for _, address := range slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(count[b]-count[a], cmp.Compare(a, b))
	}) {
		switch a, err := netip.ParseAddr(address); {
		case err != nil || a.IsPrivate() || a.IsLoopback():
		case odd[address]:
			unusual = append(unusual, address)
		default:
			usual = append(usual, address)
		}
	}
	return usual, unusual
}
