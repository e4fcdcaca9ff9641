package contain_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/sandbox/aws"
)

var role = contain.Target{
	Principal: contain.Principal{
		Kind: contain.Role, AccountName: "prod", AccountID: "111122223333", Partition: "aws", Path: "/", Name: "DeployRole",
		ARN: "arn:aws:iam::111122223333:role/DeployRole", ID: "AROAEXAMPLE",
	},
	Request: "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
}

// evaluate asks the sandbox's policy evaluator.
func evaluate(policy string, keys []contain.ContextKey) (denied bool, err error) {
	deny, err := aws.ParsePolicy(policy)
	if err != nil {
		return false, fmt.Errorf("%w: %s", err, policy)
	}
	allow, err := aws.ParsePolicy(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	if err != nil {
		return false, err
	}
	request := aws.Request{Action: "s3:ListAllMyBuckets", Resource: "*", Context: aws.Context{}}
	for _, k := range keys {
		request.Context[k.Name] = k.Values
	}
	switch d := aws.Evaluate(request, allow, deny).Decision; d {
	case aws.ExplicitDeny, aws.Allowed:
		return d == aws.ExplicitDeny, nil
	default:
		return false, fmt.Errorf("the evaluator says %v of %s", d, policy)
	}
}

// sessionOf are the condition keys of a session that was issued at a moment.
func sessionOf(issued time.Time) []contain.ContextKey {
	date := issued.UTC().Format("2006-01-02T15:04:05.000Z")
	return []contain.ContextKey{{Name: "aws:TokenIssueTime", Type: "date", Values: []string{date}}}
}

// revocations are texts of a slot around a moment: exact ones in each form, and dates too far
// ahead.
func revocations(now time.Time, slot contain.Slot) []slotText {
	if !slot.Kind.Inline() {
		return nil
	}
	var texts []slotText
	for _, at := range []time.Duration{-48 * time.Hour, -time.Second, 0, time.Minute, time.Hour} {
		for _, text := range forms(now.Add(at)) {
			texts = append(texts, slotText{Text: text})
		}
	}
	for _, date := range []time.Time{
		now.Add(time.Hour + 2*time.Second), now.AddDate(1, 0, 0),
		time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	} {
		until := date.Add(-time.Hour - time.Second)
		texts = append(texts, slotText{Text: contain.Revocation(date), Foreign: true, Until: until})
	}
	return texts
}

// forms are documents that are exactly a revocation.
func forms(at time.Time) []string {
	seconds := fmt.Sprint(at.Unix())
	dates := []string{seconds, `"` + seconds + `"`}
	for _, layout := range []string{`"2006-01-02T15:04:05Z"`, `"2006-01-02T15:04:05.0Z"`, `"2006-01-02T15:04:05.000Z"`} {
		dates = append(dates, at.UTC().Format(layout))
	}
	var texts []string
	for _, form := range []string{
		`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],` +
			`"Condition":{"DateLessThan":{"aws:TokenIssueTime":%s}}}]}`,
		`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*",` +
			`"Condition":{"DateLessThan":{"AWS:tokenissuetime":[%s]}}}}`,
		" {\n\t\"Statement\": [ {\"Condition\":{ \"DateLessThan\":{\"aws:TokenIssueTime\":%s }}, \"Resource\":[\"*\"], " +
			"\"Action\":\"*\",\r\n\"Effect\":\"Deny\"} ], \"Version\":\"2008-10-17\"} ",
	} {
		for _, date := range dates {
			texts = append(texts, fmt.Sprintf(form, date))
		}
	}
	return texts
}

func TestRevokeKeepsThePromisesOfEveryMeasure(t *testing.T) {
	keepsPromises(t, contain.Revoke(), options{Target: role, Texts: revocations, Evaluate: evaluate})
}

func TestLockKeepsThePromisesOfEveryMeasure(t *testing.T) {
	keepsPromises(t, contain.Lock(), options{
		Target: role, Evaluate: evaluate,
		Texts: func(_ time.Time, slot contain.Slot) []slotText { return []slotText{{Text: slot.Name}} },
	})
}

func TestKeyKeepsThePromisesOfEveryMeasure(t *testing.T) {
	keepsPromises(t, contain.Key(), options{
		Target: user, Evaluate: evaluate,
		Texts: func(now time.Time, slot contain.Slot) []slotText {
			if slot.Kind == contain.KeyStatus {
				return []slotText{{Text: "Active"}, {Text: "Inactive"}}
			}
			return revocations(now, slot)
		},
	})
}
