package role

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// needs are what follows from the kinds of the slots that a measure reads and writes.
type needs struct {
	reads  []string // actions
	writes map[contain.Kind][]contain.Slot
}

func needsOf(places, slots []contain.Slot) needs {
	n := needs{reads: []string{"iam:GetRole"}, writes: map[contain.Kind][]contain.Slot{}}
	for _, s := range slots {
		if read := s.Kind.Facts().Read; !slices.Contains(n.reads, read) {
			n.reads = append(n.reads, read)
		}
	}
	for _, s := range places {
		n.writes[s.Kind] = append(n.writes[s.Kind], s)
	}
	return n
}

// puts are the actions by which documents are written.
func (n needs) puts() (actions []string) {
	for _, kind := range slices.Sorted(maps.Keys(n.writes)) {
		actions = append(actions, kind.Facts().Put)
	}
	return actions
}

// removes are the actions by which slots are emptied.
func (n needs) removes() (actions []string) {
	for _, kind := range slices.Sorted(maps.Keys(n.writes)) {
		if remove := kind.Facts().Remove; remove != "" {
			actions = append(actions, remove)
		}
	}
	return actions
}

// sessionPolicy is the session policy of one order: a few actions on one role.
func (n needs) sessionPolicy(o Order) string {
	actions, narrowed := n.reads, []string(nil)
	for _, kind := range slices.Sorted(maps.Keys(n.writes)) {
		facts, only := kind.Facts(), kinds[kind].only(n.writes[kind])
		writes := []string{facts.Put}
		if o.Mode == Undo && facts.Remove != "" {
			writes = append(writes, facts.Remove)
		}
		if only == "" {
			actions = slices.Concat(actions, writes)
			continue
		}
		narrowed = append(narrowed, allow(writes, only, o.Target.ARN))
	}
	return policy(append([]string{allow(actions, "", o.Target.ARN)}, narrowed...)...)
}

// drillPolicy is the session policy of a drill: it reads, and asks the policy simulator about the
// role and about what the bot itself is. There is no action in it that writes.
func (n needs) drillPolicy(roleARN, own string) string {
	return policy(allow(append(slices.Clone(n.reads), "iam:SimulatePrincipalPolicy"), "", roleARN, own))
}

func policy(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// allow is a statement about a few roles. condition is JSON, "" none.
func allow(actions []string, condition string, arns ...string) string {
	for i := range arns {
		arns[i] = aws.Literal(arns[i])
	}
	var resource any = arns
	if len(arns) == 1 {
		resource = arns[0]
	}
	statement, err := json.Marshal(struct {
		Effect           string
		Action, Resource any
		Condition        json.RawMessage `json:",omitempty"`
	}{"Allow", actions, resource, json.RawMessage(condition)})
	if err != nil {
		return "" // unreachable: strings always encode
	}
	return string(statement)
}
