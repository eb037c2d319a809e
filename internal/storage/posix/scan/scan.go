// Package scan takes changes that other programs made on disk into the index.
//
// A folder is compared with its rows; what differs is looked at again inside the write transaction that corrects the
// index, so that our own operations are never mistaken for somebody else's. An entry is recognised by its name, and by
// the id in its extended attribute when it turns up under another name: a known id whose old place is empty is a move
// and keeps all that belongs to the node; a known id whose old place is still taken is a copy and becomes a new node.
//
// What vanished goes to the limbo for a while: when it turns up elsewhere it is revived, else it is removed for good.
// When much of a space vanishes at once nothing is dropped and the space is held (see hold.go).
package scan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/tree"
)

// IDAttr is the extended attribute that holds a node's id.
const IDAttr = "user.oc.id"

// Reserved tells whether a name at the top of a space belongs to the engine.
func Reserved(name string) bool { return name == ".oc-nodes" || name == ".Trash" || name == ".oc-tmp" }

// Config of a Scanner.
type Config struct {
	DB   db.DB
	Disk disk.FS
	Log  *slog.Logger
	// Busy returns the paths (relative to the storage's root) of operations that are in the index already, or will be
	// with the same commit, but not yet on disk.
	Busy func(ctx context.Context, tx db.Tx) ([]string, error)
	// NewID makes the id of a new node.
	NewID func() string
	// TookIn, if any, is called when files were taken in, whose checksums are not known.
	TookIn func()
	// Found, if any, is called for folders that were new, and of which nothing below is known yet.
	Found func(space, folder string)
	// NoXattr tells that the file system has no extended attributes: moves are then not recognised.
	NoXattr bool
	// HoldShare and HoldMin: a space is held when at least HoldMin nodes and more than this share of all vanish.
	HoldShare float64
	HoldMin   int64
	// Grace is how long vanished nodes can be revived.
	Grace time.Duration
}

// Scanner compares disk and index.
type Scanner struct {
	Config
	mu       sync.Mutex
	problems map[string]Problem // by path

	labelling sync.Mutex // see settlement.label
}

// New returns a Scanner.
func New(c Config) *Scanner {
	if c.HoldShare <= 0 {
		c.HoldShare = 0.5
	}
	if c.HoldMin <= 0 {
		c.HoldMin = 20
	}
	if c.Grace <= 0 {
		c.Grace = time.Hour
	}
	return &Scanner{Config: c, problems: map[string]Problem{}}
}

// batch bounds how many differences are settled in one transaction.
const batch = 1000

// Path returns where a node lies, relative to the storage's root.
func Path(sp *tree.Space, c tree.Chain) string {
	if p := c.Path(); p != "" {
		return sp.Dir + "/" + p
	}
	return sp.Dir
}

// known is what the index says about an entry.
type known struct {
	kind             resource.Kind
	ino, size, mtime int64
}

func (k known) is(st disk.Stat) bool {
	if k.kind == resource.Folder {
		return st.Type == disk.Directory && k.ino == int64(st.Ino)
	}
	return st.Type == disk.Regular && k.ino == int64(st.Ino) && k.size == st.Size && k.mtime == st.MTime
}

// Matches tells whether a file or folder on disk is what the index says.
func Matches(n *tree.Node, st disk.Stat) bool {
	return known{n.Kind, n.Ino, n.Size, n.MTime}.is(st)
}

// Folder makes the index of one folder (not of those below) equal to the disk. It tells whether anything was changed.
// ErrUnavailable means that what the index says cannot be trusted to be whole.
func (s *Scanner) Folder(ctx context.Context, sp *tree.Space, c tree.Chain) (bool, error) {
	if err := s.root(ctx, sp, c.Root()); err != nil {
		return false, err
	}
	appeared, vanished, err := s.compare(ctx, sp, c)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, disk.ErrUnsafe) {
		if len(c) == 1 {
			return false, s.hold(ctx, sp, "the folder of the space is not there")
		}
		if _, err := s.Folder(ctx, sp, c[1:]); err != nil {
			return false, err
		}
		return true, nil
	}
	if err != nil {
		s.problem(Path(sp, c), err.Error())
		return false, fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
	}
	s.solved(Path(sp, c))
	if len(appeared) == 0 && len(vanished) == 0 {
		return false, nil
	}
	return s.settleAll(ctx, sp, c, appeared, vanished)
}

// Name makes the index of one name in a folder equal to the disk.
func (s *Scanner) Name(ctx context.Context, sp *tree.Space, parent tree.Chain, name string) (bool, error) {
	if len(parent) == 1 && Reserved(name) {
		return false, nil
	}
	if err := s.root(ctx, sp, parent.Root()); err != nil {
		return false, err
	}
	_, err := s.Disk.Lstat(Path(sp, parent) + "/" + name)
	switch {
	case err == nil:
		return s.settleAll(ctx, sp, parent, []string{name}, nil)
	case errors.Is(err, fs.ErrNotExist):
		if _, e := s.Disk.Lstat(Path(sp, parent)); e != nil {
			return s.Folder(ctx, sp, parent)
		}
		return s.settleAll(ctx, sp, parent, nil, []string{name})
	}
	return false, fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
}

