package ocdav

import (
	"net/http"
	"strings"

	"opencloud/internal/identity"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
	"opencloud/internal/webdav"
)

// target is what a URL names.
type target struct {
	ref storage.Ref
	// prefix is the escaped beginning of the URL that names ref.ID; hrefs are prefix + "/" + path.
	prefix string
}

func (t *target) path() string { return t.ref.Path }

// child returns the target of a name in the folder.
func (t *target) child(name string) target {
	c := *t
	if c.ref.Path == "" {
		c.ref.Path = name
	} else {
		c.ref.Path += "/" + name
	}
	return c
}

// parent returns the target of the folder above.
func (t *target) parent() target {
	p := *t
	if i := strings.LastIndexByte(p.ref.Path, '/'); i >= 0 {
		p.ref.Path = p.ref.Path[:i]
	} else {
		p.ref.Path = ""
	}
	return p
}

// href returns the escaped URL path.
func (t *target) href(folder bool) string {
	b := append(make([]byte, 0, len(t.prefix)+len(t.ref.Path)+16), t.prefix...)
	if t.ref.Path != "" {
		b = append(b, '/')
		b = webdav.AppendHref(b, t.ref.Path)
	}
	if folder {
		b = append(b, '/')
	}
	return string(b)
}

// roots of the URL families, longest first. (spec/storage.md §7.1)
const (
	remotePrefix = "/remote.php"
)

var errNoRoute = &davError{status: http.StatusNotFound, message: "File not found in root"}

// serve finds what the URL names and lets the method work on it.
func (h *handler) serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodOptions {
		return h.options(w, r)
	}
	escaped := r.URL.EscapedPath()
	rest, remote := strings.CutPrefix(escaped, remotePrefix)
	base := ""
	if remote {
		base = remotePrefix
	}
	if handled, err := h.legacy(w, r, rest); handled {
		return err
	}
	actor := identity.ActorFrom(r.Context())
	segments, err := webdav.CleanPath(rest)
	if err == nil && len(segments) > 1 && segments[0] == "dav" && segments[1] == "public-files" {
		return h.publicFiles(w, r, base, segments)
	}
	if !actor.Known() {
		return h.unauthenticated(w, r)
	}
	if err != nil {
		return err
	}
	if len(segments) == 0 {
		return errNoRoute
	}
	if segments[0] == "webdav" {
		return h.files(w, r, h.personal(actor, base+"/webdav", segments[1:]))
	}
	if segments[0] != "dav" || len(segments) < 2 {
		return h.emptyRoot(w, r)
	}
	switch segments[1] {
	case "files":
		if len(segments) < 3 {
			return h.emptyRoot(w, r)
		}
		if !isSelf(actor, segments[2]) {
			return storage.ErrNotFound
		}
		return h.files(w, r, h.personal(actor, base+"/dav/files/"+string(webdav.AppendHref(nil, segments[2])), segments[3:]))
	case "spaces":
		if len(segments) < 3 {
			return fail(http.StatusMethodNotAllowed, "Name a space: /dav/spaces/<id>")
		}
		if segments[2] == "trash-bin" {
			if len(segments) < 4 {
				return fail(http.StatusMethodNotAllowed, "Name a space: /dav/spaces/trash-bin/<id>")
			}
			id, err := h.parseID(segments[3])
			if err != nil {
				return err
			}
			return h.trash(w, r, trashTarget{space: id, prefix: base + "/dav/spaces/trash-bin/" + string(webdav.AppendHref(nil, segments[3]))}, segments[4:])
		}
		t, err := h.spaceTarget(base, segments)
		if err != nil {
			return err
		}
		return h.files(w, r, t)
	case "trash-bin":
		if len(segments) < 3 || !isSelf(actor, segments[2]) {
			return storage.ErrNotFound
		}
		id := resource.SpaceRoot(h.cfg.MountID, actor.User.ID)
		return h.trash(w, r, trashTarget{space: id, prefix: base + "/dav/trash-bin/" + string(webdav.AppendHref(nil, segments[2]))}, segments[3:])
	case "meta":
		return h.meta(w, r, base+"/dav/meta", segments[2:])
	}
	return errNoRoute
}

func isSelf(a identity.Actor, name string) bool {
	return name == a.User.ID || strings.EqualFold(name, a.User.Username)
}

func (h *handler) personal(a identity.Actor, prefix string, path []string) target {
	return target{ref: storage.At(resource.SpaceRoot(h.cfg.MountID, a.User.ID), strings.Join(path, "/")), prefix: prefix}
}

func (h *handler) spaceTarget(base string, segments []string) (target, error) {
	id, err := h.parseID(segments[2])
	if err != nil {
		return target{}, err
	}
	return target{ref: storage.At(id, strings.Join(segments[3:], "/")), prefix: base + "/dav/spaces/" + string(webdav.AppendHref(nil, segments[2]))}, nil
}

// parseID reads an id from a URL; whatever is no id names nothing.
func (h *handler) parseID(s string) (resource.ID, error) {
	id, err := resource.ParseID(s)
	if err != nil {
		return id, storage.ErrNotFound
	}
	return id.WithStorage(h.cfg.MountID), nil
}

