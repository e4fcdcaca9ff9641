package messages

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// Summary is one sentence with the state of the incident, and what the answer is worth. It is one
// message that is edited in place, from "looking" to the last look.
func Summary(in record.Incident) *Message {
	if in.Looks == 0 && in.Failed == "" {
		return sentence(lookingWords(in))
	}
	var lines []string
	if in.Looks > 0 {
		lines = append(append(lines, stateWords(in)), copyLines(in)...)
	}
	if in.Failed != "" {
		lines = append(lines, failedLook(in))
	}
	if in.Looking != nil {
		lines = append(lines, lookingWords(in))
	}
	head := fit(strings.Join(lines, "\n"), limitSection)
	if in.Looks == 0 {
		return sentence(head)
	}
	worth := coverage(in)
	return &Message{
		Text:   fit(head+"\n"+worth, limitText),
		Blocks: []slack.Block{section(head), contextLine(worth)},
	}
}

// lookingWords tells the progress of a look.
func lookingWords(in record.Incident) string {
	switch l := in.Looking; {
	case l == nil:
		return "CloudTrail has not been asked yet."
	case l.All == 0:
		return "Looking at CloudTrail …"
	case l.Done == 0:
		return fmt.Sprintf("Looking at CloudTrail in %s …", english.Count(l.All, "region", "regions"))
	default:
		return fmt.Sprintf("Looking at CloudTrail: %d of %s done …", l.Done, english.Count(l.All, "region", "regions"))
	}
}

func failedLook(in record.Incident) string {
	if in.Looks == 0 {
		return "*CloudTrail could not be asked*, so nothing is known about who used this role. " + outsideSentence(in.Failed)
	}
	return "*The latest look failed*, so the sentence above is as old as it says. " + outsideSentence(in.Failed)
}

// outsideSentence shows a sentence of package aws, in which text from outside is quoted.
func outsideSentence(text string) string { return markup.Replace(Clean(text, 1200)) }

// stateWords is the sentence.
func stateWords(in record.Incident) string {
	t := TallyOf(in)
	window := "in the last " + Span(in.Until.Sub(in.Since))
	var b strings.Builder
	if t.Issued == 0 {
		b.WriteString("*CloudTrail shows no sessions* of this role " + window + ". That is not the same as none: " +
			"it is minutes late.")
	} else {
		fmt.Fprintf(&b, "*CloudTrail shows %s from %s* %s; %s; %s.", english.Count(t.Issued, "session", "sessions"),
			english.Count(t.Callers, "caller", "callers"), window,
			denyWords(in, t), newWords(in, t))
	}
	if t.Refused > 0 {
		fmt.Fprintf(&b, " %s refused", english.Count(t.Refused, "attempt to assume it was", "attempts to assume it were"))
		if t.Uncertain > 0 {
			fmt.Fprintf(&b, "; %s may be about another role, their events do not name one", ofThem(t.Uncertain, t.Refused))
		}
		b.WriteString(".")
	}
	if in.LeftOut > 0 {
		fmt.Fprintf(&b, " %s more were found and are not counted here.", english.Count(in.LeftOut, "session", "sessions"))
	}
	b.WriteString(openedWords(in))
	return b.String()
}

// openedWords says what the sessions made that outlives them, and where they went on to, as far as
// was looked into.
func openedWords(in record.Incident) string {
	keys, users, roles := map[string]bool{}, map[string]bool{}, map[string]bool{}
	note := func(doors []record.Call) {
		for _, c := range doors {
			id := c.EventID + c.Target
			switch {
			case c.Service != "iam" || c.ErrorCode != "":
			case c.Name == "CreateAccessKey":
				keys[id] = true
			case c.Name == "CreateUser":
				users[id] = true
			}
		}
	}
	for _, a := range in.Activities {
		note(a.Doors)
	}
	for _, l := range in.Chain {
		note(l.Doors)
		if !l.Loop {
			roles[l.RoleARN] = true
		}
	}
	var words []string
	if n := len(keys); n > 0 {
		words = append(words, "made "+english.Count(n, "access key", "access keys"))
	}
	if n := len(users); n > 0 {
		words = append(words, "made "+english.Count(n, "user", "users"))
	}
	if n := len(roles); n > 0 {
		words = append(words, "went on to "+english.Count(n, "other role", "other roles"))
	}
	if len(words) == 0 {
		return ""
	}
	return " *These sessions " + List(words) + "*, as far as was looked into: the deny does not touch that, " +
		"and the findings below have it."
}

