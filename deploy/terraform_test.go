package deploy_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// arguments are those of the resources that the modules use (Terraform Registry, "AWS Provider"). A
// misspelt one would be refused by the provider, which no test can ask.
var arguments = map[string][]string{
	"aws_iam_role":                        {"name", "description", "max_session_duration", "assume_role_policy"},
	"aws_iam_role_policy":                 {"name", "role", "policy"},
	"aws_iam_instance_profile":            {"name", "role"},
	"aws_organizations_policy":            {"name", "description", "type", "content"},
	"aws_organizations_policy_attachment": {"policy_id", "target_id"},
	"aws_eks_pod_identity_association": {
		"cluster_name", "namespace", "service_account", "role_arn", "disable_session_tags",
	},
}

// module is a Terraform module as it was applied: the resources by type and key, each with its
// arguments.
type module struct {
	resources map[string][]map[string]cty.Value
	outputs   map[string]cty.Value
}

// apply evaluates deploy/terraform/<name> in an account of a partition, in us-east-1. Values that
// the module would not take are the error. It knows what the modules of this folder use; anything
// else fails the test (Terraform documentation, "Configuration Language").
func apply(t *testing.T, name, partition, account string, variables map[string]cty.Value) (*module, error) {
	t.Helper()
	path := filepath.Join("terraform", name)
	text, err := os.ReadFile(filepath.Join(path, "main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	if string(hclwrite.Format(text)) != string(text) {
		t.Errorf("%s is not as terraform fmt writes it:\n%s", path, hclwrite.Format(text))
	}
	file, diags := hclsyntax.ParseConfig(text, name, hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	values := map[string]cty.Value{
		"path": cty.ObjectVal(map[string]cty.Value{"module": cty.StringVal(path)}),
		"data": cty.ObjectVal(map[string]cty.Value{
			"aws_partition":       one("current", "partition", partition),
			"aws_caller_identity": one("current", "account_id", account),
			"aws_region":          one("current", "region", "us-east-1"),
		}),
	}
	eval := &hcl.EvalContext{Variables: values, Functions: functions()}
	m := &module{resources: map[string][]map[string]cty.Value{}, outputs: map[string]cty.Value{}}
	body, _ := file.Body.(*hclsyntax.Body)
	if err := m.variables(t, eval, body, variables); err != nil {
		return nil, err
	}
	m.locals(t, eval, body)
	for _, b := range body.Blocks {
		switch b.Type {
		case "terraform", "variable", "data", "locals", "output":
		case "resource":
			if err := m.resource(t, eval, b, account); err != nil {
				return nil, err
			}
		default:
			t.Fatalf("%s: block %s is not known here", name, b.Type)
		}
	}
	for _, b := range body.Blocks {
		if b.Type == "output" {
			m.outputs[b.Labels[0]] = must(t)(b.Body.Attributes["value"].Expr.Value(eval))
		}
	}
	return m, nil
}

// one is an object in an object: what a data source gives.
func one(name, key, value string) cty.Value {
	inner := cty.ObjectVal(map[string]cty.Value{key: cty.StringVal(value)})
	return cty.ObjectVal(map[string]cty.Value{name: inner})
}

func must(t *testing.T) func(cty.Value, hcl.Diagnostics) cty.Value {
	return func(v cty.Value, diags hcl.Diagnostics) cty.Value {
		t.Helper()
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		return v
	}
}

// functions are those that the modules call (Terraform documentation, "Built-in Functions").
func functions() map[string]function.Function {
	text := func(f func(string) (cty.Value, error)) function.Function {
		return function.New(&function.Spec{
			Params: []function.Parameter{{Name: "of", Type: cty.String}}, Type: function.StaticReturnType(cty.String),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return f(args[0].AsString()) },
		})
	}
	any1 := []function.Parameter{{Name: "of", Type: cty.DynamicPseudoType}}
	return map[string]function.Function{
		"file": text(func(path string) (cty.Value, error) {
			b, err := os.ReadFile(path)
			return cty.StringVal(string(b)), err
		}),
		"length": function.New(&function.Spec{
			Params: any1, Type: function.StaticReturnType(cty.Number),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				if args[0].Type() == cty.String {
					return cty.NumberIntVal(int64(len(args[0].AsString()))), nil
				}
				return cty.NumberIntVal(int64(args[0].LengthInt())), nil
			},
		}),
		"alltrue": function.New(&function.Spec{
			Params: any1, Type: function.StaticReturnType(cty.Bool),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				return cty.BoolVal(!slices.ContainsFunc(args[0].AsValueSlice(), cty.Value.False)), nil
			},
		}),
		"can": tryfunc.CanFunc, "replace": stdlib.ReplaceFunc, "merge": stdlib.MergeFunc, "concat": stdlib.ConcatFunc,
		"contains": stdlib.ContainsFunc, "regex": stdlib.RegexFunc, "jsonencode": stdlib.JSONEncodeFunc,
		"jsondecode": stdlib.JSONDecodeFunc,
	}
}

