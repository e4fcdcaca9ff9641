package actors

import (
	"fmt"
	"time"

	standin "github.com/revokebot/revokebot/sandbox/aws"
)

// liveInStaging lets the second account's day happen, which is quieter than the first one's: a
// build and a person who looks at it assumed DeployRole, and their sessions are still good.
func liveInStaging(server *standin.Server, a *standin.Account) error {
	offset := time.Until(server.Now()).Round(time.Second)
	defer server.SetClockOffset(offset)
	server.SetClockOffset(offset - 96*time.Minute)
	if _, err := a.SAMLSession(DeployRole, standin.SAMLSpec{
		Provider: "Okta", User: "nils@acme.example", SourceIdentity: "nils", Region: "eu-west-1", Duration: 8 * time.Hour,
		SourceIP:  "198.51.100.93",
		UserAgent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0",
	}); err != nil {
		return fmt.Errorf("seed the day of account %s: %w", a.ID(), err)
	}
	server.SetClockOffset(offset - 22*time.Minute)
	if _, err := a.WebIdentitySession(DeployRole, standin.WebIdentitySpec{
		Provider: "token.actions.githubusercontent.com", Subject: "repo:acme/shop:environment:staging",
		SessionName: "github-18220-staging",
		Region:      "us-east-1", SourceIP: "192.0.2.44", UserAgent: "aws-sdk-nodejs/3.940.0",
	}); err != nil {
		return fmt.Errorf("seed the day of account %s: %w", a.ID(), err)
	}
	return nil
}
