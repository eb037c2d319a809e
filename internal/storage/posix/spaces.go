package posix

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sort"
	"strings"
	"time"

	"github.com/google/uuid"

	"opencloud/internal/event"
	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix/attrs"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/posix/scan"
	"opencloud/internal/storage/tree"
)

// anySpace returns a space of the storage, also a disabled one.
func (f *FS) anySpace(id string) *tree.Space {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.spaces[id]
}

// ListSpaces implements storage.Spaces: personal spaces first, then by name.
func (f *FS) ListSpaces(ctx context.Context, flt storage.SpaceFilter) ([]space.Space, error) {
	a := identity.ActorFrom(ctx)
	all := flt.All && (a.Kind == identity.Service || a.MayListAllSpaces)
	f.mu.RLock()
	candidates := make([]*tree.Space, 0, len(f.spaces))
	for _, s := range f.spaces {
		if (flt.ID.IsZero() || flt.ID.Space == s.ID && flt.ID.WithStorage(f.cfg.StorageID).Storage == f.cfg.StorageID) && (flt.Type == "" || flt.Type == s.Type) && (flt.Owner == "" || flt.Owner == s.Owner) {
			candidates = append(candidates, s)
		}
	}
	f.mu.RUnlock()
	var out []space.Space
	err := f.read(ctx, func(r db.Reader) error {
		member, err := f.memberOf(ctx, r, &a)
		if err != nil {
			return err
		}
		for _, s := range candidates {
			if !all && s.Owner != a.User.ID && !member[s.ID] && a.Kind != identity.Service {
				continue
			}
			sp, err := f.describeSpace(ctx, r, s)
			if err != nil {
				return err
			}
			visible := sp.Permissions.Has(permission.Stat)
			if s.Disabled != 0 {
				visible = sp.Permissions.Has(permission.RemoveGrant) // managers
			}
			if !visible && !all || flt.User != "" && !sp.hasUser(flt.User) {
				continue
			}
			out = append(out, sp.Space)
		}
		return nil
	})
	sort.Slice(out, func(i, j int) bool {
		x, y := &out[i], &out[j]
		if (x.Type == space.Personal) != (y.Type == space.Personal) {
			return x.Type == space.Personal
		}
		if x.Name != y.Name {
			return x.Name < y.Name
		}
		return x.ID.Space < y.ID.Space
	})
	return out, err
}

// memberOf returns the spaces in which an actor has a grant on anything.
func (f *FS) memberOf(ctx context.Context, r db.Reader, a *identity.Actor) (map[string]bool, error) {
	out := map[string]bool{}
	add := func(row db.Row) error { out[row.Text(0)] = true; return nil }
	const sql = `SELECT DISTINCT space FROM grants WHERE kind=? AND grantee=? AND node=space`
	if err := r.Query(ctx, sql, add, int64(space.UserGrantee), a.User.ID); err != nil {
		return nil, err
	}
	for _, g := range a.Groups {
		if err := r.Query(ctx, sql, add, int64(space.GroupGrantee), g); err != nil {
			return nil, err
		}
	}
	return out, nil
}

type describedSpace struct{ space.Space }

func (s *describedSpace) hasUser(id string) bool {
	if s.Owner == id {
		return true
	}
	for _, g := range s.Members {
		if g.Kind == space.UserGrantee && g.Grantee == id {
			return true
		}
	}
	return false
}

