package actors

import (
	"context"
	"fmt"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	standin "github.com/revokebot/revokebot/sandbox/aws"
)

const (
	backupRole    = "NightlyBackup"
	forgottenUser = "report-export"
	virginia      = "us-east-1"
	ireland       = "eu-west-1"
)

// The places of the day. All addresses are of the blocks that RFC 5737 keeps for documentation.
var (
	functionPlace = place{
		"198.51.100.201", "Boto3/1.41.2 md/Botocore#1.41.2 ua/2.1 os/linux#5.10 md/arch#aarch64 lang/python#3.13.7 " +
			"exec-env/AWS_Lambda_python3.13",
	}
	ordersPlace = place{
		"198.51.100.202", "aws-sdk-js/3.940.0 ua/2.1 os/linux#5.10 lang/js md/nodejs#22.20.0 exec-env/AWS_Lambda_nodejs22.x",
	}
	instancePlace  = place{"198.51.100.160", "aws-sdk-java/2.38.5 ua/2.1 os/Linux#6.1 lang/java#21.0.9"}
	schedulerPlace = place{
		"198.51.100.31", "aws-cli/2.31.4 md/awscrt#0.27.6 ua/2.1 os/linux#6.12.25-amd64 lang/python#3.13.7",
	}
)

const browser = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"

// people adds the users of the day, made long ago: set puts the clock back by so many days.
func (l *life) people(set func(days int)) error {
	set(388)
	scheduler, err := l.world.Prod.NewUser(standin.UserSpec{
		Name: "ops-scheduler", Path: "/ops/",
		Policies: map[string]string{
			"backup": allow([]string{"sts:AssumeRole"}, "arn:aws:iam::"+ProdID+":role/ops/"+backupRole),
		},
	})
	if err != nil {
		return fmt.Errorf("seed user ops-scheduler: %w", err)
	}
	set(540)
	forgotten, err := l.world.Prod.NewUser(standin.UserSpec{Name: forgottenUser, Path: "/ci/", Policies: map[string]string{
		"export": allow([]string{"s3:ListAllMyBuckets", "s3:GetObject"}, "*"),
	}})
	if err != nil {
		return fmt.Errorf("seed user %s: %w", forgottenUser, err)
	}
	l.scheduler, l.forgotten = inSDK(scheduler), inSDK(forgotten)
	return nil
}

// plan writes down all moments of the day.
func (l *life) plan() {
	l.deployByToken()
	l.deployByKey()
	l.functions()
	l.instances()
	l.console()
	l.backup()
	l.export()
	l.theft()
}

// deployByToken: a hosted build system exchanges its tokens for sessions.
func (l *life) deployByToken() {
	subjects := []string{
		"repo:acme/shop:ref:refs/heads/main", "repo:acme/shop:pull_request", "repo:acme/shop:environment:production",
	}
	for i, at := range l.workday(34) {
		var creds awssdk.Credentials
		p := place{
			fmt.Sprintf("192.0.2.%d", 40+l.chance.IntN(9)),
			"aws-sdk-nodejs/3.940.0 ua/2.1 os/linux#6.11 lang/js md/nodejs#24.11.1",
		}
		l.at(at, "a deployment by token", func() error {
			key, err := l.world.Prod.WebIdentitySession(DeployRole, standin.WebIdentitySpec{
				Provider: "token.actions.githubusercontent.com", Subject: subjects[i%len(subjects)],
				SessionName: fmt.Sprintf("github-%d", 18160+i),
				Region:      virginia, SourceIP: p.address, UserAgent: p.userAgent,
			})
			creds = inSDKSession(key)
			return err
		})
		errands := []errand{{after: 6 * time.Second, service: "ecr", region: virginia, action: "GetAuthorizationToken"}}
		if i%3 != 1 { // not for what is only proposed
			errands = append(errands,
				errand{
					after: 74 * time.Second, service: "ecs", region: virginia, action: "UpdateService",
					params: map[string]string{"cluster": "shop", "service": "web"},
				},
				errand{
					after: 139 * time.Second, service: "ecs", region: virginia, action: "DescribeServices",
					params: map[string]string{"cluster": "shop"},
				})
		}
		l.run(at, p, &creds, errands...)
	}
}

// deployByKey: the job in the terminal, earlier in the day.
func (l *life) deployByKey() {
	for i, at := range l.workday(22) {
		var creds awssdk.Credentials
		l.at(at, "a deployment by key", func() error {
			s, err := l.caller(runnerPlace, l.world.Key()).assume(l.ctx, virginia, l.world.Role,
				fmt.Sprintf("deploy-%d", 1812+i), time.Hour)
			creds = s.creds
			return err
		})
		l.run(at, runnerPlace, &creds,
			errand{
				after: 2 * time.Second, service: "cloudformation", region: virginia, action: "DescribeStacks",
				params: map[string]string{"StackName": "shop"},
			},
			errand{
				after: 9 * time.Second, service: "cloudformation", region: virginia, action: "UpdateStack",
				params: map[string]string{"StackName": "shop"},
			},
			errand{after: 95 * time.Second, service: "iam", action: "ListRoles"})
	}
}

