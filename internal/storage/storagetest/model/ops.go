package model

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"opencloud/internal/permission"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// kind of an operation.
type kind int

const (
	put kind = iota
	mkdir
	move
	copyTo
	remove
	restore
	restoreInside
	purge
	restoreVersion
	patchProps
	setMTime
	addTag
	removeTag
	favorite
	lock
	unlock
	session
	grant
	revoke
	drop
	get
	kinds
)

var kindNames = [...]string{"put", "mkdir", "move", "copy", "delete", "restore", "restoreInside", "purge", "restoreVersion", "patchProps", "setMTime", "addTag", "removeTag",
	"favorite", "lock", "unlock", "session", "grant", "revoke", "drop", "get"}

// often is how often a kind comes, in relation to the others.
var often = [kinds]int{put: 14, mkdir: 8, move: 10, copyTo: 6, remove: 8, restore: 6, restoreInside: 2, purge: 2, restoreVersion: 4, patchProps: 3, setMTime: 2,
	addTag: 2, removeTag: 1, favorite: 2, lock: 3, unlock: 2, session: 4, grant: 3, revoke: 1, drop: 2, get: 2}

// condition of an operation.
type condition int

const (
	always    condition = iota
	ifNew               // If-None-Match: *
	ifCurrent           // If-Match with the ETag that the target has now
	ifStale             // If-Match with another
	conditions
)

// op is one operation; it means the same on both sides.
type op struct {
	kind      kind
	who       int // index of people
	path, to  string
	byID      bool // the first name of path is given as an id
	overwrite bool
	deep      bool
	cond      condition
	n         int    // which of several, size of content, …
	match     string // an ETag for If-Match
	sync      int    // 0, or the most changes that a client asks for at once after it
}

func (o op) String() string {
	s := fmt.Sprintf("%s: %s %q", people[o.who], kindNames[o.kind], o.path)
	if o.to != "" {
		s += fmt.Sprintf(" → %q", o.to)
	}
	return s + fmt.Sprintf(" byID=%v overwrite=%v deep=%v cond=%d n=%d sync=%d", o.byID, o.overwrite, o.deep, o.cond, o.n, o.sync)
}

func randomPath(r *rand.Rand) string {
	names := []string{"a", "b", "c.txt"}
	p := names[r.IntN(3)]
	for r.IntN(2) == 0 && strings.Count(p, "/") < 3 {
		p += "/" + names[r.IntN(3)]
	}
	return p
}

func randomOp(r *rand.Rand) op {
	o := op{path: randomPath(r), overwrite: r.IntN(2) == 0, deep: r.IntN(4) > 0, n: r.IntN(40), byID: r.IntN(4) == 0}
	sum := 0
	for _, n := range often {
		sum += n
	}
	for pick := r.IntN(sum); ; o.kind++ {
		if pick -= often[o.kind]; pick < 0 {
			break
		}
	}
	switch o.kind {
	case move, copyTo, restore, restoreInside:
		o.to = randomPath(r)
	}
	switch r.IntN(10) {
	case 0, 1:
		o.who = 1
	case 2:
		o.who = 2 + r.IntN(2)
	}
	if r.IntN(6) == 0 {
		o.sync = 1 + r.IntN(5)
	}
	if r.IntN(6) == 0 {
		o.cond = condition(r.IntN(int(conditions)))
	}
	return o
}

// answer is what an operation gave.
type answer struct {
	err     error
	created bool
	info    *storage.Info
	content string
}

// class names the kind of an error.
func class(err error) string {
	if err == nil {
		return ""
	}
	for _, e := range []error{storage.ErrParentMissing, storage.ErrNotFound, storage.ErrForbidden, storage.ErrExists, storage.ErrConflict, storage.ErrPrecondition, storage.ErrLocked,
		storage.ErrQuota, storage.ErrInvalid, storage.ErrChecksum, storage.ErrLength, storage.ErrOffset, storage.ErrCrossSpace, storage.ErrUnavailable} {
		if errors.Is(err, e) {
			return e.Error()
		}
	}
	return "other error: " + err.Error()
}

