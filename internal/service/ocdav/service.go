// Package ocdav is the WebDAV service: it translates requests on people's files to storage.FS, and decides nothing.
package ocdav

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"opencloud/internal/link"
	"opencloud/internal/platform/service"
	"opencloud/internal/signedurl"
	"opencloud/internal/storage"
	"opencloud/internal/transfer"
)

// Deps are what the service speaks to.
type Deps struct {
	FS  storage.FS
	Log *slog.Logger
	// Links knows the links by which people come; nil: there are none.
	Links *link.Service
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
	cfg    Config
	fs     storage.FS
	log    *slog.Logger
	links  *link.Service
	signer *transfer.Signer
	public *url.URL
	// downloads signs the addresses of downloads; nil without a secret: there are none then.
	downloads *signedurl.Signer
	// sessionTTL is how long the address of an upload is valid.
	sessionTTL time.Duration
}

func newHandler(cfg Config, deps Deps) (*handler, error) {
	signer, err := transfer.NewSigner([]byte(cfg.TransferSecret))
	if err != nil {
		return nil, err
	}
	public, err := url.Parse(strings.TrimRight(cfg.PublicURL, "/"))
	if err != nil {
		return nil, err
	}
	h := &handler{cfg: cfg, fs: deps.FS, log: deps.Log, links: deps.Links, signer: signer, public: public, sessionTTL: 24 * time.Hour}
	if cfg.URLSecret != "" {
		if h.downloads, err = signedurl.New([]byte(cfg.URLSecret)); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h.serve(w, r); err != nil {
		h.writeError(w, r, err)
	}
}
