package deploy_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	standin "github.com/revokebot/revokebot/sandbox/aws"
)

const (
	denyAll       = "arn:aws:iam::aws:policy/AWSDenyAll"
	administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
	mayAll        = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
)

// attachment is a request of a session that names its requester, about a managed policy; "" for a
// request without one.
func attachment(action, resource, policy string) standin.Request {
	r := named(action, resource)
	if policy != "" {
		r.Context["iam:PolicyARN"] = []string{policy}
	}
	return r
}

// inPartition replaces the partition in policies, as README.md says for the files.
func inPartition(partition string, policies map[string]string) map[string]string {
	out := map[string]string{}
	for name, text := range policies {
		out[name] = strings.ReplaceAll(text, "arn:aws:", "arn:"+partition+":")
	}
	return out
}

// spokes are the policies of a spoke that may lock and unlock, from the template and from the
// files.
func spokes(t *testing.T, partition string) map[string]map[string]string {
	t.Helper()
	stack := lockable(t, "true")
	stack.parameters["AWS::Partition"] = partition
	files := map[string]string{}
	for _, name := range []string{"iam", "named", "undo", "lock", "unlock"} {
		files[name] = read(t, name+"-policy.json")
	}
	return map[string]map[string]string{"template": stack.inline("Spoke"), "files": inPartition(partition, files)}
}

func TestTheSpokeMayAttachAndDetachExactlyAWSDenyAllOnRolesThatAreNotProtected(t *testing.T) {
	for _, partition := range []string{"aws", "aws-us-gov", "aws-cn"} {
		in := func(arn string) string { return strings.Replace(arn, "arn:aws:", "arn:"+partition+":", 1) }
		elsewhere := "arn:aws-cn:iam::aws:policy/AWSDenyAll"
		if partition == "aws-cn" {
			elsewhere = denyAll
		}
		others := []string{
			"", in(administrator), in("arn:aws:iam::aws:policy/IAMFullAccess"), in("arn:aws:iam::aws:policy/AWSDenyAll2"),
			in("arn:aws:iam::aws:policy/x/AWSDenyAll"), in("arn:aws:iam::aws:policy/awsdenyall"),
			in("arn:aws:iam::aws:policy/*"),
			in("arn:aws:iam::" + spokeAccount + ":policy/AWSDenyAll"), elsewhere, "AWSDenyAll", "*",
		}
		for from, policies := range spokes(t, partition) {
			beside := map[string]string{"all": mayAll}
			for name, text := range policies {
				beside[name] = text
			}
			for _, action := range []string{"iam:AttachRolePolicy", "iam:DetachRolePolicy"} {
				where := fmt.Sprintf("%s by the %s in %s", action, from, partition)
				for _, role := range []string{ordinary, withPath} {
					if got := evaluate(t, attachment(action, in(role), in(denyAll)), policies); got != standin.Allowed {
						t.Errorf("%s of AWSDenyAll on %s: %v", where, role, got)
					}
					for _, policy := range others {
						if got := evaluate(t, attachment(action, in(role), policy), policies); got == standin.Allowed {
							t.Errorf("%s of %q on %s is allowed", where, policy, role)
						}
						if got := evaluate(t, attachment(action, in(role), policy), beside); got != standin.ExplicitDeny {
							t.Errorf("%s of %q on %s, beside a policy that allows everything: %v", where, policy, role, got)
						}
					}
					unnamed := attachment(action, in(role), in(denyAll))
					delete(unnamed.Context, "aws:SourceIdentity")
					if got := evaluate(t, unnamed, beside); got != standin.ExplicitDeny {
						t.Errorf("%s by a session that names nobody: %v", where, got)
					}
				}
				for _, role := range []string{
					serviceLinked, identityCtr, breakGlass, breakGlassOps, hubRole, spokeRole, botWithPath,
				} {
					if got := evaluate(t, attachment(action, in(role), in(denyAll)), beside); got != standin.ExplicitDeny {
						t.Errorf("%s of AWSDenyAll on %s: %v", where, role, got)
					}
				}
				for _, kind := range []string{"User", "Group"} {
					other := strings.Replace(action, "Role", kind, 1)
					resource := in("arn:aws:iam::111122223333:" + strings.ToLower(kind) + "/staff")
					if got := evaluate(t, attachment(other, resource, in(denyAll)), beside); got != standin.ExplicitDeny {
						t.Errorf("%s of AWSDenyAll by the %s in %s: %v", other, from, partition, got)
					}
				}
			}
			for _, role := range []string{ordinary, withPath} {
				if got := evaluate(t, named("iam:ListAttachedRolePolicies", in(role)), policies); got != standin.Allowed {
					t.Errorf("reading what is attached to %s, by the %s in %s: %v", role, from, partition, got)
				}
			}
		}
	}
}

