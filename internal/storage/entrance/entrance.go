// Package entrance lets people into storages by other ways than their own spaces: by the jail, where everybody finds what he
// received, and by public links. It finds out where a reference leads and passes the call on to the storage behind, which
// decides about rights as ever. (spec/storage.md §5, §6)
//
// Invariants: what is shown of the way in (the root of a mount or link) bears the id of the way; what is below it has its own.
// Nothing is shown of what is above it: neither its parent nor its path. The actor is never changed.
package entrance

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/resource"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// Shares is what is asked about what the actor received. share.Service is it.
type Shares interface {
	Jailed(ctx context.Context) (storage.Info, iter.Seq2[*storage.Info, share.Entry], error)
	Mounted(ctx context.Context, name, shareID string) (share.Entry, error)
	SetReceived(ctx context.Context, id resource.ID, c share.ReceivedChange) (share.Received, error)
}

// Links tells whether a link still opens anything.
type Links interface {
	Alive(ctx context.Context, id string) error
}

// FS is a storage with the two ways into it.
type FS struct {
	storage.FS // behind; what needs no way in is its own
	shares     Shares
	links      Links
}

var _ storage.FS = (*FS)(nil)

// New returns a storage that can be entered by shares and links.
func New(behind storage.FS, s Shares, l Links) *FS { return &FS{FS: behind, shares: s, links: l} }

// way is where a reference leads.
type way struct {
	ref  storage.Ref // in the storage behind
	door *door       // nil: the reference is one of the storage's own
	root bool        // ref is the door itself
}

// door is where one comes in.
type door struct {
	inside resource.ID // the node behind
	id     resource.ID // under which it is shown
	parent resource.ID // shown as above it; may be zero
	name   string      // shown; empty: its own
	public bool
	prefix string // path of the door in its space, if paths are asked for
}

// virtual is a reference to something that no storage has: the root of the jail, or of a link to a file.
type virtual struct {
	public bool
	name   string // below the root: of what does not exist there
}

func (v *virtual) Error() string { return "not found" }

// Is makes what is missing below a virtual root storage.ErrNotFound, and any other use of the root forbidden.
func (v *virtual) Is(target error) bool {
	if v.name != "" {
		return target == storage.ErrNotFound
	}
	return target == storage.ErrForbidden
}

// enter finds out where a reference leads.
func (f *FS) enter(ctx context.Context, ref storage.Ref) (way, error) {
	switch ref.ID.Storage {
	case share.JailID:
		return f.jail(ctx, ref)
	case link.PublicID:
		return public(ctx, ref)
	}
	return way{ref: ref}, nil
}

func (f *FS) jail(ctx context.Context, ref storage.Ref) (way, error) {
	name, rest, id := "", ref.Path, ref.ID.Node
	if ref.ID == share.Jail() {
		var below bool
		if name, rest, below = strings.Cut(strings.Trim(ref.Path, "/"), "/"); name == "" {
			return way{}, &virtual{}
		}
		id = ""
		e, err := f.shares.Mounted(ctx, name, "")
		if err != nil {
			if !below && errors.Is(err, storage.ErrNotFound) {
				err = &virtual{name: name}
			}
			return way{}, err
		}
		return mounted(e, rest), nil
	}
	e, err := f.shares.Mounted(ctx, "", id)
	if err != nil {
		return way{}, err
	}
	return mounted(e, rest), nil
}

func mounted(e share.Entry, rest string) way {
	return way{ref: storage.At(e.Item, rest), root: rest == "",
		door: &door{inside: e.Item, id: share.Jail().WithNode(e.Share), parent: share.Jail(), name: e.Mount}}
}

func public(ctx context.Context, ref storage.Ref) (way, error) {
	a := identity.ActorFrom(ctx)
	v := a.Visit
	if a.Kind != identity.Visitor || v == nil || v.Token == "" || ref.ID != link.Root(v.Token) {
		return way{}, storage.ErrNotFound
	}
	inside := resource.ID{Storage: v.Storage, Space: v.Space, Node: v.Node}
	d := &door{inside: inside, id: inside, public: true}
	rest := strings.Trim(ref.Path, "/")
	if !v.File {
		return way{ref: storage.At(inside, rest), root: rest == "", door: d}, nil
	}
	// A link to a file is a folder with the file in it.
	if rest == "" {
		return way{}, &virtual{public: true}
	}
	d.parent = ref.ID
	return way{ref: storage.At(inside, ""), root: true, door: d}, nil
}

