package posix

import (
	"context"
	"errors"
	"path"

	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/storage"
	"opencloud/internal/storage/tree"
)

// mayMakeParents checks an upload whose folders are missing, before they are made: what is refused changes nothing.
func (f *FS) mayMakeParents(ctx context.Context, ref storage.Ref, r *storage.UploadRequest) (*tree.Space, error) {
	names, err := segments(ref.Path)
	if err != nil {
		return nil, err
	}
	top := ref
	parent := (*place)(nil)
	for err = storage.ErrParentMissing; parent == nil; {
		if !errors.Is(err, storage.ErrParentMissing) {
			return nil, err
		}
		top = parentOf(top)
		_, parent, err = f.lookup(ctx, top)
		if err == nil {
			return parent.space, nil // made by somebody else meanwhile
		}
	}
	if err := f.mayCreate(parent, path.Base(top.Path), permission.CreateContainer|permission.Upload); err != nil {
		return nil, err
	}
	for _, n := range names {
		if err := newName(n, false); err != nil {
			return nil, err
		}
	}
	if err := check(&r.Conditions, nil); err != nil {
		return nil, err
	}
	if err := f.read(ctx, func(rd db.Reader) error { return f.guardNew(ctx, rd, parent.chain, r.Conditions.LockTokens) }); err != nil {
		return nil, err
	}
	return parent.space, f.fits(parent.chain.Root(), parent.space, r.Length)
}
