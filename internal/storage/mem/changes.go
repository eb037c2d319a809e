package mem

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"opencloud/internal/permission"
	"opencloud/internal/storage"
)

// snapshot is what a client was told of a folder: state by path.
type snapshot map[string]state

// state of a node as told; folders do not change by what is in them.
type state struct {
	id  string
	own int64
}

// maxSnapshots bounds how many tokens are known.
const maxSnapshots = 1000

// Changes implements storage.Journal. A token names a snapshot of what the client knows; what is different now has changed.
func (f *FS) Changes(ctx context.Context, ref storage.Ref, token string, limit int) ([]storage.Change, string, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	top, err := f.find(ctx, ref)
	switch {
	case err != nil:
		return nil, "", false, err
	case !top.isFolder():
		return nil, "", false, storage.ErrConflict
	}
	if err := need(ctx, top, permission.ListContainer); err != nil {
		return nil, "", false, err
	}
	if limit <= 0 || limit > 10_000 {
		limit = 10_000
	}
	now := map[string]*node{}
	gather(ctx, top, "", now)
	var known snapshot
	switch token {
	case "":
		known = snapshot{}
	case storage.TokenNow:
		known = snapshot{}
		for p, n := range now {
			known[p] = state{n.id, n.own}
		}
	default:
		if known = f.snapshots[token]; known == nil {
			return nil, "", false, storage.ErrSyncToken
		}
		known = maps.Clone(known)
	}
	out, more := f.compare(ctx, known, now, limit)
	return out, f.remember(known), more, nil
}

func gather(ctx context.Context, n *node, prefix string, out map[string]*node) {
	for _, name := range n.names() {
		if c := n.children[name]; visible(ctx, c) {
			out[prefix+name] = c
			gather(ctx, c, prefix+name+"/", out)
		}
	}
}

// compare tells at most limit differences and makes known what is told: removals first, folders before what is in them.
func (f *FS) compare(ctx context.Context, known snapshot, now map[string]*node, limit int) (out []storage.Change, more bool) {
	for _, p := range slices.Sorted(maps.Keys(known)) {
		if _, told := known[p]; !told || now[p] != nil {
			continue
		}
		if len(out) == limit {
			return out, true
		}
		out = append(out, storage.Change{Path: p, Removed: true})
		maps.DeleteFunc(known, func(q string, _ state) bool { return q == p || strings.HasPrefix(q, p+"/") })
	}
	for _, p := range slices.Sorted(maps.Keys(now)) {
		n := now[p]
		is := state{n.id, n.own}
		if known[p] == is {
			continue
		}
		if len(out) == limit {
			return out, true
		}
		out = append(out, storage.Change{Path: p, Info: f.info(ctx, n, storage.View{})})
		known[p] = is
	}
	return out, false
}

func (f *FS) remember(s snapshot) string {
	token := uuid.NewString()
	f.snapshots[token] = s
	if f.tokens = append(f.tokens, token); len(f.tokens) > maxSnapshots {
		delete(f.snapshots, f.tokens[0])
		f.tokens = f.tokens[1:]
	}
	return token
}
