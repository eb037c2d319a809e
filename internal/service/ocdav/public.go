package ocdav

import (
	"net/http"
	"net/url"
	"strings"

	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/platform/httpd"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
	"opencloud/internal/webdav"
)

// publicTarget is what an address below /dav/public-files names.
func publicTarget(base string, segments []string) target {
	return target{ref: storage.At(link.Root(segments[2]), strings.Join(segments[3:], "/")),
		prefix: base + "/dav/public-files/" + string(webdav.AppendHref(nil, segments[2]))}
}

// publicFiles answers for what a link opens. Who comes by it was let in by the proxy; others are told what is missing.
// (spec/storage.md §7.17)
func (h *handler) publicFiles(w http.ResponseWriter, r *http.Request, base string, segments []string) error {
	if len(segments) < 3 || h.links == nil {
		return storage.ErrNotFound
	}
	a := identity.ActorFrom(r.Context())
	t := publicTarget(base, segments)
	if a.Kind != identity.Visitor || a.Visit.Token != segments[2] {
		return h.closed(w, r, a, t, segments[2])
	}
	if a.Visit.File && !fileMethods[r.Method] {
		w.Header().Set("Allow", "OPTIONS, PROPFIND, GET, HEAD, PUT")
		return fail(http.StatusMethodNotAllowed, "The link is to a file")
	}
	if r.Method == "PROPPATCH" || r.Method == "REPORT" {
		return storage.ErrForbidden
	}
	got := &httpd.Recorder{ResponseWriter: w}
	if err := h.files(got, r, t); err != nil {
		return err
	}
	switch {
	case r.Method == "PROPFIND" && t.ref.Path == "":
		h.links.Viewed(a.Visit.Link)
	case r.Method == http.MethodGet && got.Status == http.StatusOK: // parts are fetched by players, many a file
		h.links.Downloaded(a.Visit.Link)
	}
	return nil
}

// fileMethods are those that a link to a file knows.
var fileMethods = map[string]bool{"PROPFIND": true, http.MethodGet: true, http.MethodHead: true, http.MethodPut: true, http.MethodPost: true, "LOCK": true, "UNLOCK": true}

// closed answers those whom the link does not let in.
func (h *handler) closed(w http.ResponseWriter, r *http.Request, a identity.Actor, t target, token string) error {
	l, err := h.links.Peek(r.Context(), token)
	if err != nil {
		return err
	}
	if l.Rights != permission.None {
		if !l.HasPassword {
			return storage.ErrNotFound // its creator may no longer
		}
		return &davError{status: http.StatusUnauthorized, message: "The link needs a password", code: "ERR_MISSING_BASIC_AUTH"}
	}
	if a.Kind != identity.Person {
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+strings.Map(harmless, r.Host)+`", charset="UTF-8"`)
		return &davError{status: http.StatusUnauthorized, message: "The link is for people with an account", code: "ERR_MISSING_BEARER_AUTH"}
	}
	to := "/dav/spaces/" + l.Item.String()
	if t.ref.Path != "" {
		to += resource.EscapePath("/" + t.ref.Path)
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusTemporaryRedirect)
	return nil
}

func harmless(c rune) rune {
	if c == '"' || c == '\\' || c < ' ' {
		return -1
	}
	return c
}

// linkQuestion fetches what is asked about the link itself.
func (h *handler) linkQuestion(r *http.Request, q *question) error {
	v := identity.ActorFrom(r.Context()).Visit
	if v == nil || h.links == nil || !q.asks(linkPermission, linkItemType, linkDateTime, linkOwner, ownerName, linkExpiration, signatureAuth, downloadURL) {
		return nil
	}
	l, err := h.links.Peek(r.Context(), v.Token)
	if err != nil {
		return err
	}
	q.link, q.linkOwner = &l, v.Creator.User
	return nil
}

// linkProperty writes the properties of a link's root.
func (h *handler) linkProperty(x *webdav.XML, q *question, w wanted, t *target) bool {
	l := q.link
	if l == nil {
		return false
	}
	root := t.ref.Path == ""
	switch w.prop {
	case linkPermission:
		return number(x, "<oc:public-link-permission>", int64(l.Rights.OCS(l.Folder)), "</oc:public-link-permission>")
	case linkItemType:
		kind := "file"
		if l.Folder {
			kind = "folder"
		}
		return text(x, "<oc:public-link-item-type>", kind, "</oc:public-link-item-type>")
	case linkDateTime:
		return root && text(x, "<oc:public-link-share-datetime>", l.Created.UTC().Format(http.TimeFormat), "</oc:public-link-share-datetime>")
	case linkOwner:
		return root && text(x, "<oc:public-link-share-owner>", q.linkOwner.Username, "</oc:public-link-share-owner>")
	case ownerName:
		return root && text(x, "<oc:owner-display-name>", q.linkOwner.DisplayName, "</oc:owner-display-name>")
	case linkExpiration:
		return root && !l.Expires.IsZero() && text(x, "<oc:public-link-expiration>", l.Expires.UTC().Format(http.TimeFormat), "</oc:public-link-expiration>")
	case signatureAuth:
		if !root || !l.HasPassword {
			return false
		}
		signature, expiration := h.links.Sign(l)
		text(x, "<oc:signature-auth><oc:signature>", signature, "</oc:signature>")
		return text(x, "<oc:expiration>", expiration, "</oc:expiration></oc:signature-auth>")
	}
	return false
}

// linkDownload is the address by which a browser fetches a file of a link by itself.
func (h *handler) linkDownload(x *webdav.XML, q *question, t *target) bool {
	if q.link == nil {
		return false
	}
	address := h.public.String() + t.href(false)
	if q.link.HasPassword {
		signature, expiration := h.links.Sign(q.link)
		address += "?" + url.Values{"signature": {signature}, "expiration": {expiration}}.Encode()
	}
	return text(x, "<oc:downloadURL>", address, "</oc:downloadURL>")
}
