package messages

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// ActionChain is the button that asks for a role that a stolen session assumed. Its value is the
// request's id and the mark of the role.
const ActionChain = "revokebot_chain"

// ActionOurs is the button by which a person says that a caller is theirs. Its value is the
// request's id and the mark of the caller.
const ActionOurs = "revokebot_ours"

// Item is something that an incident left open and the measure does not stop.
type Item struct {
	Key     string // the same at every check
	Short   string // for a list
	Text    string
	Command string       // ready to be run; "" where there is none
	Done    string       // why nothing is left to do: "expired"; "" while it is open
	role    *record.Link // that a button asks for
	ask     string       // the command of a button that asks for an access key
	caller  string       // mark of the caller of whom a button says that it is theirs
}

// kind is what an item is, in one word.
func (i Item) kind() string {
	of, _, _ := strings.Cut(i.Key, " ")
	switch short, _, _ := strings.Cut(i.Short, " "); {
	case of == "stolen" || of == "access":
		return "session"
	case of != "call":
		return of // a role, a caller
	case short == "access":
		return "key"
	case slices.Contains([]string{"user", "password", "secret"}, short):
		return short
	default:
		return "change"
	}
}

// settled says why a session cannot act any more, as far as was seen; "" if it may.
func settled(in record.Incident, s record.Session) string {
	a := in.Activities[s.EventID]
	switch {
	case !s.Expires.IsZero() && !s.Expires.After(in.Until):
		return "expired"
	case !in.Undone && !in.Lost && !s.After && !in.Cutoff.IsZero() && !a.Refused.Before(in.Cutoff) &&
		!a.LastOK.After(a.Refused):
		return "blocked"
	default:
		return ""
	}
}

// Items are what needs a person: stolen sessions that are not seen blocked, callers that are not
// known, roles that unusual sessions assumed, and what they created or read. What a session did
// where it was opened counts for a stolen one only if it came from elsewhere.
func (p Pen) Items(in record.Incident, role record.Role) (items []Item) {
	if in.Drill {
		return nil
	}
	add := func(i Item) {
		if !slices.ContainsFunc(items, func(other Item) bool { return other.Key == i.Key }) {
			items = append(items, i)
		}
	}
	if e := in.Enforced; e != nil && e.State == record.SeenNotDenied && !in.Lost { // else the thread reports the tampering
		add(Item{
			Key: "access", Short: "old sessions", Text: "Old sessions still have access, last successful call at " +
				p.At(e.LastSucceeded) + ". Deny the role everything.",
			Command: attachDenyAll(role.Partition, "role", role.Name),
		})
	}
	for _, s := range Copies(in) {
		add(Item{
			Key: "stolen " + s.EventID, Short: "session " + p.Code(s.SessionName, 64), Done: settled(in, s),
			Text: "Stolen " + p.Session(s) + ": " + p.State(in, s) + ".",
			Command: "aws cloudtrail lookup-events --lookup-attributes AttributeKey=AccessKeyId,AttributeValue=" +
				s.AccessKeyID + " --region " + s.Region,
		})
	}
	var calls []record.Call
	for _, s := range in.Sessions {
		why, unusual := in.Suspects[s.EventID]
		a := in.Activities[s.EventID]
		by := in.Vouched[s.CallerIdentity()]
		if s.After && s.Issued() && (by.By != "" || !in.Known(s)) {
			i := Item{
				Key: "caller " + s.CallerIdentity(), Short: "caller " + p.Code(s.Caller, 80),
				Text: "New " + p.Session(s) + ", a caller " + in.FirstSeen(s) + ". ", Command: Command + " " + role.AccountName +
					"/" + role.Name,
			}
			if by.By != "" {
				i.Done, i.Text = "ours", i.Text+p.Who(by.By)+" said so at "+p.At(by.At)+"."
			} else if i.Text += "If you do not know it, take it out of the trust policy and revoke again."; s.Doubtable() {
				i.caller = s.CallerMark()
			}
			add(i)
		}
		for _, c := range a.Persistence {
			home := len(why.From) > 0 && !slices.ContainsFunc(a.Elsewhere, func(from trail.Source) bool {
				return from.Address == c.SourceAddress
			})
			if unusual && s.Issued() && !home {
				calls = append(calls, c)
			}
		}
	}
	if !slices.ContainsFunc(in.Sessions, func(s record.Session) bool {
		_, unusual := in.Suspects[s.EventID]
		return unusual && s.Issued()
	}) {
		return items // honest sessions assume roles, too
	}
	for _, l := range merged(in.Chain) {
		if l.RoleARN != role.ARN || !l.Last.Before(in.Cutoff) { // else this measure stops them
			add(p.assumed(in, l))
		}
		calls = append(calls, l.Persistence...)
	}
	slices.SortStableFunc(calls, func(a, b record.Call) int { return cmp.Compare(rank(a), rank(b)) })
	for _, c := range calls {
		if c.ErrorCode == "" {
			add(p.opened(c, role.Partition))
		}
	}
	return items
}

