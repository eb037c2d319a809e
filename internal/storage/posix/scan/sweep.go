package scan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
	"opencloud/internal/storage/tree"
)

// maxDepth bounds how deep a tree on disk is followed.
const maxDepth = 1000

// Progress is told after each folder of a sweep.
type Progress func(sp *tree.Space, path string)

// walk goes through a folder and all below it.
type walk struct {
	*Scanner
	space *tree.Space
	drop  bool // take what vanished out of the index
	rest  bool // leave out what failed a short while ago
	each  Progress
	left  int // folders that could not be compared
}

// Tree compares a folder and all below it. With drop false nothing is taken out of the index.
func (s *Scanner) Tree(ctx context.Context, sp *tree.Space, id string, drop bool) error {
	w := &walk{Scanner: s, space: sp, drop: drop}
	return w.folder(context.WithValue(ctx, walking{}, true), id, 0)
}

// walking marks the context of a walk, which looks into new folders itself.
type walking struct{}

// Sweep compares a whole space with the disk. A path that fails is noted (see Problems) and does not stop the rest; a
// space that is held, or whose folder is not there, is a *HeldError. Sweeping a space in which nothing is missing (any
// more) ends its hold.
func (s *Scanner) Sweep(ctx context.Context, sp *tree.Space, each Progress) error {
	w := &walk{Scanner: s, space: sp, drop: true, rest: true, each: each}
	if err := w.folder(context.WithValue(ctx, walking{}, true), sp.ID, 0); err != nil {
		return err
	}
	held, confirmed, err := s.held(ctx, sp.ID)
	switch {
	case err != nil, held == "" && !confirmed:
		return err
	case w.left > 0 && held != "":
		return &HeldError{Space: sp.ID, Reason: held}
	case w.left > 0:
		return nil
	}
	return s.setHold(ctx, sp.ID, `UPDATE spaces SET held='', confirmed=0 WHERE id=?`)
}

// SweepAll sweeps every space that is in use.
func (s *Scanner) SweepAll(ctx context.Context, each Progress) error {
	var spaces []*tree.Space
	err := s.DB.Read(ctx, func(r db.Reader) error {
		spaces = spaces[:0]
		return tree.Spaces(ctx, r, func(sp *tree.Space) error { spaces = append(spaces, sp); return nil })
	})
	if err != nil {
		return err
	}
	for _, sp := range spaces {
		if sp.Disabled != 0 {
			continue
		}
		if err := s.Sweep(ctx, sp, each); err != nil {
			if ctx.Err() != nil || errors.Is(err, db.ErrClosed) {
				return err
			}
			s.Log.Warn("sweep of a space did not end", "space", sp.ID, "err", err)
		}
	}
	return nil
}

func (w *walk) folder(ctx context.Context, id string, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c, err := w.chain(ctx, id)
	if errors.Is(err, tree.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	path := Path(w.space, c)
	if depth > maxDepth {
		w.problem(path, "too deep, left out")
		return nil
	}
	if w.rest && w.resting(path) {
		w.left++
		return nil
	}
	if err := w.compareOne(ctx, c); err != nil {
		var held *HeldError
		switch {
		case ctx.Err() != nil, errors.Is(err, db.ErrClosed):
			return err
		case errors.As(err, &held):
			if len(c) == 1 {
				return err
			}
		default:
			w.problem(path, err.Error())
		}
		w.left++
	}
	if w.each != nil {
		w.each(w.space, c.Path())
	}
	var below []string
	err = w.DB.Read(ctx, func(r db.Reader) error {
		below = below[:0]
		return r.Query(ctx, `SELECT id FROM nodes WHERE parent=? AND kind=?`, func(row db.Row) error {
			below = append(below, row.Text(0))
			return nil
		}, id, int64(resource.Folder))
	})
	if err != nil {
		return err
	}
	for _, b := range below {
		if err := w.folder(ctx, b, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) compareOne(ctx context.Context, c tree.Chain) error {
	if w.drop {
		_, err := w.Folder(ctx, w.space, c)
		return err
	}
	appeared, _, err := w.compare(ctx, w.space, c)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it vanished, which is not for us to say
	}
	if err != nil {
		return fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
	}
	_, err = w.settleAll(ctx, w.space, c, appeared, nil)
	return err
}

// ExpireLimbo gives up what vanished longer than Grace ago: it goes to the graveyard, where its rows are removed.
func (s *Scanner) ExpireLimbo(ctx context.Context, now time.Time) error {
	before := []byte(fmt.Sprintf("%016x", now.Add(-s.Grace).UnixNano()))
	var ids []string
	err := s.DB.Read(ctx, func(r db.Reader) error {
		ids = ids[:0]
		return r.Query(ctx, `SELECT id FROM nodes WHERE parent=? AND name<? ORDER BY name LIMIT 1000`, func(row db.Row) error {
			ids = append(ids, row.Text(0))
			return nil
		}, tree.Limbo, before)
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	return s.DB.Write(ctx, func(tx db.Tx) error {
		for _, id := range ids {
			if _, err := tx.Exec(ctx, `UPDATE nodes SET parent=?, name=? WHERE id=? AND parent=?`, tree.Graveyard, []byte(id), id, tree.Limbo); err != nil {
				return err
			}
		}
		return nil
	})
}
