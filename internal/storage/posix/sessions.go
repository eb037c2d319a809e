package posix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sync"
	"time"

	"github.com/google/uuid"

	"opencloud/internal/identity"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/tree"
)

// An upload session is a row and a staged file; its offset is the length of the file. Every part is durable before it is
// acknowledged, so a session goes on after a crash where the file ends.

// session is an open upload session in memory: the checksums so far. It may be lost at any time.
type session struct {
	mu   sync.Mutex // one part at a time
	hash *hasher    // nil: to be computed anew from the file
}

type sessionCache struct {
	mu sync.Mutex
	m  map[string]*session
}

// maxSessions bounds how many sessions keep their checksums in memory.
const maxSessions = 10_000

func (c *sessionCache) get(id string) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.m[id]; s != nil {
		return s
	}
	if c.m == nil || len(c.m) >= maxSessions {
		for k, s := range c.m {
			if s.mu.TryLock() { // not in use
				s.mu.Unlock()
				delete(c.m, k)
				break
			}
		}
	}
	if c.m == nil {
		c.m = map[string]*session{}
	}
	s := &session{}
	c.m[id] = s
	return s
}

func (c *sessionCache) forget(id string) {
	c.mu.Lock()
	delete(c.m, id)
	c.mu.Unlock()
}

func (c *sessionCache) closeAll() {
	c.mu.Lock()
	c.m = nil
	c.mu.Unlock()
}

// sessionRow is a session as stored.
type sessionRow struct {
	id, space, node, path string
	length                int64
	request               storage.UploadRequest
	actor                 identity.Actor
	created, expires      time.Time
}

func (s *sessionRow) ref(f *FS) storage.Ref {
	return storage.At(resource.ID{Storage: f.cfg.StorageID, Space: s.space, Node: s.node}, s.path)
}

func (f *FS) session(ctx context.Context, id string) (*sessionRow, *tree.Space, error) {
	var s *sessionRow
	err := f.read(ctx, func(r db.Reader) error {
		return f.sessionRows(ctx, r, ` WHERE id=?`, func(row *sessionRow) { s = row }, id)
	})
	if err != nil {
		return nil, nil, err
	}
	if s == nil || time.Now().After(s.expires) {
		return nil, nil, storage.ErrNotFound
	}
	sp, err := f.space(f.id(s.space, s.space))
	return s, sp, err
}

func (f *FS) sessionRows(ctx context.Context, r db.Reader, where string, each func(*sessionRow), args ...any) error {
	return r.Query(ctx, `SELECT id, space, parent, path, length, request, actor, created, expires FROM uploads`+where, func(row db.Row) error {
		s := &sessionRow{id: row.Text(0), space: row.Text(1), node: row.Text(2), path: row.Text(3), length: row.Int(4), created: db.Time(row.Int(7)), expires: db.Time(row.Int(8))}
		if err := json.Unmarshal([]byte(row.Text(5)), &s.request); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(row.Text(6)), &s.actor); err != nil {
			return err
		}
		each(s)
		return nil
	}, args...)
}

func (f *FS) describeSession(s *sessionRow, offset int64) storage.UploadSession {
	ref := s.ref(f)
	return storage.UploadSession{ID: s.id, Target: ref, Space: ref.ID.Root(), Filename: path.Base(s.path), Length: s.length, Offset: offset, Owner: s.actor.User.ID,
		Created: s.created, Expires: s.expires, Metadata: s.request.Metadata}
}

