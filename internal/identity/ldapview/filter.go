package ldapview

import (
	"errors"
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

const (
	maxFilterDepth = 20
	maxFilterParts = 500
)

var errFilter = errors.New("the filter cannot be read, or is too large")

// filter is a search filter. (RFC 4511 §4.5.1.7)
type filter struct {
	op    ber.Tag
	name  string // of the attribute
	value string
	parts []filter // of and, or, not
	// substrings: initial, any…, final; empty ones are not there
	initial, final string
	any            []string
}

// readFilter reads a filter within bounds.
func readFilter(p *ber.Packet) (filter, error) {
	left := maxFilterParts
	return readPart(p, maxFilterDepth, &left)
}

func readPart(p *ber.Packet, depth int, left *int) (f filter, err error) {
	if *left--; depth == 0 || *left < 0 || p == nil || p.ClassType != ber.ClassContext {
		return f, errFilter
	}
	f.op = p.Tag
	switch p.Tag {
	case ldap.FilterAnd, ldap.FilterOr, ldap.FilterNot:
		for _, c := range p.Children {
			part, err := readPart(c, depth-1, left)
			if err != nil {
				return f, err
			}
			f.parts = append(f.parts, part)
		}
		if p.Tag == ldap.FilterNot && len(f.parts) != 1 {
			return f, errFilter
		}
	case ldap.FilterEqualityMatch, ldap.FilterGreaterOrEqual, ldap.FilterLessOrEqual, ldap.FilterApproxMatch:
		if len(p.Children) != 2 {
			return f, errFilter
		}
		f.name, f.value = text(p.Children[0]), text(p.Children[1])
	case ldap.FilterPresent:
		f.name = text(p)
	case ldap.FilterSubstrings:
		err = f.substrings(p, left)
	default:
		return f, errFilter
	}
	return f, err
}

func (f *filter) substrings(p *ber.Packet, left *int) error {
	if len(p.Children) != 2 || len(p.Children[1].Children) == 0 {
		return errFilter
	}
	f.name = text(p.Children[0])
	for _, c := range p.Children[1].Children {
		if *left--; *left < 0 {
			return errFilter
		}
		switch c.Tag {
		case ldap.FilterSubstringsInitial:
			f.initial = text(c)
		case ldap.FilterSubstringsAny:
			f.any = append(f.any, text(c))
		case ldap.FilterSubstringsFinal:
			f.final = text(c)
		default:
			return errFilter
		}
	}
	return nil
}

func text(p *ber.Packet) string {
	if p.Data == nil {
		return ""
	}
	return p.Data.String()
}

// matches tells whether an entry is meant. Values are compared without regard to case, as those of all our attributes are.
func (f *filter) matches(e *entry) bool {
	fold := strings.ToLower
	is := func(test func(v string) bool) bool {
		return slices.ContainsFunc(e.values(f.name), func(v string) bool { return test(fold(v)) })
	}
	switch f.op {
	case ldap.FilterAnd:
		return !slices.ContainsFunc(f.parts, func(p filter) bool { return !p.matches(e) })
	case ldap.FilterOr:
		return slices.ContainsFunc(f.parts, func(p filter) bool { return p.matches(e) })
	case ldap.FilterNot:
		return !f.parts[0].matches(e)
	case ldap.FilterPresent:
		return len(e.values(f.name)) > 0
	case ldap.FilterGreaterOrEqual:
		return is(func(v string) bool { return v >= fold(f.value) })
	case ldap.FilterLessOrEqual:
		return is(func(v string) bool { return v <= fold(f.value) })
	case ldap.FilterSubstrings:
		return is(func(v string) bool { return f.within(v) })
	}
	return is(func(v string) bool { return v == fold(f.value) || sameDN(v, f.value) })
}

func (f *filter) within(v string) bool {
	v, ok := strings.CutPrefix(v, strings.ToLower(f.initial))
	if !ok {
		return false
	}
	for _, part := range f.any {
		i := strings.Index(v, strings.ToLower(part))
		if i < 0 {
			return false
		}
		v = v[i+len(part):]
	}
	return strings.HasSuffix(v, strings.ToLower(f.final))
}

// sameDN compares what may be names of entries, however they are spelt.
func sameDN(a, b string) bool {
	if !strings.Contains(a, "=") || !strings.Contains(b, "=") {
		return false
	}
	x, err := ldap.ParseDN(a)
	if err != nil {
		return false
	}
	y, err := ldap.ParseDN(b)
	return err == nil && x.EqualFold(y)
}

// asks tells whether the filter looks at an attribute.
func (f *filter) asks(name string) bool {
	return strings.EqualFold(f.name, name) || slices.ContainsFunc(f.parts, func(p filter) bool { return p.asks(name) })
}
