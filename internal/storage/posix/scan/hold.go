package scan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"opencloud/internal/platform/db"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/tree"
)

// LimboName is the name of a node in the limbo, which is so ordered by time.
func LimboName(now time.Time, id string) string { return fmt.Sprintf("%016x-%s", now.UnixNano(), id) }

// HeldError tells that a space is held. It is storage.ErrUnavailable.
type HeldError struct{ Space, Reason string }

func (e *HeldError) Error() string { return fmt.Sprintf("space %s is held: %s", e.Space, e.Reason) }

// Is makes errors.Is(err, storage.ErrUnavailable) true.
func (e *HeldError) Is(target error) bool { return target == storage.ErrUnavailable }

// root makes sure that the folder of the space is there and is the right one: an unmounted volume leaves another one.
func (s *Scanner) root(ctx context.Context, sp *tree.Space, root *tree.Node) error {
	st, err := s.Disk.Lstat(sp.Dir)
	switch {
	case err == nil && st.Type == disk.Directory && int64(st.Ino) == root.Ino:
		return nil
	case errors.Is(err, fs.ErrNotExist) || err == nil && st.Type != disk.Directory:
		return s.hold(ctx, sp, "the folder of the space is not there")
	case err != nil:
		return fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
	}
	if id, err := s.Disk.GetXattr(sp.Dir, IDAttr); err != nil || id != sp.ID {
		if !s.NoXattr || root.Ino != 0 {
			return s.hold(ctx, sp, "the folder of the space is another one than before")
		}
	}
	return s.DB.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE nodes SET ino=? WHERE id=?`, int64(st.Ino), sp.ID)
		return err
	})
}

// hold notes that a space is held and returns that as an error.
func (s *Scanner) hold(ctx context.Context, sp *tree.Space, reason string) error {
	was, _, err := s.held(ctx, sp.ID)
	if err != nil {
		return err
	}
	if was == reason {
		return &HeldError{Space: sp.ID, Reason: reason}
	}
	err = s.DB.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE spaces SET held=? WHERE id=?`, reason, sp.ID)
		return err
	})
	if err != nil {
		return err
	}
	s.Log.Error("space is held, nothing is dropped from its index until an administrator confirms", "space", sp.ID, "reason", reason)
	return &HeldError{Space: sp.ID, Reason: reason}
}

// held returns why a space is held ("": it is not), and whether it was confirmed that what vanished is meant to be gone.
func (s *Scanner) held(ctx context.Context, space string) (reason string, confirmed bool, err error) {
	err = s.DB.Read(ctx, func(r db.Reader) error { reason, confirmed, err = heldIn(ctx, r, space); return err })
	return reason, confirmed, err
}

func heldIn(ctx context.Context, r db.Reader, space string) (reason string, confirmed bool, err error) {
	err = r.Query(ctx, `SELECT held, confirmed FROM spaces WHERE id=?`, func(row db.Row) error {
		reason, confirmed = row.Text(0), row.Int(1) != 0
		return nil
	}, space)
	return reason, confirmed, err
}

// Held returns the spaces that are held.
func (s *Scanner) Held(ctx context.Context) (out []*tree.Space, err error) {
	err = s.DB.Read(ctx, func(r db.Reader) error {
		out = nil
		return tree.Spaces(ctx, r, func(sp *tree.Space) error {
			if sp.Held != "" {
				out = append(out, sp)
			}
			return nil
		})
	})
	return out, err
}

// Confirm says that what vanished from a space is meant to be gone.
func (s *Scanner) Confirm(ctx context.Context, space string) error {
	return s.setHold(ctx, space, `UPDATE spaces SET held='', confirmed=1 WHERE id=?`)
}

// Release ends a hold without dropping anything: what is still missing holds the space again.
func (s *Scanner) Release(ctx context.Context, space string) error {
	return s.setHold(ctx, space, `UPDATE spaces SET held='', confirmed=0 WHERE id=?`)
}

func (s *Scanner) setHold(ctx context.Context, space, sql string) error {
	return s.DB.Write(ctx, func(tx db.Tx) error {
		n, err := tx.Exec(ctx, sql, space)
		if err == nil && n == 0 {
			err = storage.ErrNotFound
		}
		return err
	})
}

// mayDrop returns errMany when, with these nodes, too much of the space has vanished within Grace.
// Counting is bounded by a small multiple of what vanished.
func (t *settlement) mayDrop(ctx context.Context, tx db.Tx, nodes []*tree.Node) error {
	held, confirmed, err := heldIn(ctx, tx, t.space.ID)
	if err != nil || confirmed {
		return err
	}
	if held != "" {
		return &HeldError{Space: t.space.ID, Reason: held}
	}
	since := fmt.Sprintf("%016x", t.now.Add(-t.Grace).UnixNano())
	missing := int64(0)
	err = tx.Query(ctx, `WITH RECURSIVE t(id) AS (SELECT id FROM nodes WHERE parent=? AND space=? AND name>?
		UNION ALL SELECT n.id FROM nodes n JOIN t ON n.parent=t.id) SELECT count(*) FROM t`, func(row db.Row) error {
		missing = row.Int(0)
		return nil
	}, tree.Limbo, t.space.ID, []byte(since))
	if err != nil {
		return err
	}
	dropped := int64(0) // of the live ones
	for _, n := range nodes {
		dropped++
		if !n.IsFolder() {
			continue
		}
		k, err := below(ctx, tx, n.ID, -1)
		if err != nil {
			return err
		}
		dropped += k
	}
	missing += dropped
	if missing < t.HoldMin {
		return nil
	}
	limit := int64(float64(missing)/t.HoldShare) + 1
	live, err := below(ctx, tx, t.space.ID, limit)
	if err != nil {
		return err
	}
	if total := live + missing - dropped; float64(missing) > t.HoldShare*float64(total) {
		return errMany
	}
	return nil
}

// below counts the nodes below one, up to a limit (-1: none).
func below(ctx context.Context, r db.Reader, id string, limit int64) (int64, error) {
	n := int64(0)
	if limit < 0 {
		limit = 1 << 62
	}
	err := r.Query(ctx, `WITH RECURSIVE t(id) AS (SELECT id FROM nodes WHERE parent=?
		UNION ALL SELECT n.id FROM nodes n JOIN t ON n.parent=t.id) SELECT count(*) FROM (SELECT id FROM t LIMIT ?) AS c`, func(row db.Row) error {
		n = row.Int(0)
		return nil
	}, id, limit)
	return n, err
}
