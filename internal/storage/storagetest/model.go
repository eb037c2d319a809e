package storagetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

// The model: a tree in memory that does what the contract says. Each step is done to the storage and to the model, and
// both must say the same: the same error, the same tree, sizes that add up, ETags that changed up to the root and
// nowhere else, and changes (sync-collection) from which a replica becomes the same tree.

type modelNode struct {
	id       string
	folder   bool
	content  string
	etag     string
	versions int
	writes   int // how often content was written
	children map[string]*modelNode
}

func (n *modelNode) clone() *modelNode {
	c := *n
	c.children = map[string]*modelNode{}
	for k, v := range n.children {
		c.children[k] = v.clone()
	}
	return &c
}

func (n *modelNode) size() int64 {
	if !n.folder {
		return int64(len(n.content))
	}
	total := int64(0)
	for _, c := range n.children {
		total += c.size()
	}
	return total
}

// deleted is an item in the trash.
type deleted struct {
	key, path string
	node      *modelNode
}

// Model is the model of one folder of a storage, in which nobody else works.
type Model struct {
	t    testing.TB
	fs   storage.FS
	ctx  context.Context
	rnd  *rand.Rand
	dir  storage.Ref
	root *modelNode
	bin  []deleted
	log  []string
	// Before and After (if not nil) are called before and after each step. After tells whether a fault hit it: then it may
	// have failed with any error, done or not done, but nothing in between.
	Before func()
	After  func() bool

	partial *modelNode // a third state that is right after a fault: what was in the way is in the trash, and no more

	token   string
	replica map[string]string
}

// NewModel makes a model of an empty folder.
func NewModel(t testing.TB, ctx context.Context, fs storage.FS, dir storage.Ref, rnd *rand.Rand) *Model {
	return &Model{t: t, fs: fs, ctx: ctx, rnd: rnd, dir: dir, root: &modelNode{folder: true, children: map[string]*modelNode{}}, replica: map[string]string{}}
}

func (m *Model) failf(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("%s\nafter:\n  %s", fmt.Sprintf(format, args...), strings.Join(m.log, "\n  "))
}

func (m *Model) ref(path string) storage.Ref {
	return storage.At(m.dir.ID, strings.Trim(m.dir.Path+"/"+path, "/"))
}

// find returns the node of a path and its parent.
func (m *Model) find(path string) (n, parent *modelNode) {
	n = m.root
	for s := range strings.SplitSeq(path, "/") {
		parent = n
		if parent == nil || !parent.folder {
			return nil, nil
		}
		n = parent.children[s]
	}
	return n, parent
}

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// path invents a path, mostly one that means something.
func (m *Model) path() string {
	names := []string{"a", "b", "c", "d"}
	p := names[m.rnd.IntN(len(names))]
	for m.rnd.IntN(2) == 0 && strings.Count(p, "/") < 3 {
		p += "/" + names[m.rnd.IntN(len(names))]
	}
	return p
}

// creatable says what creating at a path gives, apart from what is there.
func creatable(parent *modelNode) error {
	if parent == nil || !parent.folder {
		return storage.ErrParentMissing
	}
	return nil
}

// Step does one random thing to the storage and the model.
func (m *Model) Step() {
	m.t.Helper()
	before := m.root.clone()
	binBefore := slices.Clone(m.bin)
	var what string
	var got, want error
	m.partial = nil
	if m.Before != nil {
		m.Before()
	}
	switch k := m.rnd.IntN(20); {
	case k < 6:
		what, got, want = m.put()
	case k < 9:
		what, got, want = m.mkdir()
	case k < 12:
		what, got, want = m.move()
	case k < 14:
		what, got, want = m.delete()
	case k < 16:
		what, got, want = m.restore()
	case k < 17:
		what, got, want = m.copy()
	case k < 18:
		what, got, want = m.restoreVersion()
	case k < 19:
		what, got, want = m.purge()
	default:
		what, got, want = m.session()
	}
	hit := m.After != nil && m.After()
	m.log = append(m.log, fmt.Sprintf("%s: %v", what, got))
	if hit && got != nil && (want == nil || !errors.Is(got, want)) {
		// It may have been done or not. Look, and go on from there.
		done := m.root
		for _, candidate := range []*modelNode{before, done, m.partial} {
			if m.root = candidate; candidate != nil && m.same() {
				if candidate == before {
					m.bin = binBefore
				}
				m.resync()
				return
			}
		}
		have := map[string]storage.Info{}
		err := m.actual("", have)
		m.failf("after a fault the tree is neither as before nor as after: %v, %v", slices.Sorted(maps.Keys(have)), err)
	}
	if !errors.Is(got, want) || want == nil && got != nil {
		m.failf("%s: got %v, want %v", what, got, want)
	}
	m.compare(before)
}

