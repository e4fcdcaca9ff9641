package deploy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// template is a CloudFormation template with the values that a stack would have. It knows what the
// templates of this folder use, and anything else fails the test: a policy that is not understood
// to the letter is not evaluated (AWS CloudFormation User Guide, "Intrinsic function reference").
type template struct {
	t          *testing.T
	file       string
	parameters map[string]any // and the pseudo parameters
	sections   map[string]any // as they were read, with the functions in them
	resources  map[string]any // likewise
}

// call is an intrinsic function as it was read.
type call struct {
	name     string
	argument any
}

// noValue is what !Ref AWS::NoValue gives: the property is as if it were not there.
type noValue struct{}

// stack reads a template for a stack with these parameters, in us-east-1 of partition aws. Values
// that the template would not take, and rules that do not hold, are the error.
func stack(t *testing.T, file, account string, parameters map[string]string) (*template, error) {
	t.Helper()
	text, err := os.ReadFile("cloudformation/" + file)
	if err != nil {
		t.Fatal(err)
	}
	read, err := parser.ParseBytes(text, 0)
	if err != nil || len(read.Docs) != 1 {
		t.Fatalf("%s: %v", file, err)
	}
	tmpl := &template{t: t, file: file, parameters: map[string]any{
		"AWS::AccountId": account, "AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::NoValue": noValue{},
	}}
	tmpl.sections = tmpl.object(tmpl.value(read.Docs[0].Body))
	for name := range tmpl.sections {
		if !slices.Contains([]string{
			"AWSTemplateFormatVersion", "Description", "Parameters", "Rules", "Conditions", "Resources", "Outputs",
		}, name) {
			t.Fatalf("%s: section %s is not known here", file, name)
		}
	}
	tmpl.resources = tmpl.object(tmpl.sections["Resources"])
	if err := tmpl.take(parameters); err != nil {
		return nil, err
	}
	return tmpl, tmpl.rules()
}

// mustStack is stack for values that the template has to take.
func mustStack(t *testing.T, file, account string, parameters map[string]string) *template {
	t.Helper()
	tmpl, err := stack(t, file, account, parameters)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return tmpl
}

func (c *template) fail(format string, args ...any) {
	c.t.Helper()
	c.t.Fatalf(c.file+": "+format, args...)
}

func (c *template) object(v any) map[string]any {
	c.t.Helper()
	m, ok := v.(map[string]any)
	if !ok {
		c.fail("%v is no mapping", v)
	}
	return m
}

// value turns YAML into Go. CloudFormation knows neither anchors nor merges (AWS CloudFormation
// User Guide, "CloudFormation template formats"), and neither does this.
func (c *template) value(n ast.Node) any {
	c.t.Helper()
	switch n := n.(type) {
	case *ast.MappingNode:
		m := map[string]any{}
		for _, v := range n.Values {
			key, ok := v.Key.(*ast.StringNode)
			if !ok {
				c.fail("the key %v is no text", v.Key)
			}
			if _, twice := m[key.Value]; twice {
				c.fail("%s is there twice", key.Value)
			}
			m[key.Value] = c.value(v.Value)
		}
		return m
	case *ast.SequenceNode:
		list := make([]any, 0, len(n.Values))
		for _, v := range n.Values {
			list = append(list, c.value(v))
		}
		return list
	case *ast.TagNode:
		return call{strings.TrimPrefix(n.Start.Value, "!"), c.value(n.Value)}
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.StringNode:
		return n.Value
	case *ast.IntegerNode:
		return json.Number(n.Token.Value)
	case *ast.BoolNode:
		return n.Value
	default:
		c.fail("%T (%v) is not known here", n, n)
		return nil
	}
}

