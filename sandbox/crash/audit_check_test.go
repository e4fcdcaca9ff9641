package crash

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/approvals/audit"
)

// readAudit reads what the audit log has got since the last round, holds it against the lines
// before it, and counts its events. A replica's file may be a few lines behind; what it has is the
// chain.
func (l *lane) readAudit(ctx context.Context, c *checks) error {
	public := []ed25519.PublicKey{l.key.Public()}
	var after audit.Head
	if l.end != "" {
		var err error
		if after, err = audit.HeadOf(l.end); err != nil {
			return err
		}
	}
	lines, err := l.chain.Lines(ctx, after.N, 100_000)
	if err != nil {
		return err
	}
	text := strings.Join(append([]string{l.end}, lines...), "\n") + "\n"
	r, err := audit.Verify(strings.NewReader(strings.TrimPrefix(text, "\n")), public, audit.Head{})
	if err != nil {
		return err
	}
	c.that(invAudit, r.Whole() && r.Forged == 0 && r.Signed == r.Lines, "%d lines, %d forged, %d signed: %q", r.Lines,
		r.Forged, r.Signed, r.Problems)
	for _, line := range lines {
		var e struct {
			Request string
			Seq     int64
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return err
		}
		l.chained[fmt.Sprintf("%s %d", e.Request, e.Seq)]++
		l.end = line
	}
	notes, err := l.db.XLen(ctx, keys+"notes").Result()
	c.that(invAudit, err == nil && l.chained[" 0"] == int(notes), "%d notes, %d of them in the audit log (%v)", notes,
		l.chained[" 0"], err)
	for _, file := range l.files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if len(content) == 0 {
			continue // it has not caught up once
		}
		whole, _, _ := strings.Cut(string(content[strings.LastIndexByte(string(content[:len(content)-1]), '\n')+1:]), "\n")
		r, err := audit.Verify(strings.NewReader(string(content)), public, audit.Head{})
		c.that(invAudit, err == nil && r.Whole() && r.First == 1 && l.hasLine(ctx, r.Last, whole),
			"the file has lines %d to %d, %q, %v", r.First, r.Last, r.Problems, err)
	}
	return nil
}

// hasLine reports whether the chain has a line under a number.
func (l *lane) hasLine(ctx context.Context, n int64, text string) bool {
	lines, err := l.chain.Lines(ctx, n-1, 1)
	return err == nil && len(lines) == 1 && lines[0] == text
}

// checkAudit holds the log of a request against what the audit log has of it.
func (l *lane) checkAudit(c *checks, id string, events []approvals.Event) {
	for _, e := range events {
		n := l.chained[fmt.Sprintf("%s %d", id, e.Seq)]
		c.that(invAudit, n == 1, "event %d of request %s is there %d times", e.Seq, id, n)
	}
	c.that(invAudit, l.chained[fmt.Sprintf("%s %d", id, len(events)+1)] == 0,
		"request %s has %d events, the audit log has more", id, len(events))
}
