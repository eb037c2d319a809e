package share

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// Jailed returns the root of the actor's jail, and what he accepted as it lies in the storage, with the name he gave it, in the
// order of these names. It takes four queries, however many they are, and keeps of each no more than what the storage told.
func (s *Service) Jailed(ctx context.Context) (storage.Info, iter.Seq2[*storage.Info, Entry], error) {
	found, entries, err := s.find(ctx)
	if err != nil {
		return storage.Info{}, nil, err
	}
	at := make([]mountedAt, 0, len(found))
	var sum jailSum
	seen := make(map[resource.ID]struct{}, len(found)) // of several shares of one thing, the oldest
	for i := range found {
		item := &found[i].Info
		e := entries[item.ID]
		if _, again := seen[item.ID]; again || e.State != Accepted {
			continue
		}
		seen[item.ID] = struct{}{}
		sum.add(item, &e)
		at = append(at, mountedAt{e.Mount, i})
	}
	slices.SortFunc(at, func(a, b mountedAt) int { return cmp.Compare(a.name, b.name) })
	return sum.root(), func(yield func(*storage.Info, Entry) bool) {
		for _, m := range at {
			item := &found[m.found].Info
			if !yield(item, entries[item.ID]) {
				return
			}
		}
	}, nil
}

type mountedAt struct {
	name  string
	found int
}

// find returns the grants to the actor, and his own view of what they are on. What is seen for the first time is taken in.
func (s *Service) find(ctx context.Context) ([]storage.Granted, map[resource.ID]Entry, error) {
	a := identity.ActorFrom(ctx)
	if a.Kind != identity.Person {
		return nil, nil, storage.ErrForbidden
	}
	found, err := s.o.FS.FindGrants(ctx, storage.GrantQuery{Received: true})
	if err != nil {
		return nil, nil, err
	}
	entries, err := s.o.Store.Entries(ctx, a.User.ID)
	if err != nil {
		return nil, nil, err
	}
	if all := newcomers(found, entries); len(all) > 0 {
		state := Pending
		if s.o.AutoAccept(ctx, a.User.ID) {
			state = Accepted
		}
		for i := range all {
			all[i].State = state
		}
		entries, err = s.o.Store.Add(ctx, a.User.ID, all)
	}
	return found, entries, err
}

// newcomers returns entries for what has none yet, or one under the id of a share that is no more.
func newcomers(found []storage.Granted, entries map[resource.ID]Entry) []Entry {
	missing := make(map[resource.ID]int, len(found)) // the oldest share of what was not seen under its name yet; -1: it was
	for i := range found {
		item := found[i].Info.ID
		first, ok := missing[item]
		if !ok {
			first = i
		}
		if e, there := entries[item]; there && first >= 0 && e.Share == ID(item, found[i].Grant) {
			first = -1
		}
		missing[item] = first
	}
	var out []Entry
	for i := range found {
		g := &found[i]
		if missing[g.Info.ID] == i {
			out = append(out, Entry{Item: g.Info.ID, Share: ID(g.Info.ID, g.Grant), Mount: g.Info.Name})
		}
	}
	return out
}

// JailRoot describes the root of somebody's jail, in which everything that was received and accepted lies. (spec/storage.md §5)
func JailRoot(all []Received) storage.Info {
	var sum jailSum
	for i := range all {
		if r := &all[i]; r.State == Accepted {
			sum.add(&r.Item, &r.Entry)
		}
	}
	return sum.root()
}

// jailSum gathers what the root of a jail shows of all that lies in it. Its ETag changes when an accepted share appears, disappears
// or is renamed, and when what is in it or the rights on it change; in nothing else: a sum of hashes knows no order.
// (spec/storage.md §5)
type jailSum struct {
	high, low uint64
	mtime     time.Time
	line      []byte
}

func (s *jailSum) add(item *storage.Info, e *Entry) {
	s.line = fmt.Appendf(s.line[:0], "%q %q %q %d", e.Share, e.Mount, item.ETag, item.Permissions)
	h := sha256.Sum256(s.line)
	s.high += binary.BigEndian.Uint64(h[:8])
	s.low += binary.BigEndian.Uint64(h[8:])
	if item.MTime.After(s.mtime) {
		s.mtime = item.MTime
	}
}

func (s *jailSum) root() storage.Info {
	return storage.Info{ID: Jail(), Name: "Shares", Kind: resource.Folder, MIME: "httpd/unix-directory", ETag: fmt.Sprintf("%016x%016x", s.high, s.low),
		MTime: s.mtime, SpaceType: space.Virtual, Permissions: permission.Stat | permission.ListContainer | permission.GetPath | permission.GetQuota}
}
