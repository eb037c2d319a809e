package sharing_test

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	authpb "github.com/cs3org/go-cs3apis/cs3/auth/provider/v1beta1"
	rpcpb "github.com/cs3org/go-cs3apis/cs3/rpc/v1beta1"
	sharepb "github.com/cs3org/go-cs3apis/cs3/sharing/collaboration/v1beta1"
	linkpb "github.com/cs3org/go-cs3apis/cs3/sharing/link/v1beta1"
	providerpb "github.com/cs3org/go-cs3apis/cs3/storage/provider/v1beta1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"opencloud/internal/cs3/files"
	"opencloud/internal/cs3/sharing"
	"opencloud/internal/identity"
	"opencloud/internal/identity/directory"
	"opencloud/internal/identity/role"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/grpcd"
	"opencloud/internal/resource"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/mem"
	"opencloud/internal/token"
)

// env is the sharing service on a listener, alice's home with a folder and a project of hers, bob, and carol who has nothing.
type env struct {
	*testing.T
	sharepb.CollaborationAPIClient
	link               linkpb.LinkAPIClient
	auth               authpb.ProviderAPIClient
	fs                 storage.FS
	alice, bob, carol  context.Context
	stranger, visitor  context.Context
	home, project, dir resource.ID
	links              *link.Service
}

func as(user string, groups ...string) context.Context {
	return identity.WithActor(context.Background(), identity.Actor{Kind: identity.Person, Groups: groups,
		User: identity.User{ID: user, Username: user, DisplayName: user, Enabled: true, Roles: []string{role.User}}})
}

func open(t *testing.T) *env {
	t.Helper()
	e := &env{T: t, fs: mem.New("11111111-1111-4111-8111-111111111111"), alice: as("alice"), bob: as("bob", "crew"), carol: as("carol"), stranger: context.Background()}
	e.visitor = identity.WithActor(t.Context(), identity.Actor{Kind: identity.Visitor, User: identity.User{ID: "link-x"}, Visit: &identity.Visit{Link: "x", Creator: identity.ActorFrom(e.alice)}})
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "x.db"), db.Options{})
	e.must(err)
	t.Cleanup(func() { _ = d.Close() })
	dir, err := directory.New(t.Context(), d, directory.Options{})
	e.must(err)
	for _, n := range []string{"alice", "bob", "carol"} {
		_, err := dir.CreateAccount(t.Context(), identity.Account{User: identity.User{ID: n, Username: n, DisplayName: n, Enabled: true, Roles: []string{role.User}}}, "")
		e.must(err)
	}
	_, err = dir.CreateGroup(t.Context(), identity.GroupRecord{Group: identity.Group{ID: "crew", DisplayName: "crew"}})
	e.must(err)
	received, err := share.NewStore(t.Context(), d)
	e.must(err)
	made, err := link.NewStore(t.Context(), d)
	e.must(err)
	e.links = link.New(link.Options{FS: e.fs, Machine: dir, Store: made})
	api := sharing.NewServer(share.New(share.Options{FS: e.fs, Users: dir, Groups: dir, Store: received}), e.links)
	conn := e.serve(func(r grpc.ServiceRegistrar) {
		api.Register(r)
		authpb.RegisterProviderAPIServer(r, sharing.NewAuthServer(e.links))
	})
	e.CollaborationAPIClient, e.link, e.auth = sharepb.NewCollaborationAPIClient(conn), linkpb.NewLinkAPIClient(conn), authpb.NewProviderAPIClient(conn)
	s, err := e.fs.CreateSpace(e.alice, storage.SpaceRequest{Type: space.Personal, Owner: "alice", Name: "Alice"})
	e.must(err)
	e.home = s.ID
	s, err = e.fs.CreateSpace(e.alice, storage.SpaceRequest{Type: space.Project, Name: "Plans"})
	e.must(err)
	e.project = s.ID
	i, err := e.fs.CreateFolder(e.alice, storage.At(e.home, "docs"), storage.Conditions{})
	e.must(err)
	e.dir = i.ID
	return e
}

