package aws

import (
	"encoding/json"
	"slices"
	"strconv"
)

// logQuery is a query of CloudWatch Logs Insights. What it finds is found when it starts.
type logQuery struct {
	account *Account
	region  string
	rows    [][]logField
	matched int    // events, whatever is given of them
	polls   int    // answers about it
	stopped bool   // by StopQuery
	ends    string // its last status
}

type logField struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

// EndQueriesAs has queries of CloudWatch Logs Insights end with a status other than Complete, such
// as Failed; Running never ends them, and an empty one is Complete again.
func (s *Server) EndQueriesAs(status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queriesEnd = status
}

// SetMostRows bounds what a query gives; the real service gives 100,000 rows.
func (s *Server) SetMostRows(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mostRows = n
}

// keptQueries bounds the queries that are kept.
const keptQueries = 1000

// queryOperations are those of CloudWatch Logs Insights. A query is Running at the first answer and
// gives a part of what it finds then (Amazon CloudWatch Logs API Reference, "GetQueryResults").
func queryOperations() map[string]*operation {
	everything := func(*exchange) target { return target{resource: "*"} }
	return map[string]*operation{
		"logs:StartQuery": {
			params: map[string]rule{
				"logGroupName": optional(text(512)), "startTime": required(number(0, 1<<40)), "endTime": required(number(0, 1<<40)),
				"queryString": required(text(10_000)), "limit": optional(number(1, 100_000)),
			},
			readOnly: true,
			target: func(x *exchange) target {
				r := x.logGroupOf(x.params["logGroupName"])
				return target{resource: r, words: r}
			},
			do: startQuery,
		},
		"logs:GetQueryResults": {
			params: map[string]rule{
				"queryId": required(text(256)), "maxItems": optional(number(1, 10_000)), "nextToken": optional(number(0, 1<<40)),
			},
			readOnly: true, target: everything, do: getQueryResults,
		},
		"logs:StopQuery": {
			params: map[string]rule{"queryId": required(text(256))}, readOnly: true, target: everything, do: stopQuery,
		},
	}
}

func startQuery(x *exchange) (any, error) {
	s, a, p := x.server, x.caller.account(), x.params
	events, there := a.logGroup(x.sig.region, p["logGroupName"])
	if !there {
		return nil, errf("ResourceNotFoundException", "Log group '%s' does not exist for account ID '%s'", p["logGroupName"],
			a.id)
	}
	q, err := parseInsights(p["queryString"])
	if err != nil {
		return nil, err
	}
	from, _ := strconv.ParseInt(p["startTime"], 10, 64)
	until, _ := strconv.ParseInt(p["endTime"], 10, 64)
	if from >= until {
		return nil, errOf("MalformedQueryException", "End time should not be smaller than or equal to start time.")
	}
	if len(s.queries) >= keptQueries {
		clear(s.queries)
	}
	events = slices.DeleteFunc(events, func(e logEvent) bool { return e.at.Unix() < from || e.at.Unix() > until })
	found := &logQuery{account: a, region: x.sig.region, ends: s.queriesEnd}
	found.rows, found.matched = q.run(events)
	limit := s.mostRows
	if given, err := strconv.Atoi(p["limit"]); err == nil {
		limit = min(limit, given)
	}
	found.rows = found.rows[:min(len(found.rows), limit)]
	id := randomUUID()
	s.queries[id] = found
	return map[string]any{"queryId": id}, nil
}

// query finds one of the account and region.
func (x *exchange) query() (*logQuery, error) {
	q := x.server.queries[x.params["queryId"]]
	if q == nil || q.account != x.caller.account() || q.region != x.sig.region {
		return nil, errf("ResourceNotFoundException", "Query ID %s does not exist", x.params["queryId"])
	}
	return q, nil
}

func getQueryResults(x *exchange) (any, error) {
	q, err := x.query()
	if err != nil {
		return nil, err
	}
	status, rows := "Complete", q.rows
	switch q.polls++; {
	case q.stopped:
		status, rows = "Cancelled", nil
	case q.polls == 1:
		status, rows = "Running", rows[:len(rows)/2]
	case q.ends != "":
		status, rows = q.ends, rows[:len(rows)/2]
	}
	answer := map[string]any{"status": status, "statistics": map[string]any{"recordsMatched": q.matched}}
	from, _ := strconv.Atoi(x.params["nextToken"])
	most := 10_000
	if given, err := strconv.Atoi(x.params["maxItems"]); err == nil {
		most = given
	}
	rows = rows[min(from, len(rows)):]
	if len(rows) > most {
		rows = rows[:most]
		answer["nextToken"] = strconv.Itoa(from + most)
	}
	answer["results"] = slices.Concat([][]logField{}, rows)
	return answer, nil
}

func stopQuery(x *exchange) (any, error) {
	q, err := x.query()
	if err != nil {
		return nil, err
	}
	if q.polls > 1 && q.ends != "Running" || q.stopped {
		return nil, errOf("InvalidParameterException", "Query has already ended.")
	}
	q.stopped = true
	return map[string]any{"success": true}, nil
}

// run gives the rows that a query finds, and how many events its filter matches.
func (q insights) run(events []logEvent) (rows [][]logField, matched int) {
	seen := map[string]bool{}
	if q.ascending {
		slices.Reverse(events)
	}
	for i, e := range events {
		read := fieldsOf(e)
		if q.filter != nil && !q.filter(read) {
			continue
		}
		matched++
		if q.dedup != "" {
			value, there := read(q.dedup)
			if there && seen[value] {
				continue
			}
			seen[value] = true
		}
		if q.limit > 0 && len(rows) == q.limit {
			continue
		}
		row := []logField{}
		for _, name := range q.fields {
			if value, there := read(name); there {
				row = append(row, logField{name, value})
			}
		}
		rows = append(rows, append(row, logField{"@ptr", strconv.Itoa(i)}))
	}
	return rows, matched
}

// mostFields is how many fields of a JSON event are found, in its order (Amazon CloudWatch Logs
// User Guide, "Supported logs and discovered fields").
const mostFields = 200

// recordOrder is that of the first members of CloudTrail's records.
var recordOrder = []string{
	"eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent",
	"errorCode", "errorMessage", "requestParameters", "responseElements",
}

// fieldsOf reads the fields of an event by their names.
func fieldsOf(e logEvent) reads {
	var fields map[string]string
	return func(name string) (string, bool) {
		switch name {
		case "@message":
			return e.record, true
		case "@timestamp":
			return e.at.UTC().Format("2006-01-02 15:04:05.000"), true
		}
		if fields == nil {
			fields = map[string]string{}
			var record map[string]any
			_ = json.Unmarshal([]byte(e.record), &record) // eventOf has made it
			for _, first := range slices.Concat(recordOrder, sortedAny(record)) {
				if v, there := record[first]; there {
					flatten(first, v, fields)
					delete(record, first)
				}
			}
		}
		value, there := fields[name]
		return value, there
	}
}

func sortedAny(m map[string]any) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// flatten names what is in a value as Insights does: members by a dot, elements by their number.
func flatten(name string, v any, into map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for _, member := range sortedAny(v) {
			flatten(name+"."+member, v[member], into)
		}
	case []any:
		for i, one := range v {
			flatten(name+"."+strconv.Itoa(i), one, into)
		}
	case nil:
	default:
		if len(into) == mostFields {
			return
		}
		raw, _ := json.Marshal(v)
		text := string(raw)
		if s, ok := v.(string); ok {
			text = s
		} else if b, ok := v.(bool); ok {
			text = map[bool]string{true: "1", false: "0"}[b]
		}
		into[name] = text
	}
}
