package posix

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/storage"
	"opencloud/internal/storage/tree"
)

// Changes implements storage.Journal. A token is "<space>:<seq>:<after>": all changes up to seq have been told; after is how far
// the first, complete answer has come, when it did not fit into one.
func (f *FS) Changes(ctx context.Context, ref storage.Ref, token string, limit int) (changes []storage.Change, next string, more bool, err error) {
	if limit <= 0 || limit > 10_000 {
		limit = 10_000
	}
	p, err := f.freshFolder(ctx, ref)
	if err != nil {
		return nil, "", false, err
	}
	if !p.node().IsFolder() {
		return nil, "", false, storage.ErrConflict
	}
	if err := p.need(permission.ListContainer); err != nil {
		return nil, "", false, err
	}
	since, skip, err := parseToken(token, p.space.ID)
	if err != nil {
		return nil, "", false, err
	}
	err = f.read(ctx, func(r db.Reader) error {
		p, err := f.locate(ctx, r, ref)
		if err != nil {
			return err
		}
		root := p.chain.Root()
		if since < 0 || skip >= 0 {
			changes, next, more, err = f.everything(ctx, r, p, max(since, 0), max(skip, 0), limit)
			return err
		}
		if since > root.Seq {
			return storage.ErrSyncToken
		}
		if since == root.Seq {
			next = formatToken(p.space.ID, since, -1)
			return nil
		}
		changes, next, more, err = f.since(ctx, r, p, since, limit)
		return err
	})
	return changes, next, more, err
}

func formatToken(space string, seq int64, skip int) string {
	t := space + ":" + strconv.FormatInt(seq, 10)
	if skip >= 0 {
		t += ":" + strconv.Itoa(skip)
	}
	return t
}

func parseToken(token, space string) (since int64, skip int, err error) {
	if token == "" {
		return -1, -1, nil
	}
	rest, ok := strings.CutPrefix(token, space+":")
	if !ok {
		return 0, 0, storage.ErrSyncToken
	}
	seq, after, ok := strings.Cut(rest, ":")
	skip = -1
	if ok {
		if skip, err = strconv.Atoi(after); err != nil || skip < 0 {
			return 0, 0, storage.ErrSyncToken
		}
	}
	if since, err = strconv.ParseInt(seq, 10, 64); err != nil || since < 0 {
		return 0, 0, storage.ErrSyncToken
	}
	return since, skip, nil
}

// everything lists all below a folder, in pieces: the token of a piece remembers the sequence number at which the first
// one began, so that changes made meanwhile are told afterwards.
func (f *FS) everything(ctx context.Context, r db.Reader, p *place, since int64, skip, limit int) ([]storage.Change, string, bool, error) {
	if since == 0 {
		since = p.chain.Root().Seq
	}
	var out []storage.Change
	n := 0
	err := f.walk(ctx, r, p, "", func(c storage.Change) bool {
		n++
		if n > skip {
			out = append(out, c)
		}
		return len(out) <= limit
	})
	if err != nil {
		return nil, "", false, err
	}
	if len(out) > limit {
		return out[:limit], formatToken(p.space.ID, since, skip+limit), true, nil
	}
	return out, formatToken(p.space.ID, since, -1), false, nil
}

// walk calls each for everything below a folder that the actor may see, parents first.
func (f *FS) walk(ctx context.Context, r db.Reader, p *place, prefix string, each func(storage.Change) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var folders []*place
	var names []string
	stopped := false
	err := f.children(ctx, r, p, storage.View{}, func(i storage.Info, err error) bool {
		name := prefix + i.Name
		if stopped = !each(storage.Change{Path: name, Info: i}); stopped {
			return false
		}
		if i.IsFolder() {
			n := &tree.Node{ID: i.ID.Node, Space: i.ID.Space, Parent: p.node().ID, Name: i.Name, Kind: i.Kind}
			folders = append(folders, &place{space: p.space, chain: append(tree.Chain{n}, p.chain...), may: i.Permissions})
			names = append(names, name+"/")
		}
		return true
	})
	if err != nil {
		return err
	}
	for k, sub := range folders {
		if err := f.walk(ctx, r, sub, names[k], each); err != nil {
			return err
		}
	}
	return nil
}

// entry is what the journal says of one change.
type entry struct {
	seq               int64
	op, node          string
	parent, oldParent string
	oldName           string
}