func TestLockingAndUnlockingAreRightsOfTheirOwn(t *testing.T) {
	withoutUndo := lockable(t, "false").inline("Spoke")
	if got := evaluate(t, attachment("iam:AttachRolePolicy", ordinary, denyAll), withoutUndo); got != standin.Allowed {
		t.Errorf("attach, with AllowLock alone: %v", got)
	}
	if got := evaluate(t, attachment("iam:DetachRolePolicy", ordinary, denyAll), withoutUndo); got == standin.Allowed {
		t.Error("detach is allowed without Undo")
	}
	if _, there := spoke(t, "true").inline("Spoke")["unlock"]; there {
		t.Error("a spoke that may not lock may unlock")
	}
	for file, own := range map[string]string{
		"lock-policy.json": "iam:AttachRolePolicy", "unlock-policy.json": "iam:DetachRolePolicy",
	} {
		alone := map[string]string{"file": read(t, file)}
		for _, action := range []string{
			"iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:GetRole",
			"iam:AttachUserPolicy", "iam:DetachUserPolicy", "iam:CreatePolicyVersion", "iam:UpdateAssumeRolePolicy",
		} {
			got := evaluate(t, attachment(action, ordinary, denyAll), alone)
			if (got == standin.Allowed) != (action == own) {
				t.Errorf("%s allows %s: %v", file, action, got)
			}
		}
	}
}

// session opens a session of the spoke as the bot does.
func (a *accounts) session(t *testing.T) *iam.Client {
	t.Helper()
	out, err := sts.NewFromConfig(a.sdk(a.bot)).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: awssdk.String(spokeARN), RoleSessionName: awssdk.String("by-hand"), ExternalId: awssdk.String(externalID),
		SourceIdentity: awssdk.String("U0ROSA"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return iam.NewFromConfig(a.sdk(standin.AccessKey{
		AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey,
		SessionToken: *out.Credentials.SessionToken,
	}))
}

func attach(t *testing.T, client *iam.Client, role, policy string) error {
	t.Helper()
	_, err := client.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: &policy})
	return err
}

func detach(t *testing.T, client *iam.Client, role, policy string) error {
	t.Helper()
	_, err := client.DetachRolePolicy(t.Context(), &iam.DetachRolePolicyInput{RoleName: &role, PolicyArn: &policy})
	return err
}