func (e *env) serve(register func(grpc.ServiceRegistrar)) *grpc.ClientConn {
	e.Helper()
	tokens, err := token.New([]byte("0123456789abcdef0123456789abcdef"))
	e.must(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	e.must(err)
	s := grpc.NewServer(grpc.UnaryInterceptor(token.UnaryServer(tokens)))
	register(s)
	served := make(chan struct{})
	go func() { defer close(served); _ = s.Serve(l) }()
	e.Cleanup(func() { s.Stop(); <-served })
	conn, err := grpcd.Dial(l.Addr().String(), nil, grpc.WithUnaryInterceptor(token.UnaryClient(tokens)))
	e.must(err)
	e.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

const (
	ok        = rpcpb.Code_CODE_OK
	gone      = rpcpb.Code_CODE_NOT_FOUND
	forbidden = rpcpb.Code_CODE_PERMISSION_DENIED
	invalid   = rpcpb.Code_CODE_INVALID_ARGUMENT
	login     = rpcpb.Code_CODE_UNAUTHENTICATED
	exists    = rpcpb.Code_CODE_ALREADY_EXISTS
	unknown   = rpcpb.Code_CODE_UNIMPLEMENTED
)

func (e *env) is(r interface{ GetStatus() *rpcpb.Status }, err error, want rpcpb.Code) {
	e.Helper()
	if err != nil || r.GetStatus().GetCode() != want {
		e.Fatalf("got %v %v, want %v", r.GetStatus(), err, want)
	}
}

func (e *env) invitation(on resource.ID, kind space.GranteeKind, to string, rights permission.Set) *sharepb.CreateShareRequest {
	return &sharepb.CreateShareRequest{ResourceInfo: &providerpb.ResourceInfo{Id: files.ToID(on)},
		Grant: &sharepb.ShareGrant{Grantee: files.ToGrantee(kind, to), Permissions: &sharepb.SharePermissions{Permissions: files.ToSet(rights)}}}
}

func (e *env) share(on resource.ID, to string, rights permission.Set) *sharepb.Share {
	e.Helper()
	kind := space.UserGrantee
	if to == "crew" {
		kind = space.GroupGrantee
	}
	r, err := e.CreateShare(e.alice, e.invitation(on, kind, to, rights))
	e.is(r, err, ok)
	return r.GetShare()
}

func byID(id string) *sharepb.ShareReference {
	return &sharepb.ShareReference{Spec: &sharepb.ShareReference_Id{Id: &sharepb.ShareId{OpaqueId: id}}}
}

func (e *env) read(ctx context.Context) bool {
	_, err := e.fs.Stat(ctx, storage.At(e.dir, ""), storage.View{})
	return err == nil
}

func TestCreateShare(t *testing.T) {
	e := open(t)
	for _, c := range []struct {
		name string
		ctx  context.Context
		r    *sharepb.CreateShareRequest
		want rpcpb.Code
	}{
		{"stranger", e.stranger, e.invitation(e.dir, space.UserGrantee, "bob", permission.Viewer), login},
		{"visitor", e.visitor, e.invitation(e.dir, space.UserGrantee, "bob", permission.Viewer), gone},
		{"without rights", e.carol, e.invitation(e.dir, space.UserGrantee, "bob", permission.Viewer), gone},
		{"to nobody", e.alice, e.invitation(e.dir, space.UserGrantee, "nobody", permission.Viewer), invalid},
		{"to oneself", e.alice, e.invitation(e.dir, space.UserGrantee, "alice", permission.Viewer), invalid},
		{"a home", e.alice, e.invitation(e.home, space.UserGrantee, "bob", permission.Viewer), invalid},
		{"resharing", e.alice, e.invitation(e.dir, space.UserGrantee, "bob", permission.Manager), invalid},
		{"nothing", e.alice, &sharepb.CreateShareRequest{}, invalid},
	} {
		r, err := e.CreateShare(c.ctx, c.r)
		if err != nil || r.GetStatus().GetCode() != c.want || r.GetShare() != nil {
			t.Errorf("%s: %v, %v, want %s", c.name, r, err, c.want)
		}
	}
	if e.read(e.bob) {
		t.Fatal("bob has rights from what was refused")
	}
	s := e.share(e.dir, "bob", permission.Viewer)
	if !e.read(e.bob) || s.GetId().GetOpaqueId() == "" || s.GetResourceId().GetOpaqueId() != e.dir.Node || s.GetOwner().GetOpaqueId() != "alice" || s.GetCreator().GetOpaqueId() != "alice" ||
		s.GetGrantee().GetUserId().GetOpaqueId() != "bob" || s.GetCtime() == nil || s.GetExpiration() != nil || files.FromSet(s.GetPermissions().GetPermissions()) != permission.Viewer {
		t.Errorf("share %v", s)
	}
	r, err := e.CreateShare(e.alice, e.invitation(e.dir, space.UserGrantee, "bob", permission.Viewer))
	e.is(r, err, exists)
}

func TestGetAndRemoveShare(t *testing.T) {
	e := open(t)
	s := e.share(e.dir, "bob", permission.Viewer)
	key := &sharepb.ShareReference{Spec: &sharepb.ShareReference_Key{Key: &sharepb.ShareKey{ResourceId: s.GetResourceId(), Grantee: s.GetGrantee(), Owner: s.GetOwner()}}}
	for _, c := range []struct {
		name string
		ctx  context.Context
		ref  *sharepb.ShareReference
		want rpcpb.Code
	}{
		{"giver", e.alice, byID(s.GetId().GetOpaqueId()), ok},
		{"giver by key", e.alice, key, ok},
		{"receiver", e.bob, byID(s.GetId().GetOpaqueId()), ok},
		{"another", e.carol, byID(s.GetId().GetOpaqueId()), gone},
		{"another by key", e.carol, key, gone},
		{"stranger", e.stranger, byID(s.GetId().GetOpaqueId()), login},
		{"stranger by key", e.stranger, key, login},
		{"visitor", e.visitor, key, gone},
		{"no id", e.alice, nil, gone},
		{"no such", e.alice, byID("a:b:c"), gone},
	} {
		r, err := e.GetShare(c.ctx, &sharepb.GetShareRequest{Ref: c.ref})
		if err != nil || r.GetStatus().GetCode() != c.want || (r.GetShare().GetId().GetOpaqueId() == s.GetId().GetOpaqueId()) != (c.want == ok) {
			t.Errorf("%s: %v, %v, want %s", c.name, r, err, c.want)
		}
		if c.ctx == e.alice {
			continue
		}
		if r, err := e.RemoveShare(c.ctx, &sharepb.RemoveShareRequest{Ref: c.ref}); err != nil || r.GetStatus().GetCode() == ok || !e.read(e.bob) {
			t.Errorf("%s removes: %v, %v", c.name, r, err)
		}
	}
	r, err := e.RemoveShare(e.alice, &sharepb.RemoveShareRequest{Ref: key})
	e.is(r, err, ok)
	if e.read(e.bob) {
		t.Error("bob still has rights")
	}
}

func TestUpdateShare(t *testing.T) {
	e := open(t)
	s := e.share(e.dir, "bob", permission.Viewer)
	rights := func(p permission.Set) *sharepb.SharePermissions {
		return &sharepb.SharePermissions{Permissions: files.ToSet(p)}
	}
	mask := func(paths ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: paths} }
	tomorrow := time.Now().Add(24 * time.Hour)
	for _, c := range []struct {
		name string
		ctx  context.Context
		r    *sharepb.UpdateShareRequest
		want rpcpb.Code
	}{
		{"by mask", e.alice, &sharepb.UpdateShareRequest{UpdateMask: mask("permissions", "expiration"), Share: &sharepb.Share{Id: s.GetId(), Permissions: rights(permission.Editor), Expiration: files.ToTime(tomorrow)}}, ok},
		{"by field", e.alice, &sharepb.UpdateShareRequest{Ref: byID(s.GetId().GetOpaqueId()), Field: &sharepb.UpdateShareRequest_UpdateField{Field: &sharepb.UpdateShareRequest_UpdateField_Permissions{Permissions: rights(permission.Editor)}}}, ok},
		{"to the past", e.alice, &sharepb.UpdateShareRequest{UpdateMask: mask("expiration"), Share: &sharepb.Share{Id: s.GetId(), Expiration: files.ToTime(tomorrow.Add(-48 * time.Hour))}}, invalid},
		{"nothing", e.alice, &sharepb.UpdateShareRequest{Share: &sharepb.Share{Id: s.GetId()}}, invalid},
		{"rights that are not said", e.alice, &sharepb.UpdateShareRequest{UpdateMask: mask("permissions"), Share: &sharepb.Share{Id: s.GetId()}}, invalid},
		{"another field", e.alice, &sharepb.UpdateShareRequest{UpdateMask: mask("grantee"), Share: &sharepb.Share{Id: s.GetId()}}, invalid},
		{"by the receiver", e.bob, &sharepb.UpdateShareRequest{UpdateMask: mask("expiration"), Share: &sharepb.Share{Id: s.GetId()}}, gone},
		{"by another", e.carol, &sharepb.UpdateShareRequest{UpdateMask: mask("expiration"), Share: &sharepb.Share{Id: s.GetId()}}, gone},
		{"by a stranger", e.stranger, &sharepb.UpdateShareRequest{UpdateMask: mask("expiration"), Share: &sharepb.Share{Id: s.GetId()}}, login},
	} {
		r, err := e.UpdateShare(c.ctx, c.r)
		if err != nil || r.GetStatus().GetCode() != c.want {
			t.Errorf("%s: %v, %v, want %s", c.name, r, err, c.want)
		}
		got, err := e.GetShare(e.alice, &sharepb.GetShareRequest{Ref: byID(s.GetId().GetOpaqueId())})
		e.is(got, err, ok)
		if sh := got.GetShare(); files.FromSet(sh.GetPermissions().GetPermissions()) != permission.Editor || sh.GetExpiration().GetSeconds() != uint64(tomorrow.Unix()) {
			t.Errorf("%s: the share is %v", c.name, sh)
		}
	}
	r, err := e.UpdateShare(e.alice, &sharepb.UpdateShareRequest{UpdateMask: mask("expiration"), Share: &sharepb.Share{Id: s.GetId()}})
	e.is(r, err, ok)
	if r.GetShare().GetExpiration() != nil {
		t.Errorf("it still expires: %v", r.GetShare())
	}
}
