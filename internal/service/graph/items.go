package graph

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/go-chi/chi/v5"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

// parseDrive reads the id of the drive of the path.
func (h *handler) parseDrive(r *http.Request) (resource.ID, error) {
	text, err := param(r, "drive")
	if err != nil {
		return resource.ID{}, err
	}
	id, err := resource.ParseID(text)
	if err != nil {
		return id, badRequest("the id of the drive cannot be read")
	}
	return id.WithStorage(h.cfg.MountID), nil
}

// driveID reads the drive of the path: the id of a space, or of its root.
func (h *handler) driveID(r *http.Request) (resource.ID, error) {
	id, err := h.parseDrive(r)
	if err == nil && !id.IsRoot() {
		err = missing("drive")
	}
	return id, err
}

// itemID reads the item of the path.
func (h *handler) itemID(r *http.Request) (resource.ID, error) {
	text, err := param(r, "item")
	if err != nil {
		return resource.ID{}, err
	}
	id, err := resource.ParseID(text)
	if err != nil {
		return resource.ID{}, badRequest("the id of the item cannot be read")
	}
	return id.WithStorage(h.cfg.MountID), nil
}

// itemRef reads what the path names: an item of the drive or its root, and a path below it between colons. Items of other drives
// are not there. (spec/storage.md §11.1)
func (h *handler) itemRef(r *http.Request) (storage.Ref, error) {
	id, err := h.driveID(r)
	if err != nil {
		return storage.Ref{}, err
	}
	if chi.URLParam(r, "item") != "" {
		item, err := h.itemID(r)
		if err != nil {
			return storage.Ref{}, err
		}
		if item.Root() != id {
			return storage.Ref{}, missing("item in this drive")
		}
		id = item
	}
	below, _, err := colonPath(r)
	return storage.At(id, below), err
}

// colonPath reads what stands behind a colon: "a/b", "a/b:" or "a/b:/children".
func colonPath(r *http.Request) (below, action string, err error) {
	s := chi.URLParam(r, "*")
	if r.URL.RawPath != "" {
		if s, err = url.PathUnescape(s); err != nil {
			return "", "", badRequest("the path cannot be read")
		}
	}
	below, action, _ = cutLast(s, ":/")
	segments, err := resource.SplitPath(strings.TrimSuffix(below, ":"))
	if err != nil {
		return "", "", badRequest("the path cannot be read")
	}
	return strings.Join(segments, "/"), action, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// byPath lets one of the operations work on a path between colons, by what stands behind it.
func byPath(ops map[string]operation) operation {
	return func(w http.ResponseWriter, r *http.Request) (any, error) {
		_, action, err := colonPath(r)
		if err != nil {
			return nil, err
		}
		op := ops[action]
		if op == nil {
			return nil, storage.ErrNotFound
		}
		return op(w, r)
	}
}

// stat looks at an item. Its path is there only for who can see the whole space.
func (h *handler) stat(r *http.Request, ref storage.Ref) (storage.Info, error) {
	i, err := h.Reader.Stat(r.Context(), ref, storage.View{Path: true})
	if err != nil || i.ID.IsRoot() {
		return i, err
	}
	_, err = h.Reader.Stat(r.Context(), storage.At(i.ID.Root(), ""), storage.View{})
	if errors.Is(err, storage.ErrNotFound) {
		i.Path, err = "", nil
	}
	return i, err
}

// item answers GET /drives/{drive}/root and /drives/{drive}/items/{item}. (spec/identity.md §14.7)
func (h *handler) item(_ http.ResponseWriter, r *http.Request) (any, error) {
	ref, err := h.itemRef(r)
	if err != nil {
		return nil, err
	}
	return h.itemAt(r, ref)
}

func (h *handler) itemAt(r *http.Request, ref storage.Ref) (any, error) {
	q, err := options(r, "$select", "$expand")
	if err != nil {
		return nil, err
	}
	i, err := h.stat(r, ref)
	if err != nil {
		return nil, err
	}
	a := identity.ActorFrom(r.Context())
	d := h.toItem(&i)
	return d, h.selected(&d, &i, q.Select, &a)
}

// children answers GET …/children. Files have none.
func (h *handler) children(_ http.ResponseWriter, r *http.Request) (any, error) {
	ref, err := h.itemRef(r)
	if err != nil {
		return nil, err
	}
	return h.childrenAt(r, ref)
}

func (h *handler) childrenAt(r *http.Request, ref storage.Ref) (any, error) {
	q, err := options(r, "$select", "$expand", "$top", "$skip", "$skiptoken", "$count")
	if err != nil {
		return nil, err
	}
	parent, err := h.stat(r, ref)
	if err != nil {
		return nil, err
	}
	if !parent.IsFolder() {
		return nil, badRequest("a file has no children")
	}
	_, all, err := h.Reader.List(r.Context(), storage.At(parent.ID, ""), storage.View{})
	if err != nil {
		return nil, err
	}
	a := identity.ActorFrom(r.Context())
	out := []driveItem{}
	for i, err := range all {
		if err != nil {
			return nil, err
		}
		if parent.ID.IsRoot() || parent.Path != "" {
			i.Path = path.Join(parent.Path, i.Name)
		}
		d := h.toItem(&i)
		if err := h.selected(&d, &i, q.Select, &a); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	out, l := page(h, r, &q, out)
	l.Value = out
	return l, nil
}

// myRoot answers GET /me/drive/root, and myChildren GET /me/drive/root/children.
func (h *handler) myRoot(_ http.ResponseWriter, r *http.Request) (any, error) {
	return h.itemAt(r, storage.At(h.home(r), ""))
}

func (h *handler) myChildren(_ http.ResponseWriter, r *http.Request) (any, error) {
	return h.childrenAt(r, storage.At(h.home(r), ""))
}

// home is the caller's personal space: it has their id.
func (h *handler) home(r *http.Request) resource.ID {
	return resource.SpaceRoot(h.cfg.MountID, identity.ActorFrom(r.Context()).User.ID)
}

// content answers GET …/content: where a file can be fetched without signing in again.
func (h *handler) content(w http.ResponseWriter, r *http.Request) (any, error) {
	if h.downloads == nil {
		return nil, notSupported("this")
	}
	ref, err := h.itemRef(r)
	if err != nil {
		return nil, err
	}
	i, err := h.Reader.Stat(r.Context(), ref, storage.View{})
	a := identity.ActorFrom(r.Context())
	switch {
	case err != nil:
		return nil, err
	case i.IsFolder():
		return nil, missing("file")
	case !i.Permissions.Has(permission.Download) || a.Kind != identity.Person:
		return nil, forbidden()
	}
	to, err := h.downloadURL(&i, &a)
	if err != nil {
		return nil, err
	}
	w.Header().Set("Location", to)
	w.Header().Set("Cache-Control", "no-store")
	return reply{status: http.StatusFound}, nil
}
