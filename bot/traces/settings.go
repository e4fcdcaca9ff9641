package traces

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// settings are OpenTelemetry's variables that are read here (OpenTelemetry documentation,
// "Environment Variable Specification", "OpenTelemetry Protocol Exporter"). Those of batches and
// limits, OTEL_BSP_… and OTEL_SPAN_…, are read by the SDK; what it would panic or spin with is
// refused here.
type settings struct {
	endpoint string
	headers  http.Header
	timeout  time.Duration
	gzip     bool
	tls      *tls.Config // nil: the system's certificates
	sampler  sdktrace.Sampler
	resource []attribute.KeyValue
}

const (
	defaultEndpoint = "http://localhost:4318"
	tracesPath      = "/v1/traces"
	defaultTimeout  = 10 * time.Second
	longestTimeout  = time.Hour
)

// SettingError is a variable that is wrong. Its text never repeats a value: headers hold keys.
type SettingError struct {
	Variable string
	Saw, Fix string // sentences that stand behind the variable's name; Fix may be ""
	text     string
}

// Error names the variable and ends without a full stop.
func (e *SettingError) Error() string { return e.text }

// wrong makes a SettingError of two clauses, such as "is not a number" and "set it to 1". fix may
// be "".
func wrong(variable, what, fix string) error {
	e := &SettingError{Variable: variable, Saw: "It " + what + ".", text: variable + " " + what}
	if fix != "" {
		e.Fix, e.text = strings.ToUpper(fix[:1])+fix[1:]+".", e.text+": "+fix
	}
	return e
}

// readSettings returns nil when no traces are asked for. Its error is a *SettingError.
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
	s := &settings{endpoint: endpoint, timeout: defaultTimeout}
	if s.endpoint == "" {
		s.endpoint, variable = defaultEndpoint, "OTEL_EXPORTER_OTLP_ENDPOINT"
	}
	if variable == "OTEL_EXPORTER_OTLP_ENDPOINT" {
		s.endpoint = strings.TrimRight(s.endpoint, "/") + tracesPath
	}
	if u, err := url.Parse(s.endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, wrong(variable, "is not a web address", "give one such as "+defaultEndpoint)
	}
	if protocol, variable := otlp("PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		return nil, wrong(variable, "names a protocol that revokebot does not speak",
			"set it to http/protobuf, which collectors take on port 4318")
	}
	var err error
	list, variable := otlp("HEADERS")
	pairs, err := readPairs(list)
	if err != nil {
		return nil, wrong(variable, "is not a list of name=value, parted by commas", "")
	}
	s.headers = make(http.Header)
	for _, p := range pairs {
		s.headers.Set(p[0], p[1])
	}
	if text, variable := otlp("TIMEOUT"); text != "" {
		ms, err := readNumber(text, int(longestTimeout/time.Millisecond))
		if err != nil {
			return nil, wrong(variable, "is not a number of milliseconds from 1 to an hour's", "")
		}
		s.timeout = time.Duration(ms) * time.Millisecond
	}
	switch compression, variable := otlp("COMPRESSION"); compression {
	case "", "none":
	case "gzip":
		s.gzip = true
	default:
		return nil, wrong(variable, "is neither gzip nor none", "")
	}
	for _, variable := range []string{
		"OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT",
	} {
		if text := get(variable); text != "" {
			if _, err := readNumber(text, mostOfBatches); err != nil {
				return nil, wrong(variable, fmt.Sprintf("is not a number from 1 to %d", mostOfBatches), "")
			}
		}
	}
	if s.tls, err = readCertificates(otlp); err != nil {
		return nil, err
	}
	if s.sampler, err = readSampler(get("OTEL_TRACES_SAMPLER"), get("OTEL_TRACES_SAMPLER_ARG")); err != nil {
		return nil, err
	}
	if pairs, err = readPairs(get("OTEL_RESOURCE_ATTRIBUTES")); err != nil {
		return nil, wrong("OTEL_RESOURCE_ATTRIBUTES", "is not a list of name=value, parted by commas", "")
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
	u, err := url.Parse(s.endpoint)
	if err != nil {
		return "", err // unreachable: it was parsed before
	}
	u.User, u.RawQuery = nil, ""
	return u.String(), nil
}

// mostOfBatches bounds the SDK's numbers: spans that it keeps room for from the start, and
// milliseconds.
const mostOfBatches = 1_000_000

// readNumber reads one from 1 to most.
func readNumber(text string, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err == nil && (n < 1 || n > most) {
		err = strconv.ErrRange
	}
	return n, err
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

// readSampler reads which traces are drawn. parentbased_… is the same as without it: a request's
// first span decides, and every replica finds the same by the trace's id.
func readSampler(name, arg string) (sdktrace.Sampler, error) {
	switch strings.TrimPrefix(name, "parentbased_") {
	case "", "always_on":
		return sdktrace.AlwaysSample(), nil
	case "always_off":
		return sdktrace.NeverSample(), nil
	case "traceidratio":
		ratio := 1.0
		if arg != "" {
			var err error
			if ratio, err = strconv.ParseFloat(arg, 64); err != nil || !(ratio >= 0 && ratio <= 1) { // NaN is neither
				return nil, wrong("OTEL_TRACES_SAMPLER_ARG", "is not a number from 0 to 1", "")
			}
		}
		return sdktrace.TraceIDRatioBased(ratio), nil
	default:
		return nil, wrong("OTEL_TRACES_SAMPLER", "names a sampler that revokebot does not have",
			"set it to always_on, always_off or traceidratio, or leave it out")
	}
}

// readCertificates reads the files of the collector's certificate authority and of our own
// certificate.
func readCertificates(otlp func(string) (value, variable string)) (*tls.Config, error) {
	authority, authorityVariable := otlp("CERTIFICATE")
	own, ownVariable := otlp("CLIENT_CERTIFICATE")
	key, keyVariable := otlp("CLIENT_KEY")
	if authority == "" && own == "" && key == "" {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if authority != "" {
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(readPEM(authority)) {
			return nil, wrong(authorityVariable, "does not name a file with a certificate in PEM that can be read", "")
		}
	}
	if own == "" && key == "" {
		return c, nil
	}
	pair, err := tls.X509KeyPair(readPEM(own), readPEM(key))
	if err != nil {
		return nil, wrong(ownVariable, "does not name a certificate in PEM with its key in "+keyVariable, "")
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

// readPEM reads a file without the byte-order mark that some editors put in front; nil when it
// cannot be read.
func readPEM(path string) []byte {
	text, _ := os.ReadFile(path)
	return bytes.TrimPrefix(text, []byte("\ufeff"))
}

func (s *settings) transport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = s.tls
	return t
}
