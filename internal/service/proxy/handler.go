package proxy

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"opencloud/internal/identity"
	"opencloud/internal/platform/httpd"
	"opencloud/internal/token"
)

const (
	maxURL       = 16 << 10 // bytes
	maxRequestID = 128      // bytes
)

type proxy struct {
	cfg            Config
	log            *slog.Logger
	quiet          *log.Logger
	routes         *table    // of strangers, and of all if there is no selector
	selector       *selector // nil: one policy for all
	authenticators []authenticator
	offersBasic    bool
	bearer         *Bearer // nil: no access tokens are accepted
	homes          *homes
	local          map[string]http.Handler
	resolve        func(ctx context.Context, service string) (*url.URL, error)
	tokens         *token.Manager
	links          Links // nil: there are none
	transport      http.RoundTripper
	buffers        *buffers
	trusted        networks
	headers        []header
	metrics        *metrics
	warned         atomic.Bool // that X-Forwarded-For is not believed
}

type header struct{ name, value string }

// ServeHTTP implements http.Handler.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Request-Id")
	if !validRequestID(id) {
		id = uuid.NewString()
		r.Header.Set("X-Request-Id", id)
	}
	w.Header()["X-Request-Id"] = []string{id}
	start := time.Now()
	rec := &recorder{Recorder: httpd.Recorder{ResponseWriter: w}}
	if !p.log.Enabled(r.Context(), slog.LevelInfo) {
		defer func() { p.metrics.observe(rec.Code(), time.Since(start)) }()
		p.serve(rec, r)
		return
	}
	// The path is all of the URL that is logged: queries may hold signatures. That of a transfer is a token itself.
	method, path, proto, address := r.Method, loggedPath(r.URL.Path), r.Proto, p.trusted.client(r)
	defer func() {
		took := time.Since(start)
		p.metrics.observe(rec.Code(), took)
		p.log.LogAttrs(r.Context(), slog.LevelInfo, "access", slog.String("method", method), slog.String("path", path), slog.String("proto", proto),
			slog.Int("status", rec.Code()), slog.Int64("bytes", rec.Bytes), slog.Duration("duration", took),
			slog.String("remote", address), slog.String("request_id", id), slog.String("user", rec.user))
	}()
	p.serve(rec, r)
}

func (p *proxy) serve(w *recorder, r *http.Request) {
	h := w.Header()
	for i := range p.headers {
		h[p.headers[i].name] = []string{p.headers[i].value}
	}
	switch {
	case len(r.RequestURI) > maxURL:
		plain(w, http.StatusRequestURITooLong, "The address is too long.\n")
		return
	case r.Header.Get("X-Forwarded-Proto") == "http":
		http.Redirect(w, r, "https://"+r.Host+r.URL.RequestURI(), http.StatusPermanentRedirect)
		return
	case hasDotDot(r.URL.Path):
		plain(w, http.StatusBadRequest, "The address leads out of its folder.\n")
		return
	}
	r.Header.Set("X-Real-Ip", p.trusted.client(r)) // for those who count attempts; nobody but us says it
	if p.own(w, r) {
		return
	}
	routes := p.routes
	if p.selector != nil {
		if had := p.selector.stranger(r); had != nil {
			routes = had
		}
	}
	t := routes.find(r.Method, r.URL)
	if t == nil {
		p.notFound(w, r)
		return
	}
	if t.Unprotected || r.Method == http.MethodOptions {
		p.forward(w, r, t, identity.Actor{})
		return
	}
	p.serveProtected(w, r, t)
}

func (p *proxy) serveProtected(w *recorder, r *http.Request, t *target) {
	p.warnAboutForwarding(r)
	ticket, open, visits := linkToken(r)
	var a identity.Actor
	var err error
	if visits {
		if a, err = p.visit(r, ticket, open, p.trusted.client(r)); err == nil && a.Kind == identity.Anonymous && open {
			p.forward(w, r, t, identity.Actor{})
			return
		}
	} else {
		a, err = p.authenticate(r, p.trusted.client(r))
	}
	if err == errNotMine && t.optional && r.Header.Get("Authorization") == "" {
		p.forward(w, r, t, identity.Actor{})
		return
	}
	if err == nil && a.Kind == identity.Anonymous {
		err = identity.ErrCredentials // an authenticator that accepts nobody in particular
	}
	if err != nil {
		p.refuse(w, r, err)
		return
	}
	if p.selector != nil {
		name := p.selector.known(r, a)
		if t = p.selector.tables[name].find(r.Method, r.URL); t == nil {
			drain(w, r)
			p.notFound(w, r)
			return
		}
		p.selector.remember(w, r, name)
	}
	a.Initiator = token.Initiator(r)
	w.user = a.User.ID
	if err := p.homes.ensure(r.Context(), a); err != nil {
		// Not passed on: a client that sees no space could take it for deleted.
		p.log.ErrorContext(r.Context(), "personal space", "user", a.User.ID, "err", err)
		drain(w, r)
		w.Header().Set("Retry-After", "10")
		plain(w, http.StatusServiceUnavailable, "Your personal space cannot be reached at the moment. Try again later.\n")
		return
	}
	p.forward(w, r, t, a)
}

// warnAboutForwarding tells the operator once that all clients look like one to the throttle.
func (p *proxy) warnAboutForwarding(r *http.Request) {
	if r.Header["X-Forwarded-For"] == nil || p.warned.Load() || p.trusted.has(peer(r)) || p.warned.Swap(true) {
		return
	}
	p.log.Warn("requests come through a proxy that is not trusted: set PROXY_TRUSTED_PROXIES, or failed logins of one client slow down all", "proxy", peer(r))
}

func validRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return true
}

// hasDotDot tells whether a decoded path has a segment that leads upwards.
func hasDotDot(path string) bool {
	for {
		i := strings.Index(path, "..")
		if i < 0 {
			return false
		}
		before := i == 0 || path[i-1] == '/' || path[i-1] == '\\'
		path = path[i+2:]
		if before && (path == "" || path[0] == '/' || path[0] == '\\') {
			return true
		}
	}
}

func loggedPath(path string) string {
	if strings.HasPrefix(path, "/data/") {
		return "/data/…"
	}
	return path
}

// recorder remembers what was answered, and to whom, for the access log.
type recorder struct {
	httpd.Recorder
	user string
}
