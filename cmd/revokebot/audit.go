package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"github.com/revokebot/revokebot/approvals/audit"
	"github.com/revokebot/revokebot/approvals/redisstore"
	"github.com/revokebot/revokebot/cmd/internal/cli"
	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/cmd/internal/wire"
	"github.com/revokebot/revokebot/internal/english"
)

// auditCommands are what people do with the audit log. A log that is not whole is exit status 1.
func auditCommands(env settings.Environment) *cobra.Command {
	var v verification
	verify := cli.Command(
		"verify [FILE]", "Look for lines that were changed, taken out, added or moved. The log is in FILE, or comes from "+
			"standard input.", func(context.Context) error { return v.run(env) },
	)
	verify.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("unexpected argument %s", args[1])
		}
		v.file = strings.Join(args, "")
		return nil
	}
	verify.Flags().StringArrayVar(&v.publicKey, "public-key", nil, "Public key in base64, as revokebot audit key prints "+
		"it; may be given again for a key that was in use before. Left out: that of REVOKEBOT_SIGNING_KEY.")
	verify.Flags().StringVar(&v.head, "head", "", "Where the log has to reach at least, as N:hash, which revokebot audit "+
		"export and verify print. Without it, missing lines at the end go unnoticed.")
	return cli.Group(
		"audit", "The audit log: export it, verify it, print the public key that its lines are signed with.",
		cli.Command("export", "Print the audit log as JSON lines, and where it ends on standard error. Needs REDIS_URL "+
			"alone.", func(ctx context.Context) error { return exportAudit(ctx, env) }),
		verify,
		cli.Command("key", "Print the public key that belongs to REVOKEBOT_SIGNING_KEY.", func(context.Context) error {
			return printKey(env)
		}),
	)
}

// exportLines is how many lines are read at one time.
const exportLines = 500

// exportAudit prints the chain as Redis has it.
func exportAudit(ctx context.Context, env settings.Environment) error {
	address, err := settings.ReadRedisURL(env)
	if err != nil {
		return err
	}
	client, err := settings.Redis{Address: address}.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	if settings.IsCluster(ctx, client) {
		client, err = settings.Redis{Address: address, Cluster: true}.Client()
		if err != nil {
			return err
		}
		defer client.Close()
	}
	redis.SetLogger(settings.RedisLog{Log: slog.New(slog.DiscardHandler)})
	store, err := redisstore.New(redisstore.Config{Client: client})
	if err != nil {
		return err
	}
	var head audit.Head
	for {
		lines, err := store.Lines(ctx, head.N, exportLines)
		if err != nil {
			return fmt.Errorf("REDIS_URL: %s", settings.OneLine(err))
		}
		if len(lines) == 0 {
			break
		}
		if _, err := fmt.Fprintln(env.Stdout, strings.Join(lines, "\n")); err != nil {
			return fmt.Errorf("print the audit log: %w", err)
		}
		before := head.N
		if head, err = audit.HeadOf(lines[len(lines)-1]); err != nil {
			return fmt.Errorf("the audit log in Redis: after line %d: %w", before, err)
		}
	}
	if head.N == 0 {
		fmt.Fprintln(env.Stderr, "The audit log has no line yet.")
		return nil
	}
	fmt.Fprintf(env.Stderr, "head %s\n", head)
	return nil
}

// printKey prints the public key in base64.
func printKey(env settings.Environment) error {
	key, err := settings.ReadKey(env)
	if err != nil {
		return err
	}
	if key.IsZero() {
		return settings.Errorf("REVOKEBOT_SIGNING_KEY is missing: set it to the key that the bot has, " +
			"or name its file in REVOKEBOT_SIGNING_KEY_FILE.")
	}
	fmt.Fprintln(env.Stdout, base64.StdEncoding.EncodeToString(key.Public()))
	return nil
}

// verification is one of a log in a file; "" and - are standard input.
type verification struct {
	file, head string
	publicKey  []string
}

// errNotWhole is the end of a verification that found something.
var errNotWhole = errors.New("the audit log is not whole")

