package maintain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"opencloud/internal/platform/db"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/posix/scan"
	"opencloud/internal/storage/tree"
)

// settleTime is how long a difference must last to count: a server may be about to apply an operation.
const settleTime = 100 * time.Millisecond

// check is the check of one space.
type check struct {
	*Maintainer
	space *tree.Space
	rep   *Report
	opts  Options
}

func (c *check) found(k Kind, path, detail string) {
	c.rep.add(Finding{Kind: k, Space: c.space.ID, Path: path, Detail: detail})
}

func (c *check) run(ctx context.Context) error {
	if c.space.Held != "" {
		c.found(Held, "", c.space.Held)
	}
	err := c.folder(ctx, c.space.ID, 0)
	if err == nil {
		err = c.trash(ctx)
	}
	if err == nil {
		err = c.versions(ctx)
	}
	return err
}

// rows are a folder and its children in one snapshot.
type rows struct {
	chain    tree.Chain
	children map[string]*tree.Node
}

func (c *check) load(ctx context.Context, id string) (*rows, error) {
	out := &rows{}
	err := c.DB.Read(ctx, func(r db.Reader) error {
		n, err := tree.ByID(ctx, r, id)
		if err != nil {
			return err
		}
		if out.chain, err = tree.Up(ctx, r, n); err != nil {
			return err
		}
		out.children = map[string]*tree.Node{}
		return tree.Children(ctx, r, id, nil, 1<<30, func(n *tree.Node) error { out.children[n.Name] = n; return nil })
	})
	return out, err
}

