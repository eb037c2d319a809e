package posix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"opencloud/internal/platform/db"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/tree"
)

// op is one operation on disk. It can be repeated: what is done already is recognised by what lies at From.
type op struct {
	Kind string `json:"k"` // put, replace, move, trash, mtime, remove
	// From and To are paths relative to the storage's root.
	From string `json:"f,omitempty"`
	To   string `json:"t,omitempty"`
	// Aside is where the content that is replaced goes; empty: nowhere.
	Aside string `json:"a,omitempty"`
	MTime int64  `json:"m,omitempty"`
	// Info is the text of a .trashinfo file beside To (trash).
	Info string `json:"i,omitempty"`
	// Ino is the inode of what comes from From, to know it again.
	Ino uint64 `json:"n,omitempty"`
	// Key is the key of the version at Aside, and Restored the version that From was, to take back what the index says of
	// them if the operation fails.
	Key      string        `json:"v,omitempty"`
	Restored *tree.Version `json:"r,omitempty"`
	// Node is the id of what is new (put), to take it out of the index again.
	Node string `json:"w,omitempty"`
	// Trashed is the item that is restored, to put it back into the trash.
	Trashed *tree.Trashed `json:"d,omitempty"`
}

// failure tells that operations failed after their transaction was committed: the first of ops, the others were not
// tried any more. It is storage.ErrUnavailable, or ErrQuota when the disk is full.
type failure struct {
	id  int64 // of the record
	ops []op
	err error
}

func (e *failure) Error() string { return "operation on disk: " + e.err.Error() }
func (e *failure) Unwrap() []error {
	if disk.IsFull(e.err) {
		return []error{storage.ErrQuota, e.err}
	}
	return []error{storage.ErrUnavailable, e.err}
}

const (
	opPut     = "put"     // From becomes To, which must be free
	opReplace = "replace" // From becomes To; what was there goes to Aside
	opTrash   = "trash"   // From becomes To, in the trash, with Info
	opRestore = "restore" // From, in the trash, becomes To, which must be free
	opMTime   = "mtime"   // To gets MTime
	opRemove  = "remove"  // From becomes To, below .oc-tmp, to be removed in the background
)

// redoLog keeps the operations that are in the index but perhaps not on disk: one record for each transaction.
type redoLog struct {
	group   []op         // of the transaction that runs now; the database runs one at a time
	next    atomic.Int64 // id of the last record
	applied atomic.Int64 // all up to this one have been applied, or have failed
	dirty   atomic.Bool  // there are records since the last trimming
	mu      sync.Mutex   // serialises trimming
	trimmed atomic.Int64 // all up to this one have been removed from the table
}

// busy returns the paths of operations that are not on disk yet; see scan.Config.
func (l *redoLog) busy(ctx context.Context, tx db.Tx) ([]string, error) {
	var out []string
	if l.applied.Load() == l.next.Load() {
		return nil, nil
	}
	err := tx.Query(ctx, `SELECT op FROM pending WHERE id>? ORDER BY id`, func(row db.Row) error {
		var ops []op
		if err := json.Unmarshal([]byte(row.Text(0)), &ops); err != nil {
			return err
		}
		for _, o := range ops {
			for _, p := range []string{o.From, o.To} {
				if p != "" {
					out = append(out, p)
				}
			}
		}
		return nil
	}, l.applied.Load())
	return out, err
}

// after notes an operation of the transaction, to be done when that is durable.
func (f *FS) after(o op) error {
	f.redo.group = append(f.redo.group, o)
	return nil
}

// write runs f in a transaction, then does the operations it noted.
func (f *FS) write(ctx context.Context, fn func(tx db.Tx) error) error {
	err := f.db.Write(ctx, func(tx db.Tx) error {
		f.redo.group = nil
		if err := fn(tx); err != nil || len(f.redo.group) == 0 {
			return err
		}
		return f.record(ctx, tx, f.redo.group)
	})
	var failed *failure
	if errors.As(err, &failed) {
		if e := f.takeBack(context.WithoutCancel(ctx), failed); e != nil {
			f.log.Error("index cannot be corrected after a failed operation", "err", e)
		}
	}
	return translate(err)
}

// record writes the operations of a transaction into it, and does them after the commit.
func (f *FS) record(ctx context.Context, tx db.Tx, ops []op) error {
	text, err := json.Marshal(ops)
	if err != nil {
		return err
	}
	id := f.redo.next.Add(1)
	if _, err := tx.Exec(ctx, `INSERT INTO pending(id, op) VALUES(?,?)`, id, string(text)); err != nil {
		return err
	}
	tx.AfterCommit(func() error {
		defer f.redo.applied.Store(id)
		defer f.mark(id)
		if f.redo.dirty.CompareAndSwap(false, true) {
			f.kick()
		}
		for i, o := range ops {
			if err := f.apply(o, false); err != nil {
				f.log.Error("operation on disk failed, the index follows the disk", "kind", o.Kind, "path", o.To, "err", err)
				return &failure{id, ops[i:], err}
			}
		}
		return nil
	})
	return nil
}

