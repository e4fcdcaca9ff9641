package role

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// warnings are those about one role.
type warnings struct {
	role    Role
	all     []string // sentences; foreign text in them is quoted and escaped
	unknown []string // what could not be read, and why
}

// notRead notes what is not known because of an error.
func (w *warnings) notRead(what string, err error) {
	if err != nil {
		w.unknown = append(w.unknown, what+" ("+notRead(err)+")")
	}
}

// ending returns all warnings, at the end what is not known.
func (w *warnings) ending() []string {
	if len(w.unknown) > 0 {
		w.all = append(w.all, "Not known: "+strings.Join(w.unknown, "; ")+". Look at the "+string(w.role.Kind)+
			" in the IAM console if it matters.")
	}
	return w.all
}

// add warns of something. The role's name is the first argument.
func (w *warnings) add(format string, args ...any) {
	w.all = append(w.all, fmt.Sprintf(format, append([]any{w.role.title()}, args...)...))
}

// services are what breaks where a service has handed out the role's sessions, and what revives it.
var services = map[string]string{
	"ec2": "EC2 instances can use %s: their metadata service can hand out the revoked credentials for hours, and " +
		"programs on them fail that long. Stop and start an instance, or replace its instance profile; a reboot " +
		"does not help.",
	"lambda": "Lambda functions can use %s: running environments keep the revoked credentials and fail. Update a " +
		"function, if only its description, to restart it.",
	"ecs-tasks": "ECS tasks can use %s: running tasks can keep the revoked credentials and fail. " +
		"Force a new deployment of their services, or stop the tasks.",
}

// trust warns of who can come back. mayAssume says whether the role's own policies let it assume
// itself. Against a measure without a date no session comes back, and nothing is revived.
func (w *warnings) trust(m contain.Measure, f trustFacts, mayAssume bool) {
	if _, dated := m.(contain.Dated); !dated {
		if _, serving := m.(contain.Serving); len(f.services) > 0 && !serving {
			w.add("AWS services can use %s: %s. What they run with it fails until this is undone: "+
				"neither a restart nor a new session helps.", strings.Join(aws.Few(f.services), ", "))
		}
		return
	}
	if f.self || f.own && mayAssume {
		w.add("Sessions of %s can assume the role again: one opened after the cutoff is not denied. Remove the " +
			"role from its own trust policy, and check who assumed it after the revocation.")
	}
	if f.everybody {
		under := ""
		if f.conditional {
			under = ", under a condition"
		}
		w.add("The trust policy of %s lets everybody assume it%s: a revocation ends "+
			"sessions, it does not stop an attacker from opening new ones. Narrow the trust policy as well.", under)
	}
	if len(f.others) > 0 {
		w.add("Other accounts may assume %s: %s. An attacker with a key there can open a new session "+
			"after the revocation. Check them too, or take them out of the trust policy.", strings.Join(aws.Few(f.others), ", "))
	}
	var others []string
	for _, service := range f.services {
		label, _, _ := strings.Cut(service, ".amazonaws.") // ec2, ecs-tasks, pods.eks
		if known, ok := services[label]; ok {
			w.add(known)
		} else if label == "pods.eks" {
			f.eks = true
		} else {
			others = append(others, aws.Quote(service))
		}
	}
	if f.eks {
		w.add("Pods in EKS can use %s: they keep the revoked credentials until shortly before they expire, and " +
			"fail. Restart the pods.")
	}
	if len(others) > 0 {
		w.add("AWS services can use %s: %s. What they run with the revoked sessions fails until they open "+
			"new ones. Restart or update it afterwards.", strings.Join(aws.Few(others), ", "))
	}
}

// policies warns of what the role may do to what is written on it.
func (w *warnings) policies(canWrite bool) {
	if canWrite {
		w.add("%s can write IAM policies: an attacker could remove revokebot's policy before IAM enforces it. " +
			"revokebot restores it, and the attacker can remove it again. Attach the guard rail first: a service " +
			"control policy that lets only revokebot change its policies.")
	}
}

// existing warns of a document that is in a place of the measure already.
func (w *warnings) existing(m contain.Measure, now time.Time, there contain.Document) {
	what := ". An undo will leave it there."
	if dated, ok := m.(contain.Dated); ok {
		what = ": it denies sessions that were issued before " + dated.Cutoff(now, there).UTC().Format(issueTimeFormat) +
			". The new cutoff will not be earlier."
	}
	w.add("%[2]s is on %[1]s already%[3]s", there.Slot.Label(), what)
}

// Foreign says what a document is that is in a place of the measure's and not its own, and whether
// it locks sessions that do not exist yet.
func Foreign(m contain.Measure, there contain.Document) (sentence string, locks bool) {
	what := "does not come from revokebot"
	if dated, ok := m.(contain.Dated); ok {
		if until := dated.Cutoff(time.Unix(1<<40, 0), there); !until.IsZero() {
			what, locks = "denies every session that is issued before "+until.UTC().Format(issueTimeFormat), true
		}
	}
	allows := "" // the quote below may be cut
	if all := statements(there.Text); strings.Contains(there.Text, "Allow") || slices.ContainsFunc(all, func(
		raw json.RawMessage,
	) bool {
		_, ok, readable := readAllow(raw)
		return ok || !readable
	}) {
		allows = "It has a statement that allows something. "
	}
	return fmt.Sprintf("The policy %s is there already and %s. It stays as it is, and revokebot's policy goes beside it. "+
		"%sIt reads %s.", there.Slot.Label(), what, allows, aws.QuoteLong(there.Text)), locks
}

// code warns of tools that put a role back to what their code says.
func (w *warnings) code(slot contain.Slot) {
	tool, key := managedBy(w.role.Tags)
	if tool == "" {
		return
	}
	sort := "managed"
	if slot.Kind.Inline() {
		sort = "inline"
	}
	w.add("%s is managed by %s, by its tag %s: its next run may remove revokebot's policy. "+
		"Pause it for this role, or let it leave the %s policy %s alone.", tool, aws.Quote(key), sort, slot.Label())
}

// managedBy finds the tool that manages a role in its tags, and the tag that says so.
// CloudFormation sets its own; for the others there is no rule but custom.
func managedBy(tags map[string]string) (tool, key string) {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		name, value := strings.ToLower(key), strings.ToLower(tags[key])
		if value == "false" || value == "no" {
			continue
		}
		switch {
		case strings.HasPrefix(name, "aws-cdk"), strings.HasPrefix(name, "aws:cdk"):
			return "the CDK", key
		case strings.HasPrefix(name, "aws:cloudformation:"):
			return "CloudFormation", key
		}
		for _, word := range []struct{ word, tool string }{
			{"terraform", "Terraform"},
			{"opentofu", "OpenTofu"},
			{"pulumi", "Pulumi"},
			{"cloudformation", "CloudFormation"},
			{"crossplane", "Crossplane"},
			{"terragrunt", "Terraform"},
		} {
			if strings.Contains(name, word.word) || strings.Contains(value, word.word) {
				return word.tool, key
			}
		}
		if value == "cdk" || value == "aws-cdk" || name == "cdk" {
			return "the CDK", key
		}
	}
	return "", ""
}
