// Package deploy holds the files that set revokebot up elsewhere, so that the program can print them and tests can hold
// them against the code.
package deploy

import _ "embed"

// SlackManifest is the Slack app manifest, YAML (Slack documentation, "App manifest reference"). The app-level token
// with connections:write cannot be in a manifest; README.md says how to make it.
//
//go:embed slack-manifest.yaml
var SlackManifest []byte
