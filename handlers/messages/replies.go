package messages

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// Command is the slash command's name.
const Command = "/revoke-sessions"

// MaxReason is the longest reason that is taken, in characters. A reason is shown in full on the
// card.
const MaxReason = limitReason

// limitPlain bounds a fallback that is all foreign text: escaping can make five characters of one.
const limitPlain = 780

// Plain is a reply whose text was not put together here and may quote what a person typed.
func Plain(text string) *Message {
	return &Message{Text: Code(text, limitPlain), Blocks: []slack.Block{plainSection(text, limitSection)}}
}

// SecretRemoved is for a person whose text held a secret.
func SecretRemoved() *Message {
	return sentence("Your text held what looks like a secret access key, a session token or a private key. " +
		"revokebot removed it before storing or logging anything. *Slack has seen it: treat the secret as leaked, " +
		"and delete your message.*")
}

// Usage says how to ask, when there was nothing to go on. what stands between the command and the
// role: "undo lock "; reason is an example of what follows.
func Usage(what, reason string, accounts []string) *Message {
	account := "account"
	if len(accounts) > 0 {
		account = accounts[0]
	}
	return sentence("Name the role, as in " + Code(Command+" "+what+account+"/DeployRole "+reason, 160) +
		". `" + Command + " help` says more.")
}

// ExampleReason is one for Usage.
const ExampleReason = "key pasted in a gist"

// Help is one screen on what the command does, with the words of each measure. elsewhere are the
// channels that it works in, told where it does not; there accounts are not named.
func Help(all []Words, accounts, elsewhere []string, margin time.Duration) *Message {
	names := make([]string, len(accounts))
	for i, a := range accounts {
		names[i] = Code(a, 64)
	}
	lead, here, more := "", "here", ""
	known := "• Accounts: " + List(names) + ".\n"
	if elsewhere != nil {
		lead, here, known = "*Requests can be made in "+channels(elsewhere)+" only.*\n", "there", ""
	}
	for _, w := range all[1:] {
		more += "• `" + Command + " " + w.Form + " [reason …]` asks to " + w.Does + " in the same way. After the approval " +
			w.After(margin) + ".\n"
	}
	return sentence(lead + "*" + Command + "* alone opens a form. *" + Command + " &lt;role&gt; [reason …]* " +
		"asks at once to revoke every active session of an AWS role. A second person has to approve.\n" +
		"• `&lt;role&gt;` is a name (`DeployRole`), `account/name`, a role ARN, the ARN of a session such as " +
		"`arn:aws:sts::111122223333:assumed-role/DeployRole/alice`, or the access key id of a leaked session (`ASIA…`).\n" +
		known + "• A card appears " + here + ". An approver other than you presses Approve or Deny; you can press Cancel.\n" +
		"• After the approval " + all[0].After(margin) + ".\n" + more +
		"• The thread of the card has the decision, what AWS answered, and who uses the role.\n" +
		"• `" + Command + " status` lists the open and the newest requests; so does the App Home, " +
		"under *revokebot* in Slack's side bar.\n" +
		"• `" + Command +
		" undo [measure] &lt;role&gt; [reason …]` asks to undo a measure. A second person has to approve. " +
		"As long as old sessions of a revocation have not expired, add `" + ReviveWords + "` after the role.\n" +
		"• `" + Command +
		" drill [measure] &lt;role&gt; [reason …]` rehearses all of it with both people and writes nothing. " +
		"Every message of it says DRILL.\n" +
		"• `" + Command + " report &lt;role or request id&gt;` puts an incident report into that thread.\n" +
		"Next: `" + Command + "`, or `" + Command + " &lt;role&gt; &lt;reason&gt;`.")
}

// ActionMeant is the button that sends a command again with the role that was meant. Its value is
// the text of the command, which is read and allowed as any other.
const ActionMeant = "revokebot_meant"

// Meant is a role, account/name, that may be meant, and the text of the command for it.
type Meant struct{ Role, Command string }

const (
	maxMeant     = 10
	limitCommand = 2000 // of a button's value (Slack documentation, "Button element")
)

