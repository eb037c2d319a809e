package scan

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/tree"
)

var (
	errElsewhere = errors.New("the folder was moved meanwhile")
	errMany      = errors.New("too much vanished at once")
)

// seen is an entry on disk before the transaction.
type seen struct {
	name string
	st   disk.Stat
	id   string // from the extended attribute, or made for it
	own  bool   // id was made by us just now
	gone bool
}

type result struct {
	changed  bool
	unhashed bool     // there are files without checksums
	folders  []string // ids of folders that were new
}

// settlement corrects some names of one folder in one transaction.
type settlement struct {
	*Scanner
	space     *tree.Space
	folder    string // id
	dir, path string // of the folder: on disk, in the space
	drop      bool   // names are expected to be gone
	names     []seen
	busy      []string
	result    // of the last run
	again     []string
	labels    map[string]bool // names whose attribute may not be what the index says → whether it is known not to be
	delta     int64
	seq       int64
	now       time.Time
	vanishing []*tree.Node
}

// look reads what is on disk, and gives new entries their id. An id that the index does not know does no harm.
func (t *settlement) look(names []string) error {
	t.names = make([]seen, 0, len(names))
	for _, name := range names {
		path := t.dir + "/" + name
		e := seen{name: name}
		var err error
		if e.st, err = t.Disk.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			e.gone = true
		} else if err != nil {
			return err
		} else if e.st.Type == disk.Other {
			e.gone = true
		}
		if !e.gone {
			if !t.NoXattr {
				if e.id, err = t.Disk.GetXattr(path, IDAttr); err != nil || !validID(e.id) {
					e.id = ""
				}
			}
			if e.id == "" {
				e.id, e.own = t.NewID(), true
			}
		}
		t.names = append(t.names, e)
	}
	return nil
}

func validID(id string) bool {
	_, err := resource.ParseID("s$s!" + id)
	return err == nil && len(id) <= 64
}

func (t *settlement) run(ctx context.Context, tx db.Tx) error {
	t.result, t.again, t.delta, t.now, t.vanishing = result{}, nil, 0, time.Now(), nil
	t.labels = map[string]bool{}
	var err error
	if t.busy, err = t.Busy(ctx, tx); err != nil {
		return err
	}
	c, err := t.chainIn(ctx, tx)
	if err != nil {
		return err
	}
	t.seq = c.Root().Seq
	for _, e := range t.names {
		if err := t.one(ctx, tx, c, e); err != nil {
			return err
		}
	}
	if len(t.vanishing) > 0 {
		if err := t.mayDrop(ctx, tx, t.vanishing); err != nil {
			return err
		}
		for _, n := range t.vanishing {
			if err := t.vanish(ctx, tx, n); err != nil {
				return err
			}
		}
	}
	if !t.changed {
		return nil
	}
	// Read anew: a move within the space may have touched the same ancestors.
	if c, err = t.chainIn(ctx, tx); err != nil {
		return err
	}
	return tree.Touch(ctx, tx, c, t.seq, t.delta, t.now)
}

func (t *settlement) chainIn(ctx context.Context, tx db.Tx) (tree.Chain, error) {
	n, err := tree.ByID(ctx, tx, t.folder)
	if err != nil {
		return nil, err
	}
	c, err := tree.Up(ctx, tx, n)
	if err == nil && c.Path() != t.path {
		err = errElsewhere
	}
	return c, err
}

// one settles one name.
func (t *settlement) one(ctx context.Context, tx db.Tx, c tree.Chain, e seen) error {
	path := t.dir + "/" + e.name
	if touches(t.busy, path) {
		t.again = append(t.again, e.name)
		return nil
	}
	st, err := t.Disk.Lstat(path)
	gone := errors.Is(err, fs.ErrNotExist) || err == nil && st.Type == disk.Other
	if err != nil && !gone {
		return err
	}
	if gone != e.gone || !gone && (st.Ino != e.st.Ino || st.Type != e.st.Type) {
		t.again = append(t.again, e.name) // changes right now
		return nil
	}
	n, err := tree.Child(ctx, tx, t.folder, e.name)
	if err != nil && !errors.Is(err, tree.ErrNotFound) {
		return err
	}
	switch {
	case n == nil && gone:
		return nil
	case gone:
		if t.drop {
			t.vanishing = append(t.vanishing, n)
		}
		return nil
	case n == nil:
		return t.appear(ctx, tx, c, e, st)
	case Matches(n, st):
		return nil
	}
	return t.differ(ctx, tx, c, n, e, st)
}

