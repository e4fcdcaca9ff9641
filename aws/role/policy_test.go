package role

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/revokebot/revokebot/aws"
	standin "github.com/revokebot/revokebot/sandbox/aws"
)

var cutoff = time.Date(2026, 11, 22, 10, 1, 31, 0, time.UTC)

const consoleForm = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-11-22T10:01:31.000Z"}}}]}`

func TestTheDocumentIsTheConsolesFormInUTC(t *testing.T) {
	if got := (policy{}).withCutoff(cutoff); got != consoleForm {
		t.Errorf("got %s", got)
	}
	elsewhere := cutoff.In(time.FixedZone("UTC+5", 5*3600))
	if got := (policy{}).withCutoff(elsewhere); got != consoleForm {
		t.Errorf("in another zone: %s", got)
	}
}

// decide evaluates a document for a session of the given issue time that may otherwise do everything.
func decide(t *testing.T, document string, issued time.Time) standin.Decision {
	t.Helper()
	deny, err := standin.ParsePolicy(document)
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	allow, err := standin.ParsePolicy(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	return standin.Evaluate(standin.Request{
		Action: "iam:ListRoles", Resource: "*",
		Context: standin.Context{"aws:TokenIssueTime": {issued.UTC().Format(time.RFC3339)}},
	}, allow, deny).Decision
}

func TestOurDocumentDeniesOlderSessionsAndTheFamousMisspellingsDoNot(t *testing.T) {
	before, at, after := cutoff.Add(-time.Second), cutoff, cutoff.Add(time.Second)
	ours := (policy{}).withCutoff(cutoff)
	if got := decide(t, ours, before); got != standin.ExplicitDeny {
		t.Errorf("a session before the cutoff: %v", got)
	}
	for _, issued := range []time.Time{at, after} {
		if got := decide(t, ours, issued); got != standin.Allowed {
			t.Errorf("a session of %v: %v", issued, got)
		}
	}
	for _, useless := range []string{
		strings.Replace(ours, "aws:TokenIssueTime", "aws:TokeIssueTime", 1),
		strings.Replace(ours, "2026-11-22T10:01:31.000Z", "2026-11-22T10:01:31.3702", 1),
	} {
		if useless == ours {
			t.Fatal("the misspelling was not made")
		}
		if got := decide(t, useless, before); got != standin.Allowed {
			t.Errorf("%s: %v", useless, got)
		}
		p, ok := parsePolicy(useless)
		if !ok || !p.cutoff().IsZero() {
			t.Errorf("%s is taken for a cutoff of %v", useless, p.cutoff())
		}
		if got := decide(t, p.withCutoff(cutoff), before); got != standin.ExplicitDeny {
			t.Errorf("after the merge: %v", got)
		}
	}
}

func TestAnExistingCutoffIsFoundInEveryFormThatIAMTakes(t *testing.T) {
	with := func(statement string) string { return `{"Version":"2012-10-17","Statement":` + statement + `}` }
	deny := func(value string) string {
		return `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:TokenIssueTime":` + value + `}}}`
	}
	for document, want := range map[string]string{
		consoleForm:                          "2026-11-22T10:01:31Z",
		with(deny(`"2014-05-07T23:47:00Z"`)): "2014-05-07T23:47:00Z", // one statement, not a list
		with(`[` + deny(`["2026-01-01T00:00:00.138Z"]`) + `]`): "2026-01-01T00:00:00.138Z",
		with(deny(`"2026-01-01T02:00:00+02:00"`)):              "2026-01-01T00:00:00Z",
		with(deny(`"1767225600"`)):                             "2026-01-01T00:00:00Z",
		with(deny(`1767225600`)):                               "2026-01-01T00:00:00Z",
		with(deny(`"2026-01-01"`)):                             "2026-01-01T00:00:00Z",
		with(`[` + deny(`"2026-01-01T00:00:00Z"`) + `,` + deny(`"2026-03-01T00:00:00Z"`) + `,` + deny(`"2026-02-01T00:00:00Z"`) + `]`): "2026-03-01T00:00:00Z",
		with(deny(`"99999999999999"`)): "9999-12-31T23:59:59Z",
		with(strings.Replace(deny(`"2026-01-01T00:00:00Z"`), "aws:TokenIssueTime", "AWS:tokenissuetime", 1)): "2026-01-01T00:00:00Z",
		with(strings.Replace(deny(`"2026-01-01T00:00:00Z"`), `{"Effect"`, `{"Sid":"x","Effect"`, 1)):         "2026-01-01T00:00:00Z",
		// Not ours, or no date that works:
		with(deny(`"2026-01-01T00:00:00"`)): "",
		with(deny(`"soon"`)):                "",
		with(strings.Replace(deny(`"2026-01-01T00:00:00Z"`), `"Deny"`, `"Allow"`, 1)):                                "",
		with(strings.Replace(deny(`"2026-01-01T00:00:00Z"`), `"Action":"*"`, `"Action":"s3:*"`, 1)):                  "",
		with(strings.Replace(deny(`"2026-01-01T00:00:00Z"`), `"Resource":"*"`, `"Resource":["*","*"]`, 1)):           "",
		with(strings.Replace(deny(`"2026-01-01T00:00:00Z"`), "DateLessThan", "DateGreaterThan", 1)):                  "",
		with(strings.Replace(deny(`"2026-01-01T00:00:00Z"`), `"Condition":{`, `"Condition":{"Bool":{"a":"b"},`, 1)):  "",
		with(strings.Replace(deny(`"2026-01-01T00:00:00Z"`), `"DateLessThan":{`, `"DateLessThan":{"aws:x":"1",`, 1)): "",
		with(strings.Replace(deny(`"2026-01-01T00:00:00Z"`), `"Action"`, `"NotAction"`, 1)):                          "",
		with(`[]`): "",
	} {
		p, ok := parsePolicy(document)
		if !ok {
			t.Errorf("%s cannot be read", document)
			continue
		}
		got := ""
		if c := p.cutoff(); !c.IsZero() {
			got = c.Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", document, got, want)
		}
	}
}

func TestOtherStatementsSurviveByteForByte(t *testing.T) {
	other := `{ "Sid" : "keep<me>&", "Effect":"Deny",
	"Action": "s3:DeleteBucket" ,"Resource":"\u0061rn:aws:s3:::*"}`
	before := `{"Version":"2008-10-17","Id":"x","Statement":[` + other + `,` +
		`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-01-01T00:00:00Z"}}},` +
		`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-01-02T00:00:00Z"}}}]}`
	p, ok := parsePolicy(before)
	if !ok {
		t.Fatal("cannot be read")
	}
	want := `{"Version":"2008-10-17","Id":"x","Statement":[` + other + `,` + denyStatement(cutoff) + `]}`
	if got := p.withCutoff(cutoff); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDocumentsAreDecodedWithPlusSignsKept(t *testing.T) {
	const want = `{"a":"b+c %"}`
	for _, in := range []string{"%7B%22a%22%3A%22b+c%20%25%22%7D", "%7B%22a%22%3A%22b%2Bc%20%25%22%7D", want} {
		if got := aws.DecodeDocument(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
	if got := aws.DecodeDocument("%zz"); got != "%zz" {
		t.Errorf("what is not encoded became %s", got)
	}
}

func TestWhatIsNoPolicyIsReplaced(t *testing.T) {
	for _, document := range []string{"", "{", "[]", `"x"`, `{"Statement":["x"]}`, `{"Statement":"x"}`, `{"Statement":[null]}`, `{"Statement":[]} x`} {
		p, ok := parsePolicy(document)
		if ok {
			t.Errorf("%q was read", document)
		}
		if got := p.withCutoff(cutoff); got != consoleForm {
			t.Errorf("%q became %s", document, got)
		}
	}
}

func TestTheCutoffCoversTheRunningSecondAndNeverGoesBack(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		now                string
		margin             time.Duration
		existing, promised string
		want               string
	}{
		{"2026-01-01T00:00:05Z", 0, "", "", "2026-01-01T00:00:05Z"},
		{"2026-01-01T00:00:05.000000001Z", 0, "", "", "2026-01-01T00:00:06Z"},
		{"2026-01-01T00:00:05.9Z", 30 * time.Second, "", "", "2026-01-01T00:00:36Z"},
		{"2026-01-01T00:00:05Z", 1500 * time.Millisecond, "", "", "2026-01-01T00:00:07Z"},
		{"2026-01-01T00:00:05Z", 0, "2026-01-01T00:00:04Z", "", "2026-01-01T00:00:05Z"},
		{"2026-01-01T00:00:05Z", 0, "2026-02-01T00:00:00.138Z", "", "2026-02-01T00:00:01Z"},
		{"2026-01-01T00:00:05Z", 0, "", "2026-01-01T00:00:35Z", "2026-01-01T00:00:35Z"},
		{"2026-01-01T00:00:05Z", 0, "9999-12-31T23:59:59Z", "", "9999-12-31T23:59:59Z"},
	} {
		var existing, promised time.Time
		if c.existing != "" {
			existing = at(c.existing)
		}
		if c.promised != "" {
			promised = at(c.promised)
		}
		if got := cutoffAt(at(c.now), c.margin, existing, promised); got.Format(time.RFC3339Nano) != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// Whatever is on the role: the merged document is JSON, has the cutoff or a higher one, loses no other statement, and
// merging it again changes nothing.
func TestAMergeHoldsItsPromisesForAnyPolicy(t *testing.T) {
	statement := rapid.SampledFrom([]string{
		`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`,
		`{"Effect":"Deny","Action":"*","Resource":"*"}`,
		`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:TokeIssueTime":"2026-01-01T00:00:00Z"}}}`,
		denyStatement(cutoff), denyStatement(cutoff.Add(-time.Hour)), denyStatement(cutoff.Add(time.Hour)),
	})
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(statement, 0, 6).Draw(t, "statements")
		document := `{"Version":"2012-10-17","Statement":[` + strings.Join(list, ",") + `]}`
		p, ok := parsePolicy(document)
		if !ok {
			t.Fatal("cannot be read")
		}
		target := cutoffAt(cutoff, 0, p.cutoff(), time.Time{})
		merged := p.withCutoff(target)
		again, ok := parsePolicy(merged)
		if !ok || !json.Valid([]byte(merged)) {
			t.Fatalf("%s is no policy", merged)
		}
		if !again.cutoff().Equal(target) || again.cutoff().Before(p.cutoff()) {
			t.Fatalf("the cutoff is %v, was %v", again.cutoff(), p.cutoff())
		}
		if again.withCutoff(target) != merged {
			t.Fatal("merging again changes it")
		}
		for _, s := range list {
			if _, ours := ourDates(json.RawMessage(s)); !ours && !strings.Contains(merged, s) {
				t.Fatalf("%s is lost in %s", s, merged)
			}
		}
	})
}

func FuzzParsePolicy(f *testing.F) {
	f.Add(consoleForm)
	f.Add(`{"Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:TokenIssueTime":1}}}}`)
	f.Fuzz(func(t *testing.T, document string) {
		p, _ := parsePolicy(document)
		merged := p.withCutoff(cutoffAt(cutoff, 0, p.cutoff(), time.Time{}))
		again, ok := parsePolicy(merged)
		if !ok || again.cutoff().Before(cutoff) || again.cutoff().Before(p.cutoff()) {
			t.Errorf("%q became %q", document, merged)
		}
	})
}
