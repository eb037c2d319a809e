// Package frontend serves what clients ask beside WebDAV and Graph: status, capabilities, the OCS user and sharing API, archives,
// and the data of uploads. (spec/storage.md §7.19, §8, §9, §12, §16)
package frontend

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"

	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/platform/service"
	"opencloud/internal/share"
	"opencloud/internal/storage"
	"opencloud/internal/transfer"
)

// Deps are what the service speaks to.
type Deps struct {
	FS     storage.FS
	Users  identity.Users
	Groups identity.Groups
	Log    *slog.Logger
	Shares *share.Service
	Links  *link.Service
	// Machine tells who somebody is now who began an upload earlier.
	Machine identity.Machine
}

// productVersion is what clients are told: the version of the API they may expect.
const productVersion = "7.5.0"

type handler struct {
	Deps
	cfg  Config
	data *transfer.Handler
	caps map[string]any
}

// New returns the service's parts.
func New(_ context.Context, cfg Config, deps Deps) (service.Parts, error) {
	signer, err := transfer.NewSigner([]byte(cfg.TransferSecret))
	if err != nil {
		return service.Parts{}, err
	}
	h := &handler{Deps: deps, cfg: cfg, data: &transfer.Handler{FS: deps.FS, Signer: signer, Log: deps.Log, Machine: deps.Machine}}
	h.caps = h.capabilities()
	return service.Parts{HTTP: h}, nil
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := r.URL.Path
	switch {
	case p == "/status.php" || p == "/status":
		h.status(w, r)
	case strings.HasPrefix(p, "/data/") || p == "/data":
		h.data.ServeHTTP(w, r)
	case p == "/archiver":
		h.archive(w, r)
	case strings.HasPrefix(p, "/ocs/v1.php/"):
		h.ocs(w, r, 1, strings.TrimPrefix(p, "/ocs/v1.php"))
	case strings.HasPrefix(p, "/ocs/v2.php/"):
		h.ocs(w, r, 2, strings.TrimPrefix(p, "/ocs/v2.php"))
	case p == "/app/list":
		writeJSON(w, http.StatusOK, map[string]any{"mime-types": []any{}})
	case strings.HasPrefix(p, "/index.php/s/"):
		token := strings.Trim(strings.TrimPrefix(p, "/index.php/s/"), "/")
		if token == "" || strings.ContainsAny(token, "/\\") {
			http.NotFound(w, r)
			return
		}
		http.Redirect(w, r, strings.TrimRight(h.cfg.PublicURL, "/")+"/s/"+token, http.StatusMovedPermanently)
	case strings.HasPrefix(p, "/apps/files"), strings.HasPrefix(p, "/index.php/apps/files"):
		http.Redirect(w, r, strings.TrimRight(h.cfg.PublicURL, "/")+"/files", http.StatusMovedPermanently)
	default:
		http.NotFound(w, r)
	}
}

func (h *handler) statusFields() map[string]any {
	return map[string]any{"installed": true, "maintenance": false, "needsDbUpgrade": false, "version": "10.11.0.0", "versionstring": "10.11.0",
		"edition": h.cfg.Edition, "productname": "OpenCloud", "product": "OpenCloud", "productversion": productVersion}
}

// status answers status.php: the first thing every client asks.
func (h *handler) status(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	writeJSON(w, http.StatusOK, h.statusFields())
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
