package trail

import (
	"cmp"
	"hash/maphash"
	"slices"
	"time"

	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/internal/times"
)

const (
	mostListed  = 100 // calls and sessions in each list of an Activity
	mostSources = 100
	mostTargets = 20 // of one persistence call
)

// fold counts the calls of one session. It keeps counts and the newest of what is listed, whatever
// is read.
type fold struct {
	Activity
	cutoff   time.Time
	denies   func(contain.Call) contain.Answer // as in ActivityQuery
	policies []string                          // as in ActivityQuery
	services map[string]*ServiceUse
	sources  map[string]*Source
	at       map[sameCall]int    // where in Persistence
	targets  map[string]int      // of Persistence, by call
	seen     map[uint64]struct{} // marks of the events that were counted
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
	if f.Assumed = append(f.Assumed, session); len(f.Assumed) > 2*mostListed {
		f.trimAssumed()
	}
}

func (f *fold) count(call Call) {
	f.Calls++
	f.First, f.Last = times.Earlier(f.First, call.Time), times.Later(f.Last, call.Time)
	service := cmp.Or(call.Service, nameless)
	use := f.services[service]
	if use == nil {
		use = &ServiceUse{Service: service}
		f.services[service] = use
	}
	use.Calls++
	if call.Denied {
		f.Denied++
		use.Denied++
	}
	f.from(call)
	f.persist(call)
	if by := call.Delegate; by != "" && len(f.Delegates) < mostTargets && !slices.Contains(f.Delegates, by) {
		f.Delegates = append(f.Delegates, by)
	}
	answer := contain.Yes
	if f.denies != nil {
		switch answer = f.denies(facts(call.Service, call.Name, call.SourceAddress)); answer {
		case contain.Yes:
			f.ToDeny++
		case contain.Unknown:
			f.PerhapsToDeny++
		}
	}
	if call.proves() && (answer != contain.No || hasEnded(call.ErrorCode)) {
		call.Unclear = answer == contain.Unknown
		f.classify(call)
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
	same := sameCall{call.Service, call.Name, call.Target, call.Made, call.SourceAddress, !call.succeeded()}
	i, there := f.at[same]
	if !there {
		name := call.Service + " " + call.Name
		if f.targets[name] == mostTargets {
			return
		}
		f.targets[name]++
		i = len(f.Persistence)
		f.at[same] = i
		f.Persistence = append(f.Persistence, call)
	}
	times := f.Persistence[i].Times + 1
	if newestFirst(call, f.Persistence[i]) < 0 {
		f.Persistence[i] = call
	}
	f.Persistence[i].Times = times
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
	source.First = times.Earlier(source.First, call.Time)
	if !call.Time.Before(source.Last) {
		source.Last, source.UserAgent = call.Time, call.UserAgent
	}
}

// classify notes what a call tells about the policy.
func (f *fold) classify(call Call) {
	if call.succeeded() && !call.Unclear {
		f.LastSucceeded = times.Later(f.LastSucceeded, call.Time)
	}
	if !after(call.Time, f.cutoff) {
		return
	}
	switch {
	case call.Denied:
		f.DeniedAfter++
		f.FirstDenied = times.Earlier(f.FirstDenied, call.Time)
		if call.ExplicitDeny != "" && (call.DenyingPolicy == "" || slices.Contains(f.policies, call.DenyingPolicy)) {
			f.blocked(call.ExplicitDeny, call.Time)
		}
	case call.succeeded() && call.Unclear:
		f.UnclearAfter++
	case call.succeeded():
		f.SucceededAfter++
		if f.SucceededAfterCutoff = append(f.SucceededAfterCutoff, call); len(f.SucceededAfterCutoff) > 2*mostListed {
			f.SucceededAfterCutoff = newest(f.SucceededAfterCutoff)
		}
	case hasEnded(call.ErrorCode):
		f.Ended = times.Earlier(f.Ended, call.Time)
	case !saysNothing(call.ErrorCode):
		f.FailedAfter++
	}
}

// whole is what was found, in order.
func (f *fold) whole() Activity {
	f.trimAssumed()
	a := f.Activity
	for _, use := range f.services {
		a.Services = append(a.Services, *use)
	}
	slices.SortFunc(a.Services, func(a, b ServiceUse) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Service, b.Service))
	})
	for _, source := range f.sources {
		a.Sources = append(a.Sources, *source)
	}
	slices.SortFunc(a.Sources, func(a, b Source) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Address, b.Address))
	})
	slices.SortStableFunc(a.Persistence, newestFirst)
	a.SucceededAfterCutoff = newest(a.SucceededAfterCutoff)
	return a
}

// newestFirst orders calls.
func newestFirst(a, b Call) int {
	return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(a.Region, b.Region), cmp.Compare(a.EventID, b.EventID))
}

// newest sorts calls and keeps what is listed.
func newest(calls []Call) []Call {
	slices.SortStableFunc(calls, newestFirst)
	return calls[:min(len(calls), mostListed)]
}

// trimAssumed sorts credentials and keeps what is listed, each once. Attempts that gave none go
// first: a blocked session may try every second.
func (f *fold) trimAssumed() {
	all := once(f.Assumed)
	slices.SortStableFunc(all, func(a, b Session) int { return cmp.Compare(attempt(a), attempt(b)) })
	f.Unlisted = f.Unlisted || len(all) > mostListed && all[mostListed].Issued()
	f.Assumed = once(all[:min(len(all), mostListed)])
}

func attempt(s Session) int {
	if s.Issued() {
		return 0
	}
	return 1
}
