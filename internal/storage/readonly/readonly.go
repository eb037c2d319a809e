// Package readonly shows a storage that refuses every change: for maintenance, or beside a copy that is written elsewhere.
package readonly

import (
	"context"
	"io"
	"iter"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// rights are those that change nothing.
const rights = permission.Stat | permission.ListContainer | permission.Download | permission.GetPath | permission.GetQuota |
	permission.ListVersions | permission.ListTrash | permission.ListGrants

// FS is a storage without changes. They end in ErrForbidden, or ErrNotFound for who does not even see what is there.
type FS struct{ inner storage.FS }

var _ storage.FS = (*FS)(nil)

// New returns the storage as one that cannot be changed.
func New(fs storage.FS) *FS { return &FS{inner: fs} }

// refuse is the answer to a change.
func (f *FS) refuse(ctx context.Context, ref storage.Ref) error {
	if _, err := f.inner.Stat(ctx, storage.At(ref.ID, ""), storage.View{}); err != nil {
		return err
	}
	return storage.ErrForbidden
}

func (f *FS) at(ctx context.Context, id resource.ID) error { return f.refuse(ctx, storage.At(id, "")) }

func show(i storage.Info) storage.Info {
	i.Permissions &= rights
	return i
}

func showAll(seq iter.Seq2[storage.Info, error]) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		for i, err := range seq {
			if !yield(show(i), err) {
				return
			}
		}
	}
}

func showContent(c *storage.Content, err error) (*storage.Content, error) {
	if err == nil {
		c.Info = show(c.Info)
	}
	return c, err
}

func (f *FS) Stat(ctx context.Context, ref storage.Ref, v storage.View) (storage.Info, error) {
	i, err := f.inner.Stat(ctx, ref, v)
	return show(i), err
}

func (f *FS) List(ctx context.Context, ref storage.Ref, v storage.View) (storage.Info, iter.Seq2[storage.Info, error], error) {
	i, seq, err := f.inner.List(ctx, ref, v)
	if err != nil {
		return i, nil, err
	}
	return show(i), showAll(seq), nil
}

func (f *FS) Open(ctx context.Context, ref storage.Ref) (*storage.Content, error) {
	return showContent(f.inner.Open(ctx, ref))
}

func (f *FS) CreateFolder(ctx context.Context, ref storage.Ref, _ storage.Conditions) (storage.Info, error) {
	return storage.Info{}, f.refuse(ctx, ref)
}

func (f *FS) Upload(ctx context.Context, ref storage.Ref, _ storage.UploadRequest, _ io.Reader) (storage.Result, error) {
	return storage.Result{}, f.refuse(ctx, ref)
}

func (f *FS) Move(ctx context.Context, src, _ storage.Ref, _ bool, _ storage.Conditions) (storage.Result, error) {
	return storage.Result{}, f.refuse(ctx, src)
}

func (f *FS) Copy(ctx context.Context, src, _ storage.Ref, _, _ bool, _ storage.Conditions) (storage.Result, error) {
	return storage.Result{}, f.refuse(ctx, src)
}

func (f *FS) Delete(ctx context.Context, ref storage.Ref, _ storage.Conditions) error {
	return f.refuse(ctx, ref)
}

func (f *FS) CreateUpload(ctx context.Context, ref storage.Ref, _ storage.UploadRequest) (storage.UploadSession, error) {
	return storage.UploadSession{}, f.refuse(ctx, ref)
}

// session refuses to go on with an upload that began before the storage was read only.
func (f *FS) session(ctx context.Context, id string) error {
	if _, err := f.inner.UploadSession(ctx, id); err != nil {
		return err
	}
	return storage.ErrForbidden
}

func (f *FS) WriteUpload(ctx context.Context, id string, _ int64, _ *storage.Checksum, _ io.Reader) (storage.UploadSession, error) {
	return storage.UploadSession{}, f.session(ctx, id)
}

func (f *FS) SetUploadLength(ctx context.Context, id string, _ int64) error {
	return f.session(ctx, id)
}

func (f *FS) UploadSession(ctx context.Context, id string) (storage.UploadSession, error) {
	return f.inner.UploadSession(ctx, id)
}

func (f *FS) CancelUpload(ctx context.Context, id string) error { return f.session(ctx, id) }

func (f *FS) ListTrash(ctx context.Context, space resource.ID, key, path string) (iter.Seq2[storage.TrashItem, error], error) {
	return f.inner.ListTrash(ctx, space, key, path)
}

func (f *FS) Restore(ctx context.Context, space resource.ID, _, _ string, _ storage.Ref, _ bool, _ storage.Conditions) (storage.Result, error) {
	return storage.Result{}, f.at(ctx, space)
}

func (f *FS) Purge(ctx context.Context, space resource.ID, _, _ string) error {
	return f.at(ctx, space)
}

func (f *FS) ListVersions(ctx context.Context, id resource.ID) ([]storage.Version, error) {
	return f.inner.ListVersions(ctx, id)
}

