package measures_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/measures"
)

// missing are the fields of a value without a text or a function.
func missing(v reflect.Value, name string) (found []string) {
	for i := range v.NumField() {
		field := v.Type().Field(i).Name
		switch f := v.Field(i); {
		case f.Kind() == reflect.Struct:
			found = append(found, missing(f, name+"."+field)...)
		case f.IsZero():
			found = append(found, name+"."+field)
		}
	}
	return found
}

func TestEveryMeasureHasAllWords(t *testing.T) {
	var names []approvals.Measure
	for _, k := range measures.All() {
		names = append(names, k.Name)
	}
	if !slices.Equal(names, approvals.Measures()) {
		t.Errorf("the table has %v, and %v are known", names, approvals.Measures())
	}
	for i, k := range measures.All() {
		for _, name := range missing(reflect.ValueOf(k), string(k.Name)) {
			_, expires := k.On.(contain.Expirer)
			switch name = strings.TrimPrefix(name, string(k.Name)); {
			case name == ".First", name == ".Takes", name == ".Fits", name == ".Beside": // it is a choice
			case name == ".Words.Every" && k.Principal() == contain.User: // the key itself is named
			case name == ".Words.Word" && i == 0: // it needs none
			case !expires && (name == ".Words.Undo.Kept" || name == ".Words.Undo.Expired"): // it never ends by itself
			default:
				t.Errorf("there is no %s of %s", name, k.Name)
			}
		}
		if k.Words.Word != "" && strings.TrimSpace(k.Words.Word) != string(k.Name) {
			t.Errorf("%s is asked for by %q", k.Name, k.Words.Word)
		}
	}
}