// functions have their sessions from Lambda.
func (l *life) functions() {
	start := func(at time.Time, role, name string, p place, errands ...errand) {
		var creds awssdk.Credentials
		l.at(at, "the function "+name, func() error {
			key, err := l.world.Prod.ServiceSession(role, "lambda.amazonaws.com", name, ireland)
			creds = inSDKSession(key)
			return err
		})
		errands = append(errands, errand{
			after: time.Second, service: "logs", region: ireland, action: "CreateLogStream",
			params: map[string]string{
				"logGroupName": "/aws/lambda/" + name, "logStreamName": at.UTC().Format("2006/01/02") + "/[$LATEST]",
			},
		})
		l.run(at, p, &creds, errands...)
	}
	secret := func(name string) errand {
		return errand{
			after: 3 * time.Second, service: "secretsmanager", region: ireland, action: "GetSecretValue",
			params: map[string]string{"SecretId": name},
		}
	}
	for _, at := range l.every(95*time.Minute, 20*time.Minute) {
		start(at, DeployRole, "release-notes", functionPlace, secret("shop/release-bot"))
	}
	for _, at := range l.every(2*time.Hour, 7*time.Minute) {
		start(at, "orders-fn-role", "orders-fn", ordersPlace, secret("shop/orders-db"))
	}
}

// instances get new credentials every six hours.
func (l *life) instances() {
	for i, id := range []string{"i-0c0ffee0c0ffee001", "i-0c0ffee0c0ffee002"} {
		for _, at := range l.every(6*time.Hour, time.Duration(11+17*i)*time.Minute) {
			var creds awssdk.Credentials
			l.at(at, "the instance "+id, func() error {
				key, err := l.world.Prod.ServiceSession("web-instance", "ec2.amazonaws.com", id, ireland)
				creds = inSDKSession(key)
				return err
			})
			p := place{fmt.Sprintf("198.51.100.%d", 160+i), instancePlace.userAgent}
			l.run(at, p, &creds,
				errand{after: 40 * time.Second, service: "ssm", region: ireland, action: "GetParameters"},
				errand{
					after: 41 * time.Second, service: "secretsmanager", region: ireland, action: "GetSecretValue",
					params: map[string]string{"SecretId": "shop/orders-db"},
				})
		}
	}
}

// console: people sign in and look at things; one of them tries what the role may not do.
func (l *life) console() {
	for i, at := range l.workday(8) {
		who := []struct{ name, region, address string }{
			{"rosa", ireland, "198.51.100.71"}, {"tomas", virginia, "198.51.100.88"}, {"mei", ireland, "198.51.100.93"},
		}[i%3]
		p := place{who.address, browser}
		var creds awssdk.Credentials
		l.at(at, who.name+" signs in", func() error {
			key, err := l.world.Prod.SAMLSession(DeployRole, standin.SAMLSpec{
				Provider: "Okta", User: who.name + "@acme.example", SourceIdentity: who.name, Region: who.region,
				Duration: 8 * time.Hour,
				SourceIP: who.address, UserAgent: browser,
			})
			creds = inSDKSession(key)
			return err
		})
		errands := []errand{
			{
				after: 20 * time.Second, service: "cloudformation", region: who.region, action: "DescribeStacks",
				params: map[string]string{"StackName": "shop"},
			},
			{after: 63 * time.Second, service: "ec2", region: who.region, action: "DescribeInstances"},
			{after: 110 * time.Second, service: "lambda", region: who.region, action: "ListFunctions"},
		}
		if i == 4 {
			errands = append(errands, errand{
				after: 170 * time.Second, service: "rds", region: who.region, action: "DescribeDBSnapshots", denied: true,
			})
		}
		l.run(at, p, &creds, errands...)
	}
	for _, at := range l.workday(3) {
		l.at(at, "an administrator signs in", func() error {
			_, err := l.world.Prod.SAMLSession("AWSReservedSSO_AdministratorAccess_0a1b2c3d4e5f6a7b", standin.SAMLSpec{
				Provider: "AWSSSO_0a1b2c3d4e5f6a7b_DO_NOT_DELETE", User: "kim@acme.example", Region: ireland,
				Duration: 8 * time.Hour,
			})
			return err
		})
	}
}

// backup: a scheduler assumes the role for the databases, every six hours.
func (l *life) backup() {
	for i, at := range l.every(6*time.Hour, 2*time.Hour) {
		var creds awssdk.Credentials
		l.at(at, "the backup", func() error {
			s, err := l.caller(schedulerPlace, l.scheduler).assume(l.ctx, ireland,
				"arn:aws:iam::"+ProdID+":role/ops/"+backupRole, "nightly", time.Hour)
			creds = s.creds
			return err
		})
		l.run(at, schedulerPlace, &creds,
			errand{
				after: 4 * time.Second, service: "rds", region: ireland, action: "CreateDBSnapshot",
				params: map[string]string{
					"DBInstanceIdentifier": "orders", "DBSnapshotIdentifier": fmt.Sprintf("orders-%d", i),
				},
			},
			errand{
				after: 58 * time.Second, service: "rds", region: ireland, action: "DescribeDBSnapshots",
				params: map[string]string{"DBInstanceIdentifier": "orders"},
			})
	}
}

// export: the forgotten user's first key still does its one thing.
func (l *life) export() {
	for _, at := range l.every(12*time.Hour, 5*time.Hour) {
		l.run(at, schedulerPlace, &l.forgotten, errand{service: "s3", region: virginia, action: "ListBuckets"})
	}
}

// look makes one of the calls of IAM that need no parameters.
func (c caller) look(ctx context.Context, action string) (err error) {
	switch action {
	case "ListRoles":
		_, err = c.iam().ListRoles(ctx, &iam.ListRolesInput{MaxItems: awssdk.Int32(1000)})
	case "ListUsers":
		_, err = c.iam().ListUsers(ctx, &iam.ListUsersInput{})
	default:
		err = fmt.Errorf("nobody here calls iam:%s", action)
	}
	return err
}
