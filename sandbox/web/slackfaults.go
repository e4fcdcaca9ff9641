package web

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/revokebot/revokebot/sandbox/slack"
)

// The troubles that Slack's Web API can have.
const (
	slackThrottle    = "throttle"     // 429 for messages and their changes
	slackThrottle200 = "throttle_200" // the same, as a 200 that says ratelimited
	slackSlow        = "slow"         // each call takes two seconds more
	slackAway        = "away"         // 503 to everything
)

// throttled is how long Slack asks to wait, and slow how long it takes, in these troubles.
const (
	throttled = 10 * time.Second
	slow      = 2 * time.Second
)

// fault is a button of the controls that gives Slack a trouble once.
type fault struct{ Name, Title, Button, Does string }

// The names of the buttons, which are controls.
const (
	faultDrop      = "drop"
	faultRefresh   = "refresh"
	faultLose      = "lose"
	faultTwice     = "twice"
	faultLoseAck   = "lose_ack"
	faultDropAcked = "drop_acked"
	faultRedeliver = "redeliver"
	faultDelete    = "delete_card"
)

// faults are the buttons, in their order on the page.
func faults() []fault {
	return []fault{
		{
			faultDrop, "Drop the connections", "Drop", "All of the bot's connections end without a word, and it opens new ones.",
		},
		{
			faultRefresh, "Ask the bot to reconnect", "Refresh",
			"Slack does this every few hours; the bot opens the new connection before it leaves the old one.",
		},
		{
			faultLose, "Lose the next command or click", "Arm",
			"The connection is cut before the bot gets it; whoever sent it sees an error, and nothing was recorded.",
		},
		{
			faultTwice, "Send the next command or click twice", "Arm",
			"Slack sends it over two connections at once, and it must count once.",
		},
		{
			faultLoseAck, "Lose the next acknowledgement", "Arm",
			"The connection is cut as the bot acknowledges; whoever sent it sees an error, and yet it counts.",
		},
		{
			faultDropAcked, "Cut the connection after the next acknowledgement", "Arm",
			"Slack has the acknowledgement, and the answer has to come by other ways.",
		},
		{
			faultRedeliver, "Deliver the last click again", "Deliver",
			"Slack sends the same click once more, as it was seen to do; it must not count again.",
		},
		{
			faultDelete, "Delete the last card", "Delete",
			"An administrator deletes it with its thread; what follows is told in the channel, and people directly.",
		},
	}
}

// slackFault arms a trouble of the next envelope, and says what to expect.
func (s *Server) slackFault(name string) (answer, error) {
	f := slack.Fault{Method: "envelope", Times: 1}
	said := ""
	switch name {
	case faultLose:
		f.DropBefore = true
		said = "The next command or click is lost on its way to the bot: send one, see the error, and send it again."
	case faultTwice:
		f.Twice = true
		said = "The next command or click is sent twice: send one, and see it done once."
	case faultLoseAck:
		f.LoseAck = true
		said = "The next acknowledgement is lost: send a command or click, see the error, and see that it was done all the " +
			"same."
	case faultDropAcked:
		f.DropAcked = true
		said = "The connection ends right after the next acknowledgement: send a command or click, and see it done."
	default:
		return answer{}, fmt.Errorf("no fault %q", name)
	}
	s.cfg.Slack.Inject(f)
	return done("%s", said)
}

// slackTrouble gives Slack's Web API one trouble in place of the one before. What was armed for the
// next envelope is gone, too.
func (s *Server) slackTrouble(value string) (answer, error) {
	var all []slack.Fault
	said := "Slack's Web API works."
	switch value {
	case "":
	case slackThrottle, slackThrottle200:
		for _, method := range []string{"chat.postMessage", "chat.update"} {
			all = append(all, slack.Fault{Method: method, RetryAfter: throttled, In200: value == slackThrottle200})
		}
		said = "Slack takes no messages and asks to wait " + inWords(throttled) + " each time. Commands and clicks count; " +
			"the card and the thread come once it works again."
	case slackSlow:
		all = []slack.Fault{{Delay: slow}}
		said = "Each call of the bot takes Slack " + inWords(slow) + " more. Forms may open too late, and the deny waits " +
			"for the look-up of whoever approves."
	case slackAway:
		all = []slack.Fault{{HTTPStatus: http.StatusServiceUnavailable}}
		said = "Slack's Web API answers 503. What was approved goes on, the thread catches up once it works again; " +
			"who wants to ask or approve now is refused, since nobody can be looked up."
	default:
		return answer{}, fmt.Errorf("slack_trouble: %q is none; give %s, %s, %s, %s or nothing", value, slackThrottle,
			slackThrottle200, slackSlow, slackAway)
	}
	s.cfg.Slack.ClearFaults()
	for _, f := range all {
		s.cfg.Slack.Inject(f)
	}
	s.change(func(set *settings) { set.SlackTrouble = value })
	return done("%s", said)
}

// deleteCard is an administrator deleting the last card.
func (s *Server) deleteCard() (answer, error) {
	last := s.lastCard()
	if last.ts == "" {
		return answer{}, errors.New("there is no card yet")
	}
	s.cfg.Slack.DeleteMessage(s.cfg.Channel, last.ts)
	return done("The card is deleted. The bot notices with the next thing that it has to say in the thread, " +
		"or when somebody asks for the role again.")
}
