package aws_test

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/sandbox/aws"
)

const (
	denyAll  = "arn:aws:iam::aws:policy/AWSDenyAll"
	readOnly = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"
	own      = "arn:aws:iam::111122223333:policy/shop/DenyS3"
)

func (b *bench) attach(k aws.AccessKey, role, policy string) error {
	_, err := b.iam(k).AttachRolePolicy(b.t.Context(), &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: &policy})
	return err
}

func (b *bench) detach(k aws.AccessKey, role, policy string) error {
	_, err := b.iam(k).DetachRolePolicy(b.t.Context(), &iam.DetachRolePolicyInput{RoleName: &role, PolicyArn: &policy})
	return err
}

// attached lists the policies attached to a role by name and ARN.
func (b *bench) attached(role, prefix string) string {
	b.t.Helper()
	in := &iam.ListAttachedRolePoliciesInput{RoleName: &role, MaxItems: awssdk.Int32(1)}
	if prefix != "" {
		in.PathPrefix = &prefix
	}
	var all []string
	p := iam.NewListAttachedRolePoliciesPaginator(b.iam(b.admin), in)
	for p.HasMorePages() {
		out, err := p.NextPage(b.t.Context())
		if err != nil {
			b.t.Fatal(err)
		}
		for _, a := range out.AttachedPolicies {
			all = append(all, *a.PolicyName+"="+*a.PolicyArn)
		}
	}
	return strings.Join(all, " ")
}

// withManaged is a role that many tests attach to, with two managed policies.
func (b *bench) withManaged() string {
	b.account.AddRole(aws.RoleSpec{
		Name: "Managed", Trust: trustOwn, Policies: map[string]string{"all": allowAll},
		Managed: map[string]string{
			readOnly: allowAll,
			own:      `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"secretsmanager:*","Resource":"*"}}`,
		},
	})
	return "Managed"
}

func TestAManagedPolicyIsAttachedListedAndDetached(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		role := b.withManaged()
		for range 2 {
			b.wantCode("attach, also a second time", b.attach(b.admin, role, denyAll), "")
		}
		const path = "DenyS3=" + own
		const job = "ViewOnlyAccess=" + readOnly
		if got, want := b.attached(role, ""), path+" AWSDenyAll="+denyAll+" "+job; got != want {
			t.Errorf("attached %s, want %s", got, want)
		}
		if got, want := b.attached(role, "/shop/"), path; got != want {
			t.Errorf("below /shop/ %s, want %s", got, want)
		}
		for range 2 {
			b.wantCode("a policy that is attached elsewhere", b.attach(b.admin, "Deploy", readOnly), "")
		}
		b.wantCode("detach", b.detach(b.admin, role, denyAll), "")
		b.wantCode("detach what is not attached", b.detach(b.admin, role, denyAll), "NoSuchEntity")
		if r, _ := b.account.Role(role); !gocmp.Equal(r.Attached, []string{own, readOnly}) {
			t.Errorf("attached afterwards: %v", r.Attached)
		}
		if n := len(b.server.Calls("ListAttachedRolePolicies")); n != 4 {
			t.Errorf("%d calls for pages of one", n)
		}
	})
}

