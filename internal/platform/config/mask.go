package config

import (
	"reflect"
	"time"
)

// Masked returns a configuration as maps under its YAML keys, with secrets replaced.
func Masked(c any) map[string]any {
	v := reflect.ValueOf(c)
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return nil
	}
	out := map[string]any{}
	fields(v, func(f reflect.StructField, v reflect.Value) {
		key := yamlKey(f)
		switch {
		case key == "" || key == "-":
		case f.Tag.Get("secret") == "true":
			if !v.IsZero() {
				out[key] = "***"
			}
		case f.Type.Kind() == reflect.Struct:
			out[key] = Masked(v.Interface())
		case f.Type == durationType:
			out[key] = v.Interface().(time.Duration).String()
		default:
			out[key] = v.Interface()
		}
	})
	return out
}
