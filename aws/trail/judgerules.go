package trail

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/internal/english"
	"github.com/revokebot/revokebot/internal/times"
)

// oldSessions looks at what the sessions did that the revocation has to stop.
func (j *judge) oldSessions() {
	suspicious := map[string]Suspect{}
	for _, s := range j.in.Suspects {
		suspicious[s.Session.ID()] = s
	}
	unseen, unclear := 0, 0
	for _, s := range j.in.Sessions {
		if !j.isOld(s) {
			continue
		}
		did, looked := j.in.Activities[s.ID()]
		looked = looked && s.ID() != ""
		over := ended(s, j.in.Cutoff)
		j.out.Old++
		n := 0
		if looked {
			j.delegated(s, did)
			if suspect, is := suspicious[s.ID()]; is || s.Derived {
				j.opened(s, did, suspect.Elsewhere)
			}
			if n = j.succeeded(did); n > 0 {
				j.addSession(s)
				j.show("%s made %s after the %s that succeeded.", j.one(s), english.Count(n, "call", "calls"), j.mark())
			}
		}
		switch {
		case n > 0:
		case looked && !did.FirstExplicitDeny.IsZero():
			j.out.Denied++
		case ended(s, j.in.AskedAt):
			j.out.Expired++
		case looked && did.DeniedAfter+did.FailedAfter == 0:
			j.out.Quiet++
		}
		if over && ended(s, j.in.Cutoff.Add(-chained)) {
			continue // at the cutoff all had ended that it opened
		}
		if !looked {
			unseen++
			continue
		}
		if !over {
			j.out.Looked++
		}
		if did.UnclearAfter > 0 {
			j.miss("A session of %s made %s since the %s of which it is not known whether they are to be denied: CloudTrail "+
				"names no VPC.", s.Caller, english.Count(did.UnclearAfter, "call", "calls"), j.mark())
		}
		if !over && did.FailedAfter > 0 && did.FirstExplicitDeny.IsZero() {
			unclear++
		}
		if !did.Covered() {
			j.miss("What %s did is not known in full%s.", lower(j.one(s)), where(did.Regions))
		}
		if s.Kind == KindFederation && did.FirstExplicitDeny.IsZero() && !ended(s, j.in.AskedAt) {
			j.miss("A federated session of %s was not seen denied, and CloudTrail cannot be asked what it does in the "+
				"console%s.", s.Caller, j.until(s.Expires))
		}
	}
	if unseen > 0 {
		j.miss("%s that had to be checked %s not checked.", english.Count(unseen, "old session", "old sessions"),
			english.Plural(unseen, "was", "were"))
	}
	if unclear > 0 {
		j.miss("It is unclear whether %s %s blocked: calls failed after the %s for another reason.",
			english.Count(unclear, "old session", "old sessions"), english.Plural(unclear, "was", "were"), j.mark())
	}
	if j.out.Denied == 0 && j.alive(j.in.AskedAt) {
		j.miss(noneDenied)
	}
	longest := longestSession
	if j.in.Key != "" {
		longest = longestOfUser
	}
	if j.in.Since.After(j.in.Cutoff.Add(-longest)) {
		j.miss("A session lasts up to %d hours, and CloudTrail was not asked that far back.", int(longest.Hours()))
	}
}

// one names a session, or the key of the user, at the beginning of a sentence.
func (j *judge) one(s Session) string {
	if j.in.Key != "" && s.AccessKeyID == j.in.Key {
		return "The access key"
	}
	return "A session of " + s.Caller + ", issued at " + j.clock(s.Time) + ","
}

func lower(sentence string) string { return strings.ToLower(sentence[:1]) + sentence[1:] }

