// Package webfinger tells clients where people sign in, as which client, and which server is theirs. (spec/identity.md §11)
//
// Invariants: it says nothing about whether somebody exists; servers are told only to those who show a valid access token.
package webfinger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"opencloud/internal/identity"
	"opencloud/internal/identity/bearer"
	"opencloud/internal/platform/service"
)

const (
	relIssuer   = "http://openid.net/specs/connect/1.0/issuer"
	relInstance = "http://webfinger.opencloud/rel/server-instance"
	propClient  = "http://opencloud.eu/ns/oidc/client_id"
	propScopes  = "http://opencloud.eu/ns/oidc/scopes"

	maxResource = 2048 // bytes
	maxHref     = 2048 // bytes
)

// Bearer recognises access tokens. Errors: identity.ErrCredentials; any other tells that it cannot be found out now.
type Bearer interface {
	Identify(ctx context.Context, token string) (identity.Actor, bearer.Claims, error)
}

// Deps are what the service speaks to.
type Deps struct {
	Log *slog.Logger
	// Bearer recognises access tokens; nil: nobody is told about servers.
	Bearer Bearer
}

// New returns the service's parts.
func New(_ context.Context, cfg Config, deps Deps) (service.Parts, error) {
	h, err := newHandler(cfg, deps)
	if err != nil {
		return service.Parts{}, err
	}
	return service.Parts{HTTP: h}, nil
}

type handler struct {
	issuer    string
	relations []string
	instances []instance
	platforms map[string]map[string]any
	bearer    Bearer
	log       *slog.Logger
}

type instance struct {
	Instance
	regex *regexp.Regexp
	href  *template.Template
}

func newHandler(cfg Config, deps Deps) (*handler, error) {
	h := &handler{issuer: strings.TrimRight(cfg.Issuer, "/"), relations: cfg.Relations, bearer: deps.Bearer, log: deps.Log}
	if strings.TrimRight(cfg.PublicURL, "/") != h.issuer {
		h.issuer = cfg.Issuer // an external one is written as it writes itself
	}
	for _, r := range cfg.Relations {
		if r != relIssuer && r != relInstance {
			return nil, fmt.Errorf("relations: %q is none that is known", r)
		}
	}
	list := cfg.Instances
	if len(list) == 0 {
		list = []Instance{{Claim: "sub", Regex: ".+", Href: strings.ReplaceAll(strings.TrimRight(cfg.PublicURL, "/"), "{{", ""), Titles: map[string]string{"en": "OpenCloud Instance"}}}
	}
	for i, in := range list {
		re, err := regexp.Compile(in.Regex)
		if err != nil {
			return nil, fmt.Errorf("instance %d: %w", i+1, err)
		}
		t, err := template.New("href").Option("missingkey=error").Parse(in.Href)
		if err != nil {
			return nil, fmt.Errorf("instance %d: href: %w", i+1, err)
		}
		if in.Claim == "" || in.Href == "" {
			return nil, fmt.Errorf("instance %d needs claim and href", i+1)
		}
		h.instances = append(h.instances, instance{in, re, t})
	}
	properties := func(id string, scopes []string) map[string]any {
		return map[string]any{propClient: id, propScopes: strings.Fields(strings.Join(scopes, " "))}
	}
	h.platforms = map[string]map[string]any{"web": properties(cfg.WebClientID, cfg.WebScopes), "desktop": properties(cfg.DesktopClientID, cfg.DesktopScopes),
		"android": properties(cfg.AndroidClientID, cfg.AndroidScopes), "ios": properties(cfg.IOSClientID, cfg.IOSScopes)}
	return h, nil
}

// descriptor is the answer. (RFC 7033 §4.4)
type descriptor struct {
	Subject    string         `json:"subject"`
	Properties map[string]any `json:"properties,omitempty"`
	Links      []link         `json:"links"`
}

