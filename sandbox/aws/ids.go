package aws

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

const idAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// randomID makes an identifier as IAM gives them: a prefix that tells the kind (AIDA a user, AROA a
// role, AKIA and ASIA access keys; IAM User Guide, "IAM identifiers") and n characters.
func randomID(prefix string, n int) string {
	b := randomBytes(n)
	for i := range b {
		b[i] = idAlphabet[int(b[i])%len(idAlphabet)]
	}
	return prefix + string(b)
}

// randomUUID makes an event or request id.
func randomUUID() string {
	b := randomBytes(16)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// randomSecret makes the 40 characters of a secret access key.
func randomSecret() string { return base64.StdEncoding.EncodeToString(randomBytes(30)) }

// randomToken makes a session token; real ones are several hundred characters long and begin alike.
func randomToken() string {
	return "IQoJb3JpZ2luX2Vj" + base64.StdEncoding.EncodeToString(randomBytes(360))
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program rather than return an error
	return b
}