// show makes of what the storage tells what is seen from this side.
func (w *way) show(i *storage.Info, root bool) {
	d := w.door
	if d == nil {
		return
	}
	i.Received = !d.public
	if root {
		i.ID, i.Parent = d.id, d.parent
		if d.name != "" {
			i.Name = d.name
		}
	} else if i.Parent == d.inside && d.public {
		i.Parent = d.id
	}
	if i.Path != "" || root {
		i.Path = strings.TrimPrefix(strings.TrimPrefix(i.Path, d.prefix), "/")
	}
	if d.public {
		i.SpaceOwner = ""
		i.Locks = nil // whose they are, and their tokens, are not for everybody
		i.Favorite, i.Shared, i.Grantees = false, false, nil
	}
}

// paths prepares for showing paths: those above the door are left out.
func (f *FS) paths(ctx context.Context, w *way, v storage.View) error {
	if w.door == nil || !v.Path {
		return nil
	}
	i, err := f.FS.Stat(ctx, storage.At(w.door.inside, ""), storage.View{Path: true})
	w.door.prefix = i.Path
	return err
}

// Stat implements storage.Reader.
func (f *FS) Stat(ctx context.Context, ref storage.Ref, v storage.View) (storage.Info, error) {
	w, err := f.enter(ctx, ref)
	if err != nil {
		return f.virtualInfo(ctx, err)
	}
	if w.dropped(ctx) {
		return storage.Info{}, storage.ErrNotFound
	}
	if err := f.paths(ctx, &w, v); err != nil {
		return storage.Info{}, err
	}
	i, err := f.FS.Stat(ctx, w.ref, v)
	locks := i.Locks
	w.show(&i, w.root)
	if w.door != nil && w.door.public {
		i.Locks = known(locks, identity.ActorFrom(ctx).User.ID, v.Tokens)
	}
	return i, w.fits(ref, &i, err)
}

// known returns those of the locks that a visitor made and whose tokens he tells.
func known(locks []storage.Lock, visitor string, tokens []string) (out []storage.Lock) {
	for _, l := range locks {
		if l.User == visitor && slices.Contains(tokens, l.Token) {
			out = append(out, l)
		}
	}
	return out
}

// fits refuses a name that is not that of the file a link opens.
func (w *way) fits(ref storage.Ref, i *storage.Info, err error) error {
	if err == nil && w.door != nil && w.door.public && w.root && ref.Path != "" && strings.Trim(ref.Path, "/") != i.Name {
		return storage.ErrNotFound
	}
	return err
}

// List implements storage.Reader.
func (f *FS) List(ctx context.Context, ref storage.Ref, v storage.View) (storage.Info, iter.Seq2[storage.Info, error], error) {
	w, err := f.enter(ctx, ref)
	if err != nil {
		return f.virtualList(ctx, err)
	}
	if w.dropped(ctx) {
		return storage.Info{}, nil, storage.ErrNotFound
	}
	if err := f.paths(ctx, &w, v); err != nil {
		return storage.Info{}, nil, err
	}
	self, children, err := f.FS.List(ctx, w.ref, v)
	if err == nil {
		err = f.named(ctx, &w, ref)
	}
	if err != nil || w.door == nil {
		return self, children, err
	}
	w.show(&self, w.root)
	return self, func(yield func(storage.Info, error) bool) {
		for i, err := range children {
			w.show(&i, false)
			if !yield(i, err) {
				return
			}
		}
	}, nil
}

// named refuses names that are not that of the file a link opens, where the file was not looked at anyway.
func (f *FS) named(ctx context.Context, w *way, ref storage.Ref) error {
	if w.door == nil || !w.door.public || !w.root || ref.Path == "" {
		return nil
	}
	i, err := f.FS.Stat(ctx, w.ref, storage.View{})
	return w.fits(ref, &i, err)
}

// inside is enter for calls that change or read what exists, or make something in a folder.
func (f *FS) inside(ctx context.Context, ref storage.Ref, makes bool) (way, error) {
	w, err := f.enter(ctx, ref)
	if v, ok := errors.AsType[*virtual](err); ok {
		switch {
		case v.name == "" || makes:
			err = storage.ErrForbidden // nothing can be made beside mounts
		default:
			err = storage.ErrNotFound
		}
	}
	if err == nil && !makes && w.door != nil && w.dropped(ctx) {
		err = storage.ErrNotFound
	}
	if err == nil {
		err = f.named(ctx, &w, ref)
	}
	return w, err
}

