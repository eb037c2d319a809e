package posix

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/posix/scan"
	"opencloud/internal/storage/tree"
)

// staged is content that is complete and durable, but not in the tree yet.
type staged struct {
	path  string // relative to the storage's root
	id    string // node id that its attribute has, if any
	size  int64
	mtime int64
	ino   uint64
	sums  tree.Sums
	// version is what the content is in the index now, when it is a version that is restored.
	version *tree.Version
	// reused tells that id is that of a node which was there when the upload began.
	reused bool
}

// drop removes what did not get into the tree.
func (f *FS) drop(path string) {
	if err := f.disk.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.log.Warn("staged file cannot be removed", "err", err)
	}
}

// Upload implements storage.Writer.
func (f *FS) Upload(ctx context.Context, ref storage.Ref, r storage.UploadRequest, body io.Reader) (storage.Result, error) {
	t, err := f.uploadTarget(ctx, ref, &r)
	if err != nil {
		return storage.Result{}, err
	}
	st, err := f.stage(ctx, t, &r, body)
	if err != nil {
		return storage.Result{}, translate(err)
	}
	res, err := f.finish(ctx, t, &r, st)
	if err != nil {
		f.drop(st.path)
	}
	return res, err
}

// target is where an upload goes, as it was when it began.
type target struct {
	ref    storage.Ref
	space  *tree.Space
	old    *place // what is replaced; nil: nothing
	parent *place // where something new comes; nil if that is not known yet
	seen   time.Time
}

// key names the place for turns.
func (t *target) key() string {
	switch {
	case t.old != nil:
		return t.old.node().Parent + "/" + t.old.node().Name
	case t.parent != nil:
		return t.parent.node().ID + "/" + path.Base(t.ref.Path)
	}
	return t.ref.ID.Node + "/" + t.ref.Path
}

// uploadTarget checks early what can be checked before content arrives; finish checks it again.
func (f *FS) uploadTarget(ctx context.Context, ref storage.Ref, r *storage.UploadRequest) (*target, error) {
	t := &target{ref: ref, seen: time.Now()}
	p, parent, err := f.lookup(ctx, ref)
	switch {
	case err == nil:
		if p.node().IsFolder() && (!r.AutoRename || ref.Path == "") {
			return nil, fmt.Errorf("%w: there is a folder of that name", storage.ErrConflict)
		}
		if r.AutoRename && ref.Path != "" {
			parent, err = f.found(ctx, parentOf(ref))
			if err != nil {
				return nil, parentError(err)
			}
			break
		}
		if err := p.need(permission.Upload); err != nil {
			return nil, err
		}
		t.space, t.old = p.space, p
		return t, f.mayReplace(ctx, p, r)
	case errors.Is(err, storage.ErrParentMissing) && r.MakeParents:
		t.space, err = f.mayMakeParents(ctx, ref, r)
		return t, err
	case parent == nil || ref.Path == "":
		return nil, err
	}
	t.space, t.parent = parent.space, parent
	if err := f.mayCreate(parent, path.Base(ref.Path), permission.Upload); err != nil {
		return nil, err
	}
	if err := check(&r.Conditions, nil); err != nil {
		return nil, err
	}
	return t, f.fits(parent.chain.Root(), parent.space, r.Length)
}

func (f *FS) mayReplace(ctx context.Context, p *place, r *storage.UploadRequest) error {
	if err := check(&r.Conditions, p.node()); err != nil {
		return err
	}
	if err := f.read(ctx, func(rd db.Reader) error { return f.guard(ctx, rd, p.chain, r.Conditions.LockTokens, false) }); err != nil {
		return err
	}
	return f.fits(p.chain.Root(), p.space, r.Length-p.node().Size)
}

// mayCreate checks name and rights for something new in a folder.
func (f *FS) mayCreate(parent *place, name string, want permission.Set) error {
	if !parent.node().IsFolder() {
		return fmt.Errorf("%w: the parent is a file", storage.ErrParentMissing)
	}
	if err := parent.need(want); err != nil {
		return err
	}
	return newName(name, len(parent.chain) == 1)
}

