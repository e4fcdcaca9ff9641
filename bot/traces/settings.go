package traces

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// settings are OpenTelemetry's variables that are read here (OpenTelemetry documentation,
// "Environment Variable Specification", "OpenTelemetry Protocol Exporter").
type settings struct {
	endpoint *url.URL
	headers  http.Header
	timeout  time.Duration
	resource []attribute.KeyValue
}

const (
	defaultEndpoint = "http://localhost:4318"
	tracesPath      = "/v1/traces"
	defaultTimeout  = 10 * time.Second
	longestTimeout  = time.Hour
)

// wrong is an error in two clauses, such as "is not a number" and "set it to 1", behind the name of
// a variable. Its text never repeats a value: headers hold keys.
func wrong(variable, what, fix string) error { return errors.New(variable + " " + what + ": " + fix) }

const (
	correct = "correct it, or leave it out"
	noPairs = "is not a list of name=value, parted by commas"
)

// readSettings returns nil when no traces are asked for. Its error names the variable first.
func readSettings(lookup func(string) (string, bool)) (*settings, error) {
	get := func(name string) string {
		value, _ := lookup(name)
		return strings.TrimSpace(value)
	}
	// otlp is a variable of the exporter, for traces alone or for all signals.
	otlp := func(name string) (value, variable string) {
		for _, variable := range []string{"OTEL_EXPORTER_OTLP_TRACES_" + name, "OTEL_EXPORTER_OTLP_" + name} {
			if value := get(variable); value != "" {
				return value, variable
			}
		}
		return "", "OTEL_EXPORTER_OTLP_" + name
	}
	if strings.EqualFold(get("OTEL_SDK_DISABLED"), "true") {
		return nil, nil
	}
	endpoint, variable := otlp("ENDPOINT")
	switch exporter := get("OTEL_TRACES_EXPORTER"); {
	case exporter == "none", exporter == "" && endpoint == "":
		return nil, nil
	case exporter != "" && exporter != "otlp":
		return nil, wrong("OTEL_TRACES_EXPORTER", "names an exporter that revokebot does not have", "set it to otlp or none")
	}
	if endpoint == "" {
		endpoint, variable = defaultEndpoint, "OTEL_EXPORTER_OTLP_ENDPOINT"
	}
	if variable == "OTEL_EXPORTER_OTLP_ENDPOINT" {
		endpoint = strings.TrimRight(endpoint, "/") + tracesPath
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, wrong(variable, "is not a web address", "give one such as "+defaultEndpoint)
	}
	s := &settings{endpoint: u, timeout: defaultTimeout, headers: make(http.Header)}
	if protocol, variable := otlp("PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		return nil, wrong(variable, "names a protocol that revokebot does not speak",
			"set it to http/protobuf, which collectors take on port 4318")
	}
	list, variable := otlp("HEADERS")
	pairs, err := readPairs(list)
	if err != nil {
		return nil, wrong(variable, noPairs, correct)
	}
	for _, p := range pairs {
		s.headers.Set(p[0], p[1])
	}
	if text, variable := otlp("TIMEOUT"); text != "" {
		ms, err := strconv.Atoi(text)
		if err != nil || ms < 1 || ms > int(longestTimeout/time.Millisecond) {
			return nil, wrong(variable, "is not a number of milliseconds from 1 to an hour's", correct)
		}
		s.timeout = time.Duration(ms) * time.Millisecond
	}
	if sampler := get("OTEL_TRACES_SAMPLER"); sampler != "" && strings.TrimPrefix(sampler, "parentbased_") != "always_on" {
		return nil, wrong("OTEL_TRACES_SAMPLER", "names a sampler that revokebot does not have",
			"leave it out, and let the collector choose which traces it keeps")
	}
	if pairs, err = readPairs(get("OTEL_RESOURCE_ATTRIBUTES")); err != nil {
		return nil, wrong("OTEL_RESOURCE_ATTRIBUTES", noPairs, correct)
	}
	for _, p := range pairs {
		s.resource = append(s.resource, attribute.String(p[0], p[1]))
	}
	if name := get("OTEL_SERVICE_NAME"); name != "" {
		s.resource = append(s.resource, attribute.String("service.name", name))
	}
	return s, nil
}

// Destination is where traces are sent by the variables, without a user and a password; "" when
// they do not ask for any. Its errors are those of New. It starts nothing.
func Destination(lookup func(string) (string, bool)) (string, error) {
	s, err := readSettings(lookup)
	if s == nil || err != nil {
		return "", err
	}
	u := *s.endpoint
	u.User, u.RawQuery = nil, ""
	return u.String(), nil
}

// readPairs reads a list of name=value whose values are percent-encoded.
func readPairs(list string) (pairs [][2]string, err error) {
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		name, value, found := strings.Cut(one, "=")
		name = strings.TrimSpace(name)
		if !found || name == "" {
			return nil, strconv.ErrSyntax
		}
		if value, err = url.PathUnescape(strings.TrimSpace(value)); err != nil {
			return nil, err
		}
		pairs = append(pairs, [2]string{name, value})
	}
	return pairs, nil
}
