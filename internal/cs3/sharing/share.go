package sharing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	gatewaypb "github.com/cs3org/go-cs3apis/cs3/gateway/v1beta1"
	sharepb "github.com/cs3org/go-cs3apis/cs3/sharing/collaboration/v1beta1"

	"opencloud/internal/cs3/files"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/share"
	"opencloud/internal/storage"
)

// CreateShare implements the API; on the root of a project it makes a member.
func (s *Server) CreateShare(ctx context.Context, r *sharepb.CreateShareRequest) (*sharepb.CreateShareResponse, error) {
	g := r.GetGrant()
	in := share.Invitation{Rights: files.FromSet(g.GetPermissions().GetPermissions()), Expires: files.FromTime(g.GetExpiration())}
	in.Kind, in.Grantee = files.FromGrantee(g.GetGrantee())
	err := known(ctx)
	var on resource.ID
	if err == nil {
		on, err = files.FromID(r.GetResourceInfo().GetId())
	}
	var sh share.Share
	if err == nil {
		sh, err = s.shares.Invite(ctx, storage.At(on, ""), in)
	}
	if err != nil {
		return &sharepb.CreateShareResponse{Status: Status(err)}, nil
	}
	return &sharepb.CreateShareResponse{Status: Status(nil), Share: toShare(&sh)}, nil
}

// find returns the share that a reference means: by its id, or by what it is on and whom it is for.
func (s *Server) find(ctx context.Context, r *sharepb.ShareReference) (share.Share, error) {
	if err := known(ctx); err != nil {
		return share.Share{}, err
	}
	key := r.GetKey()
	root, name, ok := member(r.GetId().GetOpaqueId())
	if key == nil && !ok {
		return s.shares.Find(ctx, r.GetId().GetOpaqueId())
	}
	if key != nil {
		var err error
		if root, err = files.FromID(key.GetResourceId()); err != nil {
			return share.Share{}, err
		}
	}
	_, all, err := s.shares.List(ctx, storage.At(root, ""))
	for _, sh := range all {
		if key == nil && sh.ID() == name || key != nil && keyed(key, &sh) {
			return sh, nil
		}
	}
	if err == nil {
		err = storage.ErrNotFound
	}
	return share.Share{}, err
}

// keyed tells whether a key, whose owner may be left out, is that of a share.
func keyed(k *sharepb.ShareKey, sh *share.Share) bool {
	kind, grantee := files.FromGrantee(k.GetGrantee())
	owner := k.GetOwner().GetOpaqueId()
	return sh.Kind == kind && sh.Grantee == grantee && (owner == "" || owner == sh.Item.SpaceOwner)
}

// RemoveShare implements the API.
func (s *Server) RemoveShare(ctx context.Context, r *sharepb.RemoveShareRequest) (*sharepb.RemoveShareResponse, error) {
	return &sharepb.RemoveShareResponse{Status: Status(s.remove(ctx, r.GetRef()))}, nil
}

func (s *Server) remove(ctx context.Context, r *sharepb.ShareReference) error {
	if root, name, ok := member(r.GetId().GetOpaqueId()); ok {
		if err := known(ctx); err != nil {
			return err
		}
		return s.shares.Remove(ctx, storage.At(root, ""), name) // members may leave without seeing the others
	}
	sh, err := s.find(ctx, r)
	if err != nil {
		return err
	}
	return s.shares.Remove(ctx, storage.At(sh.Item.ID, ""), sh.ID())
}

// GetShare implements the API.
func (s *Server) GetShare(ctx context.Context, r *sharepb.GetShareRequest) (*sharepb.GetShareResponse, error) {
	sh, err := s.find(ctx, r.GetRef())
	if err != nil {
		return &sharepb.GetShareResponse{Status: Status(err)}, nil
	}
	return &sharepb.GetShareResponse{Status: Status(nil), Share: toShare(&sh)}, nil
}

// UpdateShare implements the API: rights and expiration, by a mask of permissions and expiration or by the older field.
func (s *Server) UpdateShare(ctx context.Context, r *sharepb.UpdateShareRequest) (*sharepb.UpdateShareResponse, error) {
	ref := r.GetRef()
	if ref == nil {
		ref = &sharepb.ShareReference{Spec: &sharepb.ShareReference_Id{Id: r.GetShare().GetId()}}
	}
	sh, err := s.find(ctx, ref)
	var c share.Change
	if err == nil {
		c, err = toChange(r)
	}
	if err == nil {
		sh, err = s.shares.Update(ctx, storage.At(sh.Item.ID, ""), sh.ID(), c)
	}
	if err != nil {
		return &sharepb.UpdateShareResponse{Status: Status(err)}, nil
	}
	return &sharepb.UpdateShareResponse{Status: Status(nil), Share: toShare(&sh)}, nil
}

func toChange(r *sharepb.UpdateShareRequest) (c share.Change, err error) {
	rights := r.GetField().GetPermissions()
	for _, p := range r.GetUpdateMask().GetPaths() {
		switch p {
		case "permissions":
			rights = r.GetShare().GetPermissions()
		case "expiration":
			t := files.FromTime(r.GetShare().GetExpiration())
			c.Expires = &t
		default:
			return c, fmt.Errorf("%w: %q cannot be changed", storage.ErrInvalid, p)
		}
	}
	if rights.GetPermissions() != nil {
		set := files.FromSet(rights.GetPermissions())
		c.Rights = &set
	}
	if c == (share.Change{}) || slices.Contains(r.GetUpdateMask().GetPaths(), "permissions") && c.Rights == nil {
		err = fmt.Errorf("%w: it does not say what to change", storage.ErrInvalid)
	}
	return c, err
}

