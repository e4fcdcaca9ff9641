package redisstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/approvals/audit"
)

//go:embed scripts/*.lua
var scripts embed.FS

const (
	prefix = "{revokebot}:"
	group  = "bot"

	workKey   = prefix + "work"
	dueKey    = prefix + "due"
	saidKey   = prefix + "policies"
	parkedKey = prefix + "parked"
	notesKey  = prefix + "notes"

	recentKey = prefix + "recent"

	unchainedKey = prefix + "unchained"
	chainKey     = prefix + "audit"
	headKey      = prefix + "auditend"
	hookKey      = prefix + "webhook"

	// forgetWorkers is how long a worker that holds nothing must have been silent before its name is
	// dropped.
	forgetWorkers = 24 * time.Hour
	// rememberIDs outlives every redelivery that Slack is known for (minutes) by far.
	rememberIDs = 24 * time.Hour
	// maxInbox bounds what people can queue while nothing is done; work that follows from decisions is
	// not refused.
	maxInbox = 20_000
	// keepNotes bounds the streams that no worker empties.
	keepNotes = 10_000
	// keepRecent bounds the list of all requests.
	keepRecent = 1000
	// longestNap is how long Promote lets its caller sleep when no timer is set.
	longestNap = time.Minute
)

// Config is what New needs.
type Config struct {
	// Client is single, Sentinel or Cluster. The store does not close it.
	Client redis.UniversalClient
	// Retention is how long an ended request stays readable; 0: 90 days.
	Retention time.Duration
	// Once is a client of the same Redis that tries each command once (MaxRetries -1), so that a
	// failed Accept can say for sure that nothing was recorded; nil: Client, which makes no failure of
	// Accept a sure one.
	Once redis.UniversalClient
}

// Store is an approvals.Store on Redis. Make one with New.
type Store struct {
	db        redis.UniversalClient
	retention time.Duration
	copies    atomic.Int64 // what Accept waits for: 1 if the server has replicas
	counted   atomic.Int64 // Unix time at which Promote last looked for them
	once      redis.UniversalClient
	sure      bool // once tries once
	nap       atomic.Pointer[nap]
	said      atomic.Pointer[announced]
	lua       map[string]*redis.Script // by the name of the file
	written   chan struct{}            // something was queued for the audit log
}

var _ approvals.Store = (*Store)(nil)

// New returns a store on a client. It does not use the network; call Prepare before the first Take.
func New(cfg Config) (*Store, error) {
	if cfg.Client == nil {
		return nil, errors.New("redisstore: no client")
	}
	s := &Store{
		db: cfg.Client, retention: cfg.Retention, once: cfg.Once, sure: cfg.Once != nil, written: make(chan struct{}, 1),
		lua: make(map[string]*redis.Script),
	}
	if s.once == nil {
		s.once = s.db
	}
	if s.retention <= 0 {
		s.retention = 90 * 24 * time.Hour
	}
	common, err := scripts.ReadFile("scripts/shared.lua")
	s.nap.Store(new(nap))
	files, globErr := fs.Glob(scripts, "scripts/*.lua")
	err = errors.Join(err, globErr)
	for _, file := range files {
		text, readErr := scripts.ReadFile(file)
		err = errors.Join(err, readErr)
		s.lua[strings.TrimSuffix(path.Base(file), ".lua")] = redis.NewScript(string(common) + string(text))
	}
	return s, err
}

// run runs a script. Its error names the script.
func (s *Store) run(ctx context.Context, name string, keys []string, args ...any) *redis.Cmd {
	cmd := s.lua[name].Run(ctx, s.db, keys, args...)
	if err := cmd.Err(); err != nil {
		cmd.SetErr(fmt.Errorf("redis script %s: %w", name, err))
	}
	return cmd
}

// Use replaces the clients, before the first use of the store: one server turned out to be a node
// of a cluster. once tries each command once.
func (s *Store) Use(client, once redis.UniversalClient) { s.db, s.once = client, once }

