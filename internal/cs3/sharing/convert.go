// Package sharing offers shares and public links to CS3 programs: CollaborationAPI and LinkAPI over the services of packages
// share and link, and the check of links' passwords. The rules are theirs; here they are translated. (spec/storage.md §10)
//
// Strangers get nothing but CODE_UNAUTHENTICATED, and who came by a link nothing but CODE_NOT_FOUND.
package sharing

import (
	"context"
	"errors"
	"strings"
	"time"

	userpb "github.com/cs3org/go-cs3apis/cs3/identity/user/v1beta1"
	rpcpb "github.com/cs3org/go-cs3apis/cs3/rpc/v1beta1"
	sharepb "github.com/cs3org/go-cs3apis/cs3/sharing/collaboration/v1beta1"
	linkpb "github.com/cs3org/go-cs3apis/cs3/sharing/link/v1beta1"
	providerpb "github.com/cs3org/go-cs3apis/cs3/storage/provider/v1beta1"
	"google.golang.org/grpc"

	"opencloud/internal/cs3/files"
	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/resource"
	"opencloud/internal/share"
	"opencloud/internal/storage"
)

// maxFilters bounds how many filters one listing has.
const maxFilters = 100

// Server implements CollaborationAPI and LinkAPI, and the listings of GatewayAPI that say what is shared.
type Server struct {
	sharepb.UnimplementedCollaborationAPIServer
	linkpb.UnimplementedLinkAPIServer
	shares *share.Service
	links  *link.Service
}

// NewServer returns a server of shares and links.
func NewServer(s *share.Service, l *link.Service) *Server { return &Server{shares: s, links: l} }

// Register adds both services.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	sharepb.RegisterCollaborationAPIServer(r, s)
	linkpb.RegisterLinkAPIServer(r, s)
}

// Status translates an error. (spec/storage.md §0.2, §10)
func Status(err error) *rpcpb.Status {
	for _, c := range []struct {
		err  error
		code rpcpb.Code
	}{
		{share.ErrRecipient, rpcpb.Code_CODE_INVALID_ARGUMENT}, {share.ErrNotShareable, rpcpb.Code_CODE_INVALID_ARGUMENT},
		{share.ErrRights, rpcpb.Code_CODE_INVALID_ARGUMENT}, {share.ErrExpired, rpcpb.Code_CODE_INVALID_ARGUMENT},
		{link.ErrType, rpcpb.Code_CODE_INVALID_ARGUMENT}, {link.ErrPolicy, rpcpb.Code_CODE_INVALID_ARGUMENT}, {link.ErrExpired, rpcpb.Code_CODE_INVALID_ARGUMENT},
		{link.ErrPassword, rpcpb.Code_CODE_UNAUTHENTICATED}, {link.ErrInternal, rpcpb.Code_CODE_PERMISSION_DENIED},
		{identity.ErrThrottled, rpcpb.Code_CODE_RESOURCE_EXHAUSTED},
	} {
		if errors.Is(err, c.err) {
			return &rpcpb.Status{Code: c.code, Message: err.Error()}
		}
	}
	return files.Status(err)
}

// known refuses strangers, and those who came by a link: they do not learn who shares what with whom.
func known(ctx context.Context) error {
	if err := files.Known(ctx); err != nil {
		return err
	}
	if a := identity.ActorFrom(ctx); !a.Known() {
		return storage.ErrNotFound
	}
	return nil
}

func userID(id string) *userpb.UserId { return &userpb.UserId{OpaqueId: id} }

func toShare(sh *share.Share) *sharepb.Share {
	made := files.ToTime(sh.Created)
	return &sharepb.Share{Id: &sharepb.ShareId{OpaqueId: wireID(sh)}, ResourceId: files.ToID(sh.Item.ID), Permissions: &sharepb.SharePermissions{Permissions: files.ToSet(sh.Permissions)},
		Grantee: files.ToGrantee(sh.Kind, sh.Grantee), Owner: userID(sh.Item.SpaceOwner), Creator: userID(sh.Creator), Ctime: made, Mtime: made, Expiration: files.ToTime(sh.Expires)}
}

// wireID is the id of a share. That of a space's member, which the domain names within the space, has the space before it.
func wireID(sh *share.Share) string {
	if root := sh.Item.ID; root.IsRoot() {
		return root.Storage + ":" + root.Space + ":" + sh.ID()
	}
	return sh.ID()
}

// member reads the id of a space's member; false if it is another share's.
func member(id string) (root resource.ID, name string, ok bool) {
	part := strings.SplitN(id, ":", 3)
	if len(part) != 3 || !strings.Contains(part[2], ":") {
		return resource.ID{}, "", false
	}
	root, err := resource.ParseID(part[0] + "$" + part[1])
	return root, part[2], err == nil
}

func toReceived(r *share.Received, sh *share.Share) *sharepb.ReceivedShare {
	return &sharepb.ReceivedShare{Share: toShare(sh), State: sharepb.ShareState(r.State), Hidden: r.Hidden, MountPoint: &providerpb.Reference{Path: r.Mount}}
}

func (s *Server) toLink(l *link.Link, sign bool) *linkpb.PublicShare {
	out := &linkpb.PublicShare{Id: &linkpb.PublicShareId{OpaqueId: l.ID}, Token: l.Token, ResourceId: files.ToID(l.Item), Permissions: &linkpb.PublicSharePermissions{Permissions: files.ToSet(l.Rights)},
		Owner: userID(l.Owner), Creator: userID(l.Creator), Ctime: files.ToTime(l.Created), Mtime: files.ToTime(l.Changed), PasswordProtected: l.HasPassword,
		Expiration: files.ToTime(l.Expires), DisplayName: l.Name, Quicklink: l.Quick, Description: l.Description}
	if sign && l.HasPassword {
		signature, until := s.links.Sign(l)
		if t, err := time.Parse(time.RFC3339, until); err == nil {
			out.Signature = &linkpb.ShareSignature{Signature: signature, SignatureExpiration: files.ToTime(t)}
		}
	}
	return out
}
