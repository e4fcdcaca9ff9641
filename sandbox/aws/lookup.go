package aws

import (
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// lookupParams flattens the JSON of a LookupEvents request; an unknown member is an error.
func lookupParams(body []byte) (params, error) {
	var in struct {
		LookupAttributes []struct{ AttributeKey, AttributeValue *string }
		StartTime        json.Number
		EndTime          json.Number
		EventCategory    *string
		MaxResults       *int
		NextToken        *string
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return nil, errf("MalformedQueryString", "The request is not a LookupEvents request: %v", err)
	}
	p := params{}
	set := func(name string, value *string) {
		if value != nil {
			p[name] = *value
		}
	}
	if len(in.LookupAttributes) > 1 {
		return p, errOf("InvalidLookupAttributesException", "Only one lookup attribute can be given.")
	}
	for _, a := range in.LookupAttributes {
		if a.AttributeKey == nil || a.AttributeValue == nil {
			return p, errOf("InvalidLookupAttributesException", "A lookup attribute needs a key and a value.")
		}
		set("AttributeKey", a.AttributeKey)
		set("AttributeValue", a.AttributeValue)
	}
	set("EventCategory", in.EventCategory)
	set("NextToken", in.NextToken)
	if in.MaxResults != nil {
		p["MaxResults"] = strconv.Itoa(*in.MaxResults)
	}
	if in.StartTime != "" {
		p["StartTime"] = in.StartTime.String()
	}
	if in.EndTime != "" {
		p["EndTime"] = in.EndTime.String()
	}
	return p, nil
}

func lookupOperation() *operation {
	return &operation{
		params: map[string]rule{
			"AttributeKey": optional(attributeKey), "AttributeValue": optional(attributeValue),
			"StartTime": optional(anything), "EndTime": optional(anything), "EventCategory": optional(category),
			"MaxResults": optional(pageOfEvents), "NextToken": optional(anything),
		},
		readOnly: true,
		target:   func(*exchange) target { return target{resource: "*"} },
		do:       lookupEvents,
	}
}

func attributeKey(_, key string) error {
	switch key {
	case "EventId", "EventName", "ReadOnly", "Username", "ResourceType", "ResourceName", "EventSource", "AccessKeyId":
		return nil
	default:
		return errf("InvalidLookupAttributesException", "The lookup attribute key %s is not known.", key)
	}
}

// attributeValue bounds a value: 1 to 2000 characters, of which _, space, comma and line feed count
// double (CloudTrail API Reference, "LookupAttribute").
func attributeValue(_, value string) error {
	n := 0
	for _, c := range value {
		n++
		if strings.ContainsRune("_ ,\n", c) {
			n++
		}
	}
	if n == 0 || n > 2000 {
		return errOf("InvalidLookupAttributesException", "The lookup attribute's value must have 1 to 2000 characters.")
	}
	return nil
}

func category(_, value string) error {
	if value != "insight" {
		return errf("InvalidEventCategoryException", "%s is not a valid event category.", value)
	}
	return nil
}

func pageOfEvents(_, value string) error {
	if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 50 {
		return errOf("InvalidMaxResultsException", "A value between 1 and 50 is needed for MaxResults.")
	}
	return nil
}

// throttle counts LookupEvents calls by account and region.
func (x *exchange) throttle() error {
	if x.action != "LookupEvents" {
		return nil
	}
	key := x.caller.account().id + "/" + x.sig.region
	l := x.server.limiters[key]
	if l == nil {
		l = rate.NewLimiter(x.server.lookupRate, max(1, int(x.server.lookupRate)))
		x.server.limiters[key] = l
	}
	if !l.Allow() {
		return errOf("Throttling", "Rate exceeded")
	}
	return nil
}

// position is the event at which a page ended; events that are recorded later do not move it.
type position struct {
	Second int64
	ID     string
}

func lookupEvents(x *exchange) (any, error) {
	p := x.params
	if !x.caller.account().uses(x.sig.region) {
		return nil, errOf("UnrecognizedClientException", "The security token included in the request is invalid.")
	}
	now := x.server.now()
	from, until := now.Add(-historyLength), now
	if s, ok := p["StartTime"]; ok {
		t, err := epoch(s)
		if err != nil {
			return nil, err
		}
		if t.After(from) {
			from = t
		}
	}
	if s, ok := p["EndTime"]; ok {
		t, err := epoch(s)
		if err != nil {
			return nil, err
		}
		until = t
		if start, ok := p["StartTime"]; ok {
			if s, _ := epoch(start); s.After(until) {
				return nil, errOf("InvalidTimeRangeException", "The start time is after the end time.")
			}
		}
	}
	var after *position
	if token, ok := p["NextToken"]; ok {
		pos, ok := x.openToken(token)
		if !ok {
			return nil, errOf("InvalidNextTokenException", "The NextToken is not one that was given for the same parameters.")
		}
		after = &pos
	}
	size := 50
	if s := p["MaxResults"]; s != "" {
		size, _ = strconv.Atoi(s) // checked by its rule
	}
	result := map[string]any{"Events": []any{}}
	if p["EventCategory"] == "insight" {
		return result, nil // no Insights here
	}
	found, more := x.caller.account().find(x.sig.region, p["AttributeKey"], p["AttributeValue"], from, until, after, size)
	var events []any
	for _, e := range found {
		events = append(events, e.shown())
	}
	if events != nil {
		result["Events"] = events
	}
	if more {
		last := found[len(found)-1]
		result["NextToken"] = x.sealToken(position{last.at.Unix(), last.id})
	}
	return result, nil
}

// find gives up to size events, newest first, that come after a position; more tells that there are
// others.
func (a *Account) find(
	region, key, value string, from, until time.Time, after *position, size int,
) (found []*event, more bool) {
	trail := a.trails[region]
	skipping := after != nil
	for _, e := range slices.Backward(trail) {
		if e.at.After(until) || skipping && e.at.Unix() > after.Second {
			continue
		}
		if e.at.Before(from.Truncate(time.Second)) {
			break
		}
		if skipping && e.at.Unix() == after.Second {
			skipping = e.id != after.ID
			continue
		}
		if !e.matches(key, value) || !a.shows(region, e) {
			continue
		}
		if len(found) == size {
			return found, true
		}
		found = append(found, e)
	}
	return found, false
}

func (e *event) matches(key, value string) bool {
	switch key {
	case "":
		return true
	case "EventId":
		return e.id == value
	case "EventName":
		return e.name == value
	case "ReadOnly":
		return strconv.FormatBool(e.readOnly) == value
	case "Username":
		return e.username == value
	case "EventSource":
		return e.source == value
	case "AccessKeyId":
		return e.keyID == value
	case "ResourceType":
		return slices.ContainsFunc(e.resources, func(r Resource) bool { return r.Type == value })
	case "ResourceName":
		return slices.ContainsFunc(e.resources, func(r Resource) bool { return r.Name == value })
	default:
		return false
	}
}

func (e *event) shown() map[string]any {
	resources := []map[string]string{}
	for _, r := range e.resources {
		resources = append(resources, map[string]string{"ResourceType": r.Type, "ResourceName": r.Name})
	}
	m := map[string]any{
		"EventId": e.id, "EventName": e.name, "ReadOnly": strconv.FormatBool(e.readOnly), "EventTime": e.at.Unix(),
		"EventSource": e.source, "Resources": resources, "CloudTrailEvent": e.record,
	}
	if e.username != "" {
		m["Username"] = e.username
	}
	if e.keyID != "" {
		m["AccessKeyId"] = e.keyID
	}
	return m
}

func epoch(s string) (time.Time, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return time.Time{}, errOf("InvalidTimeRangeException", "A time is not a number of seconds.")
	}
	return time.UnixMilli(int64(f * 1000)), nil
}

// A paging token is the position with a code over the position and all that the next request must
// repeat.
func (x *exchange) sealToken(p position) string {
	text := fmt.Sprintf("%d/%s", p.Second, p.ID)
	return base64.StdEncoding.EncodeToString([]byte(text + "/" + x.tokenCode(text)))
}

func (x *exchange) openToken(token string) (position, bool) {
	b, err := base64.StdEncoding.DecodeString(token)
	parts := strings.Split(string(b), "/")
	if err != nil || len(parts) != 3 || !hmac.Equal([]byte(parts[2]), []byte(x.tokenCode(parts[0]+"/"+parts[1]))) {
		return position{}, false
	}
	second, err := strconv.ParseInt(parts[0], 10, 64)
	return position{second, parts[1]}, err == nil
}

func (x *exchange) tokenCode(text string) string {
	bound := []string{text, x.caller.account().id, x.sig.region}
	for _, name := range []string{
		"AttributeKey", "AttributeValue", "StartTime", "EndTime", "EventCategory", "MaxResults",
	} {
		bound = append(bound, name+"="+x.params[name])
	}
	return hex.EncodeToString(hmacSum(x.server.tokenKey, strings.Join(bound, "\n")))
}
