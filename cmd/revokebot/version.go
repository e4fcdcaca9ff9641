package main

import (
	"fmt"

	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/cmd/internal/wire"
)

type versionCmd struct{}

// Run prints version, commit and Go version.
func (versionCmd) Run(env settings.Environment) error {
	_, err := fmt.Fprintln(env.Stdout, wire.Version())
	return err
}