func TestEachErrorOfAttachedPoliciesHasItsCode(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		role := b.withManaged()
		const linked = "arn:aws:iam::aws:policy/aws-service-role/ElasticLoadBalancingServiceRolePolicy"
		b.account.AddRole(aws.RoleSpec{
			Name: "AWSServiceRoleForELB", Path: "/aws-service-role/elasticloadbalancing.amazonaws.com/", Trust: lambdaOnly,
			Managed: map[string]string{linked: allowAll},
		})
		b.account.AddRole(aws.RoleSpec{
			Name: "AWSReservedSSO_Admin_0a1b2c3d4e5f6a7b", Path: "/aws-reserved/sso.amazonaws.com/", Trust: lambdaOnly,
			Managed: map[string]string{denyAll: ""},
		})
		full := aws.RoleSpec{Name: "Full", Trust: lambdaOnly, Managed: map[string]string{}}
		for i := range 20 {
			full.Managed["arn:aws:iam::111122223333:policy/p"+strconv.Itoa(i)] = allowAll
		}
		b.account.AddRole(full)
		nobody := b.account.AddUser(aws.UserSpec{Name: "nobody"})
		_, prefix := b.iam(b.admin).ListAttachedRolePolicies(t.Context(), &iam.ListAttachedRolePoliciesInput{
			RoleName: awssdk.String(role), PathPrefix: awssdk.String("/shop"),
		})
		_, marker := b.iam(b.admin).ListAttachedRolePolicies(t.Context(), &iam.ListAttachedRolePoliciesInput{
			RoleName: awssdk.String(role), Marker: awssdk.String("~"),
		})
		_, noRole := b.iam(b.admin).ListAttachedRolePolicies(t.Context(), &iam.ListAttachedRolePoliciesInput{
			RoleName: awssdk.String("Nope"),
		})
		for _, e := range []struct {
			what string
			err  error
			code string
			says string
		}{
			{
				"no role to attach to", b.attach(b.admin, "Nope", denyAll),
				"NoSuchEntity", "The role with name Nope cannot be found.",
			},
			{"the role's name in another case", b.attach(b.admin, "managed", denyAll), "NoSuchEntity", ""},
			{"no role to detach from", b.detach(b.admin, "Nope", denyAll), "NoSuchEntity", ""},
			{"no role to list", noRole, "NoSuchEntity", ""},
			{
				"no such policy", b.attach(b.admin, role, denyAll+"2"),
				"NoSuchEntity", "Policy " + denyAll + "2 does not exist or is not attachable.",
			},
			{
				"the policy's name in another case", b.attach(b.admin, role, strings.ToLower(denyAll)),
				"NoSuchEntity", "",
			},
			{
				"the policy of another partition", b.attach(b.admin, role, "arn:aws-cn:iam::aws:policy/AWSDenyAll"),
				"NoSuchEntity", "",
			},
			{"not attached", b.detach(b.admin, role, denyAll), "NoSuchEntity", "Policy " + denyAll + " was not found."},
			{
				"a name in place of the ARN", b.attach(b.admin, role, "AWSDenyAll"),
				"ValidationError", "greater than or equal to 20",
			},
			{"an ARN of something else", b.attach(b.admin, role, deployARN), "InvalidInput", "is not valid."},
			{"a long ARN", b.attach(b.admin, role, denyAll+strings.Repeat("l", 2048)), "ValidationError", ""},
			{
				"a service-linked role", b.attach(b.admin, "AWSServiceRoleForELB", denyAll),
				"UnmodifiableEntity", "protected role",
			},
			{
				"a service-linked role's own policy", b.detach(b.admin, "AWSServiceRoleForELB", linked),
				"UnmodifiableEntity", "",
			},
			{"its policy on another role", b.attach(b.admin, role, linked), "PolicyNotAttachable", ""},
			{
				"a role of Identity Center", b.attach(b.admin, "AWSReservedSSO_Admin_0a1b2c3d4e5f6a7b", denyAll),
				"UnmodifiableEntity", "",
			},
			{
				"locked by Identity Center", b.detach(b.admin, "AWSReservedSSO_Admin_0a1b2c3d4e5f6a7b", denyAll),
				"UnmodifiableEntity", "",
			},
			{
				"a twenty-first policy", b.attach(b.admin, "Full", denyAll),
				"LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 20",
			},
			{"one of the twenty again", b.attach(b.admin, "Full", "arn:aws:iam::111122223333:policy/p3"), "", ""},
			{
				"no permission to attach", b.attach(nobody, role, denyAll),
				"AccessDenied", "iam:AttachRolePolicy on resource: role Managed because",
			},
			{
				"no permission to detach", b.detach(nobody, role, own),
				"AccessDenied", "iam:DetachRolePolicy on resource: role Managed because",
			},
			{"a prefix without its end", prefix, "ValidationError", ""},
			{"an invented marker", marker, "ValidationError", ""},
		} {
			b.wantCode(e.what, e.err, e.code)
			if e.err != nil && !strings.Contains(e.err.Error(), e.says) {
				t.Errorf("%s: %v, want %s", e.what, e.err, e.says)
			}
		}
		b.wantCode("after one was detached", b.detach(b.admin, "Full", "arn:aws:iam::111122223333:policy/p0"), "")
		b.wantCode("there is room", b.attach(b.admin, "Full", denyAll), "")
		_, conflict := b.iam(b.admin).DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: awssdk.String("Full")})
		b.wantCode("deleting a role with attached policies", conflict, "DeleteConflict")
	})
}

func TestAFixtureIsHeldToTheRulesOfAttachedPolicies(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		b.withManaged()
		many := map[string]string{}
		for i := range 21 {
			many["arn:aws:iam::111122223333:policy/p"+strconv.Itoa(i)] = allowAll
		}
		for code, managed := range map[string]map[string]string{
			"LimitExceeded":           many,
			"EntityAlreadyExists":     {denyAll: allowAll},
			"MalformedPolicyDocument": {"arn:aws:iam::aws:policy/Other": ""},
			"InvalidInput":            {"arn:aws:iam::aws:role/AWSDenyAll": allowAll},
		} {
			_, err := b.account.NewRole(aws.RoleSpec{Name: "X", Trust: lambdaOnly, Managed: managed})
			if err == nil || !strings.HasPrefix(err.Error(), code) {
				t.Errorf("%v, want %s", err, code)
			}
		}
	})
}

