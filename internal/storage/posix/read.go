package posix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/posix/scan"
	"opencloud/internal/storage/tree"
)

// tries bounds how often a request follows a tree that changes under it.
const tries = 5

// find locates a reference and makes sure that the index is right about it: what other programs made, changed or took
// away since is taken in first. The place is of one snapshot.
func (f *FS) find(ctx context.Context, ref storage.Ref) (*place, error) {
	p, _, err := f.lookup(ctx, ref)
	return p, err
}

// lookup is find. If only the last name is missing, the error is ErrNotFound and parent the folder it would be in; if more
// is missing it is ErrParentMissing.
func (f *FS) lookup(ctx context.Context, ref storage.Ref) (p, parent *place, err error) {
	names, err := segments(ref.Path)
	if err != nil {
		return nil, nil, err
	}
	for range tries + len(names) { // every name may have to be taken in
		var p *place
		left := 0       // names that were not found
		hidden := false // the first of them is there, but not for the actor
		if err := f.read(ctx, func(r db.Reader) (err error) {
			p, left, hidden, err = f.locateDeep(ctx, r, ref.ID, names)
			return err
		}); err != nil {
			return nil, nil, err
		}
		if left > 0 && !hidden && p.node().IsFolder() && f.appeared(ctx, p, names[len(names)-left]) {
			continue
		}
		ok, err := f.confirm(ctx, p)
		switch {
		case err != nil:
			return nil, nil, err
		case !ok:
			continue
		case left > 1:
			return nil, nil, storage.ErrParentMissing
		case left == 1:
			return nil, p, storage.ErrNotFound
		}
		return p, nil, nil
	}
	return nil, nil, fmt.Errorf("%w: it changes all the time", storage.ErrUnavailable)
}

// locateDeep follows names as far as they lead and the actor may see, and returns how many are left; hidden, if more
// than he may see is there.
func (f *FS) locateDeep(ctx context.Context, r db.Reader, id resource.ID, names []string) (p *place, left int, hidden bool, err error) {
	sp, c, err := f.start(ctx, r, id)
	if err != nil {
		return nil, 0, false, err
	}
	for left = len(names); left > 0 && c.Node().IsFolder(); left-- {
		next, err := f.down(ctx, r, c, names[len(names)-left:len(names)-left+1])
		if errors.Is(err, tree.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, 0, false, err
		}
		c = next
	}
	for {
		p, err = f.allow(ctx, r, sp, c)
		if !errors.Is(err, storage.ErrNotFound) || left == len(names) {
			return p, left, hidden, err
		}
		c, left, hidden = c[1:], left+1, true
	}
}

// found is find for callers to whom a missing parent is just as missing.
func (f *FS) found(ctx context.Context, ref storage.Ref) (*place, error) {
	p, err := f.find(ctx, ref)
	if errors.Is(err, storage.ErrParentMissing) {
		err = storage.ErrNotFound
	}
	return p, err
}

// appeared takes in a name that the index does not have, if the disk has it.
func (f *FS) appeared(ctx context.Context, parent *place, name string) bool {
	if len(parent.chain) == 1 && reserved(name) || len(name) > resource.MaxNameLength {
		return false
	}
	_, err := f.disk.Lstat(parent.path() + "/" + name)
	if err != nil && escaped(name) {
		name = fromClient(name)
		_, err = f.disk.Lstat(parent.path() + "/" + name)
	}
	if err != nil {
		return false
	}
	changed, err := f.scan.Name(ctx, parent.space, parent.chain, name)
	if err != nil || changed {
		return err == nil
	}
	// Nothing to do: it is of a kind that is left out, or somebody else took it in a moment ago.
	err = f.read(ctx, func(r db.Reader) error {
		_, err := tree.Child(ctx, r, parent.node().ID, name)
		return err
	})
	return err == nil
}