func (c *check) folder(ctx context.Context, id string, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r, err := c.load(ctx, id)
	if errors.Is(err, tree.ErrNotFound) || depth > 1000 {
		return nil // moved or removed meanwhile
	}
	if err != nil {
		return err
	}
	c.rep.Folders++
	path := r.chain.Path()
	if c.opts.Progress != nil {
		c.opts.Progress(c.space.ID, path, c.rep.Folders, c.rep.Files)
	}
	c.sums(r, path)
	suspects, err := c.compare(r)
	if err != nil {
		c.found(Unreadable, path, err.Error())
	}
	if len(suspects) > 0 {
		if err := c.again(ctx, id, suspects); err != nil {
			return err
		}
	}
	c.twins(r, path)
	for _, n := range r.children {
		if n.IsFolder() {
			if err := c.folder(ctx, n.ID, depth+1); err != nil {
				return err
			}
			continue
		}
		c.rep.Files++
		c.rep.Bytes += n.Size
		if c.opts.Content {
			if err := c.content(ctx, n, c.at(path, n.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *check) at(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// sums checks what a folder says about its children.
func (c *check) sums(r *rows, path string) {
	folder, total := r.chain.Node(), int64(0)
	for _, n := range r.children {
		total += n.Size
		if n.Seq > folder.Seq {
			c.found(WrongSeq, c.at(path, n.Name), fmt.Sprintf("changed in %d, its folder in %d", n.Seq, folder.Seq))
		}
	}
	if total != folder.Size {
		c.found(WrongSize, path, fmt.Sprintf("the index says %d, the sum is %d", folder.Size, total))
	}
}

// compare returns the names in which disk and index differ, and why.
func (c *check) compare(r *rows) (map[string]Finding, error) {
	dir, path := scan.Path(c.space, r.chain), r.chain.Path()
	suspects := map[string]Finding{}
	seen := map[string]bool{}
	note := func(k Kind, name, detail string) {
		suspects[name] = Finding{Kind: k, Space: c.space.ID, Path: c.at(path, name), Detail: detail}
	}
	_, err := c.Disk.ReadDir(dir, func(e disk.Entry) error {
		if path == "" && scan.Reserved(e.Name) {
			return nil
		}
		n := r.children[e.Name]
		seen[e.Name] = true
		switch {
		case e.Type == disk.Other && n == nil:
			c.found(Foreign, c.at(path, e.Name), "symbolic link, socket or device")
		case n == nil:
			note(Unknown, e.Name, "")
		case !scan.Matches(n, e.Stat):
			note(Differs, e.Name, fmt.Sprintf("index: inode %d, %d bytes, %s; disk: inode %d, %d bytes, %s", n.Ino, n.Size,
				disk.Time(n.MTime).UTC().Format(time.RFC3339Nano), e.Ino, e.Size, disk.Time(e.MTime).UTC().Format(time.RFC3339Nano)))
		case !c.NoXattr:
			if id, err := c.Disk.GetXattr(dir+"/"+e.Name, scan.IDAttr); err != nil && !errors.Is(err, disk.ErrNoXattr) || err == nil && id != n.ID || errors.Is(err, disk.ErrNoXattr) {
				note(Unlabelled, e.Name, fmt.Sprintf("attribute %q, index %q", id, n.ID))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for name := range r.children {
		if !seen[name] {
			note(Missing, name, "")
		}
	}
	return suspects, nil
}

// again looks a second time at what differed.
func (c *check) again(ctx context.Context, id string, first map[string]Finding) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(settleTime):
	}
	r, err := c.load(ctx, id)
	if errors.Is(err, tree.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	second, err := c.compare(r)
	if err != nil {
		return nil //nolint:nilerr // reported by the first look, or gone by now
	}
	for name, f := range second {
		if was, ok := first[name]; ok && was.Kind == f.Kind {
			c.rep.add(f)
		}
	}
	return nil
}

// twins notes names that some clients cannot hold.
func (c *check) twins(r *rows, path string) {
	fold := cases.Fold()
	byFold := make(map[string]string, len(r.children))
	for name := range r.children {
		if !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			c.found(BadName, c.at(path, name), fmt.Sprintf("%q", name))
		}
		key := fold.String(norm.NFC.String(name))
		if other, ok := byFold[key]; ok {
			c.found(Twins, c.at(path, name), fmt.Sprintf("%q and %q", name, other))
		}
		byFold[key] = name
	}
}

// content reads a file and compares its checksums.
func (c *check) content(ctx context.Context, n *tree.Node, path string) error {
	if len(n.Sums) != tree.SumsLength {
		return nil
	}
	f, err := c.Disk.Open(c.space.Dir + "/" + path)
	if err != nil {
		return nil //nolint:nilerr // what is missing was reported
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !scan.Matches(n, st) {
		return err
	}
	sums, _, err := scan.Sums(ctx, f)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		c.found(Unreadable, path, err.Error())
		return nil
	}
	c.rep.Hashed++
	if after, err := f.Stat(); err == nil && scan.Matches(n, after) && !bytes.Equal(sums, n.Sums) {
		c.found(BadContent, path, fmt.Sprintf("sha1 is %x, should be %x", sums.SHA1(), n.Sums.SHA1()))
	}
	return nil
}

// trash compares the trash with its folder.
func (c *check) trash(ctx context.Context) error {
	items, err := c.trashed(ctx)
	if err != nil {
		return err
	}
	_, err = c.Disk.ReadDir(c.space.Dir+"/.Trash/files", func(e disk.Entry) error {
		id := strings.TrimSuffix(e.Name, ".trashitem")
		if _, ok := items[id]; ok && id != e.Name {
			delete(items, id)
		} else {
			c.found(LooseTrash, ".Trash/files/"+e.Name, "")
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.found(Unreadable, ".Trash/files", err.Error())
		return nil
	}
	for id, path := range items {
		c.found(NoTrash, path, "trash item "+id)
	}
	return nil
}

// trashed returns the original paths of trash items by id.
func (c *check) trashed(ctx context.Context) (map[string]string, error) {
	items := map[string]string{}
	err := c.DB.Read(ctx, func(r db.Reader) error {
		clear(items)
		return r.Query(ctx, `SELECT node, path FROM trash WHERE space=?`, func(row db.Row) error {
			items[row.Text(0)] = string(row.Bytes(1))
			return nil
		}, c.space.ID)
	})
	return items, err
}

// versions compares the versions with their files.
func (c *check) versions(ctx context.Context) error {
	want := map[string]string{} // path on disk → key
	err := c.DB.Read(ctx, func(r db.Reader) error {
		clear(want)
		return r.Query(ctx, `SELECT v.node, v.key FROM versions v JOIN nodes n ON n.id=v.node WHERE n.space=?`, func(row db.Row) error {
			want[c.VersionPath(c.space, row.Text(0), row.Text(1))] = row.Text(1)
			return nil
		}, c.space.ID)
	})
	if err != nil {
		return err
	}
	err = eachFile(ctx, c.Disk, c.space.Dir+"/.oc-nodes", 0, func(path string, _ disk.Entry) error {
		if _, ok := want[path]; ok {
			delete(want, path)
		} else {
			c.found(LooseVersion, strings.TrimPrefix(path, c.space.Dir+"/"), "")
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.found(Unreadable, ".oc-nodes", err.Error())
		return ctx.Err()
	}
	for path, key := range want {
		c.found(NoVersion, strings.TrimPrefix(path, c.space.Dir+"/"), key)
	}
	return nil
}

// eachFile calls f for every regular file below a folder.
func eachFile(ctx context.Context, d disk.FS, dir string, depth int, f func(path string, e disk.Entry) error) error {
	if err := ctx.Err(); err != nil || depth > 16 {
		return err
	}
	var below []string
	_, err := d.ReadDir(dir, func(e disk.Entry) error {
		switch e.Type {
		case disk.Directory:
			below = append(below, dir+"/"+e.Name)
		case disk.Regular:
			return f(dir+"/"+e.Name, e)
		}
		return nil
	})
	for _, b := range below {
		if err == nil {
			err = eachFile(ctx, d, b, depth+1, f)
		}
	}
	return err
}
