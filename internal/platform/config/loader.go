package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFile bounds a configuration file.
const maxFile = 4 << 20

// Source is where settings come from: a config directory and an environment. Files are read once.
type Source struct {
	Dir    string
	Data   string // replaces {DATA} in defaults
	lookup func(string) (string, bool)
	main   *file
	files  map[string]*file
}

// file is one parsed YAML file.
type file struct {
	path string
	root *ast.MappingNode // nil: empty
}

// Open reads opencloud.yaml of a directory, if there is one. lookup is os.LookupEnv.
func Open(dir, data string, lookup func(string) (string, bool)) (*Source, error) {
	s := &Source{Dir: dir, Data: data, lookup: lookup, files: map[string]*file{}}
	var err error
	s.main, err = s.read("opencloud.yaml")
	return s, err
}

func (s *Source) read(name string) (*file, error) {
	if f, ok := s.files[name]; ok {
		return f, nil
	}
	f := &file{path: filepath.Join(s.Dir, name)}
	s.files[name] = f
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("configuration: %s is larger than %d bytes", f.path, maxFile)
	}
	raw, err := os.ReadFile(f.path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	f.root, err = parseYAML(f.path, raw)
	return f, err
}

func parseYAML(path string, raw []byte) (root *ast.MappingNode, err error) {
	defer func() { // the parser is third-party, the file is an operator's
		if p := recover(); p != nil {
			err = fmt.Errorf("configuration: %s cannot be read: %v", path, p)
		}
	}()
	doc, err := parser.ParseBytes(raw, 0)
	if err != nil {
		return nil, fmt.Errorf("configuration: %s: %w", path, err)
	}
	for _, d := range doc.Docs {
		switch b := d.Body.(type) {
		case nil, *ast.NullNode, *ast.CommentGroupNode:
		case *ast.MappingNode:
			return b, nil
		case *ast.MappingValueNode:
			return &ast.MappingNode{BaseNode: &ast.BaseNode{}, Values: []*ast.MappingValueNode{b}}, nil
		default:
			return nil, fmt.Errorf("configuration: %s:%d: expected keys and values", path, line(d.Body))
		}
	}
	return nil, nil
}

func line(n ast.Node) int {
	if n == nil || n.GetToken() == nil {
		return 0
	}
	return n.GetToken().Position.Line
}

// Section is the name of a service in opencloud.yaml.
func Section(service string) string { return strings.ReplaceAll(service, "-", "_") }

// Load fills a service's Config (a pointer to a struct). Warnings name keys without meaning; the error names every value
// that is wrong and every one that is missing.
func (s *Source) Load(service string, dst any) (warnings []string, err error) {
	own, err := s.read(service + ".yaml")
	if err != nil {
		return nil, err
	}
	l := &loader{source: s, svc: strings.ToUpper(Section(service)), section: Section(service)}
	section := mapping(child(s.main.root, Section(service)))
	v := reflect.ValueOf(dst).Elem()
	l.fill(v, "", "")
	l.layer(v, s.main, section, Section(service))
	l.layer(v, own, own.root, "")
	l.environment(v)
	l.missing(v, service, "")
	return l.warnings, errors.Join(l.errs...)
}

type loader struct {
	source   *Source
	svc      string
	section  string
	warnings []string
	errs     []error
}

func (l *loader) fail(format string, args ...any) {
	l.errs = append(l.errs, fmt.Errorf(format, args...))
}

// fields calls each for the exported fields that have a yaml tag.
func fields(v reflect.Value, each func(f reflect.StructField, v reflect.Value)) {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		if f.Anonymous && f.Tag.Get("yaml") == "" && f.Type.Kind() == reflect.Struct {
			fields(v.Field(i), each)
			continue
		}
		each(f, v.Field(i))
	}
}

func yamlKey(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return key
}

// isBranch tells whether a field holds further settings.
func isBranch(f reflect.StructField) bool { return f.Type.Kind() == reflect.Struct }

// fill sets defaults, and what the root of opencloud.yaml says for all services.
func (l *loader) fill(v reflect.Value, addr, _ string) {
	fields(v, func(f reflect.StructField, v reflect.Value) {
		if isBranch(f) {
			l.fill(v, f.Tag.Get("addr"), "")
			return
		}
		def, ok := f.Tag.Lookup("default")
		if yamlKey(f) == "addr" && addr != "" {
			def, ok = addr, true
		}
		if ok {
			def = strings.ReplaceAll(def, "{DATA}", l.source.Data)
			if err := setText(v, def); err != nil {
				l.fail("default of %s: %w", f.Name, err)
			}
		}
		for _, g := range globals(f) {
			if n, from := l.global(g); n != nil {
				l.set(v, from, n, g)
			}
		}
	})
}

func globals(f reflect.StructField) []string {
	tag := f.Tag.Get("global")
	if tag == "" {
		return nil
	}
	return strings.Split(tag, ";")
}

// global finds a path from the root of opencloud.yaml; where it leads into the section of a service, that service's own
// file says it too, and wins.
func (l *loader) global(path string) (ast.Node, *file) {
	section, rest, deep := strings.Cut(path, ".")
	if deep {
		own, err := l.source.read(strings.ReplaceAll(section, "_", "-") + ".yaml")
		if err != nil {
			l.errs = append(l.errs, err)
		} else if n := at(own.root, rest); n != nil {
			return n, own
		}
	}
	return at(l.source.main.root, path), l.source.main
}

