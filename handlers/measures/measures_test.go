package measures_test

import (
	"reflect"
	"testing"

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
	if len(measures.All()) == 0 {
		t.Error("there is no measure")
	}
	for _, k := range measures.All() {
		for _, name := range missing(reflect.ValueOf(k), string(k.Name)) {
			t.Errorf("there is no %s", name)
		}
	}
}
