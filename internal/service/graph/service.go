// Package graph is the LibreGraph API: people and spaces as JSON. (spec/identity.md §14)
//
// Invariants: nothing is answered to a stranger; whether somebody may administer is decided before it is looked whether what they
// name exists; people who may not administer learn of others what a search result holds, no more.
package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/job"
	"opencloud/internal/link"
	"opencloud/internal/odata"
	"opencloud/internal/platform/catalog"
	"opencloud/internal/platform/service"
	"opencloud/internal/resource"
	"opencloud/internal/share"
	"opencloud/internal/signedurl"
	"opencloud/internal/storage"
	"opencloud/internal/transfer"
)

// Deps are what the service speaks to. Nil: Accounts, Records, Login, Factors, Sessions, Trash, Favorites, Writer, Tagger and Jobs; what needs them is then "not supported".
type Deps struct {
	Spaces storage.Spaces
	Reader storage.Reader
	Users  identity.Users
	Groups identity.Groups
	Log    *slog.Logger

	Accounts identity.Accounts
	Records  identity.GroupAdmin
	// Login checks the old password when somebody changes it.
	Login    identity.Authenticator
	Factors  Factors
	Sessions Sessions
	Trash    storage.Trash
	// Favorites keeps what people follow.
	Favorites Favorites
	Tagger    Tagger
	// Jobs, Writer and Machine make the export of personal data.
	Jobs    *job.Store
	Writer  storage.Writer
	Machine identity.Machine
	// Shares and Links: without them nothing can be shared.
	Shares *share.Service
	Links  *link.Service
	// OnGroupDeleted removes what else is kept of a group; nil: nothing is.
	OnGroupDeleted func(ctx context.Context, groupID string) error
}

// Favorites marks files and folders for the caller only. A storage.Metadata is it.
type Favorites interface {
	SetFavorite(ctx context.Context, ref storage.Ref, on bool) error
}

// New returns the service's parts.
func New(_ context.Context, cfg Config, deps Deps) (service.Parts, error) {
	h, err := newHandler(cfg, deps)
	if err != nil {
		return service.Parts{}, err
	}
	parts := service.Parts{HTTP: h.routes()}
	if deps.Jobs != nil && deps.Writer != nil && deps.Machine != nil && deps.Accounts != nil {
		runner := job.NewRunner(deps.Jobs, job.Options{Log: deps.Log, Workers: 1})
		runner.Handle(exportKind, h.runExport)
		parts.Loops = append(parts.Loops, service.Loop{Name: "exports of personal data", Run: runner.Run})
	}
	if deps.Accounts != nil && cfg.SoftDelete > 0 {
		parts.Loops = append(parts.Loops, service.Loop{Name: "removing deleted accounts", Run: h.purgeLoop})
	}
	return parts, nil
}

func newHandler(cfg Config, deps Deps) (*handler, error) {
	h := &handler{Deps: deps, cfg: cfg, url: strings.TrimRight(cfg.PublicURL, "/"), now: time.Now, maxQuota: cfg.Spaces.MaxQuota, names: newNamer(deps.Users, deps.Groups)}
	h.dav = strings.TrimRight(cfg.Spaces.WebDAVBase, "/") + "/" + strings.Trim(cfg.Spaces.WebDAVPath, "/") + "/"
	if h.app = cfg.Application.ID; h.app == "" {
		h.app = uuid.NewSHA1(uuid.NameSpaceURL, []byte("opencloud:application:"+cfg.MountID)).String()
	}
	var err error
	if h.defaultQuota, err = strconv.ParseInt(cfg.Spaces.DefaultQuota, 10, 64); err != nil || h.defaultQuota < 0 {
		return nil, fmt.Errorf("GRAPH_SPACES_DEFAULT_QUOTA is a number of bytes, not %q", cfg.Spaces.DefaultQuota)
	}
	if h.maxQuota > 0 && (h.defaultQuota == 0 || h.defaultQuota > h.maxQuota) {
		h.defaultQuota = h.maxQuota
	}
	if h.enabledRoles, err = enabledRoles(cfg.UnifiedRoles.Available); err != nil {
		return nil, err
	}
	if h.translations, err = catalog.Read(locales); err != nil {
		return nil, err
	}
	if cfg.URLSecret != "" {
		if h.downloads, err = signedurl.New([]byte(cfg.URLSecret)); err != nil {
			return nil, err
		}
	}
	if cfg.TransferSecret != "" {
		if h.uploads, err = transfer.NewSigner([]byte(cfg.TransferSecret)); err != nil {
			return nil, err
		}
	}
	switch cfg.API.UsernameMatch {
	case "", "default", "none":
	default:
		return nil, fmt.Errorf("GRAPH_USERNAME_MATCH is default or none, not %q", cfg.API.UsernameMatch)
	}
	return h, nil
}

