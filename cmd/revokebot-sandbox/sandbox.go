package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/cmd/internal/wire"
	"github.com/revokebot/revokebot/sandbox/web"
)

// Run starts everything, prints where it is, and waits.
func (s command) Run(ctx context.Context, env settings.Environment) error {
	for name, d := range map[string]time.Duration{
		"--margin": s.Margin, "--propagation": s.Propagation, "--trail-delay": s.TrailDelay,
	} {
		if d < 0 {
			return settings.Errorf("%s is negative: give a duration such as 10s.", name)
		}
	}
	if s.EnvFile == "" {
		s.RedisListen = ""
	}
	log, err := settings.ReadLogger(env)
	if err != nil {
		return err
	}
	stage, err := s.stage(ctx, log)
	if err != nil {
		return err
	}
	defer stage.close()
	text := configFile(stage.world, s.Margin)
	c, err := settings.ParseConfig("sandbox", []byte(text))
	if err != nil {
		return err
	}
	watch, err := wire.NewWatching(ctx, env.Lookup, log)
	if err != nil {
		return err
	}
	defer watch.Close(log)
	b, err := newRealBot(c, stage, watch, log)
	if err != nil {
		return err
	}
	ahead := make(chan time.Duration, 64)
	page := web.New(s.page(stage, b.cloud, ahead, log))
	defer page.Close()
	pageURL, err := stage.serve(ctx, "--listen", s.Listen, beside(page, watch.Page()))
	if err != nil {
		return err
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	running.Go(func() {
		if err := stage.cast.Run(ctx); err != nil && ctx.Err() == nil {
			cancel(fmt.Errorf("sandbox: %w", err))
		}
	})
	memory, err := startRedis(s.RedisListen)
	if err != nil {
		return err
	}
	defer memory.db.Close()
	if !s.WithoutBot {
		client := memory.client()
		defer client.Close()
		if err := b.start(ctx, client, &running, cancel); err != nil {
			cancel(err)
			running.Wait()
			return err
		}
	}
	running.Go(func() {
		if err := memory.run(ctx, ahead, b.store); err != nil {
			cancel(err)
		}
	})
	if err := s.announce(env, pageURL, b.variables(stage, memory), stage.world, text); err != nil {
		cancel(err)
	}
	<-ctx.Done()
	running.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}