// Prepare makes the consumer group and forgets the workers of processes that are long gone. It may
// be called again; after Redis lost its data, Take and Claim call it by themselves.
func (s *Store) Prepare(ctx context.Context) error {
	err := s.db.XGroupCreateMkStream(ctx, workKey, group, "0").Err()
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return fmt.Errorf("make the consumer group: %w", err)
	}
	if err := s.run(ctx, "sweep", []string{workKey}, group, forgetWorkers.Milliseconds()).Err(); err != nil {
		return err
	}
	return s.countCopies(ctx)
}

// Retention is how long an ended request stays readable.
func (s *Store) Retention() time.Duration { return s.retention }

// Now implements approvals.Store with the TIME command, on the server that compares the deadlines.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	node, err := owner(ctx, s.db, workKey)
	if err != nil {
		return time.Time{}, err
	}
	now, err := node.Time(ctx).Result()
	return now.UTC().Truncate(time.Millisecond), err
}

// Accept implements approvals.Store.
func (s *Store) Accept(ctx context.Context, item approvals.Item, ids ...string) (bool, error) {
	keys := []string{workKey}
	for _, id := range ids {
		if id != "" {
			keys = append(keys, prefix+"seen:"+short(id))
		}
	}
	body, err := json.Marshal(item)
	if err != nil {
		return false, fmt.Errorf("accept: %w", err)
	}
	n, err := s.runCopied(ctx, s.lua["accept"], keys, body, rememberIDs.Milliseconds(), maxInbox, milliseconds(item.At))
	switch {
	case n == -2:
		return false, fmt.Errorf("accept: %w", approvals.ErrClock)
	case n < 0:
		return false, fmt.Errorf("accept: %w", approvals.ErrFull)
	case err == nil, errors.Is(err, approvals.ErrOneCopy):
		return n == 1, err
	case s.sure && surelyNotDone(err):
		return false, fmt.Errorf("accept: %w: %w", approvals.ErrNotRecorded, err)
	default:
		return false, fmt.Errorf("accept: %w", err)
	}
}

// Open implements approvals.Store.
func (s *Store) Open(
	ctx context.Context, id, by, source string, o approvals.Opening, later ...approvals.Due,
) (string, error) {
	o.ExpireAfter = o.ExpireAfter.Truncate(time.Millisecond)
	if id == "" || by == "" || o.Purpose == approvals.PurposeUnknown || o.Subject.Key == "" || o.ExpireAfter <= 0 {
		return "", errors.New("open: a request needs an id, a requester, a purpose, a subject and a time to expire")
	}
	detail, err := o.Encode()
	if err != nil {
		return "", fmt.Errorf("open: %w", err)
	}
	due, err := encodedDue(append([]approvals.Due{
		{Item: approvals.Item{Kind: approvals.KindExpire, Request: id}, After: o.ExpireAfter},
	}, later...))
	if err != nil {
		return "", fmt.Errorf("open: %w", err)
	}
	for stale := ""; ; {
		args := append([]any{
			id, by, source, string(detail), deliverItem(id), keepRecent, approvals.HistoryDepth,
			2 * s.retention.Milliseconds(), o.Seal, milliseconds(o.At), stale,
		}, due...)
		answer, err := s.run(ctx, "open", []string{
			requestKey(id), logKey(id), subjectKey(o.Subject.Taken(o.Purpose)), workKey, dueKey, recentKey,
			historyKey(o.Subject.Key), unchainedKey,
		}, args...).StringSlice()
		switch {
		case err != nil:
			return "", err
		case answer[0] == "set back":
			return "", approvals.SetBack(id, nil, 1)
		case answer[0] == "clock":
			return "", approvals.ErrClock
		case answer[0] == "":
			s.wrote()
			return "", nil
		}
		other := answer[1]
		r, _, err := s.Load(ctx, other)
		if err != nil && !errors.Is(err, approvals.ErrUnknownRequest) && !errors.Is(err, approvals.ErrBrokenLog) {
			return "", err
		}
		// A broken log is handled where it is loaded next.
		if errors.Is(err, approvals.ErrBrokenLog) || err == nil && !r.State.Ended() &&
			r.Subject.Taken(r.Purpose) == o.Subject.Taken(o.Purpose) ||
			other == stale {
			return other, nil
		}
		stale = other // someone else wrote the key
	}
}