// since tells what changed after a number. Rows of one node are told once, as it is now.
func (f *FS) since(ctx context.Context, r db.Reader, p *place, since int64, limit int) ([]storage.Change, string, bool, error) {
	var oldest int64
	if err := r.Query(ctx, `SELECT seq FROM journal WHERE space=? ORDER BY seq LIMIT 1`, func(row db.Row) error { oldest = row.Int(0); return nil }, p.space.ID); err != nil {
		return nil, "", false, err
	}
	if oldest == 0 || since < oldest-1 {
		return nil, "", false, storage.ErrSyncToken
	}
	var rows []entry
	err := r.Query(ctx, `SELECT seq, op, node, parent, oldparent, oldname FROM journal WHERE space=? AND seq>? ORDER BY seq LIMIT ?`, func(row db.Row) error {
		rows = append(rows, entry{row.Int(0), row.Text(1), row.Text(2), row.Text(3), row.Text(4), string(row.Bytes(5))})
		return nil
	}, p.space.ID, since, limit)
	if err != nil {
		return nil, "", false, err
	}
	next, more := p.chain.Root().Seq, false
	if len(rows) == limit {
		next, more = rows[len(rows)-1].seq, true
	}
	c := collector{f: f, ctx: ctx, r: r, top: p, seen: map[string]bool{}}
	for i := range rows {
		if err := c.entry(&rows[i]); err != nil {
			return nil, "", false, err
		}
	}
	// Removals first: a name may have been taken by something else since.
	out := make([]storage.Change, 0, len(c.removed)+len(c.changed))
	for _, path := range c.removed {
		if !c.seen["path:"+path] {
			out = append(out, storage.Change{Path: path, Removed: true})
		}
	}
	return append(out, c.changed...), formatToken(p.space.ID, next, -1), more, nil
}

// collector turns journal rows into what a client below a folder must do.
type collector struct {
	f       *FS
	ctx     context.Context
	r       db.Reader
	top     *place
	seen    map[string]bool // node ids told, and "path:<path>" of what is there
	removed []string
	changed []storage.Change
}

// below returns the path of a chain relative to the asked folder.
func (c *collector) below(chain tree.Chain) (string, bool) {
	for i, n := range chain {
		if n.ID == c.top.node().ID {
			return toClient(chain[:i+1].Path()), i > 0
		}
	}
	return "", false
}

func (c *collector) entry(e *entry) error {
	if e.oldParent != "" {
		if err := c.gone(e); err != nil {
			return err
		}
	}
	if c.seen[e.node] {
		return nil
	}
	c.seen[e.node] = true
	n, err := tree.ByID(c.ctx, c.r, e.node)
	if errors.Is(err, tree.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	chain, err := tree.Up(c.ctx, c.r, n)
	if errors.Is(err, tree.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	path, ok := c.below(chain)
	if !ok {
		return nil
	}
	p, err := c.f.allow(c.ctx, c.r, c.top.space, chain)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	i := c.f.info(p.space, n, p.may)
	if err := c.f.decorate(c.ctx, c.r, p, storage.View{}, &i); err != nil {
		return err
	}
	c.tell(path, i)
	if n.IsFolder() && (e.op == "move" || e.op == "restore") {
		// What is in a folder that came is new to the client.
		return c.f.walk(c.ctx, c.r, p, path+"/", func(x storage.Change) bool {
			if !c.seen[x.Info.ID.Node] {
				c.seen[x.Info.ID.Node] = true
				c.tell(x.Path, x.Info)
			}
			return true
		})
	}
	return nil
}

func (c *collector) tell(path string, i storage.Info) {
	c.seen["path:"+path] = true
	c.changed = append(c.changed, storage.Change{Path: path, Info: i})
}

// gone notes that a name was left: if nothing is there now, the client must remove it.
func (c *collector) gone(e *entry) error {
	parent, err := tree.ByID(c.ctx, c.r, e.oldParent)
	if errors.Is(err, tree.ErrNotFound) {
		return nil // its own row, or that of a folder above, tells
	}
	if err != nil {
		return err
	}
	chain, err := tree.Up(c.ctx, c.r, parent)
	if errors.Is(err, tree.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if parent.ID != c.top.node().ID {
		if _, ok := c.below(chain); !ok {
			return nil
		}
	}
	if _, err := tree.Child(c.ctx, c.r, e.oldParent, e.oldName); err == nil {
		return nil
	} else if !errors.Is(err, tree.ErrNotFound) {
		return err
	}
	dir, _ := c.below(chain)
	path := toClient(e.oldName)
	if dir != "" {
		path = dir + "/" + path
	}
	if key := fmt.Sprintf("gone:%s", path); !c.seen[key] {
		c.seen[key] = true
		c.removed = append(c.removed, path)
	}
	return nil
}