func (m *Model) put() (string, error, error) {
	path := m.path()
	n, parent := m.find(path)
	content := strings.Repeat(string(rune('a'+m.rnd.IntN(26))), m.rnd.IntN(50))
	var c storage.Conditions
	var want error
	switch {
	case n != nil && n.folder:
		want = storage.ErrConflict
	case n == nil:
		want = creatable(parent)
	}
	switch m.rnd.IntN(6) {
	case 0:
		c.IfNoneMatch = []string{"*"}
		if want == nil && n != nil {
			want = storage.ErrPrecondition
		}
	case 1:
		c.IfMatch = []string{"stale"}
		if want == nil {
			want = storage.ErrPrecondition
		}
	case 2:
		if n != nil && !n.folder {
			c.IfMatch = []string{n.etag}
		}
	}
	r, err := m.fs.Upload(m.ctx, m.ref(path), storage.UploadRequest{Length: int64(len(content)), Conditions: c}, strings.NewReader(content))
	if want == nil {
		if err == nil && (r.Created != (n == nil) || r.Info.Size != int64(len(content)) || n != nil && r.Info.ID.Node != n.id) {
			m.failf("put %s: %+v", path, r)
		}
		if n == nil {
			n = &modelNode{id: r.Info.ID.Node}
			parent.children[base(path)] = n
		} else {
			n.versions++
		}
		n.writes++
		n.content = content
	}
	return fmt.Sprintf("put %s %.3q×%d %+v", path, content, len(content), c), err, want
}

func (m *Model) mkdir() (string, error, error) {
	path := m.path()
	n, parent := m.find(path)
	want := creatable(parent)
	if n != nil {
		want = storage.ErrExists
	}
	i, err := m.fs.CreateFolder(m.ctx, m.ref(path), storage.Conditions{})
	if want == nil {
		parent.children[base(path)] = &modelNode{id: i.ID.Node, folder: true, children: map[string]*modelNode{}}
	}
	return "mkdir " + path, err, want
}

// inside tells whether a path is another or below it.
func inside(path, of string) bool { return path == of || strings.HasPrefix(path, of+"/") }

// arrive checks the target of a move, copy or restore and makes room.
func (m *Model) arrive(to string, overwrite bool) (parent *modelNode, want error) {
	n, parent := m.find(to)
	switch {
	case n == nil:
		return parent, creatable(parent)
	case !overwrite:
		return parent, storage.ErrExists
	}
	return parent, nil
}

// discard moves what is at a path to the trash.
func (m *Model) discard(path string) {
	n, parent := m.find(path)
	if n == nil {
		return
	}
	defer func() { m.partial = m.root.clone() }()
	delete(parent.children, base(path))
	m.bin = append(m.bin, deleted{n.id, path, n})
}

func (m *Model) move() (string, error, error) {
	from, to, overwrite := m.path(), m.path(), m.rnd.IntN(2) == 0
	n, parent := m.find(from)
	var dst *modelNode
	var want error
	switch {
	case n == nil:
		want = storage.ErrNotFound
	default:
		dst, want = m.arrive(to, overwrite)
		// Into itself, or onto what it is in: a conflict, unless there is no place anyway.
		if t, _ := m.find(to); (want == nil || errors.Is(want, storage.ErrExists)) && (inside(to, from) || t != nil && inside(from, to)) {
			want = storage.ErrConflict
		}
	}
	r, err := m.fs.Move(m.ctx, m.ref(from), m.ref(to), overwrite, storage.Conditions{})
	if want == nil {
		if err == nil && r.Info.ID.Node != n.id {
			m.failf("move %s: id %s, was %s", from, r.Info.ID.Node, n.id)
		}
		m.discard(to)
		delete(parent.children, base(from))
		dst.children[base(to)] = n
	}
	return fmt.Sprintf("move %s %s %v", from, to, overwrite), err, want
}

