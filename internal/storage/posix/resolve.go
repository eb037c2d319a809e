package posix

import (
	"context"
	"errors"
	"mime"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix/scan"
	"opencloud/internal/storage/tree"
)

// place is where a request works: a space, a chain to a node, and what the actor may do there.
type place struct {
	space *tree.Space
	chain tree.Chain
	may   permission.Set
}

func (p *place) node() *tree.Node { return p.chain.Node() }
func (p *place) path() string     { return scan.Path(p.space, p.chain) }

// locate finds a node by reference and what the actor may do on it. What he may not Stat is ErrNotFound.
func (f *FS) locate(ctx context.Context, r db.Reader, ref storage.Ref) (*place, error) {
	names, err := segments(ref.Path)
	if err != nil {
		return nil, err
	}
	return f.locateNames(ctx, r, ref.ID, names)
}

func (f *FS) locateNames(ctx context.Context, r db.Reader, id resource.ID, names []string) (*place, error) {
	sp, c, err := f.start(ctx, r, id)
	if err != nil {
		return nil, err
	}
	if c, err = f.down(ctx, r, c, names); err != nil {
		return nil, translate(err)
	}
	return f.allow(ctx, r, sp, c)
}

// start finds the node of an id, without looking at rights.
func (f *FS) start(ctx context.Context, r db.Reader, id resource.ID) (*tree.Space, tree.Chain, error) {
	sp, err := f.space(id)
	if err != nil {
		return nil, nil, err
	}
	n, err := tree.ByID(ctx, r, id.Node)
	if err != nil {
		return nil, nil, translate(err)
	}
	if n.Space != id.Space {
		return nil, nil, storage.ErrNotFound
	}
	c, err := tree.Up(ctx, r, n)
	return sp, c, translate(err)
}

// down follows names, taking the escaped forms of names that are not UTF-8 as well.
func (f *FS) down(ctx context.Context, r db.Reader, c tree.Chain, names []string) (tree.Chain, error) {
	out, err := tree.Down(ctx, r, c, names)
	if !errors.Is(err, tree.ErrNotFound) || !slices.ContainsFunc(names, escaped) {
		return out, err
	}
	raw := make([]string, len(names))
	for i, n := range names {
		raw[i] = fromClient(n)
	}
	return tree.Down(ctx, r, c, raw)
}

// allow evaluates the actor's rights along a chain. (spec/storage.md §1.4)
func (f *FS) allow(ctx context.Context, r db.Reader, sp *tree.Space, c tree.Chain) (*place, error) {
	p := &place{space: sp, chain: c}
	var err error
	if p.may, err = f.rights(ctx, r, sp, c); err != nil {
		return nil, err
	}
	if !p.may.Has(permission.Stat) {
		return nil, storage.ErrNotFound
	}
	return p, nil
}

// access is the access of the actor to a space.
func (f *FS) access(ctx context.Context, r db.Reader, sp *tree.Space) *space.Access {
	x := space.For(identity.ActorFrom(ctx), sp.Type, sp.Owner, sp.ID, time.Now())
	x.Root = sync.OnceValues(func() ([]space.Grant, error) { return tree.GrantsOf(ctx, r, sp.ID) })
	if f.cfg.GroupsOf != nil {
		x.GroupsOf = func(user string) ([]string, error) { return f.cfg.GroupsOf(ctx, user) }
	}
	return x
}

func (f *FS) rights(ctx context.Context, r db.Reader, sp *tree.Space, c tree.Chain) (permission.Set, error) {
	x := f.access(ctx, r, sp)
	x.Root = sync.OnceValues(func() ([]space.Grant, error) { return f.grantsOf(ctx, r, c.Root()) })
	if !x.Opens(c.Has) {
		return permission.None, nil
	}
	if may, ok := x.Whole(); ok {
		return may, nil
	}
	var may permission.Set
	for _, n := range c {
		if n.Flags&tree.FlagGrants == 0 {
			continue
		}
		grants, err := f.grantsOf(ctx, r, n)
		if err != nil {
			return permission.None, err
		}
		set, denied, err := x.Of(n.Parent == tree.RootParent, grants)
		if err != nil || denied {
			return permission.None, err
		}
		may |= set
	}
	return x.All(may), nil
}

// childRights returns the rights on a child of a place, and whether the actor may see it.
func (f *FS) childRights(ctx context.Context, r db.Reader, p *place, n *tree.Node) (permission.Set, bool, error) {
	x := f.access(ctx, r, p.space)
	if _, ok := x.Whole(); ok {
		return p.may, true, nil
	}
	grants, err := f.grantsOf(ctx, r, n)
	if err != nil {
		return permission.None, false, err
	}
	set, denied, err := x.Of(false, grants)
	return p.may | x.Below(set), !denied, err
}

