package redisstore

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
)

// decodeEvent reads a log entry as the scripts wrote it: entry n-0 is event n. One that they did
// not write has no type.
func decodeEvent(entry redis.XMessage) (approvals.Event, error) {
	number, rest, _ := strings.Cut(entry.ID, "-")
	seq, err := strconv.ParseInt(number, 10, 64)
	if err != nil || rest != "0" {
		return approvals.Event{}, fmt.Errorf("log entry %q is not an event", entry.ID)
	}
	e, err := event(entry)
	switch {
	case err != nil:
		return approvals.Event{Seq: seq}, fmt.Errorf("event %d has no time", seq)
	case e.Detail != nil && !json.Valid(e.Detail):
		return approvals.Event{Seq: seq, At: e.At}, fmt.Errorf("event %d has a detail that is not JSON", seq)
	}
	e.Seq = seq
	return e, nil
}

// event reads what the scripts write of an event wherever they put it. Its error is for a time that
// is none.
func event(entry redis.XMessage) (approvals.Event, error) {
	ms, err := strconv.ParseInt(field(entry, "at"), 10, 64)
	e := approvals.Event{
		Type: approvals.EventType(field(entry, "type")), At: time.UnixMilli(ms).UTC(), By: field(entry, "by"),
		Source: field(entry, "source"), Seal: field(entry, "seal"),
	}
	if detail := field(entry, "detail"); detail != "" {
		e.Detail = json.RawMessage(detail)
	}
	return e, err
}

func field(entry redis.XMessage, name string) string {
	text, _ := entry.Values[name].(string)
	return text
}
