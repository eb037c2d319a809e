package model

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

// comparer watches both sides through a sequence.
type comparer struct {
	*pair
	tags      [2]map[resource.ID]string // ETags by node, of the real side and the model, as they were before
	followers []*follower
	now       *view
}

// follower is a client of Changes.
type follower struct {
	name    string
	ctx     context.Context
	tree    func(*view) map[string]told // what there is for it; nil: nothing may be asked
	replica map[string]told             // what it knows
	token   string
	first   string // its first token
}

// told is what a client of Changes knows of a path.
type told struct {
	id, etag string // folders: no ETag
	size     int64
}

// view is everything the manager can see of a space.
type view struct {
	lines []string // comparable between the sides, but for ids
	ids   []resource.ID
	tree  map[string]told
	etags map[resource.ID]string
	seen  [len(people)]map[string]told // by each of people; nil: the root is hidden
}

// look reads a whole space.
func look(s *side, contents bool) (*view, error) {
	v := &view{tree: map[string]told{}, etags: map[resource.ID]string{}}
	root, err := v.folder(s, s.at(""), "", contents)
	if err != nil {
		return nil, err
	}
	v.note(root, "")
	for who := range people {
		if err := v.visible(s, who, "", s.at("")); err != nil {
			return nil, err
		}
	}
	for _, p := range slices.Sorted(maps.Keys(v.tree)) {
		i, err := s.fs.Stat(s.ctx[len(people)-1], s.at(p), storage.View{})
		v.add(resource.ID{}, "the stranger finds %q: %s may=%x", p, class(err), i.Permissions)
	}
	items, err := trashOf(s, "", "")
	if err != nil {
		return nil, fmt.Errorf("list the trash: %w", err)
	}
	for _, i := range items {
		if err := v.trashed(s, i); err != nil {
			return nil, err
		}
	}
	q, err := s.fs.Quota(s.see, s.root)
	if err != nil {
		return nil, err
	}
	v.add(resource.ID{}, "used %d", q.Used)
	return v, nil
}

func (v *view) add(id resource.ID, format string, args ...any) {
	v.lines = append(v.lines, fmt.Sprintf(format, args...))
	v.ids = append(v.ids, id)
}

// note adds what a node is.
func (v *view) note(i storage.Info, path string) {
	v.etags[i.ID] = i.ETag
	props := ""
	for _, p := range i.Props {
		props += p.Name + "=" + p.Value + " "
	}
	locks := ""
	for _, l := range i.Locks {
		locks += fmt.Sprintf("%s/%v/%v ", l.RootPath, l.Shared, l.Infinite)
	}
	v.add(i.ID, "%q %v %d tags=%v props=%s locks=%s fav=%v shared=%v path=%q may=%x sums=%x mime=%s", path, i.Kind, i.Size, i.Tags, props, locks, i.Favorite, i.Shared, i.Path,
		i.Permissions, i.Checksums, i.MIME)
}

func (v *view) folder(s *side, ref storage.Ref, path string, contents bool) (storage.Info, error) {
	self, children, err := s.fs.List(s.see, ref, storage.View{Props: true, Path: true})
	if err != nil {
		return self, fmt.Errorf("list %q: %w", path, err)
	}
	sum := int64(0)
	for i, err := range children {
		if err != nil {
			return self, fmt.Errorf("list %q: %w", path, err)
		}
		p := strings.TrimPrefix(path+"/"+i.Name, "/")
		sum += i.Size
		if i.IsFolder() {
			again, err := v.folder(s, storage.At(i.ID, ""), p, contents)
			if err != nil {
				return self, err
			}
			if again.ETag != i.ETag || again.Size != i.Size {
				return self, fmt.Errorf("%q is %s with %d bytes in the listing, %s with %d by itself", p, i.ETag, i.Size, again.ETag, again.Size)
			}
			v.tree[p] = told{id: i.ID.String()}
		} else {
			v.tree[p] = told{i.ID.String(), i.ETag, i.Size}
			if err := v.file(s, i, p, contents); err != nil {
				return self, err
			}
		}
		v.note(i, p)
	}
	if self.Size != sum {
		return self, fmt.Errorf("%q has %d bytes, what is in it %d", path, self.Size, sum)
	}
	return self, nil
}

