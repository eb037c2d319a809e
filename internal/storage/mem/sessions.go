package mem

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/google/uuid"

	"opencloud/internal/identity"
	"opencloud/internal/storage"
)

// sessionLife is how long an upload session can be gone on with.
const sessionLife = 24 * time.Hour

type session struct {
	storage.UploadSession
	request storage.UploadRequest
	actor   identity.Actor
	data    []byte
	busy    bool // a part is being received
}

func (s *session) describe() storage.UploadSession {
	out := s.UploadSession
	out.Offset = int64(len(s.data))
	return out
}

// CreateUpload implements storage.Uploads.
func (f *FS) CreateUpload(ctx context.Context, ref storage.Ref, r storage.UploadRequest) (storage.UploadSession, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.mayUpload(ctx, ref, r, r.Length); err != nil {
		return storage.UploadSession{}, err
	}
	a, now := identity.ActorFrom(ctx), time.Now()
	s := &session{request: r, actor: a, UploadSession: storage.UploadSession{ID: uuid.NewString(), Target: ref, Space: ref.ID.Root(), Filename: path.Base(ref.Path),
		Length: r.Length, Owner: a.User.ID, Created: now, Expires: now.Add(sessionLife), Metadata: r.Metadata}}
	f.sessions[s.ID] = s
	return s.describe(), nil
}

func (f *FS) session(id string) (*session, error) {
	s := f.sessions[id]
	if s == nil || time.Now().After(s.Expires) {
		return nil, storage.ErrNotFound
	}
	if t := f.spaces[s.Space.Space]; t == nil || !t.disabled.IsZero() {
		return nil, storage.ErrNotFound
	}
	return s, nil
}

// UploadSession implements storage.Uploads.
func (f *FS) UploadSession(_ context.Context, id string) (storage.UploadSession, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.session(id)
	if err != nil {
		return storage.UploadSession{}, err
	}
	return s.describe(), nil
}

// SetUploadLength implements storage.Uploads.
func (f *FS) SetUploadLength(_ context.Context, id string, length int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.session(id)
	switch {
	case err != nil:
		return err
	case s.Length == length && length >= 0:
		return nil
	case s.Length >= 0:
		return fmt.Errorf("%w: the length is known already", storage.ErrInvalid)
	case length < int64(len(s.data)):
		return fmt.Errorf("%w: more was sent already", storage.ErrInvalid)
	}
	s.Length = length
	return nil
}

// CancelUpload implements storage.Uploads.
func (f *FS) CancelUpload(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.session(id); err != nil {
		return err
	}
	delete(f.sessions, id)
	return nil
}

// WriteUpload implements storage.Uploads. The session's creator is on whose behalf the file is made.
func (f *FS) WriteUpload(ctx context.Context, id string, offset int64, chunk *storage.Checksum, body io.Reader) (storage.UploadSession, error) {
	s, err := f.begin(id, offset)
	if err != nil {
		return storage.UploadSession{}, err
	}
	src := body
	if s.Length >= 0 {
		src = io.LimitReader(body, s.Length-offset+1)
	}
	data, broken := io.ReadAll(src) // without the lock: it may come slowly
	f.mu.Lock()
	defer f.mu.Unlock()
	s.busy = false
	if f.sessions[id] != s {
		return storage.UploadSession{}, storage.ErrNotFound // cancelled meanwhile
	}
	if broken != nil {
		broken = fmt.Errorf("%w: the body broke off: %w", storage.ErrLength, broken)
	}
	if s.Length >= 0 && offset+int64(len(data)) > s.Length {
		return s.describe(), storage.ErrLength
	}
	if chunk != nil {
		if err := errors.Join(broken, verify(chunk, newBlob(data))); err != nil {
			return s.describe(), err
		}
	}
	s.data = append(bytes.Clone(s.data), data...)
	if broken != nil || s.Length < 0 || int64(len(s.data)) < s.Length {
		return s.describe(), broken
	}
	return f.complete(identity.WithActor(ctx, s.actor), s)
}

func (f *FS) begin(id string, offset int64) (*session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.session(id)
	switch {
	case err != nil:
		return nil, err
	case s.busy:
		return nil, &storage.LockedError{Lock: storage.Lock{UserName: "another transfer of this upload"}}
	case int64(len(s.data)) != offset:
		return nil, fmt.Errorf("%w: it is %d", storage.ErrOffset, len(s.data))
	}
	s.busy = true
	return s, nil
}

// complete puts the content of a session into the tree and ends the session.
func (f *FS) complete(ctx context.Context, s *session) (storage.UploadSession, error) {
	delete(f.sessions, s.ID)
	b := newBlob(s.data)
	out := s.describe()
	if err := verify(s.request.Checksum, b); err != nil {
		return out, err
	}
	r := s.request
	r.Length = s.Length
	res, err := f.finish(ctx, s.Target, r, b)
	if err != nil {
		return out, err
	}
	out.Result = &res
	return out, nil
}
