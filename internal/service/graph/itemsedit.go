package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
	"opencloud/internal/transfer"
)

// deleteItem answers DELETE …/items/{item}: the item goes to the trash. (spec/identity.md §14.7)
func (h *handler) deleteItem(_ http.ResponseWriter, r *http.Request) (any, error) {
	ref, err := h.itemRef(r)
	if err != nil {
		return nil, err
	}
	i, err := h.Reader.Stat(r.Context(), ref, storage.View{})
	if err != nil {
		return nil, err
	}
	if i.ID.IsRoot() {
		return nil, &graphError{http.StatusMethodNotAllowed, "notAllowed", "the root of a space cannot be deleted"}
	}
	if err := h.Writer.Delete(r.Context(), storage.At(i.ID, ""), ifMatch(r)); err != nil {
		return nil, err
	}
	return noContent()
}

// ifMatch reads the condition that the item is as the client knows it. (RFC 9110 §13.1.1)
func ifMatch(r *http.Request) storage.Conditions {
	var c storage.Conditions
	for tag := range strings.SplitSeq(r.Header.Get("If-Match"), ",") {
		if tag = strings.Trim(strings.TrimSpace(tag), `"`); tag != "" {
			c.IfMatch = append(c.IfMatch, tag)
		}
	}
	return c
}

// childBody is a new item: exactly one of the facets tells what it is.
type childBody struct {
	Name   string          `json:"name"`
	File   json.RawMessage `json:"file"`
	Folder json.RawMessage `json:"folder"`
	Remote json.RawMessage `json:"remoteItem"`
}

func (b *childBody) check() error {
	n := 0
	for _, facet := range []json.RawMessage{b.File, b.Folder, b.Remote} {
		if absent(facet) {
			continue
		}
		if n++; facet[0] != '{' {
			return badRequest("a facet is an object")
		}
	}
	switch {
	case n != 1:
		return badRequest("exactly one of folder, file and remoteItem must be there")
	case !absent(b.Remote):
		return badRequest("items of other drives cannot be put here")
	}
	return resource.ValidateName(b.Name)
}

// choice reads a query parameter that has two values, the first of which is the default.
func choice(r *http.Request, name, usual, other string) (bool, error) {
	switch v := r.URL.Query().Get(name); v {
	case "", usual:
		return false, nil
	case other:
		return true, nil
	}
	return false, badRequest(name + " is " + usual + " or " + other)
}