// file adds versions and, if wanted, contents.
func (v *view) file(s *side, i storage.Info, path string, contents bool) error {
	vs, err := s.fs.ListVersions(s.see, i.ID)
	if err != nil {
		return fmt.Errorf("versions of %q: %w", path, err)
	}
	for k, ver := range vs {
		v.add(resource.ID{}, "%q version %d: %d bytes", path, k, ver.Size)
		if !contents {
			continue
		}
		text, err := read(s.fs.OpenVersion(s.see, i.ID, ver.Key))
		if err != nil {
			return fmt.Errorf("version %d of %q: %w", k, path, err)
		}
		v.add(resource.ID{}, "%q version %d: %s", path, k, text)
	}
	if !contents {
		return nil
	}
	text, err := read(s.fs.Open(s.see, storage.At(i.ID, "")))
	if err != nil {
		return fmt.Errorf("open %q: %w", path, err)
	}
	v.add(resource.ID{}, "%q: %s", path, text)
	return nil
}

// read returns length and beginning of a content.
func read(c *storage.Content, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer c.Close()
	b, err := io.ReadAll(c)
	if err == nil && int64(len(b)) != c.Info.Size {
		err = fmt.Errorf("%d bytes instead of %d", len(b), c.Info.Size)
	}
	if len(b) > 0 && strings.Trim(string(b), string(b[:1])) != "" {
		err = fmt.Errorf("a mixture of contents: %.100q", b)
	}
	return fmt.Sprintf("%d × %.1s", len(b), b), err
}

// visible adds what somebody else sees, by names and rights.
func (v *view) visible(s *side, who int, path string, ref storage.Ref) error {
	self, children, err := s.fs.List(s.ctx[who], ref, storage.View{})
	v.add(resource.ID{}, "%s sees %q: %s may=%x", people[who], path, class(err), self.Permissions)
	if err != nil {
		return nil
	}
	if v.seen[who] == nil {
		v.seen[who] = map[string]told{}
	}
	var folders []storage.Info
	for i, err := range children {
		if err != nil {
			return err
		}
		v.add(resource.ID{}, "%s sees %q may=%x", people[who], path+"/"+i.Name, i.Permissions)
		if i.IsFolder() {
			folders = append(folders, i)
			v.seen[who][(path + "/" + i.Name)[1:]] = told{id: i.ID.String()}
		} else {
			v.seen[who][(path + "/" + i.Name)[1:]] = told{i.ID.String(), i.ETag, i.Size}
		}
	}
	for _, i := range folders {
		if err := v.visible(s, who, path+"/"+i.Name, storage.At(i.ID, "")); err != nil {
			return err
		}
	}
	return nil
}