func (f *FS) OpenVersion(ctx context.Context, id resource.ID, key string) (*storage.Content, error) {
	return showContent(f.inner.OpenVersion(ctx, id, key))
}

func (f *FS) RestoreVersion(ctx context.Context, id resource.ID, _ string, _ storage.Conditions) (storage.Info, error) {
	return storage.Info{}, f.at(ctx, id)
}

func (f *FS) Lock(ctx context.Context, ref storage.Ref, _ storage.LockRequest, _ storage.Conditions) (storage.Lock, bool, error) {
	return storage.Lock{}, false, f.refuse(ctx, ref)
}

func (f *FS) RefreshLock(ctx context.Context, ref storage.Ref, _ string, _ time.Duration) (storage.Lock, error) {
	return storage.Lock{}, f.refuse(ctx, ref)
}

func (f *FS) Unlock(ctx context.Context, ref storage.Ref, _ string) error { return f.refuse(ctx, ref) }

func (f *FS) PatchProps(ctx context.Context, ref storage.Ref, _ []storage.PropPatch, _ storage.Conditions) error {
	return f.refuse(ctx, ref)
}

func (f *FS) SetMTime(ctx context.Context, ref storage.Ref, _ time.Time, _ storage.Conditions) error {
	return f.refuse(ctx, ref)
}

func (f *FS) SetFavorite(ctx context.Context, ref storage.Ref, _ bool) error {
	return f.refuse(ctx, ref)
}

func (f *FS) Favorites(ctx context.Context, ref storage.Ref) (iter.Seq2[storage.Info, error], error) {
	seq, err := f.inner.Favorites(ctx, ref)
	if err != nil {
		return nil, err
	}
	return showAll(seq), nil
}

func (f *FS) AddTags(ctx context.Context, ref storage.Ref, _ []string) error {
	return f.refuse(ctx, ref)
}

func (f *FS) RemoveTags(ctx context.Context, ref storage.Ref, _ []string) error {
	return f.refuse(ctx, ref)
}

func (f *FS) Tagged(ctx context.Context, ref storage.Ref, tag string) (iter.Seq2[storage.Info, error], error) {
	seq, err := f.inner.Tagged(ctx, ref, tag)
	if err != nil {
		return nil, err
	}
	return showAll(seq), nil
}

func (f *FS) ListGrants(ctx context.Context, ref storage.Ref) ([]space.Grant, error) {
	return f.inner.ListGrants(ctx, ref)
}

func (f *FS) SetGrant(ctx context.Context, ref storage.Ref, _ space.Grant) error {
	return f.refuse(ctx, ref)
}

func (f *FS) RemoveGrant(ctx context.Context, ref storage.Ref, _ space.GranteeKind, _ string) error {
	return f.refuse(ctx, ref)
}

func (f *FS) Bequeath(context.Context, string) error { return storage.ErrForbidden }

func (f *FS) DropGrantee(context.Context, space.GranteeKind, string) error {
	return storage.ErrForbidden
}

func (f *FS) Gone(ctx context.Context, ids []resource.ID) ([]resource.ID, error) {
	return f.inner.Gone(ctx, ids)
}

func (f *FS) FindGrants(ctx context.Context, q storage.GrantQuery) ([]storage.Granted, error) {
	out, err := f.inner.FindGrants(ctx, q)
	for i := range out {
		out[i].Info = show(out[i].Info)
	}
	return out, err
}

func (f *FS) Changes(ctx context.Context, ref storage.Ref, token string, limit int) ([]storage.Change, string, bool, error) {
	c, next, more, err := f.inner.Changes(ctx, ref, token, limit)
	for i := range c {
		c[i].Info = show(c[i].Info)
	}
	return c, next, more, err
}

func (f *FS) ListSpaces(ctx context.Context, filter storage.SpaceFilter) ([]space.Space, error) {
	all, err := f.inner.ListSpaces(ctx, filter)
	for i := range all {
		all[i].Permissions &= rights
	}
	return all, err
}

// CreateSpace tells who has a personal space that it exists: it is asked at every login.
func (f *FS) CreateSpace(ctx context.Context, r storage.SpaceRequest) (space.Space, error) {
	if r.Type == space.Personal && r.Owner == identity.ActorFrom(ctx).User.ID {
		have, err := f.inner.ListSpaces(ctx, storage.SpaceFilter{Type: space.Personal, Owner: r.Owner})
		if err != nil {
			return space.Space{}, err
		}
		if len(have) > 0 {
			return space.Space{}, storage.ErrExists
		}
	}
	return space.Space{}, storage.ErrForbidden
}

func (f *FS) UpdateSpace(ctx context.Context, id resource.ID, _ storage.SpaceUpdate) (space.Space, error) {
	return space.Space{}, f.at(ctx, id)
}

func (f *FS) DisableSpace(ctx context.Context, id resource.ID) error { return f.at(ctx, id) }

func (f *FS) PurgeSpace(ctx context.Context, id resource.ID) error { return f.at(ctx, id) }

func (f *FS) Quota(ctx context.Context, id resource.ID) (space.Quota, error) {
	return f.inner.Quota(ctx, id)
}
