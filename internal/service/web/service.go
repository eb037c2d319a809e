// Package web serves the browser client, what configures it, and its look. (spec/identity.md §12, spec/services.md §18)
//
// Invariants: nothing outside of the configured folders is ever served, also not by way of links (os.Root); what is read is
// bounded; strangers read the client, its configuration and its look, and change nothing.
package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/service"
)

// Deps are what the service needs besides its configuration.
type Deps struct {
	// Client is the built browser client; without index.html there is none.
	Client fs.FS
	// ConfigDir is where apps.yaml may lie.
	ConfigDir string
	Log       *slog.Logger
}

type handler struct {
	core   *client
	themes *themes
	apps   *files
	ui     *ui
	notice *notice
	log    *slog.Logger
}

// New returns the service's parts. Errors: folders and files that are configured and cannot be read.
func New(_ context.Context, cfg Config, deps Deps) (service.Parts, error) {
	h, closers, err := newHandler(cfg, deps)
	closing := func() error {
		var errs []error
		for _, c := range closers {
			errs = append(errs, c())
		}
		return errors.Join(errs...)
	}
	if err != nil {
		return service.Parts{}, errors.Join(err, closing())
	}
	return service.Parts{HTTP: h, Close: closing}, nil
}

func newHandler(cfg Config, deps Deps) (h *handler, closers []func() error, err error) {
	open := func(path string) (*os.Root, error) {
		root, err := os.OpenRoot(path)
		if err == nil {
			closers = append(closers, root.Close)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return root, err
	}
	core, err := open(cfg.Asset.Core)
	if err != nil {
		return nil, closers, fmt.Errorf("asset.core_path: %w", err)
	}
	apps, err := open(cfg.Asset.Apps)
	if err != nil {
		return nil, closers, fmt.Errorf("asset.apps_path: %w", err)
	}
	h = &handler{log: deps.Log, notice: &notice{dir: cfg.Data}}
	ttl := maxAge(cfg.HTTP.CacheTTL)
	if h.themes, err = newThemes(cfg.Asset.Themes, ttl, deps.Log); err != nil {
		return nil, closers, err
	}
	h.apps = newFiles(ttl, layers(apps)...)
	found, err := findApps(apps, filepath.Join(deps.ConfigDir, "apps.yaml"), deps.Log)
	if err != nil {
		return nil, closers, err
	}
	if h.ui, err = newUI(cfg, found); err != nil {
		return nil, closers, err
	}
	h.core = newClient(core, deps.Client, ttl, h.ui.scriptOrigins(), h.data)
	return h, closers, nil
}

// layers is nothing for a folder that is not there.
func layers(root *os.Root) []fs.FS {
	if root == nil {
		return nil
	}
	return []fs.FS{root.FS()}
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	p := r.URL.Path
	theme, isTheme := strings.CutPrefix(p, "/themes/")
	app, isApp := strings.CutPrefix(p, "/assets/apps/")
	switch {
	case p == "/announcement":
		h.announcement(w, r)
	case p == "/branding/logo":
		h.logo(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		notAllowed(w, "GET, HEAD")
	case p == "/config.json":
		h.config(w, r)
	case isTheme:
		h.themes.serve(w, r, theme)
	case isApp:
		w.Header().Set("Access-Control-Allow-Origin", "*")
		if !h.apps.serve(w, r, app) {
			http.NotFound(w, r)
		}
	case strings.HasPrefix(p, "/.well-known/"):
		http.NotFound(w, r) // of other services; none is a page of the client
	default:
		h.core.serve(w, r)
	}
}

func notAllowed(w http.ResponseWriter, methods string) {
	w.Header().Set("Allow", methods)
	http.Error(w, "This is not possible here.", http.StatusMethodNotAllowed)
}

// permit answers those who may not do something, and tells whether the request may go on.
func permit(w http.ResponseWriter, r *http.Request, p role.Permission) bool {
	a := identity.ActorFrom(r.Context())
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case !a.Known():
		http.Error(w, "Sign in first.", http.StatusUnauthorized)
	case a.Kind != identity.Person || role.Allows(a.User.Roles, p) != role.All:
		http.Error(w, "You may not do this.", http.StatusForbidden)
	default:
		return true
	}
	return false
}
