package files

import (
	"context"
	"io"

	grouppb "github.com/cs3org/go-cs3apis/cs3/identity/group/v1beta1"
	userpb "github.com/cs3org/go-cs3apis/cs3/identity/user/v1beta1"
	providerpb "github.com/cs3org/go-cs3apis/cs3/storage/provider/v1beta1"
	typespb "github.com/cs3org/go-cs3apis/cs3/types/v1beta1"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

var errEOF = io.EOF

func (s *Server) ListStorageSpaces(ctx context.Context, r *providerpb.ListStorageSpacesRequest) (*providerpb.ListStorageSpacesResponse, error) {
	var f storage.SpaceFilter
	err := account(ctx)
	for _, x := range r.GetFilters() {
		if err != nil {
			break
		}
		switch x.GetType() {
		case providerpb.ListStorageSpacesRequest_Filter_TYPE_ID:
			f.ID, err = parse(x.GetId())
		case providerpb.ListStorageSpacesRequest_Filter_TYPE_OWNER:
			f.Owner = x.GetOwner().GetOpaqueId()
		case providerpb.ListStorageSpacesRequest_Filter_TYPE_SPACE_TYPE:
			f.Type = space.Type(x.GetSpaceType())
		case providerpb.ListStorageSpacesRequest_Filter_TYPE_USER:
			f.User = x.GetUser().GetOpaqueId()
		}
	}
	var all []space.Space
	if err == nil {
		all, err = s.fs.ListSpaces(ctx, f)
	}
	out := &providerpb.ListStorageSpacesResponse{Status: Status(err)}
	for i := range all {
		out.StorageSpaces = append(out.StorageSpaces, toSpace(&all[i]))
	}
	return out, nil
}

func parse(id *providerpb.StorageSpaceId) (resource.ID, error) {
	return resource.ParseID(id.GetOpaqueId())
}

func plainEntry(o *typespb.Opaque, key string) string { return string(o.GetMap()[key].GetValue()) }

// mayCreate checks that the caller's role permits to make a space, and to choose its quota. (spec/identity.md §13.4)
func mayCreate(ctx context.Context, kind space.Type) error {
	if err := account(ctx); err != nil {
		return err
	}
	a := identity.ActorFrom(ctx)
	size := role.DrivesReadWriteProjectQuota
	if kind != space.Project {
		size = role.DrivesReadWritePersonalQuota // others' are made at their first login, with their role's quota
	}
	if a.Kind == identity.Service || role.Allows(a.User.Roles, role.DrivesCreate) == role.All && role.Allows(a.User.Roles, size) == role.All {
		return nil
	}
	return storage.ErrForbidden
}

// CreateStorageSpace makes a space for those whose role permits it.
func (s *Server) CreateStorageSpace(ctx context.Context, r *providerpb.CreateStorageSpaceRequest) (*providerpb.CreateStorageSpaceResponse, error) {
	err := mayCreate(ctx, space.Type(r.GetType()))
	var sp space.Space
	if err == nil {
		sp, err = s.fs.CreateSpace(ctx, storage.SpaceRequest{Type: space.Type(r.GetType()), Name: r.GetName(), Owner: r.GetOwner().GetId().GetOpaqueId(),
			Quota: int64(r.GetQuota().GetQuotaMaxBytes()), Alias: plainEntry(r.GetOpaque(), "spaceAlias"), Description: plainEntry(r.GetOpaque(), "description")})
	}
	if err != nil {
		return &providerpb.CreateStorageSpaceResponse{Status: Status(err)}, nil
	}
	return &providerpb.CreateStorageSpaceResponse{Status: Status(nil), StorageSpace: toSpace(&sp)}, nil
}

// UpdateStorageSpace changes name, alias and description, and enables a disabled space. Quotas are the business of those
// who hold the permission, which CS3 cannot express: not here.
func (s *Server) UpdateStorageSpace(ctx context.Context, r *providerpb.UpdateStorageSpaceRequest) (*providerpb.UpdateStorageSpaceResponse, error) {
	err := account(ctx)
	var id resource.ID
	if err == nil {
		id, err = parse(r.GetStorageSpace().GetId())
	}
	var u storage.SpaceUpdate
	if n := r.GetStorageSpace().GetName(); n != "" {
		u.Name = &n
	}
	for key, to := range map[string]**string{"spaceAlias": &u.Alias, "description": &u.Description} {
		if e := r.GetStorageSpace().GetOpaque().GetMap()[key]; e != nil {
			v := string(e.GetValue())
			*to = &v
		}
	}
	_, u.Restore = r.GetOpaque().GetMap()["restore"]
	var sp space.Space
	if err == nil {
		sp, err = s.fs.UpdateSpace(ctx, id, u)
	}
	if err != nil {
		return &providerpb.UpdateStorageSpaceResponse{Status: Status(err)}, nil
	}
	return &providerpb.UpdateStorageSpaceResponse{Status: Status(nil), StorageSpace: toSpace(&sp)}, nil
}

func (s *Server) DeleteStorageSpace(ctx context.Context, r *providerpb.DeleteStorageSpaceRequest) (*providerpb.DeleteStorageSpaceResponse, error) {
	err := account(ctx)
	var id resource.ID
	if err == nil {
		id, err = parse(r.GetId())
	}
	if err == nil {
		if _, purge := r.GetOpaque().GetMap()["purge"]; purge {
			err = s.fs.PurgeSpace(ctx, id)
		} else {
			err = s.fs.DisableSpace(ctx, id)
		}
	}
	return &providerpb.DeleteStorageSpaceResponse{Status: Status(err)}, nil
}

func (s *Server) ListGrants(ctx context.Context, r *providerpb.ListGrantsRequest) (*providerpb.ListGrantsResponse, error) {
	ref, err := on(ctx, r.GetRef())
	var grants []space.Grant
	if err == nil {
		grants, err = s.fs.ListGrants(ctx, ref)
	}
	out := &providerpb.ListGrantsResponse{Status: Status(err)}
	for _, g := range grants {
		w := &providerpb.Grant{Permissions: ToSet(g.Permissions), Expiration: ToTime(g.Expires), Creator: &userpb.UserId{OpaqueId: g.Creator}, Grantee: ToGrantee(g.Kind, g.Grantee)}
		out.Grants = append(out.Grants, w)
	}
	return out, nil
}

// ToGrantee is a user or group that has rights, as CS3 has it.
func ToGrantee(kind space.GranteeKind, id string) *providerpb.Grantee {
	if kind == space.GroupGrantee {
		return &providerpb.Grantee{Type: providerpb.GranteeType_GRANTEE_TYPE_GROUP, Id: &providerpb.Grantee_GroupId{GroupId: &grouppb.GroupId{OpaqueId: id}}}
	}
	return &providerpb.Grantee{Type: providerpb.GranteeType_GRANTEE_TYPE_USER, Id: &providerpb.Grantee_UserId{UserId: &userpb.UserId{OpaqueId: id}}}
}

// FromGrantee is the reverse of ToGrantee.
func FromGrantee(g *providerpb.Grantee) (space.GranteeKind, string) {
	if g.GetType() == providerpb.GranteeType_GRANTEE_TYPE_GROUP {
		return space.GroupGrantee, g.GetGroupId().GetOpaqueId()
	}
	return space.UserGrantee, g.GetUserId().GetOpaqueId()
}

func (s *Server) setGrant(ctx context.Context, r *providerpb.Reference, g *providerpb.Grant, set permission.Set) error {
	ref, err := on(ctx, r)
	if err != nil {
		return err
	}
	out := space.Grant{Permissions: set, Creator: identity.ActorFrom(ctx).User.ID}
	out.Kind, out.Grantee = FromGrantee(g.GetGrantee())
	out.Expires = FromTime(g.GetExpiration())
	return s.fs.SetGrant(ctx, ref, out)
}

func (s *Server) AddGrant(ctx context.Context, r *providerpb.AddGrantRequest) (*providerpb.AddGrantResponse, error) {
	set := FromSet(r.GetGrant().GetPermissions())
	err := s.setGrant(ctx, r.GetRef(), r.GetGrant(), set)
	return &providerpb.AddGrantResponse{Status: Status(err)}, nil
}

func (s *Server) UpdateGrant(ctx context.Context, r *providerpb.UpdateGrantRequest) (*providerpb.UpdateGrantResponse, error) {
	err := s.setGrant(ctx, r.GetRef(), r.GetGrant(), FromSet(r.GetGrant().GetPermissions()))
	return &providerpb.UpdateGrantResponse{Status: Status(err)}, nil
}

func (s *Server) DenyGrant(ctx context.Context, r *providerpb.DenyGrantRequest) (*providerpb.DenyGrantResponse, error) {
	err := s.setGrant(ctx, r.GetRef(), &providerpb.Grant{Grantee: r.GetGrantee()}, permission.None)
	return &providerpb.DenyGrantResponse{Status: Status(err)}, nil
}

func (s *Server) RemoveGrant(ctx context.Context, r *providerpb.RemoveGrantRequest) (*providerpb.RemoveGrantResponse, error) {
	ref, err := on(ctx, r.GetRef())
	if err == nil {
		kind, id := FromGrantee(r.GetGrant().GetGrantee())
		err = s.fs.RemoveGrant(ctx, ref, kind, id)
	}
	return &providerpb.RemoveGrantResponse{Status: Status(err)}, nil
}
