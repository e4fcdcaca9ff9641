package measures_test

import (
	"slices"
	"testing"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/measures"
	"github.com/revokebot/revokebot/handlers/record"
)

// attacked is an incident of a role with an honest session and the attacker's: opened with the key
// of its caller, or a copy of its own.
func attacked(key string, copied bool) record.Incident {
	honest := trail.Session{EventID: "e1", SourceAddress: "198.51.100.23", CallerAccessKey: key, AccessKeyID: "ASIA1"}
	theirs := trail.Session{EventID: "e2", SourceAddress: "203.0.113.66", CallerAccessKey: key, AccessKeyID: "ASIA2"}
	in := record.Incident{Sessions: []record.Session{{Session: honest}}, Suspects: map[string]record.Suspect{}}
	if copied {
		in.Suspects["e1"] = record.Suspect{EventID: "e1", From: []string{"203.0.113.66"}}
	} else {
		in.Sessions = append(in.Sessions, record.Session{Session: theirs})
		in.Suspects["e2"] = record.Suspect{EventID: "e2", Address: true}
	}
	return in
}

func TestTheMeasureThatFitsTheVerdictIsOffered(t *testing.T) {
	all := measures.All()
	var listed []approvals.Measure
	for _, k := range all {
		listed = append(listed, k.Name)
	}
	not := record.Conclusion{Word: record.WordNotContained}
	answered := record.Conclusion{Word: record.WordNotContained, Calls: []record.Call{{}}}
	back := record.Conclusion{Word: record.WordNotContained, Sessions: []record.Session{{}}}
	user := role.Principal{Words: "user ci-deploy"}
	ec2, lambda := role.Principal{Words: "the service ec2.amazonaws.com"},
		role.Principal{Words: "the service lambda.amazonaws.com"}
	vendor := role.Principal{Words: "account 444455556666", Conditional: true}
	removed := func(in record.Incident, n int) record.Incident { in.Losses = n; return in }
	undone, foreign := attacked("AKIA1", false), attacked("", false)
	undone.Undone, foreign.Sessions[1].CallerARN = true, "arn:aws:iam::444455556666:role/ingest"
	unnamed := attacked("", false)
	unnamed.Sessions[1].CallerARN, unnamed.Sessions[1].Caller = "", "account 444455556666 (AIDA1)"
	for of, c := range map[string]struct {
		of      approvals.Measure
		trust   role.Principal
		in      record.Incident
		verdict record.Conclusion
		beside  approvals.Measure // in force as well
		without approvals.Measure // not listed
		offer   string
		why     string
	}{
		"a service role and an attacker outside": {
			approvals.Revoke, ec2, attacked("", true), not, "", "",
			"restrict", "services use this role, and the attacker is outside",
		},
		"Lambda would not work any more": {approvals.Revoke, lambda, attacked("", true), not, "", "", "", ""},
		"no service uses the role":       {approvals.Revoke, user, attacked("", true), not, "", "", "", ""},
		"restrict is not listed":         {approvals.Revoke, ec2, attacked("", true), not, "", approvals.Restrict, "", ""},
		"the role is restricted already": {approvals.Revoke, ec2, attacked("", true), not, approvals.Restrict, "", "", ""},
		"a key of a caller that is stolen": {
			approvals.Revoke, user, attacked("AKIA1", false), back, "", "", "freeze",
			"the caller's own key is stolen",
		},
		"freeze is not built or not listed": {
			approvals.Revoke, user, attacked("AKIA1", false), back, "", "freeze",
			"lock", "the attacker has opened a new session",
		},
		"freeze goes with revoke or lock alone": {
			approvals.Restrict, user, attacked("AKIA1", false), not, "", "", "", "",
		},
		"an instance's key is no key of a caller": {approvals.Revoke, user, attacked("ASIA9", false), not, "", "", "", ""},
		"a vendor": {
			approvals.Revoke, vendor, foreign, not, "", "", "rotate-external-id",
			"a third party's session is unusual, so its external id may have leaked",
		},
		"a vendor's user, whom CloudTrail names by the account alone": {
			approvals.Revoke, vendor, unnamed, not, "", "", "rotate-external-id",
			"a third party's session is unusual, so its external id may have leaked",
		},
		"removed twice": {
			approvals.Revoke, user, removed(attacked("", true), 2),
			record.Conclusion{Word: record.WordContained},
			"", "", "lock", "the policy was removed twice",
		},
		"removed five times": {
			approvals.Restrict, ec2, removed(attacked("", true), 5), not, "", "", "lock",
			"the policy was removed 5 times",
		},
		"removed once": {approvals.Revoke, user, removed(attacked("", true), 1), not, "", "", "", ""},
		"inside a restriction": {
			approvals.Restrict, ec2, attacked("", true), answered, "", "",
			"revoke", "the attacker calls from a known address",
		},
		"inside, and revoked": {
			approvals.Restrict, ec2, attacked("", true), answered, approvals.Revoke, "",
			"lock", "sessions that should be denied still have access",
		},
		"contained": {
			approvals.Revoke, ec2, attacked("AKIA1", false),
			record.Conclusion{Word: record.WordContained},
			"",
			"", "", "",
		},
		"quiet": {approvals.Revoke, ec2, attacked("AKIA1", false), record.Conclusion{
			Word:   record.WordUnknown,
			Silent: true,
		}, "", "", "", ""},
		"superseded": {
			approvals.Revoke, ec2, removed(attacked("", true), 2),
			record.Conclusion{Word: record.WordSuperseded},
			"", "", "", "",
		},
		"undone": {approvals.Revoke, ec2, undone, back, "", "", "", ""},
		"locked": {approvals.Lock, user, attacked("", true), answered, "", "", "", ""},
	} {
		r := record.Role{Role: role.Role{Trust: []role.Principal{c.trust}}}
		r.AccountID = "111122223333"
		if c.beside != "" {
			r.InForce = []record.Other{{Measure: c.beside}}
		}
		may := slices.DeleteFunc(slices.Clone(listed), func(m approvals.Measure) bool { return m == c.without })
		name, why := "", ""
		if o := all.Next(c.of, may, r, c.verdict, c.in); o != nil {
			name, why = o.Name, o.Why
		}
		if name != c.offer || why != c.why {
			t.Errorf("%s: %q, because %q", of, name, why)
		}
	}
	key := record.Role{Key: "AKIA1"}
	key.Kind = contain.User
	if o := all.Next(approvals.AccessKey, listed, key, back, removed(attacked("AKIA1", false), 3)); o != nil {
		t.Errorf("for a user: %s", o.Name)
	}
}

func TestAMeasureThatDoesNotExistIsNotOffered(t *testing.T) {
	in, back := attacked("AKIA1", false), record.Conclusion{Word: record.WordNotContained, Sessions: []record.Session{{}}}
	o := measures.All().Next(approvals.Revoke, []approvals.Measure{"freeze", "revoke"}, record.Role{}, back, in)
	if _, exists := measures.All().Of("freeze"); !exists && o != nil {
		t.Errorf("%s", o.Name)
	}
}
