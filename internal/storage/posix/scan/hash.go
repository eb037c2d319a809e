package scan

import (
	"context"
	"crypto/md5"  //nolint:gosec // clients ask for it; not for security
	"crypto/sha1" //nolint:gosec // clients ask for it; not for security
	"errors"
	"hash/adler32"
	"io"

	"opencloud/internal/platform/db"
	"opencloud/internal/storage/tree"
)

// hashed is a file whose checksums were computed.
type hashed struct {
	node *tree.Node
	sums tree.Sums
}

// Hash computes the checksums of files that were taken in without, until there are none left. It returns how many it did.
func (s *Scanner) Hash(ctx context.Context) (int, error) {
	done, after := 0, ""
	for {
		var nodes []*tree.Node
		var paths []string
		err := s.DB.Read(ctx, func(r db.Reader) error {
			nodes, paths = nil, nil
			dirs := map[string]*tree.Space{}
			if err := tree.Spaces(ctx, r, func(sp *tree.Space) error { dirs[sp.ID] = sp; return nil }); err != nil {
				return err
			}
			ids, err := unhashed(ctx, r, after)
			for _, id := range ids {
				after = id
				n, err := tree.ByID(ctx, r, id)
				if err != nil {
					return err
				}
				c, err := tree.Up(ctx, r, n)
				if sp := dirs[n.Space]; err == nil && sp != nil {
					nodes, paths = append(nodes, n), append(paths, Path(sp, c))
				} else if err != nil && !errors.Is(err, tree.ErrNotFound) {
					return err
				}
			}
			if len(ids) == 0 {
				after = ""
			}
			return err
		})
		if err != nil || after == "" {
			return done, err
		}
		n, err := s.hashSome(ctx, nodes, paths)
		done += n
		if err != nil {
			return done, err
		}
	}
}

func unhashed(ctx context.Context, r db.Reader, after string) (ids []string, err error) {
	err = r.Query(ctx, `SELECT id FROM nodes WHERE sums IS NULL AND kind=1 AND id>? ORDER BY id LIMIT 200`, func(row db.Row) error {
		ids = append(ids, row.Text(0))
		return nil
	}, after)
	return ids, err
}

func (s *Scanner) hashSome(ctx context.Context, nodes []*tree.Node, paths []string) (int, error) {
	var out []hashed
	for i, n := range nodes {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if s.resting(paths[i]) {
			continue
		}
		sums, ok, err := s.hashFile(ctx, n, paths[i])
		if err != nil {
			s.problem(paths[i], err.Error())
		} else if ok {
			out = append(out, hashed{n, sums})
		}
	}
	if len(out) == 0 {
		return 0, nil
	}
	err := s.DB.Write(ctx, func(tx db.Tx) error {
		for _, h := range out {
			// Checksums describe what is there already: the ETag stays.
			_, err := tx.Exec(ctx, `UPDATE nodes SET sums=? WHERE id=? AND ino=? AND size=? AND mtime=? AND sums IS NULL`,
				[]byte(h.sums), h.node.ID, h.node.Ino, h.node.Size, h.node.MTime)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return len(out), err
}

// hashFile reads a file; ok is false if it is not, or does not stay, what the index says.
func (s *Scanner) hashFile(ctx context.Context, n *tree.Node, path string) (_ tree.Sums, ok bool, err error) {
	f, err := s.Disk.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !Matches(n, st) {
		return nil, false, err
	}
	sums, size, err := Sums(ctx, f)
	if err != nil {
		return nil, false, err
	}
	st, err := f.Stat()
	return sums, err == nil && size == n.Size && Matches(n, st), err
}

// Sums reads to the end and returns all three checksums and the length.
func Sums(ctx context.Context, r io.Reader) (tree.Sums, int64, error) {
	a, b, c := sha1.New(), md5.New(), adler32.New() //nolint:gosec // see above
	buf := make([]byte, 128<<10)
	size := int64(0)
	for {
		n, err := r.Read(buf)
		a.Write(buf[:n])
		b.Write(buf[:n])
		c.Write(buf[:n])
		size += int64(n)
		if err == io.EOF {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, size, err
		}
	}
	return c.Sum(b.Sum(a.Sum(make([]byte, 0, tree.SumsLength)))), size, nil
}