// Open implements storage.Reader.
func (f *FS) Open(ctx context.Context, ref storage.Ref) (*storage.Content, error) {
	w, err := f.inside(ctx, ref, false)
	if err != nil {
		return nil, err
	}
	c, err := f.FS.Open(ctx, w.ref)
	if err == nil {
		w.show(&c.Info, w.root)
	}
	return c, err
}

// CreateFolder implements storage.Writer.
func (f *FS) CreateFolder(ctx context.Context, ref storage.Ref, c storage.Conditions) (storage.Info, error) {
	w, err := f.inside(ctx, ref, true)
	if err != nil {
		return storage.Info{}, err
	}
	if drop(ctx) {
		return f.dropFolder(ctx, &w)
	}
	i, err := f.FS.CreateFolder(ctx, w.ref, c)
	w.show(&i, w.root)
	return i, err
}

// Upload implements storage.Writer.
func (f *FS) Upload(ctx context.Context, ref storage.Ref, r storage.UploadRequest, body io.Reader) (storage.Result, error) {
	w, err := f.inside(ctx, ref, true)
	if err != nil {
		return storage.Result{}, err
	}
	if err := f.dropFile(ctx, &w, &r); err != nil {
		return storage.Result{}, err
	}
	res, err := f.FS.Upload(ctx, w.ref, r, body)
	w.show(&res.Info, w.root)
	return res, err
}

// Move implements storage.Writer.
func (f *FS) Move(ctx context.Context, src, dst storage.Ref, overwrite bool, c storage.Conditions) (storage.Result, error) {
	from, err := f.inside(ctx, src, false)
	if err != nil {
		return storage.Result{}, err
	}
	if from.door != nil && from.root {
		return f.rename(ctx, from, dst)
	}
	to, err := f.inside(ctx, dst, true)
	if err != nil {
		return storage.Result{}, err
	}
	if to.root {
		return storage.Result{}, storage.ErrForbidden
	}
	res, err := f.FS.Move(ctx, from.ref, to.ref, overwrite, c)
	to.show(&res.Info, false)
	return res, err
}

// rename gives a mount another name in the jail; the thing itself keeps its own.
func (f *FS) rename(ctx context.Context, from way, dst storage.Ref) (storage.Result, error) {
	name := strings.Trim(dst.Path, "/")
	if from.door.public || dst.ID != share.Jail() || name == "" || strings.Contains(name, "/") {
		return storage.Result{}, storage.ErrForbidden
	}
	r, err := f.shares.SetReceived(ctx, from.door.inside, share.ReceivedChange{Mount: &name})
	if err != nil {
		return storage.Result{}, err
	}
	i := mount(&r.Item, r.Entry)
	return storage.Result{Info: i, Created: true}, nil
}

// Copy implements storage.Writer.
func (f *FS) Copy(ctx context.Context, src, dst storage.Ref, overwrite, deep bool, c storage.Conditions) (storage.Result, error) {
	from, err := f.inside(ctx, src, false)
	if err != nil {
		return storage.Result{}, err
	}
	to, err := f.inside(ctx, dst, true)
	if err != nil {
		return storage.Result{}, err
	}
	if to.door != nil && to.root {
		return storage.Result{}, storage.ErrForbidden
	}
	res, err := f.FS.Copy(ctx, from.ref, to.ref, overwrite, deep, c)
	to.show(&res.Info, false)
	return res, err
}

// Delete implements storage.Writer. A mount is no longer taken; what is shared stays.
func (f *FS) Delete(ctx context.Context, ref storage.Ref, c storage.Conditions) error {
	w, err := f.inside(ctx, ref, false)
	if err != nil {
		return err
	}
	if w.door == nil || !w.root {
		return f.FS.Delete(ctx, w.ref, c)
	}
	if w.door.public {
		return storage.ErrForbidden
	}
	rejected := share.Rejected
	_, err = f.shares.SetReceived(ctx, w.door.inside, share.ReceivedChange{State: &rejected})
	return err
}

// CreateUpload implements storage.Uploads.
func (f *FS) CreateUpload(ctx context.Context, ref storage.Ref, r storage.UploadRequest) (storage.UploadSession, error) {
	w, err := f.inside(ctx, ref, true)
	if err != nil {
		return storage.UploadSession{}, err
	}
	if err := f.dropFile(ctx, &w, &r); err != nil {
		return storage.UploadSession{}, err
	}
	s, err := f.FS.CreateUpload(ctx, w.ref, r)
	w.session(&s)
	return s, err
}

func (w *way) session(s *storage.UploadSession) {
	if s.Result != nil {
		w.show(&s.Result.Info, w.root)
	}
}