// shownPath is the path of a place as its actor may know it: who does not see the root of the space is told no names of what is
// above what he sees.
func (f *FS) shownPath(ctx context.Context, r db.Reader, p *place) (string, error) {
	c := p.chain
	for top := len(c) - 1; ; {
		may, err := f.rights(ctx, r, p.space, c[top:])
		if err != nil {
			return "", err
		}
		if top == 0 || may.Has(permission.Stat) {
			return toClient(shown(c, top).Path()), nil
		}
		top--
	}
}

// shown is the part of a chain from its node up to what is above a visible one; the root is never a name.
func shown(c tree.Chain, top int) tree.Chain { return c[:min(top+2, len(c))] }

// need refuses an actor that lacks rights.
func (p *place) need(want permission.Set) error {
	if !p.may.Has(want) {
		return storage.ErrForbidden
	}
	return nil
}

// info describes the node; locks, tags and so on come from decorate.
func (f *FS) info(sp *tree.Space, n *tree.Node, may permission.Set) storage.Info {
	i := storage.Info{ID: f.id(n.Space, n.ID), Name: toClient(n.Name), Kind: n.Kind, Size: n.Size, MTime: time.Unix(0, n.MTime), ETag: n.ETag(),
		Permissions: may, SpaceType: sp.Type, SpaceOwner: sp.Owner,
		Checksums: storage.Checksums{SHA1: n.Sums.SHA1(), MD5: n.Sums.MD5(), Adler32: n.Sums.Adler32()}}
	if n.Parent == tree.RootParent {
		i.Name = sp.Name
	} else {
		i.Parent = f.id(n.Space, n.Parent)
		i.Shared = n.Flags&tree.FlagGrants != 0
	}
	if n.IsFolder() {
		i.MIME = "httpd/unix-directory"
	} else {
		i.MIME = mimeOf(n.Name)
	}
	return i
}

func mimeOf(name string) string {
	ext := strings.ToLower(path.Ext(name))
	if m, ok := types[ext]; ok {
		return m
	}
	if m := mime.TypeByExtension(ext); m != "" {
		m, _, _ = strings.Cut(m, ";")
		return m
	}
	return "application/octet-stream"
}

