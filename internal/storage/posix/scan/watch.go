package scan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/tree"
)

// Watch follows changes below the storage's root (an absolute path) as the kernel reports them, and takes them in
// a debounce delay after the first of them. When events are lost it sweeps. It ends with the context.
func (s *Scanner) Watch(ctx context.Context, root string, debounce time.Duration) error {
	if debounce <= 0 {
		debounce = time.Second
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", root, err)
	}
	defer w.Close()
	ww := &watcher{Scanner: s, root: root, w: w, dirty: map[string]bool{}}
	if err := ww.addAll(ctx, "", false); err != nil {
		return err
	}
	tick := time.NewTimer(time.Hour)
	tick.Stop()
	ticking := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.Events:
			if !ok {
				return errors.New("watch: ended")
			}
			ww.event(ctx, e)
		case err, ok := <-w.Errors:
			if !ok {
				return errors.New("watch: ended")
			}
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				s.Log.Warn("watch of the storage", "err", err)
				continue
			}
			s.Log.Warn("the kernel lost events of the storage, sweeping")
			clear(ww.dirty)
			if err := ww.addAll(ctx, "", false); err != nil {
				return err
			}
			if err := s.SweepAll(ctx, nil); err != nil {
				return err
			}
		case <-tick.C:
			ticking = false
			if err := ww.flush(ctx); err != nil {
				return err
			}
		}
		if !ticking && len(ww.dirty) > 0 {
			tick.Reset(debounce)
			ticking = true
		}
	}
}

type watcher struct {
	*Scanner
	root  string
	w     *fsnotify.Watcher
	dirty map[string]bool // folders with news, relative to the root
}

// addAll watches a folder and all below it. With news each is to be compared: things may have come before it was watched.
func (w *watcher) addAll(ctx context.Context, rel string, news bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if hidden(rel) {
		return nil
	}
	if err := w.w.Add(filepath.Join(w.root, rel)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		w.problem(rel, "cannot be watched (fs.inotify.max_user_watches?): "+err.Error())
		return nil
	}
	if news {
		w.mark(rel)
	}
	var below []string
	_, err := w.Disk.ReadDir(rel, func(e disk.Entry) error {
		if e.Type == disk.Directory {
			below = append(below, strings.TrimPrefix(rel+"/"+e.Name, "/"))
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.problem(rel, err.Error())
	}
	for _, b := range below {
		if err := w.addAll(ctx, b, news); err != nil {
			return err
		}
	}
	return nil
}

// hidden tells whether a path is in one of the engine's own folders.
func hidden(rel string) bool {
	for s := range strings.SplitSeq(rel, "/") {
		if Reserved(s) {
			return true
		}
	}
	return false
}

func (w *watcher) event(ctx context.Context, e fsnotify.Event) {
	rel, err := filepath.Rel(w.root, e.Name)
	if err != nil || rel == "." || hidden(rel) {
		return
	}
	if e.Has(fsnotify.Create) {
		if st, err := w.Disk.Lstat(rel); err == nil && st.Type == disk.Directory {
			_ = w.addAll(ctx, rel, true) // fails only when it is time to end
		}
	}
	w.mark(strings.TrimPrefix(filepath.Dir(rel), "."))
}

func (w *watcher) mark(rel string) { w.dirty[rel] = true }

// flush compares the folders with news, those above first.
func (w *watcher) flush(ctx context.Context) error {
	var spaces []*tree.Space
	err := w.DB.Read(ctx, func(r db.Reader) error {
		spaces = spaces[:0]
		return tree.Spaces(ctx, r, func(sp *tree.Space) error { spaces = append(spaces, sp); return nil })
	})
	if err != nil {
		return err
	}
	paths := make([]string, 0, len(w.dirty))
	for p := range w.dirty {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	clear(w.dirty)
	for _, p := range paths {
		for _, sp := range spaces {
			rel, ok := within(p, sp.Dir)
			if !ok || sp.Disabled != 0 {
				continue
			}
			if err := w.path(ctx, sp, rel); err != nil {
				if ctx.Err() != nil || errors.Is(err, db.ErrClosed) {
					return err
				}
				w.Log.Warn("watch: folder cannot be taken in", "path", p, "err", err)
			}
		}
	}
	return nil
}

// within returns a path relative to a folder it lies in.
func within(path, dir string) (string, bool) {
	if path == dir {
		return "", true
	}
	return strings.CutPrefix(path, dir+"/")
}

// path compares the folder at a path, or the nearest one above it that the index knows and then all below that.
func (w *watcher) path(ctx context.Context, sp *tree.Space, rel string) error {
	names, err := resource.SplitPath(rel)
	if err != nil {
		return err
	}
	var c tree.Chain
	whole := true
	err = w.DB.Read(ctx, func(r db.Reader) error {
		root, err := tree.ByID(ctx, r, sp.ID)
		if err != nil {
			return err
		}
		for c, whole = (tree.Chain{root}), true; len(names) > 0; names = names[1:] {
			next, err := tree.Down(ctx, r, c, names[:1])
			if errors.Is(err, tree.ErrNotFound) || err == nil && !next.Node().IsFolder() {
				whole = false
				return nil
			}
			if err != nil {
				return err
			}
			c = next
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := w.Folder(ctx, sp, c); err != nil || whole {
		return err
	}
	child, err := w.childFolder(ctx, c.Node().ID, names[0])
	if err != nil || child == "" {
		return err
	}
	return w.Tree(ctx, sp, child, true)
}

func (w *watcher) childFolder(ctx context.Context, parent, name string) (id string, err error) {
	err = w.DB.Read(ctx, func(r db.Reader) error {
		n, err := tree.Child(ctx, r, parent, name)
		if err == nil && n.IsFolder() {
			id = n.ID
		}
		if errors.Is(err, tree.ErrNotFound) {
			err = nil
		}
		return err
	})
	return id, err
}
