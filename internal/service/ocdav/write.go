package ocdav

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"opencloud/internal/identity"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
	"opencloud/internal/transfer"
	"opencloud/internal/webdav"
)

// checkName applies the rules for new names. (spec/storage.md §0.3)
func (h *handler) checkName(t *target) error {
	name := webdav.Base(t.ref.Path)
	if err := resource.ValidateName(name); err != nil {
		return err
	}
	for _, c := range h.cfg.Names.InvalidChars {
		if c != "" && strings.Contains(name, c) {
			return fail(http.StatusBadRequest, "The name must not contain "+strconv.Quote(c))
		}
	}
	if m := h.cfg.Names.MaxLength; m > 0 && utf8.RuneCountInString(name) > m {
		return fail(http.StatusBadRequest, "The name is longer than "+strconv.Itoa(m)+" characters")
	}
	return nil
}

// empty refuses methods that take no body.
func empty(r *http.Request) error {
	if r.ContentLength > 0 || r.ContentLength < 0 && len(r.TransferEncoding) > 0 {
		if n, _ := io.CopyN(io.Discard, r.Body, 1); n > 0 {
			return fail(http.StatusUnsupportedMediaType, r.Method+" takes no body")
		}
	}
	return nil
}

// uploadRequest reads the headers that PUT and TUS creation share.
func uploadRequest(r *http.Request) (storage.UploadRequest, error) {
	req := storage.UploadRequest{Length: r.ContentLength}
	var err error
	if req.MTime, err = transfer.ParseMTime(r.Header.Get("X-OC-Mtime")); err != nil {
		return req, err
	}
	sum := r.Header.Get("OC-Checksum")
	if sum == "" {
		sum = r.Header.Get("Upload-Checksum")
	}
	req.Checksum, err = transfer.ParseChecksum(sum)
	return req, err
}

// put answers PUT. (RFC 9110 §9.3.4, spec/storage.md §7.8)
func (h *handler) put(w http.ResponseWriter, r *http.Request, t target) error {
	if r.Header.Get("Content-Range") != "" {
		return fail(http.StatusNotImplemented, "Partial PUT is not supported; use TUS")
	}
	if t.ref.Path == "" {
		i, err := h.fs.Stat(r.Context(), t.ref, storage.View{})
		if err != nil {
			return err
		}
		if i.IsFolder() {
			return fail(http.StatusConflict, "There is a folder at this address")
		}
	} else if err := h.checkName(&t); err != nil {
		return err
	}
	req, err := uploadRequest(r)
	if err != nil {
		return err
	}
	// Finder announces the length in a header of its own and sends in chunks.
	if l := r.Header.Get("X-Expected-Entity-Length"); l != "" && req.Length <= 0 {
		if req.Length, err = strconv.ParseInt(l, 10, 64); err != nil || req.Length < 0 {
			return fail(http.StatusBadRequest, "X-Expected-Entity-Length must be a number")
		}
	}
	if l := r.Header.Get("OC-Total-Length"); l != "" && req.Length < 0 {
		if req.Length, err = strconv.ParseInt(l, 10, 64); err != nil || req.Length < 0 {
			return fail(http.StatusBadRequest, "OC-Total-Length must be a number")
		}
	}
	if req.Conditions, err = h.conditions(r, t); err != nil {
		return err
	}
	res, err := h.fs.Upload(r.Context(), t.ref, req, r.Body)
	if err != nil {
		return putError(err)
	}
	resourceHeaders(w.Header(), &res.Info)
	if !req.MTime.IsZero() {
		w.Header()["X-OC-Mtime"] = []string{"accepted"}
	}
	w.WriteHeader(created(res.Created))
	return nil
}

func created(yes bool) int {
	if yes {
		return http.StatusCreated
	}
	return http.StatusNoContent
}

// putError: what an upload meets where it wants to write is a conflict.
func putError(err error) error {
	if errors.Is(err, storage.ErrExists) {
		return fail(http.StatusConflict, err.Error())
	}
	return err
}

// mkcol answers MKCOL. (RFC 4918 §9.3)
func (h *handler) mkcol(w http.ResponseWriter, r *http.Request, t target) error {
	if err := empty(r); err != nil {
		return err
	}
	if t.ref.Path == "" {
		return fail(http.StatusMethodNotAllowed, "The resource you tried to create already exists")
	}
	if err := h.checkName(&t); err != nil {
		return err
	}
	c, err := h.conditions(r, t)
	if err != nil {
		return err
	}
	i, err := h.fs.CreateFolder(r.Context(), t.ref, c)
	if errors.Is(err, storage.ErrExists) {
		return fail(http.StatusMethodNotAllowed, "The resource you tried to create already exists")
	}
	if err != nil {
		return err
	}
	resourceHeaders(w.Header(), &i)
	w.WriteHeader(http.StatusCreated)
	return nil
}

