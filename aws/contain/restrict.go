package contain

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// KnownPolicy is the policy of restrict. Where it holds something else, the request's own name
// follows on it.
const KnownPolicy = "RevokebotKnownAddresses"

// Known is from where a role may be used: the parameters of restrict. Use NewKnown.
type Known struct {
	Addresses []netip.Prefix `json:"addresses,omitempty"` // public ones: aws:SourceIp holds no others
	Networks  []string       `json:"networks,omitempty"`  // ids of the account's own VPCs
}

const mostKnown = 100 // entries, so that the document fits beside others

var vpcForm = regexp.MustCompile(`^vpc-[0-9a-f]{8,17}$`)

// IsVPC reports whether a word has the form of a VPC's id.
func IsVPC(word string) bool { return vpcForm.MatchString(word) }

// NewKnown sorts the entries and drops those that others hold already. Its error says in a sentence
// what is wrong with them.
func NewKnown(addresses []netip.Prefix, networks []string) (Known, error) {
	k := Known{Networks: slices.Compact(slices.Sorted(slices.Values(networks)))}
	for _, p := range addresses {
		if !p.IsValid() || p.Addr().Is4In6() {
			return Known{}, fmt.Errorf("%s is no address or network: write one such as 203.0.113.0/24", p)
		}
		if bits := p.Bits(); bits == 0 {
			return Known{}, fmt.Errorf("%s is every address: a restriction to it denies nothing", p)
		}
		if !public(p) {
			return Known{}, fmt.Errorf("%s is private: AWS sees public addresses only; name the VPC instead", p)
		}
		k.Addresses = append(k.Addresses, p.Masked())
	}
	slices.SortFunc(k.Addresses, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	kept := k.Addresses[:0]
	for _, p := range k.Addresses {
		if n := len(kept); n == 0 || !holds(kept[n-1], p) {
			kept = append(kept, p)
		}
	}
	k.Addresses = kept
	for _, id := range k.Networks {
		if !IsVPC(id) {
			return Known{}, fmt.Errorf("%q is no id of a VPC: write one such as vpc-0a1b2c3d", id)
		}
	}
	switch n := len(k.Addresses) + len(k.Networks); {
	case n == 0:
		return Known{}, errors.New("no address is given: name one, a network or a VPC")
	case n > mostKnown:
		return Known{}, fmt.Errorf("%d entries are more than the %d that fit into a policy: name larger networks", n,
			mostKnown)
	case !k.outside(v4).IsValid() || !k.outside(v6).IsValid():
		return Known{}, errors.New("together these are every address: a restriction to them denies nothing")
	}
	return k, nil
}

// String lists the entries as a command takes them.
func (k Known) String() string {
	words := make([]string, 0, len(k.Addresses)+len(k.Networks))
	for _, p := range k.Addresses {
		words = append(words, p.String())
	}
	return strings.Join(append(words, k.Networks...), " ")
}

// public reports whether calls to AWS can come from such a network. The documentation's networks
// count as public.
func public(p netip.Prefix) bool {
	a := p.Addr()
	return !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !a.IsMulticast()
}

// holds reports whether all of b lies in a.
func holds(a, b netip.Prefix) bool { return a.Bits() <= b.Bits() && a.Contains(b.Addr()) }

// has reports whether an address is known.
func (k Known) has(a netip.Addr) bool {
	return slices.ContainsFunc(k.Addresses, func(p netip.Prefix) bool { return p.Contains(a) })
}

// within reports whether all that k lets in is let in by o, too.
func (k Known) within(o Known) bool {
	return !slices.ContainsFunc(k.Addresses, func(p netip.Prefix) bool {
		return !slices.ContainsFunc(o.Addresses, func(q netip.Prefix) bool { return holds(q, p) })
	}) && !slices.ContainsFunc(k.Networks, func(id string) bool { return !slices.Contains(o.Networks, id) })
}

// both is what k and o let in.
func (k Known) both(o Known) Known {
	var all Known
	for _, p := range k.Addresses {
		for _, q := range o.Addresses {
			switch {
			case holds(q, p):
				all.Addresses = append(all.Addresses, p)
			case holds(p, q):
				all.Addresses = append(all.Addresses, q)
			}
		}
	}
	for _, id := range k.Networks {
		if slices.Contains(o.Networks, id) {
			all.Networks = append(all.Networks, id)
		}
	}
	return all
}

// The first addresses of each family that are tried from outside: the documentation's.
var (
	v4 = []netip.Addr{
		netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("0.0.0.1"), netip.MustParseAddr("223.255.255.254"),
	}
	v6 = []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::2"), netip.MustParseAddr("3fff::1")}
)

// outside returns an address of a family that is not known; invalid if there is none. If there is
// one, one of the first or one behind a known network is.
func (k Known) outside(first []netip.Addr) netip.Addr {
	for _, a := range first {
		if !k.has(a) {
			return a
		}
	}
	for _, p := range k.Addresses {
		if after := last(p).Next(); after.IsValid() && after.Is4() == first[0].Is4() && !k.has(after) {
			return after
		}
	}
	return netip.Addr{}
}

// last is the last address of a network.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// The condition keys, and the operators that are also true where a key is absent: aws:SourceIp is
// absent behind a VPC endpoint (IAM User Guide, "AWS global condition context keys").
type knownCondition struct {
	Addresses struct {
		SourceIP []netip.Prefix `json:"aws:SourceIp"`
	} `json:"NotIpAddressIfExists,omitzero"`
	Networks struct {
		SourceVPC []string `json:"aws:SourceVpc"`
	} `json:"StringNotEqualsIfExists,omitzero"`
	Service struct {
		Via string `json:"aws:ViaAWSService"`
	} `json:"BoolIfExists"`
}

type knownPolicy struct {
	Version   string
	Statement []knownStatement
}

type knownStatement struct {
	Effect, Action, Resource string
	Condition                knownCondition
}

// text is the document that denies every call from elsewhere, but those that an AWS service makes
// for the role.
func (k Known) text() string {
	s := knownStatement{Effect: "Deny", Action: "*", Resource: "*"}
	s.Condition.Addresses.SourceIP, s.Condition.Networks.SourceVPC = k.Addresses, k.Networks
	s.Condition.Service.Via = "false"
	b, err := json.Marshal(knownPolicy{Version: "2012-10-17", Statement: []knownStatement{s}})
	if err != nil {
		return "" // no network that was parsed has this
	}
	return string(b)
}

// readKnown reads a document that is what text writes, byte for byte.
func readKnown(text string) (Known, bool) {
	var p knownPolicy
	if json.Unmarshal([]byte(text), &p) != nil || len(p.Statement) != 1 {
		return Known{}, false
	}
	c := p.Statement[0].Condition
	k, err := NewKnown(c.Addresses.SourceIP, c.Networks.SourceVPC)
	return k, err == nil && k.text() == text
}

type restrict struct{}

// Restrict denies a role's sessions, old and new, everything from addresses that are not known. Its
// parameters are a Known. It is a Prober and an Expecter.
func Restrict() Measure { return restrict{} }

// Places is one document: in KnownPolicy, or in one that is named by the request.
func (restrict) Places(t Target) [][]Slot {
	return [][]Slot{{{RoleInline, KnownPolicy}, {RoleInline, KnownPolicy + "-" + t.Request[:min(8, len(t.Request))]}}}
}

// Reads is nothing.
func (restrict) Reads(Target) []Slot { return nil }

// Want is what the parameters and all that was promised let in. It takes the place of what was
// promised, or an empty one.
func (m restrict) Want(s State, promised []Document) ([]Document, error) {
	var k Known
	if err := json.Unmarshal(s.Params, &k); err != nil {
		return nil, fmt.Errorf("contain: the addresses cannot be read: %w", err)
	}
	k, err := NewKnown(k.Addresses, k.Networks)
	if err != nil {
		return nil, fmt.Errorf("contain: %w", err)
	}
	places := m.Places(s.Target)[0]
	var usable []Slot
	for _, place := range places {
		there, err := s.Found(place)
		if err != nil {
			return nil, err
		}
		if there.Text == "" || slices.Contains(promised, there) {
			usable = append(usable, place)
		}
	}
	if len(usable) == 0 {
		return []Document{{}}, noPlace(s.Principal, places)
	}
	place := usable[0]
	for _, d := range promised {
		other, ok := readKnown(d.Text)
		if !ok {
			return nil, fmt.Errorf("contain: what was promised for %s is no restriction", d.Slot.Label())
		}
		k = k.both(other)
		if slices.Contains(usable, d.Slot) {
			place = d.Slot
		}
	}
	if len(k.Addresses)+len(k.Networks) == 0 {
		return []Document{
			{},
		}, &Refusal{Slot: places[0], Sentence: "A restriction of " + s.Principal.title() + " to other addresses " +
			"is in force, and none is in both. Undo that one first, or ask for addresses that it lets in."}
	}
	return []Document{{place, k.text()}}, nil
}

// fromAWS are the services whose code calls from addresses of AWS's own.
var fromAWS = map[string]string{
	"lambda": "Lambda", "glue": "Glue", "codebuild": "CodeBuild", "cloudformation": "CloudFormation",
}

// Services refuses a role that services use which call from AWS's addresses, unless a VPC is known.
func (m restrict) Services(t Target, services []string) (warning string, err error) {
	var k Known
	_ = json.Unmarshal(t.Params, &k) // what cannot be read is refused by Want
	var named []string
	for _, service := range services {
		label, _, _ := strings.Cut(service, ".")
		if name, ok := fromAWS[label]; ok && !slices.Contains(named, name) {
			named = append(named, name)
		}
	}
	switch {
	case len(named) > 0 && len(k.Networks) == 0:
		return "", &Refusal{Slot: m.Places(t)[0][0], Sentence: "The trust policy of " + t.Principal.title() + " names " +
			strings.Join(named, ", ") + ", which call from addresses of AWS's own: all that they do would be denied. " +
			"Name the VPC that they run in (vpc-…), or choose another measure."}
	case len(services) > 0:
		return "AWS services can use " + t.Principal.title() + ". What they run with it goes on only from the known " +
			"addresses and VPCs.", nil
	}
	return "", nil
}

// Gap is none if what is there lets in no more than what was written.
func (restrict) Gap(_ time.Time, there, written Document) Gap {
	k, ok := readKnown(there.Text)
	wanted, ours := readKnown(written.Text)
	switch {
	case there.Text == "":
		return Gone
	case !ok || !ours || there.Slot.Kind != written.Slot.Kind:
		return Foreign
	case !k.within(wanted):
		return Wider
	default:
		return Covers
	}
}

// Without puts back what was there before, if that is nothing or a restriction.
func (restrict) Without(there Document, w Written) (Document, error) {
	_, exact := readKnown(w.Before)
	switch {
	case there.Slot != w.Slot:
		return Document{}, notOurs(there.Slot)
	case there.Text == w.Before:
		return there, nil
	case !w.wrote(there.Text):
		return Document{}, notOurs(there.Slot)
	case w.Before != "" && !exact:
		return Document{}, notRestored(there.Slot)
	}
	return Document{w.Slot, w.Before}, nil
}

// Probes are calls from a known address and a known network, from elsewhere in IPv4 and IPv6, and
// from a network that is not known.
func (restrict) Probes(d Document) []Probe {
	k, ok := readKnown(d.Text)
	if !ok {
		return nil
	}
	probes := []Probe{
		from(k.outside(v4), true), from(k.outside(v6), true), through(unknownVPC, true),
	}
	if len(k.Addresses) > 0 {
		probes = append(probes, from(k.Addresses[0].Addr(), false))
	}
	if len(k.Networks) > 0 {
		probes = append(probes, through(k.Networks[0], false))
	}
	return probes
}

const unknownVPC = "vpc-00000000"

func from(a netip.Addr, denied bool) Probe {
	return Probe{[]ContextKey{{"aws:SourceIp", "ip", []string{a.String()}}}, denied}
}

func through(vpc string, denied bool) Probe {
	return Probe{[]ContextKey{{"aws:SourceVpc", "string", []string{vpc}}}, denied}
}

// Policy is the document itself.
func (restrict) Policy(d Document) string { return d.Text }

// Denies compares the address. CloudTrail has the id of a VPC endpoint but not of its VPC.
func (restrict) Denies(d Document, c Call) Answer {
	k, ok := readKnown(d.Text)
	address, err := netip.ParseAddr(c.From)
	switch {
	case !ok:
		return Unknown
	case c.neverDenied() || strings.HasSuffix(c.From, ".amazonaws.com"):
		return No
	case c.Endpoint && len(k.Networks) > 0, !c.Endpoint && err != nil:
		return Unknown
	case !c.Endpoint && k.has(address.Unmap()):
		return No
	default:
		return Yes
	}
}