// differ settles a name that has another entry than the index says.
func (t *settlement) differ(ctx context.Context, tx db.Tx, c tree.Chain, n *tree.Node, e seen, st disk.Stat) error {
	same := (n.Kind == resource.Folder) == (st.Type == disk.Directory)
	if same && n.Ino != int64(st.Ino) && !e.own && e.id != n.ID {
		// Something that is known as another node was moved over this one.
		if other, err := tree.ByID(ctx, tx, e.id); err == nil && other.Space == n.Space {
			same = false
		} else if err != nil && !errors.Is(err, tree.ErrNotFound) {
			return err
		}
	}
	if !same {
		if err := t.mayDrop(ctx, tx, []*tree.Node{n}); err != nil {
			return err
		}
		if err := t.vanish(ctx, tx, n); err != nil {
			return err
		}
		return t.appear(ctx, tx, c, e, st)
	}
	t.labels[e.name] = e.id != n.ID
	n.Ino = int64(st.Ino)
	if n.IsFolder() {
		// Another folder under the old name: nothing to see but its number; what is in it is compared on its own.
		return tree.Save(ctx, tx, n)
	}
	t.delta += st.Size - n.Size
	n.Size, n.MTime, n.Sums = st.Size, st.MTime, nil
	t.unhashed = true
	return t.log(ctx, tx, n, "write", "", "", true)
}

// appear settles a name that the index does not have.
func (t *settlement) appear(ctx context.Context, tx db.Tx, c tree.Chain, e seen, st disk.Stat) error {
	if !e.own {
		old, err := tree.ByID(ctx, tx, e.id)
		switch {
		case errors.Is(err, tree.ErrNotFound):
		case err != nil:
			return err
		default:
			moved, err := t.moved(ctx, tx, c, old, st)
			if err != nil {
				return err
			}
			if moved {
				return t.revive(ctx, tx, old, e, st)
			}
			e.id, e.own = t.NewID(), true
		}
	}
	t.labels[e.name] = e.own
	n := &tree.Node{ID: e.id, Space: t.space.ID, Parent: t.folder, Name: e.name, Kind: resource.File, MTime: st.MTime, Ino: int64(st.Ino)}
	if st.Type == disk.Directory {
		n.Kind = resource.Folder
		t.folders = append(t.folders, n.ID)
	} else {
		n.Size, t.unhashed = st.Size, true
	}
	t.seq++
	n.Seq = t.seq
	t.changed = true
	t.delta += n.Size
	if err := tree.Insert(ctx, tx, n); err != nil {
		return err
	}
	return t.log(ctx, tx, n, "create", "", "", false)
}

// moved tells whether an entry that carries a known id is that node, and not a copy of it.
func (t *settlement) moved(ctx context.Context, tx db.Tx, c tree.Chain, old *tree.Node, st disk.Stat) (bool, error) {
	if old.Space != t.space.ID || (old.Kind == resource.Folder) != (st.Type == disk.Directory) || c.Has(old.ID) {
		return false, nil
	}
	up, trashed, err := tree.UpAnywhere(ctx, tx, old)
	if err != nil {
		return false, err
	}
	top := up[len(up)-1]
	place := Path(t.space, up)
	switch {
	case !trashed:
		if len(up) == 1 {
			return false, nil // a copy of the space itself
		}
	case top.Parent == tree.Limbo:
		return true, nil
	case top.Parent == tree.TrashParent:
		place = TrashPath(t.space, top.ID)
		if len(up) > 1 {
			place += "/" + up.Path()
		}
	default:
		return false, nil
	}
	if touches(t.busy, place) {
		return false, nil
	}
	was, err := t.Disk.Lstat(place)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return int64(was.Ino) != old.Ino && int64(st.Ino) == old.Ino, nil
}

// TrashPath is where a trashed node lies.
func TrashPath(sp *tree.Space, id string) string {
	return sp.Dir + "/.Trash/files/" + id + ".trashitem"
}

