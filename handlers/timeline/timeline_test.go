package timeline

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

var at = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

// story is a picture as an incident has it: ten hours of it, the cutoff after eight.
func story() Picture {
	m := func(d time.Duration, k MarkKind) Mark { return Mark{At: at.Add(d), Kind: k} }
	b := func(from, to time.Duration, k BarKind) Bar { return Bar{Start: at.Add(from), End: at.Add(to), Kind: k} }
	return Picture{
		Title: "Who used prod/DeployRole, and when", Start: at.Add(-8 * time.Hour), End: at.Add(2 * time.Hour), Cutoff: at,
		Rows: []Row{
			{
				Label: "user ci-deploy in 111122223333", Note: "Red: deploy-1840 from 192.0.2.44, used from 198.51.100.77, " +
					"blocked since 03:00:09 UTC",
				Bars: []Bar{{
					Start: at.Add(-90 * time.Minute), End: at.Add(time.Hour), Kind: BarStolen, Past: "blocked",
				}},
				Marks: []Mark{
					m(-80*time.Minute, MarkCall),
					{At: at.Add(-80 * time.Minute), Name: "used from 198.51.100.77"},
					{At: at.Add(-60 * time.Minute), Kind: MarkPersistence, Name: "CreateAccessKey"},
					{At: at.Add(-58 * time.Minute), Kind: MarkDenial, Name: "PutRolePolicy rejected"},
					{At: at.Add(-55 * time.Minute), Kind: MarkPersistence, Name: "assumed prod/NightlyBackup"},
					{At: at.Add(9 * time.Second), Kind: MarkDenial, Name: "blocked"},
					m(9*time.Minute, MarkDenial),
				},
			},
			{
				Label: "GitHub acme/shop main", Bars: []Bar{
					{Start: at.Add(-6 * time.Hour), End: at.Add(-4 * time.Hour), Past: "no activity"},
					b(30*time.Minute, 90*time.Minute, BarAfter),
				},
			},
			{Label: "user mallory in 777788889999", Bars: []Bar{b(-40*time.Minute, 0, BarDeniedAttempt)}},
		},
	}
}

// drawn is a picture as people see it.
func drawn(t *testing.T, p Picture) image.Image {
	t.Helper()
	file, err := PNG(p)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if b := img.Bounds(); b.Dx() != width || b.Dy() > maxHeight || b.Dy() < 200 || len(file) > 600_000 {
		t.Errorf("the picture is %v and %d bytes", b, len(file))
	}
	return img
}

func is(img image.Image, x, y int, want color.RGBA) bool {
	r, g, b, a := img.At(x, y).RGBA()
	return uint8(r>>8) == want.R && uint8(g>>8) == want.G && uint8(b>>8) == want.B && a == 0xFFFF
}

// column is the pixel of a moment of the story, by the rule of three.
func column(d time.Duration) int {
	return plotLeft + int(math.Round((plotRight-plotLeft)*(8*time.Hour+d).Hours()/10))
}

// lane is a line of pixels through the bars of one of the story's rows.
func lane(t *testing.T, row int) int {
	t.Helper()
	faces, err := newType()
	if err != nil {
		t.Fatal(err)
	}
	r := arrange(story(), faces).rows[row]
	return r.lanesTop + laneHigh/2
}

func TestTheCutoffIsWhereItsTimeIs(t *testing.T) {
	img := drawn(t, story())
	faces, err := newType()
	if err != nil {
		t.Fatal(err)
	}
	l := arrange(story(), faces)
	dashes := func(x int) (n int) {
		for y := flagTop + flagRoom; y < l.bottom; y++ {
			if is(img, x, y, ink) && is(img, x-1, y, ink) && is(img, x-4, y, paper) && is(img, x+3, y, paper) {
				n++
			}
		}
		return n
	}
	if n := dashes(column(0)); n < 100 {
		t.Errorf("%d pixels of the cutoff's line at its time", n)
	}
	for _, d := range []time.Duration{-time.Hour, -5 * time.Minute, 5 * time.Minute, time.Hour} {
		if n := dashes(column(d)); n > 30 {
			t.Errorf("a line of %d pixels %v from the cutoff", n, d)
		}
	}
}