func (m *Model) copy() (string, error, error) {
	from, to := m.path(), m.path()
	n, _ := m.find(from)
	var dst *modelNode
	var want error
	if n != nil && n.folder && m.After != nil {
		return m.put() // a copy of a folder is many steps
	}
	if n == nil {
		want = storage.ErrNotFound
	} else {
		dst, want = m.arrive(to, false)
		if t, _ := m.find(to); (want == nil || errors.Is(want, storage.ErrExists)) && (inside(to, from) || t != nil && inside(from, to)) {
			want = storage.ErrConflict
		}
	}
	_, err := m.fs.Copy(m.ctx, m.ref(from), m.ref(to), false, true, storage.Conditions{})
	if want == nil {
		c := n.clone()
		forget(c)
		dst.children[base(to)] = c
	}
	return fmt.Sprintf("copy %s %s", from, to), err, want
}

// forget removes what copies do not have.
func forget(n *modelNode) {
	n.id, n.etag, n.versions = "", "", 0
	for _, c := range n.children {
		forget(c)
	}
}

func (m *Model) delete() (string, error, error) {
	path := m.path()
	n, _ := m.find(path)
	var want error
	if n == nil {
		want = storage.ErrNotFound
	}
	err := m.fs.Delete(m.ctx, m.ref(path), storage.Conditions{})
	if want == nil {
		m.discard(path)
	}
	return "delete " + path, err, want
}

func (m *Model) restore() (string, error, error) {
	if len(m.bin) == 0 {
		return m.put()
	}
	k := m.rnd.IntN(len(m.bin))
	d := m.bin[k]
	to, overwrite := d.path, m.rnd.IntN(3) == 0
	if m.rnd.IntN(3) == 0 {
		to = m.path()
	}
	parent, want := m.arrive(to, overwrite)
	r, err := m.fs.Restore(m.ctx, m.dir.ID, d.key, "", m.ref(to), overwrite, storage.Conditions{})
	if want == nil {
		if err == nil && r.Info.ID.Node != d.node.id {
			m.failf("restore %s: id %s, was %s", to, r.Info.ID.Node, d.node.id)
		}
		m.bin = slices.Delete(slices.Clone(m.bin), k, k+1)
		m.discard(to)
		parent.children[base(to)] = d.node
	}
	return fmt.Sprintf("restore %s to %s %v", d.path, to, overwrite), err, want
}

func (m *Model) purge() (string, error, error) {
	if len(m.bin) == 0 {
		return m.mkdir()
	}
	k := m.rnd.IntN(len(m.bin))
	d := m.bin[k]
	err := m.fs.Purge(m.ctx, m.dir.ID, d.key, "")
	m.bin = slices.Delete(slices.Clone(m.bin), k, k+1)
	return "purge " + d.path, err, nil
}

func (m *Model) restoreVersion() (string, error, error) {
	var files []*modelNode
	m.each(m.root, "", func(_ string, n *modelNode) {
		if !n.folder && n.versions > 0 && n.id != "" {
			files = append(files, n)
		}
	})
	if len(files) == 0 {
		return m.put()
	}
	slices.SortFunc(files, func(a, b *modelNode) int { return strings.Compare(a.id, b.id) })
	n := files[m.rnd.IntN(len(files))]
	id := m.dir.ID.WithNode(n.id)
	vs, err := m.fs.ListVersions(m.ctx, id)
	if err != nil {
		return "versions", err, nil
	}
	if len(vs) != n.versions {
		m.failf("%d versions, %v, want %d", len(vs), err, n.versions)
	}
	v := vs[m.rnd.IntN(len(vs))]
	c, err := m.fs.OpenVersion(m.ctx, id, v.Key)
	if err != nil {
		return "open version", err, nil
	}
	b, err := io.ReadAll(c)
	c.Close()
	if err != nil {
		return "read version", err, nil
	}
	_, err = m.fs.RestoreVersion(m.ctx, id, v.Key, storage.Conditions{})
	n.content = string(b)
	n.writes++
	return "restore version", err, nil
}

