package aws

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// simulateOperation is the policy simulator on a user or role of the caller's account (IAM API
// Reference, "SimulatePrincipalPolicy"). It looks at what is stored, not at what is enforced, and
// at nothing but the condition keys it is given and those that say who the principal is. What the
// stand-in does not know of it is refused.
func simulateOperation() *operation {
	rules := map[string]rule{
		"PolicySourceArn":                                   required(matching(20, 2048, sourceARNForm)),
		"ActionNames.member.N":                              optional(matching(3, 128, simulatedAction)),
		"ResourceArns.member.N":                             optional(matching(1, 2048, resourceForm)),
		"PolicyInputList.member.N":                          optional(policyText),
		"ContextEntries.member.N.ContextKeyName":            optional(matching(5, 256, contextKeyForm)),
		"ContextEntries.member.N.ContextKeyType":            optional(contextKeyType),
		"ContextEntries.member.N.ContextKeyValues.member.N": optional(anything),
		"PolicyExclusionList.member.N.PolicyArn":            optional(anything),
		exclusion + "AttachmentName":                        optional(anything),
		exclusion + "AttachmentType":                        optional(anything),
		exclusion + "PolicyName":                            optional(policyName),
		"Marker":                                            optional(markerValue),
		"MaxItems":                                          optional(pageSize),
	}
	for _, name := range []string{"CallerArn", "ResourceHandlingOption", "ResourceOwner", "ResourcePolicy"} {
		rules[name] = rule{check: refused(name)}
	}
	return &operation{params: rules, readOnly: true, target: onSimulated, do: simulate}
}

var (
	sourceARNForm   = regexp.MustCompile(`^arn:aws(-[a-z]+)*:(iam|sts)::[0-9]{12}:[\x21-\x7E]+$`)
	simulatedAction = regexp.MustCompile(`^[A-Za-z0-9-]+:[A-Za-z0-9]+$`)
	resourceForm    = regexp.MustCompile(`^(\*|arn:[\x20-\xFF]+)$`)
	contextKeyForm  = regexp.MustCompile(`^[A-Za-z0-9-]+:[\x21-\x7E]+$`)
)

func contextKeyType(field, value string) error {
	if _, ok := contextTypes()[strings.TrimSuffix(value, "List")]; !ok {
		return invalidValue(field, value, "Member must satisfy enum value set: [ipList, string, binaryList, numericList, "+
			"boolean, numeric, dateList, ip, stringList, binary, booleanList, date]")
	}
	return nil
}

// contextTypes are the types of a context key with the test that its values have to pass.
func contextTypes() map[string]func(string) bool {
	all := func(string) bool { return true }
	return map[string]func(string) bool{
		"string": all, "binary": all,
		"date":    func(s string) bool { _, ok := parseDate(s); return ok },
		"boolean": func(s string) bool { return s == "true" || s == "false" },
		"numeric": func(s string) bool { _, err := strconv.ParseFloat(s, 64); return err == nil },
		"ip":      func(s string) bool { return inNetwork(s, "0.0.0.0/0") || inNetwork(s, "::/0") },
	}
}

func onSimulated(x *exchange) target {
	source := x.params["PolicySourceArn"]
	return target{resource: source, words: source}
}

// simulated is whose policies are simulated.
type simulated struct {
	policies []*Policy
	sources  []statementXML // of the policies, without positions
	context  Context
	account  *Account
	path     string // of a role
}

type statementXML struct {
	SourcePolicyID   string `xml:"SourcePolicyId"`
	SourcePolicyType string
}

type simulationXML struct {
	EvalActionName              string
	EvalResourceName            string
	EvalDecision                string
	MatchedStatements           members[statementXML]
	MissingContextValues        members[string]
	OrganizationsDecisionDetail *allowedXML               `xml:",omitempty"`
	ResourceSpecificResults     *members[resourceEvalXML] `xml:",omitempty"`
}

type allowedXML struct{ AllowedByOrganizations bool }

