package trail

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

// token gets the credentials of a user's session in a region.
func (b *bench) token(key standin.AccessKey, region string) standin.AccessKey {
	b.T.Helper()
	config := b.SDK(key)
	config.Region = region
	out, err := sts.NewFromConfig(config).GetSessionToken(b.T.Context(), &sts.GetSessionTokenInput{})
	if err != nil {
		b.T.Fatal(err)
	}
	c := out.Credentials
	return standin.AccessKey{
		AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken,
	}
}

func (b *bench) whoAmI(key standin.AccessKey, region string) {
	b.T.Helper()
	config := b.SDK(key)
	config.Region = region
	if _, err := sts.NewFromConfig(config).GetCallerIdentity(b.T.Context(), &sts.GetCallerIdentityInput{}); err != nil {
		b.T.Fatal(err)
	}
}

func (b *bench) whose(key string) (Holder, error) {
	return b.trail.Whose(b.T.Context(), "prod", key)
}

// sentence is what people are told of an error.
func sentence(err error) string {
	var refused *aws.RefusedError
	if errors.As(err, &refused) {
		return strings.Join(append([]string{refused.Sentence}, refused.Steps...), " ")
	}
	return aws.Explain(err)
}

func TestASessionsKeyLeadsToItsRoleFromEveryRegion(t *testing.T) {
	onBench(t, func(_ *standin.Config, c *aws.Config) { c.Accounts[0].Regions = nil }, func(t *testing.T, b *bench) {
		role := b.Role(standin.RoleSpec{Path: "/ops/"})
		stolen, err := b.Prod.ServiceSession("Deploy", "ec2.amazonaws.com", "i-0abc", "ap-southeast-2")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		b.whoAmI(stolen, "eu-west-3")
		h, err := b.whose(stolen.AccessKeyID)
		if err != nil || h.Kind != contain.Role || h.ARN != role.ARN || h.Opened.Region != "ap-southeast-2" ||
			h.Opened.Caller != "EC2 instance i-0abc" || h.Last.Region != "eu-west-3" || h.Last.Name != "GetCallerIdentity" {
			t.Errorf("%+v, %v", h, err)
		}
		target, err := h.Target(b.Cloud)
		if err != nil || target.Account.Name != "prod" || target.RoleName != "Deploy" {
			t.Errorf("%+v, %v", target, err)
		}
	})
}

func TestACallAloneTellsTheRoleWhereTheOpeningIsNotFound(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		role := b.Role(standin.RoleSpec{Path: "/ops/"})
		stolen, err := b.Prod.ServiceSession("Deploy", "ec2.amazonaws.com", "i-0abc", "ap-southeast-2") // is not asked
		if err != nil {
			t.Fatal(err)
		}
		b.whoAmI(stolen, "eu-west-1")
		h, err := b.whose(stolen.AccessKeyID)
		if err != nil || h.Kind != contain.Role || h.ARN != role.ARN || h.Opened.EventID != "" ||
			h.Last.Region != "eu-west-1" {
			t.Errorf("%+v, %v", h, err)
		}
	})
}

func TestASessionOfAUserStandsForTheKeyThatOpenedItAndOneOfRootIsRefusedWithWhatToDo(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		key := b.Prod.AddUser(standin.UserSpec{Name: "deployer", Path: "/ci/"})
		session := b.token(key, "eu-west-1")
		h, err := b.whose(session.AccessKeyID)
		if err != nil || h.Kind != contain.User || h.ARN != "arn:aws:iam::"+awsbench.ProdID+":user/ci/deployer" {
			t.Errorf("%+v, %v", h, err)
		}
		target, err := h.Target(b.Cloud)
		if err != nil || target.Kind != contain.User || target.RoleName != "deployer" || target.UserKey != key.AccessKeyID ||
			target.Key != session.AccessKeyID {
			t.Errorf("%+v, %v", target, err)
		}
		if err := b.Prod.RecordEvent("us-east-1", map[string]any{
			"eventName": "ListBuckets", "eventSource": "s3.amazonaws.com", "userIdentity": map[string]any{
				"type": "Root", "arn": "arn:aws:iam::" + awsbench.ProdID + ":root", "accessKeyId": "ASIAROOTROOTROOTROOT",
			},
		}); err != nil {
			t.Fatal(err)
		}
		h, err = b.whose("ASIAROOTROOTROOTROOT")
		if err != nil || h.Kind != "" {
			t.Errorf("%+v, %v", h, err)
		}
		if _, err = h.Target(b.Cloud); !strings.Contains(sentence(err), "a session of the root user of prod") {
			t.Error(sentence(err))
		}
	})
}

