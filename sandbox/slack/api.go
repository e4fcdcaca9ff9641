package slack

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Names under which things that are not Web API methods are recorded in Calls and can be given to
// Inject.
const (
	methodResponse = "response_url"
	methodUpload   = "upload"
	methodEnvelope = "envelope"
)

// keptCalls is how many calls are remembered.
const keptCalls = 20_000

// Call is one request of an app.
type Call struct {
	At time.Time
	// Ended is when it was answered, or cut off.
	Ended time.Time
	// Method is a Web API method, or "response_url" or "upload".
	Method string
	// Args are the arguments without the token; JSON values that are not strings appear as JSON.
	Args map[string]string
	// Response is the body that was sent; nil if the connection was cut instead.
	Response json.RawMessage
	Status   int
}

// call is a request on its way through a method.
type call struct {
	method  string
	args    map[string]string
	request *http.Request
}

// answer is what a call is answered with.
type answer struct {
	status     int
	retryAfter time.Duration
	fields     map[string]any // the JSON body
	text       string         // the body if there are no fields
}

// success is {"ok":true} with more fields, given as name, value, …
func success(pairs ...any) answer {
	a := answer{status: http.StatusOK, fields: map[string]any{"ok": true}}
	for i := 0; i+1 < len(pairs); i += 2 {
		a.fields[pairs[i].(string)] = pairs[i+1]
	}
	return a
}

// refuse is {"ok":false,"error":code}; messages go into response_metadata, where Slack explains
// invalid arguments.
func refuse(code string, messages ...string) answer {
	a := answer{status: http.StatusOK, fields: map[string]any{"ok": false, "error": code}}
	if len(messages) > 0 {
		a.fields["response_metadata"] = map[string]any{"messages": messages}
	}
	return a
}

// refuseProblems is a refusal that lists problems as Slack does for blocks: in errors and in
// response_metadata.
func refuseProblems(code string, problems []Problem) answer {
	var plain, marked []string
	for _, p := range problems {
		plain = append(plain, p.String())
		marked = append(marked, "[ERROR] "+p.String())
	}
	a := refuse(code, marked...)
	a.fields["errors"] = plain
	return a
}

// plain is an answer that is not JSON.
func plain(status int, text string) answer { return answer{status: status, text: text} }

// serveAPI answers /api/<method>.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request, method string) {
	args, token, problem := readArgs(r)
	c := &call{method: method, args: args, request: r}
	s.serveCall(w, r, c, func() answer {
		w.Header().Set("X-OAuth-Scopes", strings.Join(*s.scopes.Load(), ","))
		m, known := s.methods[method]
		switch {
		case !known:
			return refuse("unknown_method")
		case problem != nil:
			return *problem
		}
		if len(m.scopes) > 0 {
			w.Header().Set("X-Accepted-OAuth-Scopes", strings.Join(m.scopes, ","))
		}
		if bad := s.admit(m, token, c); bad != nil {
			return *bad
		}
		return m.do(s, c)
	})
}

// serveCall answers a call, with the troubles that were asked for, and records it.
func (s *Server) serveCall(w http.ResponseWriter, r *http.Request, c *call, do func() answer) {
	at := time.Now()
	fault := s.takeFault(c.method, c.channel())
	if fault.Delay > 0 && !s.sleep(r.Context(), fault.Delay) {
		return
	}
	if fault.DropBefore {
		s.record(Call{At: at, Method: c.method, Args: c.args})
		hangUp(w)
		return
	}
	a, faked := fault.answer()
	if !faked {
		a = do()
	}
	body := []byte(a.text)
	if a.fields != nil {
		body = encode(a.fields)
	}
	if ok, _ := a.fields["ok"].(bool); a.fields != nil && !ok {
		s.cfg.Logger.Warn("call refused", "method", c.method, "error", a.fields["error"],
			"metadata", a.fields["response_metadata"])
	}
	if fault.DropAfter {
		s.record(Call{At: at, Method: c.method, Args: c.args})
		hangUp(w)
		return
	}
	s.record(Call{At: at, Method: c.method, Args: c.args, Response: body, Status: a.status})
	if a.fields != nil {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	} else {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	if a.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((a.retryAfter+time.Second-1)/time.Second)))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // the client may be gone
}

// channel is the conversation that a call is about, for faults.
func (c *call) channel() string {
	if id := c.args["channel"]; id != "" {
		return id
	}
	return c.args["channel_id"]
}

