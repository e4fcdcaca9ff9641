package aws

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// params are a request's parameters by their names in the Query protocol.
type params map[string]string

// read takes the action and the parameters from the request and finds the operation, nil if there
// is none with that name. The two protocols are described in the Smithy documentation, "AWS query
// protocol" and "AWS JSON 1.1 protocol".
func (x *exchange) read() (*operation, error) {
	if x.sig.service == "account" {
		return x.readAccount()
	}
	other, isOther := x.server.others[x.sig.service]
	if isOther && other.version == "" && other.target == "" {
		return x.readREST(other)
	}
	if x.r.Method != http.MethodPost || strings.Trim(x.r.URL.Path, "/") != "" || x.r.URL.RawQuery != "" {
		return nil, errOf("MalformedQueryString", "Only POST requests to / without a query string are understood here.")
	}
	switch {
	case isOther && other.target != "":
		x.json = true
		return x.readOtherJSON(other)
	case x.json:
		return x.readJSON()
	}
	if !strings.HasPrefix(x.r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return nil, errOf("MalformedQueryString",
			"The Content-Type is neither that of the Query protocol nor application/x-amz-json-1.1.")
	}
	form, err := url.ParseQuery(string(x.body))
	if err != nil {
		return nil, errOf("MalformedQueryString", "The query string contains a syntax error.")
	}
	x.params = params{}
	for name, values := range form {
		if len(values) != 1 {
			return nil, errf("MalformedQueryString", "The parameter %s is given more than once.", name)
		}
		x.params[name] = values[0]
	}
	x.action = x.params["Action"]
	version := x.params["Version"]
	delete(x.params, "Action")
	delete(x.params, "Version")
	if want := x.queryVersion(); want == "" || version != want {
		return nil, errf("InvalidAction", "Could not find operation %s for version %s", x.action, version)
	}
	return x.server.operations[x.sig.service+":"+x.action], nil
}

// readJSON reads a request of the JSON protocol: the action is in a header, in the short form of
// newer SDKs or the long one of older clients.
func (x *exchange) readJSON() (*operation, error) {
	target := x.r.Header.Get("X-Amz-Target")
	action, ok := strings.CutPrefix(strings.TrimPrefix(target, "com.amazonaws.cloudtrail.v20131101."),
		"CloudTrail_20131101.")
	if !ok || x.sig.service != "cloudtrail" {
		return nil, errOf("InvalidAction", "")
	}
	x.action = action
	var p params
	var err error
	if action == "LookupEvents" {
		p, err = lookupParams(x.body)
	} else {
		p, err = x.jsonParams()
	}
	x.params = p
	return x.server.operations["cloudtrail:"+action], err
}

func (x *exchange) unknownAction() error {
	if x.json {
		return errOf("InvalidAction", "")
	}
	return errf("InvalidAction", "Could not find operation %s for version %s", x.action, x.queryVersion())
}

// queryVersion is the API version of a service with the Query protocol.
func (x *exchange) queryVersion() string {
	switch x.sig.service {
	case "iam":
		return "2010-05-08"
	case "sts":
		return "2011-06-15"
	default:
		return x.server.others[x.sig.service].version
	}
}

func (x *exchange) namespace() string {
	return "https://" + x.sig.service + ".amazonaws.com/doc/" + x.queryVersion() + "/"
}

type responseMetadata struct {
	RequestID string `xml:"RequestId"`
}

// write sends the answer of a call that went well.
func (x *exchange) write(w http.ResponseWriter, result any) int {
	if body, ok := result.(fixed); ok {
		contentType := "text/xml"
		if x.json {
			contentType = "application/x-amz-json-1.1"
		}
		return x.send(w, http.StatusOK, contentType, []byte(body))
	}
	if x.json {
		b, err := json.Marshal(result)
		if err != nil {
			return x.internal(w, err)
		}
		return x.send(w, http.StatusOK, "application/x-amz-json-1.1", b)
	}
	var b strings.Builder
	e := xml.NewEncoder(&b)
	response := xml.StartElement{
		Name: xml.Name{Local: x.action + "Response"},
		Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: x.namespace()}},
	}
	err := e.EncodeToken(response)
	if err == nil && result != nil {
		err = e.EncodeElement(result, xml.StartElement{Name: xml.Name{Local: x.action + "Result"}})
	}
	if err == nil {
		err = e.EncodeElement(responseMetadata{x.requestID}, xml.StartElement{Name: xml.Name{Local: "ResponseMetadata"}})
	}
	if err == nil {
		err = e.EncodeToken(response.End())
	}
	if err == nil {
		err = e.Flush()
	}
	if err != nil {
		return x.internal(w, err)
	}
	return x.send(w, http.StatusOK, "text/xml", []byte(b.String()))
}

func (x *exchange) internal(w http.ResponseWriter, err error) int {
	x.server.log.Error("answer not written", "action", x.action, "error", err)
	return x.send(w, http.StatusInternalServerError, "text/plain", nil)
}

// writeError sends an error in the protocol of the request.
func (x *exchange) writeError(w http.ResponseWriter, e *apiError) (status int, code string) {
	if x.json {
		code, status := jsonCode(e.Code, e.Status)
		b, err := json.Marshal(map[string]string{"__type": code, "message": e.Message})
		if err != nil {
			return x.internal(w, err), code
		}
		return x.send(w, status, "application/x-amz-json-1.1", b), code
	}
	if body, own := x.otherError(e); own {
		return x.send(w, e.Status, "text/xml", []byte(body)), e.Code
	}
	type detail struct{ Type, Code, Message string }
	fault := "Sender"
	if e.Status >= 500 {
		fault = "Receiver"
	}
	b, err := xml.Marshal(struct {
		XMLName   xml.Name
		Error     detail
		RequestID string `xml:"RequestId"`
	}{xml.Name{Space: x.namespace(), Local: "ErrorResponse"}, detail{fault, e.Code, e.Message}, x.requestID})
	if err != nil {
		return x.internal(w, err), e.Code
	}
	return x.send(w, e.Status, "text/xml", b), e.Code
}

func (x *exchange) send(w http.ResponseWriter, status int, contentType string, body []byte) int {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Date", x.server.Now().Add(x.ahead).Format(http.TimeFormat))
	h.Set("X-Amzn-Requestid", x.requestID)
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away misses the answer, as in life
	return status
}

// isoTime is the form of times in the Query protocol.
func isoTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
