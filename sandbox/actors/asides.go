package actors

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	standin "github.com/revokebot/revokebot/sandbox/aws"
)

// Aside is another theft, beside that of the story, for a measure other than revoke: an honest
// caller uses a role from home, and an attacker from elsewhere. Both go on as long as they can.
type Aside struct {
	Role       string // of prod
	Measure    string // that fits
	home, away place
	errand     errand

	// open gives both their credentials, again whenever they are denied.
	open func(ctx context.Context, at func(place, aws.Credentials) caller) (home, away aws.Credentials, err error)
}

// The roles of the asides. VendorID is the account of a third party.
const (
	ServiceRole = "web-instance"   // of instances: the attacker reads their metadata service
	ReportRole  = "reporting"      // whose opener's key is stolen
	VendorRole  = "partner-ingest" // of a third party, whose external id leaked
	VendorID    = "222233334444"

	vendorExternalID = "acme-7f3a91"
)

// asides adds the roles, users and the third party of the asides to the accounts.
func (l *life) asides() ([]Aside, error) {
	reports, err := l.world.Prod.NewUser(standin.UserSpec{Name: "ci-reports", Path: "/ci/", Policies: map[string]string{
		"assume": allow([]string{"sts:AssumeRole"}, "arn:aws:iam::"+ProdID+":role/"+ReportRole),
	}})
	if err != nil {
		return nil, fmt.Errorf("seed user ci-reports: %w", err)
	}
	vendor, err := l.server.AddAccount(VendorID, "").NewUser(standin.UserSpec{Name: "ingest", Policies: map[string]string{
		"assume": allow([]string{"sts:AssumeRole"}, "arn:aws:iam::"+ProdID+":role/"+VendorRole),
	}})
	if err != nil {
		return nil, fmt.Errorf("seed the third party: %w", err)
	}
	read := map[string]string{"read": allow([]string{"s3:ListAllMyBuckets"}, "*")}
	for name, trusted := range map[string]string{
		ReportRole: trust([]string{"sts:AssumeRole"}, map[string]any{"AWS": "arn:aws:iam::" + ProdID +
			":user/ci/ci-reports"}, nil),
		VendorRole: trust([]string{"sts:AssumeRole"}, map[string]any{"AWS": "arn:aws:iam::" + VendorID + ":root"},
			map[string]any{"StringEquals": map[string]any{"sts:ExternalId": vendorExternalID}}),
	} {
		if _, err := l.world.Prod.NewRole(standin.RoleSpec{Name: name, Trust: trusted, Policies: read}); err != nil {
			return nil, fmt.Errorf("seed role %s: %w", name, err)
		}
	}
	list := errand{service: "s3", region: ireland, action: "ListBuckets"}
	opened := func(key standin.AccessKey, role, name, external string, home, away place) Aside {
		return Aside{
			Role: role, home: home, away: away, errand: list,
			open: func(ctx context.Context, at func(place, aws.Credentials) caller) (honest, stolen aws.Credentials, err error) {
				for _, c := range []struct {
					place
					to *aws.Credentials
				}{{home, &honest}, {away, &stolen}} {
					in := &sts.AssumeRoleInput{
						RoleArn: aws.String("arn:aws:iam::" + ProdID + ":role/" + role), RoleSessionName: aws.String(name),
					}
					if external != "" {
						in.ExternalId = &external
					}
					out, err := at(c.place, inSDK(key)).sts(ireland).AssumeRole(ctx, in)
					if err != nil {
						return honest, stolen, err
					}
					*c.to = aws.Credentials{
						AccessKeyID: aws.ToString(out.Credentials.AccessKeyId), SessionToken: aws.ToString(out.Credentials.SessionToken),
						SecretAccessKey: aws.ToString(out.Credentials.SecretAccessKey),
					}
				}
				return honest, stolen, nil
			},
		}
	}
	service := Aside{
		Role: ServiceRole, Measure: "restrict", home: instancePlace, away: place{"203.0.113.77", "curl/8.16.0"},
		errand: errand{
			service: "secretsmanager", region: ireland, action: "GetSecretValue",
			params: map[string]string{"SecretId": "shop/orders-db"},
		},
		open: func(context.Context, func(place, aws.Credentials) caller) (home, away aws.Credentials, err error) {
			key, err := l.world.Prod.ServiceSession(ServiceRole, "ec2.amazonaws.com", "i-0c0ffee0c0ffee001", ireland)
			return inSDKSession(key), inSDKSession(key), err
		},
	}
	report := opened(reports, ReportRole, "nightly-report", "", schedulerPlace, place{"203.0.113.78", "Boto3/1.41.2"})
	report.Measure = "freeze"
	third := opened(vendor, VendorRole, "ingest", vendorExternalID, place{"192.0.2.90", schedulerPlace.userAgent},
		place{"203.0.113.79", "Boto3/1.40.0"})
	third.Measure = "rotate-external-id"
	return []Aside{service, report, third}, nil
}

// before lets an aside happen: honest calls every two hours of the last twelve, the attacker's in
// the last forty minutes.
func (l *life) before(a Aside) {
	for ago := 12 * time.Hour; ago > 0; ago -= 2 * time.Hour {
		var home, away aws.Credentials
		at := l.now.Add(-ago + 7*time.Minute)
		if ago == 2*time.Hour {
			at = l.now.Add(-40 * time.Minute)
		}
		honest := a
		l.at(at, "a session of "+a.Role, func() (err error) {
			if ago > 2*time.Hour { // the key or the session is not stolen yet
				honest.away = a.home
			}
			home, away, err = honest.open(l.ctx, func(p place, c aws.Credentials) caller {
				if p == a.away && ago > 2*time.Hour {
					p = a.home
				}
				return l.caller(p, c)
			})
			return err
		})
		for n := range 3 {
			e := a.errand
			e.after = time.Duration(n+1) * 20 * time.Second
			l.run(at, a.home, &home, e)
			if ago == 2*time.Hour {
				e.after += 9 * time.Second
				l.run(at, a.away, &away, e)
			}
		}
	}
}

const (
	// An aside calls every asideEvery intervals, and opens new sessions asideOpens calls after a
	// denial at the earliest: who uses the role does not ask for credentials all the time.
	asideEvery = 5
	asideOpens = 2
)

// runAside lets both callers of an aside go on.
func (c *Cast) runAside(ctx context.Context, a Aside) {
	var home, away aws.Credentials
	for denied := asideOpens; ; {
		if denied >= asideOpens {
			if honest, stolen, err := a.open(ctx, c.caller); err == nil {
				home, away, denied = honest, stolen, 0
			}
		}
		if home.AccessKeyID != "" {
			if err := c.caller(a.away, away).do(ctx, a.errand); outcomeOf(err) == Denied {
				denied++
			}
			_ = c.caller(a.home, home).do(ctx, a.errand) // it shows on the page in CloudTrail alone
		}
		if !wait(ctx, asideEvery*c.cfg.Interval) {
			return
		}
	}
}

// Return lets both callers of each aside open new sessions, where they can, and use them once.
func (c *Cast) Return(ctx context.Context) {
	if c.cfg.Loot == nil {
		return
	}
	for _, a := range c.cfg.Loot.Asides {
		if home, away, err := a.open(ctx, c.caller); err == nil {
			_ = c.caller(a.away, away).do(ctx, a.errand) // both show in CloudTrail alone
			_ = c.caller(a.home, home).do(ctx, a.errand)
		}
	}
}
