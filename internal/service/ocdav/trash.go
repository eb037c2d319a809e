package ocdav

import (
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"opencloud/internal/resource"
	"opencloud/internal/storage"
	"opencloud/internal/webdav"
)

// trashTarget is the trash of a space.
type trashTarget struct {
	space  resource.ID
	prefix string
}

// trash answers below /dav/spaces/trash-bin/{space}. (spec/storage.md §7.14)
func (h *handler) trash(w http.ResponseWriter, r *http.Request, t trashTarget, segments []string) error {
	key, rel := "", ""
	if len(segments) > 0 {
		key, rel = segments[0], strings.Join(segments[1:], "/")
	}
	switch r.Method {
	case "PROPFIND":
		return h.listTrash(w, r, t, key, rel)
	case "MOVE":
		return h.restore(w, r, t, key, rel)
	case http.MethodDelete:
		if err := empty(r); err != nil {
			return err
		}
		if err := h.fs.Purge(r.Context(), t.space, key, rel); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	w.Header().Set("Allow", "OPTIONS, PROPFIND, MOVE, DELETE")
	return fail(http.StatusMethodNotAllowed, "The trash takes PROPFIND, MOVE and DELETE")
}

func (h *handler) listTrash(w http.ResponseWriter, r *http.Request, t trashTarget, key, rel string) error {
	depth, err := webdav.ParseDepth(r.Header.Get("Depth"), webdav.DepthOne)
	if err != nil {
		return err
	}
	if depth == webdav.DepthInfinity {
		return fail(http.StatusBadRequest, "Depth: infinity is not allowed")
	}
	if _, err := webdav.ParsePropfind(r.Body); err != nil {
		return err
	}
	items, err := h.fs.ListTrash(r.Context(), t.space, key, rel)
	if err != nil {
		return err
	}
	multistatusHeaders(w.Header(), false, false)
	w.WriteHeader(http.StatusMultiStatus)
	x := webdav.NewXML(w)
	x.Raw(webdav.Header + webdav.Multistatus + "<d:response><d:href>" + t.prefix)
	x.Append(func(b []byte) []byte {
		if key != "" {
			b = webdav.AppendHref(append(b, '/'), path.Join(key, rel))
		}
		return append(b, '/')
	})
	x.Raw("</d:href><d:propstat><d:prop><d:resourcetype><d:collection/></d:resourcetype></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>")
	if depth == webdav.DepthOne {
		for i, err := range items {
			if err == nil {
				trashItem(x, &t, &i)
				err = x.More()
			}
			if err != nil {
				h.log.WarnContext(r.Context(), "trash listing broke off", "err", err)
				return http.ErrAbortHandler
			}
		}
	}
	x.Raw("</d:multistatus>")
	return x.Flush()
}

func trashItem(x *webdav.XML, t *trashTarget, i *storage.TrashItem) {
	folder := i.Kind == resource.Folder
	x.Raw("<d:response><d:href>" + t.prefix + "/")
	x.Append(func(b []byte) []byte { return webdav.AppendHref(b, path.Join(i.Key, i.Path)) })
	if folder {
		x.Raw("/")
	}
	x.Raw("</d:href><d:propstat><d:prop><oc:trashbin-original-filename>")
	x.Text(i.Name)
	x.Raw("</oc:trashbin-original-filename><oc:trashbin-original-location>")
	x.Text(i.OriginalPath)
	x.Raw("</oc:trashbin-original-location><oc:trashbin-delete-datetime>" + i.Deleted.UTC().Format(time.RFC1123Z) +
		"</oc:trashbin-delete-datetime><oc:trashbin-delete-timestamp>" + strconv.FormatInt(i.Deleted.Unix(), 10) + "</oc:trashbin-delete-timestamp>")
	if folder {
		x.Raw("<oc:size>" + strconv.FormatInt(i.Size, 10) + "</oc:size><d:resourcetype><d:collection/></d:resourcetype>")
	} else {
		x.Raw("<d:getcontentlength>" + strconv.FormatInt(i.Size, 10) + "</d:getcontentlength><d:resourcetype></d:resourcetype>")
	}
	x.Raw("<oc:id>" + i.ID.String() + "</oc:id><oc:spaceid>" + i.ID.SpaceID() + "</oc:spaceid></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>")
}

// restore answers MOVE out of the trash.
func (h *handler) restore(w http.ResponseWriter, r *http.Request, t trashTarget, key, rel string) error {
	if key == "" {
		return fail(http.StatusMethodNotAllowed, "Name what to restore")
	}
	overwrite, err := webdav.ParseOverwrite(r.Header.Get("Overwrite"))
	if err != nil {
		return err
	}
	dst, err := h.destination(r)
	if err != nil {
		return err
	}
	if dst.ref.Path == "" {
		return fail(http.StatusBadRequest, "The destination must be a name in a folder")
	}
	if err := h.checkName(&dst); err != nil {
		return err
	}
	c, err := h.conditions(r, dst)
	if err != nil {
		return err
	}
	res, err := h.fs.Restore(r.Context(), t.space, key, rel, dst.ref, overwrite, storage.Conditions{LockTokens: c.LockTokens})
	if err != nil {
		return transferError(err)
	}
	resourceHeaders(w.Header(), &res.Info)
	w.WriteHeader(created(res.Created))
	return nil
}

// meta answers below /dav/meta: the path of an id, and versions. (spec/storage.md §7.15)
func (h *handler) meta(w http.ResponseWriter, r *http.Request, prefix string, segments []string) error {
	if len(segments) == 0 {
		return errNoRoute
	}
	id, err := resource.ParseID(segments[0])
	if err != nil {
		return fail(http.StatusBadRequest, "The id cannot be read")
	}
	id = id.WithStorage(h.cfg.MountID)
	t := target{ref: storage.At(id, ""), prefix: prefix + "/" + string(webdav.AppendHref(nil, segments[0]))}
	switch {
	case len(segments) == 1 && r.Method == "PROPFIND":
		body, err := webdav.ParsePropfind(r.Body)
		if err != nil {
			return err
		}
		q := newQuestion(r.Context(), body, false)
		return h.multistatus(w, r, t, q, webdav.DepthZero)
	case len(segments) == 2 && segments[1] == "v" && r.Method == "PROPFIND":
		return h.listVersions(w, r, t)
	case len(segments) == 3 && segments[1] == "v":
		return h.version(w, r, id, segments[2])
	}
	w.Header().Set("Allow", "OPTIONS, PROPFIND, GET, HEAD, COPY")
	return fail(http.StatusMethodNotAllowed, "Not possible here")
}

func (h *handler) version(w http.ResponseWriter, r *http.Request, id resource.ID, key string) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		if err := webdav.CheckRange(r.Header); err != nil {
			return err
		}
		c, err := h.fs.OpenVersion(r.Context(), id, key)
		if err != nil {
			return err
		}
		defer c.Close()
		h.content(w, r, c)
		return nil
	case "COPY":
		c, err := h.conditions(r, target{ref: storage.At(id, "")})
		if err != nil {
			return err
		}
		i, err := h.fs.RestoreVersion(r.Context(), id, key, c)
		if err != nil {
			return err
		}
		resourceHeaders(w.Header(), &i)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	w.Header().Set("Allow", "OPTIONS, GET, HEAD, COPY")
	return fail(http.StatusMethodNotAllowed, "A version takes GET, HEAD and COPY")
}

func (h *handler) listVersions(w http.ResponseWriter, r *http.Request, t target) error {
	body, err := webdav.ParsePropfind(r.Body)
	if err != nil {
		return err
	}
	q := newQuestion(r.Context(), body, false)
	versions, err := h.fs.ListVersions(r.Context(), t.ref.ID)
	if err != nil {
		return err
	}
	multistatusHeaders(w.Header(), false, false)
	w.WriteHeader(http.StatusMultiStatus)
	x := webdav.NewXML(w)
	x.Raw(webdav.Header + webdav.Multistatus)
	self := target{prefix: t.prefix + "/v"}
	h.response(x, q, &self, &storage.Info{ID: t.ref.ID, Kind: resource.Folder, Name: "v"})
	for _, v := range versions {
		vt := target{prefix: self.prefix + "/" + string(webdav.AppendHref(nil, v.Key))}
		h.response(x, q, &vt, &storage.Info{ID: t.ref.ID, Kind: resource.File, Name: v.Key, Size: v.Size, MTime: v.MTime, ETag: v.ETag, MIME: v.MIME})
	}
	x.Raw("</d:multistatus>")
	return x.Flush()
}