// rank puts credentials and users before permissions, and those before what was read.
func rank(c record.Call) int {
	switch {
	case strings.HasPrefix(c.Name, "Create") && c.Service == "iam":
		return 0
	case c.Service == "iam":
		return 1
	case c.Service == "secretsmanager" || c.Service == "ssm":
		return 2
	default:
		return 3
	}
}

// merged are the roles of a chain, each once.
func merged(chain []record.Link) (roles []record.Link) {
	for _, l := range chain {
		i := slices.IndexFunc(roles, func(r record.Link) bool { return r.RoleARN == l.RoleARN })
		if i < 0 {
			roles = append(roles, l)
			continue
		}
		r := &roles[i]
		r.Sessions, r.Loop = r.Sessions+l.Sessions, r.Loop || l.Loop
		r.Persistence = append(slices.Clone(r.Persistence), l.Persistence...)
		if l.Expires.IsZero() || l.Expires.After(r.Expires) && !r.Expires.IsZero() {
			r.Expires = l.Expires
		}
		for _, at := range []struct{ of, other *time.Time }{{&r.LastOK, &l.LastOK}, {&r.Last, &l.Last}} {
			if at.other.After(*at.of) {
				*at.of = *at.other
			}
		}
	}
	return roles
}

// assumed is the item of a role that unusual sessions assumed.
func (p Pen) assumed(in record.Incident, l record.Link) Item {
	i := Item{
		Key: "role " + l.RoleARN, Short: p.Code(RoleOf(l), 130),
		Text: p.Code(RoleOf(l), 130) + " was assumed from " + p.What(l.FromSession) + ", " +
			english.Count(l.Sessions, "session", "sessions"),
	}
	if !l.LastOK.IsZero() {
		i.Text += ", last successful call at " + p.At(l.LastOK)
	}
	switch {
	case !l.Revoked.IsZero() && l.Last.Before(l.Revoked):
		i.Done = "revoked"
	case !l.Expires.IsZero() && !l.Expires.After(in.Until):
		i.Done = "expired"
	case !l.Expires.IsZero():
		i.Text += ", valid until " + p.At(l.Expires)
	}
	switch i.Text += "."; {
	case i.Done != "":
	case l.Account == "":
		i.Text += " Its account " + p.Code(l.AccountID, 40) + " is not configured here: revoke it there."
	case l.Loop: // it may be asked for already, by this very request
		i.Command = Command + " " + RoleOf(l)
	default:
		i.role = &l
	}
	return i
}

// opened is the item of what a call created, changed or read. Of a call that made an access key,
// About ends with its id.
func (p Pen) opened(c record.Call, partition string) Item {
	does, command := undoing(c, partition)
	what := p.Code(c.Service+":"+c.Name, 100)
	if c.Target != "" {
		what += " " + p.Code(c.Target, 150)
	}
	short := does.short
	if does.what != "" {
		short += " " + p.Code(does.what, 100)
	} else {
		short = what
	}
	text := what + " at " + p.At(c.Time)
	if does.was != "" && does.what != "" {
		text = upper(short) + " " + does.was + " at " + p.At(c.Time)
	} else if does.do == "" && c.Opens != "" {
		text += ", " + p.Prose(c.Opens)
	}
	i := Item{
		Key:   strings.Join([]string{"call", c.Service, c.Name, c.Target}, " "),
		Short: short, Text: text + ". " + cmp.Or(does.do, "Undo it unless its owner can explain it") + ".", Command: command,
	}
	if p.Keys && isKey(does.what) && command != "" {
		i.ask = does.what + " made by a stolen session or key"
		i.Command = Command + " " + does.what
	}
	return i
}

// advice is what to do about a call.
type advice struct{ short, what, was, do string }

var (
	// named are the words of a Call's About: the kind of a thing and its name, as IAM and Secrets
	// Manager allow it. What looks otherwise gets no ready command.
	named = regexp.MustCompile(`(?:^|, )(user|role|policy|secret) ([A-Za-z0-9_+=,.@:/-]+?)(?:,? |$)`)
	// made is the id of an access key at the end of it.
	made = regexp.MustCompile(`(?:^| )AKIA[A-Z0-9]{12,28}$`)
)

