package main

import (
	"context"

	"github.com/revokebot/revokebot/cmd/internal/cli"
	"github.com/revokebot/revokebot/cmd/internal/doctor"
	"github.com/revokebot/revokebot/cmd/internal/settings"
)

type doctorCmd struct {
	JSON bool `name:"json" help:"Print one JSON object instead of lines."`
}

// Run ends with exit status 1 if a revocation would be stopped.
func (d doctorCmd) Run(ctx context.Context, env settings.Environment) error {
	well, err := doctor.Run(ctx, env, d.JSON)
	if err == nil && !well {
		err = cli.ErrSaid
	}
	return err
}