// The events of one account tell of sessions of other accounts too.
func TestASessionOfAnotherAccountIsNotTakenForOneOfTheRoleOfThatNameHere(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		const key = "ASIAFOREIGNFOREIGN00"
		user := map[string]any{
			"type": "IAMUser", "arn": "arn:aws:iam::" + awsbench.ProdID + ":user/eve", "accessKeyId": "AKIAEVEEVEEVEEVEEVE0",
		}
		caller := func(kind, arn string) map[string]any {
			return map[string]any{"type": kind, "arn": arn, "principalId": "AROA1:x", "accessKeyId": key}
		}
		call := func(identity map[string]any) map[string]any {
			return map[string]any{"eventName": "Decrypt", "eventSource": "kms.amazonaws.com", "userIdentity": identity}
		}
		opened := func(account string) map[string]any {
			return map[string]any{
				"eventName": "AssumeRole", "eventSource": "sts.amazonaws.com", "userIdentity": user,
				"requestParameters": map[string]any{"roleArn": "arn:aws:iam::" + account + ":role/Deploy", "roleSessionName": "x"},
				"responseElements":  map[string]any{"credentials": map[string]any{"accessKeyId": key}},
				"resources":         []map[string]any{{"type": "AWS::IAM::AccessKey", "ARN": key}},
			}
		}
		for name, c := range map[string]struct {
			event map[string]any
			want  string // "" the role in account home
		}{
			"opened from here":          {opened("999999999999"), `account "999999999999" is not configured`},
			"opened from here, of home": {opened(awsbench.HubID), ""},
			"called here": {
				call(caller("AssumedRole", "arn:aws:sts::999999999999:assumed-role/Deploy/x")), `"999999999999" is not configured`,
			},
			"of an account": {call(caller("AWSAccount", "")), `calls its holder "AROA1:x"`},
			"of a service":  {call(caller("AWSService", "")), "is not a session of a role"},
			"of root":       {call(caller("Root", "arn:aws:iam::"+awsbench.ProdID+":root")), "of the root user of prod"},
		} {
			var h Holder
			e := decodeRecord(eventOf(t, c.event), "us-east-1")
			h.AccountName, h.Key = "prod", key
			h.take([]types.Event{e.in}, key, "us-east-1")
			target, err := h.Target(b.Cloud)
			switch {
			case c.want == "" && (err != nil || target.Account.Name != "home" || target.RoleName != "Deploy"),
				c.want != "" && !strings.Contains(sentence(err), c.want):
				t.Errorf("%s: %+v, %s", name, target, sentence(err))
			}
		}
	})
}

func eventOf(t *testing.T, record map[string]any) types.Event {
	t.Helper()
	raw, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	text, id := string(raw), "e1"
	return types.Event{CloudTrailEvent: &text, EventId: &id}
}

