package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"opencloud/internal/identity"
	"opencloud/internal/resource"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// remoteItem is what a received item is where it comes from. (spec/storage.md §11.5)
type remoteItem struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	ETag         string            `json:"eTag"`
	CTag         string            `json:"cTag,omitempty"`
	Size         *int64            `json:"size,omitempty"`
	LastModified string            `json:"lastModifiedDateTime"`
	CreatedBy    *identities       `json:"createdBy,omitempty"`
	File         *fileFacet        `json:"file,omitempty"`
	Folder       *struct{}         `json:"folder,omitempty"`
	Path         string            `json:"path"`
	DriveAlias   string            `json:"driveAlias,omitempty"`
	RootID       string            `json:"rootId"`
	Parent       *itemReference    `json:"parentReference"`
	WebURL       string            `json:"webUrl"`
	Permissions  []drivePermission `json:"permissions,omitempty"`
}

// toRemote describes where a received item comes from. What is above it there is not told.
func (h *handler) toRemote(ctx context.Context, r *share.Received) *remoteItem {
	i := r.Item
	i.Path = ""
	d := h.toItem(&i)
	return &remoteItem{ID: d.ID, Name: d.Name, ETag: d.ETag, CTag: d.CTag, Size: d.Size, LastModified: d.LastModified, CreatedBy: h.sharer(ctx, r), File: d.File, Folder: d.Folder,
		Path: "/", DriveAlias: r.SpaceAlias(), RootID: i.ID.Root().String(), Parent: d.Parent, WebURL: d.WebURL}
}

// sharer is who gave it: the first, if there are several.
func (h *handler) sharer(ctx context.Context, r *share.Received) *identities {
	id := r.Shares[0].Creator
	if id == "" {
		id = r.Item.SpaceOwner
	}
	if id == "" {
		return nil
	}
	who := h.names.of(ctx, space.UserGrantee, id)
	return &who
}

// toReceived describes a received item as it lies in the jail, or could.
func (h *handler) toReceived(ctx context.Context, r *share.Received) driveItem {
	remote := h.toRemote(ctx, r)
	for i := range r.Shares {
		remote.Permissions = append(remote.Permissions, h.toPermission(ctx, &r.Shares[i]))
	}
	synced, hidden := r.State == share.Accepted, r.Hidden
	return driveItem{ID: r.ID().String(), Name: r.Mount, ETag: remote.ETag, LastModified: remote.LastModified, CreatedBy: remote.CreatedBy, File: remote.File, Folder: remote.Folder,
		Parent:      &itemReference{DriveID: share.Jail().SpaceID(), DriveType: string(space.Virtual), ID: share.Jail().String()},
		Synchronize: &synced, Hidden: &hidden, Remote: remote}
}

// thumbnails lets clients ask for them, though there are none yet.
func thumbnails(r *http.Request) error {
	q, err := options(r, "$expand", "$select", "$top", "$skip", "$count")
	if err != nil {
		return err
	}
	for _, e := range q.Expand {
		if e.Path != "thumbnails" {
			return badRequest("$expand knows thumbnails")
		}
	}
	return nil
}

// sharedWithMe answers GET /me/drive/sharedWithMe: all that the caller received, whatever they made of it.
func (h *handler) sharedWithMe(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := thumbnails(r); err != nil {
		return nil, err
	}
	all, err := h.Shares.Received(r.Context())
	if err != nil {
		return nil, err
	}
	out := []driveItem{}
	for i := range all {
		out = append(out, h.toReceived(r.Context(), &all[i]))
	}
	return list{Value: out}, nil
}

// sharedByMe answers GET /me/drive/sharedByMe: each item once, with the shares and links that the caller made, and those in their
// own space.
func (h *handler) sharedByMe(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := thumbnails(r); err != nil {
		return nil, err
	}
	ctx := r.Context()
	shares, err := h.Shares.Given(ctx)
	if err != nil {
		return nil, err
	}
	links, err := h.Links.Given(ctx)
	if err != nil {
		return nil, err
	}
	out, at := []driveItem{}, map[resource.ID]int{}
	whole := map[resource.ID]bool{} // the spaces that the caller sees all of
	add := func(i storage.Info, p drivePermission) {
		n, ok := at[i.ID]
		if !ok {
			root := i.ID.Root()
			if _, known := whole[root]; !known {
				_, err := h.Reader.Stat(ctx, storage.At(root, ""), storage.View{})
				whole[root] = err == nil
			}
			if !whole[root] {
				i.Path = ""
			}
			n = len(out)
			at[i.ID], out = n, append(out, h.toItem(&i))
		}
		out[n].Permissions = append(out[n].Permissions, p)
	}
	for i := range shares {
		add(shares[i].Item, h.toPermission(ctx, &shares[i]))
	}
	for i := range links {
		add(links[i].On, h.toLink(&links[i].Link))
	}
	return list{Value: out}, nil
}

// inJail lets another operation answer for the drive in which everybody finds what they received.
func (h *handler) inJail(jail, op operation) operation {
	return func(w http.ResponseWriter, r *http.Request) (any, error) {
		if id, err := h.driveID(r); err == nil && id == share.Jail() && h.Shares != nil {
			return jail(w, r)
		}
		return op(w, r)
	}
}

// received finds what the path names in the jail.
func (h *handler) received(r *http.Request) (share.Received, error) {
	ref, err := h.itemRef(r)
	if err != nil {
		return share.Received{}, err
	}
	return h.Shares.ReceivedItem(r.Context(), ref.ID)
}