// Whatever the spoke attaches to whatever role, no session can do afterwards what it could not do
// before.
func TestWhateverTheSpokeAttachesNoCallIsAllowedThatWasNotAllowedBefore(t *testing.T) {
	a := setUp(t)
	r := rand.New(rand.NewPCG(14, 6))
	one := func(list ...string) string { return list[r.IntN(len(list))] }
	document := func() string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"` + one("Allow", "Deny") + `","Action":"` +
			one("*", "iam:*", "iam:List*", "iam:GetRole", "sts:*") + `","Resource":"` + one("*", "arn:aws:iam::*:role/*") +
			`"}]}`
	}
	managed := []string{
		administrator, "arn:aws:iam::aws:policy/IAMFullAccess", "arn:aws:iam::" + spokeAccount + ":policy/AWSDenyAll",
	}
	a.spoke.AddRole(standin.RoleSpec{Name: "Admin", Trust: trustLambda, Managed: map[string]string{
		managed[0]: mayAll, managed[2]: mayAll,
		managed[1]: strings.Replace(mayAll, `"Action":"*"`, `"Action":"iam:*"`, 1),
	}})
	var roles []string
	clients := map[string]*iam.Client{}
	for i := range 20 {
		spec := standin.RoleSpec{
			Name: fmt.Sprint("Random", i), Path: one("/", "/ops/", "/aws-reserved/x/", "/service-role/"),
			Trust:    trustLambda,
			Policies: map[string]string{}, Managed: map[string]string{},
		}
		for j := range r.IntN(3) {
			spec.Policies[fmt.Sprint("p", j)] = document()
		}
		if r.IntN(3) == 0 {
			spec.Managed[one(managed...)] = ""
		}
		a.spoke.AddRole(spec)
		key, err := a.spoke.ServiceSession(spec.Name, "lambda.amazonaws.com", "x1", "us-east-1")
		if err != nil {
			t.Fatal(err)
		}
		roles, clients[spec.Name] = append(roles, spec.Name), iam.NewFromConfig(a.sdk(key))
	}
	answered := func() map[string]bool {
		all := map[string]bool{}
		for _, role := range roles {
			_, list := clients[role].ListRoles(t.Context(), &iam.ListRolesInput{})
			_, get := clients[role].GetRole(t.Context(), &iam.GetRoleInput{RoleName: awssdk.String("Admin")})
			_, users := clients[role].ListUsers(t.Context(), &iam.ListUsersInput{})
			for call, err := range map[string]error{"list": list, "get": get, "users": users} {
				all[role+" "+call] = err == nil
			}
		}
		return all
	}
	before, bot := answered(), a.session(t)
	attached := 0
	for range 200 {
		role := one(append(slices.Clone(roles), "Admin", "revokebot-spoke")...)
		policy := one(append(slices.Clone(managed), denyAll)...)
		if attach(t, bot, role, policy) == nil {
			attached++
		}
		for _, other := range managed {
			if err := detach(t, bot, role, other); code(err) != "AccessDenied" {
				t.Fatalf("the spoke detaches %s: %v", other, err)
			}
		}
	}
	if attached < 10 {
		t.Errorf("only %d attachments were made, so this shows little", attached)
	}
	could := 0
	for call, now := range answered() {
		if now && !before[call] {
			t.Errorf("%s is answered now, and was not before", call)
		}
		if before[call] {
			could++
		}
	}
	if could < 5 {
		t.Errorf("only %d calls were answered before, so this shows little", could)
	}
}

func TestUnderTheGuardRailNobodyButTheSpokeUnlocksARole(t *testing.T) {
	a := setUp(t)
	a.spoke.AddRole(standin.RoleSpec{
		Name: "Thief", Trust: trustLambda, Policies: map[string]string{"all": mayAll},
		Managed: map[string]string{administrator: mayAll},
	})
	key, err := a.spoke.ServiceSession("Thief", "lambda.amazonaws.com", "x1", "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	thief := iam.NewFromConfig(a.sdk(key))
	kim := a.spoke.AddUser(standin.UserSpec{Name: "kim", Policies: map[string]string{"all": mayAll}})
	admin, bot := iam.NewFromConfig(a.sdk(kim)), a.session(t)
	guard := func(others string) {
		t.Helper()
		if err := a.spoke.SetSCP(guardRail(t, "arn:aws:iam::*:role/*", others)); err != nil {
			t.Fatal(err)
		}
	}
	const role = "NightlyBackup"
	for _, others := range []string{"", "arn:aws:iam::*:user/kim"} {
		guard(others)
		if err := attach(t, bot, role, denyAll); err != nil {
			t.Fatalf("the bot locks: %v", err)
		}
		for who, client := range map[string]*iam.Client{"the thief": thief, "an administrator": admin} {
			if err := detach(t, client, role, denyAll); code(err) != "AccessDenied" {
				t.Errorf("%s unlocks: %v", who, err)
			}
			_, err := client.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: awssdk.String(role)})
			if code(err) != "DeleteConflict" {
				t.Errorf("%s deletes the role: %v", who, err)
			}
			if err := attach(t, client, role, administrator); err != nil {
				t.Errorf("%s attaches another policy: %v", who, err)
			}
			if err := detach(t, client, role, administrator); err != nil {
				t.Errorf("%s detaches another policy: %v", who, err)
			}
		}
		if err := detach(t, bot, role, denyAll); err != nil {
			t.Errorf("the bot unlocks: %v", err)
		}
	}
	if err := a.spoke.SetSCP(""); err != nil {
		t.Fatal(err)
	}
	if err := attach(t, bot, role, denyAll); err != nil {
		t.Fatal(err)
	}
	if err := detach(t, thief, role, denyAll); err != nil {
		t.Errorf("without the guard rail the thief cannot unlock either, so this shows nothing: %v", err)
	}
}
