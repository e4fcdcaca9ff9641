package approvals

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Key is what a deployment signs with: an Ed25519 key, the same for all replicas. The zero value is
// no key.
type Key struct {
	private [ed25519.PrivateKeySize]byte // an array, so that keys can be compared
	name    string
}

// ErrNotASeed is the error of NewKey.
var ErrNotASeed = errors.New("an Ed25519 seed has 32 bytes")

// NewKey makes the key of a seed of ed25519.SeedSize bytes.
func NewKey(seed []byte) (Key, error) {
	if len(seed) != ed25519.SeedSize {
		return Key{}, ErrNotASeed
	}
	k := Key{private: [ed25519.PrivateKeySize]byte(ed25519.NewKeyFromSeed(seed))}
	k.name = KeyName(k.public())
	return k, nil
}

// IsZero reports whether there is no key.
func (k Key) IsZero() bool { return k.name == "" }

// Public is what others verify with; nil without a key.
func (k Key) Public() ed25519.PublicKey {
	if k.IsZero() {
		return nil
	}
	return k.public()
}

// public is the second half of a private key (RFC 8032, section 5.1.5, as package crypto/ed25519
// keeps it).
func (k Key) public() ed25519.PublicKey {
	return ed25519.PublicKey(k.private[ed25519.SeedSize:])
}

// String names the key, and tells nothing of it.
func (k Key) String() string { return "key " + k.name }

// GoString does the same for %#v.
func (k Key) GoString() string { return k.String() }

// Sign signs a text for one use, which domain names: no signature of one use is good for another.
func (k Key) Sign(domain string, text []byte) []byte {
	return ed25519.Sign(k.private[:], fields(domain, string(text)))
}

// Verify reports whether Sign made a signature with the private half of a key.
func Verify(public ed25519.PublicKey, domain string, text, signature []byte) bool {
	return len(public) == ed25519.PublicKeySize && ed25519.Verify(public, fields(domain, string(text)), signature)
}

// SignLine signs a line of the audit log, up to its signature.
func (k Key) SignLine(text []byte) []byte { return ed25519.Sign(k.private[:], lineText(text)) }

// VerifyLine reports whether SignLine made a signature.
func VerifyLine(public ed25519.PublicKey, text, signature []byte) bool {
	return len(public) == ed25519.PublicKeySize && ed25519.Verify(public, lineText(text), signature)
}

// lineText is simple enough to be put together by hand. What is signed for another use begins with
// the bytes of a length, which no text does.
func lineText(text []byte) []byte { return append([]byte("revokebot audit line 1\n"), text...) }

// KeyName is a short name of a public key: the first eight hexadecimal digits of its SHA-256. It
// proves nothing.
func KeyName(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:4])
}

// fields puts texts together so that no other texts come to the same: each after its length, eight
// bytes, big-endian.
func fields(texts ...string) []byte {
	n := 0
	for _, t := range texts {
		n += 8 + len(t)
	}
	b := make([]byte, 0, n)
	for _, t := range texts {
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(t))), t...)
	}
	return b
}

// The uses of the key. A change of what is signed gets a new number.
const (
	domainEvent = "revokebot event 1"
	domainItem  = "revokebot item 1"
)

// A seal is text: whether the number of the event is part of what was signed, the name of the key,
// and the signature in base64.
const (
	sealNumbered = "n1"
	sealAnywhere = "a1" // of events that move nothing and are appended to whatever is there
)

// sealedText is what an event's seal signs. The time is not part of it: the store sets it, later.
// request is empty for an event that belongs to none.
func sealedText(request string, e Event, numbered bool) []byte {
	number := ""
	if numbered {
		number = strconv.FormatInt(e.Seq, 10)
	}
	return fields(request, number, string(e.Type), e.By, e.Source, string(e.Detail))
}

// SealEvent is the seal of an event. One that is numbered is good for the number in its Seq only.
func (k Key) SealEvent(request string, e Event, numbered bool) string {
	kind := sealAnywhere
	if numbered {
		kind = sealNumbered
	}
	return k.seal(kind, domainEvent, sealedText(request, e, numbered))
}

func (k Key) seal(kind, domain string, text []byte) string {
	return kind + ":" + k.name + ":" + base64.StdEncoding.EncodeToString(k.Sign(domain, text))
}

// seal is one that was read.
type seal struct {
	numbered  bool
	key       string // its name
	signature []byte
}

// readSeal reports false for what no seal looks like.
func readSeal(text string) (seal, bool) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 || parts[0] != sealNumbered && parts[0] != sealAnywhere {
		return seal{}, false
	}
	signature, err := base64.StdEncoding.DecodeString(parts[2])
	return seal{numbered: parts[0] == sealNumbered, key: parts[1], signature: signature},
		err == nil && len(signature) == ed25519.SignatureSize
}

// CheckEvent says what is wrong with an event's seal: "" nothing. An event that moves the state has
// to be sealed with its number; one that belongs to no request has none.
func CheckEvent(public ed25519.PublicKey, request string, e Event) Forgery {
	if e.Seal == "" {
		return ForgeryUnsealed
	}
	s, ok := readSeal(e.Seal)
	switch _, moves := moves[e.Type]; {
	case !ok:
		return ForgeryChanged
	case s.key != KeyName(public):
		return ForgeryOtherKey
	case !s.numbered && (moves || e.Type == EventForged || e.Type == EventUntrusted):
		return ForgeryChanged
	case !Verify(public, domainEvent, sealedText(request, e, s.numbered), s.signature):
		return ForgeryChanged
	default:
		return ""
	}
}

// sealItem is the seal of an item as it was accepted. How often it was tried is not part of it.
func (k Key) sealItem(item Item) string {
	text, err := itemText(item)
	if err != nil {
		return "" // a body that is not JSON: the store refuses it
	}
	return k.seal(sealAnywhere, domainItem, text)
}

// itemIsSealed reports whether an item is one that was accepted under the key.
func (k Key) itemIsSealed(item Item) bool {
	s, ok := readSeal(item.Seal)
	text, err := itemText(item)
	return ok && err == nil && Verify(k.Public(), domainItem, text, s.signature)
}

// itemText is the same for a body before and after it was written as JSON.
func itemText(item Item) ([]byte, error) {
	body := []byte(item.Body)
	if len(body) > 0 {
		var err error
		if body, err = json.Marshal(item.Body); err != nil {
			return nil, err
		}
	}
	return fields(item.Kind, item.Request, item.Source, string(body)), nil
}