// alive refuses to go on with an upload whose link has ended.
func (f *FS) alive(ctx context.Context, id string) error {
	s, err := f.FS.UploadSession(ctx, id)
	if err != nil {
		return err
	}
	if l, ok := strings.CutPrefix(s.Owner, link.UserPrefix); ok {
		return f.links.Alive(ctx, l)
	}
	return nil
}

// WriteUpload implements storage.Uploads.
func (f *FS) WriteUpload(ctx context.Context, id string, offset int64, chunk *storage.Checksum, body io.Reader) (storage.UploadSession, error) {
	if err := f.alive(ctx, id); err != nil {
		return storage.UploadSession{}, err
	}
	return f.FS.WriteUpload(ctx, id, offset, chunk, body)
}

// within is for calls that links do not offer: versions, metadata, grants.
func (f *FS) within(ctx context.Context, ref storage.Ref) (way, error) {
	w, err := f.inside(ctx, ref, false)
	if err == nil && w.door != nil && w.door.public {
		err = storage.ErrForbidden
	}
	return w, err
}

// ListVersions implements storage.Versions.
func (f *FS) ListVersions(ctx context.Context, id resource.ID) ([]storage.Version, error) {
	w, err := f.within(ctx, storage.At(id, ""))
	if err != nil {
		return nil, err
	}
	return f.FS.ListVersions(ctx, w.ref.ID)
}

// OpenVersion implements storage.Versions.
func (f *FS) OpenVersion(ctx context.Context, id resource.ID, key string) (*storage.Content, error) {
	w, err := f.within(ctx, storage.At(id, ""))
	if err != nil {
		return nil, err
	}
	c, err := f.FS.OpenVersion(ctx, w.ref.ID, key)
	if err == nil {
		w.show(&c.Info, w.root)
	}
	return c, err
}

// RestoreVersion implements storage.Versions.
func (f *FS) RestoreVersion(ctx context.Context, id resource.ID, key string, c storage.Conditions) (storage.Info, error) {
	w, err := f.within(ctx, storage.At(id, ""))
	if err != nil {
		return storage.Info{}, err
	}
	i, err := f.FS.RestoreVersion(ctx, w.ref.ID, key, c)
	w.show(&i, w.root)
	return i, err
}

// ours tells whether an id is one of the two ways in, where there is no trash, and nothing to administer.
func ours(id resource.ID) bool { return id.Storage == share.JailID || id.Storage == link.PublicID }

// ListTrash implements storage.Trash.
func (f *FS) ListTrash(ctx context.Context, sp resource.ID, key, path string) (iter.Seq2[storage.TrashItem, error], error) {
	if ours(sp) {
		return nil, storage.ErrUnsupported
	}
	return f.FS.ListTrash(ctx, sp, key, path)
}

// Restore implements storage.Trash.
func (f *FS) Restore(ctx context.Context, sp resource.ID, key, path string, dst storage.Ref, overwrite bool, c storage.Conditions) (storage.Result, error) {
	if ours(sp) || ours(dst.ID) {
		return storage.Result{}, storage.ErrUnsupported
	}
	return f.FS.Restore(ctx, sp, key, path, dst, overwrite, c)
}

// Purge implements storage.Trash.
func (f *FS) Purge(ctx context.Context, sp resource.ID, key, path string) error {
	if ours(sp) {
		return storage.ErrUnsupported
	}
	return f.FS.Purge(ctx, sp, key, path)
}

// Lock implements storage.Locks.
func (f *FS) Lock(ctx context.Context, ref storage.Ref, r storage.LockRequest, c storage.Conditions) (storage.Lock, bool, error) {
	w, err := f.inside(ctx, ref, true)
	if err == nil && drop(ctx) {
		err = storage.ErrForbidden // it would tell whether the name is taken, and keep the owner out
	}
	if err != nil {
		return storage.Lock{}, false, err
	}
	return f.FS.Lock(ctx, w.ref, r, c)
}

// RefreshLock implements storage.Locks.
func (f *FS) RefreshLock(ctx context.Context, ref storage.Ref, token string, timeout time.Duration) (storage.Lock, error) {
	w, err := f.inside(ctx, ref, false)
	if err != nil {
		return storage.Lock{}, err
	}
	return f.FS.RefreshLock(ctx, w.ref, token, timeout)
}

// Unlock implements storage.Locks.
func (f *FS) Unlock(ctx context.Context, ref storage.Ref, token string) error {
	w, err := f.inside(ctx, ref, false)
	if err != nil {
		return err
	}
	return f.FS.Unlock(ctx, w.ref, token)
}

