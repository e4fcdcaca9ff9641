package contain_test

import (
	"encoding/json"
	"strings"
)

// consoleText is a document as the IAM console writes it. The foreign texts below are made of it,
// each with one thing that makes it another document.
const consoleText = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],` +
	`"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-11-22T09:00:00.000Z"}}}]}`

// foreignSlots are documents that are foreign to every measure. Some of them hide an Allow behind
// a Deny, some look like a revocation and deny nothing, and some are read in another way by another
// reader.
func foreignSlots() []slotText {
	texts := []slotText{}
	for _, text := range foreignTexts() {
		texts = append(texts, slotText{Text: text, Foreign: true})
	}
	return texts
}

// foreignTexts returns texts that an inline policy can hold and that no measure writes over or
// takes for its own.
func foreignTexts() []string {
	texts := []string{
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`,
		`{"Version":"2012-10-17","Statement":[]}`,
		`{`, `null`, `[]`, `"x"`, ` `, consoleText + consoleText, consoleText + `x`,
	}
	for _, change := range [][2]string{
		{`]}`, `,{"Effect":"Allow","Action":"*","Resource":"*"}]}`},
		{`[{"Effect":"Deny"`, `[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny"`},
		{`]}`, `],"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`},
		{`]}`, `],"statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`},
		{`"Effect":"Deny"`, `"Effect":"Allow","Effect":"Deny"`},
		{`"Effect":"Deny"`, `"effect":"Allow","Effect":"Deny"`},
		{`"Effect":"Deny"`, `"Effect":"Allow"`},
		{`"Effect":"Deny"`, `"effect":"Deny"`},
		{`"Effect":"Deny"`, `"Effect":"deny"`},
		{`"Effect":"Deny"`, `"Sid":"x","Effect":"Deny"`},
		{`"Effect":"Deny"`, `"Effect":"\u0044eny"`},
		{`"Version":"2012-10-17",`, `"Version":"2012-10-17","Id":"x",`},
		{`"Version":"2012-10-17",`, `"Version":"2012-10-17","Version":"2012-10-17",`},
		{`"Version":"2012-10-17",`, `"Version":"2026-11-22",`},
		{`"Version":"2012-10-17",`, ``},
		{`"Action":["*"]`, `"Action":["s3:*"]`},
		{`"Action":["*"]`, `"Action":["*","s3:*"]`},
		{`"Action":["*"]`, `"Action":[]`},
		{`"Action":["*"]`, `"Action":[["*"]]`},
		{`"Action":["*"]`, `"NotAction":["*"]`},
		{`"Resource":["*"]`, `"Resource":"arn:aws:s3:::*"`},
		{`"Resource":["*"]`, `"NotResource":"arn:aws:s3:::x"`},
		{`"Condition":{`, `"Condition":{"Bool":{"aws:ViaAWSService":"false"},`},
		{`"Condition":{`, `"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2020-01-01T00:00:00Z"},`},
		{`"DateLessThan":{`, `"DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z",`},
		{`"DateLessThan":{`, `"DateLessThan":{"aws:tokenissuetime":"2020-01-01T00:00:00Z",`},
		{`"DateLessThan"`, `"DateLessThanEquals"`},
		{`"DateLessThan"`, `"DateLessThanIfExists"`},
		{`"DateLessThan"`, `"DateGreaterThan"`},
		{`"DateLessThan"`, `"datelessthan"`},
		{`"DateLessThan"`, `"ForAllValues:DateLessThan"`},
		{`aws:TokenIssueTime`, `aws:TokeIssueTime`},
		{`aws:TokenIssueTime`, `aws:To\u212aenIssueTime`},
		{`aws:TokenIssueTime`, "aws:To\u212aenIssueTime"},
		{`aws:TokenIssueTime`, `aws:TokenIssueTime `},
	} {
		texts = append(texts, strings.Replace(consoleText, change[0], change[1], 1))
	}
	for _, date := range foreignDates() {
		texts = append(texts, strings.Replace(consoleText, `"2026-11-22T09:00:00.000Z"`, date, 1))
	}
	return texts
}

// foreignDates returns JSON values that look like a date. Some readers take them for one and some
// do not.
func foreignDates() []string {
	return []string{
		`9.9e9`, `"9.9e9"`, `9999999999.5`, `"9999999999.5"`, `1.7e9`, `17e8`, `1700000000.0`, `-1700000000`,
		`"-1700000000"`,
		`"+1700000000"`, `"0700000000"`, `17000000000`, `"17000000000"`, `17000000`, `"0x6553f100"`, `0`, `true`, `null`,
		`""`,
		`"2026-11-22T09:00:00"`, `"2026-11-22T09:00:00z"`, `"2026-11-22t09:00:00Z"`, `"2026-11-22 09:00:00Z"`, `"2026-11-22"`,
		`"2026-11-22T09:00Z"`, `"2026-11-22T09:00:00+00:00"`, `"2026-11-22T10:00:00+01:00"`, `"2026-11-22T09:00:00.Z"`,
		`"2026-11-22T09:00:00.0000Z"`, `"2026-11-22T09:00:00,000Z"`, `"2026-11-22T9:00:00Z"`, `"2026-11-22T24:00:00Z"`,
		`"2026-11-31T09:00:00Z"`, `"2026-13-22T09:00:00Z"`, `"2026-11-22T09:00:60Z"`, `"0000-01-01T00:00:00Z"`,
		`"1969-12-31T23:59:59Z"`, `"12026-11-22T09:00:00Z"`, `" 2026-11-22T09:00:00Z"`, `"2026-11-22T09:00:00Z "`,
		`"2026-11-2*"`,
		`[]`, `["2026-11-22T09:00:00Z","2020-01-01T00:00:00Z"]`, `[["2026-11-22T09:00:00Z"]]`, `{"x":"2026-11-22T09:00:00Z"}`,
	}
}

// holdsDenyOnly reports whether every statement of a policy denies. It reads as a lenient reader
// does: an Effect in any case, and of doubled members each.
func holdsDenyOnly(text string) bool {
	d := json.NewDecoder(strings.NewReader(text))
	denies, effect := false, false
	for {
		t, err := d.Token()
		if err != nil {
			return denies && !d.More()
		}
		s, isText := t.(string)
		switch {
		case effect && s != "Deny":
			return false
		case effect:
			denies = true
		}
		effect = isText && strings.EqualFold(s, "Effect")
	}
}
