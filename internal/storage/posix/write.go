package posix

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/google/uuid"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/posix/scan"
	"opencloud/internal/storage/tree"
)

// retry runs one try of an operation until the tree holds still.
func retry[T any](try func() (T, error)) (T, error) {
	for range tries {
		v, err := try()
		if !errors.Is(err, errStale) {
			return v, err
		}
	}
	var none T
	return none, fmt.Errorf("%w: the tree changes all the time", storage.ErrUnavailable)
}

// CreateFolder implements storage.Writer.
func (f *FS) CreateFolder(ctx context.Context, ref storage.Ref, c storage.Conditions) (storage.Info, error) {
	return retry(func() (storage.Info, error) { return f.createFolder(ctx, ref, c) })
}

func (f *FS) createFolder(ctx context.Context, ref storage.Ref, c storage.Conditions) (storage.Info, error) {
	_, parent, err := f.lookup(ctx, ref)
	if err == nil {
		return storage.Info{}, storage.ErrExists
	}
	if parent == nil {
		return storage.Info{}, err
	}
	name := path.Base(ref.Path)
	if err := f.mayCreate(parent, name, permission.CreateContainer); err != nil {
		return storage.Info{}, err
	}
	if err := check(&c, nil); err != nil {
		return storage.Info{}, err
	}
	st, err := f.stageFolder(parent.space)
	if err != nil {
		return storage.Info{}, translate(err)
	}
	var info storage.Info
	err = f.write(ctx, func(tx db.Tx) error {
		info, err = f.addFolder(ctx, tx, parent, name, c, st)
		return err
	})
	if err != nil {
		f.drop(st.path)
	}
	return info, err
}

// stageFolder makes an empty folder that has its id already.
func (f *FS) stageFolder(sp *tree.Space) (staged, error) {
	st := staged{id: newID()}
	st.path = f.stagingPath(sp, st.id)
	if err := f.disk.Mkdir(st.path); err != nil {
		return st, err
	}
	err := f.disk.SetXattr(st.path, scan.IDAttr, st.id)
	if errors.Is(err, disk.ErrNoXattr) {
		err = nil
	}
	var s disk.Stat
	if err == nil {
		s, err = f.disk.Lstat(st.path)
	}
	if err != nil {
		f.drop(st.path)
		return st, err
	}
	st.ino, st.mtime = s.Ino, s.MTime
	return st, nil
}

func (f *FS) addFolder(ctx context.Context, tx db.Tx, parent *place, name string, c storage.Conditions, st staged) (storage.Info, error) {
	parent, err := f.again(ctx, tx, parent)
	if err != nil {
		return storage.Info{}, err
	}
	if err := f.mayCreate(parent, name, permission.CreateContainer); err != nil {
		return storage.Info{}, err
	}
	if n, err := tree.Child(ctx, tx, parent.node().ID, name); err == nil {
		if _, err := f.allow(ctx, tx, parent.space, append(tree.Chain{n}, parent.chain...)); err != nil {
			return storage.Info{}, storage.ErrForbidden // there, but not for this actor's eyes
		}
		return storage.Info{}, storage.ErrExists
	} else if !errors.Is(err, tree.ErrNotFound) {
		return storage.Info{}, err
	}
	if err := f.guardNew(ctx, tx, parent.chain, c.LockTokens); err != nil {
		return storage.Info{}, err
	}
	now := time.Now()
	n := &tree.Node{ID: st.id, Space: parent.node().Space, Parent: parent.node().ID, Name: name, Kind: resource.Folder, MTime: now.UnixNano(),
		Seq: parent.chain.NextSeq(), Ino: int64(st.ino)}
	if err := tree.Insert(ctx, tx, n); err != nil {
		return storage.Info{}, err
	}
	if err := f.changed(ctx, tx, "create", parent.chain, n, n.Seq, 0, now); err != nil {
		return storage.Info{}, err
	}
	return f.info(parent.space, n, parent.may), f.after(op{Kind: opPut, From: st.path, To: parent.path() + "/" + name, Ino: st.ino, Node: n.ID})
}

// Delete implements storage.Writer.
func (f *FS) Delete(ctx context.Context, ref storage.Ref, c storage.Conditions) error {
	_, err := retry(func() (struct{}, error) {
		p, err := f.found(ctx, ref)
		if err != nil {
			return struct{}{}, err
		}
		if len(p.chain) == 1 {
			return struct{}{}, fmt.Errorf("%w: the root of a space cannot be deleted", storage.ErrForbidden)
		}
		return struct{}{}, f.write(ctx, func(tx db.Tx) error { return f.trash(ctx, tx, p, c) })
	})
	return err
}

