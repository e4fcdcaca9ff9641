package trail

import (
	"cmp"
	"hash/maphash"
	"slices"
	"time"

	"github.com/revokebot/revokebot/internal/times"
)

const (
	mostListed  = 100 // calls and sessions in each list of an Activity
	mostSources = 100
	mostTargets = 20 // of one persistence call
)

// fold counts the calls of one region. It keeps counts and the newest of what is listed, whatever
// is read.
type fold struct {
	Activity
	cutoff   time.Time
	policies []string // as in ActivityQuery
	services map[string]*ServiceUse
	sources  map[string]*Source
	at       map[sameCall]int    // where in Doors
	targets  map[string]int      // of Doors, by call
	seen     map[uint64]struct{} // marks of the events that were counted
	coverage RegionCoverage
}

func newFold(cutoff time.Time, policies ...string) *fold {
	return &fold{
		cutoff: cutoff, policies: policies, services: map[string]*ServiceUse{}, sources: map[string]*Source{},
		at: map[sameCall]int{}, targets: map[string]int{}, seen: map[uint64]struct{}{},
	}
}

var foldSeed = maphash.MakeSeed()

// add counts an event, once.
func (f *fold) add(r record) {
	call := decodeCall(r)
	if call.EventID != "" {
		mark := maphash.String(foldSeed, call.EventID)
		if _, again := f.seen[mark]; again {
			return
		}
		f.seen[mark] = struct{}{}
	}
	session, ok := decodeSession(r)
	if ok && assuming[session.Kind] {
		call.Time = session.Time // the issue time
	}
	f.count(call)
	if !ok {
		return
	}
	session.After = after(session.Time, f.cutoff)
	if len(f.Assumed) < mostListed {
		f.Assumed = append(f.Assumed, session)
	}
}

func (f *fold) count(call Call) {
	f.Calls++
	f.First, f.Last = earlier(f.First, call.Time), times.Later(f.Last, call.Time)
	service := cmp.Or(call.Service, nameless)
	use := f.services[service]
	if use == nil {
		use = &ServiceUse{Service: service}
		f.services[service] = use
	}
	use.Calls++
	switch {
	case call.Denied:
		f.Denied++
		use.Denied++
	case !call.succeeded():
		f.Failed++
	}
	f.from(call)
	f.persist(call)
	f.delegated(call.Delegate)
	if call.proves() {
		f.judge(call)
	}
}

// delegated notes an account that acts in the session, once.
func (f *fold) delegated(account string) {
	if account != "" && len(f.Delegates) < mostTargets && !slices.Contains(f.Delegates, account) {
		f.Delegates = append(f.Delegates, account)
	}
}

// sameCall is what makes two persistence calls the same.
type sameCall struct {
	service, name, target, made, from string
	failed                            bool
}

// persist notes a persistence call; of those that are the same the newest stays.
func (f *fold) persist(call Call) {
	if call.Opens == "" {
		return
	}
	f.PersistenceCalls++
	call.Times = 1
	f.listPersistence(call)
}

func (f *fold) listPersistence(call Call) {
	same := sameCall{call.Service, call.Name, call.Target, call.Made, call.SourceAddress, !call.succeeded()}
	if i, there := f.at[same]; there {
		times := f.Persistence[i].Times + call.Times
		if call.Time.After(f.Persistence[i].Time) {
			f.Persistence[i] = call
		}
		f.Persistence[i].Times = times
		return
	}
	name := call.Service + " " + call.Name
	if f.targets[name] == mostTargets {
		return
	}
	f.targets[name]++
	f.at[same] = len(f.Persistence)
	f.Persistence = append(f.Persistence, call)
}

// from notes where a call came from.
func (f *fold) from(call Call) {
	source := f.sources[call.SourceAddress]
	if source == nil {
		if len(f.sources) == mostSources || call.SourceAddress == "" {
			return
		}
		source = &Source{Address: call.SourceAddress}
		f.sources[call.SourceAddress] = source
	}
	source.Calls++
	source.First = earlier(source.First, call.Time)
	if !call.Time.Before(source.Last) {
		source.Last, source.UserAgent = call.Time, call.UserAgent
	}
}

