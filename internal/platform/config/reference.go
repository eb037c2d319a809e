package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Reference returns the settings of a service as a Markdown table.
func Reference(service string, c any) string {
	v := reflect.ValueOf(c)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n| YAML (`%s`) | environment | default | meaning |\n|---|---|---|---|\n", service, Section(service))
	reference(&b, v, strings.ToUpper(Section(service)), "", "")
	b.WriteString("\n")
	return b.String()
}

func reference(b *strings.Builder, v reflect.Value, svc, path, addr string) {
	fields(v, func(f reflect.StructField, v reflect.Value) {
		key := yamlKey(f)
		if key == "" || key == "-" {
			return
		}
		p := join(path, key)
		if isBranch(f) {
			reference(b, v, svc, p, f.Tag.Get("addr"))
			return
		}
		def := f.Tag.Get("default")
		if key == "addr" && addr != "" {
			def = addr
		}
		if def != "" {
			def = "`" + strings.ReplaceAll(def, "{DATA}", "$OC_BASE_DATA_PATH") + "`"
		}
		var env []string
		for _, n := range envNames(f, svc) {
			env = append(env, "`"+n+"`")
		}
		doc := f.Tag.Get("doc")
		if g := globals(f); len(g) > 0 {
			slices.Reverse(g)
			doc += " Falls back to `" + strings.Join(g, "`, `") + "`."
		}
		if f.Tag.Get("required") == "true" {
			doc += " Required."
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", p, strings.Join(env, " "), def, strings.ReplaceAll(doc, "|", "\\|"))
	})
}
