package aws

import (
	"cmp"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// exchange is one request on its way through the server.
type exchange struct {
	server    *Server
	r         *http.Request
	body      []byte
	requestID string
	json      bool // the JSON protocol, else the Query protocol
	sig       signature
	action    string
	params    params
	ahead     time.Duration // Fault.Clock
	caller    *credential

	// What the operation leaves for the CloudTrail event.
	tells   happening
	foreign *Account // the other account that is told of a cross-account call
}

const maxBody = 1 << 20

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.closed:
		http.Error(w, "the stand-in is closed", http.StatusServiceUnavailable)
		return
	default:
	}
	arrived := time.Now()
	x := &exchange{server: s, r: r, requestID: randomUUID()}
	result, fault, err := x.answer(w)
	call := Call{
		At: arrived, Service: x.sig.service, Action: x.action, Region: x.sig.region, AccessKeyID: x.sig.keyID,
		Params: x.params,
	}
	if x.caller != nil {
		call.AccountID, call.PrincipalARN = x.caller.account().id, x.caller.callerARN()
	}
	silent := fault.Hang || fault.HangUp || errors.Is(err, errGone) || !isDirect(r) && !s.wait(r, s.latency)
	call.Ended = time.Now()
	switch e, ok := errors.AsType[*apiError](err); {
	case silent:
	case ok:
		call.Status, call.Code = x.writeError(w, e)
	case err != nil:
		call.Status = x.internal(w, err)
	default:
		call.Status = x.write(w, result)
	}
	s.logCall(call)
	s.log.Debug("call", "service", call.Service, "action", call.Action, "region", call.Region,
		"principal", call.PrincipalARN, "status", call.Status, "code", call.Code)
	if fault.Hang {
		select {
		case <-r.Context().Done():
		case <-s.closed:
		}
	}
	if silent {
		panic(http.ErrAbortHandler) // net/http's way of closing a connection without an answer
	}
}

// errGone says that the client or the server went away while a fault's delay passed.
var errGone = errors.New("the client is gone")

// answer does everything but writing. A fault that keeps the answer back is returned.
func (x *exchange) answer(w http.ResponseWriter) (result any, fault Fault, err error) {
	s := x.server
	x.json = strings.HasPrefix(x.r.Header.Get("Content-Type"), "application/x-amz-json-1.1")
	if x.body, err = io.ReadAll(http.MaxBytesReader(w, x.r.Body, maxBody)); err != nil {
		return nil, Fault{}, errOf("MalformedQueryString", "The request's body could not be read.")
	}
	if x.sig, err = parseSignature(x.r.Header.Get("Authorization")); err != nil {
		return nil, Fault{}, err
	}
	op, unread := x.read()
	s.mu.Lock()
	x.caller, err = s.authenticate(x.r, x.body, x.sig)
	s.mu.Unlock()
	if err != nil {
		return nil, Fault{}, err
	}
	if unread != nil { // said only to those who have a key
		return nil, Fault{}, unread
	}
	if op == nil {
		return nil, Fault{}, x.unknownAction()
	}
	fault, struck := s.takeFault(x.sig.service, x.action, x.caller.account().id, x.sig.region)
	x.ahead = fault.Clock
	if struck && !s.wait(x.r, fault.Delay) {
		return nil, Fault{}, errGone
	}
	failure := fault.err()
	if struck && !fault.AfterDoing && (failure != nil || fault.HangUp || fault.Hang) {
		if failure == nil {
			return nil, fault, nil
		}
		x.told(op, failure)
		return nil, fault, failure
	}
	result, err = x.perform(op)
	if err == nil && failure != nil {
		err = failure
	}
	return result, fault, err
}

// perform carries the operation out and records its event.
func (x *exchange) perform(op *operation) (any, error) {
	s := x.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := x.caller.role(); r != nil {
		r.use(x.sig.region)
	}
	x.caller.lastUsed, x.caller.lastRegion = s.now().Truncate(time.Second), x.region()
	x.caller.lastService = x.sig.service
	result, err := x.authorizeAndDo(op)
	e, _ := errors.AsType[*apiError](err)
	x.record(op, e)
	return result, err
}

func (x *exchange) authorizeAndDo(op *operation) (any, error) {
	if err := op.check(x.params); err != nil {
		return nil, err
	}
	if err := x.throttle(); err != nil {
		return nil, err
	}
	if err := x.mayAsSession(); err != nil {
		return nil, err
	}
	if op.target != nil {
		if err := x.authorize(op.target(x)); err != nil {
			return nil, err
		}
	}
	return op.do(x)
}

// told records the event of a call that a fault kept from happening.
func (x *exchange) told(op *operation, failure *apiError) {
	x.server.mu.Lock()
	defer x.server.mu.Unlock()
	x.record(op, failure)
}

// record tells the caller's account, and another one if that is concerned, of the call. The caller
// holds the lock.
func (x *exchange) record(op *operation, failure *apiError) {
	h := x.tells
	h.name, h.source, h.region = cmp.Or(op.event, x.action), x.sig.service+".amazonaws.com", x.sig.region
	if x.sig.service == "iam" {
		h.region = x.caller.account().HomeRegion()
	}
	h.requestID, h.readOnly, h.host = x.requestID, op.readOnly, x.r.Host
	h.sourceIP, h.userAgent = sourceIP(x.r), x.r.UserAgent()
	h.identity = x.caller.identity()
	if h.request == nil {
		h.request = op.trailRequest(x.params)
	}
	if failure != nil {
		h.code, h.message, h.response, h.resources = trailCode(x.sig.service, failure.Code), failure.Message, nil, nil
		if failure.Code == "AccessDenied" {
			h.request = nil
		}
	} else if x.foreign != nil {
		h.sharedID = randomUUID()
		other := h
		other.identity, other.host = x.caller.foreignIdentity(), ""
		x.foreign.tell(other)
	}
	x.caller.account().tell(h)
}

// sourceIP is the address an event shows: that of X-Forwarded-For, by which the people and programs
// of a sandbox say where they are, else the connection's.
func sourceIP(r *http.Request) string {
	if first, _, _ := strings.Cut(r.Header.Get("X-Forwarded-For"), ","); first != "" {
		return strings.TrimSpace(first)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "127.0.0.1" // an in-memory connection has no address
	}
	return cmp.Or(host, "127.0.0.1")
}
