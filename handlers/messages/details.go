package messages

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/record"
)

// Details is what a card has no room for, in a form without a field: a view of the stored request,
// whatever the card says.
func Details(r approvals.Request, events []approvals.Event, c Context) slack.ModalViewRequest {
	v := newView(r, events, c)
	blocks := []slack.Block{c.fields(r), section("*ARN*\n" + Code(c.Role.ARN, 600))}
	if r.Reason != "" {
		blocks = append(blocks, section("*Reason*"), plainSection(r.Reason, limitReason))
	}
	if users := v.users(record.MaxUsers); users != "" {
		blocks = append(blocks, section(users))
	}
	if preview := v.preview(); preview != "" {
		blocks = append(blocks, section(preview))
	}
	if k := c.Role.Known; k != nil && c.Undo == nil {
		const each = 50 // fit into a section
		all := strings.Fields(k.String())
		blocks = append(blocks, section("*Known addresses and VPCs*"))
		for ; len(all) > 0; all = all[min(len(all), each):] {
			blocks = append(blocks, plainSection(strings.Join(all[:min(len(all), each)], " "), limitSection))
		}
	}
	if c.Undo == nil && c.Role.Key == "" {
		blocks = append(blocks, section(trust(c.Role.Trust)))
	}
	blocks = append(blocks, section("*What Approve does*\n"+v.p.means()))
	if all := append([]string{c.Role.Locked}, c.Role.Warnings...); v.p.know != "" {
		if all[0] == "" {
			all = all[1:]
		}
		if len(all) > 0 {
			blocks = append(append(blocks, section(v.p.know)), warnings(all)...)
		}
	}
	return slack.ModalViewRequest{
		Type: slack.VTModal, Title: plainText("Details"), Close: plainText("Close"),
		Blocks: slack.Blocks{BlockSet: append(blocks, contextLine("Request "+Code(r.ID, 40)+", "+r.State.String()))},
	}
}

// DetailsLost is for a person whose Details may not have opened.
func DetailsLost() *Message {
	return sentence("The details may not have opened: Slack did not accept them in time. Press Details again.")
}

const limitPrincipals = 20

// fields are the facts that people decide by.
func (c Context) fields(r approvals.Request) slack.Block {
	type field struct{ name, value string }
	fields := []field{
		{upper(c.Role.Noun()), Code(c.Role.Name, limitRoleName)},
		{"Account", Code(c.Role.AccountName, 64) + "\n" + Code(c.Role.AccountID, 12)},
		{"Requested by", Mention(r.Requester) + alsoAsked(r)},
		{"Deadline", local(r.Deadline)},
	}
	if u := c.Undo; u != nil {
		fields[2].name = "Undo requested by"
		name, value := c.Words.Undo.Field(*u)
		fields = append(fields, field{"The " + c.Words.Deny + " was requested by", Mention(u.Requester)},
			field{"The " + c.Words.Deny + " was approved by", fit(mentions(u.Approvers), 500)},
			field{"The " + c.Words.Deny + " was applied", UTC(u.Applied)}, field{name, value})
	} else {
		used := "not in the last 400 days, or never"
		if !c.Role.LastUsed.IsZero() {
			used = UTC(c.Role.LastUsed)
			if c.Role.LastUsedRegion != "" {
				used += "\nin " + Code(c.Role.LastUsedRegion, 40)
			}
		}
		fields = append(fields, field{"Last used", used}, field{"Created", UTC(c.Role.Created)})
	}
	if c.Role.Key != "" {
		fields = append(fields, field{"Access key", Code(c.Role.Key, 64)})
	} else {
		fields = append(fields, field{"Maximum session now", Span(c.Role.MaxSession)})
	}
	fields = append(fields, field{"Unique id", Code(c.Role.ID, 128)})
	objects := make([]*slack.TextBlockObject, len(fields))
	for i, f := range fields {
		objects[i] = mrkdwn("*" + f.name + "*\n" + f.value)
	}
	return slack.NewSectionBlock(nil, objects, nil)
}

// trust puts the trust policy's principals in words.
func trust(principals []role.Principal) string {
	if len(principals) == 0 {
		return "*Who may assume it*\nNobody, by its trust policy."
	}
	var b strings.Builder
	b.WriteString("*Who may assume it*")
	for i, p := range principals {
		if i == limitPrincipals {
			fmt.Fprintf(&b, "\n• and %d more", len(principals)-i)
			break
		}
		b.WriteString("\n• " + Code(p.Words, 200))
		if p.Conditional {
			b.WriteString(", under a condition")
		}
	}
	return b.String()
}

const (
	limitWarning = 480 // characters of one, the next step included
	maxWarnings  = 12
)

// warnings lists what is known about the role that can keep the revocation from being all that is
// needed.
func warnings(sentences []string) []slack.Block {
	var lines []string
	for i, s := range sentences {
		if i == maxWarnings {
			lines = append(lines, fmt.Sprintf("• and %d more", len(sentences)-i))
			break
		}
		lines = append(lines, "• "+Raw(s, limitWarning))
	}
	return packed(lines)
}