// confirm compares a node with the disk. False: the index was changed, look again.
func (f *FS) confirm(ctx context.Context, p *place) (bool, error) {
	if len(p.chain) == 1 {
		return true, nil
	}
	st, err := f.disk.Lstat(p.path())
	if err == nil && scan.Matches(p.node(), st) {
		return true, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, disk.ErrUnsafe) {
		return false, fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
	}
	_, err = f.scan.Name(ctx, p.space, p.chain[1:], p.node().Name)
	return false, err
}

// Stat implements storage.Reader.
func (f *FS) Stat(ctx context.Context, ref storage.Ref, v storage.View) (storage.Info, error) {
	p, err := f.found(ctx, ref)
	if err != nil {
		return storage.Info{}, err
	}
	return f.describe(ctx, p, v)
}

// describe returns the Info of a place.
func (f *FS) describe(ctx context.Context, p *place, v storage.View) (storage.Info, error) {
	i := f.info(p.space, p.node(), p.may)
	if plain(p.chain, v) {
		return i, nil
	}
	err := f.read(ctx, func(r db.Reader) error { return f.decorate(ctx, r, p, v, &i) })
	return i, err
}

// plain tells that no side table has anything for the node of a chain.
func plain(c tree.Chain, v storage.View) bool {
	if v.Path || v.Grantees && c[0].Flags&tree.FlagGrants != 0 || c[0].Flags&(tree.FlagLocks|tree.FlagTags|tree.FlagProps|tree.FlagFavorites) != 0 {
		return false
	}
	for _, n := range c[1:] {
		if n.Flags&tree.FlagLocks != 0 {
			return false
		}
	}
	return true
}

// List implements storage.Reader.
func (f *FS) List(ctx context.Context, ref storage.Ref, v storage.View) (storage.Info, iter.Seq2[storage.Info, error], error) {
	p, err := f.freshFolder(ctx, ref)
	if err != nil {
		return storage.Info{}, nil, err
	}
	self, err := f.describe(ctx, p, v)
	if err != nil {
		return self, nil, err
	}
	if !p.node().IsFolder() {
		return self, func(func(storage.Info, error) bool) {}, nil
	}
	if err := p.need(permission.ListContainer); err != nil {
		return storage.Info{}, nil, err
	}
	// The folder itself was read before its children: what changes in between is seen by its old ETag next time.
	return self, func(yield func(storage.Info, error) bool) {
		rows := f.newSpool(p.space, p.node())
		defer rows.Close()
		side := &sideTables{view: v, parent: p}
		if err := f.read(ctx, func(r db.Reader) error { return f.gather(ctx, r, p, rows, side) }); err != nil {
			yield(storage.Info{}, translate(err))
			return
		}
		stopped := false
		err := rows.each(func(n *tree.Node, may permission.Set) bool {
			i := f.info(p.space, n, may)
			side.fill(n, &i)
			stopped = !yield(i, nil)
			return !stopped
		})
		if err != nil && !stopped {
			yield(storage.Info{}, fmt.Errorf("%w: %w", storage.ErrUnavailable, err))
		}
	}, nil
}

// errStopped tells that the caller of a sequence wanted no more.
var errStopped = errors.New("stopped")

