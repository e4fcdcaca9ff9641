package aws

import (
	"encoding/json"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// condition is one operator applied to one key.
type condition struct {
	operator string // without set prefix and IfExists
	set      string // "", "ForAnyValue" or "ForAllValues"
	ifExists bool
	name     string // of the key, as it was written
	key      string // in lower case: keys are the same whatever their case
	values   []string
}

// comparison is one operator's test of one value of the request against one value of the policy.
type comparison func(got, want string) bool

// operators are the condition operators (IAM User Guide, "IAM JSON policy elements: Condition
// operators"). A name that is negated holds when none of the policy's values matches, and when the
// key is absent.
func operators(name string) (compare comparison, negated, known bool) {
	if base, ok := negations()[name]; ok {
		compare, _, known = operators(base)
		return compare, true, known
	}
	switch name {
	case "StringEquals", "BinaryEquals":
		return func(got, want string) bool { return got == want }, false, true
	case "StringEqualsIgnoreCase", "Bool":
		return strings.EqualFold, false, true
	case "StringLike":
		return func(got, want string) bool { return glob(want, got) }, false, true
	case "ArnEquals", "ArnLike":
		return arnLike, false, true
	case "DateEquals":
		return dates(func(c int) bool { return c == 0 }), false, true
	case "DateLessThan":
		return dates(func(c int) bool { return c < 0 }), false, true
	case "DateLessThanEquals":
		return dates(func(c int) bool { return c <= 0 }), false, true
	case "DateGreaterThan":
		return dates(func(c int) bool { return c > 0 }), false, true
	case "DateGreaterThanEquals":
		return dates(func(c int) bool { return c >= 0 }), false, true
	case "NumericEquals":
		return numbers(func(a, b float64) bool { return a == b }), false, true
	case "NumericLessThan":
		return numbers(func(a, b float64) bool { return a < b }), false, true
	case "NumericLessThanEquals":
		return numbers(func(a, b float64) bool { return a <= b }), false, true
	case "NumericGreaterThan":
		return numbers(func(a, b float64) bool { return a > b }), false, true
	case "NumericGreaterThanEquals":
		return numbers(func(a, b float64) bool { return a >= b }), false, true
	case "IpAddress":
		return inNetwork, false, true
	case "Null":
		return nil, false, true
	default:
		return nil, false, false
	}
}

func negations() map[string]string {
	return map[string]string{
		"StringNotEquals": "StringEquals", "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
		"StringNotLike": "StringLike", "ArnNotEquals": "ArnEquals", "ArnNotLike": "ArnLike",
		"DateNotEquals": "DateEquals", "NumericNotEquals": "NumericEquals", "NotIpAddress": "IpAddress",
	}
}

func parseConditions(v any) ([]condition, error) {
	blocks, ok := v.(object)
	if !ok {
		return nil, errSyntax
	}
	var out []condition
	for _, block := range blocks {
		keys, ok := block.value.(object)
		if !ok {
			return nil, errSyntax
		}
		c := condition{operator: block.name}
		if set, rest, ok := strings.Cut(c.operator, ":"); ok && (set == "ForAnyValue" || set == "ForAllValues") {
			c.set, c.operator = set, rest
		}
		if base, ok := strings.CutSuffix(c.operator, "IfExists"); ok && base != "Null" {
			c.ifExists, c.operator = true, base
		}
		if _, _, known := operators(c.operator); !known || c.set != "" && c.operator == "Null" {
			return nil, malformed("Invalid Condition type : " + block.name + ".")
		}
		for _, k := range keys {
			c.name, c.key = k.name, strings.ToLower(k.name)
			if !strings.Contains(c.key, ":") {
				return nil, malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
			}
			if c.values, ok = conditionValues(k.value); !ok {
				return nil, errSyntax
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// conditionValues reads the value of a key: strings, numbers or booleans, one or a list.
func conditionValues(v any) ([]string, bool) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var out []string
	for _, e := range list {
		switch e := e.(type) {
		case string:
			out = append(out, e)
		case json.Number:
			out = append(out, e.String())
		case bool:
			out = append(out, strconv.FormatBool(e))
		default:
			return nil, false
		}
	}
	return out, len(out) > 0
}

// holds tells whether the condition is met in the request's context.
func (c condition) holds(ctx Context, variables bool) bool {
	got, present := ctx.lookup(c.key)
	if c.operator == "Null" {
		return slices.ContainsFunc(c.values, func(want string) bool {
			return strings.EqualFold(want, strconv.FormatBool(!present))
		})
	}
	compare, negated, known := operators(c.operator)
	if !known {
		return false
	}
	if !present {
		return c.ifExists || c.set == "ForAllValues" || negated && c.set == ""
	}
	matches := func(g string) bool {
		return slices.ContainsFunc(c.values, func(want string) bool {
			if variables {
				var ok bool
				if want, ok = expand(want, ctx, c.patterns()); !ok {
					return false
				}
			}
			return compare(g, want)
		}) != negated
	}
	if c.set == "ForAllValues" || negated && c.set == "" {
		return !slices.ContainsFunc(got, func(g string) bool { return !matches(g) })
	}
	return slices.ContainsFunc(got, matches)
}

// patterns tells whether the policy's values may hold wildcards.
func (c condition) patterns() bool {
	return strings.HasSuffix(c.operator, "Like") || strings.HasPrefix(c.operator, "Arn")
}

var dateForm = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$`)

var epochForm = regexp.MustCompile(`^-?\d{1,12}$`)

// parseDate reads the two forms of a date in a condition: date and time with a zone (W3C "Date and
// Time Formats", a profile of ISO 8601), or whole seconds since 1970. Anything else is no date,
// such as one without a zone.
func parseDate(s string) (time.Time, bool) {
	if epochForm.MatchString(s) {
		n, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(n, 0), err == nil
	}
	if !dateForm.MatchString(s) {
		return time.Time{}, false
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func dates(accept func(order int) bool) comparison {
	return func(got, want string) bool {
		g, ok1 := parseDate(got)
		w, ok2 := parseDate(want)
		return ok1 && ok2 && accept(g.Compare(w))
	}
}

func numbers(accept func(a, b float64) bool) comparison {
	return func(got, want string) bool {
		g, err1 := strconv.ParseFloat(got, 64)
		w, err2 := strconv.ParseFloat(want, 64)
		return err1 == nil && err2 == nil && accept(g, w)
	}
}

func inNetwork(got, want string) bool {
	addr, err := netip.ParseAddr(got)
	if err != nil {
		return false
	}
	if p, err := netip.ParsePrefix(want); err == nil {
		return p.Contains(addr)
	}
	single, err := netip.ParseAddr(want)
	return err == nil && single == addr
}

// arnLike compares the six parts of an ARN each by itself, so that a wildcard never reaches over a
// colon of the first five.
func arnLike(got, want string) bool {
	g, w := strings.SplitN(got, ":", 6), strings.SplitN(want, ":", 6)
	if len(g) != len(w) {
		return want == "*"
	}
	for i := range w {
		if !glob(w[i], g[i]) {
			return false
		}
	}
	return true
}
