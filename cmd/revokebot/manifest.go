package main

import (
	"github.com/revokebot/revokebot/deploy"
)

type manifestCmd struct{}

// Run prints the manifest for "Create an app from a manifest".
func (manifestCmd) Run(env environment) error {
	_, err := env.stdout.Write(deploy.SlackManifest)
	return err
}