// succeeded counts the calls of an old session past propagation that went through, and keeps them.
// A session that it opened counts from the cutoff on: that outlives the revocation.
func (j *judge) succeeded(did Activity) int {
	n := 0
	for _, call := range did.SucceededAfterCutoff {
		opens := strings.HasPrefix(call.Name, "Assume") || call.Name == "GetSessionToken" ||
			call.Name == string(KindFederation)
		if call.Time.Before(j.from) && (call.Service != "sts" || !opens) {
			continue
		}
		n++
		if len(j.out.Calls) < mostSaid {
			j.out.Calls = append(j.out.Calls, call)
		}
	}
	return n
}

// delegated notes the accounts that acted in a session by a temporary delegation.
func (j *judge) delegated(s Session, did Activity) {
	for _, account := range did.Delegates {
		note := fmt.Sprintf("The account %s acted in a session of %s through a temporary delegation.", account, s.Caller)
		if !slices.Contains(j.notes, note) && len(j.notes) < mostSaid {
			j.notes = append(j.notes, note)
		}
	}
}

// tokens looks for what old sessions made in place of the session: whether the revocation reaches
// it is not documented, so it is unknown until it ends.
func (j *judge) tokens() {
	told := map[string]bool{}
	look := func(s Session, from bool) {
		if !s.Token || !s.Issued() || !from || told[s.EventID] || ended(s, j.in.AskedAt) {
			return
		}
		told[s.EventID] = true
		j.miss("A session of %s made itself a token by %s at %s, and the policy may not reach it until it ends%s.",
			s.Caller, s.Kind, j.clock(s.Time), j.until(s.Expires))
	}
	for _, s := range j.in.Sessions {
		look(s, s.CallerBegan.IsZero() && !j.fresh[s.CallerAccessKey] || before(s.CallerBegan, j.in.Cutoff))
	}
	for _, link := range j.in.Links {
		look(link.Child, j.theirs[link.Parent.ID()])
	}
	for _, s := range j.in.Sessions {
		for _, made := range j.in.Activities[s.ID()].Assumed {
			look(made, j.theirs[s.ID()])
		}
	}
}

// otherRoles looks at the sessions of other roles that came out of old ones: this role's revocation
// does not stop them. cameBack has what came out of new ones.
func (j *judge) otherRoles() {
	followed := map[string]bool{}
	for _, link := range j.in.Links {
		followed[cmp.Or(link.Child.ID(), link.Child.EventID)] = true
	}
	unfollowed := func(parent Session, did Activity) {
		for _, child := range did.Assumed {
			if !child.GoesOn(j.in.RoleARN, j.in.Cutoff, j.in.AskedAt) || !j.elsewhere(child) ||
				followed[cmp.Or(child.ID(), child.EventID)] {
				continue
			}
			followed[cmp.Or(child.ID(), child.EventID)] = true
			link := ChainLink{Parent: parent, Child: child, RoleARN: child.RoleARN}
			if _, revoked := j.revoked(link); !revoked && !ended(child, j.in.AskedAt) {
				j.addRole(link)
			}
			j.miss("A session of %s that came out of an old one was not followed.", roleWords(link))
		}
	}
	for _, s := range j.in.Sessions {
		if j.theirs[s.ID()] {
			unfollowed(s, j.in.Activities[s.ID()])
		}
	}
	for _, link := range j.in.Links {
		s := link.Child
		if !j.theirs[link.Parent.ID()] || s.Token || !j.elsewhere(s) || j.ofUser(s) {
			continue
		}
		j.opened(s, link.Activity, nil)
		unfollowed(s, link.Activity)
		cutoff, revoked := j.revoked(link)
		over := ended(s, j.in.AskedAt)
		read := link.Activity.Covered() || !s.GoesOn(j.in.RoleARN, j.in.Cutoff, j.in.AskedAt)
		last := link.Activity.LastSucceeded
		if !over && !revoked {
			j.addRole(link)
		}
		switch {
		case over && read && !last.After(j.from):
		case revoked && last.After(times.Later(cutoff, j.from)), !revoked && last.After(j.from):
			j.addSession(s)
			j.show("A session of %s that came out of an old one made calls that succeeded, the last at %s.",
				roleWords(link), j.clock(last))
		case !over && !revoked:
			j.miss("A session of %s that came out of an old one goes on%s, and nothing here stops it.", roleWords(link),
				j.until(s.Expires))
		case !over && s.Derived && s.AccessKeyID != "" && link.Activity.FirstExplicitDeny.IsZero():
			j.miss("An old session made itself new credentials (%s), and those were not seen denied.", s.Kind)
		case !link.Activity.Covered() && !(s.Derived && s.AccessKeyID == ""):
			j.miss("What a session of %s did that came out of an old one is not known in full.", roleWords(link))
		}
	}
}