// createChild answers POST …/children: an empty file or a folder. What is replaced goes to the trash, or becomes a version.
func (h *handler) createChild(_ http.ResponseWriter, r *http.Request) (any, error) {
	var b childBody
	if err := decode(r, &b); err != nil {
		return nil, err
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	replace, err := choice(r, "@libre.graph.conflictBehavior", "fail", "replace")
	if err != nil {
		return nil, err
	}
	makeParents, err := choice(r, "@libre.graph.missingParentsBehavior", "fail", "create")
	if err != nil {
		return nil, err
	}
	ref, err := h.itemRef(r)
	if err != nil {
		return nil, err
	}
	if makeParents {
		if err := h.makeFolders(r.Context(), ref); err != nil {
			return nil, err
		}
	}
	parent, err := h.Reader.Stat(r.Context(), ref, storage.View{})
	if err != nil {
		return nil, err
	}
	if !parent.IsFolder() {
		return nil, badRequest("a file has no children")
	}
	made, err := h.put(r.Context(), storage.At(parent.ID, b.Name), absent(b.File), replace)
	if err != nil {
		return nil, err
	}
	i, err := h.stat(r, storage.At(made, ""))
	if err != nil {
		return nil, err
	}
	return created(h.toItem(&i))
}

// makeFolders makes those folders of a path that are missing.
func (h *handler) makeFolders(ctx context.Context, ref storage.Ref) error {
	at := storage.At(ref.ID, "")
	segments, err := resource.SplitPath(ref.Path)
	if err != nil {
		return err
	}
	for _, s := range segments {
		at.Path = strings.TrimPrefix(at.Path+"/"+s, "/")
		_, err := h.Reader.Stat(ctx, at, storage.View{})
		if errors.Is(err, storage.ErrNotFound) {
			if err = resource.ValidateName(s); err == nil {
				_, err = h.Writer.CreateFolder(ctx, at, storage.Conditions{})
			}
		}
		if err != nil && !errors.Is(err, storage.ErrExists) {
			return err
		}
	}
	return nil
}

func (h *handler) put(ctx context.Context, ref storage.Ref, folder, replace bool) (resource.ID, error) {
	if folder {
		i, err := h.Writer.CreateFolder(ctx, ref, storage.Conditions{})
		if errors.Is(err, storage.ErrExists) && replace {
			if err = h.Writer.Delete(ctx, ref, storage.Conditions{}); err == nil {
				i, err = h.Writer.CreateFolder(ctx, ref, storage.Conditions{})
			}
		}
		return i.ID, err
	}
	q := storage.UploadRequest{}
	if !replace {
		q.Conditions.IfNoneMatch = []string{"*"}
	}
	res, err := h.Writer.Upload(ctx, ref, q, strings.NewReader(""))
	if errors.Is(err, storage.ErrPrecondition) {
		err = storage.ErrExists
	}
	return res.Info.ID, err
}

// restoreItem answers POST …/items/{item}/restore: something deleted comes back to where it was.
func (h *handler) restoreItem(_ http.ResponseWriter, r *http.Request) (any, error) {
	ref, err := h.itemRef(r)
	if err != nil {
		return nil, err
	}
	res, err := h.Trash.Restore(r.Context(), ref.ID.Root(), ref.ID.Node, "", storage.Ref{}, false, storage.Conditions{})
	if errors.Is(err, storage.ErrParentMissing) {
		return nil, nameExists("the folder it was in is not there any more")
	}
	if err != nil {
		return nil, err
	}
	i, err := h.stat(r, storage.At(res.Info.ID, ""))
	if err != nil {
		return nil, err
	}
	return h.toItem(&i), nil
}

// permanentDelete answers POST …/items/{item}/permanentDelete: the item is removed for good, from the trash or from its place.
func (h *handler) permanentDelete(_ http.ResponseWriter, r *http.Request) (any, error) {
	ref, err := h.itemRef(r)
	if err != nil {
		return nil, err
	}
	ctx, root := r.Context(), ref.ID.Root()
	i, err := h.Reader.Stat(ctx, ref, storage.View{})
	switch {
	case errors.Is(err, storage.ErrNotFound): // it may lie in the trash
	case err != nil:
		return nil, err
	case i.ID.IsRoot():
		return nil, &graphError{http.StatusMethodNotAllowed, "notAllowed", "the root of a space cannot be deleted"}
	default:
		space, err := h.Reader.Stat(ctx, storage.At(root, ""), storage.View{})
		if err != nil || !space.Permissions.Has(permission.PurgeTrash) { // else it would end in the trash
			return nil, forbidden()
		}
		if err := h.Writer.Delete(ctx, ref, ifMatch(r)); err != nil {
			return nil, err
		}
	}
	if err := h.Trash.Purge(ctx, root, ref.ID.Node, ""); err != nil {
		return nil, err
	}
	return noContent()
}

// uploadTTL is how long an upload may wait before it begins.
const uploadTTL = 24 * time.Hour

// createUploadSession answers POST …/createUploadSession: an address that takes the whole content of one file by PUT, as the caller.
// The file is there already, or a path behind a colon names a new one.
func (h *handler) createUploadSession(_ http.ResponseWriter, r *http.Request) (any, error) {
	var b struct {
		Item struct {
			Conflict string `json:"@microsoft.graph.conflictBehavior"`
			Name     string `json:"name"`
			Size     *int64 `json:"fileSize"`
		} `json:"item"`
	}
	if r.ContentLength != 0 {
		if err := decode(r, &b); err != nil {
			return nil, err
		}
	}
	ref, err := h.itemRef(r)
	if err != nil {
		return nil, err
	}
	if err := h.mayUpload(r.Context(), ref); err != nil {
		return nil, err
	}
	q := storage.UploadRequest{Length: -1}
	if b.Item.Size != nil {
		if q.Length = *b.Item.Size; q.Length < 0 {
			return nil, badRequest("fileSize is a number of bytes")
		}
	}
	switch b.Item.Conflict {
	case "", "replace":
	case "fail":
		q.Conditions.IfNoneMatch = []string{"*"}
	case "rename":
		q.AutoRename = true
	default:
		return nil, badRequest("conflictBehavior is fail, replace or rename")
	}
	c := transfer.Claims{Op: transfer.Write, Resource: ref.ID.String(), Path: ref.Path, Actor: identity.ActorFrom(r.Context())}
	if err := c.SetRequest(q); err != nil {
		return nil, err
	}
	token, err := h.uploads.Sign(c, uploadTTL)
	if err != nil {
		return nil, err
	}
	return map[string]any{"uploadUrl": h.url + "/data/" + token, "expirationDateTime": moment(h.now().Add(uploadTTL)), "nextExpectedRanges": []string{"0-"}}, nil
}

// mayUpload refuses early what the upload would be refused for.
func (h *handler) mayUpload(ctx context.Context, ref storage.Ref) error {
	i, err := h.Reader.Stat(ctx, ref, storage.View{})
	if errors.Is(err, storage.ErrNotFound) && ref.Path != "" {
		above, name, deep := cutLast(ref.Path, "/")
		if !deep {
			above, name = "", ref.Path
		}
		if err := resource.ValidateName(name); err != nil {
			return err
		}
		i, err = h.Reader.Stat(ctx, storage.At(ref.ID, above), storage.View{})
		if err == nil && !i.IsFolder() {
			return storage.ErrNotFound
		}
	} else if err == nil && i.IsFolder() {
		return badRequest("a folder has no content")
	}
	if err == nil && !i.Permissions.Has(permission.Upload) {
		err = storage.ErrForbidden
	}
	return err
}
