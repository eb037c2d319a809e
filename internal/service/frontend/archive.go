package frontend

import (
	"archive/tar"
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

// maxSelected bounds how many ids one archive may be asked for.
const maxSelected = 1000

// archive answers GET /archiver: a zip or tar of files and folders, made while it is sent. (spec/storage.md §9.1)
func (h *handler) archive(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if identity.ActorFrom(r.Context()).Kind == identity.Anonymous {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	items, status, err := h.selected(r)
	if err != nil {
		if status == http.StatusInternalServerError {
			h.Log.ErrorContext(r.Context(), "archive failed", "err", err)
			err = errors.New("internal error")
		}
		http.Error(w, err.Error(), status)
		return
	}
	format := r.URL.Query().Get("output-format")
	if format == "" {
		format = "zip"
	}
	name := "download"
	if len(items) == 1 {
		name = items[0].Name
	}
	hd := w.Header()
	hd.Set("Content-Disposition", disposition(name+"."+format))
	hd.Set("Content-Transfer-Encoding", "binary")
	hd.Set("X-Content-Type-Options", "nosniff")
	var out archiver
	if format == "zip" {
		hd.Set("Content-Type", "application/zip")
		out = zipArchiver{zip.NewWriter(w)}
	} else {
		hd.Set("Content-Type", "application/x-tar")
		out = tarArchiver{tar.NewWriter(w)}
	}
	if r.Method == http.MethodHead {
		return
	}
	if v := identity.ActorFrom(r.Context()).Visit; v != nil {
		h.Links.Downloaded(v.Link)
	}
	taken := map[string]bool{}
	for i := range items {
		if err = h.add(r.Context(), out, &items[i], unique(entryName(&items[i], ""), taken)); err != nil {
			break
		}
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		// The client must see that this is not the whole.
		h.Log.WarnContext(r.Context(), "archive broke off", "err", err)
		panic(http.ErrAbortHandler)
	}
}

// selected finds what is asked for and counts it before the first byte is sent.
func (h *handler) selected(r *http.Request) ([]storage.Info, int, error) {
	q := r.URL.Query()
	if f := q.Get("output-format"); f != "" && f != "zip" && f != "tar" {
		return nil, http.StatusBadRequest, errors.New("output-format must be zip or tar")
	}
	var refs []storage.Ref
	for _, id := range q["id"] {
		rid, err := resource.ParseID(id)
		if err != nil {
			return nil, http.StatusBadRequest, errors.New("an id cannot be read")
		}
		refs = append(refs, storage.At(rid.WithStorage(h.cfg.MountID), ""))
	}
	home := resource.SpaceRoot(h.cfg.MountID, identity.ActorFrom(r.Context()).User.ID)
	for _, p := range q["path"] {
		refs = append(refs, storage.At(home, strings.Trim(p, "/")))
	}
	if len(refs) == 0 || len(refs) > maxSelected {
		return nil, http.StatusBadRequest, errors.New("name what to download: id=<resource id>, once or several times")
	}
	var items []storage.Info
	c := counter{files: h.cfg.Archiver.MaxFiles, bytes: h.cfg.Archiver.MaxSize}
	for _, ref := range refs {
		i, err := h.FS.Stat(r.Context(), ref, storage.View{})
		if err == nil && !i.Permissions.Has(permission.Download) {
			err = storage.ErrForbidden // secure view: neither it nor what is in it
		}
		if err == nil {
			err = h.count(r.Context(), &i, &c)
		}
		switch {
		case errors.Is(err, errTooMuch):
			return nil, http.StatusRequestEntityTooLarge, err
		case errors.Is(err, storage.ErrNotFound), errors.Is(err, storage.ErrInvalid):
			return nil, http.StatusNotFound, errors.New("not found")
		case errors.Is(err, storage.ErrForbidden):
			return nil, http.StatusForbidden, errors.New("forbidden")
		case err != nil:
			return nil, http.StatusInternalServerError, err
		}
		items = append(items, i)
	}
	return items, 0, nil
}

var errTooMuch = errors.New("too many files or bytes for one archive; download smaller folders")

type counter struct{ files, bytes int64 }

func (h *handler) count(ctx context.Context, i *storage.Info, c *counter) error {
	if c.files--; c.files < 0 {
		return errTooMuch
	}
	if !i.IsFolder() {
		if c.bytes -= i.Size; c.bytes < 0 {
			return errTooMuch
		}
		return nil
	}
	_, children, err := h.FS.List(ctx, storage.At(i.ID, ""), storage.View{})
	if denied(err) {
		return nil
	}
	if err != nil {
		return err
	}
	var below []storage.Info
	for x, err := range children {
		if err != nil {
			return err
		}
		if x.IsFolder() {
			below = append(below, x)
		} else if err := h.count(ctx, &x, c); err != nil {
			return err
		}
	}
	for k := range below {
		if err := h.count(ctx, &below[k], c); err != nil {
			return err
		}
	}
	return nil
}

// denied tells that something in what was asked for is not for the caller, or no longer: it is left out.
func denied(err error) bool {
	return errors.Is(err, storage.ErrForbidden) || errors.Is(err, storage.ErrNotFound)
}

// disposition is the header under which clients save an archive: everything but letters and digits is encoded. (RFC 8187)
func disposition(name string) string {
	return "attachment; filename*=UTF-8''" + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}

// entryName is the name in the archive: never absolute, never with dots that lead out of the folder it is unpacked in, and no drive.
func entryName(i *storage.Info, prefix string) string {
	if i.Parent.IsZero() { // a whole space: what is in it
		return ""
	}
	name := strings.NewReplacer("/", "_", "\\", "_", "\x00", "_").Replace(i.Name)
	if name == "." || name == ".." || name == "" {
		name = "_"
	}
	if prefix == "" && len(name) > 1 && name[1] == ':' {
		name = name[:1] + "_" + name[2:]
	}
	return path.Join(prefix, name)
}

// unique returns a name that is not taken, and takes it.
func unique(name string, taken map[string]bool) string {
	ext := path.Ext(name)
	out := name
	for n := 1; name != "" && taken[out]; n++ {
		out = fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(name, ext), n, ext)
	}
	taken[out] = true
	return out
}

func (h *handler) add(ctx context.Context, out archiver, i *storage.Info, name string) error {
	if i.Status == storage.Processing {
		return nil
	}
	if !i.IsFolder() {
		c, err := h.FS.Open(ctx, storage.At(i.ID, ""))
		if denied(err) || errors.Is(err, storage.ErrProcessing) {
			return nil
		}
		if err != nil {
			return err
		}
		defer c.Close()
		return out.file(name, &c.Info, c)
	}
	if name != "" {
		if err := out.folder(name, i); err != nil {
			return err
		}
	}
	_, children, err := h.FS.List(ctx, storage.At(i.ID, ""), storage.View{})
	if denied(err) {
		return nil
	}
	if err != nil {
		return err
	}
	var below []storage.Info // the sequence must not stay open while a slow client takes the content
	for x, err := range children {
		if err != nil {
			return err
		}
		below = append(below, x)
	}
	for k := range below {
		if err := h.add(ctx, out, &below[k], entryName(&below[k], name)); err != nil {
			return err
		}
	}
	return nil
}

// archiver is a format.
type archiver interface {
	folder(name string, i *storage.Info) error
	file(name string, i *storage.Info, content io.Reader) error
	Close() error
}

type zipArchiver struct{ *zip.Writer }

func (z zipArchiver) folder(name string, i *storage.Info) error {
	_, err := z.CreateHeader(&zip.FileHeader{Name: name + "/", Modified: i.MTime.UTC()})
	return err
}

func (z zipArchiver) file(name string, i *storage.Info, content io.Reader) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: i.MTime.UTC()})
	if err == nil {
		_, err = io.Copy(w, content)
	}
	return err
}

type tarArchiver struct{ *tar.Writer }

func (t tarArchiver) header(name string, i *storage.Info, kind byte, mode, size int64) error {
	return t.WriteHeader(&tar.Header{Typeflag: kind, Name: name, Mode: mode, Size: size, ModTime: i.MTime.Truncate(time.Second), Format: tar.FormatPAX})
}

func (t tarArchiver) folder(name string, i *storage.Info) error {
	return t.header(name+"/", i, tar.TypeDir, 0o755, 0)
}

func (t tarArchiver) file(name string, i *storage.Info, content io.Reader) error {
	err := t.header(name, i, tar.TypeReg, 0o644, i.Size)
	if err == nil {
		_, err = io.Copy(t, content)
	}
	return err
}
