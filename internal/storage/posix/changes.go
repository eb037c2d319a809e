package posix

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/storage"
	"opencloud/internal/storage/tree"
)

// Changes implements storage.Journal. See syncToken for what a token says.
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
	if token == storage.TokenNow {
		return nil, syncToken{seq: p.chain.Root().Seq}.format(p.space.ID), false, nil
	}
	t, err := parseToken(token, p.space.ID)
	if err != nil {
		return nil, "", false, err
	}
	var end syncToken
	err = f.read(ctx, func(r db.Reader) error {
		p, err := f.locate(ctx, r, ref)
		if err != nil {
			return err
		}
		c := &collector{f: f, ctx: ctx, r: r, top: p, seen: map[string]bool{}, limit: limit}
		if t.seq > p.chain.Root().Seq {
			return storage.ErrSyncToken
		}
		if token == "" || t.part == everything {
			end, err = c.everything(t)
		} else {
			end, err = c.since(t)
		}
		changes = c.result()
		return err
	})
	if err != nil {
		return nil, "", false, err
	}
	return changes, end.format(p.space.ID), end.part != whole, nil
}

// syncToken says how far a client has been told: "<space>:<seq>", all changes up to a number; or with ":<part><cursor>",
// when an answer had to be cut, which part of what it was in and the path (base64) up to which that was told.
type syncToken struct {
	seq    int64
	part   byte
	cursor string
}

const (
	whole      byte = 0
	everything byte = 'e' // the first answer, which began when seq was the newest change
	folder     byte = 'f' // what is in a folder that came with change seq
	rows       byte = 'r' // changes, all up to seq are told
)

func (t syncToken) format(space string) string {
	s := space + ":" + strconv.FormatInt(t.seq, 10)
	if t.part != whole {
		s += ":" + string(t.part) + base64.RawURLEncoding.EncodeToString([]byte(t.cursor))
	}
	return s
}

func parseToken(token, space string) (t syncToken, err error) {
	if token == "" {
		return t, nil
	}
	rest, ok := strings.CutPrefix(token, space+":")
	if !ok {
		return t, storage.ErrSyncToken
	}
	seq, part, cut := strings.Cut(rest, ":")
	if t.seq, err = strconv.ParseInt(seq, 10, 64); err != nil || t.seq < 0 {
		return t, storage.ErrSyncToken
	}
	if !cut {
		return t, nil
	}
	if part == "" || part[0] != everything && part[0] != folder && part[0] != rows {
		return t, storage.ErrSyncToken
	}
	cursor, err := base64.RawURLEncoding.DecodeString(part[1:])
	if err != nil {
		return t, storage.ErrSyncToken
	}
	t.part, t.cursor = part[0], string(cursor)
	return t, nil
}

// everything tells all below the folder, in pieces if need be. Changes made between the pieces are told after the last.
func (c *collector) everything(t syncToken) (syncToken, error) {
	if t.seq == 0 {
		t.seq = c.top.chain.Root().Seq
	}
	cursor, more, err := c.allBelow(c.top, "", t.cursor)
	if err != nil || !more {
		return syncToken{seq: t.seq}, err
	}
	return syncToken{seq: t.seq, part: everything, cursor: cursor}, nil
}

// entry is what the journal says of one change.
type entry struct {
	seq               int64
	op, node          string
	parent, oldParent string
	oldName           string
}

// since tells what changed after a number. Rows of one node are told once, as it is now.
func (c *collector) since(t syncToken) (syncToken, error) {
	root := c.top.chain.Root().Seq
	if t.part == whole && t.seq == root {
		return t, nil
	}
	var oldest int64
	if err := c.r.Query(c.ctx, `SELECT seq FROM journal WHERE space=? ORDER BY seq LIMIT 1`, func(row db.Row) error { oldest = row.Int(0); return nil }, c.top.space.ID); err != nil {
		return t, err
	}
	if oldest == 0 || t.seq < oldest-1 {
		return t, storage.ErrSyncToken
	}
	from := t.seq
	if t.part == folder {
		from-- // that row once more
	}
	var list []entry
	err := c.r.Query(c.ctx, `SELECT seq, op, node, parent, oldparent, oldname FROM journal WHERE space=? AND seq>? ORDER BY seq LIMIT ?`, func(row db.Row) error {
		list = append(list, entry{row.Int(0), row.Text(1), row.Text(2), row.Text(3), row.Text(4), string(row.Bytes(5))})
		return nil
	}, c.top.space.ID, from, c.limit)
	if err != nil {
		return t, err
	}
	for i := range list {
		cursor, more, err := c.entry(&list[i], i == 0 && t.part == folder, t.cursor)
		if err != nil {
			return t, err
		}
		if more {
			return syncToken{seq: list[i].seq, part: folder, cursor: cursor}, nil
		}
		if c.full() && i < len(list)-1 {
			return syncToken{seq: list[i].seq, part: rows}, nil
		}
	}
	if len(list) == c.limit {
		return syncToken{seq: list[len(list)-1].seq, part: rows}, nil
	}
	return syncToken{seq: root}, nil
}

