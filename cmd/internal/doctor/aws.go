package doctor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/examine"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/internal/finding"
)

// examineAWS asks who the bot is, and looks at all accounts.
func examineAWS(ctx context.Context, p patient) answer {
	const check = "identity"
	cloud, table := p.cloud, measures.All().On()
	if cloud == nil {
		return answer{found: []finding.Finding{finding.Fail(check, "Correct the settings above.", "AWS was not checked.")}}
	}
	accounts := cloud.Accounts()
	found := make([][]finding.Finding, len(accounts))
	var all sync.WaitGroup
	for i, a := range accounts {
		listed := examine.Measures{}
		for _, m := range p.config.Policies[a.Name].Measures {
			listed[string(m)] = table[m]
		}
		all.Go(func() { found[i] = examine.Account(ctx, cloud, a.Name, listed) })
	}
	me, err := cloud.WhoAmI(ctx)
	keys := cloud.AskOwnKey(ctx)
	all.Wait()
	var list []finding.Finding
	switch {
	case err != nil:
		list = append(list, examine.Failed(check, err))
	case strings.HasSuffix(me.ARN, ":root"):
		list = append(list, finding.Warn(check, "Give revokebot a role (deploy/README.md).",
			"revokebot works as the root user of an account (%s), which no policy of that account bounds.", me.ARN))
	case !me.Clock.Known:
		list = append(list, finding.Fail(check, "Look for a proxy between revokebot and AWS that removes headers.",
			"revokebot is %s. AWS's answer carried no usable date, so no cutoff could be known.", me.ARN))
	default:
		list = append(list, finding.Good(check, "revokebot is %s, with credentials of %s.", me.ARN, me.Source))
	}
	switch {
	case err != nil: // it says the same
	case errors.Is(keys, aws.ErrAccessDenied):
		list = append(list, finding.Warn("leaked keys",
			"Allow sts:GetAccessKeyInfo in the policy of its own role (deploy/hub-policy.json).",
			"revokebot may not ask which account an access key is of: people have to write account/ASIA…."))
	case keys != nil:
		list = append(list, examine.Failed("leaked keys", keys))
	default:
		list = append(list, finding.Good("leaked keys", "The account of an access key can be found."))
	}
	return answer{append(list, slices.Concat(found...)...), me.Clock}
}
