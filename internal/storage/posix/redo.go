package posix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"opencloud/internal/platform/db"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix/disk"
)

// op is one operation on disk. It can be repeated: what is done already is recognised.
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
}

const (
	opPut     = "put"     // From becomes To, which must be free
	opReplace = "replace" // From becomes To; what was there goes to Aside
	opTrash   = "trash"   // From becomes To, in the trash, with Info
	opRestore = "restore" // From, in the trash, becomes To, which must be free
	opMTime   = "mtime"   // To gets MTime
	opRemove  = "remove"  // From becomes To, below .oc-tmp, to be removed in the background
)

// redoLog keeps the operations that are in the index but perhaps not on disk.
type redoLog struct {
	next    atomic.Int64 // id of the last one
	applied atomic.Int64 // all up to this one have been applied
	dirty   atomic.Bool  // there are records since the last trimming
	mu      sync.Mutex   // serialises trimming
	trimmed atomic.Int64 // all up to this one have been removed from the table
}

// busy returns the paths of operations that are not on disk yet; see scan.Config.
func (l *redoLog) busy(ctx context.Context, tx db.Tx) ([]string, error) {
	var out []string
	err := tx.Query(ctx, `SELECT op FROM pending WHERE id>? ORDER BY id`, func(row db.Row) error {
		var o op
		if err := json.Unmarshal([]byte(row.Text(0)), &o); err != nil {
			return err
		}
		for _, p := range []string{o.From, o.To} {
			if p != "" {
				out = append(out, p)
			}
		}
		return nil
	}, l.applied.Load())
	return out, err
}

// after notes an operation in the transaction, and applies it when that is durable.
func (f *FS) after(ctx context.Context, tx db.Tx, o op) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	id := f.redo.next.Add(1)
	if _, err := tx.Exec(ctx, `INSERT INTO pending(id, op) VALUES(?,?)`, id, string(text)); err != nil {
		return err
	}
	tx.AfterCommit(func() error {
		err := f.apply(o)
		f.redo.applied.Store(id)
		if err != nil {
			f.log.Error("operation on disk failed, the index follows the disk", "kind", o.Kind, "path", o.To, "err", err)
			f.kick()
			return fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
		}
		if f.redo.dirty.CompareAndSwap(false, true) {
			f.kick()
		}
		return nil
	})
	return nil
}

// apply does an operation.
func (f *FS) apply(o op) error {
	mark := f.clean.before(f, o)
	defer f.clean.after(f, mark)
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
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		_ = f.disk.Remove(infoPath(o.From))
		return err
	case opMTime:
		return f.disk.SetMTime(o.To, o.MTime)
	}
	return fmt.Errorf("unknown operation %q", o.Kind)
}

// place renames From to To, which must be free. Something unknown that took the name meanwhile keeps its content under
// another name, where the next comparison finds it.
func (f *FS) place(o op) error {
	for range 3 {
		err := f.disk.Rename(o.From, o.To, true)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, fs.ErrExist):
			st, e := f.disk.Lstat(o.To)
			if e == nil && o.Ino != 0 && st.Ino == o.Ino {
				return nil // done before
			}
			if e := f.disk.Rename(o.To, conflictName(o.To), true); e != nil && !errors.Is(e, fs.ErrNotExist) {
				return e
			}
		case errors.Is(err, fs.ErrNotExist):
			if st, e := f.disk.Lstat(o.To); e == nil && (o.Ino == 0 || st.Ino == o.Ino) {
				return nil // done before
			}
			return err
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
	if err == nil && st.Ino == o.Ino {
		return nil // done before
	}
	if _, e := f.disk.Lstat(o.From); errors.Is(e, fs.ErrNotExist) {
		return fmt.Errorf("what was to be put in place is gone: %w", e) // or done before, and replaced again since
	}
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

// recover repeats the operations that a crash may have left undone.
func (f *FS) recover(ctx context.Context) error {
	type row struct {
		id int64
		op op
	}
	var rows []row
	err := f.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT id, op FROM pending ORDER BY id`, func(x db.Row) error {
			var o op
			if err := json.Unmarshal([]byte(x.Text(1)), &o); err != nil {
				return fmt.Errorf("redo record %d: %w", x.Int(0), err)
			}
			rows = append(rows, row{x.Int(0), o})
			return nil
		})
	})
	if err != nil {
		return err
	}
	// Later operations may have moved away what earlier ones made: a failure here is no error by itself, the
	// comparison of the folders concerned finds out what is so.
	for _, r := range rows {
		if err := f.apply(r.op); err != nil {
			f.log.Info("operation cannot be repeated, its folder is compared", "kind", r.op.Kind, "err", err)
		}
		f.redo.next.Store(r.id)
	}
	f.redo.applied.Store(f.redo.next.Load())
	f.redo.trimmed.Store(f.redo.next.Load() - int64(len(rows)))
	if len(rows) > 0 {
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