// types are those that the system's table may lack or have otherwise.
var types = map[string]string{".txt": "text/plain", ".md": "text/markdown", ".html": "text/html", ".pdf": "application/pdf", ".jpg": "image/jpeg",
	".jpeg": "image/jpeg", ".png": "image/png", ".gif": "image/gif", ".svg": "image/svg+xml", ".webp": "image/webp", ".heic": "image/heic",
	".mp4": "video/mp4", ".webm": "video/webm", ".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".flac": "audio/flac", ".zip": "application/zip",
	".json": "application/json", ".xml": "application/xml", ".csv": "text/csv", ".epub": "application/epub+zip", ".go": "text/x-go",
	".odt": "application/vnd.oasis.opendocument.text", ".ods": "application/vnd.oasis.opendocument.spreadsheet", ".odp": "application/vnd.oasis.opendocument.presentation",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation", "": "application/octet-stream"}

// decorate adds what lies in side tables, for one node.
func (f *FS) decorate(ctx context.Context, r db.Reader, p *place, v storage.View, i *storage.Info) error {
	n := p.node()
	if v.Path {
		var err error
		if i.Path, err = f.shownPath(ctx, r, p); err != nil {
			return err
		}
	}
	locks, err := f.locksOn(ctx, r, p.chain)
	if err != nil {
		return err
	}
	i.Locks = locks
	if v.Grantees && i.Shared && i.Permissions.Has(permission.ListGrants) {
		if err := r.Query(ctx, `SELECT DISTINCT kind FROM grants WHERE node=? AND (expires=0 OR expires>?) ORDER BY kind`, func(row db.Row) error {
			i.Grantees = append(i.Grantees, space.GranteeKind(row.Int(0)))
			return nil
		}, n.ID, time.Now().UnixNano()); err != nil {
			return err
		}
	}
	if n.Flags&tree.FlagTags != 0 {
		if err := r.Query(ctx, `SELECT tag FROM tags WHERE node=? ORDER BY tag`, func(row db.Row) error {
			i.Tags = append(i.Tags, row.Text(0))
			return nil
		}, n.ID); err != nil {
			return err
		}
	}
	if n.Flags&tree.FlagFavorites != 0 {
		if err := r.Query(ctx, `SELECT 1 FROM favorites WHERE uid=? AND node=?`, func(db.Row) error {
			i.Favorite = true
			return nil
		}, identity.ActorFrom(ctx).User.ID, n.ID); err != nil {
			return err
		}
	}
	if v.Props && n.Flags&tree.FlagProps != 0 {
		return r.Query(ctx, `SELECT ns, name, value, attrs FROM props WHERE node=? ORDER BY ns, name`, func(row db.Row) error {
			i.Props = append(i.Props, storage.Prop{Namespace: row.Text(0), Name: row.Text(1), Value: row.Text(2), Attrs: row.Text(3)})
			return nil
		}, n.ID)
	}
	return nil
}

// locksOn returns the locks that apply to the node of a chain.
func (f *FS) locksOn(ctx context.Context, r db.Reader, c tree.Chain) ([]storage.Lock, error) {
	var out []storage.Lock
	now := time.Now()
	for k, n := range c {
		if n.Flags&tree.FlagLocks == 0 {
			continue
		}
		locks, err := tree.LocksOf(ctx, r, f.id(n.Space, n.ID), now)
		if err != nil {
			return nil, err
		}
		for _, l := range locks {
			if k == 0 || l.Infinite {
				l.RootPath = toClient(c[k:].Path())
				out = append(out, l)
			}
		}
	}
	return out, nil
}

// guard refuses a change of the chain's node that a lock forbids. With membership the change adds or removes a child of
// the chain's second node. (RFC 4918 §7)
func (f *FS) guard(ctx context.Context, r db.Reader, c tree.Chain, tokens []string, membership bool) error {
	a := identity.ActorFrom(ctx)
	now := time.Now()
	for k, n := range c {
		if n.Flags&tree.FlagLocks == 0 {
			continue
		}
		locks, err := tree.LocksOf(ctx, r, f.id(n.Space, n.ID), now)
		if err != nil {
			return err
		}
		if err := unlocked(locks, func(l *storage.Lock) bool { return k == 0 || l.Infinite || k == 1 && membership }, &a, tokens); err != nil {
			return err
		}
	}
	return nil
}

// unlocked checks the locks on one node: one token of those that apply is enough.
func unlocked(locks []storage.Lock, applies func(*storage.Lock) bool, a *identity.Actor, tokens []string) error {
	var blocking *storage.Lock
	for i := range locks {
		l := &locks[i]
		if !applies(l) {
			continue
		}
		if slices.Contains(tokens, l.Token) && (l.App != "" || l.User == a.User.ID) {
			return nil
		}
		blocking = l
	}
	if blocking != nil {
		return &storage.LockedError{Lock: *blocking}
	}
	return nil
}

// guardBelow refuses to move or remove a folder in which something is locked by others. It returns what is locked.
func (f *FS) guardBelow(ctx context.Context, r db.Reader, n *tree.Node, tokens []string) ([]*tree.Node, error) {
	if !n.IsFolder() {
		return nil, nil
	}
	var ids []string
	err := r.Query(ctx, `SELECT DISTINCT node FROM locks WHERE space=? AND (expires=0 OR expires>?)`, func(row db.Row) error {
		ids = append(ids, row.Text(0))
		return nil
	}, n.Space, time.Now().UnixNano())
	if err != nil {
		return nil, err
	}
	a := identity.ActorFrom(ctx)
	var below []*tree.Node
	for _, id := range ids {
		locked, err := tree.ByID(ctx, r, id)
		if errors.Is(err, tree.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		c, _, err := tree.UpAnywhere(ctx, r, locked)
		if err != nil {
			return nil, err
		}
		if !c.Has(n.ID) || id == n.ID {
			continue
		}
		locks, err := tree.LocksOf(ctx, r, f.id(n.Space, id), time.Now())
		if err != nil {
			return nil, err
		}
		if err := unlocked(locks, func(*storage.Lock) bool { return true }, &a, tokens); err != nil {
			return nil, err
		}
		below = append(below, locked)
	}
	return below, nil
}

// release ends all locks on a node.
func (f *FS) release(ctx context.Context, tx db.Tx, n *tree.Node) error {
	if n.Flags&tree.FlagLocks == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `DELETE FROM locks WHERE node=?`, n.ID); err != nil {
		return err
	}
	return tree.SetFlag(ctx, tx, n, tree.FlagLocks, false)
}

// check evaluates conditions on what is there (nil: nothing).
func check(c *storage.Conditions, n *tree.Node) error {
	if len(c.IfMatch) > 0 && (n == nil || !matches(c.IfMatch, n.ETag())) {
		return storage.ErrPrecondition
	}
	if n != nil && len(c.IfNoneMatch) > 0 && matches(c.IfNoneMatch, n.ETag()) {
		return storage.ErrPrecondition
	}
	if n != nil && !c.IfUnmodifiedSince.IsZero() && time.Unix(0, n.MTime).Truncate(time.Second).After(c.IfUnmodifiedSince) {
		return storage.ErrPrecondition
	}
	return nil
}

func matches(tags []string, etag string) bool {
	return slices.Contains(tags, "*") || slices.Contains(tags, etag)
}
