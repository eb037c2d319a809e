package mem

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// freeBytes is what a space without quota has left.
const freeBytes = 1 << 40

func quotaOf(t *tree) space.Quota {
	q := space.Quota{Max: t.quota, Used: t.root.size(), Remaining: freeBytes}
	if t.quota > 0 {
		q.Remaining = max(0, t.quota-q.Used)
	}
	return q
}

func (f *FS) describe(ctx context.Context, t *tree) space.Space {
	return space.Space{ID: f.id(t.root), Type: t.kind, Name: t.name, Alias: t.alias, Description: t.description, Owner: t.owner, Quota: quotaOf(t),
		ImageID: t.image, ReadmeID: t.readme, ETag: t.root.etag(), MTime: t.root.mtime, Permissions: rights(ctx, t.root), Disabled: t.disabled,
		Members: slices.Clone(t.root.grants), HasTrash: len(t.trash) > 0}
}

// ListSpaces implements storage.Spaces.
func (f *FS) ListSpaces(ctx context.Context, flt storage.SpaceFilter) ([]space.Space, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := identity.ActorFrom(ctx)
	all := flt.All && (a.Kind == identity.Service || a.MayListAllSpaces)
	var out []space.Space
	for _, t := range f.spaces {
		id := f.id(t.root)
		if !flt.ID.IsZero() && flt.ID.WithStorage(f.storageID).Root() != id || flt.Type != "" && flt.Type != t.kind || flt.Owner != "" && flt.Owner != t.owner {
			continue
		}
		may := rights(ctx, t.root)
		visible := may.Has(permission.Stat)
		if !t.disabled.IsZero() {
			visible = may.Has(permission.RemoveGrant) // managers
		}
		member := flt.User == "" || t.owner == flt.User || t.root.grantOf(space.UserGrantee, flt.User) >= 0
		if (visible || all) && member {
			out = append(out, f.describe(ctx, t))
		}
	}
	rank := func(s space.Space) int {
		if s.Type == space.Personal {
			return 0
		}
		return 1
	}
	slices.SortFunc(out, func(a, b space.Space) int {
		return cmp.Or(rank(a)-rank(b), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID.Space, b.ID.Space))
	})
	return out, nil
}

// CreateSpace implements storage.Spaces.
func (f *FS) CreateSpace(ctx context.Context, r storage.SpaceRequest) (space.Space, error) {
	a := identity.ActorFrom(ctx)
	if a.Kind != identity.Person && a.Kind != identity.Service {
		return space.Space{}, storage.ErrForbidden
	}
	t := &tree{id: r.ID, kind: r.Type, name: r.Name, alias: r.Alias, description: r.Description, quota: r.Quota, nodes: map[string]*node{}}
	switch r.Type {
	case space.Personal:
		if t.owner = r.Owner; t.owner == "" {
			t.owner = a.User.ID
		}
		if a.Kind != identity.Service && t.owner != a.User.ID {
			return space.Space{}, storage.ErrForbidden
		}
		t.id = t.owner
	case space.Project:
		if t.id == "" {
			t.id = uuid.NewString()
		}
		if err := space.ValidateName(t.name); err != nil {
			return space.Space{}, fmt.Errorf("%w: %w", storage.ErrInvalid, err)
		}
	default:
		return space.Space{}, fmt.Errorf("%w: a space is personal or a project", storage.ErrInvalid)
	}
	if _, err := resource.ParseID("s$" + t.id); err != nil {
		return space.Space{}, fmt.Errorf("%w: id of the space", storage.ErrInvalid)
	}
	if t.alias == "" {
		t.alias = string(t.kind) + "/" + strings.ToLower(strings.ReplaceAll(t.name, " ", "-"))
	}
	if t.name == "" {
		t.name = t.id
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.spaces[t.id] != nil {
		return space.Space{}, storage.ErrExists
	}
	t.root = &node{id: t.id, space: t, kind: resource.Folder, children: map[string]*node{}}
	t.nodes[t.id] = t.root
	if t.kind == space.Project && a.Kind == identity.Person {
		t.root.grants = []space.Grant{{Kind: space.UserGrantee, Grantee: a.User.ID, Permissions: permission.Manager, Creator: a.User.ID, Created: time.Now()}}
	}
	f.spaces[t.id] = t
	f.touched(t.root)
	return f.describe(ctx, t), nil
}

// manage runs a change of a space by somebody who manages it.
func (f *FS) manage(ctx context.Context, id resource.ID, change func(*tree) error) (space.Space, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.spaces[id.Space]
	if t == nil || id.Storage != f.storageID {
		return space.Space{}, storage.ErrNotFound
	}
	switch may := rights(ctx, t.root); {
	case !may.Has(permission.Stat):
		return space.Space{}, storage.ErrNotFound
	case !may.Has(permission.RemoveGrant):
		return space.Space{}, storage.ErrForbidden
	}
	if err := change(t); err != nil {
		return space.Space{}, err
	}
	f.touched(t.root)
	return f.describe(ctx, t), nil
}

// UpdateSpace implements storage.Spaces.
func (f *FS) UpdateSpace(ctx context.Context, id resource.ID, u storage.SpaceUpdate) (space.Space, error) {
	return f.manage(ctx, id, func(t *tree) error {
		if !t.disabled.IsZero() && !u.Restore {
			return storage.ErrNotFound
		}
		if u.Name != nil {
			if err := space.ValidateName(*u.Name); err != nil {
				return fmt.Errorf("%w: %w", storage.ErrInvalid, err)
			}
		}
		for _, special := range []*string{u.ImageID, u.ReadmeID} {
			if special != nil && *special != "" && t.nodes[*special] == nil {
				return storage.ErrNotFound
			}
		}
		set := func(to, v *string) {
			if v != nil {
				*to = *v
			}
		}
		set(&t.name, u.Name)
		set(&t.alias, u.Alias)
		set(&t.description, u.Description)
		set(&t.image, u.ImageID)
		set(&t.readme, u.ReadmeID)
		if u.Quota != nil {
			t.quota = max(0, *u.Quota)
		}
		if u.Restore {
			t.disabled = time.Time{}
		}
		return nil
	})
}

// DisableSpace implements storage.Spaces.
func (f *FS) DisableSpace(ctx context.Context, id resource.ID) error {
	_, err := f.manage(ctx, id, func(t *tree) error {
		if t.disabled.IsZero() {
			t.disabled = time.Now()
		}
		return nil
	})
	return err
}

// PurgeSpace implements storage.Spaces.
func (f *FS) PurgeSpace(ctx context.Context, id resource.ID) error {
	_, err := f.manage(ctx, id, func(t *tree) error {
		if t.disabled.IsZero() {
			return fmt.Errorf("%w: disable the space first", storage.ErrInvalid)
		}
		delete(f.spaces, t.id)
		return nil
	})
	return err
}

// Quota implements storage.Spaces.
func (f *FS) Quota(ctx context.Context, id resource.ID) (space.Quota, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find(ctx, storage.At(id, ""))
	if err == nil {
		err = need(ctx, n, permission.GetQuota)
	}
	if err != nil {
		return space.Quota{}, err
	}
	return quotaOf(n.space), nil
}