// variables takes the values for the variables, of their types, and asks the validations.
func (m *module) variables(
	t *testing.T, eval *hcl.EvalContext, body *hclsyntax.Body, given map[string]cty.Value,
) error {
	t.Helper()
	types := map[string]cty.Type{
		"string": cty.String, "bool": cty.Bool, "list(string)": cty.List(cty.String), "set(string)": cty.Set(cty.String),
	}
	taken := map[string]cty.Value{}
	var blocks []*hclsyntax.Block
	for _, b := range body.Blocks {
		if b.Type != "variable" {
			continue
		}
		name := b.Labels[0]
		value, ok := given[name]
		if def := b.Body.Attributes["default"]; !ok && def != nil {
			value, ok = must(t)(def.Expr.Value(eval)), true
		}
		if !ok {
			return fmt.Errorf("%s is not set", name)
		}
		expr := b.Body.Attributes["type"].Expr.Range()
		source, err := os.ReadFile(filepath.Join("terraform", expr.Filename, "main.tf"))
		if err != nil {
			t.Fatal(err)
		}
		want, known := types[string(expr.SliceBytes(source))]
		if !known {
			t.Fatalf("%s: the type of %s is not known here", expr.Filename, name)
		}
		if value, err = convert.Convert(value, want); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		taken[name] = value
		blocks = append(blocks, b)
		delete(given, name)
	}
	for name := range given {
		return fmt.Errorf("there is no variable %s", name)
	}
	eval.Variables["var"] = cty.ObjectVal(taken)
	for _, b := range blocks {
		for _, v := range b.Body.Blocks {
			if err := holds(t, eval, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// holds asks a validation or a precondition.
func holds(t *testing.T, eval *hcl.EvalContext, b *hclsyntax.Block) error {
	t.Helper()
	if must(t)(b.Body.Attributes["condition"].Expr.Value(eval)).True() {
		return nil
	}
	return errors.New(must(t)(b.Body.Attributes["error_message"].Expr.Value(eval)).AsString())
}

// locals evaluates the locals in the order in which they need one another.
func (m *module) locals(t *testing.T, eval *hcl.EvalContext, body *hclsyntax.Body) {
	t.Helper()
	open := map[string]hclsyntax.Expression{}
	for _, b := range body.Blocks {
		if b.Type == "locals" {
			for name, a := range b.Body.Attributes {
				open[name] = a.Expr
			}
		}
	}
	known := map[string]cty.Value{}
	for len(open) > 0 {
		before := len(open)
		for name, expr := range open {
			ready := !slices.ContainsFunc(expr.Variables(), func(v hcl.Traversal) bool {
				attr, isAttr := v[min(1, len(v)-1)].(hcl.TraverseAttr)
				return v.RootName() == "local" && isAttr && open[attr.Name] != nil
			})
			if !ready {
				continue
			}
			known[name] = must(t)(expr.Value(eval))
			delete(open, name)
			eval.Variables["local"] = cty.ObjectVal(known)
		}
		if len(open) == before {
			t.Fatalf("locals that need each other: %v", open)
		}
	}
}

// resource evaluates one resource, as often as count or for_each says, and makes its address known
// to those that follow.
func (m *module) resource(t *testing.T, eval *hcl.EvalContext, b *hclsyntax.Block, account string) error {
	t.Helper()
	kind, name := b.Labels[0], b.Labels[1]
	for _, inner := range b.Body.Blocks {
		if inner.Type != "lifecycle" {
			t.Fatalf("%s.%s: block %s is not known here", kind, name, inner.Type)
		}
		for _, p := range inner.Body.Blocks {
			if err := holds(t, eval, p); err != nil {
				return err
			}
		}
	}
	each := []cty.Value{cty.NilVal}
	for _, meta := range []string{"count", "for_each"} {
		a := b.Body.Attributes[meta]
		if a == nil {
			continue
		}
		v := must(t)(a.Expr.Value(eval))
		each = nil
		if meta == "count" {
			n, _ := v.AsBigFloat().Int64()
			each = make([]cty.Value, n)
			continue
		}
		for it := v.ElementIterator(); it.Next(); {
			key, value := it.Element()
			if v.Type().IsSetType() {
				key = value
			}
			each = append(each, cty.ObjectVal(map[string]cty.Value{"key": key, "value": value}))
		}
	}
	address := kind + "." + name
	for _, e := range each {
		scope := eval.NewChild()
		scope.Variables = map[string]cty.Value{}
		if e != cty.NilVal {
			scope.Variables["each"] = e
		}
		made := map[string]cty.Value{}
		for argument, a := range b.Body.Attributes {
			if argument == "count" || argument == "for_each" {
				continue
			}
			if !slices.Contains(arguments[kind], argument) {
				t.Errorf("%s has no argument %s", kind, argument)
			}
			made[argument] = must(t)(a.Expr.Value(scope))
		}
		m.resources[address] = append(m.resources[address], made)
		if kind == "aws_iam_role" || kind == "aws_organizations_policy" {
			of := map[string]cty.Value{name: cty.ObjectVal(map[string]cty.Value{
				"name": made["name"], "id": cty.StringVal("p-1"),
				"arn": cty.StringVal("arn:aws:iam::" + account + ":role/" + made["name"].AsString()),
			})}
			eval.Variables[kind] = cty.ObjectVal(of)
		}
	}
	return nil
}

// trust and inline are as those of a CloudFormation stack.
func (m *module) trust(name string) string {
	return m.resources["aws_iam_role."+name][0]["assume_role_policy"].AsString()
}

func (m *module) inline(name string) map[string]string {
	policies := map[string]string{}
	for _, p := range m.resources["aws_iam_role_policy."+name] {
		policies[p["name"].AsString()] = p["policy"].AsString()
	}
	return policies
}

func texts(pairs ...string) map[string]cty.Value {
	m := map[string]cty.Value{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = cty.StringVal(pairs[i+1])
	}
	return m
}

// mustApply is apply in partition aws for values that the module has to take.
func mustApply(t *testing.T, name, account string, variables map[string]cty.Value) *module {
	t.Helper()
	m, err := apply(t, name, "aws", account, variables)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return m
}

// sameRole compares what a module and a stack make of a role.
func sameRole(t *testing.T, m *module, name string, s *template, resource string) {
	t.Helper()
	same(t, name+"'s trust", m.trust(name), s.trust(resource))
	got, want := m.inline(name), s.inline(resource)
	for policy, text := range want {
		if got[policy] == "" {
			t.Errorf("%s lacks %s", name, policy)
			continue
		}
		same(t, name+"'s "+policy, got[policy], text)
		delete(got, policy)
	}
	if len(got) != 0 {
		t.Errorf("%s has besides %v", name, got)
	}
	role, made := m.resources["aws_iam_role."+name][0], s.made(resource)
	if role["name"].AsString() != made["RoleName"] {
		t.Errorf("%s is named %v, want %v", name, role["name"], made["RoleName"])
	}
}

// The stacks are evaluated in the other tests: what is the same allows and denies the same.
func TestTheTerraformModulesMakeWhatTheTemplatesMake(t *testing.T) {
	for _, undo := range []string{"false", "true"} {
		for _, lock := range []string{"false", "true"} {
			for _, group := range []string{"", logGroup} {
				parameters := map[string]string{
					"HubRoleArn": hubARN, "ExternalId": externalID, "Undo": undo, "AllowLock": lock, "TrailLogGroup": group,
				}
				m := mustApply(t, "spoke", spokeAccount, texts("hub_role_arn", hubARN, "external_id", externalID,
					"undo", undo, "allow_lock", lock, "trail_log_group", group))
				sameRole(t, m, "spoke", mustStack(t, "spoke.yaml", spokeAccount, parameters), "Spoke")
			}
		}
		m := mustApply(t, "users", spokeAccount, texts("hub_role_arn", hubARN, "external_id", externalID, "undo", undo))
		sameRole(t, m, "users", usersRole(t, undo), "Users")
	}
	m := mustApply(t, "trust", spokeAccount, texts("hub_role_arn", hubARN, "external_id", externalID))
	sameRole(t, m, "trust", mustStack(t, "trust.yaml", spokeAccount, map[string]string{
		"HubRoleArn": hubARN, "ExternalId": externalID,
	}), "Trust")
	for _, platform := range []string{"ecs", "pod-identity", "irsa", "ec2"} {
		for _, organization := range []string{"", "o-ab12cd34ef"} {
			s := hub(t, platform)
			s.parameters["OrganizationId"] = organization
			m := mustApply(t, "hub", hubAccount, texts("platform", platform, "cluster_name", "tools",
				"oidc_provider", cluster, "organization_id", organization))
			sameRole(t, m, "hub", s, "Hub")
			if got := len(m.resources["aws_eks_pod_identity_association.hub"]); got > 0 != (platform == "pod-identity") {
				t.Errorf("on %s there are %d associations", platform, got)
			}
			if got := len(m.resources["aws_iam_instance_profile.hub"]); got > 0 != (platform == "ec2") {
				t.Errorf("on %s there are %d instance profiles", platform, got)
			}
			for _, a := range m.resources["aws_eks_pod_identity_association.hub"] {
				if a["disable_session_tags"].False() || a["role_arn"].AsString() != hubARN {
					t.Errorf("the association is %v", a)
				}
			}
		}
	}
	for _, others := range []string{"", "arn:aws:iam::*:role/Terraform,arn:aws:iam::*:role/cdk-*"} {
		writers := cty.ListValEmpty(cty.String)
		if others != "" {
			writers = stringsOf(strings.Split(others, ",")...)
		}
		for _, trust := range []string{"false", "true"} {
			m := mustApply(t, "guardrail", "444455556666", map[string]cty.Value{
				"guarded_roles": stringsOf(ordinary), "other_writers": writers, "guard_trust": cty.StringVal(trust),
				"targets": stringsOf("r-ab12", "ou-ab12-cd34ef56"),
			})
			s := mustStack(t, "guardrail.yaml", "444455556666", map[string]string{
				"GuardedRoles": ordinary, "OtherWriters": others, "GuardTrust": trust, "Targets": "r-ab12,ou-ab12-cd34ef56",
			})
			same(t, "the guard rail", m.resources["aws_organizations_policy.guard_rail"][0]["content"].AsString(),
				s.json(s.made("GuardRail")["Content"]))
			if n := len(m.resources["aws_organizations_policy_attachment.guard_rail"]); n != 2 {
				t.Errorf("the guard rail is attached %d times", n)
			}
		}
	}
}

func stringsOf(list ...string) cty.Value {
	values := make([]cty.Value, len(list))
	for i, s := range list {
		values[i] = cty.StringVal(s)
	}
	return cty.ListVal(values)
}

func TestEveryTerraformModuleIsComparedWithItsTemplate(t *testing.T) {
	modules, err := os.ReadDir("terraform")
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, "terraform_test.go")
	for _, m := range modules {
		if !strings.Contains(text, `"`+m.Name()+`", spokeAccount`) && !strings.Contains(text, `"`+m.Name()+`", hubAccount`) &&
			!strings.Contains(text, `"`+m.Name()+`", "444455556666"`) {
			t.Errorf("the module %s is in no test", m.Name())
		}
	}
	for _, name := range []string{"hub", "spoke", "users", "trust"} {
		m, err := apply(t, name, "aws-us-gov", spokeAccount, texts(map[string][]string{
			"hub": {"platform", "ecs"}, "spoke": {
				"hub_role_arn", hubARN, "external_id", externalID, "undo", "true",
				"allow_lock", "true",
			}, "users": {"hub_role_arn", hubARN, "external_id", externalID, "undo", "true"},
			"trust": {"hub_role_arn", hubARN, "external_id", externalID},
		}[name]...))
		if err != nil {
			t.Fatal(err)
		}
		for policy, text := range m.inline(name) {
			if strings.Contains(text, "arn:aws:") {
				t.Errorf("%s: %s names roles of another partition: %s", name, policy, text)
			}
		}
	}
}

func TestVariablesThatWouldOpenARoleAreRefused(t *testing.T) {
	for _, c := range []struct {
		module string
		values map[string]cty.Value
		say    string
	}{
		{"spoke", texts("hub_role_arn", "arn:aws:iam::"+hubAccount+":root", "external_id", externalID), "one role"},
		{"spoke", texts("hub_role_arn", "*", "external_id", externalID), "one role"},
		{"spoke", texts("hub_role_arn", hubARN), "external_id is not set"},
		{"spoke", texts("hub_role_arn", hubARN, "external_id", "short"), "16 characters"},
		{"spoke", texts("hub_role_arn", hubARN, "external_id", "****************"), "wildcard"},
		{"spoke", texts("hub_role_arn", hubARN, "external_id", externalID, "undo", "maybe"), "undo"},
		{"spoke", texts("hub_role_arn", hubARN, "external_id", externalID, "trail_log_group", logGroup+"*"), "one log group"},
		{"users", texts("hub_role_arn", "*", "external_id", externalID), "one role"},
		{"users", texts("hub_role_arn", hubARN, "external_id", "short"), "16 characters"},
		{"hub", texts("platform", "lambda"), "platform is"},
		{"hub", texts("platform", "irsa"), "needs oidc_provider"},
		{"hub", texts("platform", "pod-identity"), "needs cluster_name"},
		{"hub", texts("platform", "irsa", "oidc_provider", cluster, "service_account", "*"), "one service account"},
		{"hub", texts("platform", "irsa", "oidc_provider", cluster, "namespace", "a:b"), "one namespace"},
		{"hub", texts("platform", "irsa", "oidc_provider", `x.com/id/A","*":"`), "issuer"},
		{"guardrail", map[string]cty.Value{
			"guarded_roles": stringsOf(ordinary), "targets": stringsOf("r-ab12"),
			"other_writers": stringsOf("arn:aws:iam::*:role/*"),
		}, "wildcard"},
		{"guardrail", map[string]cty.Value{
			"guarded_roles": stringsOf(ordinary), "targets": stringsOf("r-ab12"),
			"spoke_deployers": cty.StringVal("arn:aws:iam::*:role/?x"),
		}, "wildcard"},
	} {
		if _, err := apply(t, c.module, "aws", spokeAccount, c.values); err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s takes %v: %v, want %q", c.module, c.values, err, c.say)
		}
	}
}
