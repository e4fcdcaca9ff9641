package contain_test

import (
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws/contain"
)

// end is a clock that believes every date.
var end = at("9999-12-31T23:59:59Z")

// cutoffOf is what the reader makes of a text.
func cutoffOf(text string) (cutoff time.Time, ok bool) {
	cutoff = contain.Revoke().(contain.Dated).Cutoff(end, doc(console, text))
	return cutoff, !cutoff.IsZero()
}

func isRevocation(text string) bool {
	_, ok := cutoffOf(text)
	return ok
}

func TestARevocationIsReadInEveryFormThatIsExactlyOne(t *testing.T) {
	want := at("2026-11-22T10:01:31Z")
	for _, text := range forms(want) {
		if got, _ := cutoffOf(text); !got.Equal(want) {
			t.Errorf("%s: %v", text, got)
		}
	}
	fine := want.Add(138 * time.Millisecond)
	if got, _ := cutoffOf(contain.Revocation(fine)); !got.Equal(fine) {
		t.Errorf("%v", got)
	}
	for _, text := range foreignTexts() {
		if got, ok := cutoffOf(text); ok {
			t.Errorf("%s is read as %v", text, got)
		}
	}
}

// What the reader accepts, the evaluator denies for an older session and allows for a newer one:
// two readers of one language, of which ours is the stricter.
func FuzzRevocationsThatAreReadAreDeniedByTheEvaluator(f *testing.F) {
	for _, text := range forms(at("2026-11-22T10:01:31Z")) {
		f.Add(text)
	}
	for _, text := range foreignTexts() {
		f.Add(text)
	}
	f.Add(contain.Revocation(end))
	f.Fuzz(func(t *testing.T, text string) {
		cutoff, ok := cutoffOf(text)
		if !ok {
			return
		}
		for age, want := range map[time.Duration]bool{
			time.Millisecond: true, time.Second: true, 12 * time.Hour: true,
			0: false, -time.Millisecond: false, -time.Second: false,
		} {
			issued := cutoff.Add(-age)
			if issued.Year() > 9999 {
				continue
			}
			if denied, err := evaluate(text, sessionOf(issued)); err != nil || denied != want {
				t.Errorf("%q, issued %v before %v: denied %v, %v", text, age, cutoff, denied, err)
			}
		}
	})
}

func FuzzTheGapsOfRevocationsAreTransitive(f *testing.F) {
	early, late := forms(at("2026-11-22T10:01:31Z")), forms(at("2026-11-22T11:01:32Z"))
	for i := range early {
		f.Add(early[i], late[i], early[len(early)-1-i])
	}
	for _, text := range foreignTexts() {
		f.Add(text, early[0], text)
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		for _, now := range []time.Time{at("2026-11-22T10:01:31.5Z"), end} {
			transitive(t, contain.Revoke(), now, doc(console, a), doc(console, b), doc(console, c))
			if gap := contain.Revoke().Gap(now, doc(console, a), doc(console, a)); isRevocation(a) != (gap == contain.Covers) {
				t.Errorf("%q has the gap %q to itself", a, gap)
			}
		}
	})
}

func TestADenyEndsWithTheLongestSessionThatCanExist(t *testing.T) {
	d := contain.Document{Text: contain.Revocation(at("2026-11-22T10:00:00Z"))}
	for kind, want := range map[contain.PrincipalKind]time.Duration{ // whatever the maximum is now
		contain.Role: 12 * time.Hour, contain.User: 36 * time.Hour, "": 36 * time.Hour,
	} {
		got := contain.Revoke().(contain.Expirer).Ends(d, contain.Principal{Kind: kind})
		if !got.Equal(at("2026-11-22T10:00:00Z").Add(want)) {
			t.Errorf("%q: %v", kind, got)
		}
	}
	if end := contain.Revoke().(contain.Expirer).Ends(contain.Document{Text: allowAll}, role.Principal); !end.IsZero() {
		t.Error(end)
	}
}

func TestWhichCallsAreDenied(t *testing.T) {
	cutoff := at("2026-11-22T10:00:00Z")
	revoked := contain.Document{Text: contain.Revocation(cutoff)}
	locked := contain.Document{Text: "arn:aws:iam::aws:policy/AWSDenyAll"}
	s3 := contain.Call{Service: "s3.amazonaws.com", Name: "ListBuckets"}
	issued := func(c contain.Call, at time.Time) contain.Call { c.Issued = at; return c }
	longTerm := s3
	longTerm.LongTerm = true
	whoami := contain.Call{Service: "sts.amazonaws.com", Name: "GetCallerIdentity", Issued: cutoff.Add(-time.Hour)}
	for _, c := range []struct {
		m    contain.Measure
		d    contain.Document
		call contain.Call
		want contain.Answer
	}{
		{contain.Revoke(), revoked, issued(s3, cutoff.Add(-time.Second)), contain.Yes},
		{contain.Revoke(), revoked, issued(s3, cutoff), contain.No},
		{contain.Revoke(), revoked, s3, contain.Unknown},
		{contain.Revoke(), revoked, longTerm, contain.No},
		{contain.Revoke(), revoked, whoami, contain.No},
		{contain.Revoke(), contain.Document{Text: allowAll}, issued(s3, cutoff.Add(-time.Second)), contain.Unknown},
		{contain.Lock(), locked, s3, contain.Yes},
		{contain.Lock(), locked, longTerm, contain.Yes},
		{contain.Lock(), locked, whoami, contain.No},
		{contain.Lock(), contain.Document{}, s3, contain.Unknown},
	} {
		if got := c.m.(contain.Expecter).Denies(c.d, c.call); got != c.want {
			t.Errorf("%+v of %+v: %v, want %v", c.call, c.d, got, c.want)
		}
	}
}