// revive puts a known node where its entry was found.
func (t *settlement) revive(ctx context.Context, tx db.Tx, n *tree.Node, e seen, st disk.Stat) error {
	up, trashed, err := tree.UpAnywhere(ctx, tx, n)
	if err != nil {
		return err
	}
	op, oldParent, oldName := "move", n.Parent, n.Name
	t.seq++
	if trashed {
		op = "restore"
	}
	if len(up) > 1 {
		if err := tree.Touch(ctx, tx, up[1:], t.seq, -n.Size, t.now); err != nil {
			return err
		}
	} else {
		oldParent, oldName = "", ""
		if _, err := tx.Exec(ctx, `DELETE FROM trash WHERE node=?`, n.ID); err != nil {
			return err
		}
	}
	if err := tree.Place(ctx, tx, n, t.folder, e.name); err != nil {
		return err
	}
	if !n.IsFolder() && !Matches(n, st) {
		if n.Size != st.Size || n.MTime != st.MTime {
			n.Sums, n.Seq, t.unhashed = nil, t.seq, true
		}
		n.Size, n.MTime = st.Size, st.MTime
	}
	n.Ino = int64(st.Ino)
	if err := tree.Save(ctx, tx, n); err != nil {
		return err
	}
	t.changed = true
	t.labels[e.name] = false
	t.delta += n.Size
	if n.IsFolder() {
		t.folders = append(t.folders, n.ID)
	}
	return t.log(ctx, tx, n, op, oldParent, oldName, false)
}

// vanish puts a node into the limbo.
func (t *settlement) vanish(ctx context.Context, tx db.Tx, n *tree.Node) error {
	parent, name := n.Parent, n.Name
	t.seq++
	if err := tree.Place(ctx, tx, n, tree.Limbo, LimboName(t.now, n.ID)); err != nil {
		return err
	}
	t.changed = true
	t.delta -= n.Size
	return t.log(ctx, tx, n, "vanish", parent, name, false)
}

// log writes the journal; with bump the node itself has changed.
func (t *settlement) log(ctx context.Context, tx db.Tx, n *tree.Node, op, oldParent, oldName string, bump bool) error {
	if bump {
		t.seq++
		n.Seq = t.seq
		t.changed = true
		if err := tree.Save(ctx, tx, n); err != nil {
			return err
		}
	}
	return tree.Log(ctx, tx, tree.Entry{Space: n.Space, Seq: t.seq, Op: op, Node: n, OldParent: oldParent, OldName: oldName, Time: t.now})
}

// label makes the extended attributes of what was taken in say what the index says. While it is at it another settlement, or
// an operation of ours, may give a name to another node: so it goes by the index and not by what was settled, one at a time,
// and looks again when something has happened in the folder meanwhile.
func (t *settlement) label(ctx context.Context) {
	if t.NoXattr || len(t.labels) == 0 {
		return
	}
	t.labelling.Lock()
	defer t.labelling.Unlock()
	ctx = context.WithoutCancel(ctx) // the index has it already
	for before, again := int64(0), false; ; again = true {
		var now int64
		wrong := map[string]string{} // name → id
		err := t.DB.Read(ctx, func(r db.Reader) error {
			clear(wrong)
			folder, err := tree.ByID(ctx, r, t.folder)
			if err != nil {
				return err
			}
			if now = folder.Seq; again && now == before {
				return nil
			}
			for name, other := range t.labels {
				id, err := t.mislabelled(ctx, r, name, other && !again)
				if err != nil {
					return err
				}
				if id != "" {
					wrong[name] = id
				}
			}
			return nil
		})
		if err != nil {
			if !errors.Is(err, tree.ErrNotFound) {
				t.problem(t.dir, "the ids of new entries cannot be written: "+err.Error())
			}
			return
		}
		if len(wrong) == 0 {
			return
		}
		for name, id := range wrong {
			if err := t.Disk.SetXattr(t.dir+"/"+name, IDAttr, id); err != nil && !errors.Is(err, fs.ErrNotExist) {
				delete(t.labels, name)
				t.problem(t.dir+"/"+name, "its id cannot be written: "+err.Error())
			}
		}
		before = now
	}
}

// mislabelled returns the id that an entry should have in its attribute, if it has another (other: that is known); else "".
func (t *settlement) mislabelled(ctx context.Context, r db.Reader, name string, other bool) (string, error) {
	n, err := tree.Child(ctx, r, t.folder, name)
	if err != nil {
		if errors.Is(err, tree.ErrNotFound) {
			err = nil
		}
		return "", err
	}
	path := t.dir + "/" + name
	if st, err := t.Disk.Lstat(path); err != nil || int64(st.Ino) != n.Ino {
		return "", nil // not the entry that the index knows: whoever takes that in labels it
	}
	if !other {
		if id, err := t.Disk.GetXattr(path, IDAttr); err == nil && id == n.ID {
			return "", nil
		}
	}
	return n.ID, nil
}
