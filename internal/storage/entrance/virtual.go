package entrance

import (
	"context"
	"errors"
	"iter"

	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/share"
	"opencloud/internal/storage"
)

// mount describes what was received as it lies in the jail.
func mount(item *storage.Info, e share.Entry) storage.Info {
	i := *item
	w := mounted(e, "")
	w.door.prefix = i.Path
	w.show(&i, true)
	i.Path = e.Mount
	return i
}

// virtualInfo describes the virtual root that entering ended at.
func (f *FS) virtualInfo(ctx context.Context, err error) (storage.Info, error) {
	self, _, err := f.virtualRoot(ctx, err)
	return self, err
}

// virtualRoot returns a virtual root, and what is in it.
func (f *FS) virtualRoot(ctx context.Context, err error) (storage.Info, iter.Seq[storage.Info], error) {
	v, ok := errors.AsType[*virtual](err)
	switch {
	case !ok:
		return storage.Info{}, nil, err
	case v.name != "":
		return storage.Info{}, nil, storage.ErrNotFound
	case v.public:
		return f.fileRoot(ctx)
	}
	root, mounts, err := f.shares.Jailed(ctx)
	return root, func(yield func(storage.Info) bool) {
		for item, e := range mounts {
			if !yield(mount(item, e)) {
				return
			}
		}
	}, err
}

// fileRoot is the folder in which the file lies that a link opens.
func (f *FS) fileRoot(ctx context.Context) (storage.Info, iter.Seq[storage.Info], error) {
	a := identity.ActorFrom(ctx)
	v := a.Visit
	w := way{ref: storage.At(resource.ID{Storage: v.Storage, Space: v.Space, Node: v.Node}, "")}
	file, err := f.FS.Stat(ctx, w.ref, storage.View{})
	if err != nil {
		return storage.Info{}, nil, err
	}
	root := file
	root.ID = link.Root(v.Token)
	root.Kind, root.MIME, root.Parent, root.Checksums = resource.Folder, "httpd/unix-directory", resource.ID{}, storage.Checksums{}
	w.door = &door{inside: file.ID, id: file.ID, parent: root.ID, public: true}
	w.show(&file, true)
	w.door.id, w.door.parent = root.ID, resource.ID{}
	w.show(&root, true)
	return root, func(yield func(storage.Info) bool) { yield(file) }, nil
}

// virtualList lists a virtual root.
func (f *FS) virtualList(ctx context.Context, err error) (storage.Info, iter.Seq2[storage.Info, error], error) {
	self, children, err := f.virtualRoot(ctx, err)
	if err != nil {
		return storage.Info{}, nil, err
	}
	if !self.Permissions.Has(permission.ListContainer) {
		return storage.Info{}, nil, storage.ErrForbidden
	}
	return self, func(yield func(storage.Info, error) bool) {
		for i := range children {
			if !yield(i, nil) {
				return
			}
		}
	}, nil
}