// PatchProps implements storage.Metadata.
func (f *FS) PatchProps(ctx context.Context, ref storage.Ref, patches []storage.PropPatch, c storage.Conditions) error {
	w, err := f.within(ctx, ref)
	if err != nil {
		return err
	}
	return f.FS.PatchProps(ctx, w.ref, patches, c)
}

// SetMTime implements storage.Metadata.
func (f *FS) SetMTime(ctx context.Context, ref storage.Ref, t time.Time, c storage.Conditions) error {
	w, err := f.inside(ctx, ref, false)
	if err != nil {
		return err
	}
	return f.FS.SetMTime(ctx, w.ref, t, c)
}

// SetFavorite implements storage.Metadata.
func (f *FS) SetFavorite(ctx context.Context, ref storage.Ref, on bool) error {
	w, err := f.within(ctx, ref)
	if err != nil {
		return err
	}
	return f.FS.SetFavorite(ctx, w.ref, on)
}

// Favorites implements storage.Metadata.
func (f *FS) Favorites(ctx context.Context, ref storage.Ref) (iter.Seq2[storage.Info, error], error) {
	w, err := f.within(ctx, ref)
	if err != nil {
		return nil, err
	}
	return f.FS.Favorites(ctx, w.ref)
}

// AddTags implements storage.Metadata.
func (f *FS) AddTags(ctx context.Context, ref storage.Ref, tags []string) error {
	w, err := f.within(ctx, ref)
	if err != nil {
		return err
	}
	return f.FS.AddTags(ctx, w.ref, tags)
}

// RemoveTags implements storage.Metadata.
func (f *FS) RemoveTags(ctx context.Context, ref storage.Ref, tags []string) error {
	w, err := f.within(ctx, ref)
	if err != nil {
		return err
	}
	return f.FS.RemoveTags(ctx, w.ref, tags)
}

// Tagged implements storage.Metadata.
func (f *FS) Tagged(ctx context.Context, ref storage.Ref, tag string) (iter.Seq2[storage.Info, error], error) {
	w, err := f.within(ctx, ref)
	if err != nil {
		return nil, err
	}
	return f.FS.Tagged(ctx, w.ref, tag)
}

// ListGrants implements storage.Grants.
func (f *FS) ListGrants(ctx context.Context, ref storage.Ref) ([]space.Grant, error) {
	w, err := f.within(ctx, ref)
	if err != nil {
		return nil, err
	}
	return f.FS.ListGrants(ctx, w.ref)
}

// SetGrant implements storage.Grants.
func (f *FS) SetGrant(ctx context.Context, ref storage.Ref, g space.Grant) error {
	w, err := f.within(ctx, ref)
	if err != nil {
		return err
	}
	return f.FS.SetGrant(ctx, w.ref, g)
}

// RemoveGrant implements storage.Grants.
func (f *FS) RemoveGrant(ctx context.Context, ref storage.Ref, kind space.GranteeKind, grantee string) error {
	w, err := f.within(ctx, ref)
	if err != nil {
		return err
	}
	return f.FS.RemoveGrant(ctx, w.ref, kind, grantee)
}

// Changes implements storage.Journal.
func (f *FS) Changes(ctx context.Context, ref storage.Ref, token string, limit int) ([]storage.Change, string, bool, error) {
	w, err := f.enter(ctx, ref)
	if _, ok := errors.AsType[*virtual](err); ok || err == nil && w.door != nil && w.door.public {
		err = storage.ErrUnsupported
	}
	if err != nil {
		return nil, "", false, err
	}
	changes, next, more, err := f.FS.Changes(ctx, w.ref, token, limit)
	for i := range changes {
		w.show(&changes[i].Info, changes[i].Path == "" && w.root)
	}
	return changes, next, more, err
}

// Quota implements storage.Spaces: the jail itself has none.
func (f *FS) Quota(ctx context.Context, id resource.ID) (space.Quota, error) {
	w, err := f.enter(ctx, storage.At(id, ""))
	if _, ok := errors.AsType[*virtual](err); ok {
		return space.Quota{}, nil
	}
	if err != nil {
		return space.Quota{}, err
	}
	if w.door != nil && w.door.public {
		return space.Quota{}, storage.ErrForbidden
	}
	return f.FS.Quota(ctx, w.ref.ID)
}

// UpdateSpace implements storage.Spaces.
func (f *FS) UpdateSpace(ctx context.Context, id resource.ID, u storage.SpaceUpdate) (space.Space, error) {
	if ours(id) {
		return space.Space{}, storage.ErrUnsupported
	}
	return f.FS.UpdateSpace(ctx, id, u)
}
