package aws

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// operation is one action of a service.
type operation struct {
	// params are the parameters that may be given; list members are named with ".N" for their number.
	params   map[string]rule
	readOnly bool
	event    string // its name in CloudTrail; empty: the action's
	// target says what the permission is needed on; nil means that none is needed, or that do looks
	// after it.
	target func(x *exchange) target
	do     func(x *exchange) (any, error)
}

// rule is what a parameter's value must be like.
type rule struct {
	required bool
	check    func(field, value string) error // nil: anything
}

func required(check func(field, value string) error) rule { return rule{true, check} }
func optional(check func(field, value string) error) rule { return rule{false, check} }

func text(most int) func(field, value string) error {
	return func(field, value string) error {
		if n := len([]rune(value)); n > most {
			return invalidValue(field, value, fmt.Sprintf("Member must have length less than or equal to %d", most))
		}
		return nil
	}
}

func matching(least, most int, form *regexp.Regexp) func(field, value string) error {
	return func(field, value string) error {
		if n := len([]rune(value)); n < least {
			return invalidValue(field, value, fmt.Sprintf("Member must have length greater than or equal to %d", least))
		}
		return checkText(field, value, most, form, strings.Trim(form.String(), "^$"))
	}
}

func number(least, most int) func(field, value string) error {
	return func(field, value string) error {
		n, err := strconv.Atoi(value)
		switch {
		case err != nil:
			return errf("MalformedQueryString", "The parameter %s is not a number.", field)
		case n < least:
			return invalidValue(field, value, fmt.Sprintf("Member must have value greater than or equal to %d", least))
		case n > most:
			return invalidValue(field, value, fmt.Sprintf("Member must have value less than or equal to %d", most))
		}
		return nil
	}
}

func policyName(_, value string) error   { return checkPolicyName(value) }
func pathValue(_, value string) error    { return checkPath(value) }
func anything(_, _ string) error         { return nil }
func policyText(field, v string) error   { return text(131_072)(field, v) }
func prefixValue(field, v string) error  { return matching(1, 512, prefixForm)(field, v) }
func policyPrefix(field, v string) error { return matching(1, 512, policyPathForm)(field, v) }
func tagKey(field, v string) error       { return matching(1, 128, tagForm)(field, v) }
func markerValue(field, v string) error  { return matching(1, 320, markerForm)(field, v) }
func pageSize(field, value string) error { return number(1, 1000)(field, value) }

var (
	prefixForm     = regexp.MustCompile(`^/[\x21-\x7F]*$`)
	policyPathForm = regexp.MustCompile(`^((/[A-Za-z0-9.,+@=_-]+)*)/$`) // of managed policies
	tagForm        = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$`)
	markerForm     = regexp.MustCompile(`^[\x20-\xFF]+$`)
	listIndex      = regexp.MustCompile(`\.[1-9][0-9]*(\.|$)`)
)

// tagValue has the letters of a tag's key, and may be empty (STS API Reference, "Tag").
func tagValue(field, v string) error {
	if v == "" {
		return nil
	}
	return matching(1, 256, tagForm)(field, v)
}

// check refuses unknown parameters, values out of bounds, and what is missing.
func (op *operation) check(p params) error {
	for _, name := range sortedKeys(p) {
		general := listIndex.ReplaceAllString(name, ".N$1")
		r, ok := op.params[general]
		if !ok {
			return errf("ValidationError", "1 validation error detected: the parameter %s is not known", name)
		}
		if r.check != nil {
			if err := r.check(lowerFirst(name), p[name]); err != nil {
				return err
			}
		}
	}
	for _, name := range sortedNames(op.params) {
		if _, given := p[name]; op.params[name].required && !given {
			return errf("ValidationError", "1 validation error detected: Value null at '%s' failed to satisfy constraint: "+
				"Member must not be null", lowerFirst(name))
		}
	}
	return nil
}

func sortedNames(rules map[string]rule) []string {
	names := map[string]string{}
	for name := range rules {
		names[name] = ""
	}
	return sortedKeys(names)
}

// trailRequest is the requestParameters of an event: the parameters with their first letter in
// lower case.
func (op *operation) trailRequest(p params) map[string]any {
	if len(p) == 0 {
		return nil
	}
	request := map[string]any{}
	for name, value := range p {
		if strings.Contains(name, ".") {
			continue
		}
		request[lowerFirst(name)] = value
	}
	if tags := p.tags(); len(tags) > 0 {
		request["tags"] = tagList(tags)
	}
	return request
}

// tags reads Tags.member.N.Key and Value.
func (p params) tags() map[string]string {
	tags := map[string]string{}
	for i := 1; ; i++ {
		member := "Tags.member." + strconv.Itoa(i)
		key, ok := p[member+".Key"]
		if !ok {
			return tags
		}
		tags[key] = p[member+".Value"]
	}
}

// list reads name.member.N.
func (p params) list(name string) []string {
	var out []string
	for i := 1; ; i++ {
		v, ok := p[name+".member."+strconv.Itoa(i)]
		if !ok {
			return out
		}
		out = append(out, v)
	}
}

func tagList(tags map[string]string) []map[string]any {
	var list []map[string]any
	for _, k := range sortedKeys(tags) {
		list = append(list, map[string]any{"key": k, "value": tags[k]})
	}
	return list
}

// allOperations is what the stand-in can do, by service and action.
func allOperations() map[string]*operation {
	all := map[string]*operation{}
	for service, ops := range map[string]map[string]*operation{
		"iam": iamOperations(), "sts": stsOperations(),
		"cloudtrail": {"LookupEvents": lookupOperation()},
	} {
		for name, op := range ops {
			all[service+":"+name] = op
		}
	}
	return all
}

// Actions lists what the stand-in can do in IAM, STS and CloudTrail, such as "iam:GetRole", so that
// a test can be sure to have tried all of it. What it can do in other services is in others.go.
func Actions() []string { return slices.Sorted(maps.Keys(allOperations())) }

func iamOperations() map[string]*operation {
	all := map[string]*operation{}
	maps.Copy(all, roleReads())
	maps.Copy(all, roleWrites())
	maps.Copy(all, userOperations())
	return all
}
