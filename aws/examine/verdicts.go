package examine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/internal/english"
	"github.com/revokebot/revokebot/internal/finding"
)

// permission judges one that is needed.
func (e *examination) permission(n need, verdicts []role.Decided, asked int) finding.Finding {
	check := e.check("permission " + n.action)
	var denied []string
	open, answered := "", 0
	for _, v := range verdicts {
		if !strings.EqualFold(v.Action, n.action) {
			continue
		}
		if answered++; v.Allowed() {
			continue
		}
		denied = append(denied, v.Resource)
		if v.Open != "" {
			open = v.Open
		}
	}
	fix := "Allow its role there " + n.action + " (deploy/README.md)."
	switch {
	case answered == 0:
		return finding.Warn(check, "Ask again; if it stays so, check it in the IAM console.",
			"The policy simulator gave no answer about it.")
	case len(denied) == 0 && n.onRoles:
		return finding.Good(check, "Allowed, as the policy simulator says of %s.",
			english.Plural(asked, "one "+string(e.kind), fmt.Sprintf("%d %ss", asked, e.kind)))
	case len(denied) == 0:
		return finding.Good(check, "Allowed, as the policy simulator says.")
	case open != "":
		return finding.Warn(check, "Check whether that condition holds for revokebot.",
			"The policy simulator cannot tell whether it is allowed: %s.", open)
	case n.state == finding.OK:
		return finding.Good(check, "Not allowed: %s.", n.without)
	case len(denied) < answered:
		return finding.Warn(check,
			"Allow it there, or list them under protected_"+string(e.kind)+"s so that requests are refused at once.",
			"Not allowed on %s: without it %s.", strings.Join(aws.Few(denied), ", "), n.without)
	default:
		return finding.Finding{Check: check, State: n.state, Saw: "Not allowed: without it " + n.without + ".", Fix: fix}
	}
}

// tooMuch judges what the bot's role should not be able to do.
func (e *examination) tooMuch(check string, harmful answers) finding.Finding {
	var may []string
	asked := 0
	for _, v := range harmful.verdicts() {
		if asked++; v.Allowed() {
			may = append(may, v.Action)
		}
	}
	all := len(may) == asked
	slices.Sort(may)
	may = slices.Compact(may)
	// Together they are the account: let oneself into a role, and give it every right. The role for
	// trust policies is not asked for the first.
	meet := slices.Contains(may, "iam:UpdateAssumeRolePolicy") || e.trust && slices.Contains(may, "iam:PutRolePolicy")
	switch {
	case len(may) == 0:
		return finding.Good(check, "Of %d actions by which a stolen bot could get further, none is allowed.", asked)
	case all:
		f := finding.Warn(check, "Give it the policies of deploy/README.md and nothing else.",
			"The role may do everything that was asked about, as if it were an administrator.")
		if meet {
			f.State = finding.Failure
		}
		return f
	case meet:
		return finding.Fail(check, "Take iam:UpdateAssumeRolePolicy away from every role but trust_role, and "+
			"iam:PutRolePolicy from that one.", "The role may also do %s: with iam:UpdateAssumeRolePolicy beside other rights "+
			"a stolen bot has the account.", strings.Join(may, ", "))
	default:
		return finding.Warn(check, "Take that away, and add the denies of "+e.policy()+".",
			"The role may also do %s, by which a stolen bot could get further.", strings.Join(may, ", "))
	}
}