// ofUser reports whether what came out of a key is a session of its user, which oldSessions has.
func (j *judge) ofUser(s Session) bool {
	return j.in.Key != "" && s.RoleARN == "" && slices.ContainsFunc(j.in.Sessions, func(o Session) bool {
		return o.ID() == s.ID()
	})
}

// revoked tells by which cutoff a session in the chain is denied, if it is: that of its role, if it
// was issued before it. Credentials of the same session are taken to be as old as that.
func (j *judge) revoked(link ChainLink) (cutoff time.Time, ok bool) {
	cutoff, ok = j.in.Revoked[link.RoleARN]
	if link.RoleARN != "" && strings.EqualFold(link.RoleARN, j.in.RoleARN) {
		cutoff, ok = j.in.Cutoff, true
	}
	return cutoff, ok && (deriving[link.Child.Kind].same || link.Child.Time.Before(cutoff))
}

// reasonsFor says what contained rests on, in numbers of what was seen.
func (j *judge) reasonsFor() []string {
	o := j.out
	if j.in.Key != "" {
		return []string{
			"The access key is inactive: AWS refuses what it signs, and mostly records none of it.",
			fmt.Sprintf("%s of the user: %d had expired, %d seen blocked, %d not active since.",
				english.Count(o.Old-1, "old session", "old sessions"), o.Expired-1, o.Denied, o.Quiet),
			"Neither the key nor an old session made a successful call after propagation.",
		}
	}
	if j.in.Denies != nil {
		return []string{
			fmt.Sprintf("%s: %d had expired, %d seen blocked.", english.Count(o.Old, "session", "sessions"), o.Expired,
				o.Denied),
			"None of them made a call from elsewhere past propagation that succeeded. What called from a known address " +
				"counts as honest.",
		}
	}
	if o.Looked == 0 {
		return []string{
			"No session from before the " + j.mark() + " was left.",
			"No unknown caller opened a session since.",
		}
	}
	return []string{
		fmt.Sprintf("%s: %d had expired, %d seen blocked, %d not active since.",
			english.Count(o.Old, "old session", "old sessions"), o.Expired, o.Denied, o.Quiet),
		"No old session made a successful call after propagation.",
		"No unknown caller opened a session since.",
	}
}

// opened keeps the persistence calls of a session that succeeded, except for what other sessions of
// its caller did in the same way: an ordinary deployment is no finding.
func (j *judge) opened(s Session, did Activity, elsewhere []Source) {
	ordinary := map[string]bool{}
	for _, other := range j.in.Sessions {
		if len(elsewhere) == 0 && other.CallerID == s.CallerID && other.ID() != s.ID() && other.Time.Before(j.in.Cutoff) &&
			networkOf(other.SourceAddress) == networkOf(s.SourceAddress) {
			for _, call := range j.in.Activities[other.ID()].Persistence {
				ordinary[call.Service+" "+call.Name+" "+call.Target] = true
			}
		}
	}
	for _, call := range did.PersistenceFrom(elsewhere) {
		if call.succeeded() && len(j.out.Persistence) < mostSaid && !ordinary[call.Service+" "+call.Name+" "+call.Target] {
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

func (j *judge) until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " until " + j.clock(t)
}

func (j *judge) clock(t time.Time) string { return times.Clock(t, j.in.AskedAt) }