func ofThem(n, all int) string {
	if n == all {
		return "all of them"
	}
	return fmt.Sprintf("%d of them", n)
}

// denyWords says how the sessions stand to the deny, and no more than was seen.
func denyWords(in record.Incident, t Tally) string {
	which, since := fmt.Sprintf("%d of them", t.Before), Clock(in.Cutoff)
	switch {
	case t.Before == 0 && in.Drill:
		return "none issued before " + since + ", the cutoff that a revocation would have had"
	case t.Before == 0:
		return "none issued before the cutoff " + since
	case t.Before == t.Issued:
		which = "all"
	}
	switch {
	case in.Drill:
		return which + " issued before " + since + ", the cutoff that a revocation would have had"
	case in.Undone:
		return which + " issued before the cutoff " + since + ", and *the deny was taken away* by another request"
	case in.Lost:
		return which + " issued before the cutoff " + since + ", and *a look missed the deny*"
	case in.Enforced != nil && in.Enforced.State == record.SeenDenied:
		return which + " denied since " + since
	case in.Enforced != nil && in.Enforced.State == record.SeenNotDenied:
		return which + " issued before the cutoff " + since + ", and *old sessions still got answers*"
	case in.ReadBack:
		return which + " issued before the cutoff " + since + ", under the deny that was read back"
	default:
		return which + " issued before the cutoff " + since + ", and the deny was not read back"
	}
}

// newWords says what was issued since the cutoff.
func newWords(in record.Incident, t Tally) string {
	switch {
	case t.After == 0:
		return "no new session since"
	case t.NewUnknown == 0:
		return fmt.Sprintf("*%d new since*, from callers known before", t.After)
	case t.NewKnown == 0:
		return fmt.Sprintf("*%d new since*, from callers not seen before", t.After)
	default:
		return fmt.Sprintf("*%d new since*: %d from callers known before, %d from callers not seen before", t.After,
			t.NewKnown, t.NewUnknown)
	}
}

// coverage says what the answer is worth.
func coverage(in record.Incident) string {
	var covered, missing, partly []string
	for _, r := range in.Regions {
		switch {
		case !r.Covered:
			word := Code(r.Region, 40)
			if r.Reason != "" {
				word += " (" + markup.Replace(Clean(r.Reason, 150)) + ")"
			}
			missing = append(missing, word)
		case r.Truncated:
			partly = append(partly, Code(r.Region, 40))
		default:
			covered = append(covered, Code(r.Region, 40))
		}
	}
	var b strings.Builder
	b.WriteString("As CloudTrail had it on " + UTC(in.Until) + ". ")
	if len(missing) > 0 {
		b.WriteString("*Not covered:* " + List(missing) + ". ")
	}
	if len(partly) > 0 {
		b.WriteString("Only the newest events were read in " + List(partly) + ". ")
	}
	if len(covered) > 0 {
		b.WriteString("Regions read: " + List(covered) + ". ")
	}
	switch {
	case in.Drill:
		b.WriteString("A drill looks once. ")
	case in.Last:
		b.WriteString("That was the last look. ")
	default:
		b.WriteString("It is asked again on its own. ")
	}
	b.WriteString("CloudTrail is minutes late: the newest sessions may be missing.")
	return fit(b.String(), 2900)
}

// KeyEnd is the part of an access key id that tells keys apart.
func KeyEnd(key string) string {
	const shown = 4
	if runes := []rune(key); len(runes) > shown {
		return ellipsis + string(runes[len(runes)-shown:])
	}
	return key
}

// Tally counts an incident's sessions.
type Tally struct {
	Issued, Before, After, Callers int
	Refused, Uncertain             int
	NewKnown, NewUnknown           int // sessions after the cutoff, by whether their caller had one before it
}

// TallyOf counts the sessions of an incident.
func TallyOf(in record.Incident) Tally {
	var t Tally
	callers := map[string]bool{}
	for _, s := range in.Sessions {
		switch {
		case !s.Issued() && s.Uncertain:
			t.Refused, t.Uncertain = t.Refused+1, t.Uncertain+1
		case !s.Issued():
			t.Refused++
		case s.After:
			t.Issued, t.After = t.Issued+1, t.After+1
			if in.Known(s) {
				t.NewKnown++
			} else {
				t.NewUnknown++
			}
			callers[s.CallerIdentity()] = true
		default:
			t.Issued, t.Before = t.Issued+1, t.Before+1
			callers[s.CallerIdentity()] = true
		}
	}
	t.Callers = len(callers)
	return t
}
