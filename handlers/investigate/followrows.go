package investigate

import (
	"slices"
	"strings"

	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
)

// activityOf is what the log keeps of what a session did.
func activityOf(s trail.Session, a trail.Activity, elsewhere []trail.Source) record.SessionActivity {
	row := sessionRow(s)
	out := record.SessionActivity{
		EventID: row.EventID, Calls: a.Calls, Denied: a.Denied, First: a.First, Last: a.Last,
		AfterCut: a.FirstDenied,
		Refused:  a.FirstExplicitDeny, LastOK: a.LastSucceeded, Partly: !a.Covered(),
	}
	out.Named, out.NamesCut = a.LookedUpByName()
	out.Elsewhere = record.TrimSources(elsewhere)
	for i, service := range a.Services {
		if i >= record.MaxServices {
			out.Others += service.Calls
			continue
		}
		out.Services = append(out.Services, service)
	}
	doors := slices.Clone(a.PersistenceFrom(elsewhere))
	slices.SortStableFunc(doors, func(a, b trail.Call) int { return a.Time.Compare(b.Time) })
	for _, call := range doors[:min(len(doors), record.MaxDoors)] {
		out.Doors = append(out.Doors, callRow(call, s.AccessKeyID))
	}
	if out.MoreDoors = len(doors) - len(out.Doors); len(elsewhere) == 0 {
		out.MoreDoors = max(0, a.PersistenceCalls-len(out.Doors))
	}
	return out.Trim()
}

// callRow is what the log keeps of a call.
func callRow(c trail.Call, key string) record.Call {
	c.Target = strings.TrimSpace(c.Target + " " + c.Made)
	return record.Call{Call: c, Session: key}.Trim()
}

// links are the roles that came out of the sessions, one for each way from role to role.
func links(role record.Role, chain []trail.ChainLink) (told []record.Link, more int) {
	type way struct {
		depth    int
		from, to string
		account  string
	}
	at := map[way]int{}
	for _, c := range chain {
		if c.RoleARN == "" || !c.Child.Issued() {
			continue
		}
		from := roleName(c.Parent.RoleARN)
		if c.Depth <= 1 {
			from = role.Name
		}
		w := way{c.Depth, from, c.RoleARN, c.AccountID}
		i, there := at[w]
		if !there {
			if len(told) == record.MaxLinks {
				more++
				continue
			}
			i = len(told)
			at[w] = i
			told = append(told, record.Link{
				Depth: c.Depth, From: from, FromSession: c.Parent.SessionName, RoleARN: c.RoleARN, RoleName: roleName(c.RoleARN),
				AccountID: c.AccountID, Account: c.Account, Loop: c.Loop, First: c.Child.Time, Last: c.Child.Time,
			}.Trim())
		}
		l := &told[i]
		l.Sessions++
		didInTurn(l, c)
		l.Loop = l.Loop || c.Loop
		if c.Child.Time.Before(l.First) {
			l.First = c.Child.Time
		}
		if c.Child.Time.After(l.Last) {
			l.Last = c.Child.Time
		}
	}
	return told, more
}

// roleName is the end of a role's ARN.
func roleName(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// didInTurn adds what a session of the chain did to its role.
func didInTurn(l *record.Link, c trail.ChainLink) {
	if c.Child.Expires.After(l.Expires) {
		l.Expires = c.Child.Expires
	}
	a := c.Activity
	if len(a.Regions) == 0 {
		return
	}
	l.Looked, l.Partly = true, l.Partly || !a.Covered()
	l.Calls, l.Denied = l.Calls+a.Calls, l.Denied+a.Denied
	if a.LastSucceeded.After(l.LastOK) {
		l.LastOK = a.LastSucceeded
	}
	for _, service := range a.Services {
		at := slices.IndexFunc(l.Services, func(s trail.ServiceUse) bool { return s.Service == service.Service })
		switch {
		case at >= 0:
			l.Services[at].Calls, l.Services[at].Denied = l.Services[at].Calls+service.Calls,
				l.Services[at].Denied+service.Denied
		case len(l.Services) < record.MaxLinkServices:
			l.Services = append(l.Services, service)
		}
	}
	for _, call := range slices.Backward(a.Persistence) { // they are the newest first
		if row := callRow(call, c.Child.AccessKeyID); row.ErrorCode == "" && len(l.Doors) < record.MaxLinkDoors {
			l.Doors = append(l.Doors, row)
		}
	}
	*l = l.Trim()
}