// take checks the parameters' values as CloudFormation does.
func (c *template) take(given map[string]string) error {
	c.t.Helper()
	declared := c.object(c.sections["Parameters"])
	for name := range given {
		if _, ok := declared[name]; !ok {
			return fmt.Errorf("there is no parameter %s", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		p := c.object(declared[name])
		value, ok := given[name]
		if !ok {
			if value, ok = p["Default"].(string); !ok {
				n, isNumber := p["Default"].(json.Number)
				if !isNumber {
					return fmt.Errorf("parameter %s has no value", name)
				}
				value = n.String()
			}
		}
		for key, rule := range p {
			switch key {
			case "Description", "Type", "Default":
			case "AllowedPattern":
				if !regexp.MustCompile(rule.(string)).MatchString(value) {
					return fmt.Errorf("parameter %s does not match %s", name, rule)
				}
			case "AllowedValues":
				if !slices.Contains(rule.([]any), any(value)) {
					return fmt.Errorf("parameter %s is none of %v", name, rule)
				}
			case "MinLength":
				if least, _ := strconv.Atoi(rule.(json.Number).String()); len(value) < least {
					return fmt.Errorf("parameter %s is shorter than %d", name, least)
				}
			default:
				c.fail("parameter %s: %s is not known here", name, key)
			}
		}
		switch kind := p["Type"].(string); kind {
		case "String", "Number", "AWS::EC2::VPC::Id":
			c.parameters[name] = value
		case "CommaDelimitedList", "List<AWS::EC2::Subnet::Id>":
			c.parameters[name] = split(",", value)
		default:
			c.fail("parameter %s: the type %s is not known here", name, kind)
		}
	}
	return nil
}

// rules are checked before anything is made.
func (c *template) rules() error {
	c.t.Helper()
	if c.sections["Rules"] == nil {
		return nil
	}
	for name, rule := range c.object(c.sections["Rules"]) {
		r := c.object(rule)
		if !c.holds(r["RuleCondition"]) {
			continue
		}
		for _, assertion := range r["Assertions"].([]any) {
			a := c.object(assertion)
			if !c.holds(a["Assert"]) {
				return errors.New(name + ": " + a["AssertDescription"].(string))
			}
		}
	}
	return nil
}

// holds evaluates a condition: one of the section by its name, or a function.
func (c *template) holds(v any) bool {
	c.t.Helper()
	if name, ok := v.(string); ok {
		condition, ok := c.object(c.sections["Conditions"])[name]
		if !ok {
			c.fail("there is no condition %s", name)
		}
		return c.holds(condition)
	}
	f, ok := v.(call)
	if !ok {
		c.fail("%v is no condition", v)
	}
	list, ok := f.argument.([]any)
	switch {
	case f.name == "Equals" && ok && len(list) == 2:
		return fmt.Sprint(c.resolve(list[0])) == fmt.Sprint(c.resolve(list[1]))
	case f.name == "Not" && ok && len(list) == 1:
		return !c.holds(list[0])
	case f.name == "And" && ok && len(list) > 1:
		return !slices.ContainsFunc(list, func(v any) bool { return !c.holds(v) })
	case f.name == "Condition" && !ok:
		name, _ := f.argument.(string)
		return c.holds(name)
	default:
		c.fail("the condition !%s %v is not known here", f.name, f.argument)
		return false
	}
}

// resolve puts values in the place of functions.
func (c *template) resolve(v any) any {
	c.t.Helper()
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for key, e := range v {
			if strings.HasPrefix(key, "Fn::") || key == "Ref" {
				c.fail("%s: write functions in the short form", key)
			}
			if r := c.resolve(e); r != any(noValue{}) {
				m[key] = r
			}
		}
		return m
	case []any:
		list := make([]any, 0, len(v))
		for _, e := range v {
			if r := c.resolve(e); r != any(noValue{}) {
				list = append(list, r)
			}
		}
		return list
	case call:
		return c.call(v)
	default:
		return v
	}
}

func (c *template) call(f call) any {
	c.t.Helper()
	text, isText := f.argument.(string)
	list, isList := f.argument.([]any)
	switch {
	case f.name == "Ref" && isText:
		return c.ref(text)
	case f.name == "Sub" && isText:
		return regexp.MustCompile(`\$\{([^}]*)\}`).ReplaceAllStringFunc(text, func(variable string) string {
			s, ok := c.ref(variable[2 : len(variable)-1]).(string)
			if !ok {
				c.fail("%s is no text", variable)
			}
			return s
		})
	case f.name == "GetAtt" && isText:
		return c.attribute(text)
	case f.name == "If" && isList && len(list) == 3:
		if c.holds(list[0]) {
			return c.resolve(list[1])
		}
		return c.resolve(list[2])
	case f.name == "Split" && isList && len(list) == 2:
		whole, ok := c.resolve(list[1]).(string)
		if !ok {
			c.fail("!Split of what is no text")
		}
		return split(list[0].(string), whole)
	default:
		c.fail("!%s %v is not known here", f.name, f.argument)
		return nil
	}
}

// ref is a parameter, or what CloudFormation gives for a resource.
func (c *template) ref(name string) any {
	c.t.Helper()
	if v, ok := c.parameters[name]; ok {
		return v
	}
	p := c.properties(name)
	switch kind := c.object(c.resources[name])["Type"]; kind {
	case "AWS::IAM::Role":
		return p["RoleName"]
	case "AWS::SSM::Parameter":
		return p["Name"]
	case "AWS::Logs::LogGroup":
		return p["LogGroupName"]
	case "AWS::ECS::TaskDefinition", "AWS::Organizations::Policy":
		return "id of " + name
	default:
		c.fail("!Ref of a %v is not known here", kind)
		return nil
	}
}

func (c *template) attribute(name string) any {
	c.t.Helper()
	resource, attribute, _ := strings.Cut(name, ".")
	p := c.properties(resource)
	switch kind := c.object(c.resources[resource])["Type"]; {
	case kind == "AWS::IAM::Role" && attribute == "Arn" && p["Path"] == nil:
		return fmt.Sprintf("arn:%s:iam::%s:role/%s", c.parameters["AWS::Partition"], c.parameters["AWS::AccountId"],
			p["RoleName"])
	case kind == "AWS::EC2::SecurityGroup" && attribute == "GroupId":
		return "id of " + resource
	default:
		c.fail("!GetAtt %s of a %v is not known here", name, kind)
		return nil
	}
}

// properties are those of a resource as the template has them, functions not resolved, for a
// resource that is made.
func (c *template) properties(name string) map[string]any {
	c.t.Helper()
	resource, ok := c.resources[name]
	if !ok {
		c.fail("there is no %s", name)
	}
	r := c.object(resource)
	if condition, ok := r["Condition"]; ok && !c.holds(condition) {
		c.fail("%s is not made with these parameters", name)
	}
	return c.object(r["Properties"])
}

// made resolves a resource with its parameters; nil when its condition does not hold.
func (c *template) made(name string) map[string]any {
	c.t.Helper()
	if condition, ok := c.object(c.resources[name])["Condition"]; ok && !c.holds(condition) {
		return nil
	}
	return c.object(c.resolve(c.properties(name)))
}

// everythingResolves resolves every resource and every output once, so that nothing in a template
// is left unread.
func (c *template) everythingResolves() {
	c.t.Helper()
	for name := range c.resources {
		for key := range c.object(c.resources[name]) {
			if !slices.Contains([]string{"Type", "Condition", "Properties", "DeletionPolicy", "UpdateReplacePolicy"}, key) {
				c.fail("%s: %s is not known here", name, key)
			}
		}
		c.made(name)
	}
	c.resolve(c.sections["Outputs"])
}

// trust is the trust policy of a role, JSON.
func (c *template) trust(role string) string { return c.json(c.made(role)["AssumeRolePolicyDocument"]) }

// inline are the inline policies of a role, by name, JSON.
func (c *template) inline(role string) map[string]string {
	c.t.Helper()
	policies := map[string]string{}
	for _, p := range c.made(role)["Policies"].([]any) {
		policies[c.object(p)["PolicyName"].(string)] = c.json(c.object(p)["PolicyDocument"])
	}
	return policies
}

// json prints a policy. One that is text already stays as it is.
func (c *template) json(v any) string {
	c.t.Helper()
	if text, ok := v.(string); ok {
		return text
	}
	b, err := json.Marshal(v)
	if err != nil {
		c.fail("%v", err)
	}
	return string(b)
}

func split(by, whole string) []any {
	var list []any
	for part := range strings.SplitSeq(whole, by) {
		list = append(list, part)
	}
	return list
}
