package main

import (
	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/deploy"
)

type manifestCmd struct{}

// Run prints the manifest for "Create an app from a manifest".
func (manifestCmd) Run(env settings.Environment) error {
	_, err := env.Stdout.Write(deploy.SlackManifest)
	return err
}