// The first look is over before the cutoff comes, which lies half a minute ahead.
func TestACutoffJustOutsideTheWindowIsDrawnAndSoIsThatNobodyLookedThere(t *testing.T) {
	for name, p := range map[string]Picture{
		"after it":  {Start: at.Add(-12 * time.Hour), End: at, Cutoff: at.Add(30 * time.Second), Rows: story().Rows},
		"before it": {Start: at, End: at.Add(time.Hour), Cutoff: at.Add(-5 * time.Minute), Rows: story().Rows},
	} {
		faces, err := newType()
		if err != nil {
			t.Fatal(err)
		}
		l := arrange(p, faces)
		if len(l.unseen()) != 1 || len(l.notes) > 0 && strings.Contains(l.notes[0], "cutoff") || !l.covers(p.Cutoff) {
			t.Errorf("%s: not looked at %v, notes %q", name, l.unseen(), l.notes)
		}
		img, part := drawn(t, p), l.unseen()[0]
		n := 0
		for x := part[0]; x < part[1]; x++ {
			if is(img, x, l.top()+3, shade) {
				n++
			}
		}
		line := 0
		for y := flagTop + flagRoom; y < l.bottom; y++ {
			if is(img, l.x(p.Cutoff), y, ink) {
				line++
			}
		}
		if n == 0 || line < 60 {
			t.Errorf("%s: %d shaded pixels in %v; %d pixels of the line", name, n, part, line)
		}
	}
}

func TestBarsAreAsLongAsSessionsAndEmptyPastTheCutoff(t *testing.T) {
	img := drawn(t, story())
	y := lane(t, 1)
	for x, want := range map[int]color.RGBA{
		column(-6*time.Hour) - 2: paper, column(-6 * time.Hour): blue, column(-5 * time.Hour): blue,
		column(-4*time.Hour) - 1: blue, column(-4*time.Hour) + 1: paper,
		column(30*time.Minute) - 1: paper, column(30 * time.Minute): green, column(90*time.Minute) - 1: green,
		column(90*time.Minute) + 1: paper,
	} {
		if !is(img, x, y, want) {
			t.Errorf("at %d is %v, want %v", x, img.At(x, y), want)
		}
	}
	y = lane(t, 0)
	for x, want := range map[int]color.RGBA{
		column(-90*time.Minute) - 1: paper, column(-90 * time.Minute): red, column(30 * time.Minute): paper, // empty
		column(time.Hour) - 1: red, column(time.Hour) + 1: paper, // and framed
	} {
		if !is(img, x, y, want) {
			t.Errorf("of the suspicious session at %d is %v, want %v", x, img.At(x, y), want)
		}
	}
	if !is(img, column(30*time.Minute), y-laneHigh/2, red) {
		t.Error("what is past the cutoff has no frame")
	}
}

// What means something differs in black and white as well.
func TestKindsDifferByShapeAndNotByColourAlone(t *testing.T) {
	shape := func(row Row) string {
		img := drawn(t, Picture{Start: at, End: at.Add(time.Hour), Rows: []Row{row}})
		var b strings.Builder
		for y := flagTop + flagRoom + textHigh; y < flagTop+flagRoom+textHigh+laneHigh+laneGap+marksHigh; y++ {
			for x := column0(10 * time.Minute); x < column0(50*time.Minute); x++ {
				b.WriteByte("# "[min(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y/150, 1)])
			}
		}
		return b.String()
	}
	seen := make(map[string]string)
	note := func(name string, row Row) {
		s := shape(row)
		if other, twice := seen[s]; twice || !strings.Contains(s, "#") {
			t.Errorf("%s looks like %q", name, other)
		}
		seen[s] = name
	}
	for kind := BarBefore; kind <= BarDeniedAttempt; kind++ {
		note(fmt.Sprint("bar ", kind), Row{
			Bars: []Bar{{Start: at.Add(20 * time.Minute), End: at.Add(40 * time.Minute), Kind: kind}},
		})
	}
	for kind := MarkCall; kind <= MarkPersistence; kind++ {
		note(fmt.Sprint("mark ", kind), Row{Marks: []Mark{{At: at.Add(30 * time.Minute), Kind: kind}}})
	}
}

func column0(d time.Duration) int { return plotLeft + int((plotRight-plotLeft)*d.Hours()) }