// judge notes what a call tells about the deny.
func (f *fold) judge(call Call) {
	if call.succeeded() {
		f.LastSucceeded = times.Later(f.LastSucceeded, call.Time)
	}
	if !after(call.Time, f.cutoff) {
		return
	}
	switch {
	case call.Denied:
		f.DeniedAfter++
		f.FirstDenied = earlier(f.FirstDenied, call.Time)
		if call.ExplicitDeny != "" && (call.DenyingPolicy == "" || slices.Contains(f.policies, call.DenyingPolicy)) {
			f.blocked(call.ExplicitDeny, call.Time)
		}
	case call.succeeded():
		f.SucceededAfter++
		if len(f.SucceededAfterCutoff) < mostListed {
			f.SucceededAfterCutoff = append(f.SucceededAfterCutoff, call)
		}
	case hasEnded(call.ErrorCode):
		f.Ended = earlier(f.Ended, call.Time)
	case !saysNothing(call.ErrorCode):
		f.FailedAfter++
	}
}

// joined puts what the regions told together.
func joined(all []*fold) Activity {
	whole := newFold(time.Time{})
	for _, f := range all {
		whole.Calls += f.Calls
		whole.Denied += f.Denied
		whole.Failed += f.Failed
		whole.SucceededAfter += f.SucceededAfter
		whole.DeniedAfter += f.DeniedAfter
		whole.FailedAfter += f.FailedAfter
		whole.PersistenceCalls += f.PersistenceCalls
		whole.First, whole.Last = earlier(whole.First, f.First), times.Later(whole.Last, f.Last)
		whole.LastSucceeded = times.Later(whole.LastSucceeded, f.LastSucceeded)
		whole.FirstDenied = earlier(whole.FirstDenied, f.FirstDenied)
		for action, at := range f.Blocked {
			whole.blocked(action, at)
		}
		whole.Ended = earlier(whole.Ended, f.Ended)
		whole.AskedAt = times.Later(whole.AskedAt, f.AskedAt)
		whole.SucceededAfterCutoff = append(whole.SucceededAfterCutoff, f.SucceededAfterCutoff...)
		for _, call := range f.Persistence {
			whole.listPersistence(call)
		}
		whole.Assumed = append(whole.Assumed, f.Assumed...)
		for _, account := range f.Delegates {
			whole.delegated(account)
		}
		whole.Regions = append(whole.Regions, f.coverage)
		whole.Truncated = whole.Truncated || f.coverage.Truncated
		for name, use := range f.services {
			if there := whole.services[name]; there != nil {
				there.Calls, there.Denied = there.Calls+use.Calls, there.Denied+use.Denied
			} else {
				whole.services[name] = use
			}
		}
		for address, source := range f.sources {
			whole.sources[address] = source.with(whole.sources[address])
		}
	}
	for _, use := range whole.services {
		whole.Services = append(whole.Services, *use)
	}
	slices.SortFunc(whole.Services, func(a, b ServiceUse) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Service, b.Service))
	})
	for _, source := range whole.sources {
		whole.Sources = append(whole.Sources, *source)
	}
	slices.SortFunc(whole.Sources, func(a, b Source) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Address, b.Address))
	})
	sortCalls(whole.Persistence)
	whole.SucceededAfterCutoff = newest(whole.SucceededAfterCutoff)
	whole.Assumed = once(whole.Assumed)
	whole.Assumed = whole.Assumed[:min(len(whole.Assumed), mostListed)]
	return whole.Activity
}

// with adds another region's calls from the same address.
func (s *Source) with(other *Source) *Source {
	if other == nil {
		return s
	}
	s.Calls += other.Calls
	s.First = earlier(s.First, other.First)
	if other.Last.After(s.Last) {
		s.Last, s.UserAgent = other.Last, other.UserAgent
	}
	return s
}

// sortCalls puts the newest first.
func sortCalls(calls []Call) {
	slices.SortStableFunc(calls, func(a, b Call) int {
		return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(a.Region, b.Region), cmp.Compare(a.EventID, b.EventID))
	})
}

// newest sorts calls and keeps what is listed, each once.
func newest(calls []Call) []Call {
	sortCalls(calls)
	calls = slices.CompactFunc(calls, func(a, b Call) bool { return a.EventID != "" && a.EventID == b.EventID })
	return calls[:min(len(calls), mostListed)]
}

// earlier returns the earlier of two times, of which a zero one is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