// destination finds what a Destination header names; it must be of a family that files can be moved to.
func (h *handler) destination(r *http.Request) (target, error) {
	escaped, err := webdav.ParseDestination(r.Header.Get("Destination"), r.Host, h.public.Host)
	if err != nil {
		return target{}, err
	}
	return h.resolve(r, escaped)
}

// resolve finds what the escaped path of a URL of ours names.
func (h *handler) resolve(r *http.Request, escaped string) (target, error) {
	actor := identity.ActorFrom(r.Context())
	rest, remote := strings.CutPrefix(escaped, remotePrefix)
	base := ""
	if remote {
		base = remotePrefix
	}
	segments, err := webdav.CleanPath(rest)
	if err != nil {
		return target{}, err
	}
	switch {
	case len(segments) >= 1 && segments[0] == "webdav":
		return h.personal(actor, base+"/webdav", segments[1:]), nil
	case len(segments) >= 3 && segments[0] == "dav" && segments[1] == "files" && isSelf(actor, segments[2]):
		return h.personal(actor, base+"/dav/files/"+string(webdav.AppendHref(nil, segments[2])), segments[3:]), nil
	case len(segments) >= 3 && segments[0] == "dav" && segments[1] == "spaces" && segments[2] != "trash-bin":
		return h.spaceTarget(base, segments)
	case len(segments) >= 3 && segments[0] == "dav" && segments[1] == "public-files":
		return publicTarget(base, segments), nil
	}
	return target{}, fail(http.StatusBadRequest, "Destination does not lie in a space")
}

// emptyRoot answers for URLs above the families.
func (h *handler) emptyRoot(_ http.ResponseWriter, r *http.Request) error {
	if r.Method == "PROPFIND" && r.Header.Get("Depth") != "0" {
		return fail(http.StatusMethodNotAllowed, "Listing members of this collection is disabled")
	}
	return errNoRoute
}

func (h *handler) unauthenticated(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("X-Requested-With") != "XMLHttpRequest" {
		w.Header().Add("WWW-Authenticate", `Bearer realm="`+r.Host+`", charset="UTF-8"`)
		w.Header().Add("WWW-Authenticate", `Basic realm="`+r.Host+`", charset="UTF-8"`)
	}
	return fail(http.StatusUnauthorized, "Log in to use this address")
}

// files lets a method work on a file or folder.
func (h *handler) files(w http.ResponseWriter, r *http.Request, t target) error {
	switch r.Method {
	case "PROPFIND":
		return h.propfind(w, r, t)
	case http.MethodGet, http.MethodHead:
		return h.get(w, r, t)
	case http.MethodPut:
		return h.put(w, r, t)
	case http.MethodPost:
		return h.tusCreate(w, r, t)
	case "MKCOL":
		return h.mkcol(w, r, t)
	case http.MethodDelete:
		return h.delete(w, r, t)
	case "MOVE":
		return h.move(w, r, t)
	case "COPY":
		return h.copy(w, r, t)
	case "PROPPATCH":
		return h.proppatch(w, r, t)
	case "LOCK":
		return h.lock(w, r, t)
	case "UNLOCK":
		return h.unlock(w, r, t)
	case "REPORT":
		return h.report(w, r, t)
	}
	w.Header().Set("Allow", allow)
	return fail(http.StatusMethodNotAllowed, "Method "+r.Method+" is not known here")
}

const allow = "OPTIONS, LOCK, GET, HEAD, POST, DELETE, PROPPATCH, COPY, MOVE, UNLOCK, PROPFIND, MKCOL, REPORT, SEARCH, PUT"

func (h *handler) options(w http.ResponseWriter, r *http.Request) error {
	hd := w.Header()
	hd.Set("Allow", allow)
	hd.Set("DAV", "1, 2")
	hd.Set("MS-Author-Via", "DAV")
	tusHeaders(hd)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// legacy answers the addresses that old clients ask for: avatars and redirects.
func (h *handler) legacy(w http.ResponseWriter, r *http.Request, rest string) (bool, error) {
	switch {
	case strings.HasPrefix(rest, "/index.php/s/"), strings.HasPrefix(rest, "/s/"):
		token := strings.Trim(rest[strings.Index(rest, "/s/")+3:], "/")
		if token == "" || strings.Contains(token, "/") {
			return true, errNoRoute
		}
		http.Redirect(w, r, h.public.String()+"/s/"+token, http.StatusMovedPermanently)
		return true, nil
	case strings.HasPrefix(rest, "/apps/files"), strings.HasPrefix(rest, "/index.php/apps/files"):
		http.Redirect(w, r, h.public.String()+"/files", http.StatusMovedPermanently)
		return true, nil
	case strings.HasPrefix(rest, "/dav/avatars/"):
		if !strings.HasSuffix(rest, "/128.png") || r.Method != http.MethodGet {
			return true, errNoRoute
		}
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write(avatar)
		return true, nil
	}
	return false, nil
}