func TestColoursAndTextCanBeRead(t *testing.T) {
	light := func(c color.RGBA) float64 {
		part := func(v uint8) float64 {
			s := float64(v) / 255
			if s <= 0.03928 {
				return s / 12.92
			}
			return math.Pow((s+0.055)/1.055, 2.4)
		}
		return 0.2126*part(c.R) + 0.7152*part(c.G) + 0.0722*part(c.B)
	}
	for name, c := range map[string]color.RGBA{
		"ink": ink, "grey": grey, "blue": blue, "green": green, "red": red, "orange": orange,
	} {
		if contrast := (light(paper) + 0.05) / (light(c) + 0.05); contrast < 4.5 {
			t.Errorf("%s has a contrast of %.1f", name, contrast)
		}
	}
	for _, size := range []int{sizeTitle, sizeLabel, sizeSmall} {
		if size < 26 {
			t.Errorf("a text of %d pixels", size)
		}
	}
	img := drawn(t, story())
	for y := range img.Bounds().Dy() {
		for x := range width {
			if _, _, _, a := img.At(x, y).RGBA(); a != 0xFFFF {
				t.Fatalf("a hole at %d, %d", x, y)
			}
		}
	}
}

func TestTheSamePictureIsTheSameBytes(t *testing.T) {
	zone := time.FixedZone("far away", 11*3600)
	elsewhere := story()
	elsewhere.Start, elsewhere.End, elsewhere.Cutoff = elsewhere.Start.In(zone), elsewhere.End.In(zone),
		elsewhere.Cutoff.In(zone)
	want, err := PNG(story())
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i, p := range []Picture{story(), elsewhere, story()} {
		all.Go(func() {
			if got, err := PNG(p); err != nil || !bytes.Equal(got, want) || AltText(p) != AltText(story()) {
				t.Errorf("picture %d is another: %v", i, err)
			}
		})
	}
	all.Wait()
	other := story()
	other.Cutoff = other.Cutoff.Add(10 * time.Minute)
	if got, err := PNG(other); err != nil || bytes.Equal(got, want) {
		t.Errorf("another cutoff is the same picture: %v", err)
	}
}

func TestWhateverComesThePictureHasItsBoundsAndTheTextTells(t *testing.T) {
	crowd := Picture{
		Title: strings.Repeat("<!channel> 日本 ", 4000), Start: at.Add(-time.Hour), End: at, Cutoff: at,
	}
	for i := range 40 {
		r := Row{Label: strings.Repeat("<!here>|日", i*40), Note: strings.Repeat("é\u0301", 3000)}
		for j := range 250 {
			r.Bars = append(r.Bars, Bar{
				Start: at.Add(time.Duration(-j) * time.Second), End: at.Add(time.Duration(60-j) * time.Second),
				Kind: BarKind(j % 5),
			})
			r.Marks = append(r.Marks, Mark{At: at.Add(time.Duration(-j) * time.Second), Kind: MarkKind(j % 3)})
		}
		crowd.Rows = append(crowd.Rows, r)
	}
	ages := Picture{Start: time.Time{}, End: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), Cutoff: at, Rows: []Row{{
		Bars: []Bar{
			{},
			{Start: time.Unix(math.MinInt32, 0), End: time.Unix(math.MaxInt32, 0), Kind: BarBefore},
			{Start: at, End: at.Add(-time.Hour)},
		},
		Marks: []Mark{{}, {At: at}},
	}}}
	for name, p := range map[string]Picture{
		"nothing": {}, "a row of nothing": {Rows: []Row{{}}}, "no window": {Rows: story().Rows},
		"a window the wrong way round": {Start: at, End: at.Add(-time.Hour)},
		"a moment":                     {Start: at, End: at.Add(1), Cutoff: at, Rows: story().Rows}, "a crowd": crowd,
		"ages":               ages,
		"a cutoff elsewhere": {Start: at, End: at.Add(time.Hour), Cutoff: at.Add(30 * time.Hour), Rows: story().Rows},
	} {
		t.Run(name, func(t *testing.T) {
			drawn(t, p)
			text := AltText(p)
			if n := utf8.RuneCountInString(text); n == 0 || n > MaxAltText || !utf8.ValidString(text) {
				t.Errorf("%d characters: %q", n, text)
			}
			for _, r := range text {
				if unicode.IsControl(r) || unicode.In(r, unicode.Cf) {
					t.Errorf("an invisible character %U", r)
				}
			}
		})
	}
	if text := AltText(crowd); !strings.Contains(text, "more rows are not told here.") {
		t.Errorf("what does not fit is not counted: %q", text)
	}
	faces, err := newType()
	if err != nil {
		t.Fatal(err)
	}
	if l := arrange(crowd, faces); len(l.rows) >= MaxRows ||
		!strings.Contains(l.notes[0], fmt.Sprintf("%d more callers", 40-len(l.rows))) {
		t.Errorf("%d rows, %q", len(l.rows), l.notes)
	}
	flat := Picture{Rows: make([]Row, 40)}
	if l := arrange(flat, faces); len(l.rows) != MaxRows {
		t.Errorf("%d rows of nothing", len(l.rows))
	}
	if l := arrange(Picture{Start: at, End: at.Add(time.Hour), Cutoff: at.Add(30 * time.Hour)},
		faces); !strings.Contains(l.notes[0], "23 Nov 2026 09:00:00 UTC, lies after") {
		t.Errorf("%q", l.notes)
	}
}

