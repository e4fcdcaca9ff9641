package approvals

import (
	"crypto/ed25519"
	"crypto/hmac"
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

// SignLine signs a line of the audit log, up to its signature.
func (k Key) SignLine(text []byte) []byte { return ed25519.Sign(k.private[:], lineText(text)) }

// VerifyLine reports whether SignLine made a signature.
func VerifyLine(public ed25519.PublicKey, text, signature []byte) bool {
	return verify(public, lineText(text), signature)
}

func verify(public ed25519.PublicKey, text, signature []byte) bool {
	return len(public) == ed25519.PublicKeySize && ed25519.Verify(public, text, signature)
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

// The uses of the key: no signature of one is good for another. A change of what is signed gets a
// new number.
const (
	domainEvent    = "revokebot event 2"
	domainItem     = "revokebot item 2"
	domainDelivery = "revokebot delivery 1"
)

// sealedText is what an event's seal signs. link is that of the seal before it in the log. request
// is empty for an event that belongs to none.
func sealedText(request, link string, e Event) []byte {
	return fields(domainEvent, string(fields(request, link, strconv.FormatInt(e.Seq, 10),
		strconv.FormatInt(e.At.UnixMilli(), 10), string(e.Type), e.By, e.Source, string(e.Detail))))
}

// SealEvent is the seal of an event that follows one with the seal before: the name of the key, the
// link to that seal, and the signature in base64. It is good for the request, the number in Seq and
// the time in At only.
func (k Key) SealEvent(request, before string, e Event) string {
	link := linkTo(before)
	return k.name + ":" + link + ":" +
		base64.StdEncoding.EncodeToString(ed25519.Sign(k.private[:], sealedText(request, link, e)))
}

// linkTo names a seal in the one that follows it; "" before the first.
func linkTo(before string) string {
	if before == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(before))
	return base64.StdEncoding.EncodeToString(sum[:16])
}

// readSeal returns the parts of a seal; no signature for what no seal looks like.
func readSeal(text string) (key, link string, signature []byte) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return "", "", nil
	}
	signature, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil {
		return "", "", nil
	}
	return parts[0], parts[1], signature
}

// follows reports whether a seal says that it stands after another one.
func follows(text, before string) bool {
	_, link, _ := readSeal(text)
	return link == linkTo(before)
}

// CheckEvent says what is wrong with an event's seal: "" nothing. It does not see the seal before.
func CheckEvent(public ed25519.PublicKey, request string, e Event) Forgery {
	if e.Seal == "" {
		return ForgeryUnsealed
	}
	key, link, signature := readSeal(e.Seal)
	switch {
	case len(signature) != ed25519.SignatureSize:
		return ForgeryChanged
	case key != KeyName(public):
		return ForgeryOtherKey
	case !verify(public, sealedText(request, link, e), signature):
		return ForgeryChanged
	default:
		return ""
	}
}

// mac is the seal of what the deployment alone checks: the name of the key, and a code.
func (k Key) mac(domain string, texts ...string) string {
	h := hmac.New(sha256.New, k.private[:])
	h.Write(fields(append(texts, domain)...))
	return k.name + ":" + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// SealItem returns an item with its seal.
func (k Key) SealItem(item Item) Item {
	item.Seal = ""
	if text, err := itemText(item); err == nil { // a body that is not JSON is refused by the store
		item.Seal = k.mac(domainItem, text...)
	}
	return item
}

// itemIsSealed reports whether an item is as it was queued under the key.
func (k Key) itemIsSealed(item Item) bool {
	return item.Seal != "" && hmac.Equal([]byte(k.SealItem(item).Seal), []byte(item.Seal))
}

// itemText is the same for a body before and after it was written as JSON.
func itemText(item Item) ([]string, error) {
	body := []byte(item.Body)
	if len(body) > 0 {
		var err error
		if body, err = json.Marshal(item.Body); err != nil {
			return nil, err
		}
	}
	return []string{
		item.Kind, item.Request, item.Source, string(body), strconv.Itoa(item.Attempt),
		strconv.FormatInt(item.Event, 10), strconv.FormatInt(item.At.UnixMilli(), 10),
	}, nil
}

// sealDelivery is the seal of how far Slack was told of a request.
func (k Key) sealDelivery(id string, d Delivery) string {
	d.Seal = ""
	text, err := json.Marshal(d)
	if err != nil {
		return "" // unreachable: strings and numbers
	}
	return k.mac(domainDelivery, id, string(text))
}
