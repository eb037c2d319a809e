package mem

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/google/uuid"

	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

// CreateFolder implements storage.Writer.
func (f *FS) CreateFolder(ctx context.Context, ref storage.Ref, c storage.Conditions) (storage.Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.createFolder(ctx, ref, c)
	if err != nil {
		return storage.Info{}, err
	}
	return f.info(ctx, n, storage.View{}), nil
}

func (f *FS) createFolder(ctx context.Context, ref storage.Ref, c storage.Conditions) (*node, error) {
	_, parent, err := f.lookup(ctx, ref)
	switch {
	case err == nil:
		return nil, storage.ErrExists
	case parent == nil:
		return nil, err
	}
	name := path.Base(ref.Path)
	if err := f.mayCreate(ctx, parent, name, permission.CreateContainer); err != nil {
		return nil, err
	}
	if err := check(&c, nil); err != nil {
		return nil, err
	}
	if err := free(parent, name); err != nil {
		return nil, err
	}
	if err := guardNew(ctx, parent, c.LockTokens); err != nil {
		return nil, err
	}
	return f.insert(parent, name, resource.Folder), nil
}

// insert puts something new and empty into a folder.
func (f *FS) insert(parent *node, name string, kind resource.Kind) *node {
	n := &node{id: uuid.NewString(), space: parent.space, kind: kind}
	if n.isFolder() {
		n.children = map[string]*node{}
	} else {
		n.content = newBlob(nil)
	}
	parent.add(n, name)
	n.space.nodes[n.id] = n
	f.touched(n)
	n.mtime = f.clock
	return n
}

// Delete implements storage.Writer.
func (f *FS) Delete(ctx context.Context, ref storage.Ref, c storage.Conditions) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find(ctx, ref)
	if err != nil {
		return err
	}
	if n.parent == nil {
		return fmt.Errorf("%w: the root of a space cannot be deleted", storage.ErrForbidden)
	}
	if err := f.mayTrash(ctx, n, c); err != nil {
		return err
	}
	f.discard(ctx, n)
	return nil
}

func (f *FS) mayTrash(ctx context.Context, n *node, c storage.Conditions) error {
	if err := need(ctx, n, permission.Delete); err != nil {
		return err
	}
	if err := check(&c, n); err != nil {
		return err
	}
	if err := guard(ctx, n, c.LockTokens, true); err != nil {
		return err
	}
	return guardBelow(ctx, n, c.LockTokens)
}

// destination is where something moves, is copied or restored to.
type destination struct {
	parent *node
	name   string
	old    *node // in the way, or nil
}

func (f *FS) destination(ctx context.Context, dst storage.Ref) (*destination, error) {
	if dst.Path == "" {
		return nil, fmt.Errorf("%w: the target is no name in a folder", storage.ErrConflict)
	}
	old, parent, err := f.lookup(ctx, dst)
	if err != nil && parent == nil {
		return nil, err
	}
	switch {
	case parent == nil:
		return nil, fmt.Errorf("%w: the target is the root of a space", storage.ErrConflict)
	case !visible(ctx, parent), !parent.isFolder():
		return nil, storage.ErrParentMissing
	}
	d := &destination{parent: parent, name: path.Base(dst.Path), old: old}
	if old == nil {
		if resource.ValidateName(d.name) == nil && parent.children[d.name] != nil {
			return nil, storage.ErrForbidden // there, but not for this actor's eyes
		}
	}
	return d, nil
}

// mayReplace tells whether what is in the way may go to the trash.
func (f *FS) mayReplace(ctx context.Context, d *destination, overwrite bool, tokens []string) error {
	if d.old == nil {
		return nil
	}
	if !overwrite {
		return storage.ErrExists
	}
	return f.mayTrash(ctx, d.old, storage.Conditions{LockTokens: tokens})
}

// wantToCreate is the right that a new node of a kind needs on its folder.
func wantToCreate(n *node) permission.Set {
	if n.isFolder() {
		return permission.CreateContainer
	}
	return permission.Upload
}

var errInside = fmt.Errorf("%w: source and target are the same, or one is inside the other", storage.ErrConflict)

