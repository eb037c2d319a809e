// Package odata reads the query options of OData that the API knows: $filter, $search, $expand, $select, $orderby, $top, $skip and
// $count. (spec/identity.md §14.1, §14.3)
//
// Invariants: whatever the input, reading it takes time and memory in proportion to its length, which is bounded, as is the depth of
// nesting; nothing that is not understood is passed over in silence. Malformed options are ErrSyntax, well-formed ones that
// mean something unknown here are ErrUnsupported.
package odata

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

var (
	// ErrSyntax tells that an option cannot be read; the text says which and why.
	ErrSyntax = errors.New("malformed query option")
	// ErrUnsupported tells that an option is well-formed, but asks for what is not known here.
	ErrUnsupported = errors.New("query option is not supported")
)

const (
	maxOption = 16 << 10 // bytes of one option
	maxDepth  = 16       // of nesting in $filter and $expand
	maxTerms  = 500      // comparisons in a $filter
	maxItems  = 50       // in $select, $expand, $orderby
	maxSkip   = 1 << 30
)

// Query is what the options of a request ask for.
type Query struct {
	Filter  Expr   // nil: all
	Search  string // the text looked for, without quotes
	Expand  []Expand
	Select  []string
	OrderBy []Order
	Top     int // at most so many; -1: all
	Skip    int
	Count   bool
	// Given are the names of the options that were there.
	Given map[string]bool
}

// Order is one term of $orderby.
type Order struct {
	Path       string
	Descending bool
}

// Expand is one term of $expand, with the options in its parentheses.
type Expand struct {
	Path    string
	Options Query
}

// Expands tells whether $expand asks for a path.
func (q *Query) Expands(path string) bool {
	for _, e := range q.Expand {
		if e.Path == path {
			return true
		}
	}
	return false
}

// Parse reads the options of a query string. Parameters that do not begin with $ are not its business.
func Parse(v url.Values) (Query, error) {
	q := Query{Top: -1}
	for name, values := range v {
		if !strings.HasPrefix(name, "$") {
			continue
		}
		if len(values) != 1 {
			return q, fmt.Errorf("%w: %s is there more than once", ErrSyntax, name)
		}
		if err := q.set(name, values[0], 0); err != nil {
			return q, err
		}
	}
	return q, nil
}

func (q *Query) set(name, value string, depth int) (err error) {
	if len(value) > maxOption {
		return fmt.Errorf("%w: %.20s is longer than %d bytes", ErrSyntax, name, maxOption)
	}
	if q.Given == nil {
		q.Given = map[string]bool{}
	}
	q.Given[name] = true
	switch name {
	case "$filter":
		q.Filter, err = ParseFilter(value)
	case "$search":
		q.Search, err = parseSearch(value)
	case "$expand":
		q.Expand, err = parseExpand(value, depth)
	case "$select":
		q.Select, err = names(value)
	case "$orderby":
		q.OrderBy, err = parseOrder(value)
	case "$top":
		q.Top, err = number(name, value)
	case "$skip", "$skiptoken":
		q.Skip, err = number(name, value)
	case "$count":
		if value != "true" && value != "false" {
			return fmt.Errorf("%w: $count is true or false", ErrSyntax)
		}
		q.Count = value == "true"
	default:
		return fmt.Errorf("%w: %.20q", ErrUnsupported, name)
	}
	return err
}

func number(name, value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > maxSkip {
		return 0, fmt.Errorf("%w: %s is a number from 0", ErrSyntax, name)
	}
	return n, nil
}

// parseSearch reads $search: words, or text in quotes. Other characters need the quotes.
func parseSearch(s string) (string, error) {
	s = strings.TrimSpace(s)
	if rest, ok := strings.CutPrefix(s, `"`); ok {
		return unquote(rest)
	}
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" _-.~", r) {
			return "", fmt.Errorf("%w: %q in $search needs quotes around the text", ErrSyntax, r)
		}
	}
	return s, nil
}

