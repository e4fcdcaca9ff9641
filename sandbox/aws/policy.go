package aws

import (
	"regexp"
	"strings"
)

// Policy is a parsed policy document. Make one with ParsePolicy.
type Policy struct {
	variables  bool // policy variables are replaced: Version 2012-10-17
	statements []statement
}

type statement struct {
	sid         string
	deny        bool
	principals  []principal // trust policies only
	actions     []string
	notActions  []string
	resources   []string
	notResource []string
	conditions  []condition
}

// dialect is what a document is written for: the grammar differs (IAM User Guide, "Grammar of the
// IAM JSON policy language").
type dialect int

const (
	identityDialect dialect = iota + 1 // on a user or role, and session policies
	trustDialect                       // a role's trust policy
)

// ParsePolicy reads an identity-based policy document as strictly as IAM does when it is written.
// Errors are *PolicyError with the message of IAM's MalformedPolicyDocument.
//
// What IAM does not check is not checked here either: a condition key that does not exist and a
// date that is none are accepted, and never match.
func ParsePolicy(document string) (*Policy, error) { return parsePolicy(document, identityDialect) }

func parsePolicy(document string, kind dialect) (*Policy, error) {
	for _, c := range document {
		if c != '\t' && c != '\n' && c != '\r' && (c < 0x20 || c > 0xff) {
			return nil, malformed("The policy contains invalid characters.")
		}
	}
	v, err := decodeStrict(document)
	if err != nil {
		return nil, err
	}
	top, ok := v.(object)
	if !ok {
		return nil, errSyntax
	}
	p := &Policy{}
	var statements any
	for _, m := range top {
		switch m.name {
		case "Version":
			switch m.value {
			case "2012-10-17":
				p.variables = true
			case "2008-10-17":
			default:
				return nil, errSyntax
			}
		case "Id":
			if _, ok := m.value.(string); !ok {
				return nil, errSyntax
			}
		case "Statement":
			statements = m.value
		default:
			return nil, errSyntax
		}
	}
	list, ok := statements.([]any)
	if !ok {
		list = []any{statements}
	}
	if len(list) == 0 {
		return nil, errSyntax
	}
	sids := map[string]bool{}
	for _, e := range list {
		o, ok := e.(object)
		if !ok {
			return nil, errSyntax
		}
		st, err := parseStatement(o, kind)
		if err != nil {
			return nil, err
		}
		if st.sid != "" && sids[st.sid] {
			return nil, malformed("Statement IDs (SID) in a single policy must be unique.")
		}
		sids[st.sid] = true
		p.statements = append(p.statements, st)
	}
	return p, nil
}

var sidForm = regexp.MustCompile(`^[A-Za-z0-9]*$`)

func parseStatement(o object, kind dialect) (statement, error) {
	var st statement
	var effect, hasPrincipal bool
	for _, m := range o {
		ok := true
		switch m.name {
		case "Sid":
			st.sid, ok = m.value.(string)
			if ok && kind == identityDialect && !sidForm.MatchString(st.sid) {
				return st, malformed("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular " +
					"expression [0-9A-Za-z]*")
			}
		case "Effect":
			effect = true
			st.deny, ok = m.value == "Deny", m.value == "Deny" || m.value == "Allow"
		case "Action":
			st.actions, ok = stringOrStrings(m.value)
		case "NotAction":
			st.notActions, ok = stringOrStrings(m.value)
		case "Resource":
			st.resources, ok = stringOrStrings(m.value)
		case "NotResource":
			st.notResource, ok = stringOrStrings(m.value)
		case "Condition":
			var err error
			if st.conditions, err = parseConditions(m.value); err != nil {
				return st, err
			}
		case "Principal":
			if kind == identityDialect {
				return st, malformed("Policy document should not specify a principal.")
			}
			hasPrincipal = true
			var err error
			if st.principals, err = parsePrincipals(m.value); err != nil {
				return st, err
			}
		default:
			return st, errSyntax
		}
		if !ok {
			return st, errSyntax
		}
	}
	switch {
	case !effect:
		return st, errSyntax
	case (st.actions == nil) == (st.notActions == nil):
		return st, malformed("Policy statement must contain actions.")
	case kind == trustDialect && (st.resources != nil || st.notResource != nil):
		return st, malformed("Has prohibited field Resource")
	case kind == trustDialect && !hasPrincipal:
		return st, malformed("Missing required field Principal")
	case kind == identityDialect && (st.resources == nil) == (st.notResource == nil):
		return st, malformed("Policy statement must contain resources.")
	}
	if err := checkActions(append(st.actions, st.notActions...), kind); err != nil {
		return st, err
	}
	return st, checkResources(append(st.resources, st.notResource...))
}

var actionForm = regexp.MustCompile(`^(\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+)$`)

func checkActions(actions []string, kind dialect) error {
	for _, a := range actions {
		if !actionForm.MatchString(a) {
			return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
		}
		if kind == trustDialect && !strings.HasPrefix(strings.ToLower(a), "sts:") {
			return malformed("AssumeRole policy may only specify STS AssumeRole actions.")
		}
	}
	return nil
}

func checkResources(resources []string) error {
	for _, r := range resources {
		if r == "*" {
			continue
		}
		if parts := strings.SplitN(r, ":", 6); len(parts) != 6 || parts[0] != "arn" || parts[2] == "" || parts[5] == "" {
			return malformed("Resource " + r + " must be in ARN format or \"*\".")
		}
	}
	return nil
}
