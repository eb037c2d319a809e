package sharing

import (
	"context"
	"fmt"
	"strings"

	gatewaypb "github.com/cs3org/go-cs3apis/cs3/gateway/v1beta1"
	sharepb "github.com/cs3org/go-cs3apis/cs3/sharing/collaboration/v1beta1"

	"opencloud/internal/cs3/files"
	"opencloud/internal/share"
	"opencloud/internal/storage"
)

// eachReceived calls f for every share that the caller received. Shares of one thing have one state, name and mark.
func (s *Server) eachReceived(ctx context.Context, f filter, call func(*share.Received, *share.Share)) error {
	err := known(ctx)
	if err == nil {
		err = f.check(true)
	}
	if err != nil {
		return err
	}
	all, err := s.shares.Received(ctx)
	for i := range all {
		for k := range all[i].Shares {
			if sh := &all[i].Shares[k]; f.matches(sh, all[i].State) {
				call(&all[i], sh)
			}
		}
	}
	return err
}

// ListReceivedShares implements the API, in one page.
func (s *Server) ListReceivedShares(ctx context.Context, r *sharepb.ListReceivedSharesRequest) (*sharepb.ListReceivedSharesResponse, error) {
	out := &sharepb.ListReceivedSharesResponse{}
	out.Status = Status(s.eachReceived(ctx, r.GetFilters(), func(x *share.Received, sh *share.Share) { out.Shares = append(out.Shares, toReceived(x, sh)) }))
	return out, nil
}

// ListExistingReceivedShares is ListReceivedShares with what was received, for the gateway.
func (s *Server) ListExistingReceivedShares(ctx context.Context, r *sharepb.ListReceivedSharesRequest) (*gatewaypb.ListExistingReceivedSharesResponse, error) {
	out := &gatewaypb.ListExistingReceivedSharesResponse{}
	out.Status = Status(s.eachReceived(ctx, r.GetFilters(), func(x *share.Received, sh *share.Share) {
		out.ShareInfos = append(out.ShareInfos, &gatewaypb.ReceivedShareResourceInfo{ReceivedShare: toReceived(x, sh), ResourceInfo: files.ToInfo(&x.Item)})
	}))
	return out, nil
}

// received finds what the caller received, and the share that a reference means.
func (s *Server) received(ctx context.Context, r *sharepb.ShareReference) (x share.Received, sh *share.Share, err error) {
	if err := known(ctx); err != nil {
		return x, nil, err
	}
	key, id := r.GetKey(), share.Jail().WithNode(r.GetId().GetOpaqueId())
	if key != nil {
		if id, err = files.FromID(key.GetResourceId()); err != nil {
			return x, nil, err
		}
	}
	if x, err = s.shares.ReceivedItem(ctx, id); err != nil {
		return x, nil, err
	}
	for i := range x.Shares {
		if sh := &x.Shares[i]; key == nil && sh.ID() == id.Node || key != nil && keyed(key, sh) {
			return x, sh, nil
		}
	}
	return x, nil, storage.ErrNotFound
}

// GetReceivedShare implements the API.
func (s *Server) GetReceivedShare(ctx context.Context, r *sharepb.GetReceivedShareRequest) (*sharepb.GetReceivedShareResponse, error) {
	x, sh, err := s.received(ctx, r.GetRef())
	if err != nil {
		return &sharepb.GetReceivedShareResponse{Status: Status(err)}, nil
	}
	return &sharepb.GetReceivedShareResponse{Status: Status(nil), Share: toReceived(&x, sh)}, nil
}

// UpdateReceivedShare implements the API for a mask of state, mount_point and hidden.
func (s *Server) UpdateReceivedShare(ctx context.Context, r *sharepb.UpdateReceivedShareRequest) (*sharepb.UpdateReceivedShareResponse, error) {
	x, sh, err := s.received(ctx, &sharepb.ShareReference{Spec: &sharepb.ShareReference_Id{Id: r.GetShare().GetShare().GetId()}})
	var c share.ReceivedChange
	if err == nil {
		c, err = toReceivedChange(r)
	}
	if err == nil {
		x, err = s.shares.SetReceived(ctx, share.Jail().WithNode(sh.ID()), c)
	}
	if err != nil {
		return &sharepb.UpdateReceivedShareResponse{Status: Status(err)}, nil
	}
	return &sharepb.UpdateReceivedShareResponse{Status: Status(nil), Share: toReceived(&x, sh)}, nil
}

func toReceivedChange(r *sharepb.UpdateReceivedShareRequest) (c share.ReceivedChange, err error) {
	for _, p := range r.GetUpdateMask().GetPaths() {
		switch p {
		case "state":
			state := share.State(r.GetShare().GetState())
			if state < share.Pending || state > share.Rejected {
				return c, fmt.Errorf("%w: state", storage.ErrInvalid)
			}
			c.State = &state
		case "hidden":
			hidden := r.GetShare().GetHidden()
			c.Hidden = &hidden
		case "mount_point":
			name := strings.TrimPrefix(strings.TrimPrefix(r.GetShare().GetMountPoint().GetPath(), "./"), "/")
			c.Mount = &name
		default:
			return c, fmt.Errorf("%w: %q cannot be changed", storage.ErrInvalid, p)
		}
	}
	if c == (share.ReceivedChange{}) {
		err = fmt.Errorf("%w: it does not say what to change", storage.ErrInvalid)
	}
	return c, err
}