func (f *FS) describeSpace(ctx context.Context, r db.Reader, s *tree.Space) (*describedSpace, error) {
	n, err := tree.ByID(ctx, r, s.ID)
	if err != nil {
		return nil, err
	}
	may, err := f.rights(ctx, r, s, tree.Chain{n})
	if err != nil {
		return nil, err
	}
	out := &describedSpace{space.Space{ID: f.id(s.ID, s.ID), Type: s.Type, Name: s.Name, Alias: s.Alias, Description: s.Description, Owner: s.Owner,
		ImageID: s.Image, ReadmeID: s.Readme, ETag: n.ETag(), MTime: time.Unix(0, n.MTime), Permissions: may, Disabled: db.Time(s.Disabled),
		Quota: f.quotaOf(s, n)}}
	if n.Flags&tree.FlagGrants != 0 {
		if out.Members, err = tree.GrantsOf(ctx, r, s.ID); err != nil {
			return nil, err
		}
	}
	err = r.Query(ctx, `SELECT 1 FROM trash WHERE space=? LIMIT 1`, func(db.Row) error { out.HasTrash = true; return nil }, s.ID)
	return out, err
}

func (f *FS) quotaOf(s *tree.Space, root *tree.Node) space.Quota {
	q := space.Quota{Max: s.Quota, Used: root.Size}
	if s.Quota > 0 {
		q.Remaining = max(0, s.Quota-root.Size)
	} else if free, _, err := f.disk.Free(); err == nil {
		q.Remaining = free
	}
	return q
}

// Quota implements storage.Spaces.
func (f *FS) Quota(ctx context.Context, id resource.ID) (q space.Quota, err error) {
	err = f.read(ctx, func(r db.Reader) error {
		p, err := f.locateNames(ctx, r, id, nil)
		if err == nil {
			err = p.need(permission.GetQuota)
		}
		if err == nil {
			q = f.quotaOf(p.space, p.chain.Root())
		}
		return err
	})
	return q, err
}

// CreateSpace implements storage.Spaces.
func (f *FS) CreateSpace(ctx context.Context, r storage.SpaceRequest) (space.Space, error) {
	a := identity.ActorFrom(ctx)
	if a.Kind != identity.Person && a.Kind != identity.Service {
		return space.Space{}, storage.ErrForbidden
	}
	s := &tree.Space{ID: r.ID, Type: r.Type, Name: r.Name, Alias: r.Alias, Description: r.Description, Quota: r.Quota, Created: time.Now().UnixNano()}
	if err := f.prepareSpace(s, &r, &a); err != nil {
		return space.Space{}, err
	}
	if f.anySpace(s.ID) != nil {
		return space.Space{}, storage.ErrExists
	}
	root, err := f.spaceFolder(s)
	if err != nil {
		return space.Space{}, translate(err)
	}
	var out *describedSpace
	err = f.write(ctx, func(tx db.Tx) error {
		if _, err := tree.ByID(ctx, tx, s.ID); err == nil {
			return storage.ErrExists
		}
		if err := tree.SaveSpace(ctx, tx, s); err != nil {
			return err
		}
		if err := tree.Insert(ctx, tx, root); err != nil {
			return err
		}
		if s.Type == space.Project && a.Kind == identity.Person {
			g := space.Grant{Kind: space.UserGrantee, Grantee: a.User.ID, Permissions: permission.Manager, Creator: a.User.ID, Created: time.Now()}
			if err := tree.SaveGrant(ctx, tx, root, g); err != nil {
				return err
			}
			tx.AfterCommit(func() error { f.note(attrs.WriteGrant(f.disk, s.Dir, g)); return nil })
		}
		e := f.about(event.SpaceCreated, s, root)
		e.Creator = a.User.ID
		if err := event.Append(ctx, tx, e); err != nil {
			return err
		}
		tx.AfterCommit(func() error { f.remember(s); f.note(attrs.WriteSpace(f.disk, s)); return nil })
		out, err = f.describeSpace(ctx, tx, s)
		return err
	})
	if err != nil {
		return space.Space{}, err
	}
	return out.Space, nil
}

