package settings

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"opencloud/internal/identity"
	domain "opencloud/internal/settings"
)

const (
	base     = "/api/v0/settings/"
	maxBody  = 512 << 10 // bytes
	maxDepth = 32
)

// errBody tells that a request is no JSON of the expected form.
var errBody = errors.New("the request cannot be read")

// call answers one endpoint; an answer of nil has no body.
type call func(ctx context.Context, body []byte) (any, error)

type handler struct {
	calls map[string]call
	log   *slog.Logger
}

func newHandler(s *domain.Settings, log *slog.Logger) *handler {
	return &handler{log: log, calls: map[string]call{
		"bundles-list":                     bundlesList(s),
		"bundle-get":                       bundleGet(s),
		"bundle-save":                      bundleSave(s),
		"bundles-add-setting":              addSetting(s),
		"bundles-remove-setting":           removeSetting(s),
		"values-list":                      valuesList(s),
		"values-get":                       valuesGet(s),
		"values-get-by-unique-identifiers": valuesGetUnique(s),
		"values-save":                      valuesSave(s),
		"roles-list":                       rolesList(s),
		"assignments-list":                 assignmentsList(s),
		"assignments-list-filtered":        assignmentsFiltered(s),
		"assignments-add":                  assignmentsAdd(s),
		"assignments-remove":               assignmentsRemove(s),
		"permissions-list":                 permissionsList(s),
		"permissions-list-by-resource":     permissionsByResource(s),
		"permissions-get-by-id":            permissionsByID(s),
	}}
}

// ServeHTTP answers with 201 whatever went well, as clients know it.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	name, ok := strings.CutPrefix(r.URL.Path, base)
	f := h.calls[strings.TrimSuffix(name, "/")]
	a := identity.ActorFrom(r.Context())
	switch {
	case !ok || f == nil:
		http.NotFound(w, r)
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	case !a.Known():
		fail(w, http.StatusUnauthorized, "unauthorized")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var answer any
	if err == nil {
		answer, err = f(r.Context(), body)
	} else {
		err = errBody
	}
	if err != nil {
		h.fail(w, r, name, err)
		return
	}
	if answer == nil {
		w.WriteHeader(http.StatusCreated)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(answer)
}

// errUnauthorized is the original's answer to those who ask for the role of others.
var errUnauthorized = fmt.Errorf("%w: the role of others", domain.ErrForbidden)

func (h *handler) fail(w http.ResponseWriter, r *http.Request, name string, err error) {
	switch {
	case errors.Is(err, errBody):
		fail(w, http.StatusPreconditionFailed, err.Error())
	case errors.Is(err, errUnauthorized):
		fail(w, http.StatusUnauthorized, "unauthorized")
	case errors.Is(err, domain.ErrNotFound):
		fail(w, http.StatusNotFound, "not found")
	case errors.Is(err, domain.ErrForbidden), errors.Is(err, domain.ErrInvalid), errors.Is(err, identity.ErrReadOnly), errors.Is(err, identity.ErrInvalid):
		fail(w, http.StatusBadRequest, err.Error())
	default:
		h.log.ErrorContext(r.Context(), "settings", "call", name, "err", err)
		fail(w, http.StatusBadRequest, "internal error")
	}
}

// fail answers with a small JSON object in plain text.
func fail(w http.ResponseWriter, status int, detail string) {
	b, _ := json.Marshal(map[string]any{"id": "opencloud-settings", "code": status, "detail": detail, "status": http.StatusText(status)})
	http.Error(w, string(b), status)
}

// decode reads a request whose names are written either way: accountUuid or account_uuid.
func decode(body []byte, into any) error {
	if len(body) == 0 {
		return nil
	}
	var tree any
	in := json.NewDecoder(bytes.NewReader(body))
	in.UseNumber()
	if err := in.Decode(&tree); err != nil || in.More() {
		return errBody
	}
	if _, ok := tree.(map[string]any); !ok {
		return errBody
	}
	tree, ok := camel(tree, 0)
	if !ok {
		return errBody
	}
	again, err := json.Marshal(tree)
	if err != nil {
		return errBody
	}
	if err := json.Unmarshal(again, into); err != nil {
		return errBody
	}
	return nil
}

// camel renames the keys of objects; false if they are nested too deep.
func camel(v any, depth int) (any, bool) {
	if depth > maxDepth {
		return nil, false
	}
	ok := true
	switch t := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(t))
		for k, e := range t {
			if e, ok = camel(e, depth+1); !ok {
				return nil, false
			}
			out[camelName(k)] = e
		}
		return out, true
	case []any:
		for i := range t {
			if t[i], ok = camel(t[i], depth+1); !ok {
				return nil, false
			}
		}
	}
	return v, true
}

func camelName(s string) string {
	if !strings.Contains(s, "_") {
		return s
	}
	parts := strings.Split(s, "_")
	for i, p := range parts {
		if i > 0 && p != "" {
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "")
}
