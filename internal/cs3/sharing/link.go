package sharing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	gatewaypb "github.com/cs3org/go-cs3apis/cs3/gateway/v1beta1"
	linkpb "github.com/cs3org/go-cs3apis/cs3/sharing/link/v1beta1"

	"opencloud/internal/cs3/files"
	"opencloud/internal/cs3/people"
	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

// CreatePublicShare implements the API; the metadata name and quicklink of the resource are the link's.
func (s *Server) CreatePublicShare(ctx context.Context, r *linkpb.CreatePublicShareRequest) (*linkpb.CreatePublicShareResponse, error) {
	meta := r.GetResourceInfo().GetArbitraryMetadata().GetMetadata()
	req := link.Request{Rights: files.FromSet(r.GetGrant().GetPermissions().GetPermissions()), Password: r.GetGrant().GetPassword(), Expires: files.FromTime(r.GetGrant().GetExpiration()),
		Name: meta["name"], Description: r.GetDescription(), Quick: meta["quicklink"] == "true"}
	err := known(ctx)
	if err == nil && (r.GetInternal() || r.GetNotifyUploads()) {
		err = fmt.Errorf("%w: hidden links, and notices of uploads", storage.ErrUnsupported)
	}
	var on resource.ID
	if err == nil {
		on, err = files.FromID(r.GetResourceInfo().GetId())
	}
	var l link.Link
	if err == nil {
		l, err = s.links.Create(ctx, storage.At(on, ""), req)
	}
	if err != nil {
		return &linkpb.CreatePublicShareResponse{Status: Status(err)}, nil
	}
	return &linkpb.CreatePublicShareResponse{Status: Status(nil), Share: s.toLink(&l, false)}, nil
}

// own finds a link that the caller may change, by id or by token.
func (s *Server) own(ctx context.Context, r *linkpb.PublicShareReference) (link.Link, error) {
	if err := known(ctx); err != nil {
		return link.Link{}, err
	}
	id := r.GetId().GetOpaqueId()
	if t := r.GetToken(); t != "" {
		l, err := s.links.Peek(ctx, t)
		if err != nil {
			return l, err
		}
		id = l.ID
	}
	l, _, err := s.links.Find(ctx, id)
	return l, err
}

// RemovePublicShare implements the API.
func (s *Server) RemovePublicShare(ctx context.Context, r *linkpb.RemovePublicShareRequest) (*linkpb.RemovePublicShareResponse, error) {
	l, err := s.own(ctx, r.GetRef())
	if err == nil {
		err = s.links.Remove(ctx, l.ID)
	}
	return &linkpb.RemovePublicShareResponse{Status: Status(err)}, nil
}

// GetPublicShare implements the API for those who may change the link.
func (s *Server) GetPublicShare(ctx context.Context, r *linkpb.GetPublicShareRequest) (*linkpb.GetPublicShareResponse, error) {
	l, err := s.own(ctx, r.GetRef())
	if err != nil {
		return &linkpb.GetPublicShareResponse{Status: Status(err)}, nil
	}
	return &linkpb.GetPublicShareResponse{Status: Status(nil), Share: s.toLink(&l, r.GetSign())}, nil
}

// GetPublicShareByToken implements the API for whoever has the password, or a signature in its place, or needs neither.
func (s *Server) GetPublicShareByToken(ctx context.Context, r *linkpb.GetPublicShareByTokenRequest) (*linkpb.GetPublicShareByTokenResponse, error) {
	err := known(ctx)
	var l link.Link
	if err == nil {
		key := link.Key{Password: r.GetAuthentication().GetPassword(), Address: people.Address(ctx, r.GetOpaque()), Who: identity.ActorFrom(ctx)}
		if sig := r.GetAuthentication().GetSignature(); sig != nil {
			key.Signature, key.Expiration = sig.GetSignature(), files.FromTime(sig.GetSignatureExpiration()).UTC().Format(time.RFC3339)
		}
		l, _, err = s.links.Open(ctx, r.GetToken(), key)
	}
	if err != nil && !errors.Is(err, link.ErrInternal) { // which leads those who are known to what they have rights on
		return &linkpb.GetPublicShareByTokenResponse{Status: Status(err)}, nil
	}
	return &linkpb.GetPublicShareByTokenResponse{Status: Status(nil), Share: s.toLink(&l, r.GetSign())}, nil
}