// record remembers a call.
func (s *Server) record(c Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Ended = time.Now()
	s.calls = append(s.calls, c)
	if len(s.calls) > keptCalls {
		s.calls = slices.Delete(s.calls, 0, keptCalls/4)
	}
}

// Calls returns the requests to a Web API method, or to "response_url" or "upload", oldest first;
// "" returns all. Of a great many only the latest are kept.
func (s *Server) Calls(method string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Call
	for _, c := range s.calls {
		if method == "" || c.Method == method {
			list = append(list, c)
		}
	}
	return list
}

// readArgs reads the arguments and the token from the query, a form or a JSON body.
func readArgs(r *http.Request) (args map[string]string, token string, problem *answer) {
	bad := func(code string, messages ...string) (map[string]string, string, *answer) {
		a := refuse(code, messages...)
		return args, token, &a
	}
	args = map[string]string{}
	token, _ = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	body, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
	if err != nil {
		return bad("request_timeout")
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return bad("invalid_post_type")
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && len(body) > 0 {
		return bad("invalid_post_type")
	}
	form := r.URL.Query()
	switch {
	case len(body) == 0:
	case kind == "application/json":
		if args = objectArgs(body); args == nil {
			return bad("invalid_json")
		}
		if _, ok := args["token"]; ok { // Slack takes a token from a form, never from JSON
			delete(args, "token")
			return bad("invalid_arguments", "[ERROR] token does not belong into a JSON body")
		}
	case kind == "application/x-www-form-urlencoded":
		posted, err := url.ParseQuery(string(body))
		if err != nil {
			return bad("invalid_form_data")
		}
		for name, values := range posted {
			form[name] = append(form[name], values...)
		}
	default:
		return bad("invalid_post_type")
	}
	for name, values := range form {
		if len(values) > 1 {
			return bad("invalid_arguments", "[ERROR] "+name+" is given more than once")
		}
		args[name] = values[0]
	}
	if posted, ok := args["token"]; ok {
		delete(args, "token")
		if token != "" && token != posted {
			return bad("invalid_auth")
		}
		token = posted
	}
	return args, token, nil
}

// objectArgs reads the members of a JSON object as arguments: strings as they are, everything else
// as JSON, null as not given. It returns nil for what is not an object.
func objectArgs(body []byte) map[string]string {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil || members == nil {
		return nil
	}
	args := map[string]string{}
	for name, value := range members {
		var text string
		switch {
		case string(value) == "null":
		case json.Unmarshal(value, &text) == nil:
			args[name] = text
		default:
			args[name] = string(value)
		}
	}
	return args
}

// admit checks token, scopes and arguments; nil lets the call pass.
func (s *Server) admit(m method, token string, c *call) *answer {
	bad := func(code string, messages ...string) *answer {
		a := refuse(code, messages...)
		return &a
	}
	want, other := s.cfg.BotToken, s.cfg.AppToken
	if m.app {
		want, other = other, want
	}
	switch token {
	case want:
	case "":
		return bad("not_authed")
	case other:
		return bad("not_allowed_token_type")
	default:
		return bad("invalid_auth")
	}
	if a := s.checkScopes(m.scopes); a != nil {
		return a
	}
	if a := s.cfg.checkTeam(m, c); a != nil {
		return a
	}
	var messages []string
	for name, value := range c.args {
		kind, known := m.args[name]
		switch {
		case name == "team_id" && !m.app:
		case !known:
			messages = append(messages, "[ERROR] unknown or unsupported argument: "+name)
		case !kind.accepts(value):
			messages = append(messages, fmt.Sprintf("[ERROR] must be %s [json-pointer:/%s]", kind, name))
		}
	}
	for _, name := range m.required {
		if c.args[name] == "" {
			messages = append(messages, "[ERROR] missing required field: "+name)
		}
	}
	if len(messages) > 0 {
		slices.Sort(messages)
		return bad("invalid_arguments", messages...)
	}
	return nil
}

// hasScope reports whether the bot token has a scope.
func (s *Server) hasScope(scope string) bool { return slices.Contains(*s.scopes.Load(), scope) }

// checkScopes lets a call pass that has one of the scopes, or needs none.
func (s *Server) checkScopes(oneOf []string) *answer {
	if len(oneOf) == 0 || slices.ContainsFunc(oneOf, s.hasScope) {
		return nil
	}
	a := refuse("missing_scope")
	a.fields["needed"], a.fields["provided"] = strings.Join(oneOf, ","), strings.Join(*s.scopes.Load(), ",")
	return &a
}

// hangUp ends a request without an answer.
func hangUp(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2 and recorders have no connection of their own to cut
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	_ = connection.Close()
}
