package trail

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/internal/english"
	"github.com/revokebot/revokebot/internal/times"
)

// oldSessions looks at what the sessions did that the deny has to stop.
func (j *judge) oldSessions() {
	unseen, unclear := 0, 0
	for _, s := range j.in.Sessions {
		if !j.isOld(s) {
			continue
		}
		j.out.Old++
		did, looked := j.in.Activities[s.AccessKeyID]
		if s.AccessKeyID == "" || !looked {
			if j.suspicious[s.AccessKeyID] || s.Derived {
				unseen++
			}
			continue
		}
		j.out.Looked++
		if !did.FirstExplicitDeny.IsZero() {
			j.out.Denied++
		}
		if j.suspicious[s.AccessKeyID] || s.Derived {
			j.opened(did)
		}
		if n := j.succeeded(did); n > 0 {
			j.addSession(s)
			j.show("A session of %s, issued at %s, made %s after the cutoff that went through.", s.Caller, clock(s.Time),
				english.Count(n, "call", "calls"))
		}
		if did.FailedAfter > 0 {
			unclear++
		}
		if !did.Covered() {
			j.miss("What a session of %s did, issued at %s, is not known in full%s.", s.Caller, clock(s.Time),
				where(did.Regions))
		}
	}
	if unseen > 0 {
		j.miss("%s that had to be looked at %s not looked at.", english.Count(unseen, "old session", "old sessions"),
			english.Plural(unseen, "was", "were"))
	}
	if unclear > 0 {
		j.miss("Of %s it is not clear whether the deny stopped it: calls failed after the cutoff for another reason.",
			english.Count(unclear, "old session", "old sessions"))
	}
	if j.out.Denied == 0 && j.alive(j.in.AskedAt) {
		j.miss(noneDenied)
	}
	if j.in.Since.After(j.in.Cutoff.Add(-longestSession)) {
		j.miss("A session lasts up to %d hours, and CloudTrail was not asked that far back.", int(longestSession.Hours()))
	}
}

// succeeded counts the calls of an old session past propagation that went through, and keeps them.
func (j *judge) succeeded(did Activity) int {
	n := 0
	for _, call := range did.SucceededAfterCutoff {
		if call.Time.Before(j.from) {
			continue
		}
		n++
		if len(j.out.Calls) < mostSaid {
			j.out.Calls = append(j.out.Calls, call)
		}
	}
	return n
}

// cameBack looks for sessions after the cutoff to somebody who was suspicious before it.
func (j *judge) cameBack() {
	if j.in.All { // who came back is denied, as isOld has it
		return
	}
	type visit struct{ caller, address string }
	callers, addresses, usual, doubted := map[string]bool{}, map[string]bool{}, map[visit]bool{}, map[string]bool{}
	events, known := map[string]bool{}, map[string]bool{}
	for _, s := range j.in.Suspects {
		if !s.Session.Time.Before(j.in.Cutoff) {
			continue
		}
		events[s.Session.EventID] = true
		if s.Caller {
			callers[s.Session.CallerID] = true
		}
		if s.Address {
			addresses[s.Session.SourceAddress] = true
			doubted[s.Session.CallerID] = true
		}
		for _, from := range s.Elsewhere {
			addresses[from.Address] = true
		}
	}
	for _, s := range j.in.Sessions {
		if s.Time.Before(j.in.Cutoff) {
			known[s.CallerID] = true
			usual[visit{s.CallerID, s.SourceAddress}] = usual[visit{s.CallerID, s.SourceAddress}] || !events[s.EventID]
		}
	}
	for _, s := range j.in.Sessions {
		if s.Time.Before(j.in.Cutoff) || !s.Issued() || s.Derived || s.Uncertain {
			continue
		}
		switch {
		case s.CallerType == "AWSService" && known[s.CallerID]:
			// Sessions of services are long, so one in the window is nothing strange, and services come back
			// by themselves.
		case addresses[s.SourceAddress]:
			j.addSession(s)
			j.show("%s has had a session since %s, opened from %s, an address that was suspicious before.", s.Caller,
				clock(s.Time), s.SourceAddress)
		case callers[s.CallerID], doubted[s.CallerID] && !usual[visit{s.CallerID, s.SourceAddress}]:
			j.addSession(s)
			j.show("%s, who was suspicious before, has had a session since %s.", s.Caller, clock(s.Time))
		case j.suspicious[s.AccessKeyID]:
			j.miss("%s has a session since %s that is not of the usual kind: somebody has to say whether that is right.",
				s.Caller, clock(s.Time))
		}
	}
}

