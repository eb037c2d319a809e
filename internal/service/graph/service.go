// Package graph is the LibreGraph API: people and spaces as JSON. (spec/identity.md §14)
package graph

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"opencloud/internal/identity"
	"opencloud/internal/platform/service"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

// Deps are what the service speaks to.
type Deps struct {
	Spaces storage.Spaces
	Reader storage.Reader
	Users  identity.Users
	Groups identity.Groups
	Log    *slog.Logger
}

// New returns the service's parts.
func New(_ context.Context, cfg Config, deps Deps) (service.Parts, error) {
	return service.Parts{HTTP: newHandler(cfg, deps)}, nil
}

type handler struct {
	Deps
	cfg Config
	dav string // beginning of WebDAV addresses, up to the id
	url string
}

func newHandler(cfg Config, deps Deps) http.Handler {
	h := &handler{Deps: deps, cfg: cfg, url: strings.TrimRight(cfg.PublicURL, "/")}
	h.dav = strings.TrimRight(cfg.Spaces.WebDAVBase, "/") + "/" + strings.Trim(cfg.Spaces.WebDAVPath, "/") + "/"
	r := chi.NewRouter()
	for _, version := range []string{"/graph/v1.0", "/graph/v1beta1"} {
		r.Get(version+"/me", h.wrap(h.me))
		r.Get(version+"/me/drive", h.wrap(h.myDrive))
		r.Get(version+"/me/drives", h.wrap(h.myDrives))
		r.Get(version+"/drives", h.wrap(h.allDrives))
		r.Get(version+"/drives/{drive}", h.wrap(h.drive))
	}
	r.NotFound(h.wrap(func(http.ResponseWriter, *http.Request) (any, error) { return nil, storage.ErrNotFound }))
	r.MethodNotAllowed(h.wrap(func(http.ResponseWriter, *http.Request) (any, error) {
		return nil, &graphError{http.StatusMethodNotAllowed, "notAllowed", "method not allowed"}
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if p := req.URL.Path; len(p) > 1 && strings.HasSuffix(p, "/") {
			u := *req.URL
			u.Path, u.RawPath = strings.TrimRight(p, "/"), ""
			req = req.Clone(req.Context())
			req.URL = &u
		}
		r.ServeHTTP(w, req)
	})
}

// operation answers one call; the value is written as JSON.
type operation func(w http.ResponseWriter, r *http.Request) (any, error)

func (h *handler) wrap(op operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if identity.ActorFrom(r.Context()).Kind == identity.Anonymous {
			h.fail(w, r, &graphError{http.StatusUnauthorized, "unauthenticated", "log in first"})
			return
		}
		v, err := op(w, r)
		if err != nil {
			h.fail(w, r, err)
			return
		}
		write(w, http.StatusOK, v)
	}
}

func write(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":{"code":"generalException","message":"internal error"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// graphError is an error with its status and code. (spec/identity.md §14.1)
type graphError struct {
	status        int
	code, message string
}

func (e *graphError) Error() string { return e.message }

func badRequest(message string) error {
	return &graphError{http.StatusBadRequest, "invalidRequest", message}
}

// fail is the one place where errors become answers.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	var e *graphError
	switch {
	case errors.As(err, &e):
	case errors.Is(err, storage.ErrNotFound), errors.Is(err, identity.ErrNotFound):
		e = &graphError{http.StatusNotFound, "itemNotFound", "not found"}
	case errors.Is(err, storage.ErrForbidden):
		e = &graphError{http.StatusForbidden, "accessDenied", "Forbidden"}
	case errors.Is(err, storage.ErrInvalid), errors.Is(err, resource.ErrInvalidID):
		e = &graphError{http.StatusBadRequest, "invalidRequest", err.Error()}
	case errors.Is(err, storage.ErrUnavailable):
		e = &graphError{http.StatusServiceUnavailable, "serviceNotAvailable", "the storage is not available, try again later"}
	default:
		h.Log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "err", err)
		e = &graphError{http.StatusInternalServerError, "generalException", "internal error"}
	}
	type inner struct {
		Date      string `json:"date"`
		RequestID string `json:"request-id"`
	}
	type body struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Inner   inner  `json:"innererror"`
	}
	write(w, e.status, map[string]body{"error": {e.code, e.message, inner{time.Now().UTC().Format(time.RFC3339), r.Header.Get("X-Request-Id")}}})
}