type resourceEvalXML struct {
	EvalResourceName     string
	EvalResourceDecision string
	MatchedStatements    members[statementXML]
	MissingContextValues members[string]
}

func simulate(x *exchange) (any, error) {
	s, err := x.simulated()
	if err != nil {
		return nil, err
	}
	actions := x.params.list("ActionNames")
	if len(actions) == 0 {
		return nil, errOf("ValidationError",
			"1 validation error detected: Value null at 'actionNames' failed to satisfy constraint: Member must not be null")
	}
	given := x.params.list("ResourceArns")
	var results []simulationXML
	for _, action := range actions {
		results = append(results, s.evaluate(action, given))
	}
	results, p, err := paginate(x.params, results)
	return struct {
		EvaluationResults members[simulationXML]
		page
	}{members[simulationXML]{results}, p}, err
}

// simulated finds the principal and reads the inputs.
func (x *exchange) simulated() (simulated, error) {
	a := x.caller.account()
	source, _ := parseARN(x.params["PolicySourceArn"])
	kind, _, _ := strings.Cut(source.resource, "/")
	if source.service != "iam" || kind != "role" && kind != "user" || source.account != a.id {
		return simulated{}, errf("InvalidInput", "Invalid Entity Arn: %s does not clearly define entity type and name.",
			x.params["PolicySourceArn"])
	}
	s := simulated{account: a, context: Context{"aws:PrincipalAccount": {a.id}}}
	name := source.lastSegment()
	switch r, u := a.role(name), a.user(name); {
	case kind == "role" && r != nil && r.arn() == x.params["PolicySourceArn"]:
		s.path = r.path
		s.context["aws:PrincipalType"], s.context["aws:userid"] = []string{"AssumedRole"}, []string{r.id}
		s.add(x, "role", r.name, r.identity)
	case kind == "user" && u != nil && u.arn() == x.params["PolicySourceArn"]:
		s.context["aws:PrincipalType"], s.context["aws:userid"] = []string{"User"}, []string{u.id}
		s.context["aws:username"] = []string{u.name}
		s.add(x, "user", u.name, u.identity)
		for _, g := range u.groups {
			s.add(x, "group", g.name, g.identity)
		}
	default:
		return simulated{}, errf("NoSuchEntity", "The %s with name %s cannot be found.", kind, name)
	}
	for i, text := range x.params.list("PolicyInputList") {
		p, err := ParsePolicy(text)
		if err != nil {
			return simulated{}, errOf("InvalidInput", err.Error())
		}
		s.source("PolicyInputList."+strconv.Itoa(i+1), p)
	}
	return s, s.readContext(x.params)
}

// exclusion begins the names of the parameters that leave an inline policy out.
const exclusion = "PolicyExclusionList.member.N.InlinePolicyIdentifier."

// excludes reports whether the request leaves a policy of a role, user or group out, an inline one
// by its name or a managed one by its ARN. The stand-in knows no wildcards there.
func (x *exchange) excludes(kind, whose, policy string) bool {
	for i := 1; ; i++ {
		if arn, ok := x.params["PolicyExclusionList.member."+strconv.Itoa(i)+".PolicyArn"]; ok {
			if arn == policy {
				return true
			}
			continue
		}
		member := strings.Replace(exclusion, ".N.", "."+strconv.Itoa(i)+".", 1)
		name, ok := x.params[member+"PolicyName"]
		if !ok {
			return false
		}
		if name == policy && x.params[member+"AttachmentName"] == whose && x.params[member+"AttachmentType"] == kind {
			return true
		}
	}
}

func (s *simulated) source(id string, p *Policy) {
	s.policies, s.sources = append(s.policies, p), append(s.sources, statementXML{id, "IAM Policy"})
}

// add takes the policies that are stored on a role, a user or a group.
func (s *simulated) add(x *exchange, kind, whose string, h identity) {
	for _, policy := range slices.Sorted(maps.Keys(h.inline)) {
		if !x.excludes(kind, whose, policy) {
			s.source(kind+"_"+whose+"_"+policy, h.inline[policy].policy)
		}
	}
	for _, arn := range slices.Sorted(maps.Keys(h.attached)) {
		if parsed, _ := parseARN(arn); !x.excludes(kind, whose, arn) {
			s.source(parsed.lastSegment(), h.attached[arn])
		}
	}
}

