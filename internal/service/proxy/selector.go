package proxy

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"opencloud/internal/identity"
)

const (
	selectorCookie = "opencloud-selector"
	policyClaim    = "opencloud.routing.policy"
)

// selector chooses the policy of those who have signed in. What strangers get is chosen by a cookie that says, signed by us,
// which policy the same browser had when it was signed in. (spec/identity.md §5.1)
type selector struct {
	tables   map[string]*table
	fallback string // the policy of those whom nothing else fits
	cookie   string
	key      []byte
	rules    []policyRule
	claims   func(r *http.Request) string // policy that the identity provider names
}

type policyRule struct {
	Match
	regex *regexp.Regexp
}

// newSelector returns nil if there is one policy for all, and the policy of strangers.
func newSelector(cfg Config, tables map[string]*table, claims func(*http.Request) string) (*selector, *table, error) {
	c, re := cfg.PolicySelector.Claims, cfg.PolicySelector.Regex
	s := &selector{tables: tables, cookie: selectorCookie}
	sum := sha256.Sum256([]byte("policy selector\x00" + cfg.JWTSecret))
	s.key = sum[:]
	strangers := ""
	used := []string{}
	switch {
	case c.Default != "" && re.Default != "":
		return nil, nil, errors.New("policy_selector: choose one of claims and regex")
	case c.Default != "":
		s.fallback, strangers, s.claims = c.Default, c.Unauthenticated, claims
		s.cookie = cmp.Or(c.Cookie, s.cookie)
	case re.Default != "":
		s.fallback, strangers = re.Default, re.Unauthenticated
		s.cookie = cmp.Or(re.Cookie, s.cookie)
		for _, m := range re.Matches {
			x, err := regexp.Compile(m.Match)
			if err != nil {
				return nil, nil, fmt.Errorf("policy_selector: %w", err)
			}
			if m.Property != "mail" && m.Property != "username" && m.Property != "id" {
				return nil, nil, fmt.Errorf("policy_selector: property is mail, username or id, not %q", m.Property)
			}
			s.rules = append(s.rules, policyRule{m, x})
			used = append(used, m.Policy)
		}
		slices.SortStableFunc(s.rules, func(a, b policyRule) int { return cmp.Compare(a.Priority, b.Priority) })
	default:
		strangers = cmp.Or(cfg.PolicySelector.Static.Policy, defaultPolicy)
		s = nil
	}
	if s != nil {
		strangers = cmp.Or(strangers, s.fallback)
		used = append(used, s.fallback)
	}
	for _, name := range append(used, strangers) {
		if tables[name] == nil {
			return nil, nil, fmt.Errorf("there is no policy %q to select", name)
		}
	}
	return s, tables[strangers], nil
}

// known returns the policy of somebody who has signed in.
func (s *selector) known(r *http.Request, a identity.Actor) string {
	if s.claims != nil {
		if name := s.claims(r); s.tables[name] != nil {
			return name
		}
	}
	for _, rule := range s.rules {
		value := map[string]string{"mail": a.User.Mail, "username": a.User.Username, "id": a.User.ID}[rule.Property]
		if value != "" && rule.regex.MatchString(value) {
			return rule.Policy
		}
	}
	return s.fallback
}

// stranger returns the policy that a browser had before; nil if it says none.
func (s *selector) stranger(r *http.Request) *table {
	c, err := r.Cookie(s.cookie)
	if err != nil {
		return nil
	}
	name, mac, _ := strings.Cut(c.Value, ".")
	raw, err := base64.RawURLEncoding.DecodeString(name)
	if err != nil || !hmac.Equal([]byte(mac), []byte(s.sign(string(raw)))) {
		return nil
	}
	return s.tables[string(raw)]
}

func (s *selector) sign(name string) string {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(name))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// remember gives the browser the cookie, unless it has it.
func (s *selector) remember(w http.ResponseWriter, r *http.Request, name string) {
	value := base64.RawURLEncoding.EncodeToString([]byte(name)) + "." + s.sign(name)
	if c, err := r.Cookie(s.cookie); err == nil && c.Value == value {
		return
	}
	http.SetCookie(w, &http.Cookie{Name: s.cookie, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}