// layer sets what a mapping of a file says.
func (l *loader) layer(v reflect.Value, f *file, m *ast.MappingNode, path string) {
	if m == nil {
		return
	}
	known := map[string]reflect.Value{}
	var names []string
	fields(v, func(sf reflect.StructField, v reflect.Value) {
		if k := yamlKey(sf); k != "" && k != "-" {
			known[k] = v
			names = append(names, k)
		}
	})
	for _, kv := range m.Values {
		key := keyOf(kv)
		p := join(path, key)
		field, ok := known[key]
		if !ok {
			l.unknown(f, kv, p, names)
			continue
		}
		if field.Kind() == reflect.Struct {
			if sub := mapping(kv.Value); sub != nil {
				l.layer(field, f, sub, p)
			} else if _, null := kv.Value.(*ast.NullNode); !null {
				l.fail("%s:%d: %s: expected further keys, found a single value", f.path, line(kv.Value), p)
			}
			continue
		}
		l.set(field, f, kv.Value, p)
	}
}

func (l *loader) set(v reflect.Value, f *file, n ast.Node, path string) {
	if err := setNode(v, n, l.source.lookup); err != nil {
		l.fail("%s:%d: %s: %w", f.path, line(n), path, err)
	}
}

func (l *loader) unknown(f *file, kv *ast.MappingValueNode, path string, names []string) {
	if f != l.source.main {
		path = join(l.section, path) // the file of a service has its settings without the section's name
	}
	l.warnings = warn(l.warnings, f.path, kv, path, names)
}

// environment sets what variables say; of several the last that is set wins.
func (l *loader) environment(v reflect.Value) {
	fields(v, func(f reflect.StructField, v reflect.Value) {
		if isBranch(f) {
			l.environment(v)
			return
		}
		for _, name := range envNames(f, l.svc) {
			if text, ok := l.source.lookup(name); ok {
				if text == "" && v.Kind() != reflect.String {
					continue
				}
				if err := setText(v, text); err != nil {
					l.fail("environment variable %s: %w", name, err)
				}
			}
		}
	})
}

func envNames(f reflect.StructField, svc string) []string {
	tag := f.Tag.Get("env")
	if tag == "" {
		return nil
	}
	return strings.Split(strings.ReplaceAll(tag, "{SVC}", svc), ";")
}

// missing finds settings that must not be empty.
func (l *loader) missing(v reflect.Value, service, path string) {
	fields(v, func(f reflect.StructField, v reflect.Value) {
		p := join(path, yamlKey(f))
		if isBranch(f) {
			l.missing(v, service, p)
			return
		}
		if f.Tag.Get("required") != "true" || !v.IsZero() {
			return
		}
		where := Section(service) + "." + p
		if g := globals(f); len(g) > 0 {
			where = g[len(g)-1]
		}
		names := envNames(f, l.svc)
		hint := ""
		if len(names) > 0 {
			hint = " or the environment variable " + names[len(names)-1]
		}
		l.fail("%s: %s is missing (needed by %s). Run `opencloud init` to create it, or set it there%s", filepath.Join(l.source.Dir, "opencloud.yaml"), where, service, hint)
	})
}

// Unused returns warnings for keys outside of the sections of services that nobody reads. services are the sections that
// exist, known the dotted paths of global keys.
func (s *Source) Unused(services, known []string) []string {
	if s.main.root == nil {
		return nil
	}
	return s.unused(nil, s.main.root, "", services, known)
}

func (s *Source) unused(out []string, m *ast.MappingNode, path string, services, known []string) []string {
	for _, kv := range m.Values {
		key := keyOf(kv)
		p := join(path, key)
		if slices.Contains(known, p) || path == "" && slices.Contains(services, key) {
			continue
		}
		names := siblings(path, known)
		if path == "" {
			names = append(names, services...)
		}
		sub := mapping(kv.Value)
		if slices.Contains(names, key) && sub != nil { // a branch with known keys
			out = s.unused(out, sub, p, nil, known)
			continue
		}
		out = warn(out, s.main.path, kv, p, names)
	}
	return out
}

// siblings returns the names of the keys that known paths have right below a path.
func siblings(path string, known []string) (out []string) {
	for _, k := range known {
		rest, ok := k, true
		if path != "" {
			rest, ok = strings.CutPrefix(k, path+".")
		}
		if name, _, _ := strings.Cut(rest, "."); ok && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func keyOf(kv *ast.MappingValueNode) string {
	if s, ok := kv.Key.(*ast.StringNode); ok {
		return s.Value
	}
	return strings.Trim(kv.Key.String(), `"'`)
}

func mapping(n ast.Node) *ast.MappingNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n
	case *ast.MappingValueNode:
		return &ast.MappingNode{BaseNode: &ast.BaseNode{}, Values: []*ast.MappingValueNode{n}}
	case *ast.AnchorNode:
		return mapping(n.Value)
	}
	return nil
}

func child(m *ast.MappingNode, key string) ast.Node {
	if m == nil {
		return nil
	}
	for _, kv := range m.Values {
		if keyOf(kv) == key {
			return kv.Value
		}
	}
	return nil
}

func at(m *ast.MappingNode, path string) ast.Node {
	key, rest, more := strings.Cut(path, ".")
	n := child(m, key)
	if !more || n == nil {
		return n
	}
	return at(mapping(n), rest)
}
