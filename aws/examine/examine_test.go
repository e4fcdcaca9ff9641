package examine

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/internal/finding"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

// What each finding says is tested where it is printed, cmd/internal/doctor.
func TestAnAccountIsExaminedBySessionsThatCanChangeNothing(t *testing.T) {
	awsbench.On(t, nil, func(t *testing.T, b *awsbench.Bench) {
		b.Role(standin.RoleSpec{})
		var not []finding.Finding
		for _, name := range []string{"prod", "home", "nowhere"} {
			for _, f := range Account(t.Context(), b.Cloud, name, Measures{"revoke": contain.Revoke()}) {
				if f.State != finding.OK {
					not = append(not, f)
				}
			}
		}
		var checks []string
		for _, f := range not {
			checks = append(checks, f.Check)
		}
		// The bench's policies deny nothing, and the hub's may assume every role.
		if want := []string{
			"prod: protected roles", "home: too much permission", "home: protected roles", "nowhere: session",
		}; !slices.Equal(checks, want) {
			t.Errorf("found %+v", not)
		}
		for _, call := range b.Server.Calls("") {
			if call.Code != "" {
				t.Errorf("%s was refused: %s", call.Action, call.Code)
			}
		}
		for _, call := range b.Server.Calls("AssumeRole") {
			if p := call.Params["Policy"]; p != aws.ReaderPolicy && p != nothing {
				t.Errorf("a session with the policy %s", p)
			}
		}
	})
}

func TestAnExampleOfAProtectedRoleIsOneOfTheAccountThatThePatternMatches(t *testing.T) {
	a := &aws.Conn{Account: aws.Account{ID: awsbench.ProdID, Partition: "aws"}}
	for pattern, want := range map[string]string{
		"arn:aws:iam::*:role/break-glass-*":        "arn:aws:iam::111122223333:role/break-glass-any",
		"arn:aws:iam::111122223333:role/ops/Admin": "arn:aws:iam::111122223333:role/ops/Admin",
		"arn:aws:iam::999900001111:role/Admin":     "",
		"arn:aws-cn:iam::*:role/Admin":             "",
		"*:role/a?c":                               "arn:aws:iam::111122223333:role/axc",
		"*break-glass*":                            "arn:aws:iam::111122223333:role/break-glassany",
		"arn:*:role/*-admin":                       "arn:aws:iam::111122223333:role/any-admin",
		"arn:aws:iam::*:user/somebody":             "",
		"*":                                        "",
	} {
		if got := example(a, contain.Role, pattern); got != want {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
	}
}

func TestNoPatternThatWhoeverMakesRolesCanMatchPassesForAProtection(t *testing.T) {
	for pattern, loose := range map[string]bool{
		"arn:aws:iam::*:role/break-glass-*":          true,
		"arn:aws:iam::*:role/*-admin":                true,
		"arn:aws:iam::111122223333:role/ops/*":       true, // whoever makes a role chooses its path
		"arn:aws:iam::*:role/*/Admin":                true,
		"arn:aws:iam::*:role/Admin?":                 true,
		"*break-glass*":                              true,
		"arn:aws:iam::*:role/break-glass-admin":      false,
		"arn:aws:iam::111122223333:role/ops/Admin":   false,
		"arn:aws:iam::11112222333?:role/Admin":       false,
		"arn:*:iam::*:role/tools/break-glass-nights": false,
	} {
		awsbench.On(t, func(_ *standin.Config, c *aws.Config) {
			c.ProtectedRoles = []string{"arn:aws:iam::*:role/Root", pattern}
		}, func(t *testing.T, b *awsbench.Bench) {
			a, err := b.Cloud.Conn("prod")
			if err != nil {
				t.Fatal(err)
			}
			f := (&examination{cloud: b.Cloud, account: a, kind: contain.Role}).fence([]string{awsbench.SpokeID}, nil)
			if warns := f.State == finding.Warning; warns != loose || loose != strings.Contains(f.Saw, pattern+" protects") {
				t.Errorf("%s: %+v", pattern, f)
			}
		})
	}
}

func TestTheClocksDifferenceIsAsExactAsTheAnswerWas(t *testing.T) {
	sent := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	received := sent.Add(400 * time.Millisecond)
	c := aws.ClockBetween(sent.Add(time.Minute), sent.Add(time.Minute+time.Second), sent, received)
	if !c.Known || c.Ahead != time.Minute+300*time.Millisecond || c.Within != 700*time.Millisecond {
		t.Errorf("%+v", c)
	}
	if (aws.Clock{}).Known {
		t.Error("a clock that nobody read is known")
	}
}
