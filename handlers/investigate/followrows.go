package investigate

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/times"
)

// activityOf is what the log keeps of what a session did.
func activityOf(s trail.Session, a trail.Activity, elsewhere []trail.Source) record.SessionActivity {
	out := record.SessionActivity{
		EventID: sessionRow(s).EventID, Calls: a.Calls, Denied: a.Denied, First: a.First, Last: a.Last,
		AfterCut: a.FirstDenied, Refused: a.FirstExplicitDeny, LastOK: a.LastSucceeded, Partly: !a.Covered(),
	}
	out.Named, out.NamesCut = a.LookedUpByName()
	out.Elsewhere = record.TrimSources(elsewhere)
	for _, source := range a.Sources {
		at := func(other trail.Source) bool { return other.Address == source.Address }
		_, err := netip.ParseAddr(source.Address)
		if err == nil && len(out.Home) < record.MaxHome && !slices.ContainsFunc(elsewhere, at) {
			out.Home = append(out.Home, source.Address)
		}
	}
	out.Services = a.Services[:min(len(a.Services), record.MaxServices)]
	for _, service := range a.Services[len(out.Services):] {
		out.Others += service.Calls
	}
	doors := slices.Clone(a.PersistenceFrom(elsewhere))
	slices.SortStableFunc(doors, func(a, b trail.Call) int { return a.Time.Compare(b.Time) })
	for _, call := range doors[:min(len(doors), record.MaxPersistence)] {
		out.Persistence = append(out.Persistence, callRow(call, s.AccessKeyID))
	}
	if out.MorePersistence = len(doors) - len(out.Persistence); len(elsewhere) == 0 {
		out.MorePersistence = max(0, a.PersistenceCalls-len(out.Persistence))
	}
	return out
}

// callRow is what the log keeps of a call.
func callRow(c trail.Call, key string) record.Call {
	c.Target = strings.TrimSpace(c.Target + " " + c.Made)
	return record.Call{Call: c, Session: key}.Trim()
}

// links are the roles that came out of the sessions, one for each way from role to role.
func links(role record.Role, chain []trail.ChainLink) (told []record.Link, more int) {
	for _, c := range chain {
		if c.RoleARN == "" || !c.Child.Issued() {
			continue
		}
		from := aws.NameOf(c.Parent.RoleARN)
		if c.Depth <= 1 || from == "" {
			from = role.Name
		}
		way := record.Link{
			Depth: c.Depth, From: from, FromSession: cmp.Or(c.Parent.SessionName, c.Parent.AccessKeyID),
			RoleARN: c.RoleARN, RoleName: aws.NameOf(c.RoleARN),
			AccountID: c.AccountID, Account: c.Account,
		}.Trim()
		i := slices.IndexFunc(told, way.Same)
		switch {
		case i < 0 && len(told) == record.MaxLinks:
			more++
			continue
		case i < 0:
			i = len(told)
			told = append(told, way)
		}
		didInTurn(&told[i], c)
	}
	return told, more
}

// didInTurn adds a session of the chain, and what it did, to its role.
func didInTurn(l *record.Link, c trail.ChainLink) {
	l.Sessions, l.Loop = l.Sessions+1, l.Loop || c.Loop
	l.First, l.Last = times.Earlier(l.First, c.Child.Time), times.Later(l.Last, c.Child.Time)
	l.Expires = times.Later(l.Expires, c.Child.Expires)
	a := c.Activity
	if len(a.Regions) == 0 {
		return
	}
	l.Looked, l.Partly = true, l.Partly || !a.Covered()
	l.Calls, l.Denied, l.LastOK = l.Calls+a.Calls, l.Denied+a.Denied, times.Later(l.LastOK, a.LastSucceeded)
	for _, service := range a.Services {
		at := slices.IndexFunc(l.Services, func(s trail.ServiceUse) bool { return s.Service == service.Service })
		switch {
		case at >= 0:
			l.Services[at].Calls += service.Calls
			l.Services[at].Denied += service.Denied
		case len(l.Services) < record.MaxLinkServices:
			l.Services = append(l.Services, service)
		}
	}
	for _, call := range slices.Backward(a.Persistence) { // they are the newest first
		if row := callRow(call, c.Child.AccessKeyID); row.ErrorCode == "" && len(l.Persistence) < record.MaxLinkPersistence {
			l.Persistence = append(l.Persistence, row)
		}
	}
}