// session uploads in two parts.
func (m *Model) session() (string, error, error) {
	path := m.path()
	n, parent := m.find(path)
	want := creatable(parent)
	if n != nil {
		if want = nil; n.folder {
			want = storage.ErrConflict
		}
	}
	what := "session " + path
	s, err := m.fs.CreateUpload(m.ctx, m.ref(path), storage.UploadRequest{Length: 6})
	if err != nil || want != nil {
		return what, err, want
	}
	if _, err := m.fs.WriteUpload(m.ctx, s.ID, 0, nil, strings.NewReader("abc")); err != nil {
		return what, err, nil
	}
	s, err = m.fs.WriteUpload(m.ctx, s.ID, 3, nil, strings.NewReader("def"))
	if n == nil {
		n = &modelNode{}
		parent.children[base(path)] = n
	} else {
		n.versions++
	}
	n.content = "abcdef"
	n.writes++
	if err == nil && s.Result == nil {
		m.failf("%s did not end: %+v", what, s)
	}
	return what, err, nil
}

func (m *Model) each(n *modelNode, path string, f func(path string, n *modelNode)) {
	for _, name := range slices.Sorted(maps.Keys(n.children)) {
		p := strings.TrimPrefix(path+"/"+name, "/")
		f(p, n.children[name])
		m.each(n.children[name], p, f)
	}
}

// actual reads the tree of the storage.
func (m *Model) actual(path string, out map[string]storage.Info) error {
	self, children, err := m.fs.List(m.ctx, m.ref(path), storage.View{})
	if err != nil {
		return err
	}
	out[path] = self
	for i, err := range children {
		if err != nil {
			return err
		}
		p := strings.TrimPrefix(path+"/"+i.Name, "/")
		out[p] = i
		if i.IsFolder() {
			if err := m.actual(p, out); err != nil {
				return err
			}
		}
	}
	return nil
}

// same tells whether the storage has the tree of the model, content and all.
func (m *Model) same() bool {
	have := map[string]storage.Info{}
	if err := m.actual("", have); err != nil {
		m.failf("looking after a fault: %v", err)
	}
	n, equal := 1, true
	m.each(m.root, "", func(p string, x *modelNode) {
		n++
		i, ok := have[p]
		equal = equal && ok && i.IsFolder() == x.folder && i.Size == x.size() && (x.folder || m.read(p) == x.content)
	})
	return equal && n == len(have)
}

func (m *Model) read(path string) string {
	c, err := m.fs.Open(m.ctx, m.ref(path))
	if err != nil {
		return "error: " + err.Error()
	}
	defer c.Close()
	b, err := io.ReadAll(c)
	if err != nil {
		return "error: " + err.Error()
	}
	return string(b)
}

// resync takes ids, ETags and numbers of versions from the storage.
func (m *Model) resync() {
	have := map[string]storage.Info{}
	if err := m.actual("", have); err != nil {
		m.failf("looking after a fault: %v", err)
	}
	m.root.etag = have[""].ETag
	m.each(m.root, "", func(p string, x *modelNode) {
		x.id, x.etag = have[p].ID.Node, have[p].ETag
		if !x.folder {
			vs, err := m.fs.ListVersions(m.ctx, have[p].ID)
			if err != nil {
				m.failf("versions after a fault: %v", err)
			}
			x.versions = len(vs)
		}
	})
	m.bin = m.bin[:0:0] // what is in the trash after a fault is not looked into
}

