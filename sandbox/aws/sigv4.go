package aws

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	sigAlgorithm = "AWS4-HMAC-SHA256"
	sigTime      = "20060102T150405Z"
	maxSkew      = 5 * time.Minute
)

// signature is an Authorization header of Signature Version 4 (IAM User Guide, "AWS Signature
// Version 4 for API requests").
type signature struct {
	keyID, date, region, service string
	headers                      []string // the signed ones, in lower case
	value                        string
}

// parseSignature reads the Authorization header.
func parseSignature(header string) (signature, error) {
	if header == "" {
		return signature{}, errOf("MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	incomplete := errf("IncompleteSignature",
		"'%s' not a valid key=value pair (missing equal-sign) in Authorization header.", header)
	rest, ok := strings.CutPrefix(header, sigAlgorithm+" ")
	if !ok {
		return signature{}, incomplete
	}
	fields := map[string]string{}
	for field := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(field), "=")
		if !ok || fields[name] != "" {
			return signature{}, incomplete
		}
		fields[name] = value
	}
	scope := strings.Split(fields["Credential"], "/")
	if len(fields) != 3 || len(scope) != 5 || scope[4] != "aws4_request" || fields["Signature"] == "" ||
		fields["SignedHeaders"] == "" {
		return signature{}, incomplete
	}
	return signature{
		keyID: scope[0], date: scope[1], region: scope[2], service: scope[3],
		headers: strings.Split(fields["SignedHeaders"], ";"), value: fields["Signature"],
	}, nil
}

// authenticate finds whose key a request is signed with and verifies the signature. The caller
// holds the lock.
func (s *Server) authenticate(r *http.Request, body []byte, sig signature) (*credential, error) {
	invalid := errOf("InvalidClientTokenId", "The security token included in the request is invalid.")
	c := s.keys[sig.keyID]
	if c == nil || subtle.ConstantTimeCompare([]byte(c.token), []byte(r.Header.Get("X-Amz-Security-Token"))) != 1 {
		return nil, invalid
	}
	if err := sig.checkHeaders(r); err != nil {
		return nil, err
	}
	stamp := r.Header.Get("X-Amz-Date")
	signed, err := time.Parse(sigTime, stamp)
	if err != nil || stamp[:8] != sig.date {
		return nil, errOf("SignatureDoesNotMatch",
			"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP")
	}
	want := sig.compute(r, body, c.secret, stamp)
	if subtle.ConstantTimeCompare([]byte(want), []byte(sig.value)) != 1 {
		return nil, errOf("SignatureDoesNotMatch",
			"The request signature we calculated does not match the signature you provided. "+
				"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	if err := checkSkew(signed, s.now().Truncate(time.Second)); err != nil {
		return nil, err
	}
	// That a deleted role's sessions are told apart from denied ones is inferred, not documented.
	if v, ok := c.holder().enforced(sig.decidedIn(c)); ok && (v.gone || v.off[c.id]) {
		return nil, invalid
	}
	if c.session != nil && !s.now().Before(c.session.expires) {
		return nil, errOf("ExpiredToken", "The security token included in the request is expired")
	}
	if c.session != nil && c.user != nil && sig.service == "iam" {
		return nil, invalid // without MFA, which no user has here (STS API Reference, "GetSessionToken")
	}
	if partitionOf(sig.region) != c.account().partition {
		return nil, errOf("SignatureDoesNotMatch", "Credential should be scoped to a valid region.")
	}
	return c, nil
}

// checkHeaders demands that the host and every x-amz- header are signed.
func (sig signature) checkHeaders(r *http.Request) error {
	unsigned := func(name string) error {
		return errf("SignatureDoesNotMatch", "'%s' must be a 'SignedHeader' in the AWS Authorization.", name)
	}
	if !slices.Contains(sig.headers, "host") {
		return unsigned("Host")
	}
	for name := range r.Header {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-amz-") && !slices.Contains(sig.headers, lower) {
			return unsigned(name)
		}
	}
	if !slices.IsSorted(sig.headers) {
		return errOf("IncompleteSignature", "SignedHeaders must be sorted.")
	}
	return nil
}

// compute gives the signature that the request should have.
func (sig signature) compute(r *http.Request, body []byte, secret, stamp string) string {
	var headers strings.Builder
	for _, name := range sig.headers {
		var value string
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = strconv.FormatInt(r.ContentLength, 10)
		default:
			value = strings.Join(r.Header.Values(name), ",")
		}
		headers.WriteString(name + ":" + strings.Join(strings.Fields(value), " ") + "\n")
	}
	// The path is the one the client sent, not the one left by a StripPrefix in front of this handler.
	path, query, _ := strings.Cut(r.RequestURI, "?")
	canonical := strings.Join([]string{
		r.Method, escapePath(path), query, headers.String(), strings.Join(sig.headers, ";"), hexHash(body),
	}, "\n")
	scope := strings.Join([]string{sig.date, sig.region, sig.service, "aws4_request"}, "/")
	key := []byte("AWS4" + secret)
	for _, part := range []string{sig.date, sig.region, sig.service, "aws4_request"} {
		key = hmacSum(key, part)
	}
	return hex.EncodeToString(hmacSum(key, sigAlgorithm+"\n"+stamp+"\n"+scope+"\n"+hexHash([]byte(canonical))))
}

// escapePath is the canonical form of a path that is escaped already: all services but S3 escape it
// once more.
func escapePath(path string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"
	var b strings.Builder
	for i := range len(path) {
		if strings.IndexByte(plain, path[i]) >= 0 {
			b.WriteByte(path[i])
		} else {
			b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{path[i]})))
		}
	}
	return b.String()
}

func checkSkew(signed, now time.Time) error {
	switch d := now.Sub(signed); {
	case d > maxSkew:
		return errf("SignatureDoesNotMatch", "Signature expired: %s is now earlier than %s (%s - 5 min.)",
			signed.Format(sigTime), now.Add(-maxSkew).Format(sigTime), now.Format(sigTime))
	case d < -maxSkew:
		return errf("SignatureDoesNotMatch", "Signature not yet current: %s is still later than %s (%s + 5 min.)",
			signed.Format(sigTime), now.Add(maxSkew).Format(sigTime), now.Format(sigTime))
	}
	return nil
}

func hexHash(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func hmacSum(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