// CreateUpload implements storage.Uploads.
func (f *FS) CreateUpload(ctx context.Context, ref storage.Ref, r storage.UploadRequest) (storage.UploadSession, error) {
	t, err := f.uploadTarget(ctx, ref, &r)
	if err != nil {
		return storage.UploadSession{}, err
	}
	now := time.Now()
	s := &sessionRow{id: uuid.NewString(), space: ref.ID.Space, node: ref.ID.Node, path: ref.Path, length: r.Length, request: r, actor: identity.ActorFrom(ctx),
		created: now, expires: now.Add(f.cfg.UploadTTL)}
	file, err := f.disk.Create(f.stagingPath(t.space, s.id))
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		return storage.UploadSession{}, translate(err)
	}
	request, err := json.Marshal(r)
	if err != nil {
		return storage.UploadSession{}, err
	}
	actor, err := json.Marshal(s.actor)
	if err != nil {
		return storage.UploadSession{}, err
	}
	err = f.write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO uploads(id, space, parent, path, length, request, uid, actor, created, expires) VALUES(?,?,?,?,?,?,?,?,?,?)`,
			s.id, s.space, s.node, s.path, s.length, string(request), s.actor.User.ID, string(actor), now.UnixNano(), s.expires.UnixNano())
		return err
	})
	if err != nil {
		f.drop(f.stagingPath(t.space, s.id))
		return storage.UploadSession{}, err
	}
	f.sessions.get(s.id).hash = newHasher()
	return f.describeSession(s, 0), nil
}

// UploadSession implements storage.Uploads.
func (f *FS) UploadSession(ctx context.Context, id string) (storage.UploadSession, error) {
	s, sp, err := f.session(ctx, id)
	if err != nil {
		return storage.UploadSession{}, err
	}
	st, err := f.disk.Lstat(f.stagingPath(sp, id))
	if errors.Is(err, fs.ErrNotExist) {
		return storage.UploadSession{}, storage.ErrNotFound
	}
	return f.describeSession(s, st.Size), translate(err)
}

// SetUploadLength implements storage.Uploads.
func (f *FS) SetUploadLength(ctx context.Context, id string, length int64) error {
	s, sp, err := f.session(ctx, id)
	if err != nil {
		return err
	}
	if s.length >= 0 {
		if s.length == length {
			return nil
		}
		return fmt.Errorf("%w: the length is known already", storage.ErrInvalid)
	}
	if st, err := f.disk.Lstat(f.stagingPath(sp, id)); err == nil && st.Size > length {
		return fmt.Errorf("%w: more was sent already", storage.ErrInvalid)
	}
	return f.write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE uploads SET length=? WHERE id=?`, length, id)
		return err
	})
}

// WriteUpload implements storage.Uploads. The session's creator is on whose behalf the file is made.
func (f *FS) WriteUpload(ctx context.Context, id string, offset int64, chunk *storage.Checksum, body io.Reader) (storage.UploadSession, error) {
	live := f.sessions.get(id)
	if !live.mu.TryLock() {
		return storage.UploadSession{}, &storage.LockedError{Lock: storage.Lock{UserName: "another transfer of this upload"}}
	}
	defer live.mu.Unlock()
	s, sp, err := f.session(ctx, id)
	if err != nil {
		f.sessions.forget(id)
		return storage.UploadSession{}, err
	}
	if a := identity.ActorFrom(ctx); a.Kind != s.actor.Kind || a.User.ID != s.actor.User.ID { // else he is known as he is now
		ctx = identity.WithActor(ctx, s.actor)
	}
	staging := f.stagingPath(sp, id)
	file, err := f.disk.OpenWrite(staging)
	if errors.Is(err, fs.ErrNotExist) {
		return storage.UploadSession{}, storage.ErrNotFound
	}
	if err != nil {
		return storage.UploadSession{}, translate(err)
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return storage.UploadSession{}, err
	}
	if st.Size != offset {
		return f.describeSession(s, st.Size), fmt.Errorf("%w: it is %d", storage.ErrOffset, st.Size)
	}
	received, err := f.part(ctx, file, live, s, sp, offset, chunk, body)
	if err != nil {
		return f.describeSession(s, offset), translate(err)
	}
	out := f.describeSession(s, received)
	if s.length < 0 || received < s.length {
		return out, nil
	}
	// Everything is here: a client that is gone by now must find a file, for it may not send anything again.
	res, err := f.complete(context.WithoutCancel(ctx), s, sp, staging, file, live)
	if err != nil {
		return out, translate(err)
	}
	out.Result = &res
	return out, nil
}

// part appends one request's bytes and makes them durable; it returns the new offset. What came before the stream broke
// off stays, unless a checksum was given for the part.
func (f *FS) part(ctx context.Context, file disk.File, live *session, s *sessionRow, sp *tree.Space, offset int64, chunk *storage.Checksum, body io.Reader) (int64, error) {
	if live.hash != nil && live.hash.n != offset {
		live.hash = nil
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return 0, err
	}
	limit := s.length
	if limit < 0 && sp.Quota > 0 {
		limit = sp.Quota
	}
	sums := &partSums{whole: live.hash}
	if chunk != nil {
		sums.part = newHasher()
	}
	live.hash = nil // until the part is known to be good
	n, err := f.receivePart(ctx, file, sums, body, offset, limit)
	if chunk != nil {
		if err == nil {
			err = verify(chunk, sums.part.result())
		}
		if err != nil {
			return 0, errors.Join(err, file.Truncate(offset))
		}
	}
	if e := file.Sync(); e != nil {
		return 0, e
	}
	if err != nil && n == 0 {
		return 0, err
	}
	live.hash = sums.whole
	return offset + n, err
}

type partSums struct{ whole, part *hasher }

func (p *partSums) Write(b []byte) {
	if p.whole != nil {
		p.whole.Write(b)
	}
	if p.part != nil {
		p.part.Write(b)
	}
}

