package ocdav

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"

	"opencloud/internal/storage"
	"opencloud/internal/webdav"
)

// report answers REPORT: sync-collection (RFC 6578) and oc:filter-files.
func (h *handler) report(w http.ResponseWriter, r *http.Request, t target) error {
	body, err := webdav.ParseReport(r.Body)
	if err != nil {
		return err
	}
	switch body.Name {
	case webdav.Name{Space: webdav.DAV, Local: "sync-collection"}:
		return h.syncCollection(w, r, t, &body)
	case webdav.Name{Space: webdav.OC, Local: "filter-files"}:
		return h.filterFiles(w, r, t, &body)
	}
	return fail(http.StatusNotImplemented, "This report is not available here")
}

// tokenPrefix makes sync tokens URIs. (RFC 6578 §6.2)
const tokenPrefix = "opencloud:sync:"

// currentToken returns the token of a folder as it is now.
func (h *handler) currentToken(ctx context.Context, t *target) (string, error) {
	_, token, _, err := h.fs.Changes(ctx, t.ref, storage.TokenNow, 0)
	return tokenPrefix + token, err
}

// syncCollection tells what changed since a token.
func (h *handler) syncCollection(w http.ResponseWriter, r *http.Request, t target, body *webdav.Report) error {
	if d := r.Header.Get("Depth"); d != "" && d != "0" && !strings.EqualFold(d, "infinity") && d != "1" {
		return fail(http.StatusBadRequest, "Depth must be 0")
	}
	token, ok := strings.CutPrefix(body.SyncToken, tokenPrefix)
	if !ok && body.SyncToken != "" {
		return invalidToken()
	}
	changes, next, more, err := h.fs.Changes(r.Context(), t.ref, token, body.Limit)
	if errors.Is(err, storage.ErrSyncToken) {
		return invalidToken()
	}
	if err != nil {
		return err
	}
	q := newQuestion(r.Context(), webdav.Propfind{Props: body.Props, AllProp: len(body.Props) == 0}, false)
	multistatusHeaders(w.Header(), false, false)
	w.WriteHeader(http.StatusMultiStatus)
	x := webdav.NewXML(w)
	x.Raw(webdav.Header + webdav.Multistatus)
	for n := range changes {
		c := &changes[n]
		if !body.Infinite && strings.Contains(c.Path, "/") {
			continue
		}
		ct := t.child(c.Path)
		if c.Removed {
			x.Raw("<d:response><d:href>" + ct.href(false) + "</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response>")
		} else {
			h.response(x, q, &ct, &c.Info)
		}
		if err := x.More(); err != nil {
			return http.ErrAbortHandler
		}
	}
	if more {
		x.Raw("<d:response><d:href>" + t.href(true) + "</d:href><d:status>HTTP/1.1 507 Insufficient Storage</d:status><d:error><d:number-of-matches-within-limits/></d:error></d:response>")
	}
	x.Raw("<d:sync-token>")
	x.Text(tokenPrefix + next)
	x.Raw("</d:sync-token></d:multistatus>")
	return x.Flush()
}

func invalidToken() error {
	return &davError{status: http.StatusForbidden, message: "The sync token is not known; start without one", body: "<d:valid-sync-token/>"}
}

// filterFiles lists the caller's favourites, or what has a tag.
func (h *handler) filterFiles(w http.ResponseWriter, r *http.Request, t target, body *webdav.Report) error {
	var found iter.Seq2[storage.Info, error]
	var err error
	switch {
	case body.Favorite:
		found, err = h.fs.Favorites(r.Context(), t.ref)
	case body.Tag != "":
		found, err = h.fs.Tagged(r.Context(), t.ref, body.Tag)
	default:
		return fail(http.StatusBadRequest, "filter-rules needs favorite or systemtag")
	}
	if err != nil {
		return err
	}
	q := newQuestion(r.Context(), webdav.Propfind{Props: body.Props, AllProp: len(body.Props) == 0}, false)
	multistatusHeaders(w.Header(), false, false)
	w.WriteHeader(http.StatusMultiStatus)
	x := webdav.NewXML(w)
	x.Raw(webdav.Header + webdav.Multistatus)
	for i, err := range found {
		if err != nil {
			return http.ErrAbortHandler
		}
		ft := target{ref: storage.At(t.ref.ID, i.Path), prefix: t.prefix}
		h.response(x, q, &ft, &i)
	}
	x.Raw("</d:multistatus>")
	return x.Flush()
}

// avatar is a grey square, for clients that insist on one.
var avatar = []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xb8r\xe5\xca\x7f\x00\x07\x84\x03J\xc8\x1dM=\x00\x00\x00\x00IEND\xaeB`\x82")