// DidYouMean answers a name that no role in the account has. Without an account it asks which one
// is meant. The account's name is that of the configuration, which formats nothing.
func DidYouMean(name, account string, meant []Meant, drill bool) *Message {
	var words []string
	var buttons []slack.Block
	known := account == ""
	for i, m := range meant[:min(len(meant), maxMeant)] {
		at, role, _ := strings.Cut(m.Role, "/")
		known = known && role == name
		shown := m.Role
		if at == account {
			shown = role
		}
		words = append(words, Code(shown, limitRoleName+64))
		if len(m.Command) <= limitCommand {
			label := markedIf(drill, Raw(m.Role, limitOption))
			buttons = append(buttons, slack.NewActionBlock(fmt.Sprint("meant ", i),
				threadButton(ActionMeant, m.Command, label, label+": ask for it")))
		}
	}
	text := "No role " + Code(name, limitRoleName)
	if account != "" {
		text += " in " + account
	}
	switch {
	case len(meant) == 0:
		text += ". Check its spelling and the account."
	case known:
		text = "Which " + Code(name, limitRoleName) + " do you mean: " + listed(words, "or") + "?"
	default:
		text += ". Did you mean " + listed(words, "or") + "?"
	}
	return &Message{Text: fit(text, limitText), Blocks: append([]slack.Block{section(text)}, buttons...)}
}

func notRequested(why string) *Message { return sentence("Nothing was requested: " + why) }

// WrongChannel answers a command from a channel that is not on the list.
func WrongChannel(allowed []string) *Message {
	return notRequested(Command + " works in " + channels(allowed) + " only, so that everybody who " +
		"has to know sees it. Send it there.")
}

func channels(ids []string) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = Channel(id)
	}
	return List(words)
}

// SharedChannel answers a command from a channel that people of another organisation are in.
func SharedChannel() *Message {
	return notRequested("this channel is shared with another organisation, whose people would read all of it. Use " +
		"an incident channel of your own. The operator of revokebot can allow shared channels " +
		"(`slack.allow_shared_channels`).")
}

// SharedUnknown answers a command from a channel of which Slack did not say whether it is shared.
func SharedUnknown(slackError string) *Message {
	next := map[string]string{
		"missing_scope":     "The operator of revokebot has to install the app again from its manifest (`missing_scope`).",
		"channel_not_found": inviteBot,
	}[slackError]
	return notRequested("revokebot couldn't verify that no other organisation shares this channel. " +
		cmp.Or(next, "Slack didn't answer; send the command again in a moment."))
}

const inviteBot = "Invite the bot to this channel (`/invite`) and send the command again."

// ReasonTooLong answers a reason that would not fit on the card.
func ReasonTooLong(n int) *Message {
	return notRequested(fmt.Sprintf("the reason has %d characters and at most %d fit on the card. "+
		"Shorten it; details can follow in the thread.", n, MaxReason))
}

// ReasonMissing answers a request without the reason that the configuration asks for.
func ReasonMissing() *Message {
	return notRequested("a reason is required. Add a few words that say why.")
}

// NotListed answers a request for a measure that does not exist in the account.
func NotListed(measure, account string) *Message {
	return notRequested(Code(measure, 40) + " does not exist in account " + Code(account, 64) +
		". The operator of revokebot can add it to " + Code("accounts."+account+".measures", 100) +
		" in the configuration; `revokebot doctor` says what it needs.")
}

// NotAlone answers a measure that leaves running sessions alone, where nothing else denies them.
func NotAlone(w Words, on record.Role) *Message {
	return notRequested("a " + w.Noun + " leaves running sessions alone. Ask for a revocation or a lock first, as in " +
		Code(Command+" "+on.Ref(), 300) + ", then for the " + w.Noun + ".")
}

// NewExternalID shows the requester of a rotation the new external id.
func NewExternalID(on record.Role, id string) *Message {
	return sentence("The new external id for " + roleWords(on) + " is " + Code(id, 128) + ". It works once the request " +
		"is approved. Give it to the third party over a private channel. Only you see this message.")
}

// NotAddresses answers addresses that a restriction cannot have.
func NotAddresses(err error) *Message { return Plain("Nothing was requested: " + err.Error() + ".") }

// NoAddresses answers a restriction without addresses: its button opens the form for them.
func NoAddresses(command, account string) *Message {
	m := notRequested("name the addresses, networks or VPCs from which the role may be used, as in `" + Command +
		" restrict account/DeployRole 203.0.113.0/24 vpc-0a1b2c3d`. The operator of revokebot can set them for all in " +
		Code("accounts."+account+".known_addresses", 100) + ".")
	if len(command) <= limitCommand {
		m.Blocks = append(m.Blocks, slack.NewActionBlock("addresses",
			threadButton(ActionAddresses, command, "Enter addresses", "Enter addresses of the restriction")))
	}
	return m
}