// trash moves a node to the trash, with all below it.
func (f *FS) trash(ctx context.Context, tx db.Tx, seen *place, c storage.Conditions) error {
	p, err := f.again(ctx, tx, seen)
	if err != nil {
		return err
	}
	if err := p.need(permission.Delete); err != nil {
		return err
	}
	n := p.node()
	if err := check(&c, n); err != nil {
		return err
	}
	if err := f.guard(ctx, tx, p.chain, c.LockTokens, true); err != nil {
		return err
	}
	below, err := f.guardBelow(ctx, tx, n, c.LockTokens)
	if err != nil {
		return err
	}
	now, from := time.Now(), p.path()
	t := &tree.Trashed{Node: n, Parent: n.Parent, Name: n.Name, Path: p.chain.Path(), Deleted: now.UnixNano(), Actor: identity.ActorFrom(ctx).User.ID}
	for _, locked := range append(below, n) { // a lock ends with the resource (RFC 4918 §9.6.1)
		if err := f.release(ctx, tx, locked); err != nil {
			return err
		}
	}
	if err := tree.SaveTrashed(ctx, tx, t); err != nil {
		return err
	}
	if err := tree.Place(ctx, tx, n, tree.TrashParent, n.ID); err != nil {
		return err
	}
	seq := p.chain.NextSeq()
	if err := tree.Touch(ctx, tx, p.chain[1:], seq, -n.Size, now); err != nil {
		return err
	}
	if err := f.journal(ctx, tx, "trash", n, seq, t.Parent, t.Name, now); err != nil {
		return err
	}
	return f.after(op{Kind: opTrash, From: from, To: scan.TrashPath(p.space, n.ID), Info: trashInfo(t.Path, now), Ino: uint64(n.Ino)})
}

// Move implements storage.Writer.
func (f *FS) Move(ctx context.Context, src, dst storage.Ref, overwrite bool, c storage.Conditions) (storage.Result, error) {
	return retry(func() (storage.Result, error) { return f.move(ctx, src, dst, overwrite, c) })
}

// destination is where something moves or is copied to.
type destination struct {
	parent *place
	name   string
	old    *place // in the way, or nil
}

func (f *FS) destination(ctx context.Context, dst storage.Ref) (*destination, error) {
	if dst.Path == "" {
		return nil, fmt.Errorf("%w: the target is no name in a folder", storage.ErrConflict)
	}
	old, parent, err := f.lookup(ctx, dst)
	if err != nil && parent == nil {
		return nil, err
	}
	d := &destination{name: path.Base(dst.Path), parent: parent}
	if err == nil {
		d.old, d.name = old, old.node().Name
		if d.parent, err = f.found(ctx, parentOf(dst)); err != nil {
			return nil, parentError(err)
		}
	}
	if !d.parent.node().IsFolder() {
		return nil, storage.ErrParentMissing
	}
	return d, nil
}

// clear moves what is in the way to the trash.
func (f *FS) clear(ctx context.Context, tx db.Tx, d *destination, overwrite bool, tokens []string) error {
	if d.old == nil {
		if n, err := tree.Child(ctx, tx, d.parent.node().ID, d.name); err == nil {
			if _, err := f.allow(ctx, tx, d.parent.space, append(tree.Chain{n}, d.parent.chain...)); err != nil {
				return storage.ErrForbidden // there, but not for this actor's eyes
			}
			return errStale
		} else if !errors.Is(err, tree.ErrNotFound) {
			return err
		}
		return nil
	}
	if !overwrite {
		return storage.ErrExists
	}
	return f.trash(ctx, tx, d.old, storage.Conditions{LockTokens: tokens})
}

func (f *FS) move(ctx context.Context, src, dst storage.Ref, overwrite bool, c storage.Conditions) (res storage.Result, err error) {
	from, err := f.found(ctx, src)
	if err != nil {
		return res, err
	}
	if len(from.chain) == 1 {
		return res, fmt.Errorf("%w: the root of a space cannot be moved", storage.ErrInvalid)
	}
	to, err := f.destination(ctx, dst)
	if err != nil {
		return res, err
	}
	if from.space.ID != to.parent.space.ID {
		return res, storage.ErrCrossSpace
	}
	if to.parent.chain.Has(from.node().ID) || to.old != nil && from.chain.Has(to.old.node().ID) {
		return res, fmt.Errorf("%w: source and target are the same, or one is inside the other", storage.ErrConflict)
	}
	err = f.write(ctx, func(tx db.Tx) error {
		if err := f.clear(ctx, tx, to, overwrite, c.LockTokens); err != nil {
			return err
		}
		res, err = f.moveNode(ctx, tx, from, to, c)
		return err
	})
	res.Created = to.old == nil
	return res, err
}