// jailItem answers GET of the root of the jail, or of something in it.
func (h *handler) jailItem(_ http.ResponseWriter, r *http.Request) (any, error) {
	ref, err := h.itemRef(r)
	if err != nil {
		return nil, err
	}
	if ref.ID != share.Jail() {
		item, err := h.received(r)
		if err != nil {
			return nil, err
		}
		return h.toReceived(r.Context(), &item), nil
	}
	all, err := h.Shares.Received(r.Context())
	if err != nil {
		return nil, err
	}
	root := share.JailRoot(all)
	return h.toItem(&root), nil
}

// jailChildren answers GET …/root/children of the jail: what was accepted. What is in that is in its own drive.
func (h *handler) jailChildren(_ http.ResponseWriter, r *http.Request) (any, error) {
	ref, err := h.itemRef(r)
	if err != nil {
		return nil, err
	}
	if ref.ID != share.Jail() {
		return nil, storage.ErrNotFound
	}
	all, err := h.Shares.Received(r.Context())
	if err != nil {
		return nil, err
	}
	out := []driveItem{}
	for i := range all {
		if all[i].State == share.Accepted {
			out = append(out, h.toReceived(r.Context(), &all[i]))
		}
	}
	return list{Value: out}, nil
}

// mount answers POST …/root/children of the jail: something received is taken. (spec/storage.md §11.5)
func (h *handler) mount(_ http.ResponseWriter, r *http.Request) (any, error) {
	var b childBody
	if err := decode(r, &b); err != nil {
		return nil, err
	}
	ref, err := h.itemRef(r)
	switch {
	case err != nil:
		return nil, err
	case absent(b.Remote) || !absent(b.File) || !absent(b.Folder):
		return nil, badRequest("only a remoteItem can be put here")
	case ref.ID != share.Jail():
		return nil, storage.ErrNotFound
	}
	var remote struct {
		ID string `json:"id"`
	}
	d := json.NewDecoder(bytes.NewReader(b.Remote))
	d.DisallowUnknownFields()
	if err := d.Decode(&remote); err != nil || remote.ID == "" {
		return nil, badRequest("remoteItem is an object with an id")
	}
	id, err := resource.ParseID(remote.ID)
	if err != nil {
		return nil, badRequest("the id of the remoteItem cannot be read")
	}
	item, err := h.Shares.ReceivedItem(r.Context(), id.WithStorage(h.cfg.MountID))
	if err != nil {
		return nil, err
	}
	if item.State == share.Accepted {
		return nil, nameExists("it is there already")
	}
	accepted := share.Accepted
	if item, err = h.Shares.SetReceived(r.Context(), item.Item.ID, share.ReceivedChange{State: &accepted}); err != nil {
		return nil, err
	}
	return created(h.toReceived(r.Context(), &item))
}

// unmount answers DELETE …/items/{item} of the jail: the item stays shared, and can be mounted again.
func (h *handler) unmount(_ http.ResponseWriter, r *http.Request) (any, error) {
	item, err := h.received(r)
	if err != nil {
		return nil, err
	}
	if item.State != share.Accepted {
		return nil, nameExists("it is not there")
	}
	rejected := share.Rejected
	if _, err = h.Shares.SetReceived(r.Context(), item.Item.ID, share.ReceivedChange{State: &rejected}); err != nil {
		return nil, err
	}
	return noContent()
}

// patchReceived answers PATCH …/items/{item} of the jail: something received is hidden or shown.
func (h *handler) patchReceived(_ http.ResponseWriter, r *http.Request) (any, error) {
	var b struct {
		Hidden *bool `json:"@UI.Hidden"`
	}
	if err := decode(r, &b); err != nil {
		return nil, err
	}
	if b.Hidden == nil {
		return nil, badRequest("there is nothing to change")
	}
	item, err := h.received(r)
	if err != nil {
		return nil, err
	}
	if item, err = h.Shares.SetReceived(r.Context(), item.Item.ID, share.ReceivedChange{Hidden: b.Hidden}); err != nil {
		return nil, err
	}
	return h.toReceived(r.Context(), &item), nil
}

// noPatch answers PATCH …/items/{item} everywhere else.
func noPatch(http.ResponseWriter, *http.Request) (any, error) {
	return nil, badRequest("only what was received can be hidden")
}

// jailDrives are the jail and, one by one, what lies in it, as drives. (spec/identity.md §14.6)
func (h *handler) jailDrives(ctx context.Context) ([]drive, error) {
	if h.Shares == nil || identity.ActorFrom(ctx).Kind != identity.Person {
		return nil, nil
	}
	all, err := h.Shares.Received(ctx)
	if err != nil {
		return nil, err
	}
	root := share.JailRoot(all)
	sid := root.ID.SpaceID()
	out := []drive{{ID: sid, Type: string(space.Virtual), Alias: "virtual/shares", Name: root.Name, Quota: quota{State: "normal"}, WebURL: h.url + "/f/" + sid,
		Root: driveItem{ID: root.ID.String(), ETag: `"` + root.ETag + `"`, WebDAVURL: h.dav + sid}, LastModified: stamp(root.MTime), modified: root.MTime}}
	for i := range all {
		r := &all[i]
		if r.State != share.Accepted {
			continue
		}
		id := r.ID().String()
		remote := h.toRemote(ctx, r)
		out = append(out, drive{ID: id, Type: string(space.Mountpoint), Alias: string(space.Mountpoint) + "/" + r.Mount, Name: r.Mount, Owner: remote.CreatedBy, Quota: quota{State: "normal"},
			WebURL: h.url + "/f/" + id, Root: driveItem{ID: id, Name: r.Mount, ETag: remote.ETag, WebDAVURL: h.dav + id, Remote: remote},
			LastModified: remote.LastModified, modified: r.Item.MTime})
	}
	return out, nil
}