// filter is what a listing is narrowed to: of each kind of filter that there is, one must match.
type filter []*sharepb.Filter

func (f filter) matches(sh *share.Share, state share.State) bool {
	wanted, met := map[sharepb.Filter_Type]bool{}, map[sharepb.Filter_Type]bool{}
	for _, x := range f {
		wanted[x.GetType()] = true
		if match(x, sh, state) {
			met[x.GetType()] = true
		}
	}
	return len(wanted) == len(met)
}

func match(x *sharepb.Filter, sh *share.Share, state share.State) bool {
	switch x.GetType() {
	case sharepb.Filter_TYPE_RESOURCE_ID:
		id, err := files.FromID(x.GetResourceId())
		return err == nil && id == sh.Item.ID
	case sharepb.Filter_TYPE_OWNER:
		return x.GetOwner().GetOpaqueId() == sh.Item.SpaceOwner
	case sharepb.Filter_TYPE_CREATOR:
		return x.GetCreator().GetOpaqueId() == sh.Creator
	case sharepb.Filter_TYPE_GRANTEE_TYPE:
		return x.GetGranteeType() == files.ToGrantee(sh.Kind, "").GetType()
	case sharepb.Filter_TYPE_EXCLUDE_DENIALS:
		return sh.Permissions != permission.None
	case sharepb.Filter_TYPE_SPACE_ID:
		return x.GetSpaceId() == sh.Item.ID.SpaceID() || x.GetSpaceId() == sh.Item.ID.Space
	case sharepb.Filter_TYPE_STATE:
		return x.GetState() == sharepb.ShareState(state)
	}
	return false
}

// check refuses what match does not know, rather than to answer something else.
func (f filter) check(received bool) error {
	if len(f) > maxFilters {
		return fmt.Errorf("%w: too many filters", storage.ErrInvalid)
	}
	for _, x := range f {
		switch t := x.GetType(); {
		case t == sharepb.Filter_TYPE_STATE && received, t >= sharepb.Filter_TYPE_RESOURCE_ID && t <= sharepb.Filter_TYPE_SPACE_ID:
		default:
			return fmt.Errorf("%w: there is no filter %s here", storage.ErrInvalid, t)
		}
	}
	return nil
}

// given returns the shares on the resources or in the spaces that the filter names, else those that the caller gave.
func (s *Server) given(ctx context.Context, f filter) (all []share.Share, err error) {
	if err = known(ctx); err == nil {
		err = f.check(false)
	}
	if err != nil {
		return nil, err
	}
	named := func(t sharepb.Filter_Type) filter {
		return slices.DeleteFunc(slices.Clone(f), func(x *sharepb.Filter) bool { return x.GetType() != t })
	}
	var found []share.Share
	add := func(some []share.Share, err error) error {
		found = append(found, some...)
		if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrForbidden) {
			return nil // a listing of what is not the caller's is empty
		}
		return err
	}
	if on := named(sharepb.Filter_TYPE_RESOURCE_ID); len(on) > 0 {
		for _, x := range on {
			id, err := files.FromID(x.GetResourceId())
			if err != nil {
				return nil, err
			}
			_, some, err := s.shares.List(ctx, storage.At(id, ""))
			if err := add(some, err); err != nil {
				return nil, err
			}
		}
	} else if in := named(sharepb.Filter_TYPE_SPACE_ID); len(in) > 0 && strings.Contains(in[0].GetSpaceId(), "$") {
		for _, x := range in {
			root, err := resource.ParseID(x.GetSpaceId())
			if err != nil {
				return nil, err
			}
			if err := add(s.shares.In(ctx, root)); err != nil {
				return nil, err
			}
		}
	} else if err := add(s.shares.Given(ctx)); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(sh share.Share) bool { return !f.matches(&sh, 0) }), nil
}

// ListShares implements the API, in one page.
func (s *Server) ListShares(ctx context.Context, r *sharepb.ListSharesRequest) (*sharepb.ListSharesResponse, error) {
	all, err := s.given(ctx, r.GetFilters())
	out := &sharepb.ListSharesResponse{Status: Status(err)}
	for i := range all {
		out.Shares = append(out.Shares, toShare(&all[i]))
	}
	return out, nil
}

// ListExistingShares is ListShares with what is shared, for the gateway.
func (s *Server) ListExistingShares(ctx context.Context, r *sharepb.ListSharesRequest) (*gatewaypb.ListExistingSharesResponse, error) {
	all, err := s.given(ctx, r.GetFilters())
	out := &gatewaypb.ListExistingSharesResponse{Status: Status(err)}
	for i := range all {
		out.ShareInfos = append(out.ShareInfos, &gatewaypb.ShareResourceInfo{Share: toShare(&all[i]), ResourceInfo: files.ToInfo(&all[i].Item)})
	}
	return out, nil
}
