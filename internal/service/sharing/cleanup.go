package sharing

import (
	"context"
	"maps"
	"slices"
	"time"

	"opencloud/internal/resource"
)

const (
	cleanEvery = time.Hour
	firstClean = time.Minute
	// expireEvery bounds how long after its end a link is told to have ended. It opens nothing from that moment on.
	expireEvery = 30 * time.Second
	// chunk is how many nodes the storage is asked about at once.
	chunk = 500
)

// Cleaned is what a cleanup removed.
type Cleaned struct {
	Links    int64 `json:"links"`    // to what is no more, or expired
	Received int64 `json:"received"` // views of what is no more, or no longer shared
	Grants   int   `json:"grants"`   // users and groups that are no more, and had shares
}

// Cleanup removes links to files that were removed for good, links that have expired, and views of what is no more or no longer
// shared. What is in the trash, or in a disabled space, keeps its own: it may come back.
func (d *Domain) Cleanup(ctx context.Context) (out Cleaned, err error) {
	ctx = asService(ctx)
	_, gone, err := d.goneLinks(ctx)
	if err == nil {
		out.Links, err = d.links.ForgetItems(ctx, slices.Collect(maps.Keys(gone)))
	}
	if err != nil {
		return out, err
	}
	expired, err := d.links.ForgetExpired(ctx, time.Now())
	if err != nil {
		return out, err
	}
	out.Links += expired
	_, dangling, err := d.mounts(ctx)
	if err == nil {
		out.Received, err = d.received.ForgetViews(ctx, dangling)
	}
	return out, err
}

// gone returns which of the nodes are no more.
func (d *Domain) gone(ctx context.Context, ids []resource.ID) (map[resource.ID]bool, error) {
	out := map[resource.ID]bool{}
	for ids := range slices.Chunk(ids, chunk) {
		gone, err := d.fs.Gone(ctx, ids)
		if err != nil {
			return nil, err
		}
		for _, id := range gone {
			out[id] = true
		}
	}
	return out, nil
}

// CleanupGrants removes what is shared with users and groups that the directory does not know. It is only done when asked for: a
// directory that answers wrongly for a moment must not cost anybody his shares.
func (d *Domain) CleanupGrants(ctx context.Context) (n int, err error) {
	ctx = asService(ctx)
	_, nobody, err := d.nobodies(ctx)
	if err != nil {
		return 0, err
	}
	for who := range nobody {
		if err := d.fs.DropGrantee(ctx, who.Kind, who.Grantee); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
