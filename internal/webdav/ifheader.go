package webdav

import "strings"

// Bounds of an If header.
const (
	maxIfLength     = 16 << 10
	maxIfConditions = 200
)

// Condition is one state token or ETag in a list of an If header.
type Condition struct {
	Not   bool
	Token string // lock token, or
	ETag  string // without quotes
}

// List is a conjunction of conditions on one resource.
type List struct {
	Resource   string // URL as given; "" is the resource of the request
	Conditions []Condition
}

// If is a disjunction of lists.
type If []List

// ParseIf reads an If header. (RFC 4918 §10.4.2)
func ParseIf(s string) (If, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, nil
	}
	if len(s) > maxIfLength {
		return nil, syntax("If is too long")
	}
	var out If
	resource, tagged, total := "", false, 0
	for s != "" {
		switch s[0] {
		case ' ', '\t':
			s = s[1:]
		case '<':
			u, rest, ok := strings.Cut(s[1:], ">")
			if !ok || u == "" || len(out) > 0 && !tagged {
				return nil, syntax("If: resource tag")
			}
			resource, tagged, s = u, true, strings.TrimLeft(rest, " \t")
			if s == "" || s[0] != '(' {
				return nil, syntax("If: a list must follow a resource tag")
			}
		case '(':
			conditions, rest, err := parseIfList(s[1:])
			if err != nil {
				return nil, err
			}
			if total += len(conditions); total > maxIfConditions {
				return nil, syntax("If has too many conditions")
			}
			out, s = append(out, List{resource, conditions}), rest
		default:
			return nil, syntax("If")
		}
	}
	return out, nil
}

func parseIfList(s string) ([]Condition, string, error) {
	var out []Condition
	not := false
	for {
		s = strings.TrimLeft(s, " \t")
		switch {
		case s == "":
			return nil, "", syntax("If: list does not end")
		case s[0] == ')':
			if not || len(out) == 0 {
				return nil, "", syntax("If: empty list")
			}
			return out, s[1:], nil
		case len(s) >= 3 && strings.EqualFold(s[:3], "not"):
			if not {
				return nil, "", syntax("If: Not Not")
			}
			not, s = true, s[3:]
		case s[0] == '<':
			token, rest, ok := strings.Cut(s[1:], ">")
			if !ok || token == "" {
				return nil, "", syntax("If: state token")
			}
			out, s, not = append(out, Condition{Not: not, Token: token}), rest, false
		case s[0] == '[':
			tag, rest, ok := strings.Cut(s[1:], "]")
			tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
			if !ok || len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' {
				return nil, "", syntax("If: ETag")
			}
			out, s, not = append(out, Condition{Not: not, ETag: tag[1 : len(tag)-1]}), rest, false
		default:
			return nil, "", syntax("If: condition")
		}
	}
}

// Tokens returns the lock tokens that the header submits.
func (f If) Tokens() []string {
	var out []string
	for _, l := range f {
		for _, c := range l.Conditions {
			if c.Token != "" && !c.Not {
				out = append(out, c.Token)
			}
		}
	}
	return out
}

// State is what an If header is compared with.
type State struct {
	ETag   string // "" if there is nothing
	Tokens []string
}

// Eval tells whether one of the lists holds; look returns the state of a resource ("": that of the request).
func (f If) Eval(look func(resource string) (State, error)) (bool, error) {
	if len(f) == 0 {
		return true, nil
	}
	states := map[string]State{}
	for _, l := range f {
		st, ok := states[l.Resource]
		if !ok {
			var err error
			if st, err = look(l.Resource); err != nil {
				return false, err
			}
			states[l.Resource] = st
		}
		if l.holds(st) {
			return true, nil
		}
	}
	return false, nil
}

func (l List) holds(st State) bool {
	for _, c := range l.Conditions {
		met := false
		if c.Token != "" {
			for _, t := range st.Tokens {
				met = met || t == c.Token
			}
		} else {
			met = st.ETag != "" && st.ETag == c.ETag
		}
		if met == c.Not {
			return false
		}
	}
	return true
}
