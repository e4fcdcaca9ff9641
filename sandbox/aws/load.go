package aws

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// lookupEvent is an event as LookupEvents and the aws command line give it: the time is a number or
// RFC 3339.
type lookupEvent struct {
	EventID         string `json:"EventId"`
	EventName       string
	ReadOnly        string
	AccessKeyID     string `json:"AccessKeyId"`
	EventTime       any
	EventSource     string
	Username        string
	Resources       []struct{ ResourceType, ResourceName string }
	CloudTrailEvent string
}

// LoadLookupEvents keeps events that were looked up elsewhere in the event history of an account,
// which is added if it is not there; each goes to the region its record names. raw is a list of
// events, {"Events": list} as the aws command line prints it, or such a list with each event in a
// member "lookupEvent". All times, also those inside the records, are moved by shift. The number of
// events is returned.
func (s *Server) LoadLookupEvents(account string, raw []byte, shift time.Duration) (int, error) {
	elements, err := splitEvents(raw)
	if err != nil {
		return 0, err
	}
	type placed struct {
		region string
		event  *event
	}
	var all []placed
	for i, element := range elements {
		region, e, err := readEvent(element, shift)
		if err != nil {
			return 0, fmt.Errorf("load event %d: %w", i, err)
		}
		all = append(all, placed{region, e})
	}
	a := s.AddAccount(account, "")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range all {
		a.add(p.region, p.event)
	}
	return len(all), nil
}

func splitEvents(raw []byte) ([]json.RawMessage, error) {
	var list []json.RawMessage
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, fmt.Errorf("load events: %w", err)
		}
		return list, nil
	}
	var in struct{ Events []json.RawMessage }
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, fmt.Errorf("load events: %w", err)
	}
	return in.Events, nil
}

func readEvent(raw json.RawMessage, shift time.Duration) (region string, e *event, err error) {
	var wrapped struct{ LookupEvent json.RawMessage }
	if err := json.Unmarshal(raw, &wrapped); err != nil {
		return "", nil, err
	}
	if wrapped.LookupEvent != nil {
		raw = wrapped.LookupEvent
	}
	var in lookupEvent
	if err := json.Unmarshal(raw, &in); err != nil {
		return "", nil, err
	}
	at, err := eventTime(in.EventTime)
	if err != nil {
		return "", nil, err
	}
	record, region, err := shiftRecord(in.CloudTrailEvent, shift)
	if err != nil {
		return "", nil, err
	}
	readOnly, _ := strconv.ParseBool(in.ReadOnly)
	e = &event{
		at: at.Add(shift).UTC().Truncate(time.Second), id: in.EventID, name: in.EventName, source: in.EventSource,
		username: in.Username, keyID: in.AccessKeyID, readOnly: readOnly, record: record,
	}
	for _, r := range in.Resources {
		e.resources = append(e.resources, Resource{r.ResourceType, r.ResourceName})
	}
	return region, e, nil
}

func eventTime(v any) (time.Time, error) {
	switch v := v.(type) {
	case float64:
		return time.UnixMilli(int64(v * 1000)), nil
	case string:
		return time.Parse(time.RFC3339, v)
	default:
		return time.Time{}, fmt.Errorf("the event has no time")
	}
}

// shiftRecord moves the times of a record and tells its region. A record that is not moved stays as
// it is, byte for byte.
func shiftRecord(text string, shift time.Duration) (moved, region string, err error) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var record map[string]any
	if err := d.Decode(&record); err != nil {
		return "", "", fmt.Errorf("its record: %w", err)
	}
	region, _ = record["awsRegion"].(string)
	if region == "" {
		return "", "", fmt.Errorf("its record names no awsRegion")
	}
	if shift == 0 {
		return text, region, nil
	}
	move := func(holder any, name, layout string) {
		m, _ := holder.(map[string]any)
		s, _ := m[name].(string)
		if t, err := time.Parse(layout, s); err == nil {
			m[name] = t.Add(shift).Format(layout)
		}
	}
	move(record, "eventTime", time.RFC3339)
	move(within(record, "userIdentity", "sessionContext", "attributes"), "creationDate", time.RFC3339)
	move(within(record, "responseElements", "credentials"), "expiration", "Jan 2, 2006, 3:04:05 PM")
	b, err := json.Marshal(record)
	return string(b), region, err
}

// within walks down the members of nested objects; nil if one of them is missing.
func within(v any, names ...string) any {
	for _, name := range names {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}
