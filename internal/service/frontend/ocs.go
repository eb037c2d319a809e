package frontend

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strings"

	"opencloud/internal/identity"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
	"opencloud/internal/webdav"
)

// ocsError is an answer that is no success. (spec/storage.md §12)
type ocsError struct {
	code    int
	message string
}

func (e *ocsError) Error() string { return e.message }

var (
	errLogin    = &ocsError{997, "Unauthorised"}
	errUnknown  = &ocsError{998, "Not found"}
	errRefused  = &ocsError{403, "Forbidden"}
	errInternal = &ocsError{996, "Server Error"}
)

// ocs answers an OCS call and wraps it in the envelope of version 1 or 2.
func (h *handler) ocs(w http.ResponseWriter, r *http.Request, version int, path string) {
	data, err := h.ocsCall(r, strings.Trim(path, "/"))
	var e *ocsError
	switch {
	case err == nil:
	case errors.As(err, &e):
	case errors.Is(err, identity.ErrNotFound), errors.Is(err, storage.ErrNotFound):
		e = errUnknown
	default:
		h.Log.ErrorContext(r.Context(), "OCS call failed", "path", path, "err", err)
		e = errInternal
	}
	h.envelope(w, r, version, e, data)
}

func (h *handler) ocsCall(r *http.Request, path string) (any, error) {
	if rest, ok := strings.CutPrefix(path, "apps/files_sharing/api/v1/"); ok {
		return h.sharing(r, strings.Split(rest, "/"))
	}
	a := identity.ActorFrom(r.Context())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil, errUnknown
	}
	switch path {
	case "config":
		u, err := url.Parse(h.cfg.PublicURL)
		if err != nil {
			return nil, err
		}
		return map[string]any{"version": "1.7", "website": "OpenCloud", "host": u.Host, "contact": "", "ssl": fmt.Sprint(u.Scheme == "https")}, nil
	case "cloud/capabilities":
		return map[string]any{"capabilities": h.caps, "version": h.version()}, nil
	}
	if a.Kind != identity.Person {
		return nil, errLogin
	}
	segments := strings.Split(path, "/")
	switch {
	case path == "cloud/user":
		return h.ocsUser(&a), nil
	case len(segments) == 3 && segments[0] == "cloud" && segments[1] == "users":
		return h.ocsSelf(r, &a, segments[2])
	case len(segments) == 4 && segments[0] == "cloud" && segments[1] == "users" && segments[3] == "groups":
		return h.ocsGroups(r, &a, segments[2])
	}
	return nil, errUnknown
}

func (h *handler) ocsUser(a *identity.Actor) map[string]any {
	return map[string]any{"id": a.User.Username, "display-name": a.User.DisplayName, "email": a.User.Mail, "user-type": strings.ToLower(string(orMember(a.User.Type)))}
}

func orMember(t identity.UserType) identity.UserType {
	if t == "" {
		return identity.Member
	}
	return t
}

func isSelf(a *identity.Actor, name string) bool {
	return name == a.User.ID || strings.EqualFold(name, a.User.Username)
}

func (h *handler) ocsSelf(r *http.Request, a *identity.Actor, name string) (any, error) {
	if !isSelf(a, name) {
		return nil, errRefused
	}
	out := h.ocsUser(a)
	out["enabled"] = true
	q, err := h.FS.Quota(r.Context(), resource.SpaceRoot(h.cfg.MountID, a.User.ID))
	if err != nil && !errors.Is(err, storage.ErrNotFound) { // not everybody has a space of his own
		return nil, err
	}
	total := q.Used + q.Remaining
	relative := 0.0
	if total > 0 {
		relative = float64(q.Used) / float64(total) * 100
	}
	out["quota"] = map[string]any{"free": q.Remaining, "used": q.Used, "total": total, "relative": relative, "definition": "default"}
	return out, nil
}

func (h *handler) ocsGroups(r *http.Request, a *identity.Actor, name string) (any, error) {
	if !isSelf(a, name) {
		return nil, errRefused
	}
	groups := []string{}
	for _, id := range a.Groups {
		g, err := h.Groups.Group(r.Context(), id)
		if errors.Is(err, identity.ErrNotFound) {
			continue // removed since he signed in
		}
		if err != nil {
			return nil, err
		}
		groups = append(groups, g.DisplayName)
	}
	return map[string]any{"groups": groups}, nil
}

// httpStatus is the HTTP status of version 2 for an OCS code.
func httpStatus(code int) int {
	switch {
	case code == 100:
		return http.StatusOK
	case code == 997:
		return http.StatusUnauthorized
	case code == 998:
		return http.StatusNotFound
	case code == 104:
		return http.StatusForbidden
	case code == 996 || code == 999:
		return http.StatusInternalServerError
	case code > 100 && code < 200:
		return http.StatusBadRequest
	}
	return code
}

func (h *handler) envelope(w http.ResponseWriter, r *http.Request, version int, e *ocsError, data any) {
	code, message, status, text := 100, "OK", http.StatusOK, "ok"
	if version == 2 {
		code = 200
	}
	if e != nil {
		code, message, text = e.code, e.message, "error"
		if version == 2 {
			status = httpStatus(e.code)
		} else if e.code == 997 {
			status = http.StatusUnauthorized
		}
		data = []any{}
	}
	w.Header().Set("Ocs-Api-Version", fmt.Sprint(version))
	if r.URL.Query().Get("format") == "json" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"ocs": map[string]any{"meta": map[string]any{"status": text, "statuscode": code, "message": message}, "data": data}})
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(status)
	x := webdav.NewXML(w)
	x.Raw(webdav.Header + "<ocs><meta><status>" + text + "</status><statuscode>" + fmt.Sprint(code) + "</statuscode><message>")
	x.Text(message)
	x.Raw("</message></meta>")
	element(x, "data", data)
	x.Raw("</ocs>")
	_ = x.Flush()
}

// element writes a value as XML: maps by key, lists as <element>, booleans as 1 and nothing.
func element(x *webdav.XML, name string, v any) {
	x.Raw("<" + name + ">")
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			element(x, k, v[k])
		}
	case []any:
		for _, e := range v {
			element(x, "element", e)
		}
	case []string:
		for _, e := range v {
			element(x, "element", e)
		}
	case bool:
		if v {
			x.Raw("1")
		} else {
			x.Raw("0")
		}
	case nil:
	default:
		x.Text(fmt.Sprint(v))
	}
	x.Raw("</" + name + ">")
}