// delete answers DELETE. (RFC 4918 §9.6)
func (h *handler) delete(w http.ResponseWriter, r *http.Request, t target) error {
	if err := empty(r); err != nil {
		return err
	}
	c, err := h.conditions(r, t)
	if err != nil {
		return err
	}
	if t.ref.Path == "" && t.ref.ID.IsRoot() {
		return fail(http.StatusMethodNotAllowed, "The root of a space cannot be deleted")
	}
	err = h.fs.Delete(r.Context(), t.ref, c)
	var locked *storage.LockedError
	if errors.As(err, &locked) && locked.Lock.User == identity.ActorFrom(r.Context()).User.ID {
		w.Header().Set("Lock-Token", "<"+locked.Lock.Token+">") // only its owner is told
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// transferArgs reads what MOVE and COPY have in common.
func (h *handler) transferArgs(r *http.Request, t target) (dst target, overwrite bool, c storage.Conditions, err error) {
	if overwrite, err = webdav.ParseOverwrite(r.Header.Get("Overwrite")); err != nil {
		return
	}
	if dst, err = h.destination(r); err != nil {
		return
	}
	if t.ref.Path == "" && t.ref.ID.IsRoot() || dst.ref.Path == "" && dst.ref.ID.IsRoot() {
		err = fail(http.StatusBadRequest, "The root of a space can be neither source nor target")
		return
	}
	if dst.ref.Path != "" {
		if err = h.checkName(&dst); err != nil {
			return
		}
	}
	c, err = h.conditions(r, t)
	return
}

func transferError(err error) error {
	if errors.Is(err, storage.ErrExists) {
		return &davError{status: http.StatusPreconditionFailed, message: "The destination exists, and Overwrite is F", header: "Overwrite"}
	}
	return err
}

// move answers MOVE. (RFC 4918 §9.9)
func (h *handler) move(w http.ResponseWriter, r *http.Request, t target) error {
	if d, err := webdav.ParseDepth(r.Header.Get("Depth"), webdav.DepthInfinity); err != nil || d != webdav.DepthInfinity {
		return fail(http.StatusBadRequest, "Depth must be infinity")
	}
	if err := empty(r); err != nil {
		return err
	}
	dst, overwrite, c, err := h.transferArgs(r, t)
	if err != nil {
		return err
	}
	res, err := h.fs.Move(r.Context(), t.ref, dst.ref, overwrite, c)
	if err != nil {
		return transferError(err)
	}
	resourceHeaders(w.Header(), &res.Info)
	w.WriteHeader(created(res.Created))
	return nil
}

// copy answers COPY. (RFC 4918 §9.8)
func (h *handler) copy(w http.ResponseWriter, r *http.Request, t target) error {
	d, err := webdav.ParseDepth(r.Header.Get("Depth"), webdav.DepthInfinity)
	if err != nil || d == webdav.DepthOne {
		return fail(http.StatusBadRequest, "Depth must be 0 or infinity")
	}
	if err := empty(r); err != nil {
		return err
	}
	dst, overwrite, c, err := h.transferArgs(r, t)
	if err != nil {
		return err
	}
	res, err := h.fs.Copy(r.Context(), t.ref, dst.ref, overwrite, d == webdav.DepthInfinity, c)
	if err != nil {
		return transferError(err)
	}
	resourceHeaders(w.Header(), &res.Info)
	w.WriteHeader(created(res.Created))
	return nil
}

// tusCreate answers POST: a new upload session. (TUS 1.0.0 creation, spec/storage.md §8)
func (h *handler) tusCreate(w http.ResponseWriter, r *http.Request, t target) error {
	if r.Header.Get("Tus-Resumable") != transfer.TusVersion {
		return fail(http.StatusPreconditionFailed, "POST begins a resumable upload and needs Tus-Resumable: 1.0.0")
	}
	req, err := h.tusRequest(r)
	if err != nil {
		return err
	}
	name := strings.Trim(req.Metadata["filename"], "/")
	if name == "" {
		name = req.Metadata["name"]
	}
	segments, err := resource.SplitPath(name)
	if err != nil || len(segments) == 0 {
		return fail(http.StatusBadRequest, "Upload-Metadata needs a filename")
	}
	dst := t
	for _, s := range segments {
		dst = dst.child(s)
		if err := h.checkName(&dst); err != nil {
			return err
		}
	}
	if req.Conditions, err = h.conditions(r, dst); err != nil {
		return err
	}
	hd := w.Header()
	tusHeaders(hd)
	if req.Length == 0 {
		res, err := h.fs.Upload(r.Context(), dst.ref, req, strings.NewReader(""))
		if err != nil {
			return putError(err)
		}
		transfer.SetResultHeaders(hd, &res.Info)
		hd.Set("Upload-Offset", "0")
		w.WriteHeader(http.StatusCreated)
		return nil
	}
	s, err := h.fs.CreateUpload(r.Context(), dst.ref, req)
	if err != nil {
		return tusError(err)
	}
	token, err := h.signer.Sign(transfer.Claims{Op: transfer.Session, Session: s.ID, Actor: identity.ActorFrom(r.Context())}, h.sessionTTL)
	if err != nil {
		return err
	}
	hd.Set("Location", h.public.String()+"/data/"+token)
	if mediaType(r.Header.Get("Content-Type")) == transfer.OffsetType && r.ContentLength != 0 {
		if s, err = h.fs.WriteUpload(r.Context(), s.ID, 0, nil, r.Body); err != nil {
			return tusError(err)
		}
	}
	transfer.SessionAnswer(hd, &s)
	w.WriteHeader(http.StatusCreated)
	return nil
}

// tusError is an error with the status that TUS clients expect.
func tusError(err error) error {
	if errors.Is(err, storage.ErrParentMissing) {
		return fail(http.StatusPreconditionFailed, err.Error())
	}
	if status := transfer.StatusOf(err); status < 500 {
		return fail(status, err.Error())
	}
	return err
}

func (h *handler) tusRequest(r *http.Request) (storage.UploadRequest, error) {
	req := storage.UploadRequest{Length: -1, MakeParents: true}
	var err error
	switch l := r.Header.Get("Upload-Length"); {
	case l != "":
		if req.Length, err = strconv.ParseInt(l, 10, 64); err != nil || req.Length < 0 {
			return req, fail(http.StatusBadRequest, "Upload-Length must be a number")
		}
	case r.Header.Get("Upload-Defer-Length") != "1":
		return req, fail(http.StatusPreconditionFailed, "Upload-Length is missing")
	}
	if req.Metadata, err = transfer.ParseMetadata(r.Header.Get("Upload-Metadata")); err != nil {
		return req, err
	}
	if req.MTime, err = transfer.ParseMTime(req.Metadata["mtime"]); err != nil {
		return req, err
	}
	req.Checksum, err = transfer.ParseChecksum(req.Metadata["checksum"])
	return req, err
}

// proppatch answers PROPPATCH: all or nothing. (RFC 4918 §9.2)
func (h *handler) proppatch(w http.ResponseWriter, r *http.Request, t target) error {
	patches, err := webdav.ParseProppatch(r.Body)
	if err != nil {
		return err
	}
	c, err := h.conditions(r, t)
	if err != nil {
		return err
	}
	i, err := h.fs.Stat(r.Context(), t.ref, storage.View{})
	if err != nil {
		return err
	}
	plan, refused := planPatches(patches)
	if !refused {
		if err := h.applyPatches(r, t, plan, c); err != nil {
			return err
		}
	}
	x := webdav.NewXML(w)
	x.Raw(webdav.Header + webdav.Multistatus + "<d:response><d:href>" + t.href(i.IsFolder()) + "</d:href>")
	for n, p := range patches {
		status := "200 OK"
		switch {
		case refused && plan.forbidden[n]:
			status = "403 Forbidden"
		case refused:
			status = "424 Failed Dependency"
		case p.Remove:
			status = "204 No Content"
		}
		x.Raw("<d:propstat><d:prop>")
		x.Empty(p.Name)
		x.Raw("</d:prop><d:status>HTTP/1.1 " + status + "</d:status></d:propstat>")
	}
	x.Raw("</d:response></d:multistatus>")
	w.Header().Set("Content-Type", webdav.ContentType)
	w.WriteHeader(http.StatusMultiStatus)
	return x.Flush()
}

// patchPlan sorts patches by what they are about.
type patchPlan struct {
	forbidden map[int]bool
	stored    []storage.PropPatch
	favorite  *bool
	mtime     *time.Time
}

func planPatches(patches []webdav.Patch) (plan patchPlan, refused bool) {
	plan.forbidden = map[int]bool{}
	for n, p := range patches {
		k := known[p.Name]
		switch {
		case k == favorite:
			on := !p.Remove && p.Text != "0" && p.Text != "false"
			plan.favorite = &on
		case !p.Remove && p.Name.Space == webdav.DAV && (p.Name.Local == "lastmodified" || k == lastModified):
			m, err := transfer.ParseMTime(p.Text)
			if err != nil {
				if m, err = http.ParseTime(p.Text); err != nil {
					plan.forbidden[n] = true
					continue
				}
			}
			plan.mtime = &m
		case k != unknown:
			plan.forbidden[n] = true
		default:
			plan.stored = append(plan.stored, storage.PropPatch{Remove: p.Remove,
				Prop: storage.Prop{Namespace: p.Name.Space, Name: p.Name.Local, Value: p.Value, Attrs: p.Attrs}})
		}
	}
	return plan, len(plan.forbidden) > 0
}

func (h *handler) applyPatches(r *http.Request, t target, plan patchPlan, c storage.Conditions) error {
	if len(plan.stored) > 0 {
		if err := h.fs.PatchProps(r.Context(), t.ref, plan.stored, c); err != nil {
			return err
		}
		c.IfMatch, c.IfUnmodifiedSince = nil, time.Time{} // they held; the ETag is another one now
	}
	if plan.mtime != nil {
		if err := h.fs.SetMTime(r.Context(), t.ref, *plan.mtime, c); err != nil {
			return err
		}
	}
	if plan.favorite != nil {
		return h.fs.SetFavorite(r.Context(), t.ref, *plan.favorite)
	}
	return nil
}