func TestTextIsVisibleAndFits(t *testing.T) {
	faces, err := newType()
	if err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{
		"user alice": "user alice", "日本 x": "□□ x",
		"Ünïcode жук": "Ünïcode жук",
	} {
		if got := faces.visible(faces.small, given, 1000); got != want {
			t.Errorf("%q is drawn as %q, want %q", given, got, want)
		}
	}
	if i, err := faces.known.GlyphIndex(&faces.buffer, unknown); err != nil || i == 0 {
		t.Errorf("the fonts lack the box that stands for what they lack: %v", err)
	}
	long := faces.visible(faces.label, strings.Repeat("wide ", 5000), 300)
	if got := faces.width(faces.label, long); got > 300 || got < 250 || !strings.HasSuffix(long, ellipsis) {
		t.Errorf("%q takes %d pixels", long, got)
	}
}

func TestTicksAreRoundMomentsInUTCWithRoomForTheirLabels(t *testing.T) {
	for span, want := range map[time.Duration]string{
		90 * time.Second: "03:04:15", 10 * time.Minute: "03:06", 3 * time.Hour: "03:30", 13 * time.Hour: "04:00",
		3 * day: "12:00", 30 * day: "23 Nov",
	} {
		start := time.Date(2026, 11, 22, 3, 4, 7, 0, time.UTC).In(time.FixedZone("half an hour off", 9000))
		s := scaleOf(Picture{Start: start, End: start.Add(span)})
		ticks := s.ticks()
		if len(ticks) < 3 || len(ticks) > 12 || ticks[0].label != want || ticks[0].day == "" {
			t.Errorf("%v: %+v", span, ticks)
		}
		for i := 1; i < len(ticks); i++ {
			if s.x(ticks[i].at)-s.x(ticks[i-1].at) < tickApart-2 {
				t.Errorf("%v: ticks %v and %v are too near", span, ticks[i-1], ticks[i])
			}
		}
	}
}

func TestTheTextTellsWhatThePictureShows(t *testing.T) {
	want := "Who used prod/DeployRole, and when. From 2026-11-21 19:00 to 2026-11-22 05:00 UTC, " +
		"cutoff 2026-11-22 03:00:00. " +
		"user ci-deploy in 111122223333 (Red: deploy-1840 from 192.0.2.44, used from 198.51.100.77, " +
		"blocked since 03:00:09 UTC): 1 stolen session, 22 Nov 01:30 to 22 Nov 04:00, past the cutoff blocked; " +
		"01:40 used from 198.51.100.77; 1 call, last 22 Nov 01:40:00; 02:02 PutRolePolicy rejected; 03:00 blocked; " +
		"1 denied call, last 22 Nov 03:09:00; 02:00 CreateAccessKey; 02:05 assumed prod/NightlyBackup. " +
		"GitHub acme/shop main: 1 session issued before the cutoff, 21 Nov 21:00 to 21 Nov 23:00, " +
		"past the cutoff no activity; " +
		"1 session issued after the cutoff, 22 Nov 03:30 to 22 Nov 04:30. " +
		"user mallory in 777788889999: 1 attempt that issued nothing, 22 Nov 02:20."
	if got := AltText(story()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func BenchmarkPNG(b *testing.B) {
	for b.Loop() {
		if _, err := PNG(story()); err != nil {
			b.Fatal(err)
		}
	}
}
