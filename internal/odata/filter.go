package odata

import (
	"fmt"
	"strings"
	"time"
)

// Expr is a $filter that was read: one of And, Or, Not, Compare, Call and Any.
type Expr interface{ expr() }

// And is true if both are.
type And struct{ Left, Right Expr }

// Or is true if one of both is.
type Or struct{ Left, Right Expr }

// Not turns it round.
type Not struct{ Of Expr }

// Compare compares a property with a value.
type Compare struct {
	Path  string
	Op    string // eq, ne, lt, le, gt, ge
	Value any    // string, bool, nil; times are strings until the property is known
	// Bare tells that a string came without quotes: an id or a time.
	Bare bool
}

// Call is startswith, endswith or contains, without regard to case.
type Call struct{ Func, Path, Value string }

// Any is true if something in a collection is. Paths in Of begin behind the variable and its slash.
type Any struct {
	Path string
	Of   Expr
}

func (And) expr()     {}
func (Or) expr()      {}
func (Not) expr()     {}
func (Compare) expr() {}
func (Call) expr()    {}
func (Any) expr()     {}

// ParseFilter reads a $filter.
func ParseFilter(s string) (Expr, error) {
	if len(s) > maxOption {
		return nil, fmt.Errorf("%w: $filter is longer than %d bytes", ErrSyntax, maxOption)
	}
	p := &parser{s: s}
	e, err := p.or()
	if err == nil && p.peek() != "" {
		err = p.wrong("an operator")
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// parser goes through a filter from the left, without going back.
type parser struct {
	s        string
	at       int
	token    string
	have     bool
	depth    int
	terms    int
	variable string // of the lambda we are in
}

func (p *parser) wrong(want string) error {
	return fmt.Errorf("%w: $filter: %s is expected instead of %.30q", ErrSyntax, want, p.peek())
}

// peek returns the next token: a word, a string with its quotes, or one of ( ) , : and empty at the end.
func (p *parser) peek() string {
	if p.have {
		return p.token
	}
	for p.at < len(p.s) && (p.s[p.at] == ' ' || p.s[p.at] == '\t') {
		p.at++
	}
	from := p.at
	switch {
	case from == len(p.s):
	case p.s[from] == '\'':
		p.at = endOfString(p.s, from)
	case strings.IndexByte("(),:", p.s[from]) >= 0:
		p.at++
	default:
		p.at = endOfWord(p.s, from)
	}
	p.token, p.have = p.s[from:p.at], true
	return p.token
}

func endOfString(s string, from int) int {
	for i := from + 1; i < len(s); i++ {
		if s[i] != '\'' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			i++
			continue
		}
		return i + 1
	}
	return len(s)
}

// endOfWord finds the end of a word; within a time (digits, T) the colon belongs to it.
func endOfWord(s string, from int) int {
	digit := s[from] >= '0' && s[from] <= '9'
	for i := from; i < len(s); i++ {
		if c := s[i]; c == ' ' || c == '\t' || c == '(' || c == ')' || c == ',' || c == '\'' || c == ':' && !digit {
			return i
		}
	}
	return len(s)
}

func (p *parser) next() string {
	t := p.peek()
	p.have = false
	return t
}

func (p *parser) take(t string) bool {
	if p.peek() == t {
		p.have = false
		return true
	}
	return false
}

func (p *parser) or() (Expr, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, fmt.Errorf("%w: $filter is nested too deeply", ErrSyntax)
	}
	defer func() { p.depth-- }()
	left, err := p.and()
	for err == nil && p.take("or") {
		var right Expr
		right, err = p.and()
		left = Or{left, right}
	}
	return left, err
}

func (p *parser) and() (Expr, error) {
	left, err := p.not()
	for err == nil && p.take("and") {
		var right Expr
		right, err = p.not()
		left = And{left, right}
	}
	return left, err
}