// compare checks the storage against the model; before is the model before the step.
func (m *Model) compare(before *modelNode) {
	m.t.Helper()
	have := map[string]storage.Info{}
	if err := m.actual("", have); err != nil {
		m.failf("looking: %v", err)
	}
	was := map[string]*modelNode{}
	m.each(before, "", func(_ string, n *modelNode) { was[n.id] = n })
	n := 1
	anyChange := false
	m.each(m.root, "", func(p string, x *modelNode) {
		n++
		i, ok := have[p]
		if !ok || i.IsFolder() != x.folder {
			m.failf("%s is %+v", p, i)
		}
		if x.id == "" {
			x.id = i.ID.Node
		}
		if i.ID.Node != x.id {
			m.failf("%s has id %s, want %s", p, i.ID.Node, x.id)
		}
		if i.Size != x.size() {
			m.failf("%s has size %d, want %d", p, i.Size, x.size())
		}
		if !x.folder && x.etag != i.ETag {
			if got := m.read(p); got != x.content {
				m.failf("%s has %q, want %q", p, got, x.content)
			}
		}
		if old := was[x.id]; old != nil && old.etag != "" {
			if changed := !equalTrees(old, x); changed != (old.etag != i.ETag) {
				m.failf("%s: changed %v, but its ETag was %s and is %s", p, changed, old.etag, i.ETag)
			}
		}
		x.etag = i.ETag
	})
	if n != len(have) {
		m.failf("%d nodes are there, want %d: %v", len(have), n, slices.Sorted(maps.Keys(have)))
	}
	anyChange = !equalTrees(before, m.root)
	if before.etag != "" && anyChange && before.etag == have[""].ETag {
		m.failf("the folder of the model did not change its ETag")
	}
	if have[""].Size != m.root.size() {
		m.failf("the folder has size %d, want %d", have[""].Size, m.root.size())
	}
	m.root.etag = have[""].ETag
}

// equalTrees tells whether two states of a node are the same for a client: the same things in the same places.
func equalTrees(a, b *modelNode) bool {
	if a.folder != b.folder || a.content != b.content || a.writes != b.writes || len(a.children) != len(b.children) {
		return false
	}
	for name, x := range a.children {
		y := b.children[name]
		if y == nil || x.id != y.id || !equalTrees(x, y) {
			return false
		}
	}
	return true
}

// Sync lets the replica follow the changes, and compares it.
func (m *Model) Sync() {
	m.t.Helper()
	for {
		cs, next, more, err := m.fs.Changes(m.ctx, m.dir, m.token, 1+m.rnd.IntN(20))
		if errors.Is(err, storage.ErrSyncToken) && m.token != "" { // after a purge what was told may not be known any more
			clear(m.replica)
			m.token = ""
			continue
		}
		if err != nil {
			m.failf("changes: %v", err)
		}
		for _, c := range cs {
			if c.Removed {
				for p := range m.replica {
					if inside(p, c.Path) {
						delete(m.replica, p)
					}
				}
				continue
			}
			m.replica[c.Path] = stamp(&c.Info)
		}
		if m.token = next; !more {
			break
		}
	}
	have := map[string]storage.Info{}
	if err := m.actual("", have); err != nil {
		m.failf("looking: %v", err)
	}
	delete(have, "")
	want := map[string]string{}
	for p, i := range have {
		want[p] = stamp(&i)
	}
	if !maps.Equal(want, m.replica) {
		m.failf("the replica differs:\nwant %v\nhave %v", want, m.replica)
	}
}

func stamp(i *storage.Info) string {
	if i.Kind == resource.Folder {
		return "folder"
	}
	return i.ETag
}

// Sequences runs random sequences of steps, each in a folder of its own, and prints the seed. prepare (if not nil) may
// set the model's hooks.
func Sequences(t *testing.T, ctx context.Context, fs storage.FS, root resource.ID, seed uint64, count, steps int, prepare func(m *Model, rnd *rand.Rand)) {
	t.Helper()
	t.Logf("seed %d", seed)
	for k := range count {
		rnd := rand.New(rand.NewPCG(seed, uint64(k)))
		name := fmt.Sprintf("sequence %d-%d", seed, k)
		if _, err := fs.CreateFolder(ctx, storage.At(root, name), storage.Conditions{}); err != nil {
			t.Fatal(err)
		}
		m := NewModel(t, ctx, fs, storage.At(root, name), rnd)
		if prepare != nil {
			prepare(m, rnd)
		}
		for range steps {
			m.Step()
			if rnd.IntN(5) == 0 {
				m.Sync()
			}
			if t.Failed() {
				return
			}
		}
		m.Sync()
		if err := fs.Delete(ctx, storage.At(root, name), storage.Conditions{}); err != nil {
			t.Fatal(err)
		}
	}
}