// readContext takes the condition keys that the request gives.
func (s simulated) readContext(p params) error {
	for i := 1; ; i++ {
		entry := "ContextEntries.member." + strconv.Itoa(i) + "."
		name, ok := p[entry+"ContextKeyName"]
		if !ok {
			return nil
		}
		kind, values := p[entry+"ContextKeyType"], p.list(entry+"ContextKeyValues")
		base := strings.TrimSuffix(kind, "List")
		if kind == "" || len(values) == 0 || base == kind && len(values) > 1 {
			return errf("InvalidInput", "The context key %s needs a type and as many values as that has.", name)
		}
		for _, v := range values {
			if !contextTypes()[base](v) {
				return errf("InvalidInput", "The value %s of the context key %s is not of the type %s.", v, name, kind)
			}
		}
		if _, twice := s.context.lookup(strings.ToLower(name)); twice {
			return errf("InvalidInput", "The context key %s is given twice, or is not for the caller to give.", name)
		}
		s.context[name] = values
	}
}

// evaluate simulates one action on the resources that were given, none of which is all of them.
func (s simulated) evaluate(action string, given []string) simulationXML {
	whole := simulationXML{EvalActionName: action, EvalResourceName: "*"}
	if s.account.scp != nil {
		whole.OrganizationsDecisionDetail = &allowedXML{true}
	}
	list := given
	if len(list) == 0 {
		list = []string{"*"}
	}
	worst := Allowed
	var parts members[resourceEvalXML]
	for _, resource := range list {
		d, matched, missing, bySCP := s.on(Request{Action: action, Resource: resource, Context: s.context})
		if bySCP {
			whole.OrganizationsDecisionDetail.AllowedByOrganizations = false
		}
		worst = stricter(worst, d)
		parts.Member = append(parts.Member, resourceEvalXML{
			resource, d.String(), members[statementXML]{matched}, members[string]{missing},
		})
		for _, m := range matched {
			if !slices.Contains(whole.MatchedStatements.Member, m) {
				whole.MatchedStatements.Member = append(whole.MatchedStatements.Member, m)
			}
		}
		whole.MissingContextValues.Member = append(whole.MissingContextValues.Member, missing...)
	}
	slices.Sort(whole.MissingContextValues.Member)
	whole.MissingContextValues.Member = slices.Compact(whole.MissingContextValues.Member)
	whole.EvalDecision = worst.String()
	if len(given) > 0 {
		whole.ResourceSpecificResults = &parts
	}
	return whole
}

// on simulates one action on one resource. Where a statement denies, only those that deny are
// matched; where the organization denies, none is.
func (s simulated) on(r Request) (d Decision, matched []statementXML, missing []string, bySCP bool) {
	if s.account.scpDenies(s.path, r) {
		return ExplicitDeny, nil, nil, true
	}
	result := Evaluate(r, s.policies...)
	for _, m := range result.Matched {
		if m.Deny == (result.Decision == ExplicitDeny) {
			matched = append(matched, s.sources[m.Policy])
		}
	}
	for _, p := range s.policies {
		for _, st := range p.statements {
			if !st.names(r, p.variables) {
				continue
			}
			for _, c := range st.conditions {
				if _, given := r.Context.lookup(c.key); !given && !slices.Contains(missing, c.name) {
					missing = append(missing, c.name)
				}
			}
		}
	}
	return result.Decision, matched, missing, false
}

// stricter gives the decision that denies more.
func stricter(a, b Decision) Decision {
	switch {
	case a == ExplicitDeny || b == ExplicitDeny:
		return ExplicitDeny
	case a == ImplicitDeny || b == ImplicitDeny:
		return ImplicitDeny
	default:
		return Allowed
	}
}
