package sharing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

const (
	cleanEvery = time.Hour
	firstClean = time.Minute
	// chunk is how many nodes the storage is asked about at once.
	chunk = 500
)

// Cleaned is what a cleanup removed.
type Cleaned struct {
	Links    int64 `json:"links"`    // to what is no more, or expired
	Received int64 `json:"received"` // views of what is no more
	Grants   int   `json:"grants"`   // users and groups that are no more, and had shares
}

// Cleanup removes links and views of files that were removed for good, and links that have expired. What is in the trash, or in
// a disabled space, keeps its own: it may come back.
func (d *Domain) Cleanup(ctx context.Context) (out Cleaned, err error) {
	ctx = asService(ctx)
	links, err := d.links.All(ctx)
	if err != nil {
		return out, err
	}
	linked := make([]resource.ID, len(links))
	for i := range links {
		linked[i] = links[i].Item
	}
	gone, err := d.gone(ctx, linked)
	if err == nil {
		out.Links, err = d.links.ForgetItems(ctx, gone)
	}
	if err != nil {
		return out, err
	}
	expired, err := d.links.ForgetExpired(ctx, time.Now())
	if err != nil {
		return out, err
	}
	out.Links += expired
	received, err := d.received.Items(ctx)
	if err == nil {
		gone, err = d.gone(ctx, received)
	}
	if err == nil {
		out.Received, err = d.received.ForgetItems(ctx, gone)
	}
	return out, err
}

func (d *Domain) gone(ctx context.Context, ids []resource.ID) (out []resource.ID, err error) {
	for len(ids) > 0 {
		n := min(chunk, len(ids))
		gone, err := d.fs.Gone(ctx, ids[:n])
		if err != nil {
			return nil, err
		}
		out, ids = append(out, gone...), ids[n:]
	}
	return out, nil
}

// CleanupGrants removes what is shared with users and groups that the directory does not know. It is only done when asked for: a
// directory that answers wrongly for a moment must not cost anybody his shares.
func (d *Domain) CleanupGrants(ctx context.Context, users identity.Users, groups identity.Groups) (n int, err error) {
	ctx = asService(ctx)
	found, err := d.fs.FindGrants(ctx, storage.GrantQuery{All: true})
	if err != nil {
		return 0, err
	}
	seen := map[space.Grant]bool{}
	for _, g := range found {
		who := space.Grant{Kind: g.Grant.Kind, Grantee: g.Grant.Grantee}
		if seen[who] {
			continue
		}
		seen[who] = true
		if who.Kind == space.GroupGrantee {
			_, err = groups.Group(ctx, who.Grantee)
		} else {
			_, err = users.User(ctx, who.Grantee)
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, identity.ErrNotFound) {
			return n, fmt.Errorf("ask the directory for %s: %w", who.Grantee, err)
		}
		if err := d.fs.DropGrantee(ctx, who.Kind, who.Grantee); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// cleaning cleans up from time to time.
func (d *Domain) cleaning(log *slog.Logger) func(context.Context) error {
	return func(ctx context.Context) error {
		for wait := firstClean; ; wait = cleanEvery {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(wait):
			}
			if _, err := d.Cleanup(ctx); err != nil && ctx.Err() == nil {
				log.WarnContext(ctx, "cleaning up shares and links", "err", err)
			}
		}
	}
}