type handler struct {
	Deps
	cfg Config
	dav string // beginning of WebDAV addresses, up to the id
	url string
	app string // id of the application
	// uploads signs the addresses of uploads; nil as for downloads.
	uploads *transfer.Signer
	// Bytes; 0: no bound.
	defaultQuota, maxQuota int64
	// downloads signs the addresses of downloads; nil without a secret: there are none then.
	downloads *signedurl.Signer
	now       func() time.Time
	// names are how members of spaces are called.
	names *namer
	// enabledRoles are the ids of the roles that can be given; nil: the default ones.
	enabledRoles []string
	translations *catalog.Catalog
}

// operation answers one call; the value is written as JSON.
type operation func(w http.ResponseWriter, r *http.Request) (any, error)

func (h *handler) wrap(op operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if a := identity.ActorFrom(r.Context()); !a.Known() {
			h.fail(w, r, &graphError{http.StatusUnauthorized, "unauthenticated", "log in first"})
			return
		}
		v, err := op(w, r)
		if err != nil {
			h.fail(w, r, err)
			return
		}
		switch v := v.(type) {
		case written:
		case reply:
			if v.value == nil {
				w.WriteHeader(v.status)
				return
			}
			write(w, v.status, v.value)
		default:
			write(w, http.StatusOK, v)
		}
	}
}

// may tells whether the caller has a permission over everything.
func may(ctx context.Context, p role.Permission) bool {
	a := identity.ActorFrom(ctx)
	return a.Kind == identity.Service || role.Allows(a.User.Roles, p) == role.All
}

// guarded lets only those with the permission in, and only if what the operation needs is there.
func (h *handler) guarded(p role.Permission, there bool, op operation) http.HandlerFunc {
	return h.wrap(func(w http.ResponseWriter, r *http.Request) (any, error) {
		if !may(r.Context(), p) {
			return nil, forbidden()
		}
		if !there {
			return nil, notSupported("this")
		}
		return op(w, r)
	})
}

// admin is for those who administer accounts.
func (h *handler) admin(op operation) http.HandlerFunc {
	return h.adminIf(true, op)
}

// adminIf is admin for what also needs something else.
func (h *handler) adminIf(there bool, op operation) http.HandlerFunc {
	return h.guarded(role.AccountsReadWrite, h.Accounts != nil && there, op)
}

// groupAdmin is for those who administer groups.
func (h *handler) groupAdmin(op operation) http.HandlerFunc {
	return h.guarded(role.GroupsReadWrite, h.Records != nil && h.Accounts != nil, op)
}

// with lets everybody in who has signed in, if what the operation needs is there.
func (h *handler) with(there bool, op operation) http.HandlerFunc {
	if there {
		return h.wrap(op)
	}
	return h.wrap(func(http.ResponseWriter, *http.Request) (any, error) { return nil, notSupported("this") })
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
	var throttled *identity.ThrottledError
	switch {
	case errors.As(err, &e):
	case errors.As(err, &throttled):
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(throttled.RetryAfter.Seconds()))))
		e = &graphError{http.StatusTooManyRequests, "activityLimitReached", throttled.Error()}
	case errors.Is(err, storage.ErrNotFound), errors.Is(err, identity.ErrNotFound), errors.Is(err, storage.ErrParentMissing):
		e = &graphError{http.StatusNotFound, "itemNotFound", "not found"}
	case errors.Is(err, storage.ErrForbidden):
		e = &graphError{http.StatusForbidden, "accessDenied", "Forbidden"}
	case errors.Is(err, identity.ErrReadOnly):
		e = &graphError{http.StatusForbidden, "notAllowed", err.Error()}
	case errors.Is(err, identity.ErrExists):
		e = &graphError{http.StatusConflict, "nameAlreadyExists", err.Error()}
	case errors.Is(err, storage.ErrExists), errors.Is(err, storage.ErrConflict):
		e = &graphError{http.StatusConflict, "nameAlreadyExists", "something of this name is there already"}
	case errors.Is(err, storage.ErrLocked), errors.Is(err, storage.ErrProcessing):
		e = &graphError{http.StatusLocked, "itemIsLocked", "the item is locked"}
	case errors.Is(err, storage.ErrPrecondition):
		e = &graphError{http.StatusPreconditionFailed, "preconditionFailed", "the item has been changed"}
	case errors.Is(err, storage.ErrInvalid), errors.Is(err, resource.ErrInvalidID), errors.Is(err, resource.ErrInvalidName), errors.Is(err, identity.ErrInvalid), errors.Is(err, odata.ErrSyntax),
		errors.Is(err, share.ErrRecipient), errors.Is(err, share.ErrNotShareable), errors.Is(err, share.ErrRights), errors.Is(err, share.ErrExpired),
		errors.Is(err, link.ErrPolicy), errors.Is(err, link.ErrType), errors.Is(err, link.ErrExpired):
		e = &graphError{http.StatusBadRequest, "invalidRequest", err.Error()}
	case errors.Is(err, odata.ErrUnsupported):
		e = &graphError{http.StatusNotImplemented, "notSupported", err.Error()}
	case errors.Is(err, storage.ErrQuota):
		e = &graphError{http.StatusInsufficientStorage, "quotaLimitReached", "the quota is used up"}
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