func (p *parser) not() (Expr, error) {
	negative := false
	for p.take("not") {
		negative = !negative
	}
	var e Expr
	var err error
	if p.take("(") {
		if e, err = p.or(); err == nil && !p.take(")") {
			err = p.wrong(")")
		}
	} else {
		e, err = p.term()
	}
	if negative {
		e = Not{e}
	}
	return e, err
}

func (p *parser) term() (Expr, error) {
	if p.terms++; p.terms > maxTerms {
		return nil, fmt.Errorf("%w: $filter has more than %d terms", ErrSyntax, maxTerms)
	}
	word := p.next()
	if !isPath(word) {
		p.token, p.have = word, true
		return nil, p.wrong("a name")
	}
	if p.take("(") {
		return p.call(word)
	}
	path, err := p.path(word)
	if err != nil {
		return nil, err
	}
	op := p.next()
	switch op {
	case "eq", "ne", "lt", "le", "gt", "ge":
	case "in", "has":
		return nil, fmt.Errorf("%w: %s in $filter", ErrUnsupported, op)
	default:
		p.token, p.have = op, true
		return nil, p.wrong("an operator")
	}
	v, bare, err := p.value()
	return Compare{Path: path, Op: op, Value: v, Bare: bare}, err
}

// path takes the lambda's variable off.
func (p *parser) path(word string) (string, error) {
	if p.variable == "" {
		return word, nil
	}
	rest, ok := strings.CutPrefix(word, p.variable+"/")
	if !ok {
		return "", fmt.Errorf("%w: $filter: %.30q within any() does not begin with %s/", ErrSyntax, word, p.variable)
	}
	return rest, nil
}

func (p *parser) call(name string) (Expr, error) {
	if collection, ok := strings.CutSuffix(name, "/any"); ok {
		return p.any(collection)
	}
	f := strings.ToLower(name)
	switch f {
	case "startswith", "endswith", "contains":
	default:
		return nil, fmt.Errorf("%w: %.30s() in $filter", ErrUnsupported, name)
	}
	word := p.next()
	if !isPath(word) {
		return nil, fmt.Errorf("%w: $filter: %s() takes a name first", ErrSyntax, name)
	}
	path, err := p.path(word)
	if err != nil {
		return nil, err
	}
	if !p.take(",") {
		return nil, p.wrong(",")
	}
	v, bare, err := p.value()
	text, ok := v.(string)
	if err != nil || !ok || bare {
		return nil, fmt.Errorf("%w: $filter: %s() takes a text in quotes", ErrSyntax, name)
	}
	if !p.take(")") {
		return nil, p.wrong(")")
	}
	return Call{Func: f, Path: path, Value: text}, nil
}

func (p *parser) any(collection string) (Expr, error) {
	if p.variable != "" {
		return nil, fmt.Errorf("%w: any() within any() in $filter", ErrUnsupported)
	}
	variable := p.next()
	if !isPath(variable) || strings.ContainsAny(variable, "/@.") {
		return nil, fmt.Errorf("%w: $filter: any() begins with a variable", ErrSyntax)
	}
	if !p.take(":") {
		return nil, p.wrong(":")
	}
	p.variable = variable
	e, err := p.or()
	p.variable = ""
	if err != nil {
		return nil, err
	}
	if !p.take(")") {
		return nil, p.wrong(")")
	}
	return Any{Path: collection, Of: e}, nil
}

func (p *parser) value() (v any, bare bool, err error) {
	switch t := p.next(); {
	case t == "true", t == "false":
		return t == "true", false, nil
	case t == "null":
		return nil, false, nil
	case len(t) >= 2 && t[0] == '\'' && t[len(t)-1] == '\'':
		return strings.ReplaceAll(t[1:len(t)-1], "''", "'"), false, nil
	case t != "" && isBare(t):
		return t, true, nil
	default:
		p.token, p.have = t, true
		return nil, false, p.wrong("a value")
	}
}