// freshFolder finds a folder and compares it with the disk, unless that was done a moment ago.
func (f *FS) freshFolder(ctx context.Context, ref storage.Ref) (*place, error) {
	for range tries {
		p, err := f.found(ctx, ref)
		if err != nil || !p.node().IsFolder() {
			return p, err
		}
		dir := p.path()
		st, err := f.disk.Lstat(dir)
		now := time.Now()
		if err == nil {
			if m, ok := f.clean.get(dir); ok && m.sure && m.mtime == st.MTime && m.ino == st.Ino && now.Before(m.until) {
				return p, nil
			}
		}
		changed, err := f.scan.Folder(ctx, p.space, p.chain)
		if err != nil {
			return nil, err
		}
		// In-place edits do not touch the folder. Reading it is spared only for a time in proportion to what it costs.
		f.clean.set(dir, mark{mtime: st.MTime, ino: st.Ino, sure: now.UnixNano()-st.MTime > tick, until: now.Add(10 * time.Since(now))})
		if !changed {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%w: the folder changes all the time", storage.ErrUnavailable)
}

// gather reads the children of a folder, in the order of their names, and what side tables have for them.
func (f *FS) gather(ctx context.Context, r db.Reader, p *place, rows *spool, side *sideTables) error {
	if err := side.inherit(ctx, f, r); err != nil {
		return err
	}
	if side.view.Path {
		var err error
		if side.path, err = f.shownPath(ctx, r, p); err != nil {
			return err
		}
	}
	flags := int64(0)
	err := tree.EachChild(ctx, r, p.node().ID, func(n *tree.Node) error {
		may := p.may
		if n.Flags != 0 {
			flags |= n.Flags
			if n.Flags&tree.FlagGrants != 0 {
				var visible bool
				var err error
				if may, visible, err = f.childRights(ctx, r, p, n); err != nil || !visible {
					return err
				}
			}
			if n.Flags&tree.FlagLocks != 0 {
				if err := side.locksOf(ctx, f, r, n); err != nil {
					return err
				}
			}
		}
		return rows.add(n, may)
	})
	if err == nil {
		err = side.load(ctx, r, flags)
	}
	return err
}

// sideTables adds to children what lies in other tables: one query per table and folder, when any child has something there.
type sideTables struct {
	view      storage.View
	parent    *place
	path      string // of the parent, if paths are asked for
	inherited []storage.Lock
	locks     map[string][]storage.Lock
	tags      map[string][]string
	props     map[string][]storage.Prop
	marked    map[string]bool
	grantees  map[string][]space.GranteeKind
}

// inherit finds the locks on the folder that guard all below it.
func (s *sideTables) inherit(ctx context.Context, f *FS, r db.Reader) error {
	locks, err := f.locksOn(ctx, r, s.parent.chain)
	for _, l := range locks {
		if l.Infinite {
			s.inherited = append(s.inherited, l)
		}
	}
	return err
}

func (s *sideTables) locksOf(ctx context.Context, f *FS, r db.Reader, n *tree.Node) error {
	own, err := f.locksOn(ctx, r, append(tree.Chain{n}, s.parent.chain...))
	if s.locks == nil {
		s.locks = map[string][]storage.Lock{}
	}
	s.locks[n.ID] = own
	return err
}

// load reads the tables that the flags of any child name.
func (s *sideTables) load(ctx context.Context, r db.Reader, flags int64) error {
	parent := s.parent.node().ID
	if flags&tree.FlagTags != 0 {
		s.tags = map[string][]string{}
		if err := r.Query(ctx, `SELECT t.node, t.tag FROM nodes n JOIN tags t ON t.node=n.id WHERE n.parent=? ORDER BY t.tag`, func(row db.Row) error {
			id := row.Text(0)
			s.tags[id] = append(s.tags[id], row.Text(1))
			return nil
		}, parent); err != nil {
			return err
		}
	}
	if flags&tree.FlagFavorites != 0 {
		s.marked = map[string]bool{}
		if err := r.Query(ctx, `SELECT v.node FROM nodes n JOIN favorites v ON v.node=n.id WHERE n.parent=? AND v.uid=?`, func(row db.Row) error {
			s.marked[row.Text(0)] = true
			return nil
		}, parent, identity.ActorFrom(ctx).User.ID); err != nil {
			return err
		}
	}
	if flags&tree.FlagGrants != 0 && s.view.Grantees {
		s.grantees = map[string][]space.GranteeKind{}
		if err := r.Query(ctx, `SELECT DISTINCT g.node, g.kind FROM nodes n JOIN grants g ON g.node=n.id WHERE n.parent=? AND (g.expires=0 OR g.expires>?) ORDER BY g.kind`, func(row db.Row) error {
			id := row.Text(0)
			s.grantees[id] = append(s.grantees[id], space.GranteeKind(row.Int(1)))
			return nil
		}, parent, time.Now().UnixNano()); err != nil {
			return err
		}
	}
	if flags&tree.FlagProps == 0 || !s.view.Props {
		return nil
	}
	s.props = map[string][]storage.Prop{}
	return r.Query(ctx, `SELECT p.node, p.ns, p.name, p.value, p.attrs FROM nodes n JOIN props p ON p.node=n.id WHERE n.parent=? ORDER BY p.ns, p.name`,
		func(row db.Row) error {
			id := row.Text(0)
			s.props[id] = append(s.props[id], storage.Prop{Namespace: row.Text(1), Name: row.Text(2), Value: row.Text(3), Attrs: row.Text(4)})
			return nil
		}, parent)
}

// fill completes the Info of a child.
func (s *sideTables) fill(n *tree.Node, i *storage.Info) {
	if s.view.Path {
		i.Path = s.path
		if i.Path != "" {
			i.Path += "/"
		}
		i.Path += toClient(n.Name)
	}
	i.Locks = s.inherited
	if i.Shared && i.Permissions.Has(permission.ListGrants) {
		i.Grantees = s.grantees[n.ID]
	}
	if n.Flags&(tree.FlagLocks|tree.FlagTags|tree.FlagFavorites|tree.FlagProps) == 0 {
		return
	}
	if n.Flags&tree.FlagLocks != 0 {
		i.Locks = s.locks[n.ID]
	}
	i.Tags, i.Favorite, i.Props = s.tags[n.ID], s.marked[n.ID], s.props[n.ID]
}

// Open implements storage.Reader.
func (f *FS) Open(ctx context.Context, ref storage.Ref) (*storage.Content, error) {
	names, err := segments(ref.Path)
	if err != nil {
		return nil, err
	}
	for range tries {
		var p *place
		err := f.read(ctx, func(r db.Reader) (err error) {
			p, err = f.locateNames(ctx, r, ref.ID, names)
			return err
		})
		if errors.Is(err, storage.ErrNotFound) {
			p, err = f.found(ctx, ref) // perhaps other programs made it
		}
		if err != nil {
			return nil, err
		}
		if err := p.need(permission.Download); err != nil {
			return nil, err
		}
		if p.node().IsFolder() {
			return nil, fmt.Errorf("%w: it is a folder", storage.ErrConflict)
		}
		file, err := f.disk.Open(p.path())
		if err == nil {
			st, serr := file.Stat()
			if serr == nil && scan.Matches(p.node(), st) {
				i, err := f.describe(ctx, p, storage.View{})
				if err != nil {
					file.Close()
					return nil, err
				}
				return &storage.Content{Info: i, ReadSeekCloser: &content{file: file, size: i.Size}}, nil
			}
			file.Close()
			err = serr
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, disk.ErrUnsafe) {
			return nil, fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
		}
		if _, err := f.scan.Name(ctx, p.space, p.chain[1:], p.node().Name); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: it changes all the time", storage.ErrUnavailable)
}

// content reads an open file; a file that became shorter under our hands is an error, not a shorter answer.
type content struct {
	file disk.File
	size int64
	off  int64
}

func (c *content) Read(p []byte) (int, error) {
	if c.off >= c.size {
		return 0, io.EOF
	}
	if int64(len(p)) > c.size-c.off {
		p = p[:c.size-c.off]
	}
	n, err := c.file.ReadAt(p, c.off)
	c.off += int64(n)
	if n == len(p) && errors.Is(err, io.EOF) {
		err = nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (c *content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.off
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return 0, fs.ErrInvalid
	}
	c.off = offset
	return offset, nil
}

func (c *content) Close() error { return c.file.Close() }

// trashInfo is the text of a .trashinfo file.
func trashInfo(original string, deleted time.Time) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "[Trash Info]\nPath=%s\nDeletionDate=%s\n", toClient(original), deleted.Format("2006-01-02T15:04:05"))
	return b.String()
}

func reserved(name string) bool { return scan.Reserved(name) }