// Move implements storage.Writer.
func (f *FS) Move(ctx context.Context, src, dst storage.Ref, overwrite bool, c storage.Conditions) (storage.Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find(ctx, src)
	if err != nil {
		return storage.Result{}, err
	}
	if n.parent == nil {
		return storage.Result{}, fmt.Errorf("%w: the root of a space cannot be moved", storage.ErrInvalid)
	}
	d, err := f.destination(ctx, dst)
	if err != nil {
		return storage.Result{}, err
	}
	if n.space != d.parent.space {
		return storage.Result{}, storage.ErrCrossSpace
	}
	if d.parent.within(n) || d.old != nil && n.within(d.old) {
		return storage.Result{}, errInside
	}
	if err := f.mayMove(ctx, n, d, overwrite, c); err != nil {
		return storage.Result{}, err
	}
	if d.old != nil {
		f.discard(ctx, d.old)
	}
	from := n.parent
	from.remove(n)
	d.parent.add(n, d.name)
	n.locks = nil // locks do not move (RFC 4918 §7.6)
	f.moved(n)
	f.membersChanged(from)
	return storage.Result{Info: f.info(ctx, n, storage.View{}), Created: d.old == nil}, nil
}

func (f *FS) mayMove(ctx context.Context, n *node, d *destination, overwrite bool, c storage.Conditions) error {
	if err := f.mayReplace(ctx, d, overwrite, c.LockTokens); err != nil {
		return err
	}
	if err := need(ctx, n, permission.Move); err != nil {
		return err
	}
	want := wantToCreate(n)
	if n.parent == d.parent {
		want = permission.Move // renaming needs no more
	}
	if err := f.mayCreate(ctx, d.parent, d.name, want); err != nil {
		return err
	}
	if err := check(&c, n); err != nil {
		return err
	}
	if err := guard(ctx, n, c.LockTokens, true); err != nil {
		return err
	}
	if err := guardBelow(ctx, n, c.LockTokens); err != nil {
		return err
	}
	return guardNew(ctx, d.parent, c.LockTokens)
}

// Copy implements storage.Writer.
func (f *FS) Copy(ctx context.Context, src, dst storage.Ref, overwrite, deep bool, c storage.Conditions) (storage.Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find(ctx, src)
	if err != nil {
		return storage.Result{}, err
	}
	d, err := f.destination(ctx, dst)
	if err != nil {
		return storage.Result{}, err
	}
	if err := f.mayCopy(ctx, n, d, overwrite, c); err != nil {
		return storage.Result{}, err
	}
	if d.old != nil && !n.isFolder() && !d.old.isFolder() {
		f.replace(d.old, n.content, n.mtime)
		d.old.props = slices.Clone(n.props)
		return storage.Result{Info: f.info(ctx, d.old, storage.View{})}, nil
	}
	if d.old != nil {
		f.discard(ctx, d.old)
	}
	made := f.duplicate(ctx, n, d.parent, d.name, deep)
	return storage.Result{Info: f.info(ctx, made, storage.View{}), Created: d.old == nil}, nil
}

func (f *FS) mayCopy(ctx context.Context, n *node, d *destination, overwrite bool, c storage.Conditions) error {
	if err := need(ctx, n, permission.Download); err != nil {
		return err
	}
	if d.parent.within(n) || d.old != nil && n.within(d.old) {
		return errInside
	}
	if d.old != nil && !overwrite {
		return storage.ErrExists
	}
	if err := check(&c, n); err != nil {
		return err
	}
	if err := f.mayCreate(ctx, d.parent, d.name, wantToCreate(n)); err != nil {
		return err
	}
	switch {
	case d.old == nil:
		if err := guardNew(ctx, d.parent, c.LockTokens); err != nil {
			return err
		}
	case n.isFolder() || d.old.isFolder():
		if err := f.mayReplace(ctx, d, overwrite, c.LockTokens); err != nil {
			return err
		}
	default:
		if err := need(ctx, d.old, permission.Upload); err != nil {
			return err
		}
		if err := guard(ctx, d.old, c.LockTokens, false); err != nil {
			return err
		}
		return fits(d.parent.space, n.size()-d.old.size())
	}
	return fits(d.parent.space, n.size())
}

// duplicate copies what the actor may see.
func (f *FS) duplicate(ctx context.Context, n, parent *node, name string, deep bool) *node {
	made := f.insert(parent, name, n.kind)
	made.props = slices.Clone(n.props)
	if !n.isFolder() {
		made.content, made.mtime = n.content, n.mtime
		return made
	}
	for _, name := range n.names() {
		if c := n.children[name]; deep && visible(ctx, c) {
			f.duplicate(ctx, c, made, name, deep)
		}
	}
	return made
}

// parentOf is the folder a reference is in.
func parentOf(ref storage.Ref) storage.Ref {
	dir, _ := path.Split(strings.TrimRight(ref.Path, "/"))
	return storage.At(ref.ID, strings.Trim(dir, "/"))
}

func parentError(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("%w (%w)", storage.ErrParentMissing, err)
	}
	return err
}
