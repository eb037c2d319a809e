package files

import (
	"context"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	userpb "github.com/cs3org/go-cs3apis/cs3/identity/user/v1beta1"
	providerpb "github.com/cs3org/go-cs3apis/cs3/storage/provider/v1beta1"
	typespb "github.com/cs3org/go-cs3apis/cs3/types/v1beta1"

	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

// Keys of arbitrary metadata that are more than a property.
const (
	keyTags     = "tags" // names with commas between
	keyFavorite = "http://owncloud.org/ns/favorite"
)

// maxMeta bounds the keys of one request.
const maxMeta = 1000

// patch turns a key into the property that toInfo shows under it: namespace, slash, name.
func patch(key, value string, remove bool) (storage.PropPatch, error) {
	i := strings.LastIndexByte(key, '/')
	if i == len(key)-1 || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' }) {
		return storage.PropPatch{}, fmt.Errorf("%w: metadata %q", storage.ErrInvalid, key)
	}
	return storage.PropPatch{Prop: storage.Prop{Namespace: key[:max(i, 0)], Name: key[i+1:], Value: html.EscapeString(value)}, Remove: remove}, nil
}

// plain is a property's value as text; XML stays as it is.
func plain(value string) string {
	if strings.Contains(value, "<") {
		return value
	}
	return html.UnescapeString(value)
}

// setMeta sets or removes metadata: properties first, all or none of them.
func (s *Server) setMeta(ctx context.Context, r *providerpb.Reference, set map[string]string, unset []string, lock string) error {
	ref, err := on(ctx, r)
	if err != nil {
		return err
	}
	if len(set)+len(unset) > maxMeta {
		return fmt.Errorf("%w: more than %d keys", storage.ErrInvalid, maxMeta)
	}
	var patches []storage.PropPatch
	add := func(key, value string, remove bool) error {
		if key == keyTags || key == keyFavorite {
			return nil
		}
		p, err := patch(key, value, remove)
		patches = append(patches, p)
		return err
	}
	for k, v := range set {
		if err := add(k, v, false); err != nil {
			return err
		}
	}
	for _, k := range unset {
		if err := add(k, "", true); err != nil {
			return err
		}
	}
	if len(patches) > 0 {
		if err := s.fs.PatchProps(ctx, ref, patches, storage.Conditions{LockTokens: tokens(lock)}); err != nil {
			return err
		}
	}
	if v, ok := set[keyFavorite]; ok || slices.Contains(unset, keyFavorite) {
		if err := s.fs.SetFavorite(ctx, ref, ok && v != "" && v != "0"); err != nil {
			return err
		}
	}
	if v, ok := set[keyTags]; ok || slices.Contains(unset, keyTags) {
		return s.setTags(ctx, ref, v)
	}
	return nil
}

func (s *Server) setTags(ctx context.Context, ref storage.Ref, list string) error {
	i, err := s.fs.Stat(ctx, ref, storage.View{})
	if err != nil {
		return err
	}
	want := slices.DeleteFunc(strings.Split(list, ","), func(t string) bool { return t == "" })
	gone := slices.DeleteFunc(slices.Clone(i.Tags), func(t string) bool { return slices.Contains(want, t) })
	if len(gone) > 0 {
		if err := s.fs.RemoveTags(ctx, ref, gone); err != nil {
			return err
		}
	}
	if len(want) == 0 {
		return nil
	}
	return s.fs.AddTags(ctx, ref, want)
}

func (s *Server) SetArbitraryMetadata(ctx context.Context, r *providerpb.SetArbitraryMetadataRequest) (*providerpb.SetArbitraryMetadataResponse, error) {
	err := s.setMeta(ctx, r.GetRef(), r.GetArbitraryMetadata().GetMetadata(), nil, r.GetLockId())
	return &providerpb.SetArbitraryMetadataResponse{Status: Status(err)}, nil
}

func (s *Server) UnsetArbitraryMetadata(ctx context.Context, r *providerpb.UnsetArbitraryMetadataRequest) (*providerpb.UnsetArbitraryMetadataResponse, error) {
	err := s.setMeta(ctx, r.GetRef(), nil, r.GetArbitraryMetadataKeys(), r.GetLockId())
	return &providerpb.UnsetArbitraryMetadataResponse{Status: Status(err)}, nil
}

