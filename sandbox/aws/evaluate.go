package aws

import (
	"slices"
	"strings"
)

// Context holds the condition keys of a request, such as "aws:TokenIssueTime", with their values. A
// key that is absent is one that the request does not have.
type Context map[string][]string

// lookup finds a key, given in lower case, whatever the case it was put in with.
func (c Context) lookup(key string) ([]string, bool) {
	for k, v := range c {
		if strings.EqualFold(k, key) {
			return v, true
		}
	}
	return nil, false
}

// Request is what is to be decided.
type Request struct {
	Action   string // such as "iam:ListRoles"
	Resource string // an ARN, or "*" for actions without one
	Context  Context
}

// Decision is what policies say about a request.
type Decision int

// The decisions. The zero value is unknown and never a pass.
const (
	_ Decision = iota
	ImplicitDeny
	ExplicitDeny
	Allowed
)

// String gives the decision in the words of the policy simulator's API.
func (d Decision) String() string {
	switch d {
	case ImplicitDeny:
		return "implicitDeny"
	case ExplicitDeny:
		return "explicitDeny"
	case Allowed:
		return "allowed"
	default:
		return "unknown"
	}
}

// Match is a statement that applies to a request.
type Match struct {
	Policy    int // index in the arguments of Evaluate
	Statement int // index in the policy
	Deny      bool
}

// Result is a decision with the statements that led to it.
type Result struct {
	Decision Decision
	Matched  []Match
}

// Evaluate decides a request by identity-based policies of one principal: a statement that denies
// wins, else one that allows, else the request is denied (IAM User Guide, "Policy evaluation
// logic").
func Evaluate(r Request, policies ...*Policy) Result {
	result := Result{Decision: ImplicitDeny}
	for i, p := range policies {
		for j, st := range p.statements {
			if !st.applies(r, p.variables) {
				continue
			}
			result.Matched = append(result.Matched, Match{Policy: i, Statement: j, Deny: st.deny})
			if st.deny {
				result.Decision = ExplicitDeny
			} else if result.Decision == ImplicitDeny {
				result.Decision = Allowed
			}
		}
	}
	return result
}

// applies tells whether the statement speaks of the request; principals are looked at elsewhere.
func (st statement) applies(r Request, variables bool) bool {
	return st.names(r, variables) &&
		!slices.ContainsFunc(st.conditions, func(c condition) bool { return !c.holds(r.Context, variables) })
}

// names tells whether the statement is about the request's action and resource, whatever its
// conditions.
func (st statement) names(r Request, variables bool) bool {
	action := func(p string) bool { return glob(strings.ToLower(p), strings.ToLower(r.Action)) }
	resource := func(p string) bool {
		if variables {
			var ok bool
			if p, ok = expand(p, r.Context, true); !ok {
				return false
			}
		}
		return glob(p, r.Resource)
	}
	switch {
	case st.actions != nil && !slices.ContainsFunc(st.actions, action),
		st.notActions != nil && slices.ContainsFunc(st.notActions, action),
		st.resources != nil && !slices.ContainsFunc(st.resources, resource),
		st.notResource != nil && slices.ContainsFunc(st.notResource, resource):
		return false
	}
	return true
}
