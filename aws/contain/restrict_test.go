package contain_test

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/revokebot/revokebot/aws/contain"
)

func known(t testing.TB, entries ...string) contain.Known {
	t.Helper()
	k, err := contain.NewKnown(split(t, entries))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func split(t testing.TB, entries []string) (addresses []netip.Prefix, networks []string) {
	t.Helper()
	for _, e := range entries {
		if strings.HasPrefix(e, "vpc-") {
			networks = append(networks, e)
			continue
		}
		p, err := netip.ParsePrefix(e)
		if err != nil {
			t.Fatal(err)
		}
		addresses = append(addresses, p)
	}
	return addresses, networks
}

// restricted is the role with these addresses.
func restricted(t testing.TB, entries ...string) contain.Target {
	t.Helper()
	params, err := json.Marshal(known(t, entries...))
	if err != nil {
		t.Fatal(err)
	}
	target := role
	target.Params = params
	return target
}

// restriction is the document of such a request.
func restriction(t testing.TB, entries ...string) contain.Document {
	t.Helper()
	target := restricted(t, entries...)
	places := contain.Restrict().Places(target)[0]
	s := state(target, "2026-11-22T10:00:00Z", doc(places[0], ""), doc(places[1], ""))
	docs, err := contain.Restrict().Want(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return docs[0]
}

func TestRestrictKeepsThePromisesOfEveryMeasure(t *testing.T) {
	for _, entries := range [][]string{
		{"203.0.113.0/24"},
		{"203.0.113.0/24", "198.51.100.0/24", "192.0.2.7/32", "2001:db8::/32", "vpc-0a1b2c3d", "vpc-0a1b2c3d4e5f60718"},
		{"vpc-0a1b2c3d"},
		{"0.0.0.0/1", "128.0.0.0/2"},
	} {
		keepsPromises(t, contain.Restrict(), options{
			Target: restricted(t, entries...), Evaluate: evaluate,
			Texts: func(now time.Time, _ contain.Slot) (texts []slotText) {
				ours := restriction(t, entries...).Text
				for _, others := range []string{"192.0.2.0/24", "203.0.113.0/25"} {
					texts = append(texts, slotText{Text: restriction(t, others).Text})
				}
				for _, text := range []string{
					contain.Revocation(now),
					strings.Replace(ours, `"Deny"`, `"Allow"`, 1), strings.Replace(ours, `"false"`, `"true"`, 1),
					strings.Replace(ours, `"Action":"*"`, `"Action":"s3:*"`, 1), strings.Replace(ours, "IfExists", "", 1),
					strings.Replace(ours, `}]}`, `},{"Effect":"Allow","Action":"*","Resource":"*"}]}`, 1), ours + " ",
				} {
					texts = append(texts, slotText{Text: text, Foreign: text != ours})
				}
				return texts
			},
		})
	}
}

func TestARestrictionIsCoveredByANarrowerOneOnly(t *testing.T) {
	slot := contain.Restrict().Places(role)[0][0]
	for _, test := range []struct {
		there, written []string
		want           contain.Gap
	}{
		{[]string{"203.0.113.0/25"}, []string{"203.0.113.0/24"}, contain.Covers},
		{[]string{"203.0.113.0/24"}, []string{"203.0.113.0/24", "vpc-0a1b2c3d"}, contain.Covers},
		{[]string{"203.0.113.0/24", "vpc-0a1b2c3d"}, []string{"203.0.113.0/24"}, contain.Wider},
		{[]string{"203.0.112.0/23"}, []string{"203.0.113.0/24"}, contain.Wider},
		{[]string{"198.51.100.0/24"}, []string{"203.0.113.0/24"}, contain.Wider},
		{[]string{"2001:db8::/32"}, []string{"203.0.113.0/24"}, contain.Wider},
	} {
		there, written := restriction(t, test.there...), restriction(t, test.written...)
		there.Slot, written.Slot = slot, slot
		if got := contain.Restrict().Gap(time.Time{}, there, written); got != test.want {
			t.Errorf("%v for %v: %q", test.there, test.written, got)
		}
	}
}

func TestARestrictionThatNoRequestPromisedStaysAndOursGoesBesideIt(t *testing.T) {
	other, target := restriction(t, "192.0.2.0/24"), restricted(t, "203.0.113.0/24")
	places := contain.Restrict().Places(target)[0]
	s := state(target, "2026-11-22T10:00:00Z", other, doc(places[1], ""))
	docs, err := contain.Restrict().Want(s, nil)
	if want := restriction(t, "203.0.113.0/24").Text; err != nil || docs[0] != doc(places[1], want) {
		t.Errorf("%v, %v", docs, err)
	}
}

func TestASecondRestrictionLetsInWhatBothDo(t *testing.T) {
	first := restriction(t, "203.0.113.0/24", "198.51.100.0/24", "vpc-0a1b2c3d")
	target := restricted(t, "203.0.113.64/26", "198.51.0.0/16", "192.0.2.0/24", "vpc-0a1b2c3d", "vpc-11111111")
	places := contain.Restrict().Places(target)[0]
	s := state(target, "2026-11-22T10:00:00Z", first, doc(places[1], ""))
	docs, err := contain.Restrict().Want(s, []contain.Document{first})
	if want := restriction(t, "203.0.113.64/26", "198.51.100.0/24", "vpc-0a1b2c3d"); err != nil || docs[0] != want {
		t.Errorf("%v, %v", docs, err)
	}
	s.Target = restricted(t, "192.0.2.0/24")
	_, err = contain.Restrict().Want(s, []contain.Document{first})
	if r := contain.RefusalOf(err, places); r == nil || !strings.Contains(r.Sentence, "Undo that one first") {
		t.Error(err)
	}
}

func TestAddressesThatRestrictNothingAreRefused(t *testing.T) {
	for _, test := range []struct {
		entries []string
		want    string
	}{
		{nil, "no address is given"},
		{[]string{"0.0.0.0/0"}, "is every address"},
		{[]string{"203.0.113.0/24", "::/0"}, "is every address"},
		{[]string{"0.0.0.0/1", "128.0.0.0/1"}, "together these are every address"},
		{[]string{"10.0.0.0/8"}, "is private"},
		{[]string{"127.0.0.1/32"}, "is private"},
		{[]string{"fd00::/8"}, "is private"},
		{[]string{"::ffff:203.0.113.0/120"}, "is no address or network"},
		{[]string{"vpc-XYZ"}, "is no id of a VPC"},
	} {
		if _, err := contain.NewKnown(split(t, test.entries)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v", test.entries, err)
		}
	}
}

func TestARestrictionSaysWhichCallsItDenies(t *testing.T) {
	d, open := restriction(t, "203.0.113.0/24", "2001:db8::/32"), restriction(t, "203.0.113.0/24", "vpc-0a1b2c3d")
	for _, test := range []struct {
		document contain.Document
		call     contain.Call
		want     contain.Answer
	}{
		{d, contain.Call{From: "203.0.113.9"}, contain.No},
		{d, contain.Call{From: "2001:db8::9"}, contain.No},
		{d, contain.Call{From: "198.51.100.9"}, contain.Yes},
		{d, contain.Call{From: "2001:db9::9"}, contain.Yes},
		{d, contain.Call{From: "cloudformation.amazonaws.com"}, contain.No},
		{d, contain.Call{From: "AWS Internal"}, contain.Unknown},
		{d, contain.Call{}, contain.Unknown},
		{d, contain.Call{From: "203.0.113.9", Endpoint: true}, contain.Yes},
		{open, contain.Call{From: "10.0.0.9", Endpoint: true}, contain.Unknown},
		{d, contain.Call{From: "198.51.100.9", Service: "sts.amazonaws.com", Name: "GetCallerIdentity"}, contain.No},
	} {
		if got := contain.Restrict().(contain.Expecter).Denies(test.document, test.call); got != test.want {
			t.Errorf("%+v: %v", test.call, got)
		}
	}
}

// What a role may do from where, as the sentences about the document say it.
func TestTheEvaluatorAgreesOnAThousandRestrictionsAndCalls(t *testing.T) {
	v4, v6 := rapid.SampledFrom([]string{"203.0.113.0/24", "198.51.100.16/28", "192.0.2.7/32"}),
		rapid.SampledFrom([]string{"2001:db8::/32", "2001:db9:1::/48"})
	vpcs := rapid.SampledFrom([]string{"vpc-0a1b2c3d", "vpc-11111111"})
	check := func(t *rapid.T) {
		entries := slices.Concat(rapid.SliceOfN(v4, 0, 3).Draw(t, "v4"), rapid.SliceOfN(v6, 0, 2).Draw(t, "v6"),
			rapid.SliceOfN(vpcs, 0, 2).Draw(t, "vpcs"))
		if len(entries) == 0 {
			return
		}
		var k contain.Known
		for _, e := range entries {
			if strings.HasPrefix(e, "vpc-") {
				k.Networks = append(k.Networks, e)
			} else {
				k.Addresses = append(k.Addresses, netip.MustParsePrefix(e))
			}
		}
		k, err := contain.NewKnown(k.Addresses, k.Networks)
		if err != nil {
			t.Fatal(err)
		}
		params, err := json.Marshal(k)
		if err != nil {
			t.Fatal(err)
		}
		docs, err := contain.Fresh(contain.Restrict(), contain.Target{Params: params})
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			call, keys, want := aCall(t, k)
			denied, err := evaluate(docs[0].Text, keys)
			if err != nil || denied != want {
				t.Errorf("%v with %v: denied is %v, want %v, %v", k, keys, denied, want, err)
			}
			answer := contain.Restrict().(contain.Expecter).Denies(docs[0], call)
			if answer != contain.Unknown && (answer == contain.Yes) != want {
				t.Errorf("%v: CloudTrail's %+v is taken for %v, want denied %v", k, call, answer, want)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		for range 10 {
			check(t)
		}
	})
}

// aCall draws a call: as CloudTrail has it, its condition keys, and whether it is to be denied.
func aCall(t *rapid.T, k contain.Known) (call contain.Call, keys []contain.ContextKey, denied bool) {
	key := func(name, kind, value string) {
		keys = append(keys, contain.ContextKey{Name: name, Type: kind, Values: []string{value}})
	}
	switch rapid.IntRange(0, 2).Draw(t, "way") {
	case 0: // over the internet
		a := netip.MustParseAddr(rapid.SampledFrom([]string{
			"203.0.113.9", "198.51.100.17", "198.51.100.33", "192.0.2.7", "192.0.2.8", "2001:db8::1", "2001:db9:1::5",
			"2001:db9:2::5", "8.8.8.8", "10.0.0.9",
		}).Draw(t, "address"))
		key("aws:SourceIp", "ip", a.String())
		call.From, denied = a.String(), !slices.ContainsFunc(k.Addresses, func(p netip.Prefix) bool { return p.Contains(a) })
		denied = denied && (len(k.Addresses) > 0 || len(k.Networks) > 0)
		key("aws:ViaAWSService", "boolean", "false")
	case 1: // through a VPC endpoint
		vpc := rapid.SampledFrom([]string{"vpc-0a1b2c3d", "vpc-11111111", "vpc-22222222"}).Draw(t, "vpc")
		key("aws:SourceVpc", "string", vpc)
		key("aws:ViaAWSService", "boolean", "false")
		call.From, call.Endpoint, denied = "10.0.0.9", true, !slices.Contains(k.Networks, vpc)
	default: // by a service for the role
		key("aws:ViaAWSService", "boolean", "true")
		call.From = "cloudformation.amazonaws.com"
	}
	return call, keys, denied
}

// The form that is copied around denies what comes through the own VPC, and what services do.
func TestThePlainFormFailsWhereTheKeyIsAbsentAndOursDoesNot(t *testing.T) {
	plain := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":` +
		`{"NotIpAddress":{"aws:SourceIp":["203.0.113.0/24"]}}}]}`
	ours := restriction(t, "203.0.113.0/24", "vpc-0a1b2c3d").Text
	failures := 0
	for _, call := range []struct {
		name, value string
		via         string
		denied      bool
	}{
		{"aws:SourceIp", "203.0.113.9", "false", false},
		{"aws:SourceIp", "198.51.100.9", "false", true},
		{"aws:SourceIp", "2001:db8::9", "false", true},
		{"aws:SourceIp", "10.0.0.9", "false", true},
		{"aws:SourceVpc", "vpc-0a1b2c3d", "false", false},
		{"aws:SourceVpc", "vpc-22222222", "false", true},
		{"aws:SourceIp", "203.0.113.9", "true", false},
		{"aws:SourceIp", "198.51.100.9", "true", false},
		{"", "", "true", false},
	} {
		keys := []contain.ContextKey{{Name: "aws:ViaAWSService", Type: "boolean", Values: []string{call.via}}}
		if call.name != "" {
			keys = append(keys, contain.ContextKey{Name: call.name, Values: []string{call.value}})
		}
		if denied, err := evaluate(ours, keys); err != nil || denied != call.denied {
			t.Errorf("%+v: denied is %v, %v", call, denied, err)
		}
		if denied, err := evaluate(plain, keys); err != nil || denied != call.denied {
			failures++
		}
	}
	if failures != 3 {
		t.Errorf("the plain form fails %d times", failures)
	}
}

func TestServicesThatCallFromAWSNeedAVPC(t *testing.T) {
	m := contain.Restrict().(contain.Serving)
	for _, service := range []string{"lambda", "glue", "codebuild", "cloudformation"} {
		services := []string{"ec2.amazonaws.com", service + ".amazonaws.com"}
		if _, err := m.Services(restricted(t, "203.0.113.0/24"), services); err == nil {
			t.Errorf("%s without a VPC", service)
		}
		with := restricted(t, "203.0.113.0/24", "vpc-0a1b2c3d")
		if warning, err := m.Services(with, services); err != nil || warning == "" {
			t.Errorf("%s with a VPC: %q, %v", service, warning, err)
		}
	}
	if warning, err := m.Services(restricted(t, "203.0.113.0/24"), nil); err != nil || warning != "" {
		t.Errorf("without services: %q, %v", warning, err)
	}
}