// UpdatePublicShare implements the API: one thing at a time. A grant without password or expiration takes it off.
func (s *Server) UpdatePublicShare(ctx context.Context, r *linkpb.UpdatePublicShareRequest) (*linkpb.UpdatePublicShareResponse, error) {
	l, err := s.own(ctx, r.GetRef())
	var c link.Change
	if err == nil {
		c, err = toLinkChange(r.GetUpdate())
	}
	if err == nil {
		l, err = s.links.Update(ctx, l.ID, c)
	}
	if err != nil {
		return &linkpb.UpdatePublicShareResponse{Status: Status(err)}, nil
	}
	return &linkpb.UpdatePublicShareResponse{Status: Status(nil), Share: s.toLink(&l, false)}, nil
}

func toLinkChange(u *linkpb.UpdatePublicShareRequest_Update) (c link.Change, err error) {
	g := u.GetGrant()
	switch t := u.GetType(); {
	case t == linkpb.UpdatePublicShareRequest_Update_TYPE_PERMISSIONS && g.GetPermissions().GetPermissions() != nil: // none is a set too
		set := files.FromSet(g.GetPermissions().GetPermissions())
		c.Rights = &set
	case t == linkpb.UpdatePublicShareRequest_Update_TYPE_PASSWORD && g != nil:
		pw := g.GetPassword()
		c.Password = &pw
	case t == linkpb.UpdatePublicShareRequest_Update_TYPE_EXPIRATION && g != nil:
		until := files.FromTime(g.GetExpiration())
		c.Expires = &until
	case t == linkpb.UpdatePublicShareRequest_Update_TYPE_DISPLAYNAME:
		name := u.GetDisplayName()
		c.Name = &name
	case t == linkpb.UpdatePublicShareRequest_Update_TYPE_DESCRIPTION:
		text := u.GetDescription()
		c.Description = &text
	case t > linkpb.UpdatePublicShareRequest_Update_TYPE_DESCRIPTION:
		err = fmt.Errorf("%w: notices of uploads", storage.ErrUnsupported)
	default:
		err = fmt.Errorf("%w: it does not say what to change", storage.ErrInvalid)
	}
	return c, err
}

// mine returns links on the resources that the filters name, else those that the caller made, and what they are on.
func (s *Server) mine(ctx context.Context, filters []*linkpb.ListPublicSharesRequest_Filter) (found []link.Given, err error) {
	if err = known(ctx); err == nil && len(filters) > maxFilters {
		err = fmt.Errorf("%w: too many filters", storage.ErrInvalid)
	}
	if err != nil {
		return nil, err
	}
	owners, creators, on := map[string]bool{}, map[string]bool{}, []resource.ID{}
	for _, f := range filters {
		switch f.GetType() {
		case linkpb.ListPublicSharesRequest_Filter_TYPE_RESOURCE_ID:
			id, err := files.FromID(f.GetResourceId())
			if err != nil {
				return nil, err
			}
			on = append(on, id)
		case linkpb.ListPublicSharesRequest_Filter_TYPE_OWNER:
			owners[f.GetOwner().GetOpaqueId()] = true
		case linkpb.ListPublicSharesRequest_Filter_TYPE_CREATOR:
			creators[f.GetCreator().GetOpaqueId()] = true
		default:
			return nil, fmt.Errorf("%w: there is no filter %s", storage.ErrInvalid, f.GetType())
		}
	}
	if len(on) == 0 {
		found, err = s.links.Given(ctx)
	}
	for _, id := range on {
		item, all, err := s.links.On(ctx, storage.At(id, ""))
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return nil, err
		}
		for _, l := range all {
			found = append(found, link.Given{Link: l, On: item})
		}
	}
	return slices.DeleteFunc(found, func(l link.Given) bool {
		return len(owners) > 0 && !owners[l.Owner] || len(creators) > 0 && !creators[l.Creator]
	}), err
}

// ListPublicShares implements the API, in one page.
func (s *Server) ListPublicShares(ctx context.Context, r *linkpb.ListPublicSharesRequest) (*linkpb.ListPublicSharesResponse, error) {
	all, err := s.mine(ctx, r.GetFilters())
	out := &linkpb.ListPublicSharesResponse{Status: Status(err)}
	for i := range all {
		out.Share = append(out.Share, s.toLink(&all[i].Link, r.GetSign()))
	}
	return out, nil
}

// ListExistingPublicShares is ListPublicShares with what the links are on, for the gateway.
func (s *Server) ListExistingPublicShares(ctx context.Context, r *linkpb.ListPublicSharesRequest) (*gatewaypb.ListExistingPublicSharesResponse, error) {
	all, err := s.mine(ctx, r.GetFilters())
	out := &gatewaypb.ListExistingPublicSharesResponse{Status: Status(err)}
	for i := range all {
		out.ShareInfos = append(out.ShareInfos, &gatewaypb.PublicShareResourceInfo{PublicShare: s.toLink(&all[i].Link, r.GetSign()), ResourceInfo: files.ToInfo(&all[i].On)})
	}
	return out, nil
}