func parentOf(ref storage.Ref) storage.Ref {
	if i := strings.LastIndexByte(ref.Path, '/'); i >= 0 {
		return storage.At(ref.ID, ref.Path[:i])
	}
	return storage.At(ref.ID, "")
}

func parentError(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("%w (%w)", storage.ErrParentMissing, err)
	}
	return err
}

// fits checks quota and free space for delta more bytes.
func (f *FS) fits(root *tree.Node, sp *tree.Space, delta int64) error {
	if sp.Quota > 0 && delta > 0 && root.Size+delta > sp.Quota {
		return storage.ErrQuota
	}
	if delta > 16<<20 {
		if free, _, err := f.disk.Free(); err == nil && free < delta {
			return fmt.Errorf("%w: the disk is full", storage.ErrQuota)
		}
	}
	return nil
}

func (f *FS) stagingPath(sp *tree.Space, id string) string { return sp.Dir + "/.oc-tmp/" + id }

// stage receives content into a staged file.
func (f *FS) stage(ctx context.Context, t *target, r *storage.UploadRequest, body io.Reader) (st staged, err error) {
	st = staged{path: f.stagingPath(t.space, uuid.NewString())}
	file, err := f.disk.Create(st.path)
	if err != nil {
		return st, err
	}
	defer func() {
		if err != nil {
			file.Close()
			f.drop(st.path)
		}
	}()
	h := newHasher()
	limit := r.Length
	if limit < 0 && t.space.Quota > 0 {
		limit = t.space.Quota // a stream of unknown length cannot be longer than this
	}
	if err = f.receive(ctx, file, h, body, r.Length, limit); err != nil {
		return st, err
	}
	if r.Length >= 0 && h.n != r.Length {
		return st, fmt.Errorf("%w: %d bytes instead of %d", storage.ErrLength, h.n, r.Length)
	}
	return st, f.seal(file, h.result(), r, t, &st)
}

