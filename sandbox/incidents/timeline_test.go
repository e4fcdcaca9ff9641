package incidents_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
)

// timeline is one incident. Its times are offsets from the cutoff.
type timeline struct {
	Name, Story string
	User        bool // what leaked is the access key of a user, not the session of a role
	Settings    settings
	Events      []event
	Acts        []act
	Expect      expectation

	logGroup bool                    // the account has CloudTrail's log group
	forged   []event                 // somebody puts them into it, and CloudTrail has none of them
	odd      []event                 // as Events, but those that CloudTrail would not make are left out
	trail    func(*awsstandin.Trail) // changes the trail that fills it; nil: it leaves nothing out
	standing string                  // an inline policy that the role has always had; "" none
	// events makes those that need to know the role and the cutoff; nil: Events are all.
	events func(r awsstandin.Role, cutoff time.Time) []event
}

// settings are those of the configuration file, and AWS's clock minus the store's.
type settings struct {
	Lookback    offset
	Regions     []string
	FollowUps   []offset `json:"follow_ups"`
	Guard       []offset
	ClockOffset offset `json:"clock_offset"`
}

// event is what CloudTrail records. Delivered is when LookupEvents first shows it; nil: two minutes
// after it happened.
type event struct {
	At        offset
	Region    string
	Record    json.RawMessage
	Delivered *offset
}

// act is what happens besides.
type act struct {
	At                               offset
	Do, Action, Code, Region, Caller string
	By                               offset
}

// expectation is the truth, and texts that the thread has or does not have.
type expectation struct {
	Verdict     verdicts
	Says, Never []string
}

type verdicts []string

func (v *verdicts) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*v = verdicts{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(v))
}

type offset time.Duration

func (o *offset) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*o = offset(d)
	return err
}

func durations(list []offset) []time.Duration {
	all := make([]time.Duration, len(list))
	for i, d := range list {
		all[i] = time.Duration(d)
	}
	return all
}

func readTimeline(t *testing.T, path string) timeline {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var line timeline
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&line); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return line
}

var slotForm = regexp.MustCompile(`\{\{(human:)?([^}]+)\}\}`)

// recordOf fills the slots of an event's record and adds its time.
func recordOf(t *testing.T, e event, words map[string]string, cutoff time.Time) map[string]any {
	t.Helper()
	text := slotForm.ReplaceAllStringFunc(string(e.Record), func(slot string) string {
		parts := slotForm.FindStringSubmatch(slot)
		if word, ok := words[parts[2]]; ok && parts[1] == "" {
			return word
		}
		d, err := time.ParseDuration(parts[2])
		if err != nil {
			t.Fatalf("the slot %s is not known", slot)
		}
		if parts[1] != "" {
			return cutoff.Add(d).UTC().Format("Jan 2, 2006, 3:04:05 PM")
		}
		return cutoff.Add(d).UTC().Format(time.RFC3339)
	})
	var record map[string]any
	if err := json.Unmarshal([]byte(text), &record); err != nil {
		t.Fatal(err)
	}
	if _, ok := record["eventTime"]; !ok {
		record["eventTime"] = cutoff.Add(time.Duration(e.At)).UTC().Format(time.RFC3339)
	}
	return record
}

// isOf reports whether a record is of a call by a session of the role.
func isOf(record map[string]any, r awsstandin.Role) bool {
	identity, _ := record["userIdentity"].(map[string]any)
	principal, _ := identity["principalId"].(string)
	return strings.HasPrefix(principal, r.UniqueID+":")
}

// until is how long after the cutoff the timeline is watched: ten minutes longer than the last
// follow-up, and an hour longer than the last event.
func (l timeline) until() time.Duration {
	var last time.Duration
	for _, d := range l.Settings.FollowUps {
		last = max(last, time.Duration(d)+10*time.Minute)
	}
	for _, e := range l.Events {
		last = max(last, time.Duration(e.At)+time.Hour)
	}
	return last
}

// outcome is what the bot came to.
type outcome struct {
	verdict string // "" if it gave none
	message string // of the verdict
	thread  string // all that people see of it
}

// problems are the ways in which an outcome is not the truth.
func (want expectation) problems(got outcome) (list []string) {
	right := false
	for _, v := range want.Verdict {
		right = right || v == got.verdict
	}
	if !right {
		list = append(list, fmt.Sprintf("the verdict is %q, not %s", got.verdict, strings.Join(want.Verdict, " or ")))
	}
	for _, text := range want.Says {
		if !strings.Contains(got.thread, text) {
			list = append(list, fmt.Sprintf("the thread does not say %q", text))
		}
	}
	for _, text := range want.Never {
		if strings.Contains(got.thread, text) {
			list = append(list, fmt.Sprintf("the thread says %q", text))
		}
	}
	return list
}