// undoing says how to undo a call, and the command for it.
func undoing(c record.Call, partition string) (advice, string) {
	of := map[string]string{}
	for rest := c.Target; ; {
		at := named.FindStringSubmatchIndex(rest)
		if at == nil {
			break
		}
		of[rest[at[2]:at[3]]] = rest[at[4]:at[5]]
		rest = rest[at[5]:]
	}
	user, kind := of["user"], "user"
	if strings.Contains(c.Name, "Role") {
		kind = "role"
	}
	on := "--" + kind + "-name " + of[kind]
	switch c.Service + ":" + c.Name {
	case "iam:CreateAccessKey":
		key := strings.TrimSpace(made.FindString(c.Target))
		which := "--access-key-id " + key
		if user != "" {
			which = on + " " + which
		}
		a := advice{"access key", cmp.Or(key, c.Target), "was created", "Deactivate it"}
		if user != "" && key == "" {
			a.short, a.what = a.short+" of user", user
		} else if user != "" {
			a.was = "of user `" + user + "` " + a.was
		}
		return a, given(key, "aws iam update-access-key "+which+" --status Inactive")
	case "iam:CreateUser":
		return advice{"user", user, "was created", "Deny it everything"}, given(user, attachDenyAll(partition, "user", user))
	case "iam:CreateLoginProfile", "iam:UpdateLoginProfile":
		return advice{"password of", user, "was set", "Delete the password"}, given(user, "aws iam delete-login-profile "+on)
	case "iam:PutUserPolicy", "iam:AttachUserPolicy", "iam:PutRolePolicy", "iam:AttachRolePolicy":
		undo, by := "delete-", " --policy-name "
		if strings.HasPrefix(c.Name, "Attach") {
			undo, by = "detach-", " --policy-arn "
		}
		return advice{"policy of " + kind, of[kind], "", "Remove the policy"},
			given(of[kind], "aws iam "+undo+kind+"-policy "+on+by+of["policy"])
	case "secretsmanager:GetSecretValue":
		return advice{"secret", of["secret"], "was read", "Rotate it"},
			given(of["secret"], "aws secretsmanager rotate-secret --secret-id "+of["secret"]+" --region "+c.Region)
	default:
		return advice{}, ""
	}
}

// given is a command that has all it needs.
func given(name, command string) string {
	if name == "" || strings.Contains(command+" ", "  ") {
		return ""
	}
	return command
}

func attachDenyAll(partition, kind, name string) string {
	return fmt.Sprintf("aws iam attach-%s-policy --%s-name %s --policy-arn arn:%s:iam::aws:policy/AWSDenyAll", kind, kind,
		name, cmp.Or(partition, "aws"))
}

// activity adds what a check found about the calls of sessions: Act now as soon as something needs
// a person, and what a later check adds to it, both with a mention; or the answer about a session
// that a member chose. Events of one commit have one time.
func (v *view) activity(i int, e approvals.Event) {
	a := record.Known[record.Activity](e)
	switch {
	case a == nil:
		return
	case a.Chosen != "":
		v.notify(e, v.chosen(*a))
		return
	}
	for i+1 < len(v.events) && v.events[i+1].At.Equal(e.At) {
		i++
	}
	var fresh []Item
	for _, item := range v.Items(v.c.Incident(v.events[:i+1]), v.c.Role) {
		if !v.known[item.Key] && item.Done == "" {
			v.known[item.Key], fresh = true, append(fresh, item)
		}
	}
	switch {
	case len(fresh) == 0:
	case !v.has("act"):
		v.post("act", e, v.actNow())
	default:
		v.notify(e, within(v.list(v.involved()+"*Act now*, found by a later check:", fresh, false)))
	}
}

// actNow lists what needs a person. Items that are done stay, marked so.
func (v *view) actNow() *Message {
	items := v.Items(v.in, v.c.Role)
	open := len(items)
	for _, i := range items {
		if i.Done != "" {
			open--
		}
	}
	head := v.involved() + "*Act now:* this " + v.c.Words.Noun + " does not stop " +
		english.Plural(open, "this.", fmt.Sprintf("these %d.", open))
	if open == 0 {
		head = v.involved() + "*Act now:* nothing is left to do."
	}
	return within(v.list(head, items, true))
}

// shownItems is how many one message shows: what is beyond is in the report.
const shownItems = 10

func (v *view) list(head string, items []Item, buttons bool) *Message {
	m := &Message{Text: head, Blocks: []slack.Block{section(head)}}
	for n, i := range items {
		if n == shownItems {
			text := english.Count(len(items)-n, "more is", "more are") + " in the report (Files)."
			m.Text, m.Blocks = m.Text+"\n"+text, append(m.Blocks, contextLine(text))
			break
		}
		line := fmt.Sprintf("%d. ", n+1)
		if i.Done != "" {
			line += bold(upper(i.Done)+".") + " "
		}
		line += i.Text
		if i.Command != "" && i.Done == "" {
			line += "\n" + Code(i.Command, 400)
		}
		block := slack.NewSectionBlock(mrkdwn(line), nil, nil)
		switch {
		case i.Done != "" || !buttons:
		case i.caller != "":
			block.Accessory = slack.NewAccessory(threadButton(ActionOurs, ValueOf(v.r.ID, i.caller), "It is ours",
				"It is ours: count this caller as known"))
		case i.role != nil:
			block.Accessory = slack.NewAccessory(threadButton(ActionChain, ValueOf(v.r.ID, i.role.Mark()), "Revoke it",
				"Revoke it: ask to revoke sessions of "+Raw(RoleOf(*i.role), 75)))
		}
		if i.ask != "" && i.Done == "" && buttons {
			block.Accessory = slack.NewAccessory(threadButton(ActionMeant, i.ask, "Deactivate it",
				"Deactivate it: access key "+Raw(strings.Fields(i.ask)[0], 40)))
		}
		m.Text, m.Blocks = m.Text+"\n"+line, append(m.Blocks, block)
	}
	m.Text = fit(m.Text, limitText)
	return m
}
