package tree

import (
	"context"
	"errors"
	"strconv"
	"time"

	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
)

// ErrNotFound tells that there is no such node, or that it is in the trash.
var ErrNotFound = errors.New("tree: no such node")

// maxDepth bounds how deep a tree may be; deeper ones are refused when made, and found when walked.
const maxDepth = 1000

// Node is one file or folder.
type Node struct {
	ID, Space, Parent string
	Name              string // the bytes on disk, not always UTF-8
	Kind              resource.Kind
	Size              int64 // bytes; of a folder, all files below
	MTime             int64 // unix ns; of a file, as on disk; of a folder, of the last change below
	Seq               int64
	Sums              Sums
	Ino               int64 // of the file on disk
	Flags             int64
}

// Sums are a file's SHA-1, MD5 and Adler-32, one after the other (40 bytes), or nil when not known.
type Sums []byte

// SumsLength is how long known Sums are.
const SumsLength = 20 + 16 + 4

// SHA1, MD5 and Adler32 return nil when not known.
func (s Sums) SHA1() []byte    { return s.part(0, 20) }
func (s Sums) MD5() []byte     { return s.part(20, 36) }
func (s Sums) Adler32() []byte { return s.part(36, 40) }

func (s Sums) part(from, to int) []byte {
	if len(s) != SumsLength {
		return nil
	}
	return s[from:to:to]
}

// IsFolder tells whether the node is a folder.
func (n *Node) IsFolder() bool { return n.Kind == resource.Folder }

// ETag names the state of a node: it changes with every change of it or below it, and never comes back.
func (n *Node) ETag() string { return ETag(n.ID, n.Seq) }

// ETag of a node or version.
func ETag(id string, seq int64) string {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	h := uint64(offset)
	for i := 0; i < len(id); i++ {
		h = (h ^ uint64(id[i])) * prime
	}
	b := make([]byte, 0, 32)
	b = strconv.AppendUint(b, h, 16)
	b = append(b, '-')
	return string(strconv.AppendInt(b, seq, 16))
}

const nodeColumns = `id, space, parent, name, kind, size, mtime, seq, sums, ino, flags`

func scan(r db.Row, n *Node) {
	n.ID, n.Space, n.Parent = r.Text(0), r.Text(1), r.Text(2)
	n.Name = string(r.Bytes(3))
	n.Kind = resource.Kind(r.Int(4))
	n.Size, n.MTime, n.Seq = r.Int(5), r.Int(6), r.Int(7)
	n.Sums = Sums(r.Bytes(8))
	n.Ino, n.Flags = r.Int(9), r.Int(10)
}

func one(ctx context.Context, r db.Reader, sql string, args ...any) (*Node, error) {
	var n *Node
	err := r.Query(ctx, sql, func(row db.Row) error {
		n = new(Node)
		scan(row, n)
		return nil
	}, args...)
	if err == nil && n == nil {
		err = ErrNotFound
	}
	return n, err
}

// ByID returns a node wherever it is, in the trash too.
func ByID(ctx context.Context, r db.Reader, id string) (*Node, error) {
	return one(ctx, r, `SELECT `+nodeColumns+` FROM nodes WHERE id=?`, id)
}

// Child returns the node of a name in a folder.
func Child(ctx context.Context, r db.Reader, parent, name string) (*Node, error) {
	return one(ctx, r, `SELECT `+nodeColumns+` FROM nodes WHERE parent=? AND name=?`, parent, []byte(name))
}

// Children calls each for the children of a folder whose names come after the given one, in the order of their names'
// bytes, at most limit. A nil after begins at the first.
func Children(ctx context.Context, r db.Reader, parent string, after []byte, limit int, each func(*Node) error) error {
	row := func(row db.Row) error {
		n := new(Node)
		scan(row, n)
		return each(n)
	}
	if after == nil {
		return r.Query(ctx, `SELECT `+nodeColumns+` FROM nodes WHERE parent=? ORDER BY name LIMIT ?`, row, parent, limit)
	}
	return r.Query(ctx, `SELECT `+nodeColumns+` FROM nodes WHERE parent=? AND name>? ORDER BY name LIMIT ?`, row, parent, after, limit)
}

// EachChild calls each for all children of a folder, in the order of their names' bytes. The node is only lent. each must not
// call EachChild on the same reader.
func EachChild(ctx context.Context, r db.Reader, parent string, each func(*Node) error) error {
	var n Node
	return r.Query(ctx, `SELECT id, space, name, kind, size, mtime, seq, sums, ino, flags FROM nodes WHERE parent=? ORDER BY name`, func(row db.Row) error {
		n.ID = row.Text(0)
		if n.Space == "" {
			n.Space = row.Text(1) // the same for all
		}
		n.Parent, n.Name, n.Kind = parent, string(row.Bytes(2)), resource.Kind(row.Int(3))
		n.Size, n.MTime, n.Seq = row.Int(4), row.Int(5), row.Int(6)
		n.Sums, n.Ino, n.Flags = Sums(row.Bytes(7)), row.Int(8), row.Int(9)
		return each(&n)
	}, parent)
}

// Chain is a node and its ancestors, up to the root of the space: Chain[0] is the node.
type Chain []*Node

// Node returns the node the chain leads to.
func (c Chain) Node() *Node { return c[0] }

// Root returns the root of the space.
func (c Chain) Root() *Node { return c[len(c)-1] }

