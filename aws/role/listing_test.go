package role

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

// names are those of roles.
func names(roles []ListedRole) string {
	var all []string
	for _, r := range roles {
		all = append(all, r.Name)
	}
	return strings.Join(all, " ")
}

func TestTheListHasEveryRoleThatWouldNotBeRefusedAndNoOther(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		for i := range 1100 { // more than a page
			b.Prod.AddRole(standin.RoleSpec{Name: fmt.Sprintf("team-%04d", i), Trust: awsbench.TrustEC2})
		}
		b.Role(standin.RoleSpec{Path: "/ops/"})
		for _, spec := range []standin.RoleSpec{
			{Name: "AWSServiceRoleForECS", Path: "/aws-service-role/ecs.amazonaws.com/"},
			{Name: "AWSReservedSSO_Admin_0a1b2c3d4e5f6a7b", Path: "/aws-reserved/sso.amazonaws.com/"},
			{Name: "break-glass-admin"},
		} {
			spec.Trust = awsbench.TrustEC2
			b.Prod.AddRole(spec)
		}
		if l := b.roles.Roles("prod"); l.Loaded || !l.Stale || len(l.Roles) != 0 {
			t.Errorf("before: loaded %v, stale %v, %d roles", l.Loaded, l.Stale, len(l.Roles))
		}
		if err := b.roles.LoadRoles(t.Context(), "prod"); err != nil {
			t.Fatal(err)
		}
		l := b.roles.Roles("prod")
		if !l.Loaded || l.Stale || l.Err != nil || len(l.Roles) != 1101 {
			t.Errorf("loaded %v, stale %v, %v, %d roles", l.Loaded, l.Stale, l.Err, len(l.Roles))
		}
		if !l.Holds("deploy") || !l.Holds("team-1099") || l.Holds("break-glass-admin") || l.Holds("revokebot-spoke") {
			t.Errorf("on the list: %s", names(l.Find("e", 2000)))
		}
		calls := len(b.Server.Calls("ListRoles"))
		if err := b.roles.LoadRoles(t.Context(), "prod"); err != nil || len(b.Server.Calls("ListRoles")) != calls {
			t.Errorf("a fresh list was read again: %v", err)
		}
		time.Sleep(listFresh + time.Second)
		b.Server.Inject(standin.Fault{Action: "ListRoles", Code: "ServiceFailure", Status: 500, Times: -1})
		if err := b.roles.LoadRoles(t.Context(), "prod"); err == nil {
			t.Error("no error")
		}
		if l := b.roles.Roles("prod"); !l.Loaded || l.Err == nil || l.Stale || len(l.Roles) != 1101 {
			t.Errorf("after a failure: loaded %v, stale %v, %v, %d roles", l.Loaded, l.Stale, l.Err, len(l.Roles))
		}
		time.Sleep(listAgain + time.Second)
		if !b.roles.Roles("prod").Stale {
			t.Error("a list that could not be read is not asked for again")
		}
	})
}

func TestWithoutThePermissionThereIsNoListAndTheReasonIsKnown(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		if err := b.roles.LoadRoles(t.Context(), "prod"); err != nil || !b.roles.Roles("prod").Holds("Deploy") {
			t.Fatal(err)
		}
		time.Sleep(listFresh + time.Second)
		if err := b.Prod.PutRolePolicy("revokebot-spoke",
			"revoke", strings.Replace(awsbench.MayRevoke, `"iam:ListRoles",`, "", 1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Second)
		if err := b.roles.LoadRoles(t.Context(), "prod"); !errors.Is(err, aws.ErrAccessDenied) {
			t.Errorf("got %v", err)
		}
		if l := b.roles.Roles("prod"); l.Loaded || !errors.Is(l.Err, aws.ErrAccessDenied) || len(l.Roles) != 0 {
			t.Errorf("loaded %v, %v, %d roles", l.Loaded, l.Err, len(l.Roles))
		}
		if l := b.roles.Roles("nowhere"); l.Err == nil || l.Stale {
			t.Errorf("of no account: %+v", l)
		}
	})
}

func TestWhatBeginsWithTheTextComesFirstWhateverItsCase(t *testing.T) {
	var l RoleList
	for _, name := range []string{"AppDeploy", "Build", "deploy-blue", "DeployRole", "DEPLOYER", "redeploy"} {
		l.Roles = append(l.Roles, ListedRole{Name: name, folded: strings.ToLower(name)})
	}
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"dePLOY", 10, "deploy-blue DeployRole DEPLOYER AppDeploy redeploy"},
		{"deploy", 4, "deploy-blue DeployRole DEPLOYER AppDeploy"},
		{"deploy", 2, "deploy-blue DeployRole"},
		{"uil", 10, "Build"},
		{"nothing", 10, ""},
		{"", 1, "AppDeploy"},
	} {
		if got := names(l.Find(c.text, c.n)); got != c.want {
			t.Errorf("%q: %s, want %s", c.text, got, c.want)
		}
	}
}

func TestTheRolesThatAMistypedNameMayMeanAreNearIt(t *testing.T) {
	var list RoleList
	for _, name := range []string{"DeployRole", "DeployRole2", "NightlyBackup", "ci", "cd"} {
		list.Roles = append(list.Roles, ListedRole{Name: name, folded: strings.ToLower(name)})
	}
	for typed, want := range map[string]string{
		"deployrole": "DeployRole DeployRole2", "deployrole2": "DeployRole2 DeployRole", "DeplyoRole": "DeployRole",
		"DeployRoles": "DeployRole DeployRole2", "ightlybackup": "NightlyBackup",
		"NightlyBukcap": "", "backup": "NightlyBackup",
		"cx": "ci cd", "x": "", "": "", "role": "DeployRole DeployRole2", "Administrator": "",
	} {
		var names []string
		for _, r := range list.Near(typed, 2) {
			names = append(names, r.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}
