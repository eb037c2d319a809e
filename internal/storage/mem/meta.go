package mem

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/storage"
)

// amend changes what belongs to a node, which then has a new ETag.
func (f *FS) amend(ctx context.Context, ref storage.Ref, c storage.Conditions, change func(*node) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find(ctx, ref)
	if err != nil {
		return err
	}
	if err := need(ctx, n, permission.Upload); err != nil {
		return err
	}
	if err := check(&c, n); err != nil {
		return err
	}
	if err := guard(ctx, n, c.LockTokens, false); err != nil {
		return err
	}
	if err := change(n); err != nil {
		return err
	}
	f.touched(n)
	return nil
}

// Bounds of what one resource can have.
const (
	maxProps     = 1000
	maxPropBytes = 64 << 10
	maxTags      = 100
)

// PatchProps implements storage.Metadata.
func (f *FS) PatchProps(ctx context.Context, ref storage.Ref, patches []storage.PropPatch, c storage.Conditions) error {
	for _, p := range patches {
		if len(p.Prop.Value)+len(p.Prop.Attrs) > maxPropBytes || len(p.Prop.Name)+len(p.Prop.Namespace) > 4<<10 {
			return fmt.Errorf("%w: property is too large", storage.ErrInvalid)
		}
	}
	return f.amend(ctx, ref, c, func(n *node) error {
		props := slices.Clone(n.props)
		for _, p := range patches {
			props = slices.DeleteFunc(props, func(o storage.Prop) bool { return o.Namespace == p.Prop.Namespace && o.Name == p.Prop.Name })
			if !p.Remove {
				props = append(props, p.Prop)
			}
		}
		if len(props) > maxProps {
			return fmt.Errorf("%w: more than %d properties", storage.ErrInvalid, maxProps)
		}
		slices.SortFunc(props, func(a, b storage.Prop) int {
			return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
		})
		n.props = props
		return nil
	})
}

// SetMTime implements storage.Metadata. A folder's time is that of the last change below it.
func (f *FS) SetMTime(ctx context.Context, ref storage.Ref, t time.Time, c storage.Conditions) error {
	return f.amend(ctx, ref, c, func(n *node) error {
		if !n.isFolder() {
			n.mtime = t
		}
		return nil
	})
}

// SetFavorite implements storage.Metadata.
func (f *FS) SetFavorite(ctx context.Context, ref storage.Ref, on bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find(ctx, ref)
	if err == nil && identity.ActorFrom(ctx).Kind == identity.Visitor {
		err = storage.ErrForbidden
	}
	if err != nil {
		return err
	}
	if n.fans == nil {
		n.fans = map[string]bool{}
	}
	n.fans[identity.ActorFrom(ctx).User.ID] = on
	return nil
}

// Favorites implements storage.Metadata.
func (f *FS) Favorites(ctx context.Context, ref storage.Ref) (iter.Seq2[storage.Info, error], error) {
	uid := identity.ActorFrom(ctx).User.ID
	return f.search(ctx, ref, func(n *node) bool { return n.fans[uid] })
}

// Tagged implements storage.Metadata.
func (f *FS) Tagged(ctx context.Context, ref storage.Ref, tag string) (iter.Seq2[storage.Info, error], error) {
	return f.search(ctx, ref, func(n *node) bool { return slices.Contains(n.tags, tag) || tag == "" && len(n.tags) > 0 })
}

// search yields the visible nodes of a folder, and itself, that match.
func (f *FS) search(ctx context.Context, ref storage.Ref, match func(*node) bool) (iter.Seq2[storage.Info, error], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	top, err := f.find(ctx, ref)
	if err != nil {
		return nil, err
	}
	var out []storage.Info
	var walk func(n *node)
	walk = func(n *node) {
		if !visible(ctx, n) {
			return
		}
		if match(n) {
			out = append(out, f.info(ctx, n, storage.View{Path: true}))
		}
		for _, name := range n.names() {
			walk(n.children[name])
		}
	}
	walk(top)
	return sequence(out), nil
}

// AddTags implements storage.Metadata.
func (f *FS) AddTags(ctx context.Context, ref storage.Ref, tags []string) error {
	for _, t := range tags {
		if t == "" || len(t) > 255 {
			return fmt.Errorf("%w: tag must have 1 to 255 bytes", storage.ErrInvalid)
		}
	}
	return f.amend(ctx, ref, storage.Conditions{}, func(n *node) error {
		all := append(slices.Clone(n.tags), tags...)
		slices.Sort(all)
		if all = slices.Compact(all); len(all) > maxTags {
			return fmt.Errorf("%w: more than %d tags", storage.ErrInvalid, maxTags)
		}
		n.tags = all
		return nil
	})
}

// RemoveTags implements storage.Metadata.
func (f *FS) RemoveTags(ctx context.Context, ref storage.Ref, tags []string) error {
	return f.amend(ctx, ref, storage.Conditions{}, func(n *node) error {
		n.tags = slices.DeleteFunc(n.tags, func(t string) bool { return slices.Contains(tags, t) })
		return nil
	})
}