// receive copies a stream into a file while hashing it; more than limit bytes (-1: no limit) are refused.
func (f *FS) receive(ctx context.Context, file disk.File, h *hasher, body io.Reader, length, limit int64) error {
	buf, put := uploadBuffers.get(length)
	defer put()
	for {
		n, err := readFull(body, *buf)
		if limit >= 0 && h.n+int64(n) > limit {
			if length < 0 {
				return storage.ErrQuota
			}
			return fmt.Errorf("%w: more than %d bytes", storage.ErrLength, length)
		}
		if n > 0 {
			if _, err := file.Write((*buf)[:n]); err != nil {
				return err
			}
			h.Write((*buf)[:n])
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("%w: the body broke off: %w", storage.ErrLength, err)
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// uploadBuffers is shared by all storages of the process; it holds no state but memory.
var uploadBuffers buffers

// seal checks and labels a complete file and makes it durable. It closes the file.
func (f *FS) seal(file disk.File, sums tree.Sums, r *storage.UploadRequest, t *target, st *staged) error {
	if err := verify(r.Checksum, sums); err != nil {
		return err
	}
	st.sums = sums
	st.id = newID()
	if t.old != nil {
		st.id, st.reused = t.old.node().ID, true
	}
	if !f.noXattr {
		if err := file.SetXattr(scan.IDAttr, st.id); err != nil && !errors.Is(err, disk.ErrNoXattr) {
			return err
		}
	}
	if !r.MTime.IsZero() {
		if err := file.SetMTime(r.MTime.UnixNano()); err != nil {
			return err
		}
	}
	s, err := file.Stat()
	if err != nil {
		return err
	}
	st.size, st.mtime, st.ino = s.Size, s.MTime, s.Ino
	if err := file.Sync(); err != nil {
		return err
	}
	return file.Close()
}

// errStale tells that the tree changed since it was looked at: look again.
var errStale = errors.New("posix: stale")

// freshness is how long what was found before the content arrived is good for a first try.
const freshness = time.Second

// finish puts staged content into the tree.
func (f *FS) finish(ctx context.Context, t *target, r *storage.UploadRequest, st staged) (storage.Result, error) {
	// Without turns, racing writers of one file would make each other begin anew until they give up.
	defer f.turns.take(t.key())()
	for try := range tries {
		if try > 0 || r.AutoRename || t.old == nil && t.parent == nil || time.Since(t.seen) > freshness {
			if err := f.retarget(ctx, t, r); err != nil {
				return storage.Result{}, err
			}
		}
		res, err := f.putIn(ctx, t, r, &st)
		if !errors.Is(err, errStale) {
			return res, err
		}
	}
	return storage.Result{}, fmt.Errorf("%w: the target changes all the time", storage.ErrUnavailable)
}

// retarget looks anew where an upload goes.
func (f *FS) retarget(ctx context.Context, t *target, r *storage.UploadRequest) error {
	old, parent, err := f.lookup(ctx, t.ref)
	switch {
	case err == nil && r.AutoRename && t.ref.Path != "":
		name, err := f.freeName(ctx, t.ref)
		if err != nil {
			return err
		}
		ref := parentOf(t.ref)
		t.ref = storage.At(ref.ID, strings.TrimPrefix(ref.Path+"/"+name, "/"))
		return f.retarget(ctx, t, r)
	case err == nil && old.node().IsFolder():
		return fmt.Errorf("%w: there is a folder of that name", storage.ErrConflict)
	case errors.Is(err, storage.ErrParentMissing) && r.MakeParents:
		if err := f.makeParents(ctx, t.ref, r.Conditions.LockTokens); err != nil {
			return err
		}
		return f.retarget(ctx, t, r)
	case err != nil && parent == nil:
		return err
	}
	t.old, t.parent, t.seen = old, parent, time.Now()
	return nil
}

// putIn is one try of finish: the index is changed if it still is as it was seen.
func (f *FS) putIn(ctx context.Context, t *target, r *storage.UploadRequest, st *staged) (res storage.Result, err error) {
	if err := f.relabel(t.old, st); err != nil {
		return res, err
	}
	err = f.write(ctx, func(tx db.Tx) error {
		var err error
		if t.old != nil {
			res, err = f.overwrite(ctx, tx, t.old, r, *st)
		} else {
			res, err = f.create(ctx, tx, t.parent, path.Base(t.ref.Path), r, *st)
		}
		return err
	})
	return res, err
}

// relabel gives staged content the id it needs now, when the target came or went since the upload began.
func (f *FS) relabel(old *place, st *staged) error {
	id := st.id
	if old != nil {
		id = old.node().ID
	} else if st.reused {
		id = newID()
	}
	if id == st.id {
		return nil
	}
	st.id, st.reused = id, old != nil
	if err := f.disk.SetXattr(st.path, scan.IDAttr, id); err != nil && !errors.Is(err, disk.ErrNoXattr) {
		return err
	}
	return nil
}

// again reads a place anew inside a transaction; it must not have moved.
func (f *FS) again(ctx context.Context, tx db.Tx, p *place) (*place, error) {
	n, err := tree.ByID(ctx, tx, p.node().ID)
	if errors.Is(err, tree.ErrNotFound) {
		return nil, errStale
	}
	if err != nil {
		return nil, err
	}
	c, err := tree.Up(ctx, tx, n)
	if errors.Is(err, tree.ErrNotFound) || err == nil && c.Path() != p.chain.Path() {
		return nil, errStale
	}
	if err != nil {
		return nil, err
	}
	sp, err := f.space(f.id(n.Space, n.ID))
	if err != nil {
		return nil, err
	}
	return f.allow(ctx, tx, sp, c)
}

// create adds a new file to a folder.
func (f *FS) create(ctx context.Context, tx db.Tx, parent *place, name string, r *storage.UploadRequest, st staged) (res storage.Result, err error) {
	parent, err = f.again(ctx, tx, parent)
	if err != nil {
		return res, err
	}
	if err := f.mayCreate(parent, name, permission.Upload); err != nil {
		return res, err
	}
	if n, err := tree.Child(ctx, tx, parent.node().ID, name); err == nil {
		if _, err := f.allow(ctx, tx, parent.space, append(tree.Chain{n}, parent.chain...)); err != nil {
			return res, storage.ErrForbidden // there, but not for this actor's eyes
		}
		return res, errStale
	} else if !errors.Is(err, tree.ErrNotFound) {
		return res, err
	}
	if err := check(&r.Conditions, nil); err != nil {
		return res, err
	}
	if err := f.guardNew(ctx, tx, parent.chain, r.Conditions.LockTokens); err != nil {
		return res, err
	}
	if err := f.fits(parent.chain.Root(), parent.space, st.size); err != nil {
		return res, err
	}
	now := time.Now()
	n := &tree.Node{ID: st.id, Space: parent.node().Space, Parent: parent.node().ID, Name: name, Kind: resource.File, Size: st.size, MTime: st.mtime,
		Seq: parent.chain.NextSeq(), Sums: st.sums, Ino: int64(st.ino)}
	if err := tree.Insert(ctx, tx, n); err != nil {
		return res, err
	}
	if err := f.changed(ctx, tx, "create", parent.chain, n, n.Seq, st.size, now); err != nil {
		return res, err
	}
	o := op{Kind: opPut, From: st.path, To: parent.path() + "/" + name, Ino: st.ino, Node: n.ID}
	res = storage.Result{Info: f.info(parent.space, n, parent.may), Created: true}
	return res, f.after(o)
}

// guardNew checks the locks in the way of a new child of the chain's node.
func (f *FS) guardNew(ctx context.Context, r db.Reader, parent tree.Chain, tokens []string) error {
	for _, n := range parent {
		if n.Flags&tree.FlagLocks != 0 {
			child := append(tree.Chain{{Parent: parent.Node().ID}}, parent...)
			return f.guard(ctx, r, child, tokens, true)
		}
	}
	return nil
}

// changed propagates a change of n, in the folder of the chain, and writes it into the journal.
func (f *FS) changed(ctx context.Context, tx db.Tx, what string, parents tree.Chain, n *tree.Node, seq, delta int64, now time.Time) error {
	if len(parents) > 0 {
		if err := tree.Touch(ctx, tx, parents, seq, delta, now); err != nil {
			return err
		}
	}
	return f.journal(ctx, tx, what, n, seq, "", "", now)
}

func (f *FS) journal(ctx context.Context, tx db.Tx, what string, n *tree.Node, seq int64, oldParent, oldName string, now time.Time) error {
	a := identity.ActorFrom(ctx)
	return tree.Log(ctx, tx, tree.Entry{Seq: seq, Op: what, Node: n, OldParent: oldParent, OldName: oldName, Actor: a.User.ID, Initiator: a.Initiator, Time: now})
}

// overwrite replaces a file's content; the former content becomes a version.
func (f *FS) overwrite(ctx context.Context, tx db.Tx, seen *place, r *storage.UploadRequest, st staged) (res storage.Result, err error) {
	p, err := f.again(ctx, tx, seen)
	if err != nil {
		return res, err
	}
	n := p.node()
	if n.Ino != seen.node().Ino || n.MTime != seen.node().MTime {
		return res, errStale // replaced meanwhile; conditions must be seen against what is there now
	}
	if err := p.need(permission.Upload); err != nil {
		return res, err
	}
	if err := check(&r.Conditions, n); err != nil {
		return res, err
	}
	if err := f.guard(ctx, tx, p.chain, r.Conditions.LockTokens, false); err != nil {
		return res, err
	}
	if err := f.fits(p.chain.Root(), p.space, st.size-n.Size); err != nil {
		return res, err
	}
	o := op{Kind: opReplace, From: st.path, To: p.path(), Ino: st.ino, Restored: st.version}
	if !f.cfg.DisableVersions {
		if o.Aside, o.Key, err = f.keepVersion(ctx, tx, p); err != nil {
			return res, err
		}
	}
	if err := f.newContent(ctx, tx, p, st); err != nil {
		return res, err
	}
	res.Info = f.info(p.space, n, p.may)
	if !plain(p.chain, storage.View{}) {
		if err := f.decorate(ctx, tx, p, storage.View{}, &res.Info); err != nil {
			return res, err
		}
	}
	return res, f.after(o)
}

// newContent gives a node other content.
func (f *FS) newContent(ctx context.Context, tx db.Tx, p *place, st staged) error {
	n, now := p.node(), time.Now()
	delta, seq := st.size-n.Size, p.chain.NextSeq()
	n.Size, n.MTime, n.Seq, n.Sums, n.Ino = st.size, st.mtime, seq, st.sums, int64(st.ino)
	if err := tree.Save(ctx, tx, n); err != nil {
		return err
	}
	return f.changed(ctx, tx, "write", p.chain[1:], n, seq, delta, now)
}

// keepVersion notes the current content of a file as a version and returns where it will lie.
func (f *FS) keepVersion(ctx context.Context, tx db.Tx, p *place) (at, key string, err error) {
	n := p.node()
	base := n.ID + ".REV." + time.Unix(0, n.MTime).UTC().Format(time.RFC3339Nano)
	key = base
	for i := 1; ; i++ {
		taken := false
		if n.Flags&tree.FlagVersions != 0 {
			if err := tx.Query(ctx, `SELECT 1 FROM versions WHERE node=? AND key=?`, func(db.Row) error { taken = true; return nil }, n.ID, key); err != nil {
				return "", "", err
			}
		}
		if !taken {
			break
		}
		key = base + "." + strconv.Itoa(i)
	}
	v := tree.Version{Key: key, Size: n.Size, MTime: n.MTime, Seq: n.Seq, Sums: n.Sums, Created: time.Now().UnixNano()}
	if err := tree.SaveVersion(ctx, tx, n, v); err != nil {
		return "", "", err
	}
	return versionPath(p.space, key), key, f.retain(ctx, tx, p)
}

// versionPath is where a version lies: .oc-nodes/aa/bb/cc/dd/<rest>.
func versionPath(sp *tree.Space, key string) string {
	var b strings.Builder
	b.WriteString(sp.Dir + "/.oc-nodes")
	for i := 0; i < 8 && i+2 <= len(key); i += 2 {
		b.WriteString("/" + strings.ReplaceAll(key[i:i+2], ".", "_"))
	}
	b.WriteString("/" + key[min(8, len(key)):])
	return b.String()
}

// freeName finds a name that is not taken: "name (2).ext".
func (f *FS) freeName(ctx context.Context, ref storage.Ref) (string, error) {
	parent, err := f.found(ctx, parentOf(ref))
	if err != nil {
		return "", parentError(err)
	}
	name := path.Base(ref.Path)
	base, ext := name, ""
	if i := strings.IndexByte(name, '.'); i > 0 {
		if ext = path.Ext(name); strings.HasSuffix(strings.TrimSuffix(name, ext), ".tar") {
			ext = ".tar" + ext
		}
		base = strings.TrimSuffix(name, ext)
	}
	for i := 2; i < 10_000; i++ {
		suffix := " (" + strconv.Itoa(i) + ")"
		candidate := base[:min(len(base), resource.MaxNameLength-len(suffix)-len(ext))] + suffix + ext
		err := f.read(ctx, func(r db.Reader) error {
			_, err := tree.Child(ctx, r, parent.node().ID, candidate)
			return err
		})
		if errors.Is(err, storage.ErrNotFound) {
			return candidate, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", storage.ErrExists
}

// makeParents creates the missing folders above a target.
func (f *FS) makeParents(ctx context.Context, ref storage.Ref, tokens []string) error {
	names, err := segments(ref.Path)
	if err != nil {
		return err
	}
	for i := 1; i < len(names); i++ {
		_, err := f.CreateFolder(ctx, storage.At(ref.ID, strings.Join(names[:i], "/")), storage.Conditions{LockTokens: tokens})
		if err != nil && !errors.Is(err, storage.ErrExists) {
			return err
		}
	}
	return nil
}
