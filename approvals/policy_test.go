package approvals_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/approvals"
)

func TestMayDecide(t *testing.T) {
	groups := func(security, operations approvals.Membership) map[string]approvals.Membership {
		return map[string]approvals.Membership{sec: security, ops: operations}
	}
	const in, out, unknown = approvals.Member, approvals.NotMember, approvals.MembershipUnknown
	for name, c := range map[string]struct {
		approvers []string
		groups    map[string]approvals.Membership
		want      approvals.RefusalCode
	}{
		"somebody who is named":                             {[]string{dave}, nil, ""},
		"somebody who is named, whatever the groups say":    {[]string{sec, dave}, groups(unknown, unknown), ""},
		"a member of the group":                             {[]string{sec}, groups(in, out), ""},
		"a member of the second group":                      {[]string{sec, ops}, groups(out, in), ""},
		"a member of one group when another cannot be read": {[]string{sec, ops}, groups(unknown, in), ""},
		"a member of no group": {
			[]string{sec, ops}, groups(out, out), approvals.RefusedNotApprover,
		},
		"a member of no group that could be read": {
			[]string{sec, ops}, groups(out, unknown), approvals.RefusedLookupFailed,
		},
		"a member of no group that could be read, reversed": {
			[]string{sec, ops}, groups(unknown, out), approvals.RefusedLookupFailed,
		},
		"a group that was not looked up":              {[]string{sec}, nil, approvals.RefusedLookupFailed},
		"a member of a group that is not on the list": {[]string{sec}, groups(out, in), approvals.RefusedNotApprover},
		"other people's names": {
			[]string{bob, carol}, groups(in, in), approvals.RefusedNotApprover,
		},
		"an entry that is neither a person's nor a group's": {
			[]string{"", "S", "security", "C0INCIDENT"}, groups(in, in), approvals.RefusedNotApprover,
		},
		"facts that call a nameless group theirs": {
			[]string{"S", ""}, map[string]approvals.Membership{"S": in, "": in}, approvals.RefusedNotApprover,
		},
		"a person's id among the facts' groups": {
			[]string{bob}, map[string]approvals.Membership{bob: in}, approvals.RefusedNotApprover,
		},
		"a membership of a kind that does not exist": {
			[]string{sec}, groups(approvals.Membership(9), out), approvals.RefusedLookupFailed,
		},
		"nobody, because the list is empty":                  {nil, groups(in, in), approvals.RefusedNoPolicy},
		"nobody, because the list is empty and not left out": {[]string{}, groups(in, in), approvals.RefusedNoPolicy},
	} {
		t.Run(name, func(t *testing.T) {
			f := approvals.Facts{Person: member(dave).Person, Groups: c.groups}
			got := approvals.MayDecide(dave, f, home, approvals.Policy{Approvers: c.approvers, Required: 1})
			if got.Code != c.want {
				t.Errorf("got %q, want %q", got.Code, c.want)
			}
		})
	}
}

func TestEveryNumberUpToTheLargestMakesAPolicy(t *testing.T) {
	for required := -1; required <= approvals.MaxRequired+1; required++ {
		got := approvals.MayDecide(bob, member(bob), home, approvals.Policy{Approvers: []string{bob}, Required: required})
		if passes := got.Code == ""; passes != (required >= 1 && required <= approvals.MaxRequired) {
			t.Errorf("%d required: %q", required, got.Code)
		}
	}
}

func TestZeroValueIdIsNotAPass(t *testing.T) {
	f := approvals.Facts{
		Person: approvals.Person{
			Found: true, Team: home.Team,
		}, Groups: map[string]approvals.Membership{sec: approvals.Member},
	}
	if got := approvals.MayDecide("", f, home, policy); got.Code != approvals.RefusedLookupFailed {
		t.Errorf("nobody may decide: %q", got.Code)
	}
}

func TestZeroValueIdIsOnNoList(t *testing.T) {
	if yes, known := approvals.Lists(approvals.Policy{Approvers: []string{"", bob}}, approvals.Facts{}); yes || !known {
		t.Errorf("nobody is on the list: %v, %v", yes, known)
	}
}

func TestZeroValueMembershipIsNotAPass(t *testing.T) {
	var m approvals.Membership
	f := member(dave)
	f.Groups[sec] = m
	if got := approvals.MayDecide(dave, f, home, policy); got.Code != approvals.RefusedLookupFailed {
		t.Errorf("got %q", got.Code)
	}
}

func TestTheGroupsOfAListAreThoseThatHaveToBeLookedUp(t *testing.T) {
	p := approvals.Policy{Approvers: []string{bob, sec, "W0CAROL", ops, "", "S"}}
	if diff := cmp.Diff([]string{sec, ops}, p.GroupIDs()); diff != "" {
		t.Error(diff)
	}
	if ids := (approvals.Policy{}).GroupIDs(); len(ids) != 0 {
		t.Errorf("an empty list has the groups %q", ids)
	}
}

func TestIDsAreToldApartByTheirFirstLetter(t *testing.T) {
	for _, id := range []string{"U0BOB", "W0BOB", "", "U", "W", "S", "C0INCIDENT", "u0bob", "s0security", "bob"} {
		if approvals.IsGroup(id) {
			t.Errorf("%q is taken for a group", id)
		}
	}
	if !approvals.IsGroup("S0SECURITY") {
		t.Error("a group is not known by its first letter")
	}
}