// errGone tells that what an operation moves is not where it was: somebody took it, or the operation was done before.
var errGone = errors.New("what is to be moved is not there")

// apply does an operation. With again it may have been done before, and so may others that came after it: what lies at
// From may be something else by now.
func (f *FS) apply(o op, again bool) error {
	mark := f.clean.before(f, o)
	defer f.clean.after(f, mark)
	at := o.From
	if o.Kind == opMTime {
		at = o.To
	}
	if again || o.Kind != opReplace && !staging(at) {
		st, err := f.disk.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) || err == nil && o.Ino != 0 && st.Ino != o.Ino {
			return fmt.Errorf("%w: %w", errGone, fs.ErrNotExist)
		}
		if err != nil {
			return err
		}
	}
	switch o.Kind {
	case opPut, opRestore:
		if err := f.place(o); err != nil {
			return err
		}
		if o.Kind == opRestore {
			_ = f.disk.Remove(infoPath(o.From))
		}
		return nil
	case opReplace:
		return f.replace(o)
	case opTrash:
		if err := f.place(o); err != nil {
			return err
		}
		f.writeInfo(o)
		return nil
	case opRemove:
		err := f.disk.Rename(o.From, o.To, false)
		_ = f.disk.Remove(infoPath(o.From))
		return err
	case opMTime:
		return f.disk.SetMTime(o.To, o.MTime)
	}
	return fmt.Errorf("unknown operation %q", o.Kind)
}

// staging tells whether a path is in a staging folder, where nobody but us works.
func staging(p string) bool { return strings.Contains(p, "/.oc-tmp/") }

// place renames From to To, which must be free. Something unknown that took the name meanwhile keeps its content under
// another name, where the next comparison finds it.
func (f *FS) place(o op) error {
	for range 3 {
		err := f.disk.Rename(o.From, o.To, true)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, fs.ErrExist):
			if e := f.disk.Rename(o.To, conflictName(o.To), true); e != nil && !errors.Is(e, fs.ErrNotExist) {
				return e
			}
		default:
			return err
		}
	}
	return fs.ErrExist
}

func conflictName(p string) string {
	ext := path.Ext(p)
	if len(ext) > 16 {
		ext = ""
	}
	base := p[:len(p)-len(ext)]
	suffix := " (conflict " + strconv.FormatInt(time.Now().UnixMilli(), 36) + ")"
	if dir, name := path.Split(base); len(name)+len(suffix)+len(ext) > 255 {
		base = dir + name[:255-len(suffix)-len(ext)]
	}
	return base + suffix + ext
}

// replace keeps the old content as a version, then lets the new one take its name: there is never a moment without.
func (f *FS) replace(o op) error {
	st, err := f.disk.Lstat(o.To)
	if err == nil && st.Type != disk.Regular {
		if err := f.disk.Rename(o.To, conflictName(o.To), true); err != nil {
			return err
		}
	} else if err == nil && o.Aside != "" {
		if err := f.setAside(o.To, o.Aside, st.Ino); err != nil {
			return err
		}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.disk.Rename(o.From, o.To, false)
}

// setAside gives the content at a path a second name among the versions.
func (f *FS) setAside(from, to string, ino uint64) error {
	for range 3 {
		err := f.disk.Link(from, to)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, fs.ErrNotExist):
			if err := disk.MkdirAll(f.disk, path.Dir(to)); err != nil {
				return err
			}
		case errors.Is(err, fs.ErrExist):
			st, err := f.disk.Lstat(to)
			if err == nil && st.Ino == ino {
				return nil // done before
			}
			// Something the index does not know lies there; it is kept.
			if err := f.disk.Rename(to, conflictName(to), true); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		default:
			return err
		}
	}
	return f.disk.Link(from, to)
}

// infoPath is the .trashinfo that belongs to a .trashitem.
func infoPath(item string) string {
	dir, name := path.Split(item)
	return path.Dir(path.Clean(dir)) + "/info/" + name[:max(0, len(name)-len(".trashitem"))] + ".trashinfo"
}