// collector turns journal rows into what a client below a folder must do.
type collector struct {
	f       *FS
	ctx     context.Context
	r       db.Reader
	top     *place
	limit   int
	seen    map[string]bool // node ids told, and "path:<path>" of what is there
	removed []string
	changed []storage.Change
}

func (c *collector) full() bool { return len(c.removed)+len(c.changed) >= c.limit }

// result returns removals first: a name may have been taken by something else since.
func (c *collector) result() []storage.Change {
	out := make([]storage.Change, 0, len(c.removed)+len(c.changed))
	for _, path := range c.removed {
		if !c.seen["path:"+path] {
			out = append(out, storage.Change{Path: path, Removed: true})
		}
	}
	return append(out, c.changed...)
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

// entry tells one change; what is in a folder that came is new to the client as well. When that does not fit, more is
// true; the next call resumes it after the cursor.
func (c *collector) entry(e *entry, resume bool, from string) (cursor string, more bool, err error) {
	if e.oldParent != "" && !resume {
		if err := c.gone(e); err != nil {
			return "", false, err
		}
	}
	came := e.op == "move" || e.op == "restore" || e.op == "grant" && c.top.space.Owner != identity.ActorFrom(c.ctx).User.ID
	told := c.seen[e.node]
	if told && (!came || c.seen["below:"+e.node]) {
		return "", false, nil
	}
	c.seen[e.node] = true
	n, err := tree.ByID(c.ctx, c.r, e.node)
	var chain tree.Chain
	if err == nil {
		chain, err = tree.Up(c.ctx, c.r, n)
	}
	if errors.Is(err, tree.ErrNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	if e.op == "restore" && n.Flags&tree.FlagThinned != 0 {
		return "", false, storage.ErrSyncToken // the client may know what was purged in it
	}
	path, ok := c.below(chain)
	if !ok {
		return "", false, nil
	}
	p, err := c.f.allow(c.ctx, c.r, c.top.space, chain)
	if errors.Is(err, storage.ErrNotFound) {
		c.remove(path) // not for this actor, perhaps not any more
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	if !resume && !told {
		i := c.f.info(p.space, n, p.may)
		if err := c.f.decorate(c.ctx, c.r, p, storage.View{}, &i); err != nil {
			return "", false, err
		}
		c.tell(path, i)
	}
	if !n.IsFolder() || !came {
		return "", false, nil
	}
	if !resume {
		from = ""
	}
	c.seen["below:"+e.node] = true
	return c.allBelow(p, path+"/", from)
}

// allBelow tells everything below a folder, each folder before what is in it, names in the order of their bytes. It begins
// after the cursor from, and returns where it stopped if there is more.
func (c *collector) allBelow(p *place, prefix, from string) (cursor string, more bool, err error) {
	w := &subtree{collector: c, top: len(p.chain), last: from}
	var after []string
	if from != "" {
		after = strings.Split(from, "/")
	}
	err = w.folder(p, prefix, after)
	if errors.Is(err, errStopped) {
		return w.last, true, nil
	}
	return "", false, err
}

// subtree is a walk through everything below a folder.
type subtree struct {
	*collector
	top  int    // length of the chain of the folder
	last string // path (as on disk) of what was told last, below the folder
}

// page is how many rows are read at once.
const page = 512

func (w *subtree) folder(p *place, prefix string, after []string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	var start []byte
	if len(after) > 0 {
		start = []byte(after[0])
		n, err := tree.Child(w.ctx, w.r, p.node().ID, after[0])
		if err != nil && !errors.Is(err, tree.ErrNotFound) {
			return err
		}
		if err == nil && n.IsFolder() {
			sub, visible, err := w.child(p, n)
			if err == nil && visible {
				err = w.folder(sub, prefix+toClient(n.Name)+"/", after[1:])
			}
			if err != nil {
				return err
			}
		}
	}
	for {
		var nodes []*tree.Node
		err := tree.Children(w.ctx, w.r, p.node().ID, start, page, func(n *tree.Node) error { nodes = append(nodes, n); return nil })
		if err != nil {
			return err
		}
		for _, n := range nodes {
			if err := w.one(p, prefix, n); err != nil {
				return err
			}
		}
		if len(nodes) < page {
			return nil
		}
		start = []byte(nodes[len(nodes)-1].Name)
	}
}

func (w *subtree) one(p *place, prefix string, n *tree.Node) error {
	if w.full() {
		return errStopped
	}
	sub, visible, err := w.child(p, n)
	if err != nil || !visible {
		return err
	}
	if !w.seen[n.ID] {
		w.seen[n.ID] = true
		i := w.f.info(p.space, n, sub.may)
		if !plain(sub.chain, storage.View{}) {
			if err := w.f.decorate(w.ctx, w.r, sub, storage.View{}, &i); err != nil {
				return err
			}
		}
		w.tell(prefix+toClient(n.Name), i)
	}
	w.last = sub.chain[:len(sub.chain)-w.top+1].Path()
	if n.IsFolder() {
		return w.folder(sub, prefix+toClient(n.Name)+"/", nil)
	}
	return nil
}

// child returns the place of a child, and whether the actor may see it.
func (w *subtree) child(p *place, n *tree.Node) (*place, bool, error) {
	sub := &place{space: p.space, may: p.may, chain: append(tree.Chain{n}, p.chain...)}
	if n.Flags&tree.FlagGrants == 0 {
		return sub, true, nil
	}
	may, visible, err := w.f.childRights(w.ctx, w.r, p, n)
	sub.may = may
	return sub, visible, err
}

func (c *collector) tell(path string, i storage.Info) {
	c.seen["path:"+path] = true
	c.changed = append(c.changed, storage.Change{Path: path, Info: i})
}

func (c *collector) remove(path string) {
	if key := "gone:" + path; !c.seen[key] {
		c.seen[key] = true
		c.removed = append(c.removed, path)
	}
}

// gone notes that a name was left: if nothing is there now, the client must remove it.
func (c *collector) gone(e *entry) error {
	folder, name := e.oldParent, e.oldName
	parent, err := tree.ByID(c.ctx, c.r, folder)
	var chain tree.Chain
	if err == nil {
		chain, err = tree.Up(c.ctx, c.r, parent)
	}
	if errors.Is(err, tree.ErrNotFound) {
		return nil // its own row, or that of a folder above, tells
	}
	if err != nil {
		return err
	}
	dir, ok := c.below(chain)
	if !ok && folder != c.top.node().ID {
		return nil
	}
	if dir != "" {
		dir += "/"
	}
	path := dir + toClient(name)
	n, err := tree.Child(c.ctx, c.r, folder, name)
	if errors.Is(err, tree.ErrNotFound) {
		c.remove(path)
		return nil
	}
	if err != nil || n.ID == e.node {
		return err
	}
	return c.goneBelow(e.node, n, path)
}

// maxGone bounds how many removals one name can cause.
const maxGone = 10_000

// goneBelow notes what was in a folder that left its name to another folder, unless it is in that one too.
func (c *collector) goneBelow(was string, now *tree.Node, path string) error {
	left, err := c.everIn(was)
	if err != nil {
		return err
	}
	if len(left) > maxGone {
		return storage.ErrSyncToken // to begin anew is cheaper
	}
	whole, err := c.remembered(was)
	if err == nil && !whole && now.IsFolder() {
		err = storage.ErrSyncToken
	}
	if err != nil {
		return err
	}
	for name, id := range left {
		at := path + "/" + toClient(name)
		other, err := tree.Child(c.ctx, c.r, now.ID, name)
		switch {
		case errors.Is(err, tree.ErrNotFound):
			c.remove(at)
		case err != nil:
			return err
		case other.IsFolder() && id != other.ID:
			if err := c.goneBelow(id, other, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// everIn returns what is in a folder, live or trashed, and what left it as far back as the journal goes, by name.
func (c *collector) everIn(folder string) (map[string]string, error) {
	out := map[string]string{}
	if err := c.r.Query(c.ctx, `SELECT oldname, node FROM journal WHERE space=? AND oldparent=? ORDER BY seq`, func(row db.Row) error {
		out[string(row.Bytes(0))] = row.Text(1)
		return nil
	}, c.top.space.ID, folder); err != nil {
		return nil, err
	}
	err := tree.Children(c.ctx, c.r, folder, nil, maxGone+1, func(n *tree.Node) error { out[n.Name] = n.ID; return nil })
	return out, err
}

// remembered tells whether the index still knows all that was in a node: nothing of it was purged.
func (c *collector) remembered(node string) (bool, error) {
	n, err := tree.ByID(c.ctx, c.r, node)
	if errors.Is(err, tree.ErrNotFound) {
		return false, nil
	}
	if err != nil || n.Flags&tree.FlagThinned != 0 {
		return false, err
	}
	if !n.IsFolder() {
		return true, nil // there was nothing in it
	}
	chain, _, err := tree.UpAnywhere(c.ctx, c.r, n)
	if errors.Is(err, tree.ErrNotFound) {
		return false, nil
	}
	return err == nil && chain.Root().Parent != tree.Graveyard, err
}
