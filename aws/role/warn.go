package role

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// Warning is something about a role that people should know before they approve.
type Warning struct {
	Code     string // one of the Warn… codes
	Sentence string // what it means and what to do, plain text; foreign text in it is quoted and escaped
}

// The Code of a Warning.
const (
	WarnSelfAssume    = "self_assume"     // sessions of the role can open new ones
	WarnEverybody     = "everybody"       // the trust policy names everybody
	WarnOtherAccounts = "other_accounts"  // the trust policy names other accounts
	WarnServiceEC2    = "service_ec2"     // what breaks on EC2, and what revives it; likewise the next ones
	WarnServiceLambda = "service_lambda"  //
	WarnServiceECS    = "service_ecs"     //
	WarnServiceEKS    = "service_eks"     //
	WarnServiceOther  = "service_other"   //
	WarnCanWriteIAM   = "can_write_iam"   // the role could take the deny away
	WarnManagedByCode = "managed_by_code" // Terraform, CDK or CloudFormation may take the deny away
	WarnExistingDeny  = "existing_deny"   // what would be written is on the role already, or something is in its place
	WarnNotCovered    = "not_covered"     // what no deny on a role touches
	WarnNotRead       = "not_read"        // something of the above could not be found out
)

// notCovered is said of every role.
var notCovered = Warning{WarnNotCovered, "A deny on a role does not touch long-term access keys, federation tokens, " +
	"and sessions that this role's sessions opened in other roles. " +
	"Calls of sts:GetCallerIdentity go on working, and with them logins that rely on it, such as those to EKS. " +
	"Deactivate such keys in IAM, and revoke the other roles too."}

// trustWarnings are those about who can come back. mayAssume says whether the role's own policies
// let it assume itself.
func trustWarnings(r Role, f trustFacts, mayAssume bool) []Warning {
	name := r.AccountName + "/" + r.Name
	var all []Warning
	add := func(code, format string, args ...any) { all = append(all, Warning{code, fmt.Sprintf(format, args...)}) }
	if f.self || f.own && mayAssume {
		add(WarnSelfAssume, "Sessions of %s can assume the role again: whoever does that after the cutoff has a session "+
			"that is not denied. Take the role out of its own trust policy, and look at who assumed it after the revocation.",
			name)
	}
	if f.everybody {
		under := ""
		if f.conditional {
			under = ", under a condition"
		}
		add(WarnEverybody, "The trust policy of %s lets everybody assume it%s: the deny ends sessions, "+
			"it does not keep anybody from opening new ones. Narrow the trust policy as well.", name, under)
	}
	if len(f.others) > 0 {
		add(WarnOtherAccounts, "Other accounts may assume %s: %s. Somebody who holds a key there can open a new session "+
			"after the revocation. Look there too, or take them out of the trust policy.", name,
			strings.Join(aws.Few(f.others), ", "))
	}
	var others []string
	for _, service := range f.services {
		switch serviceLabel(service) {
		case "ec2":
			add(WarnServiceEC2, "EC2 instances can use %s: their metadata service can hand out the revoked credentials for "+
				"hours, and programs on them fail that long. Stopping and starting an instance, or giving it another instance "+
				"profile, revives it; a reboot does not.", name)
		case "lambda":
			add(WarnServiceLambda, "Lambda functions can use %s: running environments keep the revoked credentials and fail. "+
				"Updating a function, if only its description, makes it start anew with fresh ones.", name)
		case "ecs-tasks":
			add(WarnServiceECS, "ECS tasks can use %s: running tasks can keep the revoked credentials and fail. "+
				"Force a new deployment of their services, or stop the tasks.", name)
		case "pods.eks":
			f.eks = true
		default:
			others = append(others, aws.Quote(service))
		}
	}
	if f.eks {
		add(WarnServiceEKS, "Pods in EKS can use %s: they keep the revoked credentials until shortly before these would "+
			"have ended, and fail. Restart the pods.", name)
	}
	if len(others) > 0 {
		add(WarnServiceOther, "AWS services can use %s: %s. What they run with the revoked sessions fails until they open "+
			"new ones. Restart or update it afterwards.", name, strings.Join(aws.Few(others), ", "))
	}
	return all
}

// policyWarnings are those about what the role may do to what is written on it.
func policyWarnings(r Role, canWrite bool) []Warning {
	if !canWrite {
		return nil
	}
	name := r.AccountName + "/" + r.Name
	return []Warning{
		{
			WarnCanWriteIAM, name + " can write IAM policies: a thief could take the deny away before it is enforced. " +
				"revokebot looks again and writes it again, and the thief can repeat that. Put the guard rail in place first, " +
				"a service control policy by which only revokebot changes the role's inline policies.",
		},
	}
}

// existingWarning tells of a document that is in a place of the measure already.
func existingWarning(r Role, m contain.Measure, now time.Time, there, wanted contain.Document) Warning {
	is := there.Slot.Label() + " is on " + r.AccountName + "/" + r.Name + " already"
	if there.Slot != wanted.Slot {
		return Warning{
			WarnExistingDeny, is + ", and revokebot did not write it. It stays as it is, and the deny goes beside it.",
		}
	}
	if dated, ok := m.(contain.Dated); ok {
		return Warning{WarnExistingDeny, is + ": it denies sessions that were issued before " +
			dated.Cutoff(now, there).UTC().Format(issueTimeFormat) + ". The new cutoff will not be earlier."}
	}
	return Warning{WarnExistingDeny, is + ". An undo will leave it there."}
}

// codeWarnings are those about tools that put a role back to what their code says.
func codeWarnings(r Role, places [][]contain.Slot) []Warning {
	tool, key := managedBy(r.Tags)
	if tool == "" {
		return nil
	}
	slot, sort := places[0][0], "managed"
	if slot.Kind.Inline() {
		sort = "inline"
	}
	return []Warning{{WarnManagedByCode, fmt.Sprintf(
		"%s is managed by %s, by its tag %s: its next run may take the deny away. "+
			"Pause it for this role, or let it leave the %s policy %s alone.",
		r.AccountName+"/"+r.Name, tool, aws.Quote(key), sort, slot.Label())}}
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

// notReadWarning says what could not be found out.
func notReadWarning(unread []string) []Warning {
	if len(unread) == 0 {
		return nil
	}
	return []Warning{
		{WarnNotRead, "Not known: " + strings.Join(unread, "; ") + ". Look at the role in the IAM console if it matters."},
	}
}