func (f *FS) receivePart(ctx context.Context, file disk.File, sums *partSums, body io.Reader, offset, limit int64) (n int64, err error) {
	buf, put := uploadBuffers.get(-1)
	defer put()
	for {
		k, err := readFull(body, *buf)
		if limit >= 0 && offset+n+int64(k) > limit {
			return 0, errors.Join(fmt.Errorf("%w: more than %d bytes", storage.ErrLength, limit), file.Truncate(offset))
		}
		if k > 0 {
			if _, err := file.Write((*buf)[:k]); err != nil {
				return 0, errors.Join(err, file.Truncate(offset))
			}
			sums.Write((*buf)[:k])
			n += int64(k)
		}
		switch {
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, fmt.Errorf("%w: the body broke off: %w", storage.ErrLength, err)
		case ctx.Err() != nil:
			return n, ctx.Err()
		}
	}
}

// complete puts the content of a session into the tree and ends the session.
func (f *FS) complete(ctx context.Context, s *sessionRow, sp *tree.Space, staging string, file disk.File, live *session) (storage.Result, error) {
	h := live.hash
	if h == nil || h.n != s.length {
		h = newHasher()
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return storage.Result{}, err
		}
		if _, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{file}, make([]byte, largeBuffer)); err != nil {
			return storage.Result{}, err
		}
	}
	r := s.request
	r.Length = s.length
	t := &target{ref: s.ref(f), space: sp}
	if p, err := f.find(ctx, t.ref); err == nil {
		t.old = p
	}
	st := staged{path: staging}
	err := f.seal(file, h.result(), &r, t, &st)
	var res storage.Result
	if err == nil {
		res, err = f.finish(ctx, t, &r, st)
	}
	if errors.Is(err, storage.ErrUnavailable) {
		return res, err // may be tried again
	}
	if err != nil {
		f.drop(staging)
	}
	f.sessions.forget(s.id)
	if e := f.endSession(ctx, s.id); e != nil {
		f.log.Warn("upload session cannot be removed, it will expire", "err", e)
	}
	return res, err
}

func (f *FS) endSession(ctx context.Context, id string) error {
	return f.write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM uploads WHERE id=?`, id)
		return err
	})
}

// CancelUpload implements storage.Uploads.
func (f *FS) CancelUpload(ctx context.Context, id string) error {
	_, sp, err := f.session(ctx, id)
	if err != nil {
		return err
	}
	if err := f.endSession(ctx, id); err != nil {
		return err
	}
	f.sessions.forget(id)
	f.drop(f.stagingPath(sp, id))
	return nil
}

// DropSession removes a session whoever began it, expired or not, for administrators.
func (f *FS) DropSession(ctx context.Context, id string) error {
	var s *sessionRow
	err := f.read(ctx, func(r db.Reader) error {
		return f.sessionRows(ctx, r, ` WHERE id=?`, func(row *sessionRow) { s = row }, id)
	})
	if err == nil && s == nil {
		err = storage.ErrNotFound
	}
	if err == nil {
		err = f.endSession(ctx, id)
	}
	if err != nil {
		return err
	}
	f.sessions.forget(id)
	if sp := f.anySpace(s.space); sp != nil {
		f.drop(f.stagingPath(sp, id))
	}
	return nil
}

// Sessions lists all upload sessions, for administrators.
func (f *FS) Sessions(ctx context.Context) ([]storage.UploadSession, error) {
	var rows []*sessionRow
	err := f.read(ctx, func(r db.Reader) error {
		return f.sessionRows(ctx, r, ` ORDER BY created`, func(s *sessionRow) { rows = append(rows, s) })
	})
	out := make([]storage.UploadSession, 0, len(rows))
	for _, s := range rows {
		offset := int64(0)
		if sp := f.anySpace(s.space); sp != nil {
			if st, err := f.disk.Lstat(f.stagingPath(sp, s.id)); err == nil {
				offset = st.Size
			}
		}
		out = append(out, f.describeSession(s, offset))
	}
	return out, err
}

// CleanSessions removes sessions that expired before a time and returns how many.
func (f *FS) CleanSessions(ctx context.Context, before time.Time) (int, error) {
	var rows []*sessionRow
	err := f.read(ctx, func(r db.Reader) error {
		return f.sessionRows(ctx, r, ` WHERE expires<?`, func(s *sessionRow) { rows = append(rows, s) }, before.UnixNano())
	})
	for i, s := range rows {
		if err := f.endSession(ctx, s.id); err != nil {
			return i, err
		}
		f.sessions.forget(s.id)
		if sp := f.anySpace(s.space); sp != nil {
			f.drop(f.stagingPath(sp, s.id))
		}
	}
	return len(rows), err
}