func (f *FS) moveNode(ctx context.Context, tx db.Tx, seen *place, d *destination, c storage.Conditions) (res storage.Result, err error) {
	p, err := f.again(ctx, tx, seen)
	if err != nil {
		return res, err
	}
	to, err := f.again(ctx, tx, d.parent)
	if err != nil {
		return res, err
	}
	n := p.node()
	if to.chain.Has(n.ID) {
		return res, storage.ErrConflict
	}
	if err := p.need(permission.Move); err != nil {
		return res, err
	}
	want := permission.Upload
	if n.IsFolder() {
		want = permission.CreateContainer
	}
	if n.Parent == to.node().ID {
		want = permission.Move // renaming needs no more
	}
	if err := f.mayCreate(to, d.name, want); err != nil {
		return res, err
	}
	if err := check(&c, n); err != nil {
		return res, err
	}
	if err := f.guard(ctx, tx, p.chain, c.LockTokens, true); err != nil {
		return res, err
	}
	if _, err := f.guardBelow(ctx, tx, n, c.LockTokens); err != nil {
		return res, err
	}
	if err := f.guardNew(ctx, tx, to.chain, c.LockTokens); err != nil {
		return res, err
	}
	if err := f.release(ctx, tx, n); err != nil { // locks do not move (RFC 4918 §7.6)
		return res, err
	}
	now, oldPath, oldParent, oldName := time.Now(), p.path(), n.Parent, n.Name
	if err := tree.Place(ctx, tx, n, to.node().ID, d.name); err != nil {
		return res, err
	}
	seq := p.chain.NextSeq()
	if err := f.touchBoth(ctx, tx, p.chain[1:], to.chain, seq, n.Size, now); err != nil {
		return res, err
	}
	if err := f.journal(ctx, tx, "move", n, seq, oldParent, oldName, now); err != nil {
		return res, err
	}
	res.Info = f.info(to.space, n, to.may)
	return res, f.after(op{Kind: opPut, From: oldPath, To: to.path() + "/" + d.name, Ino: uint64(n.Ino)})
}

// touchBoth propagates a move: ancestors common to both places keep their size.
func (f *FS) touchBoth(ctx context.Context, tx db.Tx, from, to tree.Chain, seq, size int64, now time.Time) error {
	split := func(c, other tree.Chain) (own, common tree.Chain) {
		for i, n := range c {
			if other.Has(n.ID) {
				return c[:i], c[i:]
			}
		}
		return c, nil
	}
	ownFrom, common := split(from, to)
	ownTo, _ := split(to, from)
	if err := tree.Touch(ctx, tx, ownFrom, seq, -size, now); err != nil {
		return err
	}
	if err := tree.Touch(ctx, tx, ownTo, seq, size, now); err != nil {
		return err
	}
	return tree.Touch(ctx, tx, common, seq, 0, now)
}

// Copy implements storage.Writer.
func (f *FS) Copy(ctx context.Context, src, dst storage.Ref, overwrite, deep bool, c storage.Conditions) (storage.Result, error) {
	from, err := f.found(ctx, src)
	if err != nil {
		return storage.Result{}, err
	}
	to, err := f.destination(ctx, dst)
	if err != nil {
		return storage.Result{}, err
	}
	if err := f.mayCopy(from, to, overwrite, &c); err != nil {
		return storage.Result{}, err
	}
	created := to.old == nil
	c = storage.Conditions{LockTokens: c.LockTokens}
	if to.old != nil && (from.node().IsFolder() || to.old.node().IsFolder()) {
		if err := f.Delete(ctx, dst, c); err != nil {
			return storage.Result{}, err
		}
	}
	info, err := f.copyAny(ctx, from, dst, deep, c)
	return storage.Result{Info: info, Created: created}, err
}

