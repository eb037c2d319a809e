package mem

import (
	"context"
	"iter"
	"path"
	"slices"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

// trashed is something deleted.
type trashed struct {
	node    *node
	path    string // where it was
	name    string
	deleted time.Time
	by      string
}

// discard moves a node to the trash; its locks end (RFC 4918 §9.6.1).
func (f *FS) discard(ctx context.Context, n *node) {
	t := &trashed{node: n, path: n.path(), name: n.name, by: identity.ActorFrom(ctx).User.ID}
	parent := n.parent
	parent.remove(n)
	unlockAll(n)
	f.membersChanged(parent)
	t.deleted = f.clock
	n.space.trash = append(n.space.trash, t)
}

func unlockAll(n *node) {
	n.locks = nil
	for _, c := range n.children {
		unlockAll(c)
	}
}

// bin finds the space of an id and checks a right on it.
func (f *FS) bin(ctx context.Context, id resource.ID, want permission.Set) (*tree, error) {
	root, err := f.find(ctx, storage.At(id.Root(), ""))
	if err != nil {
		return nil, err
	}
	return root.space, need(ctx, root, want)
}

// trashed finds an item, or something inside a trashed folder.
func (t *tree) trashed(key, rel string) (*trashed, *node, error) {
	names, err := segments(rel)
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(t.trash, func(x *trashed) bool { return x.node.id == key })
	if i < 0 {
		return nil, nil, storage.ErrNotFound
	}
	n := t.trash[i].node
	for _, name := range names {
		if n = n.children[name]; n == nil {
			return nil, nil, storage.ErrNotFound
		}
	}
	return t.trash[i], n, nil
}

// ListTrash implements storage.Trash.
func (f *FS) ListTrash(ctx context.Context, space resource.ID, key, rel string) (iter.Seq2[storage.TrashItem, error], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	sp, err := f.bin(ctx, space, permission.ListTrash)
	if err != nil {
		return nil, err
	}
	var out []storage.TrashItem
	if key == "" {
		for _, t := range slices.Backward(sp.trash) {
			out = append(out, storage.TrashItem{Key: t.node.id, Name: t.name, OriginalPath: t.path, Kind: t.node.kind, Size: t.node.size(), Deleted: t.deleted, ID: f.id(t.node)})
		}
		return sequence(out), nil
	}
	t, n, err := sp.trashed(key, rel)
	if err != nil {
		return nil, err
	}
	for _, name := range n.names() {
		c := n.children[name]
		out = append(out, storage.TrashItem{Key: key, Path: c.path(), Name: name, OriginalPath: path.Join(t.path, c.path()), Kind: c.kind, Size: c.size(), Deleted: t.deleted, ID: f.id(c)})
	}
	return sequence(out), nil
}

// Restore implements storage.Trash.
func (f *FS) Restore(ctx context.Context, space resource.ID, key, rel string, dst storage.Ref, overwrite bool, c storage.Conditions) (storage.Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	sp, err := f.bin(ctx, space, permission.RestoreTrash)
	if err != nil {
		return storage.Result{}, err
	}
	t, n, err := sp.trashed(key, rel)
	if err != nil {
		return storage.Result{}, err
	}
	if dst.ID.IsZero() {
		dst = storage.At(space.Root(), path.Join(t.path, n.path()))
	}
	d, err := f.destination(ctx, dst)
	if err != nil {
		return storage.Result{}, err
	}
	if d.parent.space != sp {
		return storage.Result{}, storage.ErrCrossSpace
	}
	if err := f.mayReplace(ctx, d, overwrite, c.LockTokens); err != nil {
		return storage.Result{}, err
	}
	if err := f.mayCreate(ctx, d.parent, d.name, wantToCreate(n)); err != nil {
		return storage.Result{}, err
	}
	if err := guardNew(ctx, d.parent, c.LockTokens); err != nil {
		return storage.Result{}, err
	}
	delta := n.size()
	if d.old != nil {
		delta -= d.old.size()
	}
	if err := fits(sp, delta); err != nil {
		return storage.Result{}, err
	}
	if d.old != nil {
		f.discard(ctx, d.old)
	}
	sp.take(n)
	d.parent.add(n, d.name)
	f.moved(n)
	return storage.Result{Info: f.info(ctx, n, storage.View{}), Created: d.old == nil}, nil
}

// take removes a node from the trash.
func (t *tree) take(n *node) {
	if n.parent != nil {
		n.parent.remove(n)
		return
	}
	t.trash = slices.DeleteFunc(t.trash, func(x *trashed) bool { return x.node == n })
}

// Purge implements storage.Trash.
func (f *FS) Purge(ctx context.Context, space resource.ID, key, rel string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	sp, err := f.bin(ctx, space, permission.PurgeTrash)
	if err != nil {
		return err
	}
	if key == "" {
		for _, t := range slices.Clone(sp.trash) {
			sp.take(t.node)
			sp.forget(t.node)
		}
		return nil
	}
	_, n, err := sp.trashed(key, rel)
	if err != nil {
		return err
	}
	sp.take(n)
	sp.forget(n)
	return nil
}

func (t *tree) forget(n *node) {
	for _, c := range n.children {
		t.forget(c)
	}
	delete(t.nodes, n.id)
}
