package record_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/handlers/record"
)

func details() []any {
	return []any{
		record.Started{},
		record.Applied{},
		record.ReadBack{},
		record.Failure{},
		record.Finding{},
		record.Rehearsed{},
		record.Tampered{},
		record.Rewritten{},
		record.Held{},
		record.Simulated{},
		record.Enforcement{},
		record.Direct{},
		record.ShutOut{},
		record.FilesRefused{},
		record.Denial{},
		record.Reminder{},
		record.Plan{},
		record.Reported{},
		record.Users{},
		record.Looking{},
		record.Evidence{},
		record.Sessions{},
		record.Chosen{},
		record.Vouched{},
		record.Activity{},
		record.Conclusion{},
		record.Undone{},
		record.Expired{},
		record.Facts{},
		record.Role{},
		record.Session{},
	}
}

// extreme fills every field of a value that can be filled.
func extreme(v reflect.Value, at time.Time, text string, depth int) {
	if _, ok := v.Interface().(time.Time); ok {
		v.Set(reflect.ValueOf(at))
		return
	}
	if v.Type() == reflect.TypeFor[json.RawMessage]() || depth > 6 {
		return
	}
	fill := func(v reflect.Value) { extreme(v, at, text, depth+1) }
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		v.SetInt(math.MinInt64)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	}
}

func TestNoExtremeOfAFieldKeepsADetailFromBeingRecorded(t *testing.T) {
	for _, at := range []time.Time{
		time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Unix(83_000_000_000_000, 0),
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		{},
	} {
		for _, text := range []string{"", "\xff\x00\u2028<", strings.Repeat("x", 5000)} {
			for _, detail := range details() {
				v := reflect.New(reflect.TypeOf(detail)).Elem()
				extreme(v, at, text, 0)
				before := v.Interface()
				raw := record.Encode(before)
				if !json.Valid(raw) {
					t.Errorf("%T at %v: %s", detail, at, raw)
					continue
				}
				back := reflect.New(reflect.TypeOf(detail))
				if err := json.Unmarshal(raw, back.Interface()); err != nil {
					t.Errorf("%T at %v cannot be read again: %v", detail, at, err)
				}
			}
		}
	}
}

func TestWhatIsRecordedWithoutAFieldKeepsTheOthersAndTheValue(t *testing.T) {
	far := time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	seen := make([]record.Session, 2)
	seen[0].SessionName, seen[0].Time, seen[1].SessionName = "one", far, "two"
	raw := record.Encode(&record.Sessions{Rows: seen})
	if !strings.Contains(string(raw), `"one"`) || !strings.Contains(string(raw), `"two"`) ||
		strings.Contains(string(raw), "10000") {
		t.Errorf("%s", raw)
	}
	if !seen[0].Time.Equal(far) {
		t.Error("the value itself was changed")
	}
}

// A detail that is not in the list above is not tried.
func TestNoDetailIsLeftOutOfTheTest(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	tried := []string{}
	for _, d := range details() {
		tried = append(tried, reflect.TypeOf(d).Name())
	}
	found := 0
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || !strings.Contains(g.Doc.Text(), "is the Detail of") {
				continue
			}
			name := g.Specs[0].(*ast.TypeSpec).Name.Name
			if found++; !slices.Contains(tried, name) {
				t.Errorf("%s is not tried", name)
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d details were found", found)
	}
}