// isBare tells whether it looks like an id, a number or a time.
func isBare(t string) bool {
	for i := 0; i < len(t); i++ {
		if c := t[i]; !isWord(c) && strings.IndexByte("-:.+", c) < 0 {
			return false
		}
	}
	return true
}

// Kind is the type of a property.
type Kind uint8

const (
	Text Kind = iota
	Bool
	Time
	Collection
)

// Schema says which properties can be filtered by.
type Schema map[string]Property

// Property is one of them; Items is what is in a Collection.
type Property struct {
	Kind  Kind
	Items Schema
}

// Object gives the values of properties: string, bool, time.Time, or []Object for a collection.
type Object func(path string) any

// Check tells whether a filter makes sense: ErrUnsupported for what the schema does not have, ErrSyntax for values of another kind.
func (s Schema) Check(e Expr) error {
	switch e := e.(type) {
	case nil:
		return nil
	case And:
		return first(s.Check(e.Left), s.Check(e.Right))
	case Or:
		return first(s.Check(e.Left), s.Check(e.Right))
	case Not:
		return s.Check(e.Of)
	case Any:
		p, ok := s[e.Path]
		if !ok || p.Kind != Collection {
			return fmt.Errorf("%w: filtering by %.40s/any", ErrUnsupported, e.Path)
		}
		return p.Items.Check(e.Of)
	case Call:
		if p, ok := s[e.Path]; !ok || p.Kind != Text {
			return fmt.Errorf("%w: %s of %.40s", ErrUnsupported, e.Func, e.Path)
		}
		return nil
	case Compare:
		return s.compare(e)
	}
	return ErrUnsupported
}

func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func (s Schema) compare(e Compare) error {
	p, ok := s[e.Path]
	if !ok || p.Kind == Collection || e.Value == nil {
		return fmt.Errorf("%w: comparing %.40s", ErrUnsupported, e.Path)
	}
	if p.Kind != Time && e.Op != "eq" && e.Op != "ne" {
		return fmt.Errorf("%w: %s %s", ErrUnsupported, e.Path, e.Op)
	}
	text, isText := e.Value.(string)
	switch p.Kind {
	case Bool:
		ok = !isText
	case Time:
		_, err := time.Parse(time.RFC3339, text)
		ok = isText && err == nil
	default:
		ok = isText
	}
	if !ok {
		return fmt.Errorf("%w: %s cannot be compared with this value", ErrSyntax, e.Path)
	}
	return nil
}

// Match tells whether an object fulfils a filter that Check found good.
func Match(e Expr, o Object) bool {
	switch e := e.(type) {
	case nil:
		return true
	case And:
		return Match(e.Left, o) && Match(e.Right, o)
	case Or:
		return Match(e.Left, o) || Match(e.Right, o)
	case Not:
		return !Match(e.Of, o)
	case Any:
		all, _ := o(e.Path).([]Object)
		for _, item := range all {
			if Match(e.Of, item) {
				return true
			}
		}
		return false
	case Call:
		s, _ := o(e.Path).(string)
		s, part := strings.ToLower(s), strings.ToLower(e.Value)
		switch e.Func {
		case "startswith":
			return strings.HasPrefix(s, part)
		case "endswith":
			return strings.HasSuffix(s, part)
		}
		return strings.Contains(s, part)
	case Compare:
		return e.match(o(e.Path))
	}
	return false
}

func (e *Compare) match(v any) bool {
	switch v := v.(type) {
	case time.Time:
		text, _ := e.Value.(string)
		t, err := time.Parse(time.RFC3339, text)
		if err != nil || v.IsZero() {
			return e.Op == "ne"
		}
		c := v.Compare(t)
		return map[string]bool{"eq": c == 0, "ne": c != 0, "lt": c < 0, "le": c <= 0, "gt": c > 0, "ge": c >= 0}[e.Op]
	case string:
		text, _ := e.Value.(string)
		return strings.EqualFold(v, text) == (e.Op == "eq")
	case bool:
		return (e.Value == v) == (e.Op == "eq")
	}
	return e.Op == "ne"
}