// Recent implements approvals.Store.
func (s *Store) Recent(ctx context.Context, n int) ([]string, error) {
	return s.newest(ctx, recentKey, n)
}

// History implements approvals.Store.
func (s *Store) History(ctx context.Context, subject string, n int) ([]string, error) {
	return s.newest(ctx, historyKey(subject), n)
}

func (s *Store) newest(ctx context.Context, key string, n int) ([]string, error) {
	if n <= 0 {
		return nil, nil
	}
	ids, err := s.db.ZRevRange(ctx, key, 0, int64(n-1)).Result()
	if err != nil {
		return nil, fmt.Errorf("list requests: %w", err)
	}
	return ids, nil
}

// Load implements approvals.Store.
func (s *Store) Load(ctx context.Context, id string) (approvals.Request, []approvals.Event, error) {
	entries, err := s.db.XRange(ctx, logKey(id), "-", "+").Result()
	switch {
	case err != nil && strings.HasPrefix(err.Error(), "WRONGTYPE"):
		return approvals.Request{}, nil, fmt.Errorf("log of request %s: %w: %w", id, approvals.ErrBrokenLog, err)
	case err != nil:
		return approvals.Request{}, nil, fmt.Errorf("load request %s: %w", id, err)
	case len(entries) == 0:
		return approvals.Request{}, nil, approvals.ErrUnknownRequest
	}
	events := make([]approvals.Event, len(entries))
	err = nil
	for i, entry := range entries {
		var broken error
		events[i], broken = decodeEvent(entry)
		err = cmp.Or(err, broken)
	}
	r := approvals.Request{}
	if err == nil {
		r, err = approvals.Fold(id, events)
	}
	if err != nil {
		err = fmt.Errorf("log of request %s: %w: %w", id, approvals.ErrBrokenLog, err)
	}
	return r, events, err
}

// Commit implements approvals.Store.
func (s *Store) Commit(ctx context.Context, t approvals.Transition) error {
	if err := check(t); err != nil {
		return fmt.Errorf("commit to request %s: %w", t.RequestID, err)
	}
	return approvals.Append(ctx, t, s.Load, s.commitOne)
}

func (s *Store) commitOne(ctx context.Context, t approvals.Transition) error {
	if t.Expect < 1 {
		return approvals.ErrConflict
	}
	if !slices.Contains(t.From(), t.Of.State) { // a conflict is the answer that comes first
		r, _, err := s.Load(ctx, t.RequestID)
		switch {
		case err != nil:
			return err
		case r.Seq != t.Expect:
			return approvals.ErrConflict
		}
		return fmt.Errorf("commit to request %s (%s): %w", t.RequestID, t.Events[0].Type, approvals.ErrIllegal)
	}
	args, err := s.commitArgs(t)
	if err != nil {
		return fmt.Errorf("commit to request %s: %w", t.RequestID, err)
	}
	answer, err := s.run(ctx, "commit", []string{
		requestKey(t.RequestID), logKey(t.RequestID), subjectKey(t.Of.Subject.Taken(t.Of.Purpose)), workKey, dueKey,
		deliveryKey(t.RequestID), unchainedKey, historyKey(t.Of.Subject.Key),
	}, args...).StringSlice()
	if err != nil {
		return err
	}
	switch answer[0] {
	case "ok":
		s.wrote()
		if t.Next == approvals.StateApproved || t.Next == approvals.StateExecuting {
			// What AWS is asked for next must not be forgotten in a failover.
			s.settle(ctx, t.RequestID)
		}
		return nil
	case "set back":
		_, events, err := s.Load(ctx, t.RequestID)
		if err != nil {
			return err
		}
		highest, _ := strconv.ParseInt(answer[1], 10, 64) // the script made a number of it
		return approvals.SetBack(t.RequestID, events, highest)
	default:
		return refusal(answer[0])
	}
}

