package posix

import (
	"context"
	"sync/atomic"

	"opencloud/internal/platform/cache"
	"opencloud/internal/platform/db"
	"opencloud/internal/space"
	"opencloud/internal/storage/tree"
)

const (
	rememberedNodes = 1024
	maxRemembered   = 256 // grants on one node
)

// grantCache remembers the grants on nodes. What it tells is exact: whoever changes the grants on a live node gives it a new
// sequence number in the same transaction, so (node, seq) names them. Where that is not so (in the trash, when a space is removed
// or the index made anew) the epoch ends after the commit. A reader takes the epoch before its snapshot, so what it puts in under
// an epoch was never older than that.
type grantCache struct {
	epoch atomic.Int64
	nodes *cache.Map[grantKey, []space.Grant]
}

type grantKey struct {
	node       string
	seq, epoch int64
}

// snapshot is a Reader that may use and fill the cache; transactions that write see what they wrote.
type snapshot struct {
	db.Reader
	epoch int64
}

// forget ends the epoch; to be called after the commit.
func (c *grantCache) forget() { c.epoch.Add(1) }

// grantsOf returns the grants on a node, which was read from the same snapshot.
func (f *FS) grantsOf(ctx context.Context, r db.Reader, n *tree.Node) ([]space.Grant, error) {
	s, ok := r.(snapshot)
	if !ok {
		return tree.GrantsOf(ctx, r, n.ID)
	}
	key := grantKey{n.ID, n.Seq, s.epoch}
	if grants, ok := f.grants.nodes.Get(key); ok {
		return grants, nil
	}
	grants, err := tree.GrantsOf(ctx, r, n.ID)
	if err == nil && len(grants) <= maxRemembered {
		f.grants.nodes.Put(key, grants)
	}
	return grants, err
}
