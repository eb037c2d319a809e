// Package mem is a storage in memory: the reference model of what every storage.FS must do, and the test double of the
// protocol adapters. It is as simple as it can be: one mutex, sizes added up when asked for, changes found by comparing
// snapshots. Nothing is durable.
package mem

import (
	"context"
	"crypto/md5"  //nolint:gosec // checksums of the protocol, not security
	"crypto/sha1" //nolint:gosec // as above
	"encoding/binary"
	"fmt"
	"hash/adler32"
	"mime"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// FS implements storage.FS. Its methods may be called at the same time.
type FS struct {
	storageID string

	mu        sync.Mutex
	seq       int64
	clock     time.Time // of the last change; time never stands still
	spaces    map[string]*tree
	sessions  map[string]*session
	snapshots map[string]snapshot
	tokens    []string // of the snapshots, oldest first
}

var _ storage.FS = (*FS)(nil)

// New returns an empty storage.
func New(storageID string) *FS {
	return &FS{storageID: storageID, spaces: map[string]*tree{}, sessions: map[string]*session{}, snapshots: map[string]snapshot{}}
}

// tree is one space.
type tree struct {
	id, alias, description string
	name                   string
	kind                   space.Type
	owner                  string
	quota                  int64
	image, readme          string
	disabled               time.Time
	root                   *node
	nodes                  map[string]*node // by id, trashed ones too
	trash                  []*trashed       // oldest first
}

type node struct {
	id, name string
	space    *tree
	parent   *node // nil: root, or the top of something trashed
	kind     resource.Kind
	children map[string]*node
	content  blob
	mtime    time.Time
	seq      int64 // of the last change of it or below it
	own      int64 // of the last change of itself
	versions []version
	locks    []storage.Lock
	grants   []space.Grant
	props    []storage.Prop
	tags     []string
	fans     map[string]bool // user ids
}

type blob struct {
	data []byte
	sums storage.Checksums
}

func newBlob(data []byte) blob {
	s, m := sha1.Sum(data), md5.Sum(data) //nolint:gosec // see the imports
	return blob{data, storage.Checksums{SHA1: s[:], MD5: m[:], Adler32: binary.BigEndian.AppendUint32(nil, adler32.Checksum(data))}}
}

func (n *node) isFolder() bool { return n.kind == resource.Folder }
func (n *node) etag() string   { return fmt.Sprintf("%s-%x", n.id, n.seq) }

// size adds up.
func (n *node) size() int64 {
	s := int64(len(n.content.data))
	for _, c := range n.children {
		s += c.size()
	}
	return s
}

// path is relative to the root, or to the top of what is trashed.
func (n *node) path() string {
	if n.parent == nil {
		return ""
	}
	return path.Join(n.parent.path(), n.name)
}

// shownPath is the path of a node as the actor may know it: without what is above the highest folder that he sees.
func shownPath(ctx context.Context, n *node) string {
	p := n.name
	for ; n.parent != nil; n = n.parent {
		switch {
		case !visible(ctx, n.parent):
			return p
		case n.parent.parent != nil:
			p = n.parent.name + "/" + p
		}
	}
	if p == n.name {
		return "" // the root
	}
	return p
}

// within tells whether n is top or below it.
func (n *node) within(top *node) bool {
	for ; n != nil; n = n.parent {
		if n == top {
			return true
		}
	}
	return false
}

func (n *node) live() bool { return n.within(n.space.root) }

// names returns the children's names in the order of their bytes.
func (n *node) names() []string {
	out := make([]string, 0, len(n.children))
	for name := range n.children {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func (n *node) add(c *node, name string) {
	c.parent, c.name = n, name
	n.children[name] = c
}

func (n *node) remove(c *node) {
	delete(n.children, c.name)
	c.parent = nil
}

// now returns a time after every time it returned before.
func (f *FS) now() time.Time {
	t := time.Now()
	if !t.After(f.clock) {
		t = f.clock.Add(1)
	}
	f.clock = t
	return t
}

// touched notes a change of n, which its ancestors have too.
func (f *FS) touched(n *node) {
	f.membersChanged(n)
	n.own = f.seq
}

// moved notes that n came to its place: it is the same as before, but its ancestors are not.
func (f *FS) moved(n *node) {
	f.membersChanged(n.parent)
	n.own = f.seq
}

// membersChanged notes a change of what is in a folder: it and its ancestors are other folders now.
func (f *FS) membersChanged(n *node) {
	f.seq++
	now := f.now()
	for ; n != nil; n = n.parent {
		n.seq = f.seq
		if n.isFolder() {
			n.mtime = now
		}
	}
}

// rights returns what the actor may do on a node.
func rights(ctx context.Context, n *node) permission.Set {
	t := n.space
	x := space.For(identity.ActorFrom(ctx), t.kind, t.owner, t.id, time.Now())
	x.Root = func() ([]space.Grant, error) { return t.root.grants, nil }
	if !x.Opens(func(id string) bool { return n.below(id) }) {
		return permission.None
	}
	if may, ok := x.Whole(); ok {
		return may
	}
	var may permission.Set
	for ; n != nil; n = n.parent {
		set, denied, err := x.Of(n.parent == nil, n.grants)
		if err != nil || denied {
			return permission.None
		}
		may |= set
	}
	return x.All(may)
}

// below tells whether a node is the one with an id, or below it.
func (n *node) below(id string) bool {
	for ; n != nil; n = n.parent {
		if n.id == id {
			return true
		}
	}
	return false
}

func need(ctx context.Context, n *node, want permission.Set) error {
	if !rights(ctx, n).Has(want) {
		return storage.ErrForbidden
	}
	return nil
}

func visible(ctx context.Context, n *node) bool { return rights(ctx, n).Has(permission.Stat) }

func segments(p string) ([]string, error) {
	if p == "" {
		return nil, nil
	}
	s, err := resource.SplitPath(p)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", storage.ErrInvalid, err)
	}
	return s, nil
}

// lookup finds a node. If only the last name is missing, the error is ErrNotFound and parent is where it would be; if more
// is missing, it is ErrParentMissing.
func (f *FS) lookup(ctx context.Context, ref storage.Ref) (n, parent *node, err error) {
	names, err := segments(ref.Path)
	if err != nil {
		return nil, nil, err
	}
	sp := f.spaces[ref.ID.Space]
	if sp == nil || ref.ID.Storage != f.storageID || !sp.disabled.IsZero() {
		return nil, nil, storage.ErrNotFound
	}
	n = sp.nodes[ref.ID.Node]
	if n == nil || !n.live() {
		return nil, nil, storage.ErrNotFound
	}
	left := len(names)
	for ; left > 0 && n.children[names[len(names)-left]] != nil; left-- {
		n = n.children[names[len(names)-left]]
	}
	for ; !visible(ctx, n); left++ { // what may be seen is found below what may not
		if left == len(names) {
			return nil, nil, storage.ErrNotFound
		}
		n = n.parent
	}
	switch left {
	case 0:
		return n, n.parent, nil
	case 1:
		return nil, n, storage.ErrNotFound
	}
	return nil, nil, storage.ErrParentMissing
}

// find is lookup for callers to whom a missing parent is just as missing.
func (f *FS) find(ctx context.Context, ref storage.Ref) (*node, error) {
	n, _, err := f.lookup(ctx, ref)
	if err == storage.ErrParentMissing { //nolint:errorlint // our own, not wrapped
		err = storage.ErrNotFound
	}
	return n, err
}

func (f *FS) id(n *node) resource.ID {
	return resource.ID{Storage: f.storageID, Space: n.space.id, Node: n.id}
}

func (f *FS) info(ctx context.Context, n *node, v storage.View) storage.Info {
	a := identity.ActorFrom(ctx)
	i := storage.Info{ID: f.id(n), Name: n.name, Kind: n.kind, Size: n.size(), MTime: n.mtime, ETag: n.etag(), MIME: mimeOf(n), Permissions: rights(ctx, n),
		Favorite: n.fans[a.User.ID], Tags: slices.Clone(n.tags), Locks: f.locksOn(n), SpaceType: n.space.kind, SpaceOwner: n.space.owner}
	if n.parent == nil {
		i.Name = n.space.name
	} else {
		i.Parent = f.id(n.parent)
		i.Shared = len(n.grants) > 0
	}
	if v.Grantees && i.Shared && i.Permissions.Has(permission.ListGrants) {
		for _, g := range n.grants {
			if !g.Expired(time.Now()) && !slices.Contains(i.Grantees, g.Kind) {
				i.Grantees = append(i.Grantees, g.Kind)
			}
		}
		slices.Sort(i.Grantees)
	}
	if !n.isFolder() {
		i.Checksums = n.content.sums
	}
	if v.Path {
		i.Path = shownPath(ctx, n)
	}
	if v.Props {
		i.Props = slices.Clone(n.props)
	}
	return i
}

func mimeOf(n *node) string {
	if n.isFolder() {
		return "httpd/unix-directory"
	}
	ext := strings.ToLower(path.Ext(n.name))
	switch ext {
	case ".txt":
		return "text/plain"
	case ".md":
		return "text/markdown"
	}
	if m, _, _ := strings.Cut(mime.TypeByExtension(ext), ";"); m != "" {
		return m
	}
	return "application/octet-stream"
}

// check evaluates conditions on what is there (nil: nothing).
func check(c *storage.Conditions, n *node) error {
	has := func(tags []string) bool {
		return n != nil && (slices.Contains(tags, "*") || slices.Contains(tags, n.etag()))
	}
	switch {
	case len(c.IfMatch) > 0 && !has(c.IfMatch),
		has(c.IfNoneMatch),
		n != nil && !c.IfUnmodifiedSince.IsZero() && n.mtime.Truncate(time.Second).After(c.IfUnmodifiedSince):
		return storage.ErrPrecondition
	}
	return nil
}

// mayCreate checks name and rights for something new in a folder.
func (f *FS) mayCreate(ctx context.Context, parent *node, name string, want permission.Set) error {
	if !parent.isFolder() {
		return fmt.Errorf("%w: the parent is a file", storage.ErrParentMissing)
	}
	if err := need(ctx, parent, want); err != nil {
		return err
	}
	if err := resource.ValidateName(name); err != nil {
		return fmt.Errorf("%w: %w", storage.ErrInvalid, err)
	}
	return nil
}

// free tells whether a name in a folder can be taken: what is there but not for the actor's eyes is ErrForbidden.
func free(parent *node, name string) error {
	if parent.children[name] != nil {
		return storage.ErrForbidden
	}
	return nil
}

// fits checks the quota for delta more bytes.
func fits(t *tree, delta int64) error {
	if t.quota > 0 && delta > 0 && t.root.size()+delta > t.quota {
		return storage.ErrQuota
	}
	return nil
}