// UsedFrom offers the addresses from which a role was used, of a restriction that says none.
func UsedFrom(command, role string, offer Known) *Message {
	offer = offer.cut()
	text := Code(role, limitRoleName) + " was used from " +
		english.Count(len(offer.Usual)+len(offer.Unusual), "address", "addresses") +
		" in the last twelve hours. Choose those that may go on."
	m := sentence(text)
	if value := command + offer.value(); len(value) <= limitCommand {
		m.Blocks = append(m.Blocks, slack.NewActionBlock("addresses",
			threadButton(ActionAddresses, value, "Choose addresses", "Choose addresses of the restriction")))
	}
	return m
}

// OtherPrincipal answers a request for a measure on a kind of principal that it does not contain.
func OtherPrincipal(measure string, on contain.PrincipalKind) *Message {
	return notRequested(Code(measure, 40) + " is not for a " + string(on) +
		". Leave the word out: a role's sessions are revoked, and of a user an access key is deactivated.")
}

// WhichKey answers a request for a user that does not say which access key is meant. told is what
// is known of the session that was asked for, "" without one.
func WhichKey(user record.Role, told string, keys []contain.Document, drill bool, reason string) *Message {
	text, mode := "Nothing was requested yet: ", ""
	if drill {
		mode = "drill "
	}
	if told != "" {
		text += Code(told, 600) + " "
	}
	var buttons []slack.Block
	var others []string
	for i, k := range keys {
		if user.Key = k.Slot.Name; k.Text != contain.KeyActive {
			others = append(others, Code(user.Key, 64))
			continue
		}
		if command := strings.TrimSpace(mode + user.Ref() + " " + reason); len(command) <= limitCommand {
			buttons = append(buttons, slack.NewActionBlock(fmt.Sprint("key ", i), threadButton(ActionMeant, command,
				"Deactivate "+Raw(user.Key, 40), "Deactivate "+Raw(user.Key, 40)+", "+labelled(user))))
		}
	}
	user.Key = ""
	if len(buttons) == 0 {
		text += roleWords(user) + " has no active access key."
	} else {
		text += "which access key of " + roleWords(user) + " leaked? Press it, or send its id in place of the user."
	}
	if len(others) > 0 {
		text += " Inactive already: " + List(others) + ". Send its id to deny the sessions that it made."
	}
	return &Message{Text: fit(text, limitText), Blocks: append([]slack.Block{section(text)}, buttons...)}
}

// AlreadyOpen points at the card of the request that is under way for the role. link is empty while
// the card is being posted. waits: the request becomes the reader's if its requester cancels.
func AlreadyOpen(r approvals.Request, c Context, link string, waits bool) *Message {
	where := "Its card is being posted in " + Channel(r.Place.Channel) + "."
	if link != "" {
		where = "Use <" + link + "|its card> in " + Channel(r.Place.Channel) + "."
	}
	if waits {
		where += " If " + Mention(r.Requester) + " cancels, it goes on as yours. Until then you can approve it if you are " +
			"an approver."
	}
	return sentence("No second request was made: " + Mention(r.Requester) + " asked to " + c.phrases(r).ask +
		roleWords(c.Role) + " at " + local(r.Asked) + ", and that request is " + r.State.String() + ". " + where)
}

// CardLate says that the request stands although its card does not yet.
func CardLate() *Message {
	return sentence("The request is recorded. Slack does not take the card right now; it will appear here by itself as " +
		"soon as Slack does.")
}

// CardImpossible says that a request ended because its card could not be posted.
func CardImpossible(slackError string) *Message {
	next := map[string]string{
		"not_in_channel": inviteBot, "channel_not_found": inviteBot,
		"is_archived": "The channel is archived; send the command in a live incident channel.",
	}[slackError]
	return sentence("The request was closed and nothing will happen: Slack does not let the bot post its card here (" +
		Code(slackError, 60) + "). " + cmp.Or(next, "Ask the operator of revokebot to check its log."))
}

