package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"opencloud/internal/identity"
	"opencloud/internal/storage"
	"opencloud/internal/webdav"
)

// Handler serves /data/<token>: upload sessions by TUS, and single reads and writes.
type Handler struct {
	FS     storage.FS
	Signer *Signer
	Log    *slog.Logger
	// Machine tells who somebody is now: a transfer may take a day, in which he can lose what he had. nil: as when it began.
	Machine identity.Machine

	senders senders
}

// ServeHTTP implements http.Handler. The token is the last segment of the path, or X-Reva-Transfer.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Method == http.MethodOptions {
		tusHeaders(w.Header())
		w.WriteHeader(http.StatusNoContent)
		return
	}
	token := r.Header.Get("X-Reva-Transfer")
	if token == "" {
		token = r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	}
	claims, err := h.Signer.Verify(token)
	if err != nil {
		// 410: clients begin the upload anew
		fail(w, http.StatusGone, "This transfer is not known or has expired. Start it again.")
		return
	}
	if claims.Actor, err = h.current(r.Context(), claims.Actor); err != nil {
		if !errors.Is(err, storage.ErrNotFound) {
			h.Log.ErrorContext(r.Context(), "transfer", "err", err)
			fail(w, http.StatusServiceUnavailable, "Try again later.")
			return
		}
		fail(w, http.StatusNotFound, "This transfer is not known or has expired. Start it again.")
		return
	}
	r = r.WithContext(identity.WithActor(r.Context(), claims.Actor))
	switch claims.Op {
	case Session:
		h.session(w, r, claims)
	case Read:
		h.read(w, r, claims)
	case Write:
		h.write(w, r, claims)
	default:
		fail(w, http.StatusForbidden, "Unknown kind of transfer.")
	}
}

// current returns the actor as he is now. storage.ErrNotFound: he is no more, or may not sign in.
func (h *Handler) current(ctx context.Context, a identity.Actor) (identity.Actor, error) {
	if h.Machine == nil {
		return a, nil
	}
	now := func(a *identity.Actor) error {
		fresh, err := h.Machine.ActorBy(ctx, "userid", a.User.ID)
		if errors.Is(err, identity.ErrNotFound) || errors.Is(err, identity.ErrCredentials) {
			return storage.ErrNotFound
		}
		fresh.Initiator = a.Initiator
		*a = fresh
		return err
	}
	switch {
	case a.Kind == identity.Person:
		err := now(&a)
		return a, err
	case a.Kind == identity.Visitor && a.Visit != nil:
		v := *a.Visit
		a.Visit = &v
		err := now(&v.Creator)
		return a, err
	}
	return a, nil
}

func tusHeaders(h http.Header) {
	h.Set("Tus-Resumable", TusVersion)
	h.Set("Tus-Version", TusVersion)
	h.Set("Tus-Extension", TusExtensions)
	h.Set("Tus-Checksum-Algorithm", TusChecksums)
}

func fail(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}

// StatusOf translates errors of uploads to HTTP, as TUS has them. (spec/storage.md §8)
func StatusOf(err error) int {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(err, storage.ErrOffset), errors.Is(err, storage.ErrExists), errors.Is(err, storage.ErrConflict), errors.Is(err, storage.ErrParentMissing):
		return http.StatusConflict
	case errors.Is(err, storage.ErrChecksum):
		return 460
	case errors.Is(err, storage.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, storage.ErrForbidden):
		return http.StatusForbidden
	case errors.Is(err, storage.ErrPrecondition):
		return http.StatusPreconditionFailed
	case errors.Is(err, storage.ErrLocked):
		return http.StatusLocked
	case errors.Is(err, storage.ErrQuota):
		return http.StatusInsufficientStorage
	case errors.Is(err, storage.ErrLength), errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, storage.ErrProcessing):
		return http.StatusTooEarly
	case errors.Is(err, storage.ErrInvalid):
		return http.StatusBadRequest
	case errors.Is(err, storage.ErrUnavailable):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func (h *Handler) error(w http.ResponseWriter, r *http.Request, err error) {
	status := StatusOf(err)
	if status >= 500 && status != http.StatusInsufficientStorage {
		h.Log.ErrorContext(r.Context(), "transfer failed", "method", r.Method, "err", err)
		fail(w, status, http.StatusText(status))
		return
	}
	fail(w, status, err.Error())
}

