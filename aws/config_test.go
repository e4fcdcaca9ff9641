package aws

import (
	"strings"
	"testing"
	"time"
)

func TestAWrongConfigurationIsRefusedWithEveryFault(t *testing.T) {
	_, err := New(Config{
		Accounts: []Account{
			{Name: "prod", ID: "1111"},
			{Name: "pr/od", ID: "111122223333"},
			{Name: "gov", ID: "222233334444", Partition: "aws-moon"},
			{Name: "spoke", ID: "333344445555", AssumeRole: "arn:aws:iam::999999999999:role/spoke"},
			{Name: "user", ID: "444455556666", AssumeRole: "arn:aws:iam::444455556666:user/spoke"},
			{Name: "cn", ID: "555566667777", Partition: "aws-cn", AssumeRole: "arn:aws:iam::555566667777:role/spoke"},
			{Name: "ext", ID: "666677778888", ExternalID: "x"},
			{Name: "users", ID: "666677778889", UsersRole: "arn:aws:iam::999999999999:role/users"},
			{
				Name: "both", ID: "666677778890", AssumeRole: "arn:aws:iam::666677778890:role/spoke",
				UsersRole: "arn:aws:iam::666677778890:role/spoke",
			},
			{Name: "region", ID: "777788889999", Regions: []string{"us-east-1", "moon", "cn-north-1"}},
			{Name: "group", ID: "777788889901", TrailLogGroup: "arn:aws:logs:us-east-1:777788889901:log-group:a:log-stream:b"},
			{Name: "stream", ID: "777788889902", TrailLogGroup: "arn:aws:s3:::bucket"},
			{Name: "away", ID: "777788889903", TrailLogGroup: "arn:aws-cn:logs:cn-north-1:777788889903:log-group:trail"},
			{Name: "strange", ID: "777788889904", TrailLogGroup: "arn:aws:logs:us-east-1:999999999999:log-group:trail:*"},
			{Name: "twice", ID: "888899990000"},
			{Name: "twice", ID: "888899990001"},
			{Name: "same", ID: "888899990000"},
		},
		DefaultAccount: "nobody",
		ProtectedRoles: []string{"break-glass"},
		ProtectedUsers: []string{"alice"},
		Margin:         time.Hour,
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, part := range []string{
		`account "prod": the id "1111"`, `account "pr/od": the name`, `the partition "aws-moon"`,
		`"arn:aws:iam::999999999999:role/spoke" is of another account`, `is not the ARN of a role`,
		`is of another partition than aws-cn`, `external_id without assume_role`, `the region "moon"`,
		`the region cn-north-1 is not of the partition aws`, `account twice is configured twice`,
		`accounts twice and same have the same id`, `default account "nobody"`, `protected role "break-glass"`,
		`users_role "arn:aws:iam::999999999999:role/users" is of another account`,
		`users_role is the same as assume_role`,
		`account "group": trail_log_group "arn:aws:logs:us-east-1:777788889901:log-group:a:log-stream:b" is not the ARN of a`,
		`account "stream": trail_log_group "arn:aws:s3:::bucket" is not the ARN of a log group`,
		`account "away": trail_log_group "arn:aws-cn:logs:cn-north-1:777788889903:log-group:trail" is of another partition`,
		`account "strange": trail_log_group is in the account 999999999999, which is not configured`,
		`protected user "alice" can match no ARN`, `the margin is 1h0m0s`,
		`AWS credentials are missing`,
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("nothing says %q in:\n%v", part, err)
		}
	}
	if _, err := New(Config{SDK: noCredentials}); err == nil || !strings.Contains(err.Error(), "no account") {
		t.Errorf("without accounts: %v", err)
	}
}

func TestTheHomeRegionIsAlwaysAsked(t *testing.T) {
	for _, c := range []struct {
		account Account
		want    string
	}{
		{
			Account{Name: "a", ID: "111122223333", Regions: []string{"eu-west-1", "us-east-1", "eu-west-1"}},
			"eu-west-1 us-east-1",
		},
		{
			Account{Name: "a", ID: "111122223333", Partition: "aws-cn", Regions: []string{"cn-northwest-1"}},
			"cn-north-1 cn-northwest-1",
		},
		{Account{Name: "a", ID: "111122223333", Partition: "aws-us-gov"}, "us-gov-east-1 us-gov-west-1"},
	} {
		cloud := offline(t, Config{Accounts: []Account{c.account}})
		if got, err := cloud.accounts[0].TrailRegions(t.Context()); err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%+v: %s, %v", c.account, got, err)
		}
	}
}

func TestSTSIsAskedInsideThePartition(t *testing.T) {
	for _, c := range []struct{ configured, partition, want string }{
		{"", "aws", "us-east-1"},
		{"eu-west-1", "aws", "eu-west-1"},
		{"aws-global", "aws", "us-east-1"},
		{"eu-west-1", "aws-cn", "cn-north-1"},
		{"cn-northwest-1", "aws-cn", "cn-northwest-1"},
		{"us-gov-east-1", "aws", "us-east-1"},
	} {
		if got := stsRegion(c.configured, c.partition); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestPatternsIgnoreCaseAndKnowStarAndQuestionMark(t *testing.T) {
	const arn = "arn:aws:iam::111122223333:role/ops/Break-Glass-1"
	for pattern, want := range map[string]bool{
		"*":                                   true,
		arn:                                   true,
		strings.ToUpper(arn):                  true,
		"arn:aws:iam::*:role/*break-glass-*":  true,
		"arn:aws:iam::*:role/break-glass-*":   false, // the path is part of the ARN
		"arn:aws:iam::111122223333:role/*-?":  true,
		"arn:aws:iam::111122223333:role/*-??": false,
		"arn:aws:iam::444455556666:role/*":    false,
		"":                                    false,
		arn + "?":                             false,
		arn + "*":                             true,
	} {
		if MatchFold(pattern, arn) != want {
			t.Errorf("%q: %v", pattern, !want)
		}
	}
}

func TestALogGroupIsAskedInItsOwnAccountAndRegion(t *testing.T) {
	const group = "arn:aws:logs:eu-west-1:777788889999:log-group:/trail/all"
	cloud := offline(t, Config{Accounts: []Account{
		{Name: "prod", ID: "111122223333", TrailLogGroup: group + ":*", AssumeRole: "arn:aws:iam::111122223333:role/spoke"},
		{Name: "audit", ID: "777788889999", TrailLogGroup: group},
		{Name: "dev", ID: "444455556666"},
	}})
	for name, want := range map[string]string{"prod": group, "audit": group, "dev": ""} {
		g := cloud.byName[name].LogGroup()
		if want == "" {
			if g != nil {
				t.Errorf("%s: %+v", name, g)
			}
			continue
		}
		if g.ARN != want || g.Name != "/trail/all" || g.Region != "eu-west-1" || g.Keeper() != cloud.byName["audit"] {
			t.Errorf("%s: %+v", name, g)
		}
	}
}