// ref names a path, perhaps beginning at the id of its first name.
func (o op) ref(s *side, path string) storage.Ref {
	if !o.byID {
		return s.at(path)
	}
	first, rest, _ := strings.Cut(path, "/")
	i, err := s.fs.Stat(s.see, s.at(first), storage.View{})
	if err != nil {
		return s.at(path)
	}
	return storage.At(i.ID, rest)
}

func (o op) conditions(s *side) storage.Conditions {
	c := storage.Conditions{}
	switch o.cond {
	case ifNew:
		c.IfNoneMatch = []string{"*"}
	case ifStale:
		c.IfMatch = []string{"stale"}
	case ifCurrent:
		c.IfMatch = []string{"none"}
		if i, err := s.fs.Stat(s.see, s.at(o.path), storage.View{}); err == nil {
			c.IfMatch = []string{i.ETag}
		}
	}
	if o.match != "" {
		c.IfMatch = []string{o.match}
	}
	if o.n%2 == 0 {
		c.LockTokens = []string{token}
	}
	return c
}

// token is that of all locks.
const token = "opaquelocktoken:model"

func (o op) content() string { return strings.Repeat(string(rune('a'+o.n%26)), o.n%7*o.n) }

func result(r storage.Result, err error) answer {
	if err != nil {
		return answer{err: err}
	}
	return answer{created: r.Created, info: &r.Info}
}

func described(i storage.Info, err error) answer {
	if err != nil {
		return answer{err: err}
	}
	return answer{info: &i}
}

// apply runs the operation on one side.
func (o op) apply(s *side) answer {
	ctx, fs, ref, c := s.ctx[o.who], s.fs, o.ref(s, o.path), o.conditions(s)
	switch o.kind {
	case put, drop:
		content := o.content()
		r := storage.UploadRequest{Length: int64(len(content)), Conditions: c, AutoRename: o.kind == drop}
		if o.deep && o.overwrite {
			r.Length = -1
		}
		return result(fs.Upload(ctx, ref, r, strings.NewReader(content)))
	case get:
		content, err := read(fs.Open(ctx, ref))
		return answer{err: err, content: content}
	case mkdir:
		return described(fs.CreateFolder(ctx, ref, c))
	case move:
		return result(fs.Move(ctx, ref, s.at(o.to), o.overwrite, c))
	case copyTo:
		return result(fs.Copy(ctx, ref, s.at(o.to), o.overwrite, o.deep, c))
	case remove:
		return answer{err: fs.Delete(ctx, ref, c)}
	case restore, restoreInside, purge:
		return o.applyTrash(s, c)
	case restoreVersion:
		return o.applyVersion(s, c)
	case session:
		return o.applySession(s, c)
	case grant, revoke:
		return o.applyGrant(s)
	case lock, unlock:
		return o.applyLock(s, c)
	}
	return o.applyMeta(s, ref, c)
}

// item picks something in the trash.
func (o op) item(s *side) (string, []storage.TrashItem, error) {
	if s.keys != nil {
		return s.keys[o.n%len(s.keys)], nil, nil
	}
	items, err := trashOf(s, "", "")
	if err != nil || len(items) == 0 {
		return "none", nil, err
	}
	key := items[o.n%len(items)].Key
	inside, err := trashOf(s, key, "")
	return key, inside, err
}