// otherRoles looks at the sessions of other roles that came out of suspicious ones: this role's
// deny does not stop them.
func (j *judge) otherRoles() {
	tainted := map[string]bool{}
	for key := range j.suspicious {
		tainted[key] = true
	}
	for _, link := range j.in.Links {
		s := link.Child
		if !tainted[link.Parent.AccessKeyID] {
			continue
		}
		if s.AccessKeyID != "" {
			tainted[s.AccessKeyID] = true
		}
		j.opened(link.Activity)
		cutoff, revoked := j.revoked(link)
		ended := !s.Expires.IsZero() && !s.Expires.After(j.in.AskedAt)
		last := link.Activity.LastSucceeded
		switch {
		case ended && !last.After(j.from):
		case revoked && last.After(times.Later(cutoff, j.from)), !revoked && last.After(j.from):
			j.addSession(s)
			j.addRole(link)
			j.show("A session of %s that came out of a suspicious one made calls that went through, the last at %s.",
				roleWords(link), clock(last))
		case !ended && !revoked:
			j.addRole(link)
			j.miss("A session of %s that came out of a suspicious one goes on%s, and nothing here stops it.", roleWords(link),
				until(s.Expires))
		case !ended && s.Derived && link.Activity.FirstExplicitDeny.IsZero():
			j.miss("A suspicious session made itself new credentials (%s), and those were not seen denied.", s.Kind)
		case !link.Activity.Covered():
			j.miss("What a session of %s did that came out of a suspicious one is not known in full.", roleWords(link))
		}
	}
}

// revoked tells by which cutoff a session in the chain is denied, if it is: that of its role, if it
// was issued before it. Credentials of the same session are taken to be as old as that.
func (j *judge) revoked(link ChainLink) (cutoff time.Time, ok bool) {
	cutoff, ok = j.in.Revoked[link.RoleARN]
	if link.RoleARN != "" && strings.EqualFold(link.RoleARN, j.in.RoleARN) {
		cutoff, ok = j.in.Cutoff, true
	}
	return cutoff, ok && (deriving[link.Child.Kind] || link.Child.Time.Before(cutoff))
}

// reasonsFor says what contained rests on.
func (j *judge) reasonsFor() []string {
	if j.out.Old == 0 {
		return []string{
			"No session from before the cutoff was left.", "No session was issued since to a caller that was suspicious before.",
		}
	}
	return []string{
		fmt.Sprintf("Of %s looked at, %d %s seen denied.", english.Count(j.out.Looked, "old session", "old sessions"),
			j.out.Denied, english.Plural(j.out.Denied, "was", "were")),
		"None of them made a call past propagation that went through.",
		"No session was issued since to a caller that was suspicious before.",
	}
}

// opened keeps the persistence calls that succeeded.
func (j *judge) opened(did Activity) {
	for _, call := range did.Persistence {
		if call.succeeded() && len(j.out.Persistence) < mostSaid {
			j.out.Persistence = append(j.out.Persistence, call)
		}
	}
}

func (j *judge) addSession(s Session) {
	if len(j.out.Sessions) < mostSaid {
		j.out.Sessions = append(j.out.Sessions, s)
	}
}

// addRole keeps a role that is held, once.
func (j *judge) addRole(link ChainLink) {
	if link.RoleARN == "" || len(j.out.Roles) == mostSaid ||
		slices.ContainsFunc(j.out.Roles, func(l ChainLink) bool { return strings.EqualFold(l.RoleARN, link.RoleARN) }) {
		return
	}
	j.out.Roles = append(j.out.Roles, link)
}

func roleWords(link ChainLink) string {
	if name := aws.NameOf(link.RoleARN); name != "" {
		return "the role " + name
	}
	return "another kind (" + string(link.Child.Kind) + ")"
}

// where names the regions that were not read to their end.
func where(regions []RegionCoverage) string {
	var names []string
	for _, r := range regions {
		if !r.Covered || r.Truncated {
			names = append(names, r.Region)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " in " + strings.Join(aws.Few(names), ", ")
}

func until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " until " + clock(t)
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05") + " UTC" }
