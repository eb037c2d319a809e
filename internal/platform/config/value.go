package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

var durationType = reflect.TypeFor[time.Duration]()

// setText sets a field from text: an environment variable or a default.
func setText(v reflect.Value, text string) error {
	if v.Type() == durationType {
		d, err := parseDuration(text)
		v.SetInt(int64(d))
		return err
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := parseBool(text)
		if err != nil {
			return err
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil {
			return fmt.Errorf("%q is no whole number", text)
		}
		v.SetInt(n)
	case reflect.Uint64:
		n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
		if err != nil {
			return fmt.Errorf("%q is no whole number", text)
		}
		v.SetUint(n)
	case reflect.Float64:
		n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			return fmt.Errorf("%q is no number", text)
		}
		v.SetFloat(n)
	case reflect.Slice:
		return setList(v, text)
	case reflect.Map:
		return setMap(v, text)
	default:
		return fmt.Errorf("cannot be set from text")
	}
	return nil
}

func setList(v reflect.Value, text string) error {
	if v.Type().Elem().Kind() != reflect.String {
		return errors.New("cannot be set by an environment variable")
	}
	out := []string{}
	for s := range strings.SplitSeq(text, ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	v.Set(reflect.ValueOf(out))
	return nil
}

func setMap(v reflect.Value, text string) error {
	if v.Type() != reflect.TypeFor[map[string]string]() {
		return errors.New("cannot be set by an environment variable")
	}
	out := map[string]string{}
	for s := range strings.SplitSeq(text, ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		k, val, ok := strings.Cut(s, ":")
		if !ok {
			return fmt.Errorf("%q is not key:value", s)
		}
		out[strings.TrimSpace(k)] = strings.TrimSpace(val)
	}
	v.Set(reflect.ValueOf(out))
	return nil
}

func parseBool(text string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "1", "yes", "y", "on", "t":
		return true, nil
	case "false", "0", "no", "n", "off", "f":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", text)
}

// parseDuration reads "30s", "1h30m", or a number of seconds.
func parseDuration(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Duration(n) * time.Second, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration such as 30s or 1h30m", text)
	}
	return d, nil
}

// setNode sets a field from YAML.
func setNode(v reflect.Value, n ast.Node, lookup func(string) (string, bool)) error {
	if v.Kind() == reflect.Interface { // whatever somebody else makes of it
		return yaml.NodeToValue(n, v.Addr().Interface())
	}
	switch n := n.(type) {
	case *ast.NullNode:
		return nil
	case *ast.AnchorNode:
		return setNode(v, n.Value, lookup)
	case *ast.TagNode:
		return setNode(v, n.Value, lookup)
	case *ast.SequenceNode:
		return setSequence(v, n, lookup)
	}
	if m := mapping(n); m != nil {
		return setMapping(v, m, lookup)
	}
	text, err := scalar(n, lookup)
	if err != nil {
		return err
	}
	if v.Kind() == reflect.Slice || v.Kind() == reflect.Map {
		if _, isText := n.(*ast.StringNode); !isText || text == "" && v.Kind() == reflect.Map {
			return fmt.Errorf("expected a list or keys, found %q", text)
		}
	}
	if v.Kind() == reflect.String {
		v.SetString(text)
		return nil
	}
	return setText(v, text)
}

func scalar(n ast.Node, lookup func(string) (string, bool)) (string, error) {
	switch n := n.(type) {
	case *ast.StringNode:
		return Expand(n.Value, lookup)
	case *ast.LiteralNode:
		return Expand(n.Value.Value, lookup)
	case *ast.AliasNode:
		return "", errors.New("aliases are not supported here")
	}
	return Expand(n.GetToken().Value, lookup)
}

func setSequence(v reflect.Value, n *ast.SequenceNode, lookup func(string) (string, bool)) error {
	if v.Kind() != reflect.Slice {
		return errors.New("expected a single value, found a list")
	}
	out := reflect.MakeSlice(v.Type(), len(n.Values), len(n.Values))
	for i, e := range n.Values {
		if err := setNode(out.Index(i), e, lookup); err != nil {
			return fmt.Errorf("entry %d: %w", i+1, err)
		}
	}
	v.Set(out)
	return nil
}

func setMapping(v reflect.Value, m *ast.MappingNode, lookup func(string) (string, bool)) error {
	switch v.Kind() {
	case reflect.Map:
		out := reflect.MakeMap(v.Type())
		for _, kv := range m.Values {
			e := reflect.New(v.Type().Elem()).Elem()
			if err := setNode(e, kv.Value, lookup); err != nil {
				return fmt.Errorf("%s: %w", keyOf(kv), err)
			}
			out.SetMapIndex(reflect.ValueOf(keyOf(kv)), e)
		}
		v.Set(out)
		return nil
	case reflect.Slice: // one where several may stand
		if k := v.Type().Elem().Kind(); k == reflect.Map || k == reflect.Struct {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			return setMapping(v.Index(0), m, lookup)
		}
	case reflect.Struct:
		var err error
		fields(v, func(f reflect.StructField, field reflect.Value) {
			if n := child(m, yamlKey(f)); n != nil && err == nil {
				if e := setNode(field, n, lookup); e != nil {
					err = fmt.Errorf("%s: %w", yamlKey(f), e)
				}
			}
		})
		return err
	}
	return errors.New("expected a single value, found further keys")
}

// Expand replaces ${NAME}, ${NAME|default}, ${NAME:-x}, ${NAME-x}, ${NAME:=x}, ${NAME:+x}; "$$" is a "$". A "$" before anything
// else stands for itself. (spec/identity.md §2.3)
func Expand(s string, lookup func(string) (string, bool)) (string, error) {
	if !strings.Contains(s, "$") {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '$' || i+1 >= len(s) {
			b.WriteByte(s[i])
			continue
		}
		switch s[i+1] {
		case '$':
			b.WriteByte('$')
			i++
		case '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return "", fmt.Errorf("%q: ${ without }", s)
			}
			b.WriteString(variable(s[i+2:i+end], lookup))
			i += end
		default:
			b.WriteByte('$')
		}
	}
	return b.String(), nil
}

func variable(expr string, lookup func(string) (string, bool)) string {
	n := strings.IndexFunc(expr, func(r rune) bool {
		return r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	if n < 0 {
		n = len(expr)
	}
	value, set := lookup(expr[:n])
	rest := expr[n:]
	for _, op := range []string{":-", ":=", ":+", "|", "-", "="} {
		word, ok := strings.CutPrefix(rest, op)
		if !ok {
			continue
		}
		switch op {
		case ":-", ":=", "|":
			if value == "" {
				return word
			}
		case "-", "=":
			if !set {
				return word
			}
		case ":+":
			if value != "" {
				return word
			}
			return ""
		}
		return value
	}
	return value
}
