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
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
)

//go:embed scripts/*.lua
var scripts embed.FS

const (
	prefix = "{revokebot}:"
	group  = "bot"

	workKey  = prefix + "work"
	dueKey   = prefix + "due"
	asideKey = prefix + "aside"
	notesKey = prefix + "notes"

	recentKey = prefix + "recent"

	unchainedKey = prefix + "unchained"
	chainKey     = prefix + "audit"
	headKey      = prefix + "auditend"

	// forgetWorkers is how long a worker that holds nothing must have been silent before its name is
	// dropped.
	forgetWorkers = 24 * time.Hour
	// rememberIDs outlives every redelivery that Slack is known for (minutes) by far.
	rememberIDs = 24 * time.Hour
	// maxInbox bounds what people can queue while nothing is done; work that follows from decisions is
	// not refused.
	maxInbox = 20_000
	// keepNotes bounds the streams that nobody empties.
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
	// Copies is how many replicas must have an accepted item before Accept returns without ErrOneCopy.
	// 0: one, if the server has replicas when Prepare asks it; less: none is waited for.
	Copies int
}

// Store is an approvals.Store on Redis. Make one with New.
type Store struct {
	db        redis.UniversalClient
	retention time.Duration
	copies    atomic.Int64 // what Accept waits for
	detect    bool         // Prepare and Promote set copies
	counted   atomic.Int64 // Unix time at which they last looked
	once      redis.UniversalClient
	sure      bool // once tries once
	nap       atomic.Pointer[nap]

	now, accept, open, commit, note, condemn *redis.Script
	claim, begin, keep, sweep, backlog       *redis.Script
	done, postpone, setAside, promote, allow *redis.Script
	beginDelivery, markDelivery, endDelivery *redis.Script
	chain                                    *redis.Script

	written chan struct{} // something was queued for the audit log
}

var _ approvals.Store = (*Store)(nil)

