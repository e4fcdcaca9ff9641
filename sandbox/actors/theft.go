package actors

import (
	"fmt"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// theft: a deployment of 52 minutes ago left its session in a public gist. Somebody elsewhere found
// it.
func (l *life) theft() {
	issued := l.now.Add(-52 * time.Minute)
	found := issued.Add(6 * time.Minute)
	p, loot := thiefPlace, &l.loot
	thief := func() caller { return l.caller(p, loot.Stolen) }

	l.at(issued, "the deployment that leaks", func() error {
		s, err := l.caller(runnerPlace, l.world.Key()).assume(l.ctx, virginia, l.world.Role, "deploy-1840", 12*time.Hour)
		loot.Stolen, loot.ARN, loot.Issued = s.creds, s.arn, s.issued
		return err
	})
	l.run(issued, runnerPlace, &loot.Stolen,
		errand{
			after: 2 * time.Second, service: "cloudformation", region: virginia, action: "DescribeStacks",
			params: map[string]string{"StackName": "shop"},
		},
		errand{
			after: 8 * time.Second, service: "cloudformation", region: virginia, action: "UpdateStack",
			params: map[string]string{"StackName": "shop"},
		})

	l.at(found, "the thief's first look", func() error {
		_, err := thief().sts(virginia).GetCallerIdentity(l.ctx, &sts.GetCallerIdentityInput{})
		return err
	})
	l.run(found, p, &loot.Stolen,
		errand{after: 9 * time.Second, service: "iam", action: "ListRoles"},
		errand{after: 31 * time.Second, service: "iam", action: "ListUsers"},
		errand{after: 55 * time.Second, service: "s3", region: virginia, action: "ListBuckets"},
		errand{after: 70 * time.Second, service: "ec2", region: virginia, action: "DescribeInstances"},
		errand{after: 78 * time.Second, service: "ec2", region: ireland, action: "DescribeInstances"},
		errand{after: 102 * time.Second, service: "lambda", region: ireland, action: "ListFunctions"},
		errand{after: 131 * time.Second, service: "secretsmanager", region: ireland, action: "ListSecrets"},
		errand{
			after: 140 * time.Second, service: "secretsmanager", region: ireland, action: "GetSecretValue",
			params: map[string]string{"SecretId": "shop/payments-api"},
		},
		errand{
			after: 143 * time.Second, service: "secretsmanager", region: ireland, action: "GetSecretValue",
			params: map[string]string{"SecretId": "shop/orders-db"},
		},
		errand{after: 171 * time.Second, service: "rds", region: ireland, action: "DescribeDBSnapshots", denied: true},
	)
	l.doors(found.Add(3 * time.Minute))
	l.chain(found.Add(7 * time.Minute))
	l.at(found.Add(8*time.Minute), "the second gist's key", func() error {
		_, err := l.caller(p, l.world.RivalKey()).sts(virginia).GetCallerIdentity(l.ctx, &sts.GetCallerIdentityInput{})
		return err
	})
	rival := l.world.RivalKey()
	l.run(found.Add(8*time.Minute), p, &rival, errand{
		after: 20 * time.Second, service: "iam", action: "ListUsers",
		denied: true,
	})
	for at := found.Add(12 * time.Minute); at.Before(l.now.Add(-time.Minute)); at = at.Add(3 * time.Minute) {
		l.run(at, p, &loot.Stolen, errand{service: "iam", action: "ListRoles"})
	}
}

// doors: a user of the thief's own is refused, a key for a forgotten one is not. The key does not
// get them the role.
func (l *life) doors(at time.Time) {
	var key awssdk.Credentials
	l.at(at, "a new user", func() error {
		_, err := l.caller(thiefPlace, l.loot.Stolen).iam().
			CreateUser(l.ctx, &iam.CreateUserInput{UserName: awssdk.String("svc-monitoring")})
		return expected(true, err)
	})
	l.at(at.Add(22*time.Second), "a new key", func() error {
		out, err := l.caller(thiefPlace, l.loot.Stolen).iam().
			CreateAccessKey(l.ctx, &iam.CreateAccessKeyInput{UserName: awssdk.String(forgottenUser)})
		if err != nil {
			return err
		}
		key = awssdk.Credentials{
			AccessKeyID:     awssdk.ToString(out.AccessKey.AccessKeyId),
			SecretAccessKey: awssdk.ToString(out.AccessKey.SecretAccessKey),
		}
		return nil
	})
	l.at(at.Add(50*time.Second), "the new key's first call", func() error {
		_, err := l.caller(thiefPlace, key).sts(virginia).GetCallerIdentity(l.ctx, &sts.GetCallerIdentityInput{})
		return err
	})
	l.at(at.Add(61*time.Second), "the new key and the role", func() error {
		_, err := l.caller(thiefPlace, key).assume(l.ctx, virginia, l.world.Role, "session", time.Hour)
		return expected(true, err)
	})
}

// chain: the stolen session assumes a second role, whose session works until it ends by itself,
// whatever becomes of the first.
func (l *life) chain(at time.Time) {
	l.at(at, "the second role", func() error {
		s, err := l.caller(thiefPlace, l.loot.Stolen).assume(l.ctx, ireland, "arn:aws:iam::"+ProdID+":role/ops/"+backupRole,
			"botocore-session-1763", time.Hour)
		l.loot.Chained = s.creds
		return err
	})
	l.run(at, thiefPlace, &l.loot.Chained,
		errand{after: 14 * time.Second, service: "rds", region: ireland, action: "DescribeDBSnapshots"},
		errand{after: 29 * time.Second, service: "s3", region: ireland, action: "ListBuckets"},
		errand{after: 47 * time.Second, service: "ec2", region: ireland, action: "DescribeSnapshots"},
		errand{
			after: 90 * time.Second, service: "rds", region: ireland, action: "CreateDBSnapshot",
			params: map[string]string{
				"DBInstanceIdentifier": "orders", "DBSnapshotIdentifier": "orders-copy",
			},
		},
	)
}

// prowl is a command that the thief's terminal shows, and the call that it makes.
type prowl struct {
	command string
	errand  errand
	chained bool // with the second role's session
}

// prowls are what the thief does between two looks at the roles.
func prowls() []prowl {
	profile := fmt.Sprintf(" --profile %s", backupRole)
	return []prowl{
		{"aws s3api list-buckets" + profile, errand{service: "s3", region: ireland, action: "ListBuckets"}, true},
		{"aws s3api list-buckets", errand{service: "s3", region: virginia, action: "ListBuckets"}, false},
		{
			"aws rds describe-db-snapshots --region " + ireland + profile, errand{
				service: "rds", region: ireland, action: "DescribeDBSnapshots",
			}, true,
		},
		{
			"aws secretsmanager get-secret-value --secret-id shop/payments-api --region " + ireland,
			errand{
				service: "secretsmanager", region: ireland, action: "GetSecretValue",
				params: map[string]string{"SecretId": "shop/payments-api"},
			},
			false,
		},
		{
			"aws ec2 describe-instances --region " + ireland, errand{
				service: "ec2", region: ireland, action: "DescribeInstances",
			}, false,
		},
	}
}
