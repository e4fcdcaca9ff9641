package record

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/revokebot/revokebot/aws/trail"
)

// Mark names a session for good in the value of a button or a menu, without a text from outside in
// it.
func (s Session) Mark() string {
	id := s.EventID
	if id == "" {
		id = fmt.Sprint(s.Time.Unix(), s.Region, s.AccessKeyID, s.SessionName, s.Caller)
	}
	return mark("session " + id)
}

// CallerMark does the same for its caller.
func (s Session) CallerMark() string { return mark("caller " + s.CallerIdentity()) }

// Doubtable reports whether a person can say that the caller of a session is theirs: it was opened
// since the cutoff, and its caller is no other.
func (s Session) Doubtable() bool { return s.After && s.Issued() && s.Identified() }

// Mark names a role that was assumed, in the value of a button.
func (l Link) Mark() string { return mark("role " + l.RoleARN) }

func mark(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// Trim cuts the texts from outside to what is kept of them. IAM's own names all fit.
func (s Session) Trim() Session {
	trim(map[*string]int{
		&s.EventID: 64, &s.EventName: 64, &s.Caller: 200, &s.CallerARN: 300, &s.CallerID: 300, &s.CallerAccessKey: 128,
		&s.SessionName: 64, &s.SourceIdentity: 64,
		&s.SourceAddress: 60, &s.UserAgent: 200, &s.Region: 30, &s.AccessKeyID: 128, &s.ErrorCode: 80,
		&s.Role: 64,
	})
	return s
}

// Trim does the same for a call.
func (c Call) Trim() Call {
	trim(map[*string]int{
		&c.EventID: 64, &c.Service: 40, &c.Name: 64, &c.Region: 30, &c.SourceAddress: 60, &c.ErrorCode: 80, &c.Target: 150,
		&c.Opens: 120, &c.Session: 128,
	})
	return c
}

// Trim does the same for a role of the chain.
func (l Link) Trim() Link {
	trim(map[*string]int{&l.From: 80, &l.FromSession: 64, &l.RoleARN: 600, &l.RoleName: 64, &l.AccountID: 20})
	return l
}

// TrimSources does the same for addresses.
func TrimSources(from []trail.Source) []trail.Source {
	kept := slices.Clone(from)
	for i := range kept {
		trim(map[*string]int{&kept[i].Address: 60, &kept[i].UserAgent: 200})
	}
	return kept
}

// Trim does the same for a conclusion.
func (c Conclusion) Trim() Conclusion {
	for i := range c.Why {
		c.Why[i] = cut(c.Why[i], 400)
	}
	return c
}

func trim(limits map[*string]int) {
	for text, limit := range limits {
		*text = cut(*text, limit)
	}
}

// cut keeps at most limit characters, the mark of a cut included.
func cut(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return string([]rune(text)[:max(limit-1, 0)]) + "…"
}

// CallerIdentity is what a caller is known by from one session to the next.
func (s Session) CallerIdentity() string {
	if s.CallerID != "" {
		return s.CallerID
	}
	return s.Caller
}

// MaxDetail is the most bytes of JSON that one event of a check takes.
const MaxDetail = 48_000

// Pack divides sessions into lists that each fit into one event, at most most sessions in all, and
// says how many are left over.
func Pack(rows []Session, most int) (lists [][]Session, left int) {
	kept := rows[:min(len(rows), most)]
	size := 0
	for i, s := range kept {
		raw := Encode(s)
		if i == 0 || size+len(raw)+1 > MaxDetail {
			lists, size = append(lists, nil), 0
		}
		size += len(raw) + 1
		lists[len(lists)-1] = append(lists[len(lists)-1], s)
	}
	return lists, len(rows) - len(kept)
}