func TestCloudTrailTellsOfAttachedPoliciesAsInLife(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		shapes := shape(t, documented(t)["put_role_policy_by_bot"])
		session := b.assume(b.admin, &sts.AssumeRoleInput{SourceIdentity: awssdk.String("U0ROSA")})
		b.wantCode("attach", b.attach(session, "Deploy", readOnly), "NoSuchEntity")
		failed := b.newest(b.admin, "us-east-1", "AttachRolePolicy")
		time.Sleep(time.Second)
		b.server.Inject(aws.Fault{Action: "AttachRolePolicy", Code: "EntityTemporarilyUnmodifiable"})
		b.wantCode("attach", b.attach(session, "Deploy", denyAll), "EntityTemporarilyUnmodifiable")
		busy := b.newest(b.admin, "us-east-1", "AttachRolePolicy")
		time.Sleep(time.Second)
		role := b.withManaged()
		b.wantCode("attach", b.attach(session, role, denyAll), "")
		b.wantCode("detach", b.detach(session, role, denyAll), "")
		if _, err := b.iam(session).ListAttachedRolePolicies(t.Context(), &iam.ListAttachedRolePoliciesInput{
			RoleName: &role, PathPrefix: awssdk.String("/shop/"),
		}); err != nil {
			t.Fatal(err)
		}
		type told struct {
			ReadOnly                 bool
			RequestParameters        map[string]any
			ResponseElements         map[string]any
			ErrorCode, ErrorMessage  string
			EventSource, AwsRegion   string
			EventCategory, EventType string
		}
		request := func(role, policy string) map[string]any { return map[string]any{"roleName": role, "policyArn": policy} }
		base := told{
			EventSource: "iam.amazonaws.com", AwsRegion: "us-east-1", EventCategory: "Management", EventType: "AwsApiCall",
		}
		for _, c := range []struct {
			event                    string
			record                   *string
			request                  map[string]any
			code, message, resources string
		}{
			{
				"AttachRolePolicy", failed.CloudTrailEvent, request("Deploy", readOnly), "NoSuchEntityException",
				"Policy " + readOnly + " does not exist or is not attachable.", "",
			},
			{
				"AttachRolePolicy", busy.CloudTrailEvent, request("Deploy", denyAll), "EntityTemporarilyUnmodifiableException",
				"The request failed with EntityTemporarilyUnmodifiable.", "",
			},
			{"AttachRolePolicy", nil, request(role, denyAll), "", "", "AWS::IAM::Policy=" + denyAll + " AWS::IAM::Role=" + role},
			{"DetachRolePolicy", nil, request(role, denyAll), "", "", "AWS::IAM::Policy=" + denyAll + " AWS::IAM::Role=" + role},
			{
				"ListAttachedRolePolicies", nil,
				map[string]any{"roleName": role, "pathPrefix": "/shop/"},
				"", "", "AWS::IAM::Role=" + role,
			},
		} {
			e := b.newest(b.admin, "us-east-1", c.event)
			want := base
			want.ReadOnly, want.RequestParameters = c.event == "ListAttachedRolePolicies", c.request
			want.ErrorCode, want.ErrorMessage = c.code, c.message
			var got told
			record := *cmp.Or(c.record, e.CloudTrailEvent)
			if err := json.Unmarshal([]byte(record), &got); err != nil {
				t.Fatal(err)
			}
			if d := gocmp.Diff(want, got); d != "" {
				t.Errorf("%s (-want +got):\n%s", c.event, d)
			}
			if c.record != nil {
				continue
			}
			var resources []string
			for _, r := range e.Resources {
				resources = append(resources, *r.ResourceType+"="+*r.ResourceName)
			}
			if got := strings.Join(resources, " "); got != c.resources {
				t.Errorf("%s: resources %s, want %s", c.event, got, c.resources)
			}
			if c.event == "AttachRolePolicy" {
				without := func(paths []string) (rest []string) {
					for _, p := range paths {
						if !strings.HasPrefix(p, "requestParameters.") {
							rest = append(rest, p)
						}
					}
					return rest
				}
				if d := gocmp.Diff(without(shapes), without(shape(t, record))); d != "" {
					t.Errorf("beside its parameters it is like PutRolePolicy (-documented +ours):\n%s", d)
				}
			}
		}
	})
}
