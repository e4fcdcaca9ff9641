package measures

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

const (
	elsewhere      = "from other addresses than the known ones"
	restrictInside = "It does not stop an attacker who calls from a known address or VPC."
	restrictFreed  = "Calls from every address *work again*, the attacker's too, unless another measure denies them."
)

// restrict denies everything to the sessions of a role, old and new, from addresses that are not
// known.
func restrict() Kind {
	return Kind{Name: approvals.Restrict, On: contain.Restrict(), Takes: known, Fits: restrictFits, Words: messages.Words{
		Word: "restrict ",
		Form: "restrict &lt;role&gt; [203.0.113.0/24 vpc-… …]", Does: "restrict a role to known addresses",
		Ask: "restrict", Past: "Restricted", Did: "role", Noun: "restriction", Deny: "restriction",
		Mark: "restriction", Whom: "sessions used " + elsewhere, Fence: "writing the role's inline policies",
		Calls:  "DeleteRolePolicy or PutRolePolicy",
		ByHand: "deny the role everything from unknown addresses in an inline policy",
		Document: func(policy string) string {
			return "inline policy " + messages.Code(cmp.Or(policy, contain.KnownPolicy), 128)
		},
		Where: "the role's inline policies", Stays: "the role can be used from every address",
		Question: "Restrict this role?", Yes: "Yes, restrict it",
		Every:   "every session of ",
		Confirm: "will be denied everything " + elsewhere + ". Work from there breaks until the restriction is undone.",
		Means: func(messages.Context) string {
			return "An inline policy denies everything to all sessions of the role, old and new, " + elsewhere +
				", until it is undone. What runs at a known address goes on. " + restrictInside + "\n" +
				"*Not touched*: calls that an AWS service makes for the role, `sts:GetCallerIdentity`, presigned EKS tokens, " +
				"long-term access keys, and sessions that this role's sessions opened in other roles. Deactivate such keys " +
				"in IAM, and revoke those roles too.\n" +
				"Without a VPC of its own, every call through a VPC endpoint is denied."
		},
		After: func(time.Duration) string {
			return "an inline policy denies everything to all its sessions, old and new, " + elsewhere + ", until it is undone"
		},
		Scope: func(string) string { return "the role's sessions to the known addresses and VPCs" },
		Works: func(messages.Context, string) string {
			return "What calls from a known address or VPC goes on. " + restrictInside
		},
		Room: func(size int) string {
			return fmt.Sprintf("the role's inline policies have %d of 10240 characters", size)
		},
		Paper: func(outside, inside string) string {
			return "a call from elsewhere is " + outside + ", one from a known address or VPC is " + inside
		},
		Next: func(w record.Word, further string) string {
			switch w {
			case record.WordContained:
				return restrictInside + " Undo it once the role is safe."
			case record.WordNotContained:
				return "Revoke the role's sessions, or lock it. If calls still succeed, " + further + "."
			default:
				return "Check CloudTrail for the keys in the list. If the risk is too great to wait, revoke or lock the role."
			}
		},
		Leave: func(string) string {
			return "Undo the restriction once the role is safe: until then its calls from elsewhere fail."
		},
		Undo: messages.UndoWords{
			What:    "restriction",
			Confirm: func(record.Undoing) string { return strings.ReplaceAll(restrictFreed, "*", "") },
			Effect: func(u record.Undoing) string {
				policy := "The inline policy " + messages.Code(cmp.Or(u.Policy, contain.KnownPolicy), 128) + " "
				if u.Slots.Restores() {
					return policy + "that was there before is put back."
				}
				return policy + "is removed from the role."
			},
			Revival: func(approvals.Request, record.Undoing) string { return restrictFreed },
			Now:     func(record.Undone, string) string { return restrictFreed },
			Field:   func(record.Undoing) (name, value string) { return "It denies", "every call " + elsewhere },
			Anew:    "To restrict the role again", Again: "it writes the policy again",
		},
		Drill: messages.DrillWords{
			Means: rehearses("restriction", "role"),
			Would: func(record.Rehearsed) string {
				return "to the role: it would have denied everything to every session " + elsewhere + ", until it was undone."
			},
		},
	}}
}

// known takes addresses, networks and VPC ids off the beginning of a text. The first word that is
// none of them begins the reason. A word that is meant as an address and is none is an error.
func known(text string) (k contain.Known, reason string, err error) {
	apart := func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ';' }
	var addresses []netip.Prefix
	var networks []string
	for {
		text = strings.TrimLeftFunc(text, apart)
		word, _, _ := strings.Cut(text, " ")
		if end := strings.IndexFunc(text, apart); end >= 0 {
			word = text[:end]
		}
		switch p, ok := address(word); {
		case ok:
			addresses = append(addresses, p)
		case contain.IsVPC(strings.ToLower(word)):
			networks = append(networks, strings.ToLower(word))
		case word != "" && strings.Trim(word, "0123456789.:/") == "":
			return k, "", fmt.Errorf("%q is no address or network: write one such as 203.0.113.7 or 203.0.113.0/24", word)
		case strings.HasPrefix(word, "vpc-"):
			return k, "", fmt.Errorf("%q is no id of a VPC: write one such as vpc-0a1b2c3d", word)
		case len(addresses)+len(networks) == 0:
			return k, text, nil
		default:
			k, err = contain.NewKnown(addresses, networks)
			return k, text, err
		}
		text = text[len(word):]
	}
}

// address reads a network, or an address as the network of it alone.
func address(word string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(word); err == nil {
		return p, true
	}
	a, err := netip.ParseAddr(word)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

// Known reads a list of addresses, networks and VPC ids, with nothing else in it.
func Known(text string) (contain.Known, error) {
	k, rest, err := known(text)
	if err == nil && rest != "" {
		word := strings.Fields(rest)[0]
		err = fmt.Errorf("%q is no address, network or VPC: write some such as 203.0.113.0/24 or vpc-0a1b2c3d", word)
	}
	return k, err
}

// restrictFits: services need no restart, and those that call from AWS's addresses would be denied.
func restrictFits(s Situation) (f Fit) {
	serving, _ := contain.Restrict().(contain.Serving)
	_, err := serving.Services(contain.Target{}, s.Services)
	if s.Open && s.Outside && len(s.Services) > 0 && err == nil {
		f.Why = "services use this role, and the attacker is outside"
	}
	return f
}