// UnknownRequest answers a click on a button whose request is not on record.
func UnknownRequest() *Message {
	return sentence("Your click was not counted. There is no request behind this button, or it ended so long ago that " +
		"its record is gone. Send `" + Command + "` to ask again.")
}

// urgent ends what says that nothing may have been done.
const urgent = ". If it is urgent, revoke the role's active sessions in the IAM console."

// NotRecorded answers when the store could not be reached: nothing is accepted before it is
// durable.
func NotRecorded() *Message {
	return sentence("revokebot cannot reach its database, so nothing was recorded and nothing will happen. " +
		"Try again in a minute" + urgent)
}

// PerhapsNotRecorded answers when the store did not say whether it took something.
func PerhapsNotRecorded() *Message {
	return sentence("revokebot's database did not answer in time. If no card appears or changes within a minute, " +
		"nothing was recorded: try again. Doing it twice does no harm" + urgent)
}

// OneCopy answers when the store took something and could not copy it to a second server.
func OneCopy() *Message {
	return sentence("This is recorded on one database server only. If no card appears or changes within a minute, " +
		"do it again: doing it twice does no harm.")
}

// Busy answers when there is more to do than can be taken.
func Busy() *Message {
	return sentence("revokebot is busy, so nothing was recorded and nothing will happen. Try again in a few seconds.")
}

// NotUnderstood answers an envelope of a known kind that could not be read.
func NotUnderstood() *Message {
	return sentence("revokebot could not read what Slack sent, so nothing was recorded and nothing will happen. " +
		"Try again; if it happens again, tell the operator of revokebot.")
}

// GaveUpOn answers the sender of a command or click that failed again and again.
func GaveUpOn() *Message {
	return sentence("revokebot failed at what you sent several times and gave up. If no card appeared or changed, " +
		"nothing was done. Send it again" + urgent)
}

// ChosenNow answers the choice of a session to look into.
func ChosenNow() *Message {
	return sentence("revokebot asks CloudTrail what that session did. The answer comes into the thread, " +
		"usually within a minute.")
}

// Vouched answers a person who called a caller theirs.
func Vouched(v record.Vouched) *Message {
	return sentence(Code(v.Caller, 120) + " counts as known: " + Mention(v.By) + " said at " + local(v.At) +
		" that it is yours. The thread names who said so. Calls of it that create persistence still count as not contained.")
}

// ChosenAlready answers a choice that was made a moment before.
func ChosenAlready() *Message {
	return sentence("That session was chosen less than a minute ago. The answer is in the thread, or on its way there.")
}

// ChosenEnough rejects the choice of a session after so many others.
func ChosenEnough(n int) *Message {
	return sentence(fmt.Sprintf("Sessions of this incident were checked %d times, which is the limit. The thread "+
		"has the answers. Look the rest up in CloudTrail by the access key of the session.", n))
}

// TooMany rejects a sender above the rate limit.
func TooMany(wait time.Duration) *Message {
	return sentence("Too much at once: this one was not counted, and nothing will happen. Try again in " +
		Span(max(wait, time.Second)) + ".")
}

// Candidate is a person or a group on the list of approvers, and why they can or cannot approve.
type Candidate struct {
	ID  string
	Why string // written here, not foreign
}

const maxCandidates = 15

// NoQuorum rejects a request that too few people could approve. candidates are those on the list.
func NoQuorum(mode approvals.Mode, w Words, role record.Role, required int, candidates []Candidate) *Message {
	can := "fewer people besides you can"
	if required == 1 {
		can = "no other person can"
	}
	text := fmt.Sprintf("Nothing was requested: %d %s to approve for account %s, and %s. On the list:",
		required, english.Plural(required, "person is needed", "people are needed"), Code(role.AccountName, 64), can)
	for i, c := range candidates {
		if i == maxCandidates {
			text += fmt.Sprintf("\n• and %d more", len(candidates)-i)
			break
		}
		text += "\n• " + Mention(c.ID) + ": " + c.Why
	}
	const add = "The operator of revokebot can add approvers"
	switch mode {
	case approvals.ModeDo:
		return sentence(text + "\n" + add + "; if it is urgent, " + w.ByHand + " in the IAM console.")
	case approvals.ModeDrill:
		return sentence(text + "\nA real " + w.Noun + " would be refused for the same reason. " + add + ".")
	default:
		return sentence(text + "\n" + add + ".")
	}
}