// New returns a store on a client. It does not use the network; call Prepare before the first Take.
func New(cfg Config) (*Store, error) {
	if cfg.Client == nil {
		return nil, errors.New("redisstore: no client")
	}
	s := &Store{
		db: cfg.Client, retention: cfg.Retention, detect: cfg.Copies == 0, once: cfg.Once, sure: cfg.Once != nil,
		written: make(chan struct{}, 1),
	}
	s.copies.Store(int64(max(cfg.Copies, 0)))
	if s.once == nil {
		s.once = s.db
	}
	if s.retention <= 0 {
		s.retention = 90 * 24 * time.Hour
	}
	shared, err := scripts.ReadFile("scripts/shared.lua")
	if err != nil {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	for name, script := range map[string]**redis.Script{
		"now": &s.now, "accept": &s.accept, "open": &s.open, "commit": &s.commit, "note": &s.note, "condemn": &s.condemn,
		"chain": &s.chain,
		"claim": &s.claim, "begin": &s.begin, "keep": &s.keep, "sweep": &s.sweep, "backlog": &s.backlog,
		"done": &s.done, "postpone": &s.postpone, "set_aside": &s.setAside, "promote": &s.promote, "allow": &s.allow,
		"begin_delivery": &s.beginDelivery, "mark_delivery": &s.markDelivery, "end_delivery": &s.endDelivery,
	} {
		text, err := scripts.ReadFile("scripts/" + name + ".lua")
		if err != nil {
			return nil, fmt.Errorf("redisstore: %w", err)
		}
		*script = redis.NewScript(string(shared) + string(text))
	}
	return s, nil
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
	if err := s.sweep.Run(ctx, s.db, []string{workKey}, group, forgetWorkers.Milliseconds()).Err(); err != nil {
		return fmt.Errorf("forget the workers that are gone: %w", err)
	}
	return s.countCopies(ctx)
}

// Retention is how long an ended request stays readable.
func (s *Store) Retention() time.Duration { return s.retention }

// Now implements approvals.Store with the TIME command, on the server that compares the deadlines.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	answer, err := s.now.Run(ctx, s.db, []string{workKey}).Int64Slice()
	if err != nil {
		return time.Time{}, fmt.Errorf("ask Redis for the time: %w", err)
	}
	if len(answer) != 2 {
		return time.Time{}, fmt.Errorf("ask Redis for the time: the script answered %v", answer)
	}
	return time.UnixMilli(answer[0]*1000 + answer[1]/1000).UTC(), nil
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
	n, err := s.runCopied(ctx, s.accept, keys, body, rememberIDs.Milliseconds(), maxInbox, milliseconds(item.At))
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
	first, err := encoded(
		approvals.Item{Kind: approvals.KindDeliver, Request: id}, approvals.Item{Kind: approvals.KindExpire, Request: id},
	)
	if err != nil {
		return "", fmt.Errorf("open: %w", err)
	}
	due, err := encodedDue(later)
	if err != nil {
		return "", fmt.Errorf("open: %w", err)
	}
	for stale := ""; ; {
		args := append([]any{
			id, by, source, string(detail), o.ExpireAfter.Milliseconds(), first[0], first[1], keepRecent,
			approvals.HistoryDepth, 2 * s.retention.Milliseconds(), o.Seal, milliseconds(o.At), stale,
		}, due...)
		answer, err := s.open.Run(ctx, s.db, []string{
			requestKey(id), logKey(id), subjectKey(o.Subject.Taken(o.Purpose)), workKey, dueKey, recentKey,
			historyKey(o.Subject.Key), unchainedKey,
		}, args...).StringSlice()
		switch {
		case err != nil:
			return "", fmt.Errorf("open request %s: %w", id, err)
		case answer[0] == "set back":
			return "", approvals.SetBack(id, nil, 1)
		case answer[0] == "clock":
			return "", fmt.Errorf("open request %s: %w", id, approvals.ErrClock)
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
	var broken error
	for i, entry := range entries {
		if events[i], err = decodeEvent(entry); err != nil && broken == nil {
			broken = fmt.Errorf("log of request %s: %w: %w", id, approvals.ErrBrokenLog, err)
		}
	}
	if broken != nil {
		return approvals.Request{}, events, broken
	}
	r, err := approvals.Fold(id, events)
	if err != nil {
		return approvals.Request{}, events, fmt.Errorf("%w: %w", approvals.ErrBrokenLog, err)
	}
	return r, events, nil
}

// Commit implements approvals.Store.
func (s *Store) Commit(ctx context.Context, t approvals.Transition) error {
	if err := check(t); err != nil {
		return fmt.Errorf("commit to request %s: %w", t.RequestID, err)
	}
	return approvals.Append(ctx, t, s.Load, s.commitOne)
}

func (s *Store) commitOne(ctx context.Context, t approvals.Transition) error {
	fail := func(err error) error {
		return fmt.Errorf("commit to request %s (%s): %w", t.RequestID, t.Events[0].Type, err)
	}
	if t.Expect < 1 {
		return approvals.ErrConflict
	}
	legal := slices.Contains(t.From(), t.Of.State)
	args, err := s.commitArgs(t)
	if err != nil {
		return fail(err)
	}
	if !legal { // a conflict is the answer that comes first
		if r, _, err := s.Load(ctx, t.RequestID); err != nil {
			return err
		} else if r.Seq != t.Expect {
			return approvals.ErrConflict
		}
		return fail(approvals.ErrIllegal)
	}
	answer, err := s.commit.Run(ctx, s.db, []string{
		requestKey(t.RequestID), logKey(t.RequestID), subjectKey(t.Of.Subject.Taken(t.Of.Purpose)), workKey, dueKey,
		deliveryKey(t.RequestID), unchainedKey, historyKey(t.Of.Subject.Key),
	}, args...).StringSlice()
	if err != nil {
		return fail(err)
	}
	switch answer[0] {
	case "ok":
		s.wrote()
		if t.Next == approvals.StateApproved || t.Next == approvals.StateExecuting {
			// What AWS is asked for next must not be forgotten in a failover.
			s.settle(ctx, t.RequestID)
		}
		return nil
	case "unknown":
		return approvals.ErrUnknownRequest
	case "conflict":
		return approvals.ErrConflict
	case "clock":
		return fail(approvals.ErrClock)
	case "late":
		return approvals.ErrTooLate
	case "early":
		return approvals.ErrTooEarly
	case "set back":
		_, events, err := s.Load(ctx, t.RequestID)
		if err != nil {
			return err
		}
		highest, err := strconv.ParseInt(answer[1], 10, 64)
		if err != nil {
			return fail(err)
		}
		return approvals.SetBack(t.RequestID, events, highest)
	default:
		return fail(fmt.Errorf("the script answered %q", answer))
	}
}

// check refuses what is no transition.
func check(t approvals.Transition) error {
	if len(t.Events) == 0 {
		return errors.New("a transition without an event")
	}
	switch {
	case t.Next != approvals.StateUnknown && !slices.Contains(approvals.States(), t.Next):
		return fmt.Errorf("there is no state %q", t.Next)
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
	}
	for _, e := range t.Events {
		args = append(args, string(e.Type), e.By, e.Source, string(e.Detail), e.Seal)
	}
	work, err := encoded(append(t.Work[:len(t.Work):len(t.Work)],
		approvals.Item{Kind: approvals.KindDeliver, Request: t.RequestID})...)
	if err != nil {
		return nil, err
	}
	due, err := encodedDue(t.Due)
	if err != nil {
		return nil, err
	}
	return append(append(append(append(args, len(work)), work...), len(t.Due)), due...), nil
}

// encoded are items as they are kept.
func encoded(items ...approvals.Item) (all []any, err error) {
	for _, item := range items {
		body, err := json.Marshal(item)
		if err != nil {
			return nil, err
		}
		all = append(all, body)
	}
	return all, nil
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
	n, err := s.note.Run(ctx, s.db, keys, string(e.Type), e.By, e.Source, string(e.Detail), keepNotes,
		rememberIDs.Milliseconds(), e.Seal, milliseconds(e.At)).Int64()
	if n == -2 {
		err = approvals.ErrClock
	}
	if err != nil {
		return fmt.Errorf("note: %w", err)
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
