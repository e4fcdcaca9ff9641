package record

import (
	"encoding/json"
	"reflect"
	"time"
)

// Encode is json.Marshal, also for what AWS can say and JSON cannot: a moment outside the years 0
// to 9999 is recorded as not known, rather than nothing at all. A detail has nothing else that JSON
// cannot say.
func Encode(detail any) json.RawMessage {
	raw, err := json.Marshal(detail)
	if err != nil {
		raw, _ = json.Marshal(bounded(reflect.ValueOf(detail)).Interface()) //nolint:errcheck // see above
	}
	return raw
}

// bound replaces what JSON cannot say in a value. What is shared with other values is copied first.
func bound(v reflect.Value) {
	if at, ok := v.Interface().(time.Time); ok {
		if y := at.Year(); y < 0 || y > 9999 {
			v.SetZero()
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				bound(f)
			}
		}
	case reflect.Slice:
		if v.Len() > 0 {
			v.Set(reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v))
		}
		for i := range v.Len() {
			bound(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			copied := reflect.New(v.Type().Elem())
			copied.Elem().Set(bounded(v.Elem()))
			v.Set(copied)
		}
	default: // what JSON can say
	}
}

// bounded is a copy of a value, bound.
func bounded(v reflect.Value) reflect.Value {
	copied := reflect.New(v.Type()).Elem()
	copied.Set(v)
	bound(copied)
	return copied
}
