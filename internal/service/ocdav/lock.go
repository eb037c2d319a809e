package ocdav

import (
	"errors"
	"net/http"

	"opencloud/internal/permission"
	"opencloud/internal/storage"
	"opencloud/internal/webdav"
)

// lock answers LOCK. (RFC 4918 §9.10)
func (h *handler) lock(w http.ResponseWriter, r *http.Request, t target) error {
	depth, err := webdav.ParseDepth(r.Header.Get("Depth"), webdav.DepthInfinity)
	if err != nil || depth == webdav.DepthOne {
		return fail(http.StatusBadRequest, "Depth must be 0 or infinity")
	}
	timeout, err := webdav.ParseTimeout(r.Header.Get("Timeout"))
	if err != nil {
		return err
	}
	info, isNew, err := webdav.ParseLock(r.Body)
	if err != nil {
		return err
	}
	if !isNew {
		return h.refresh(w, r, t)
	}
	if t.ref.Path != "" {
		if err := h.checkName(&t); err != nil {
			return err
		}
	}
	c, err := h.conditions(r, t)
	if err != nil {
		return err
	}
	l, created, err := h.fs.Lock(r.Context(), t.ref, storage.LockRequest{Token: info.Token, Shared: info.Shared, Infinite: depth == webdav.DepthInfinity,
		Owner: info.Owner, Timeout: timeout}, c)
	if err != nil {
		return err
	}
	w.Header().Set("Lock-Token", "<"+l.Token+">")
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return h.lockAnswer(w, t, &l, status)
}

// refresh answers a LOCK without body: the If header names the lock. (RFC 4918 §9.10.2)
func (h *handler) refresh(w http.ResponseWriter, r *http.Request, t target) error {
	timeout, err := webdav.ParseTimeout(r.Header.Get("Timeout"))
	if err != nil {
		return err
	}
	f, err := webdav.ParseIf(r.Header.Get("If"))
	if err != nil {
		return err
	}
	tokens := f.Tokens()
	if len(tokens) == 0 {
		return fail(http.StatusBadRequest, "To refresh a lock, name it in an If header")
	}
	for _, token := range tokens {
		var l storage.Lock
		if l, err = h.fs.RefreshLock(r.Context(), t.ref, token, timeout); err == nil {
			return h.lockAnswer(w, t, &l, http.StatusOK)
		}
		if !errors.Is(err, storage.ErrPrecondition) {
			return err
		}
	}
	return err
}

func (h *handler) lockAnswer(w http.ResponseWriter, t target, l *storage.Lock, status int) error {
	x := webdav.NewXML(w)
	x.Raw(webdav.Header + `<d:prop xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:lockdiscovery>`)
	h.activeLock(x, &t, l, &storage.Info{ID: l.Root, Permissions: permission.Upload})
	x.Raw("</d:lockdiscovery></d:prop>")
	w.Header().Set("Content-Type", webdav.ContentType)
	w.WriteHeader(status)
	return x.Flush()
}

// unlock answers UNLOCK. (RFC 4918 §9.11)
func (h *handler) unlock(w http.ResponseWriter, r *http.Request, t target) error {
	token, err := webdav.ParseLockToken(r.Header.Get("Lock-Token"))
	if err != nil {
		return err
	}
	if err := h.fs.Unlock(r.Context(), t.ref, token); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
