package timeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// laidOut is a picture with every place in it known.
func laidOut(t *testing.T, p Picture) *layout {
	t.Helper()
	faces, err := newType()
	if err != nil {
		t.Fatal(err)
	}
	return arrange(p, faces)
}

// busy is a role of many callers, of whom two stand out.
func busy() Picture {
	p := Picture{
		Title: "Sessions of prod/DeployRole", Start: at.Add(-12 * time.Hour), End: at.Add(20 * time.Minute), Cutoff: at,
		Rows: []Row{story().Rows[0], {
			Label: "role Data (session export)", Note: "Amber: export from 203.0.113.9, " + strings.Repeat("first seen ", 12),
			Bars: []Bar{{
				Start: at.Add(-25 * time.Minute), End: at.Add(35 * time.Minute), Kind: BarUnusual, Past: "no activity",
			}},
			Marks: []Mark{{At: at.Add(-18 * time.Minute), Kind: MarkPersistence, Name: "GetSecretValue"}},
		}},
	}
	for i := range 30 {
		r := Row{Label: fmt.Sprintf("GitHub acme/service-%d main", i)}
		for j := range 1 + i%4 {
			start := at.Add(time.Duration(-j*100-i*7-1) * time.Minute)
			r.Bars = append(r.Bars, Bar{Start: start, End: start.Add(2 * time.Hour), Past: "no activity"})
		}
		p.Rows = append(p.Rows, r)
	}
	return p
}

func TestABandBelowShowsTheAttackLargerWithTheNamesOfItsMarks(t *testing.T) {
	for name, p := range map[string]Picture{"story": story(), "busy": busy()} {
		drawn(t, p)
		l := laidOut(t, p)
		if l.zoom == nil {
			t.Fatalf("%s: no band", name)
		}
		if span := l.zoom.end.Sub(l.zoom.start); span < time.Hour || span > 4*time.Hour || !l.zoom.covers(at) ||
			!strings.HasPrefix(l.zoom.heading, "The attack, 01:37 to 03:") {
			t.Errorf("%s: the band is %s, %v", name, l.zoom.heading, span)
		}
		var names []string
		for _, n := range l.zoom.rows[0].names {
			names = append(names, n.text)
		}
		if want := []string{
			"01:40 used from 198.51.100.77", "02:00 CreateAccessKey", "02:02 PutRolePolicy rejected",
			"02:05 assumed prod/NightlyBackup", "03:00 blocked",
		}; !slices.Equal(names, want) {
			t.Errorf("%s: the names are %q", name, names)
		}
		for _, r := range l.zoom.rows {
			for i, n := range r.names {
				if n.x < plotLeft || r.marksTop+marksHigh+n.line*lineHigh+lineHigh > r.top+r.height {
					t.Errorf("%s: %q is outside its row", name, n.text)
				}
				for _, other := range r.names[:i] {
					faces, _ := newType()
					if other.line == n.line && other.x+faces.width(faces.small, other.text) > n.x {
						t.Errorf("%s: %q lies on %q", name, n.text, other.text)
					}
				}
			}
		}
		if len(l.rows[0].names) > 0 {
			t.Errorf("%s: the names are above the band, too", name)
		}
	}
	if l := laidOut(t, busy()); len(l.zoom.rows) != 2 ||
		!strings.Contains(l.notes[0], "more callers are in the list (CSV).") {
		t.Errorf("of a busy role %d rows are larger, notes %q", len(l.zoom.rows), l.notes)
	}
	quiet := busy()
	quiet.Rows = quiet.Rows[2:]
	short := story()
	short.Start, short.End = at.Add(-100*time.Minute), at.Add(10*time.Minute)
	for name, p := range map[string]Picture{"nothing stands out": quiet, "the window is short": short} {
		if l := laidOut(t, p); l.zoom != nil || name != "nothing stands out" && len(l.rows[0].names) != 5 {
			t.Errorf("%s: band %v, %d names", name, l.zoom != nil, len(l.rows[0].names))
		}
	}
	unusual := busy()
	unusual.Rows = unusual.Rows[1:]
	if l := laidOut(t, unusual); !strings.HasPrefix(l.zoom.heading, "Unusual sessions, ") {
		t.Errorf("it accuses: %q", l.zoom.heading)
	}
}

func TestTheReasonForRedStandsInTheRowInItsColour(t *testing.T) {
	l := laidOut(t, story())
	if r := l.rows[0]; r.colour != red || strings.Join(r.note, " ") != story().Rows[0].Note || len(r.note) != 2 {
		t.Errorf("%v, %q", r.colour, r.note)
	}
	if r := laidOut(t, busy()).rows[1]; r.colour != orange || len(r.note) != 2 || !strings.HasSuffix(r.note[1], ellipsis) {
		t.Errorf("%v, %q", r.colour, r.note)
	}
}

// What has access past the cutoff, as far as is known, is filled there.
func TestPastTheCutoffABarSaysWhatIsKnown(t *testing.T) {
	for past, empty := range map[string]bool{"blocked": true, "no activity": true, "": false} {
		p := Picture{Start: at.Add(-time.Hour), End: at.Add(time.Hour), Cutoff: at, Rows: []Row{{
			Bars: []Bar{{Start: at.Add(-30 * time.Minute), End: at.Add(50 * time.Minute), Kind: BarStolen, Past: past}},
		}}}
		img, l := drawn(t, p), laidOut(t, p)
		lane := l.rows[0].lane(l.rows[0].bars[0])
		y, from, to, inked := lane.Min.Y+4, l.x(at)+8, l.x(at.Add(50*time.Minute))-8, 0
		if is(img, (from+to)/2, y, paper) != empty {
			t.Errorf("past the cutoff %q is %v", past, img.At((from+to)/2, y))
		}
		for x := from; x < to; x++ {
			for y := lane.Min.Y + 3; y < lane.Max.Y-3; y++ {
				if is(img, x, y, ink) {
					inked++
				}
			}
		}
		if inked > 50 != empty {
			t.Errorf("%d pixels of the word %q", inked, past)
		}
	}
}

// Slack shows a picture as wide as the screen of a phone, 390 points.
func TestTextCanBeReadOnAPhone(t *testing.T) {
	if points := float64(sizeSmall) * 390 / width; points < 12 {
		t.Errorf("the smallest text has %.1f points", points)
	}
	for name, p := range map[string]Picture{"story": story(), "busy": busy()} {
		if screens := float64(laidOut(t, p).height) * 390 / width / 844; screens > 1.5 {
			t.Errorf("%s takes %.1f screens", name, screens)
		}
	}
}
