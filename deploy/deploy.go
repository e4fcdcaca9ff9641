// Package deploy holds the files that set revokebot up elsewhere, so that the program can print
// them, the sandbox can live by them and tests can hold them against the code.
package deploy

import (
	_ "embed"
	"strings"
)

// SlackManifest is the Slack app manifest, YAML (Slack documentation, "App manifest reference").
// The app-level token with connections:write cannot be in a manifest; README.md says how to make
// it.
//
//go:embed slack-manifest.yaml
var SlackManifest []byte

// The permissions policies, JSON. README.md says which role gets which.
var (
	// IAMPolicy lets the bot revoke in an account.
	//
	//go:embed iam-policy.json
	IAMPolicy string
	// UndoPolicy stands beside IAMPolicy where a policy may be deleted again.
	//
	//go:embed undo-policy.json
	UndoPolicy string
	// LockPolicy stands beside IAMPolicy where roles may be locked: AWSDenyAll attached, and no other
	// managed policy.
	//
	//go:embed lock-policy.json
	LockPolicy string
	// UnlockPolicy stands beside LockPolicy where a lock may be taken off again.
	//
	//go:embed unlock-policy.json
	UnlockPolicy string
	// LogGroupPolicy stands beside IAMPolicy where trail_log_group names a log group.
	//
	//go:embed log-group-policy.json
	LogGroupPolicy string
	// UsersPolicy is all that the role for users may do: contain access keys.
	//
	//go:embed users-policy.json
	UsersPolicy string
	// UsersUndoPolicy stands beside UsersPolicy where the policy on a user's sessions may be deleted
	// again.
	//
	//go:embed users-undo-policy.json
	UsersUndoPolicy string
	// TrustPolicy is all that the role for trust policies may do.
	//
	//go:embed trust-policy.json
	TrustPolicy string
	// NamedPolicy stands beside IAMPolicy on a spoke: sessions that name no person write nothing.
	//
	//go:embed named-policy.json
	NamedPolicy string
	// HubPolicy lets the bot's own role open sessions of the spoke roles.
	//
	//go:embed hub-policy.json
	HubPolicy string
)

//go:embed spoke-trust-policy.json
var spokeTrustPolicy string

// What has to be replaced in spoke-trust-policy.json.
const (
	placeholderHub        = "arn:aws:iam::999900001111:role/revokebot"
	placeholderExternalID = "replace-with-a-random-value"
)

// SpokeTrustPolicy is the trust policy of a spoke role, filled in: the ARN of the role or user that
// the bot works as, and the external id. Neither may hold what JSON escapes.
func SpokeTrustPolicy(hubARN, externalID string) string {
	return strings.NewReplacer(placeholderHub, hubARN, placeholderExternalID, externalID).Replace(spokeTrustPolicy)
}
