package bot

import (
	"regexp"
	"strings"
	"unicode"
)

// droppedSecret stands where a secret was.
const droppedSecret = "[secret-removed]"

var (
	// privateKey is a private key in PEM (RFC 7468), also one whose end is cut off.
	privateKey = regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?` +
		`(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)`)
	// encoded is base64, as it is or percent-encoded for a URL, with the sign that parts it from what
	// stands before.
	encoded = regexp.MustCompile(`[:,;=]?(?:[A-Za-z0-9/+]|%2[BbFf]){16,}(?:=|%3[Dd]){0,2}`)
	// noSecret is the id of a commit or another hash in hexadecimal digits, or of an access key.
	noSecret = regexp.MustCompile(`^([0-9a-fA-F]+|[A-Z0-9]+)$`)
)

const (
	// secretKeyLength is how long a secret access key is (IAM API reference, "AccessKey": the example;
	// AWS documents no other form), in characters of base64.
	secretKeyLength = 40
	// tokenLength is less than a line of a session token that is broken into lines. Session tokens
	// have some hundreds of characters (AWS STS API reference, "Credentials": no maximum).
	tokenLength = 60
)

// withoutSecrets drops what looks like a secret access key, a session token or a private key from a
// text that a person typed, and reports whether there was one. Ids of commits and of access keys
// stay, and so do names and ARNs.
func withoutSecrets(text string) (string, bool) {
	clean := privateKey.ReplaceAllLiteralString(text, droppedSecret)
	token := false
	clean = encoded.ReplaceAllStringFunc(clean, func(run string) string {
		plain := strings.Trim(unescaped.Replace(run), ":,;=")
		long := len(plain) == secretKeyLength || len(plain) >= tokenLength || token // whose last line may be short
		if !long || noSecret.MatchString(plain) || !random(plain) {
			return run
		}
		token = token || len(plain) >= tokenLength
		if strings.ContainsAny(run[:1], ":,;=") {
			return " " + droppedSecret // what stands before it is another word
		}
		return droppedSecret
	})
	return clean, clean != text
}

var unescaped = strings.NewReplacer("%2B", "+", "%2b", "+", "%2F", "/", "%2f", "/", "%3D", "=", "%3d", "=")

// random reports whether base64 reads as chance and not as words or a path: capital letters, small
// letters, digits and signs take turns. Of 40 characters that were drawn by lot 25 differ in kind
// from the one before, and fewer than 15 in one case of 3,000; a name in CamelCase has about 13.
// One of 2,000 has neither a digit nor a plus sign.
func random(run string) bool {
	if !strings.ContainsAny(run, "0123456789+") {
		return false
	}
	turns, before := 0, 0
	for _, r := range run {
		kind := 4
		switch {
		case unicode.IsUpper(r):
			kind = 1
		case unicode.IsLower(r):
			kind = 2
		case unicode.IsDigit(r):
			kind = 3
		}
		if before != 0 && kind != before {
			turns++
		}
		before = kind
	}
	return turns*8 >= len(run)*3
}