func (f *FS) prepareSpace(s *tree.Space, r *storage.SpaceRequest, a *identity.Actor) error {
	switch r.Type {
	case space.Personal:
		if s.Owner = r.Owner; s.Owner == "" {
			s.Owner = a.User.ID
		}
		if a.Kind != identity.Service && s.Owner != a.User.ID {
			return storage.ErrForbidden
		}
		s.ID = s.Owner
	case space.Project:
		if s.ID == "" {
			s.ID = uuid.NewString()
		}
		if err := space.ValidateName(s.Name); err != nil {
			return errors.Join(storage.ErrInvalid, err)
		}
	default:
		return fmt.Errorf("%w: a space is personal or a project", storage.ErrInvalid)
	}
	if _, err := resource.ParseID("s$" + s.ID); err != nil || s.ID == "" {
		return fmt.Errorf("%w: id of the space", storage.ErrInvalid)
	}
	if s.Alias == "" {
		s.Alias = string(s.Type) + "/" + strings.ToLower(strings.ReplaceAll(s.Name, " ", "-"))
	}
	if s.Name == "" {
		s.Name = s.ID
	}
	var err error
	if s.Dir, err = f.spaceDir(s, a); err != nil {
		return err
	}
	if f.cfg.MaxQuota > 0 && (s.Quota <= 0 || s.Quota > f.cfg.MaxQuota) {
		s.Quota = f.cfg.MaxQuota
	}
	return nil
}

// spaceFolder makes the folders of a space; what is in them already will be taken in.
func (f *FS) spaceFolder(s *tree.Space) (*tree.Node, error) {
	for _, d := range []string{"", "/.oc-nodes", "/.oc-tmp", "/.Trash/files", "/.Trash/info"} {
		if err := disk.MkdirAll(f.disk, s.Dir+d); err != nil {
			return nil, err
		}
	}
	if err := f.disk.SetXattr(s.Dir, scan.IDAttr, s.ID); err != nil && !errors.Is(err, disk.ErrNoXattr) {
		return nil, err
	}
	st, err := f.disk.Lstat(s.Dir)
	if err != nil {
		return nil, err
	}
	if err := f.disk.Sync(); err != nil {
		return nil, err
	}
	// Numbers begin with the time, so that an index made anew never repeats an ETag.
	return &tree.Node{ID: s.ID, Space: s.ID, Parent: tree.RootParent, Name: s.ID, Kind: resource.Folder, MTime: time.Now().UnixNano(),
		Seq: time.Now().UnixMicro(), Ino: int64(st.Ino)}, nil
}

// manage runs a change of a space by somebody who manages it.
func (f *FS) manage(ctx context.Context, id resource.ID, change func(tx db.Tx, s *tree.Space, root *tree.Node) error) (out space.Space, err error) {
	if id.Storage != f.cfg.StorageID {
		return out, storage.ErrNotFound
	}
	err = f.write(ctx, func(tx db.Tx) error {
		old := f.anySpace(id.Space)
		if old == nil {
			return storage.ErrNotFound
		}
		s := *old
		root, err := tree.ByID(ctx, tx, s.ID)
		if err != nil {
			return err
		}
		may, err := f.rights(ctx, tx, &s, tree.Chain{root})
		switch {
		case err != nil:
			return err
		case !may.Has(permission.Stat):
			return storage.ErrNotFound
		case !may.Has(permission.RemoveGrant):
			return storage.ErrForbidden
		}
		if err := change(tx, &s, root); err != nil {
			return err
		}
		if err := tree.SaveSpace(ctx, tx, &s); err != nil {
			return err
		}
		now := time.Now()
		if err := tree.Touch(ctx, tx, tree.Chain{root}, root.Seq+1, 0, now); err != nil {
			return err
		}
		if err := f.journal(ctx, tx, "space", root, root.Seq, "", "", now); err != nil {
			return err
		}
		if err := f.tellSpace(ctx, tx, old, &s, root); err != nil {
			return err
		}
		tx.AfterCommit(func() error { f.remember(&s); f.note(attrs.WriteSpace(f.disk, &s)); return nil })
		d, err := f.describeSpace(ctx, tx, &s)
		if err == nil {
			out = d.Space
		}
		return err
	})
	return out, err
}