// compare returns the names that are new or changed on disk, and those that are gone.
func (s *Scanner) compare(ctx context.Context, sp *tree.Space, c tree.Chain) (appeared, vanished []string, err error) {
	dir := Path(sp, c)
	on := map[string]disk.Stat{}
	_, err = s.Disk.ReadDir(dir, func(e disk.Entry) error {
		switch {
		case len(c) == 1 && Reserved(e.Name):
		case e.Type == disk.Other:
			s.problem(dir+"/"+e.Name, "not a file or folder, left out")
		default:
			on[e.Name] = e.Stat
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	err = s.DB.Read(ctx, func(r db.Reader) error {
		vanished, appeared = nil, nil
		return r.Query(ctx, `SELECT name, kind, ino, size, mtime FROM nodes WHERE parent=?`, func(row db.Row) error {
			name := row.Bytes(0)
			st, there := on[string(name)]
			switch {
			case !there:
				vanished = append(vanished, string(name))
			case (known{resource.Kind(row.Int(1)), row.Int(2), row.Int(3), row.Int(4)}).is(st):
				delete(on, string(name))
			}
			return nil
		}, c.Node().ID)
	})
	for name := range on {
		appeared = append(appeared, name)
	}
	slices.Sort(appeared)
	return appeared, vanished, err
}

// settleAll settles differences in portions: first what appeared, so that moves are seen as such, then what vanished.
func (s *Scanner) settleAll(ctx context.Context, sp *tree.Space, c tree.Chain, appeared, vanished []string) (bool, error) {
	changed := false
	settle := func(names []string, drop bool) (result, error) {
		res, err := s.settle(ctx, sp, c, names, drop)
		if errors.Is(err, errMany) && drop {
			// Perhaps it was moved: look for it everywhere before the space is held.
			if err = s.Tree(ctx, sp, c.Root().ID, false); err == nil {
				res, err = s.settle(ctx, sp, c, names, drop)
			}
		}
		if errors.Is(err, errMany) {
			err = s.hold(ctx, sp, fmt.Sprintf("too much vanished from %q at once", "/"+c.Path()))
		}
		changed = changed || res.changed
		return res, err
	}
	for names := range slices.Chunk(appeared, batch) {
		res, err := settle(names, false)
		if err != nil {
			return changed, err
		}
		if len(vanished) == 0 {
			continue
		}
		for _, id := range res.folders { // what vanished here may be in a folder that appeared here
			if err := s.Tree(ctx, sp, id, false); err != nil {
				return changed, err
			}
		}
	}
	for names := range slices.Chunk(vanished, batch) {
		if _, err := settle(names, true); err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// tries bounds how often names that are busy are tried again; then they are left to the next comparison.
const tries = 40

func (s *Scanner) settle(ctx context.Context, sp *tree.Space, c tree.Chain, names []string, drop bool) (result, error) {
	var all result
	for try := range tries {
		st := &settlement{Scanner: s, space: sp, folder: c.Node().ID, dir: Path(sp, c), path: c.Path(), drop: drop}
		if err := st.look(names); err != nil {
			return all, fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
		}
		if err := s.DB.Write(ctx, func(tx db.Tx) error { return st.run(ctx, tx) }); err != nil {
			if errors.Is(err, tree.ErrNotFound) || errors.Is(err, errElsewhere) {
				return result{changed: true}, nil // the folder itself is not what it was
			}
			return all, err
		}
		st.label(ctx)
		if st.unhashed && s.TookIn != nil {
			s.TookIn()
		}
		if s.Found != nil && ctx.Value(walking{}) == nil {
			for _, id := range st.folders {
				s.Found(sp.ID, id)
			}
		}
		all.changed = all.changed || st.changed
		all.folders = append(all.folders, st.folders...)
		if names = st.again; len(names) == 0 {
			break
		}
		select {
		case <-ctx.Done():
			return all, ctx.Err()
		case <-time.After(time.Duration(try+1) * time.Millisecond):
		}
	}
	return all, nil
}

func (s *Scanner) chain(ctx context.Context, id string) (c tree.Chain, err error) {
	err = s.DB.Read(ctx, func(r db.Reader) error {
		n, err := tree.ByID(ctx, r, id)
		if err == nil {
			c, err = tree.Up(ctx, r, n)
		}
		return err
	})
	return c, err
}

// touches tells whether an operation on path concerns an entry, something above or below it.
func touches(busy []string, path string) bool {
	for _, b := range busy {
		if b == path || strings.HasPrefix(b, path) && b[len(path)] == '/' || strings.HasPrefix(path, b) && path[len(b)] == '/' {
			return true
		}
	}
	return false
}