func TestAKeyThatIsNotFoundIsRefusedWithWhereWasAskedAndUntilWhen(t *testing.T) {
	onBench(t, func(in *standin.Config, _ *aws.Config) { in.TrailDelay = time.Minute }, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		stolen, err := b.Prod.ServiceSession("Deploy", "ec2.amazonaws.com", "i-0abc", "eu-west-1")
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.whose(stolen.AccessKeyID)
		const want = "CloudTrail in prod shows no session with access key KEY. 2 regions answered. " +
			"A new session appears within minutes: try again, or give its role."
		if got := strings.Replace(sentence(err), stolen.AccessKeyID, "KEY", 1); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
		time.Sleep(90 * time.Second)
		b.Server.Inject(standin.Fault{Service: "cloudtrail", Region: "us-east-1", Code: "AccessDenied", Times: -1})
		if _, err := b.whose(stolen.AccessKeyID); err != nil {
			t.Errorf("a minute later: %v", err)
		}
		_, err = b.whose("ASIAAAAAAAAAAAAAAAAA")
		for _, want := range []string{
			" 1 region answered. Not asked to the end: us-east-1: reading CloudTrail is not allowed there. ",
			" have reported up to ",
		} {
			if !strings.Contains(sentence(err), want) {
				t.Errorf("%s: no %q", sentence(err), want)
			}
		}
	})
}

func TestTheAccountOfAKeyComesFromTheKey(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		prod := b.Prod.AddUser(standin.UserSpec{Name: "deployer"}).AccessKeyID
		foreign := b.Dev.AddUser(standin.UserSpec{Name: "deployer"}).AccessKeyID
		of := func(text string) string {
			t.Helper()
			ref, ok, err := b.Cloud.ParseKey(text)
			if !ok || err != nil {
				t.Fatal(text, ok, err)
			}
			a, err := b.Cloud.KeyAccount(t.Context(), ref)
			if err != nil {
				return sentence(err)
			}
			return a.Name
		}
		for text, want := range map[string]string{
			prod:              "prod",
			"`" + prod + "`,": "prod",
			"prod/" + prod:    "prod",
			"home/" + prod:    "Access key " + prod + " is of account prod, not of home. Write prod/" + prod + ".",
			"AKIAAAAAAAAAAAAAAAAA": "AWS knows no access key \"AKIAAAAAAAAAAAAAAAAA\". Check that it was copied whole, and " +
				"that it is of the partition aws.",
			foreign: "Access key " + foreign + " is of account " + awsbench.DevID + ", which is not configured here. " +
				"Configured are: prod (" + awsbench.ProdID + "), home (" + awsbench.HubID + ").",
			"attic/" + prod: "There is no account \"attic\". Configured are: prod (" + awsbench.ProdID + "), home (" +
				awsbench.HubID + ").",
		} {
			if got := of(text); got != want {
				t.Errorf("%s: %s\nwant %s", text, got, want)
			}
		}
		b.Server.Inject(standin.Fault{Action: "GetAccessKeyInfo", Code: "AccessDenied", Times: -1})
		if got := of("prod/" + prod); got != "prod" {
			t.Error(got)
		}
		got, want := of(prod), "Write prod/"+prod+" or home/"+prod+", or allow sts:GetAccessKeyInfo"
		if !strings.Contains(got, want) {
			t.Errorf("%s: no %s", got, want)
		}
	})
}

func TestWhatIsNoWholeKeyIsARoleOrSaidToBeCut(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		for text, want := range map[string]string{
			"Deploy": "role", "ASIA": "role", "AKIA-Reader": "role", "ASIAPACIFICDEPLOY": "role",
			"prod/AKIA1234567890123":                              "role",
			"arn:aws:iam::111122223333:role/AKIAIOSFODNN7EXAMPLE": "role", "prod/ops/AKIAIOSFODNN7EXAMPLE": "role",
			"AKIAIOSFODNN7EXAMPL": "cut", "AKIAIOSFODNN7EXAMPLEX": "cut", "ASIAIOSFODNN7": "cut",
			"AKIAIOSFODNN7EXAMPLE": "key", "ASIAIOSFODNN7EXAMPLE": "key", "prod/AKIAIOSFODNN7EXAMPLE.": "key",
		} {
			ref, ok, err := b.Cloud.ParseKey(text)
			got := "role"
			switch {
			case ok && err == nil && ref.ID != "":
				got = "key"
			case ok && strings.Contains(sentence(err), "Copy the whole id."):
				got = "cut"
			}
			if got != want {
				t.Errorf("%s: %s (%+v, %v), want %s", text, got, ref, err, want)
			}
		}
	})
}