// writeInfo writes the text file that lets other programs understand the trash; the index does not need it.
func (f *FS) writeInfo(o op) {
	file, err := f.disk.Create(infoPath(o.To))
	if err == nil {
		_, err = file.Write([]byte(o.Info))
		err = errors.Join(err, file.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		f.log.Warn("trash info cannot be written", "err", err)
	}
}

// takeBack corrects what the index says of versions and trash after operations failed, and forgets them: what was
// reported as failed must not happen after a restart. The rest follows the disk by itself: the next look at the place
// finds the difference.
func (f *FS) takeBack(ctx context.Context, failed *failure) error {
	if err := f.disk.Sync(); err != nil { // the record is of operations that were done, too
		return err
	}
	return f.db.Write(ctx, func(tx db.Tx) error {
		for _, o := range failed.ops {
			if err := f.takeBackOne(ctx, tx, &o); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `DELETE FROM pending WHERE id=?`, failed.id)
		return err
	})
}

func (f *FS) takeBackOne(ctx context.Context, tx db.Tx, o *op) error {
	if o.Key != "" {
		if _, err := f.disk.Lstat(o.Aside); errors.Is(err, fs.ErrNotExist) {
			if _, err := tx.Exec(ctx, `DELETE FROM versions WHERE key=?`, o.Key); err != nil {
				return err
			}
		}
	}
	if o.Node != "" {
		return f.takeOut(ctx, tx, o)
	}
	if o.Restored == nil && o.Trashed == nil {
		return nil
	}
	if _, err := f.disk.Lstat(o.From); err != nil {
		return nil //nolint:nilerr // it was done after all, or is gone
	}
	if o.Trashed != nil {
		return f.backToTrash(ctx, tx, o.Trashed)
	}
	n, err := tree.ByID(ctx, tx, o.Restored.Node)
	if err != nil {
		return ignore(err, tree.ErrNotFound)
	}
	return tree.SaveVersion(ctx, tx, n, *o.Restored)
}

// takeOut removes something new that did not get to its place.
func (f *FS) takeOut(ctx context.Context, tx db.Tx, o *op) error {
	if st, err := f.disk.Lstat(o.To); err == nil && st.Ino == o.Ino {
		return nil // it is there after all
	}
	n, err := tree.ByID(ctx, tx, o.Node)
	if err != nil || uint64(n.Ino) != o.Ino {
		return ignore(err, tree.ErrNotFound)
	}
	c, err := tree.Up(ctx, tx, n)
	if err != nil {
		return ignore(err, tree.ErrNotFound)
	}
	now, parent, name := time.Now(), n.Parent, n.Name
	if err := tree.Place(ctx, tx, n, tree.Graveyard, n.ID); err != nil {
		return err
	}
	seq := c.NextSeq()
	if err := tree.Touch(ctx, tx, c[1:], seq, -n.Size, now); err != nil {
		return err
	}
	return f.journal(ctx, tx, "vanish", n, seq, parent, name, now)
}

// backToTrash takes back a restore.
func (f *FS) backToTrash(ctx context.Context, tx db.Tx, t *tree.Trashed) error {
	n, err := tree.ByID(ctx, tx, t.Node.ID)
	if err != nil {
		return ignore(err, tree.ErrNotFound)
	}
	c, err := tree.Up(ctx, tx, n)
	if err != nil {
		return ignore(err, tree.ErrNotFound)
	}
	now, parent, name := time.Now(), n.Parent, n.Name
	t.Node = n
	if err := tree.SaveTrashed(ctx, tx, t); err != nil {
		return err
	}
	if err := tree.Place(ctx, tx, n, tree.TrashParent, n.ID); err != nil {
		return err
	}
	seq := c.NextSeq()
	if err := tree.Touch(ctx, tx, c[1:], seq, -n.Size, now); err != nil {
		return err
	}
	return f.journal(ctx, tx, "trash", n, seq, parent, name, now)
}

// ignore returns an error, unless it is one that is expected.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// recover repeats the operations that a crash may have left undone.
func (f *FS) recover(ctx context.Context) error {
	type record struct {
		id  int64
		ops []op
	}
	var records []record
	err := f.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT id, op FROM pending ORDER BY id`, func(x db.Row) error {
			rec := record{id: x.Int(0)}
			if err := json.Unmarshal([]byte(x.Text(1)), &rec.ops); err != nil {
				return fmt.Errorf("redo record %d: %w", rec.id, err)
			}
			records = append(records, rec)
			return nil
		})
	})
	if err != nil {
		return err
	}
	done, err := f.openMarker()
	if err != nil {
		return err
	}
	f.redo.next.Store(done)
	for _, r := range records {
		f.redo.next.Store(max(done, r.id))
		if r.id <= done {
			continue
		}
		for i, o := range r.ops {
			err := f.apply(o, true)
			if err == nil || errors.Is(err, errGone) {
				continue // done before
			}
			f.log.Warn("operation cannot be repeated, its folder will be compared", "kind", o.Kind, "path", o.To, "err", err)
			if err := f.takeBack(ctx, &failure{r.id, r.ops[i:], err}); err != nil {
				return err
			}
			break
		}
	}
	f.mark(f.redo.next.Load())
	f.redo.applied.Store(f.redo.next.Load())
	f.redo.trimmed.Store(f.redo.next.Load() - int64(len(records)))
	if len(records) > 0 {
		return f.trim(ctx)
	}
	return nil
}

// trim removes the records of operations that have been applied, after making sure that the disk has them.
func (f *FS) trim(ctx context.Context) error {
	f.redo.mu.Lock()
	defer f.redo.mu.Unlock()
	f.redo.dirty.Store(false)
	upto := f.redo.applied.Load()
	if upto == f.redo.trimmed.Load() {
		return nil
	}
	if err := f.disk.Sync(); err != nil {
		return err
	}
	err := f.db.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM pending WHERE id<=?`, upto)
		return err
	})
	if err == nil {
		f.redo.trimmed.Store(upto)
	}
	return err
}