// Path returns the names from the root down to the node, joined by "/"; "" for the root.
func (c Chain) Path() string {
	size := 0
	for _, n := range c[:len(c)-1] {
		size += len(n.Name) + 1
	}
	if size == 0 {
		return ""
	}
	b := make([]byte, 0, size-1)
	for i := len(c) - 2; i >= 0; i-- {
		b = append(b, c[i].Name...)
		if i > 0 {
			b = append(b, '/')
		}
	}
	return string(b)
}

// Has tells whether the chain passes a node.
func (c Chain) Has(id string) bool {
	for _, n := range c {
		if n.ID == id {
			return true
		}
	}
	return false
}

// Up returns the chain of a node. A node in the trash, or below one, is ErrNotFound.
func Up(ctx context.Context, r db.Reader, n *Node) (Chain, error) {
	c, end, err := climb(ctx, r, n)
	if err == nil && end != RootParent {
		err = ErrNotFound
	}
	return c, err
}

// UpAnywhere returns the chain of a node up to the root of its space or to the trashed folder it is in.
func UpAnywhere(ctx context.Context, r db.Reader, n *Node) (c Chain, trashed bool, err error) {
	c, end, err := climb(ctx, r, n)
	return c, end != RootParent, err
}

func climb(ctx context.Context, r db.Reader, n *Node) (Chain, string, error) {
	c := make(Chain, 1, 8)
	c[0] = n
	for {
		switch n.Parent {
		case RootParent, TrashParent, Limbo, Graveyard:
			return c, n.Parent, nil
		}
		if len(c) > maxDepth {
			return nil, "", errors.New("tree: deeper than allowed, or a circle")
		}
		p, err := ByID(ctx, r, n.Parent)
		if err != nil {
			return nil, "", err
		}
		c = append(c, p)
		n = p
	}
}

// Down follows names from the chain's node.
func Down(ctx context.Context, r db.Reader, c Chain, names []string) (Chain, error) {
	if len(names) == 0 {
		return c, nil
	}
	if len(c)+len(names) > maxDepth {
		return nil, ErrNotFound
	}
	out := make(Chain, len(names)+len(c))
	copy(out[len(names):], c)
	for i, name := range names {
		parent := out[len(names)-i]
		if !parent.IsFolder() {
			return nil, ErrNotFound
		}
		n, err := Child(ctx, r, parent.ID, name)
		if err != nil {
			return nil, err
		}
		out[len(names)-i-1] = n
	}
	return out, nil
}

// Insert adds a node.
func Insert(ctx context.Context, tx db.Tx, n *Node) error {
	_, err := tx.Exec(ctx, `INSERT INTO nodes(`+nodeColumns+`) VALUES(?,?,?,?,?,?,?,?,?,?,?)`,
		n.ID, n.Space, n.Parent, []byte(n.Name), int64(n.Kind), n.Size, n.MTime, n.Seq, []byte(n.Sums), n.Ino, n.Flags)
	return err
}

// Save writes all that can change of a node but its place.
func Save(ctx context.Context, tx db.Tx, n *Node) error {
	_, err := tx.Exec(ctx, `UPDATE nodes SET size=?, mtime=?, seq=?, sums=?, ino=?, flags=? WHERE id=?`,
		n.Size, n.MTime, n.Seq, []byte(n.Sums), n.Ino, n.Flags, n.ID)
	return err
}

// Place moves a node to another parent or name.
func Place(ctx context.Context, tx db.Tx, n *Node, parent, name string) error {
	n.Parent, n.Name = parent, name
	_, err := tx.Exec(ctx, `UPDATE nodes SET parent=?, name=? WHERE id=?`, parent, []byte(name), n.ID)
	return err
}

// SetFlag sets or clears a flag of a node.
func SetFlag(ctx context.Context, tx db.Tx, n *Node, flag int64, on bool) error {
	flags := n.Flags | flag
	if !on {
		flags &^= flag
	}
	if flags == n.Flags {
		return nil
	}
	n.Flags = flags
	_, err := tx.Exec(ctx, `UPDATE nodes SET flags=? WHERE id=?`, flags, n.ID)
	return err
}

// NextSeq returns the number the next change of the space gets.
func (c Chain) NextSeq() int64 { return c.Root().Seq + 1 }

// Touch gives all nodes of a chain the number of a change, a new time, and a size changed by delta.
func Touch(ctx context.Context, tx db.Tx, c Chain, seq, delta int64, now time.Time) error {
	for i := len(c) - 1; i >= 0; i-- {
		n := c[i]
		n.Size += delta
		n.Seq = seq
		n.MTime = max(now.UnixNano(), n.MTime+1)
		if _, err := tx.Exec(ctx, `UPDATE nodes SET seq=?, size=?, mtime=? WHERE id=?`, n.Seq, n.Size, n.MTime, n.ID); err != nil {
			return err
		}
	}
	return nil
}

// Entry is a row of the journal: what happened, to whom events go and what sync-collection reports.
type Entry struct {
	Space     string
	Seq       int64
	Op        string // create, write, meta, move, trash, restore, vanish
	Node      *Node  // as it is after the change
	OldParent string
	OldName   string
	Actor     string
	Initiator string
	Time      time.Time
}

// Log writes a row of the journal.
func Log(ctx context.Context, tx db.Tx, e Entry) error {
	_, err := tx.Exec(ctx, `INSERT INTO journal(space, seq, op, node, kind, parent, name, oldparent, oldname, actor, initiator, time)
		VALUES(?,?,?,?,?,?,?,?,?,?,?,?)`, e.Node.Space, e.Seq, e.Op, e.Node.ID, int64(e.Node.Kind), e.Node.Parent, []byte(e.Node.Name),
		e.OldParent, []byte(e.OldName), e.Actor, e.Initiator, e.Time.UnixNano())
	return err
}