type link struct {
	Rel    string            `json:"rel"`
	Href   string            `json:"href"`
	Titles map[string]string `json:"titles,omitempty"`
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Vary", "Authorization")
	switch {
	case strings.TrimSuffix(r.URL.Path, "/") != "/.well-known/webfinger":
		http.NotFound(w, r)
		return
	case r.Method == http.MethodOptions:
		w.Header().Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, X-Request-Id, X-Requested-With, Accept-Language")
		w.WriteHeader(http.StatusNoContent)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		http.Error(w, "Only reading is possible here.", http.StatusMethodNotAllowed)
		return
	}
	q := r.URL.Query()
	resource := q.Get("resource")
	if resource == "" {
		http.Error(w, "The parameter resource is missing.", http.StatusBadRequest)
		return
	}
	host, ok := hostOf(resource)
	if !ok {
		http.Error(w, "Nothing is known about this resource.", http.StatusNotFound)
		return
	}
	actor, claims, err := h.identify(r)
	switch {
	case errors.Is(err, identity.ErrCredentials):
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "The access token is not valid.", http.StatusUnauthorized)
		return
	case err != nil:
		h.log.WarnContext(r.Context(), "access token cannot be checked", "err", err)
		w.Header().Set("Retry-After", "5")
		http.Error(w, "The access token cannot be checked at the moment.", http.StatusServiceUnavailable)
		return
	}
	d := descriptor{Subject: resource, Properties: h.platforms[q.Get("platform")], Links: []link{}}
	known := actor.Kind == identity.Person
	if known {
		d.Subject = "acct:" + actor.User.Username + "@" + host
		w.Header().Set("Cache-Control", "private, no-store")
	}
	for _, rel := range h.relations {
		if asked := q["rel"]; len(asked) > 0 && !slices.Contains(asked, rel) {
			continue
		}
		switch {
		case rel == relIssuer:
			d.Links = append(d.Links, link{Rel: rel, Href: h.issuer})
		case known:
			d.Links = append(d.Links, h.servers(r.Context(), claims)...)
		}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(d)
}

// hostOf returns the host that a resource is about; false if it is nothing to answer for.
func hostOf(resource string) (string, bool) {
	if len(resource) > maxResource {
		return "", false
	}
	if account, ok := strings.CutPrefix(resource, "acct:"); ok {
		i := strings.LastIndexByte(account, '@')
		return account[i+1:], i > 0 && i+1 < len(account) && !strings.ContainsAny(account[i+1:], "/?#")
	}
	u, err := url.Parse(resource)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", false
	}
	return u.Host, true
}

// identify tells who asks; without an access token, a stranger.
func (h *handler) identify(r *http.Request) (identity.Actor, bearer.Claims, error) {
	const scheme = "bearer "
	auth := r.Header.Get("Authorization")
	if h.bearer == nil || len(auth) <= len(scheme) || !strings.EqualFold(auth[:len(scheme)], scheme) {
		return identity.Actor{}, bearer.Claims{}, nil
	}
	return h.bearer.Identify(r.Context(), strings.TrimSpace(auth[len(scheme):]))
}

// servers are the links of those instances that are a person's.
func (h *handler) servers(ctx context.Context, c bearer.Claims) (out []link) {
	for _, in := range h.instances {
		if !slices.ContainsFunc(append(c.Strings(in.Claim), c.Text(in.Claim)), func(s string) bool { return s != "" && in.regex.MatchString(s) }) {
			continue
		}
		var b strings.Builder
		if err := in.href.Execute(&b, c.Values); err != nil || b.Len() > maxHref {
			h.log.WarnContext(ctx, "address of an instance cannot be made", "claim", in.Claim, "err", err)
			continue
		}
		u, err := url.Parse(b.String())
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			h.log.WarnContext(ctx, "address of an instance is no web address", "claim", in.Claim)
			continue
		}
		out = append(out, link{Rel: relInstance, Href: b.String(), Titles: in.Titles})
		if in.Break {
			break
		}
	}
	return out
}