// unquote reads a phrase behind its first quote, to the last byte.
func unquote(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' && i == len(s)-1:
			return b.String(), nil
		case c == '"':
			return "", fmt.Errorf("%w: a quote within $search", ErrSyntax)
		case c == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", fmt.Errorf("%w: $search lacks its last quote", ErrSyntax)
}

func names(s string) ([]string, error) {
	parts := strings.Split(s, ",")
	if len(parts) > maxItems {
		return nil, fmt.Errorf("%w: more than %d names", ErrSyntax, maxItems)
	}
	out := make([]string, 0, len(parts))
	for _, p := range parts {
		p = strings.TrimSpace(p)
		if !isPath(p) {
			return nil, fmt.Errorf("%w: %.40q is no name", ErrSyntax, p)
		}
		out = append(out, p)
	}
	return out, nil
}

func parseOrder(s string) ([]Order, error) {
	parts := strings.Split(s, ",")
	if len(parts) > maxItems {
		return nil, fmt.Errorf("%w: more than %d terms in $orderby", ErrSyntax, maxItems)
	}
	out := make([]Order, 0, len(parts))
	for _, p := range parts {
		f := strings.Fields(p)
		if len(f) == 0 || len(f) > 2 || !isPath(f[0]) || len(f) == 2 && f[1] != "asc" && f[1] != "desc" {
			return nil, fmt.Errorf("%w: $orderby is a name, and asc or desc", ErrSyntax)
		}
		out = append(out, Order{Path: f[0], Descending: len(f) == 2 && f[1] == "desc"})
	}
	return out, nil
}

// parseExpand reads a,b($select=c;$expand=d).
func parseExpand(s string, depth int) ([]Expand, error) {
	if depth >= maxDepth {
		return nil, fmt.Errorf("%w: $expand is nested too deeply", ErrSyntax)
	}
	parts, err := split(s, ',')
	if err != nil {
		return nil, err
	}
	var out []Expand
	for _, p := range parts {
		p = strings.TrimSpace(p)
		path, inner, nested := strings.Cut(p, "(")
		e := Expand{Path: strings.TrimSpace(path), Options: Query{Top: -1}}
		if !isPath(e.Path) {
			return nil, fmt.Errorf("%w: %.40q in $expand is no name", ErrSyntax, e.Path)
		}
		if nested {
			if err := e.nest(inner, depth); err != nil {
				return nil, err
			}
		}
		out = append(out, e)
	}
	return out, nil
}

func (e *Expand) nest(inner string, depth int) error {
	inner, ok := strings.CutSuffix(inner, ")")
	if !ok {
		return fmt.Errorf("%w: $expand lacks a parenthesis", ErrSyntax)
	}
	options, err := split(inner, ';')
	if err != nil {
		return err
	}
	for _, o := range options {
		name, value, ok := strings.Cut(strings.TrimSpace(o), "=")
		if !ok {
			return fmt.Errorf("%w: an option in $expand lacks its value", ErrSyntax)
		}
		if e.Options.Given[name] {
			return fmt.Errorf("%w: %.20s is there more than once", ErrSyntax, name)
		}
		if err := e.Options.set(name, value, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// split cuts at separators that are in no parentheses and no quotes.
func split(s string, at byte) ([]string, error) {
	var out []string
	depth, from := 0, 0
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth < 0 {
				return nil, fmt.Errorf("%w: a parenthesis too many", ErrSyntax)
			}
		case c == at && depth == 0:
			out = append(out, s[from:i])
			from = i + 1
		}
		if len(out) >= maxItems {
			return nil, fmt.Errorf("%w: more than %d items", ErrSyntax, maxItems)
		}
	}
	if depth != 0 || quoted {
		return nil, fmt.Errorf("%w: a parenthesis or quote is not closed", ErrSyntax)
	}
	return append(out, s[from:]), nil
}

// isPath tells whether it is a name, or names with slashes between.
func isPath(s string) bool {
	if s == "" || len(s) > 200 || s[0] == '/' || s[len(s)-1] == '/' || strings.Contains(s, "//") {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isWord(c) && c != '/' && c != '@' && c != '.' {
			return false
		}
	}
	return true
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