// UpdateSpace implements storage.Spaces.
func (f *FS) UpdateSpace(ctx context.Context, id resource.ID, u storage.SpaceUpdate) (space.Space, error) {
	return f.manage(ctx, id, func(tx db.Tx, s *tree.Space, root *tree.Node) error {
		if s.Disabled != 0 && !u.Restore {
			return storage.ErrNotFound
		}
		if u.Restore {
			s.Disabled = 0
		}
		if u.Name != nil {
			if err := space.ValidateName(*u.Name); err != nil {
				return errors.Join(storage.ErrInvalid, err)
			}
			s.Name = *u.Name
		}
		set := func(to *string, v *string) {
			if v != nil {
				*to = *v
			}
		}
		set(&s.Alias, u.Alias)
		set(&s.Description, u.Description)
		for _, special := range []struct {
			to *string
			v  *string
		}{{&s.Image, u.ImageID}, {&s.Readme, u.ReadmeID}} {
			if special.v != nil && *special.v != "" {
				if n, err := tree.ByID(ctx, tx, *special.v); err != nil || n.Space != s.ID {
					return storage.ErrNotFound
				}
			}
			set(special.to, special.v)
		}
		if u.Quota != nil {
			if f.cfg.MaxQuota > 0 && (*u.Quota <= 0 || *u.Quota > f.cfg.MaxQuota) {
				return fmt.Errorf("%w: the quota is above the maximum", storage.ErrInvalid)
			}
			s.Quota = max(0, *u.Quota)
		}
		return nil
	})
}

// DisableSpace implements storage.Spaces.
func (f *FS) DisableSpace(ctx context.Context, id resource.ID) error {
	_, err := f.manage(ctx, id, func(_ db.Tx, s *tree.Space, _ *tree.Node) error {
		if s.Disabled == 0 {
			s.Disabled = time.Now().UnixNano()
		}
		return nil
	})
	return err
}

// PurgeSpace implements storage.Spaces.
func (f *FS) PurgeSpace(ctx context.Context, id resource.ID) error {
	_, err := f.manage(ctx, id, func(_ db.Tx, s *tree.Space, _ *tree.Node) error {
		if s.Disabled == 0 {
			return fmt.Errorf("%w: disable the space first", storage.ErrInvalid)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s := f.anySpace(id.Space)
	if s == nil {
		return storage.ErrNotFound
	}
	// Out of sight first, then the rows, then the bytes: a crash in between leaves a folder that nobody sees.
	grave := graveyard + "/" + s.ID + "-" + uuid.NewString()
	if err := disk.MkdirAll(f.disk, graveyard); err != nil {
		return translate(err)
	}
	if err := f.disk.Rename(s.Dir, grave, true); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return translate(err)
	}
	err = f.write(ctx, func(tx db.Tx) error {
		root, err := tree.ByID(ctx, tx, s.ID)
		if err != nil {
			return err // somebody else was quicker
		}
		e := f.about(event.SpaceDeleted, s, root)
		if err := f.withMembers(ctx, tx, &e, root); err != nil {
			return err
		}
		if err := event.Append(ctx, tx, e); err != nil {
			return err
		}
		for _, table := range []string{"versions", "props", "tags", "favorites"} {
			if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE node IN (SELECT id FROM nodes WHERE space=?)`, s.ID); err != nil {
				return err
			}
		}
		for _, table := range []string{"grants", "locks", "trash", "uploads", "journal", "nodes"} {
			if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE space=?`, s.ID); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `DELETE FROM spaces WHERE id=?`, s.ID); err != nil {
			return err
		}
		tx.AfterCommit(func() error {
			f.mu.Lock()
			delete(f.spaces, s.ID)
			f.mu.Unlock()
			f.grants.forget() // a personal space may be made again under the same id
			return nil
		})
		return nil
	})
	f.kick()
	return err
}