func toLock(l *storage.Lock) *providerpb.Lock {
	out := &providerpb.Lock{LockId: l.Token, Type: providerpb.LockType_LOCK_TYPE_EXCL, AppName: l.App, Expiration: ToTime(l.Expires), User: &userpb.UserId{OpaqueId: l.User},
		Opaque: &typespb.Opaque{Map: map[string]*typespb.OpaqueEntry{"lockownername": {Decoder: "plain", Value: []byte(l.UserName)}}}}
	if l.Shared {
		out.Type = providerpb.LockType_LOCK_TYPE_SHARED
	}
	return out
}

// lockTime is how long a lock is to last; no expiration is for ever.
func lockTime(l *providerpb.Lock) (time.Duration, error) {
	e := l.GetExpiration()
	if e == nil {
		return 0, nil
	}
	d := time.Until(FromTime(e))
	if d <= 0 {
		return 0, fmt.Errorf("%w: the lock has expired", storage.ErrInvalid)
	}
	return d, nil
}

// SetLock locks something that exists.
func (s *Server) SetLock(ctx context.Context, r *providerpb.SetLockRequest) (*providerpb.SetLockResponse, error) {
	ref, err := on(ctx, r.GetRef())
	var i storage.Info
	if err == nil {
		i, err = s.fs.Stat(ctx, ref, storage.View{}) // locking by name would make what is missing, by id it does not
	}
	var d time.Duration
	if err == nil {
		d, err = lockTime(r.GetLock())
	}
	if err == nil && r.GetLock().GetLockId() == "" {
		err = fmt.Errorf("%w: a lock needs an id", storage.ErrInvalid)
	}
	if err == nil {
		_, _, err = s.fs.Lock(ctx, storage.At(i.ID, ""), storage.LockRequest{Token: r.GetLock().GetLockId(), App: r.GetLock().GetAppName(), Timeout: d,
			Shared: r.GetLock().GetType() == providerpb.LockType_LOCK_TYPE_SHARED}, storage.Conditions{})
	}
	return &providerpb.SetLockResponse{Status: Status(err)}, nil
}

// GetLock answers with the lock of a node, not with those of the folders above.
func (s *Server) GetLock(ctx context.Context, r *providerpb.GetLockRequest) (*providerpb.GetLockResponse, error) {
	ref, err := on(ctx, r.GetRef())
	var i storage.Info
	if err == nil {
		i, err = s.fs.Stat(ctx, ref, storage.View{})
	}
	if err != nil {
		return &providerpb.GetLockResponse{Status: Status(err)}, nil
	}
	own := slices.IndexFunc(i.Locks, func(l storage.Lock) bool { return l.Root == i.ID || l.Root == resource.ID{} })
	if own < 0 {
		return &providerpb.GetLockResponse{Status: Status(storage.ErrNotFound)}, nil
	}
	return &providerpb.GetLockResponse{Status: Status(nil), Lock: toLock(&i.Locks[own])}, nil
}

// RefreshLock sets a new expiration. To exchange a lock for another (existing_lock_id) is not supported.
func (s *Server) RefreshLock(ctx context.Context, r *providerpb.RefreshLockRequest) (*providerpb.RefreshLockResponse, error) {
	ref, err := on(ctx, r.GetRef())
	var d time.Duration
	if err == nil {
		d, err = lockTime(r.GetLock())
	}
	if old := r.GetExistingLockId(); err == nil && old != "" && old != r.GetLock().GetLockId() {
		err = storage.ErrUnsupported
	}
	if err == nil {
		_, err = s.fs.RefreshLock(ctx, ref, r.GetLock().GetLockId(), d)
	}
	return &providerpb.RefreshLockResponse{Status: Status(err)}, nil
}

func (s *Server) Unlock(ctx context.Context, r *providerpb.UnlockRequest) (*providerpb.UnlockResponse, error) {
	ref, err := on(ctx, r.GetRef())
	if err == nil {
		err = s.fs.Unlock(ctx, ref, r.GetLock().GetLockId())
	}
	return &providerpb.UnlockResponse{Status: Status(err)}, nil
}
