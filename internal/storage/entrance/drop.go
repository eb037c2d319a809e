package entrance

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

// A file drop takes everything, replaces nothing, and does not tell which names are taken: neither by what it shows nor by what
// it refuses. (spec/storage.md §10.4)

// drop tells whether the actor came by the link of a file drop.
func drop(ctx context.Context) bool {
	v := identity.ActorFrom(ctx).Visit
	return v != nil && v.Rights == uint32(permission.Uploader)
}

// dropped tells whether the way leads to something in a file drop.
func (w *way) dropped(ctx context.Context) bool {
	if !drop(ctx) {
		return false
	}
	if w.door == nil { // by its own id
		return w.ref.Path != "" || w.ref.ID.Node != identity.ActorFrom(ctx).Visit.Node
	}
	return w.door.public && !w.root
}

// dropFile prepares an upload to a file drop: it finds a name of its own, and makes the folders above it.
func (f *FS) dropFile(ctx context.Context, w *way, r *storage.UploadRequest) (err error) {
	if !drop(ctx) {
		return nil
	}
	if len(r.Conditions.IfMatch) > 0 || !r.Conditions.IfUnmodifiedSince.IsZero() {
		return storage.ErrPrecondition // it is always new
	}
	r.Conditions.IfNoneMatch = nil
	r.AutoRename, r.MakeParents = true, true
	above, name := path.Split(w.ref.Path)
	w.ref, err = f.pastFiles(ctx, storage.At(w.ref.ID, above))
	w.ref.Path = path.Join(w.ref.Path, name)
	return err
}

// dropFolder makes a folder in a file drop, and those above it. What it returns does not tell whether it was there.
func (f *FS) dropFolder(ctx context.Context, w *way) (storage.Info, error) {
	ref, err := f.pastFiles(ctx, w.ref)
	if err != nil {
		return storage.Info{}, err
	}
	at := storage.At(ref.ID, "")
	for name := range strings.SplitSeq(ref.Path, "/") {
		at.Path = path.Join(at.Path, name)
		if _, err := f.FS.CreateFolder(ctx, at, storage.Conditions{}); err != nil && !errors.Is(err, storage.ErrExists) {
			return storage.Info{}, err
		}
	}
	return storage.Info{ID: w.door.id, Name: path.Base(w.ref.Path), Kind: resource.Folder, MTime: time.Now(), Permissions: permission.Uploader}, nil
}

// pastFiles returns a path of folders without files in the way: their names get a number.
func (f *FS) pastFiles(ctx context.Context, ref storage.Ref) (storage.Ref, error) {
	at := storage.At(ref.ID, "")
	for name := range strings.SplitSeq(strings.Trim(ref.Path, "/"), "/") {
		above, free := at.Path, name
		for n := 2; ; n++ {
			at.Path = path.Join(above, free)
			i, err := f.FS.Stat(ctx, at, storage.View{})
			if errors.Is(err, storage.ErrNotFound) || err == nil && i.IsFolder() {
				break
			}
			if err != nil {
				return at, err
			}
			free = fmt.Sprintf("%s (%d)", name, n)
		}
	}
	return at, nil
}
