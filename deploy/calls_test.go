package deploy_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	standin "github.com/revokebot/revokebot/sandbox/aws"
)

// needsNothing are operations that take no permission (AWS STS API Reference, "GetCallerIdentity").
var needsNothing = []string{"sts:GetCallerIdentity"}

// withAssumeRole are permissions that AssumeRole takes when a source identity and tags are passed
// (IAM User Guide, "Monitor and control actions taken with assumed roles" and "Pass session tags in
// AWS STS").
var withAssumeRole = []string{"sts:SetSourceIdentity", "sts:TagSession"}

// operations lists what the code can ask of AWS, such as iam:GetRole: each operation of the SDK has
// an input type of its own, and whoever calls it has to name that.
func operations(t *testing.T) []string {
	t.Helper()
	const sdk = "github.com/aws/aws-sdk-go-v2/service/"
	found := []string{"ec2:DescribeRegions"} // which is asked without the SDK's client
	for _, folder := range []string{"aws", "bot", "cmd", "handlers"} {
		err := filepath.WalkDir(filepath.Join("..", folder), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			services := map[string]string{} // by the name in the file
			for _, i := range file.Imports {
				service, ours := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), sdk)
				if !ours || strings.Contains(service, "/") {
					continue
				}
				service = strings.TrimPrefix(service, "cloudwatch") // as IAM names it: logs
				name := path.Base(strings.Trim(i.Path.Value, `"`))
				if i.Name != nil {
					name = i.Name.Name
				}
				services[name] = service
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok && services[x.Name] != "" {
						if operation, ok := strings.CutSuffix(s.Sel.Name, "Input"); ok {
							found = append(found, services[x.Name]+":"+operation)
						}
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	if len(found) < 5 {
		t.Fatalf("only %v was found in the code", found)
	}
	return found
}

// named is a request of a session that carries the requester's id.
func named(action, resource string) standin.Request {
	return standin.Request{Action: action, Resource: resource, Context: standin.Context{"aws:SourceIdentity": {"U0ROSA"}}}
}

func evaluate(t *testing.T, r standin.Request, policies map[string]string) standin.Decision {
	t.Helper()
	var parsed []*standin.Policy
	for name, text := range policies {
		p, err := standin.ParsePolicy(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		parsed = append(parsed, p)
	}
	return standin.Evaluate(r, parsed...).Decision
}

// allowed lists the actions that the policies allow, as they are written.
func allowed(t *testing.T, policies map[string]string) []string {
	t.Helper()
	var all []string
	for name, text := range policies {
		var document struct {
			Statement []struct {
				Effect    string
				Action    any
				NotAction any
			}
		}
		if err := json.Unmarshal([]byte(text), &document); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, s := range document.Statement {
			if s.Effect != "Allow" {
				continue
			}
			switch actions := s.Action.(type) {
			case string:
				all = append(all, actions)
			case []any:
				for _, a := range actions {
					all = append(all, a.(string))
				}
			default:
				t.Fatalf("%s allows what it does not name: %v", name, s)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// lockCalls are the calls of a lock, which a spoke may make where AllowLock is true.
var lockCalls = []string{"iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:ListAttachedRolePolicies"}

// logGroupCalls are the calls about a log group, which a spoke may make where TrailLogGroup names
// one.
var logGroupCalls = []string{
	"cloudtrail:DescribeTrails", "cloudtrail:GetEventSelectors", "cloudtrail:GetTrailStatus", "logs:GetQueryResults",
	"logs:StartQuery", "logs:StopQuery",
}

// aboutUsers are the calls that the role for users makes.
func aboutUsers(operation string) bool {
	return strings.Contains(operation, "User") || strings.Contains(operation, ":ListAccessKeys") ||
		slices.Contains([]string{"iam:UpdateAccessKey", "iam:GetAccessKeyLastUsed", "iam:GetLoginProfile"}, operation)
}

func TestTheTemplatesAllowWhatTheCodeCallsAndNothingElse(t *testing.T) {
	var ofHub, ofSpoke, ofUsers, ofTrust []string
	for _, operation := range operations(t) {
		switch {
		case operation == "iam:UpdateAssumeRolePolicy":
			ofTrust = append(ofTrust, operation)
		case aboutUsers(operation):
			ofUsers = append(ofUsers, operation)
		case slices.Contains(slices.Concat(needsNothing, lockCalls, logGroupCalls), operation):
		case operation == "sts:AssumeRole", operation == "sts:GetAccessKeyInfo":
			ofHub = append(ofHub, operation)
		default:
			ofSpoke = append(ofSpoke, operation)
		}
	}
	ofHub = slices.Sorted(slices.Values(append(ofHub, withAssumeRole...)))
	hubPolicies, spokePolicies := hub(t, "ecs").inline("Hub"), spoke(t, "true").inline("Spoke")
	if diff := cmp.Diff(ofHub, allowed(t, hubPolicies)); diff != "" {
		t.Errorf("the hub's calls (-) and what it may do (+):\n%s", diff)
	}
	if diff := cmp.Diff(ofSpoke, allowed(t, spokePolicies)); diff != "" {
		t.Errorf("the spoke's calls (-) and what it may do (+):\n%s", diff)
	}
	withLock := slices.Sorted(slices.Values(slices.Concat(ofSpoke, lockCalls)))
	if diff := cmp.Diff(withLock, allowed(t, lockable(t, "true").inline("Spoke"))); diff != "" {
		t.Errorf("with AllowLock, the spoke's calls (-) and what it may do (+):\n%s", diff)
	}
	withAll := slices.Sorted(slices.Values(slices.Concat(withLock, logGroupCalls)))
	if diff := cmp.Diff(withAll, allowed(t, querying(t).inline("Spoke"))); diff != "" {
		t.Errorf("with a log group, the spoke's calls (-) and what it may do (+):\n%s", diff)
	}
	for resource, want := range map[string]standin.Decision{
		logGroup + ":log-stream:": standin.Allowed, logGroup + "-2:log-stream:": standin.ImplicitDeny,
	} {
		if got := evaluate(t, named("logs:StartQuery", resource), querying(t).inline("Spoke")); got != want {
			t.Errorf("logs:StartQuery on %s: %v", resource, got)
		}
	}
	ofTrust = append(ofTrust, "iam:GetRole", "iam:GetRolePolicy", "iam:GetUser", "iam:ListRolePolicies",
		"iam:SimulatePrincipalPolicy")
	slices.Sort(ofTrust)
	if diff := cmp.Diff(ofTrust, allowed(t, trustRole(t).inline("Trust"))); diff != "" {
		t.Errorf("the calls about trust policies (-) and what the role for them may do (+):\n%s", diff)
	}
	ofUsers = slices.Sorted(slices.Values(append(ofUsers, "iam:SimulatePrincipalPolicy")))
	usersPolicies := usersRole(t, "true").inline("Users")
	if diff := cmp.Diff(ofUsers, allowed(t, usersPolicies)); diff != "" {
		t.Errorf("the calls about users (-) and what the role for them may do (+):\n%s", diff)
	}
	for _, operation := range ofUsers {
		if got := evaluate(t, named(operation, user), usersPolicies); got != standin.Allowed {
			t.Errorf("%s: %v", operation, got)
		}
	}
	// Named is not yet allowed: a deny may stand in the way.
	for _, operation := range ofSpoke {
		resources := []string{ordinary, withPath}
		if slices.Contains([]string{
			"iam:ListRoles", "cloudtrail:LookupEvents", "account:ListRegions", "ec2:DescribeRegions",
		}, operation) {
			resources = []string{"*"}
		}
		for _, resource := range resources {
			if got := evaluate(t, named(operation, resource), spokePolicies); got != standin.Allowed {
				t.Errorf("%s on %s: %v", operation, resource, got)
			}
		}
	}
	for _, operation := range ofHub {
		if got := evaluate(t, standin.Request{Action: operation, Resource: spokeARN}, hubPolicies); got != standin.Allowed {
			t.Errorf("%s on the spoke: %v", operation, got)
		}
	}
}

// query looks at the log group with a query that does not end.
func query(t *testing.T, a *accounts, cloud *aws.Cloud) {
	t.Helper()
	a.server.EndQueriesAs("Running")
	report, err := trail.New(cloud).Lookup(t.Context(), trail.LookupQuery{
		AccountName: "spoke", RoleARN: withPath, Since: a.server.Now().Add(-time.Hour), Wide: true,
	})
	if err != nil || !strings.Contains(report.LogGroup.Says(), "it did not answer in time") {
		t.Errorf("%v, %q", err, report.LogGroup.Says())
	}
}

func TestARunWithEverythingMakesEveryCallThatTheCodeKnowsAndIsDeniedNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := setUp(t)
		cloud := a.cloud(t, externalID)
		if err := cloud.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := role.New(cloud).LoadRoles(t.Context(), "spoke"); err != nil {
			t.Fatal(err)
		}
		// Account Management is away, so EC2 is asked for the regions.
		a.server.Inject(standin.Fault{Action: "ListRegions", Code: "ServiceUnavailable", Times: -1})
		revoked, done, err := revoke(t.Context(), cloud, "spoke")
		if err != nil {
			t.Fatal(err)
		}
		a.prove(t, cloud, "spoke", revoked, done)
		if _, err := undo(t.Context(), cloud, revoked); err != nil {
			t.Fatal(err)
		}
		if p, err := role.New(cloud).Portrait(t.Context(), revoked.Principal); err != nil || len(p.Unknown) > 0 {
			t.Fatalf("%v, unknown: %v", err, p.Unknown)
		}
		lock := revoked
		lock.Measure, lock.Promised = contain.Lock(), nil
		locked, err := role.New(cloud).Apply(t.Context(), nil, lock)
		if err != nil {
			t.Fatal(err)
		}
		lock.Promised = []contain.Change{locked.Documents[0].Change}
		if _, err := undo(t.Context(), cloud, lock); err != nil {
			t.Fatal(err)
		}
		containKey(t, a, cloud)
		freeze(t, a, cloud, revoked)
		query(t, a, cloud)
		var made []string
		for _, c := range a.server.Calls("") {
			made = append(made, c.Service+":"+c.Action)
			probed := c.Action == "AssumeRole" && strings.Contains(c.PrincipalARN, "revokebot-trust")
			if c.Code == "AccessDenied" && !probed {
				t.Errorf("%s:%s by %s is denied", c.Service, c.Action, c.PrincipalARN)
			}
		}
		slices.Sort(made)
		if diff := cmp.Diff(operations(t), slices.Compact(made)); diff != "" {
			t.Errorf("the code's calls (-) and those of the run (+):\n%s", diff)
		}
	})
}