func trashOf(s *side, key, path string) (out []storage.TrashItem, err error) {
	items, err := s.fs.ListTrash(s.see, s.root, key, path)
	if err != nil {
		return nil, err
	}
	for i, err := range items {
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

func (o op) applyTrash(s *side, c storage.Conditions) answer {
	key, inside, err := o.item(s)
	if err != nil {
		return answer{err: err}
	}
	rel := ""
	if len(inside) > 0 && (o.kind == restoreInside || o.kind == purge && o.deep) {
		rel = inside[o.n%len(inside)].Path
	}
	if o.kind == purge {
		if !o.deep && o.n%8 == 0 {
			key = "" // everything
		}
		return answer{err: s.fs.Purge(s.ctx[o.who], s.root, key, rel)}
	}
	var dst storage.Ref
	if o.kind == restoreInside || o.n%3 == 0 {
		dst = s.at(o.to)
	}
	return result(s.fs.Restore(s.ctx[o.who], s.root, key, rel, dst, o.overwrite, storage.Conditions{LockTokens: c.LockTokens}))
}

func (o op) applyVersion(s *side, c storage.Conditions) answer {
	i, err := s.fs.Stat(s.see, s.at(o.path), storage.View{})
	if err != nil {
		return answer{err: err}
	}
	key := "none"
	if vs, err := s.fs.ListVersions(s.see, i.ID); err == nil && len(vs) > 0 {
		key = vs[o.n%len(vs)].Key
	}
	return described(s.fs.RestoreVersion(s.ctx[o.who], i.ID, key, c))
}

func (o op) applySession(s *side, c storage.Conditions) answer {
	content := o.content()
	r := storage.UploadRequest{Length: int64(len(content)), Conditions: c, MakeParents: o.deep, AutoRename: o.n%5 == 0}
	u, err := s.fs.CreateUpload(s.ctx[o.who], s.at(o.path), r)
	if err != nil {
		return answer{err: err}
	}
	half := len(content) / 2
	if half > 0 {
		if u, err = s.fs.WriteUpload(s.ctx[o.who], u.ID, 0, nil, strings.NewReader(content[:half])); err != nil {
			return answer{err: err}
		}
	}
	if u, err = s.fs.WriteUpload(s.ctx[o.who], u.ID, int64(half), nil, strings.NewReader(content[half:])); err != nil {
		return answer{err: err}
	}
	if u.Result == nil {
		return answer{err: errors.New("the upload is complete, but not finished")}
	}
	return result(*u.Result, nil)
}

func (o op) applyGrant(s *side) answer {
	if o.kind == revoke {
		return answer{err: s.fs.RemoveGrant(s.ctx[o.who], o.ref(s, o.path), space.UserGrantee, people[o.n%4])}
	}
	sets := []permission.Set{permission.Viewer, permission.Editor, permission.Uploader, permission.None, permission.Manager}
	return answer{err: s.fs.SetGrant(s.ctx[o.who], o.ref(s, o.path), space.Grant{Kind: space.UserGrantee, Grantee: people[o.n%4], Permissions: sets[o.n%5]})}
}

func (o op) applyLock(s *side, c storage.Conditions) answer {
	ref := o.ref(s, o.path)
	if o.kind == unlock {
		return answer{err: s.fs.Unlock(s.ctx[o.who], ref, token)}
	}
	l, created, err := s.fs.Lock(s.ctx[o.who], ref, storage.LockRequest{Token: token, Shared: o.overwrite, Infinite: o.deep, Timeout: time.Hour}, storage.Conditions{LockTokens: c.LockTokens})
	if err != nil {
		return answer{err: err}
	}
	return answer{created: created, info: &storage.Info{ID: l.Root, Name: l.RootPath}}
}

func (o op) applyMeta(s *side, ref storage.Ref, c storage.Conditions) answer {
	ctx := s.ctx[o.who]
	switch o.kind {
	case patchProps:
		p := storage.PropPatch{Prop: storage.Prop{Namespace: "urn:x", Name: string(rune('a' + o.n%3)), Value: fmt.Sprint(o.n)}, Remove: o.n%4 == 0}
		return answer{err: s.fs.PatchProps(ctx, ref, []storage.PropPatch{p}, c)}
	case setMTime:
		return answer{err: s.fs.SetMTime(ctx, ref, time.Unix(1_500_000_000+int64(o.n), 0), c)}
	case addTag:
		return answer{err: s.fs.AddTags(ctx, ref, []string{string(rune('a' + o.n%3))})}
	case removeTag:
		return answer{err: s.fs.RemoveTags(ctx, ref, []string{string(rune('a' + o.n%3))})}
	}
	return answer{err: s.fs.SetFavorite(ctx, ref, o.overwrite)}
}