func (v *view) trashed(s *side, i storage.TrashItem) error {
	v.add(i.ID, "trash %q was %q in %q: %v %d bytes", i.Name, i.OriginalPath, i.Path, i.Kind, i.Size)
	if i.Kind != resource.Folder {
		return nil
	}
	items, err := trashOf(s, i.Key, i.Path)
	if err != nil {
		return fmt.Errorf("list %q in the trash: %w", i.OriginalPath, err)
	}
	for _, c := range items {
		if err := v.trashed(s, c); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparer) begin() error {
	for k, s := range []*side{c.real, c.model} {
		v, err := look(s, false)
		if err != nil {
			return err
		}
		c.tags[k] = v.etags
	}
	c.followers = []*follower{
		{name: "everybody's follower", ctx: c.real.see, tree: func(v *view) map[string]told { return v.tree }},
		{name: "the editor's follower", ctx: c.real.ctx[1], tree: func(v *view) map[string]told { return v.seen[1] }},
	}
	for _, f := range c.followers {
		_, token, _, err := c.real.fs.Changes(f.ctx, c.real.at(""), "", 0)
		if err != nil {
			return err
		}
		f.replica, f.token, f.first = map[string]told{}, token, token
	}
	return nil
}

// same checks that an id of the real side stands for one of the model.
func (c *comparer) same(r, m resource.ID) error {
	if old, ok := c.ids[r]; ok && old != m {
		return fmt.Errorf("the node %s is not the one it should be", r)
	}
	c.ids[r] = m
	return nil
}

// answers compares what an operation gave.
func (c *comparer) answers(got, want answer) error {
	if g, w := class(got.err), class(want.err); g != w {
		return fmt.Errorf("got %q (%v), want %q (%v)", g, got.err, w, want.err)
	}
	if got.created != want.created {
		return fmt.Errorf("created is %v, want %v", got.created, want.created)
	}
	if got.content != want.content {
		return fmt.Errorf("read %s, want %s", got.content, want.content)
	}
	if got.info == nil || want.info == nil {
		return nil
	}
	g, w := got.info, want.info
	if g.Name != w.Name || g.Kind != w.Kind || g.Size != w.Size {
		return fmt.Errorf("result is %q %v %d, want %q %v %d", g.Name, g.Kind, g.Size, w.Name, w.Kind, w.Size)
	}
	if g.ETag != "" {
		i, err := c.real.fs.Stat(c.real.see, storage.At(g.ID, ""), storage.View{})
		if err != nil || i.ETag != g.ETag || !i.MTime.Equal(g.MTime) || i.Size != g.Size {
			return fmt.Errorf("result is %s of %v with %d bytes, but then it is %s of %v with %d bytes, %v", g.ETag, g.MTime, g.Size, i.ETag, i.MTime, i.Size, err)
		}
	}
	return c.same(g.ID, w.ID)
}

// trees compares everything that can be seen, and which ETags changed.
func (c *comparer) trees() error { return c.compare(false) }

func (c *comparer) compare(contents bool) error {
	got, err := look(c.real, contents)
	if err != nil {
		return err
	}
	want, err := look(c.model, contents)
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	c.now = got
	for i := range max(len(got.lines), len(want.lines)) {
		if i >= len(got.lines) || i >= len(want.lines) || got.lines[i] != want.lines[i] {
			return fmt.Errorf("seen\n  %s\nwant\n  %s", line(got, i), line(want, i))
		}
		if err := c.same(got.ids[i], want.ids[i]); err != nil {
			return fmt.Errorf("%s: %w", got.lines[i], err)
		}
	}
	before := c.tags
	c.tags = [2]map[resource.ID]string{got.etags, want.etags}
	for i, id := range got.ids {
		was, ok := before[0][id]
		model := c.ids[id]
		wasModel, okModel := before[1][model]
		if !ok || !okModel {
			continue
		}
		changed, should := was != got.etags[id], wasModel != want.etags[model]
		if got.etags[id] == "" { // in the trash now
			continue
		}
		if changed != should {
			return fmt.Errorf("the ETag changed: %v, should: %v (%s, then %s)\n  %s", changed, should, was, got.etags[id], got.lines[i])
		}
	}
	return nil
}

func line(v *view, i int) string {
	if i >= len(v.lines) {
		return "nothing"
	}
	return v.lines[i]
}

// sync brings the replicas up to date through Changes, in pieces, and compares them.
func (c *comparer) sync(limit int) error {
	for _, f := range c.followers {
		want := f.tree(c.now)
		if want == nil {
			continue
		}
		var err error
		if f.token, err = f.replay(c.real, f.replica, f.token, limit); err != nil {
			return err
		}
		if err := sameTree(f.name, f.replica, want); err != nil {
			return err
		}
	}
	return nil
}

// replay applies all changes after a token to a replica, as a client does.
func (f *follower) replay(s *side, replica map[string]told, token string, limit int) (string, error) {
	for range 10_000 {
		changes, next, more, err := s.fs.Changes(f.ctx, s.at(""), token, limit)
		if errors.Is(err, storage.ErrSyncToken) && token != "" {
			clear(replica) // it begins anew
			token = ""
			continue
		}
		if err != nil {
			return "", fmt.Errorf("changes for %s: %w", f.name, err)
		}
		for _, ch := range changes {
			if ch.Removed {
				removeTree(replica, ch.Path)
				continue
			}
			if !ch.Info.IsFolder() {
				removeTree(replica, ch.Path)
				replica[ch.Path] = told{ch.Info.ID.String(), ch.Info.ETag, ch.Info.Size}
			} else {
				replica[ch.Path] = told{id: ch.Info.ID.String()}
			}
		}
		token = next
		if !more {
			return token, nil
		}
	}
	return "", fmt.Errorf("changes for %s never end", f.name)
}

func removeTree(replica map[string]told, path string) {
	maps.DeleteFunc(replica, func(p string, _ told) bool { return p == path || strings.HasPrefix(p, path+"/") })
}

func sameTree(who string, got, want map[string]told) error {
	for _, p := range slices.Sorted(maps.Keys(want)) {
		if g, ok := got[p]; !ok || g != want[p] {
			return fmt.Errorf("%s has %+v for %q, want %+v", who, g, p, want[p])
		}
	}
	for _, p := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[p]; !ok {
			return fmt.Errorf("%s still has %q", who, p)
		}
	}
	return nil
}

// end compares contents too, and what clients know that follow the changes from the beginning, or begin now.
func (c *comparer) end() error {
	if err := c.compare(true); err != nil {
		return err
	}
	if err := c.sync(3); err != nil {
		return err
	}
	for _, f := range c.followers {
		want := f.tree(c.now)
		if want == nil {
			continue
		}
		for limit, token := range map[int]string{100: f.first, 1: "", 2: "", 5: ""} {
			replica := map[string]told{}
			if _, err := f.replay(c.real, replica, token, limit); err != nil {
				return err
			}
			if err := sameTree(fmt.Sprintf("%s, anew, %d at once,", f.name, limit), replica, want); err != nil {
				return err
			}
		}
	}
	return nil
}
