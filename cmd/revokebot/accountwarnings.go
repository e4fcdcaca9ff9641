package main

import "github.com/revokebot/revokebot/aws"

// accountWarnings tells of accounts in which a revocation is bounded or named less than it could be.
func accountWarnings(accounts []aws.Account) []string {
	var warnings []string
	for _, a := range accounts {
		where := "accounts." + a.Name
		if a.AssumeRole == "" {
			warnings = append(warnings, where+" has no assume_role: the deny is written with revokebot's own credentials there, which no session policy narrows to one role, and CloudTrail does not name the people. Give it a spoke role (deploy/README.md).")
		}
		if a.AllowUnnamedSessions {
			warnings = append(warnings, where+" has allow_unnamed_sessions: where AWS refuses source identity and tags, CloudTrail does not name the people. Allow sts:SetSourceIdentity and sts:TagSession in the spoke's trust policy instead.")
		}
	}
	return warnings
}