// session is the TUS protocol on one upload session.
func (h *Handler) session(w http.ResponseWriter, r *http.Request, c Claims) {
	method := r.Method
	if o := r.Header.Get("X-HTTP-Method-Override"); o != "" && method == http.MethodPost {
		method = o
	}
	tusHeaders(w.Header())
	w.Header().Set("Cache-Control", "no-store")
	if v := r.Header.Get("Tus-Resumable"); v != TusVersion && method != http.MethodGet {
		w.Header().Set("Tus-Version", TusVersion)
		fail(w, http.StatusPreconditionFailed, "Tus-Resumable: 1.0.0 is needed.")
		return
	}
	switch method {
	case http.MethodHead:
		s, err := h.state(r.Context(), c.Session)
		if err != nil {
			h.error(w, r, err)
			return
		}
		sessionHeaders(w.Header(), &s)
		if s.Length >= 0 {
			w.Header().Set("Upload-Length", strconv.FormatInt(s.Length, 10))
		} else {
			w.Header().Set("Upload-Defer-Length", "1")
		}
		w.WriteHeader(http.StatusOK)
	case http.MethodPatch:
		h.patch(w, r, c.Session)
	case http.MethodDelete:
		err := h.senders.end(r.Context(), c.Session)
		if err == nil {
			err = h.FS.CancelUpload(r.Context(), c.Session)
		}
		if err != nil {
			h.error(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", "HEAD, PATCH, DELETE, OPTIONS")
		fail(w, http.StatusMethodNotAllowed, "An upload takes HEAD, PATCH and DELETE.")
	}
}

// state tells how far a session is. Who asks wants to go on, so nothing is sent to it any more; and if all was sent but a
// crash kept it from becoming a file, it becomes one now: clients take a full session for a finished one.
func (h *Handler) state(ctx context.Context, id string) (storage.UploadSession, error) {
	if err := h.senders.end(ctx, id); err != nil {
		return storage.UploadSession{}, err
	}
	s, err := h.FS.UploadSession(ctx, id)
	if err == nil && s.Offset == s.Length {
		s, err = h.FS.WriteUpload(ctx, id, s.Offset, nil, http.NoBody)
	}
	return s, err
}

func sessionHeaders(h http.Header, s *storage.UploadSession) {
	h.Set("Upload-Offset", strconv.FormatInt(s.Offset, 10))
	if !s.Expires.IsZero() {
		h.Set("Upload-Expires", s.Expires.UTC().Format(http.TimeFormat))
	}
}

func (h *Handler) patch(w http.ResponseWriter, r *http.Request, id string) {
	if r.Header.Get("Content-Type") != OffsetType {
		fail(w, http.StatusUnsupportedMediaType, "Content-Type must be "+OffsetType+".")
		return
	}
	offset, err := strconv.ParseInt(r.Header.Get("Upload-Offset"), 10, 64)
	if err != nil || offset < 0 {
		fail(w, http.StatusBadRequest, "Upload-Offset must be a number.")
		return
	}
	chunk, err := ParseChecksum(r.Header.Get("Upload-Checksum"))
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if l := r.Header.Get("Upload-Length"); l != "" {
		n, err := strconv.ParseInt(l, 10, 64)
		if err != nil || n < 0 {
			fail(w, http.StatusBadRequest, "Upload-Length must be a number.")
			return
		}
		if err := h.FS.SetUploadLength(r.Context(), id, n); err != nil {
			h.error(w, r, err)
			return
		}
	}
	body, done, err := h.senders.begin(w, r, id)
	if err != nil {
		h.error(w, r, err)
		return
	}
	defer done()
	s, err := h.FS.WriteUpload(r.Context(), id, offset, chunk, body)
	if err != nil {
		h.error(w, r, err)
		return
	}
	SessionAnswer(w.Header(), &s)
	w.WriteHeader(http.StatusNoContent)
}

// SessionAnswer sets what a client is told after it sent content: offset, expiry, and the file when it is complete.
func SessionAnswer(h http.Header, s *storage.UploadSession) {
	sessionHeaders(h, s)
	if s.Result == nil {
		return
	}
	SetResultHeaders(h, &s.Result.Info)
	if s.Metadata["mtime"] != "" {
		h["X-OC-Mtime"] = []string{"accepted"}
	}
}

func (h *Handler) read(w http.ResponseWriter, r *http.Request, c Claims) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		fail(w, http.StatusMethodNotAllowed, "Only GET and HEAD.")
		return
	}
	ref, err := c.ref()
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if err := webdav.CheckRange(r.Header); err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	var content *storage.Content
	if c.Version != "" {
		content, err = h.FS.OpenVersion(r.Context(), ref.ID, c.Version)
	} else {
		content, err = h.FS.Open(r.Context(), ref)
	}
	if err != nil {
		h.error(w, r, err)
		return
	}
	defer content.Close()
	SetResultHeaders(w.Header(), &content.Info)
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", content.Info.MTime, content)
}

// whole tells whether a Content-Range is of all there is: "bytes 0-4/5".
func whole(v string) bool {
	var from, to, total int64
	if v == "" {
		return true
	}
	n, err := fmt.Sscanf(v, "bytes %d-%d/%d", &from, &to, &total)
	return err == nil && n == 3 && from == 0 && to == total-1
}

func (h *Handler) write(w http.ResponseWriter, r *http.Request, c Claims) {
	if r.Method != http.MethodPut {
		fail(w, http.StatusMethodNotAllowed, "Only PUT.")
		return
	}
	if !whole(r.Header.Get("Content-Range")) { // RFC 9110 §14.5: a part must not be taken for the whole
		fail(w, http.StatusBadRequest, "The content must come in one piece.")
		return
	}
	ref, err := c.ref()
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	req, err := c.request()
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if req.Length < 0 {
		req.Length = r.ContentLength
	}
	res, err := h.FS.Upload(r.Context(), ref, req, r.Body)
	if err != nil {
		h.error(w, r, err)
		return
	}
	SetResultHeaders(w.Header(), &res.Info)
	if res.Created {
		w.WriteHeader(http.StatusCreated)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