// refusal is what a script answers that wrote nothing.
func refusal(answer string) error {
	switch answer {
	case "unknown":
		return approvals.ErrUnknownRequest
	case "conflict":
		return approvals.ErrConflict
	case "clock":
		return approvals.ErrClock
	case "late":
		return approvals.ErrTooLate
	case "early":
		return approvals.ErrTooEarly
	case "moved":
		return audit.ErrMoved
	case "torn":
		return audit.ErrTornChain
	default:
		return fmt.Errorf("a script answered %q", answer)
	}
}

// check refuses what is no transition.
func check(t approvals.Transition) error {
	switch {
	case len(t.Events) == 0:
		return errors.New("a transition without an event")
	case t.When < approvals.AnyTime || t.When > approvals.AfterDeadline:
		return fmt.Errorf("there is no deadline condition %d", t.When)
	}
	for _, e := range t.Events {
		if e.Type == "" || len(e.Detail) > 0 && !json.Valid(e.Detail) {
			return fmt.Errorf("an event (%q) without a type or with a detail that is not JSON", e.Type)
		}
	}
	return nil
}

func (s *Store) commitArgs(t approvals.Transition) ([]any, error) {
	ends, forget := "", ""
	promised := t.Of.Promise != nil || t.Of.State == approvals.StateExecuting
	for _, e := range t.Events {
		promised = promised || e.Type == approvals.EventStarted
	}
	switch {
	case t.Next.Ended():
		if ends = "ends"; !promised {
			forget = "forget" // what promised nothing must not push out what did
		}
	case t.Of.State.Ended():
		ends = "ended"
	}
	args := []any{
		t.RequestID, t.Expect, t.Of.Seal, string(cmp.Or(t.Next, t.Of.State)), ends,
		map[approvals.Deadline]string{approvals.BeforeDeadline: "before", approvals.AfterDeadline: "after"}[t.When],
		t.Of.Deadline.UnixMilli(), milliseconds(t.Events[0].At), s.retention.Milliseconds(), forget, len(t.Events),
		deliverItem(t.RequestID),
	}
	for _, e := range t.Events {
		args = append(args, string(e.Type), e.By, e.Source, string(e.Detail), e.Seal)
	}
	args = append(args, len(t.Work))
	for _, item := range t.Work {
		body, err := json.Marshal(item)
		if err != nil {
			return nil, err
		}
		args = append(args, body)
	}
	due, err := encodedDue(t.Due)
	return append(append(args, len(t.Due)), due...), err
}

// encodedDue are the delay in milliseconds and the item of each timer.
func encodedDue(due []approvals.Due) (all []any, err error) {
	for _, d := range due {
		body, err := json.Marshal(d.Item)
		if err != nil {
			return nil, err
		}
		all = append(all, max(d.After, 0).Milliseconds(), body)
	}
	return all, nil
}

// milliseconds is a time as the scripts take it; "" for none.
func milliseconds(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return strconv.FormatInt(at.UnixMilli(), 10)
}

// Note implements approvals.Store.
func (s *Store) Note(ctx context.Context, e approvals.Event) error {
	keys := []string{notesKey, unchainedKey}
	if e.Source != "" {
		keys = append(keys, prefix+"noted:"+short(e.Source))
	}
	n, err := s.run(ctx, "note", keys, string(e.Type), e.By, e.Source, string(e.Detail), keepNotes,
		rememberIDs.Milliseconds(), e.Seal, milliseconds(e.At)).Int64()
	switch {
	case err != nil:
		return err
	case n == -2:
		return fmt.Errorf("note: %w", approvals.ErrClock)
	}
	s.wrote()
	return nil
}

func requestKey(id string) string  { return prefix + "request:" + id }
func logKey(id string) string      { return prefix + "log:" + id }
func deliveryKey(id string) string { return prefix + "delivery:" + id }
func subjectKey(key string) string { return prefix + "open:" + key }
func historyKey(key string) string { return prefix + "history:" + key }

// short keeps ids from outside to a key's reasonable length.
func short(id string) string {
	if len(id) <= 64 {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}