// run prints what is wrong, one line each, and a summary.
func (c verification) run(env settings.Environment) error {
	keys, err := c.keys(env)
	if err != nil {
		return err
	}
	until, err := readHead(c.head)
	if err != nil {
		return err
	}
	in := env.Stdin
	if c.file != "" && c.file != "-" {
		file, err := os.Open(c.file)
		if err != nil {
			return settings.Errorf("%s cannot be read (%s): give the path of an audit log, or - for standard input.",
				settings.Redact(c.file), settings.FileTrouble(err))
		}
		defer file.Close()
		in = file
	}
	r, err := audit.Verify(in, keys, until)
	if err != nil {
		return fmt.Errorf("read the audit log: %w", err)
	}
	for _, problem := range r.Problems {
		fmt.Fprintln(env.Stdout, problem)
	}
	if r.More > 0 {
		fmt.Fprintf(env.Stdout, "and %d more.\n", r.More)
	}
	if !r.Whole() {
		return errNotWhole
	}
	fmt.Fprintln(env.Stdout, summary(r, len(keys) > 0))
	return nil
}

// summary says what was found, and no more.
func summary(r audit.Report, keys bool) string {
	text := fmt.Sprintf("%s, %d to %d, whole; the last one's hash is %s.", english.Count(r.Lines, "line", "lines"),
		r.First, r.Last, r.Head.Hash)
	if r.First > 1 {
		text += fmt.Sprintf(" It begins with line %d: what was before is not in it.", r.First)
	}
	switch {
	case !keys:
		text += " The signatures were not checked: give --public-key, or set REVOKEBOT_SIGNING_KEY."
	case r.Signed < r.Lines:
		text += fmt.Sprintf(" The first %s not signed.", english.Count(r.Lines-r.Signed, "line is", "lines are"))
	}
	if r.Forged > 0 {
		text += fmt.Sprintf(" %s marked: the event in it was not signed by the deployment.",
			english.Count(r.Forged, "line is", "lines are"))
	}
	return text
}

func (c verification) keys(env settings.Environment) ([]ed25519.PublicKey, error) {
	if len(c.publicKey) == 0 {
		key, err := settings.ReadKey(env)
		if err != nil || key.IsZero() {
			return nil, err
		}
		return []ed25519.PublicKey{key.Public()}, nil
	}
	var keys []ed25519.PublicKey
	for _, text := range c.publicKey {
		raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
		if err != nil || len(raw) != ed25519.PublicKeySize {
			return nil, settings.Errorf("--public-key is %s, which is no Ed25519 public key: give what revokebot audit key "+
				"prints.", settings.Redact(text))
		}
		keys = append(keys, raw)
	}
	return keys, nil
}

// readHead reads N:hash; "" is no head.
func readHead(text string) (audit.Head, error) {
	if text == "" {
		return audit.Head{}, nil
	}
	number, hash, _ := strings.Cut(text, ":")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || len(hash) != len(audit.Start().Hash) {
		return audit.Head{}, settings.Errorf("--head is %s: give a line's number and hash as N:hash, as revokebot audit "+
			"export prints it.", settings.Redact(text))
	}
	return audit.Head{N: n, Hash: strings.ToLower(hash)}, nil
}

// auditWorker is what chains, and raises alarm. A file that cannot be written is told of at once.
func auditWorker(
	store *redisstore.Store, s settings.Settings, path string, env settings.Environment, watch wire.Watching,
	log *slog.Logger,
) (*audit.Worker, error) {
	cfg := audit.Config{Store: store, Key: s.Key, File: path, Alarm: watch.AuditAlarm, Logger: log}
	if s.WebhookURL != "" {
		cfg.Hook = &audit.Webhook{
			Outbox: store, URL: s.WebhookURL, Secret: s.WebhookSecret, Watch: watch.Posted, Logger: log,
		}
	}
	switch path {
	case "":
	case "-":
		cfg.File, cfg.Print = "", env.Stdout
	default:
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, settings.Errorf("audit.file is %s, which cannot be written (%s): give the path of a file that the bot "+
				"may write, or - for standard output.", settings.Redact(path), settings.FileTrouble(err))
		}
		if err := file.Close(); err != nil {
			return nil, fmt.Errorf("audit.file: %w", err)
		}
	}
	return audit.New(cfg), nil
}