func (f *FS) mayCopy(from *place, to *destination, overwrite bool, c *storage.Conditions) error {
	if err := from.need(permission.Download); err != nil {
		return err
	}
	if to.parent.chain.Has(from.node().ID) || to.old != nil && from.chain.Has(to.old.node().ID) {
		return fmt.Errorf("%w: source and target are the same, or one is inside the other", storage.ErrConflict)
	}
	if to.old != nil && !overwrite {
		return storage.ErrExists
	}
	if err := check(c, from.node()); err != nil {
		return err
	}
	want := permission.Upload
	if from.node().IsFolder() {
		want = permission.CreateContainer
	}
	if err := f.mayCreate(to.parent, to.name, want); err != nil {
		return err
	}
	return f.fits(to.parent.chain.Root(), to.parent.space, from.node().Size)
}

// copyAny copies a file, or a folder and what the actor may read of it.
func (f *FS) copyAny(ctx context.Context, from *place, dst storage.Ref, deep bool, c storage.Conditions) (storage.Info, error) {
	if !from.node().IsFolder() {
		info, err := f.copyFile(ctx, from, dst, c)
		if err == nil {
			err = f.copyProps(ctx, from.node(), info.ID.Node)
		}
		return info, err
	}
	info, err := f.CreateFolder(ctx, dst, c)
	if err == nil {
		err = f.copyProps(ctx, from.node(), info.ID.Node)
	}
	if err != nil || !deep {
		return info, err
	}
	id := f.id(from.space.ID, from.node().ID)
	_, children, err := f.List(ctx, storage.At(id, ""), storage.View{})
	if err != nil {
		return info, err
	}
	var below []storage.Info // a sequence holds a snapshot open; changes are better made after it
	for i, err := range children {
		if err != nil {
			return info, err
		}
		below = append(below, i)
	}
	for _, i := range below {
		p, err := f.found(ctx, storage.At(i.ID, ""))
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err == nil {
			_, err = f.copyAny(ctx, p, storage.At(dst.ID, strings.TrimPrefix(dst.Path+"/"+i.Name, "/")), deep, c)
		}
		if err != nil {
			return info, err
		}
	}
	return f.Stat(ctx, dst, storage.View{})
}

// copyProps gives a copy the properties of what it was copied from, and no others (RFC 4918 §9.8.2).
func (f *FS) copyProps(ctx context.Context, from *tree.Node, to string) error {
	if from.Flags&tree.FlagProps == 0 {
		had := false
		err := f.read(ctx, func(r db.Reader) error {
			n, err := tree.ByID(ctx, r, to)
			had = err == nil && n.Flags&tree.FlagProps != 0
			return ignore(err, tree.ErrNotFound)
		})
		if err != nil || !had {
			return err
		}
	}
	return f.write(ctx, func(tx db.Tx) error {
		n, err := tree.ByID(ctx, tx, to)
		if err != nil {
			return ignore(err, tree.ErrNotFound)
		}
		if _, err := tx.Exec(ctx, `DELETE FROM props WHERE node=?`, to); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO props(node, ns, name, value, attrs) SELECT ?, ns, name, value, attrs FROM props WHERE node=?`, to, from.ID); err != nil {
			return err
		}
		return tree.SetFlag(ctx, tx, n, tree.FlagProps, from.Flags&tree.FlagProps != 0)
	})
}

func (f *FS) copyFile(ctx context.Context, from *place, dst storage.Ref, c storage.Conditions) (storage.Info, error) {
	src, err := f.Open(ctx, storage.At(f.id(from.space.ID, from.node().ID), ""))
	if err != nil {
		return storage.Info{}, err
	}
	defer src.Close()
	r := storage.UploadRequest{Length: src.Info.Size, MTime: src.Info.MTime, Conditions: c}
	t, err := f.uploadTarget(ctx, dst, &r)
	if err != nil {
		return storage.Info{}, err
	}
	st := staged{path: f.stagingPath(t.space, uuid.NewString())}
	file, err := f.disk.Create(st.path)
	if err != nil {
		return storage.Info{}, translate(err)
	}
	if _, err = file.CopyFrom(src.ReadSeekCloser.(*content).file); err == nil {
		sums := tree.Sums(nil)
		if src.Info.Checksums.SHA1 != nil {
			sums = append(append(append(sums, src.Info.Checksums.SHA1...), src.Info.Checksums.MD5...), src.Info.Checksums.Adler32...)
		}
		err = f.seal(file, sums, &r, t, &st)
	}
	var res storage.Result
	if err == nil && st.size != src.Info.Size {
		err = fmt.Errorf("%w: the source changed while it was copied", storage.ErrUnavailable)
	}
	if err == nil {
		res, err = f.finish(ctx, t, &r, st)
	}
	if err != nil {
		file.Close()
		f.drop(st.path)
	}
	return res.Info, translate(err)
}
