package gateway_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	gatewaypb "github.com/cs3org/go-cs3apis/cs3/gateway/v1beta1"
	rpcpb "github.com/cs3org/go-cs3apis/cs3/rpc/v1beta1"
	sharepb "github.com/cs3org/go-cs3apis/cs3/sharing/collaboration/v1beta1"
	linkpb "github.com/cs3org/go-cs3apis/cs3/sharing/link/v1beta1"
	providerpb "github.com/cs3org/go-cs3apis/cs3/storage/provider/v1beta1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"opencloud/internal/cs3/files"
	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/storagetest"
)

// program is a CS3 program at the gateway.
type program struct {
	*house
	gatewaypb.GatewayAPIClient
}

func (h *house) program() *program {
	h.Helper()
	for addr, s := range h.servers {
		if _, ok := s.GetServiceInfo()["cs3.gateway.v1beta1.GatewayAPI"]; ok {
			conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				h.Fatal(err)
			}
			h.Cleanup(func() { _ = conn.Close() })
			return &program{h, gatewaypb.NewGatewayAPIClient(conn)}
		}
	}
	h.Fatal("no gateway")
	return nil
}

func (p *program) login(kind, id, secret string) context.Context {
	p.Helper()
	r, err := p.Authenticate(p.Context(), &gatewaypb.AuthenticateRequest{Type: kind, ClientId: id, ClientSecret: secret})
	p.is(r, err, rpcpb.Code_CODE_OK)
	return metadata.AppendToOutgoingContext(p.Context(), "x-access-token", r.GetToken())
}

func (p *program) is(r interface{ GetStatus() *rpcpb.Status }, err error, want rpcpb.Code) {
	p.Helper()
	if err != nil || r.GetStatus().GetCode() != want {
		p.Fatalf("got %v %v, want %v", r.GetStatus(), err, want)
	}
}

// read returns a file's content, or why it cannot be read.
func (p *program) read(ctx context.Context, ref *providerpb.Reference) (string, rpcpb.Code) {
	p.Helper()
	r, err := p.InitiateFileDownload(ctx, &providerpb.InitiateFileDownloadRequest{Ref: ref})
	if err != nil {
		p.Fatal(err)
	}
	if c := r.GetStatus().GetCode(); c != rpcpb.Code_CODE_OK {
		return "", c
	}
	resp, err := http.Get(r.GetProtocols()[0].GetDownloadEndpoint())
	if err != nil {
		p.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		p.Fatalf("%s: %v %s", resp.Status, err, b)
	}
	return string(b), rpcpb.Code_CODE_OK
}

// A CS3 program shares a file, finds it in the receiver's jail under a name of its own, opens a link to it, comes by the link, and
// gets nowhere else with that.
func TestProgram(t *testing.T) {
	p := build(t).program()
	const ok, gone, forbidden, login = rpcpb.Code_CODE_OK, rpcpb.Code_CODE_NOT_FOUND, rpcpb.Code_CODE_PERMISSION_DENIED, rpcpb.Code_CODE_UNAUTHENTICATED
	alice, bob := p.login("basic", "alice", "pw"), p.login("basic", "bob", "pw")
	own := storagetest.As("alice")
	folder, err := p.fs.CreateFolder(own, storage.At(p.root, "plans"), storage.Conditions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.fs.Copy(own, storage.At(p.root, "f"), storage.At(p.root, "plans/f"), false, true, storage.Conditions{}); err != nil {
		t.Fatal(err)
	}
	on := &providerpb.ResourceInfo{Id: files.ToID(folder.ID)}
	inside := &providerpb.Reference{ResourceId: on.GetId(), Path: "./f"}
	if _, c := p.read(bob, inside); c != gone {
		t.Errorf("bob reads before it is shared: %s", c)
	}
	sh, err := p.CreateShare(alice, &sharepb.CreateShareRequest{ResourceInfo: on, Grant: &sharepb.ShareGrant{Grantee: files.ToGrantee(space.UserGrantee, "bob"),
		Permissions: &sharepb.SharePermissions{Permissions: files.ToSet(permission.Viewer)}}})
	p.is(sh, err, ok)
	mounted, err := p.UpdateReceivedShare(bob, &sharepb.UpdateReceivedShareRequest{UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"state", "mount_point"}},
		Share: &sharepb.ReceivedShare{Share: sh.GetShare(), State: sharepb.ShareState_SHARE_STATE_ACCEPTED, MountPoint: &providerpb.Reference{Path: "from alice"}}})
	p.is(mounted, err, ok)
	jail := &providerpb.Reference{ResourceId: files.ToID(share.Jail()), Path: "./from alice/f"}
	if text, c := p.read(bob, jail); c != ok || text != "secret" {
		t.Errorf("bob reads %q %s in his jail", text, c)
	}
	existing, err := p.ListExistingReceivedShares(bob, &sharepb.ListReceivedSharesRequest{})
	p.is(existing, err, ok)
	if !slices.ContainsFunc(existing.GetShareInfos(), func(i *gatewaypb.ReceivedShareResourceInfo) bool { return i.GetResourceInfo().GetName() == "plans" }) {
		t.Errorf("received %v", existing)
	}
	view, err := link.View.Rights(true)
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.CreatePublicShare(alice, &linkpb.CreatePublicShareRequest{ResourceInfo: on, Grant: &linkpb.Grant{Password: "open up", Permissions: &linkpb.PublicSharePermissions{Permissions: files.ToSet(view)}}})
	p.is(l, err, ok)
	for secret, want := range map[string]rpcpb.Code{"": login, "password|": login, "password|wrong": login} {
		r, err := p.Authenticate(t.Context(), &gatewaypb.AuthenticateRequest{Type: "publicshares", ClientId: l.GetShare().GetToken(), ClientSecret: secret})
		p.is(r, err, want)
	}
	visitor := p.login("publicshares", l.GetShare().GetToken(), "password|open up")
	linked := &providerpb.Reference{ResourceId: files.ToID(link.Root(l.GetShare().GetToken())), Path: "./f"}
	if text, c := p.read(visitor, linked); c != ok || text != "secret" {
		t.Errorf("the visitor reads %q %s", text, c)
	}
	made, err := p.CreateContainer(visitor, &providerpb.CreateContainerRequest{Ref: &providerpb.Reference{ResourceId: linked.GetResourceId(), Path: "./new"}})
	p.is(made, err, forbidden)
	for name, ref := range map[string]*providerpb.Reference{"by its id": inside, "beside": {ResourceId: files.ToID(p.root), Path: "./f"}, "in the jail": jail} {
		if _, c := p.read(visitor, ref); c != gone {
			t.Errorf("the visitor reads %s: %s", name, c)
		}
	}
	shares, err := p.ListShares(visitor, &sharepb.ListSharesRequest{})
	p.is(shares, err, gone)
	if u, err := p.FindUsers(visitor, nil); status.Code(err) != codes.Unauthenticated {
		t.Errorf("the visitor finds people: %v, %v", u, err)
	}
	if _, c := p.read(bob, linked); c != gone {
		t.Errorf("bob reads by a link that he did not come by: %s", c)
	}
	removed, err := p.RemovePublicShare(alice, &linkpb.RemovePublicShareRequest{Ref: &linkpb.PublicShareReference{Spec: &linkpb.PublicShareReference_Id{Id: l.GetShare().GetId()}}})
	p.is(removed, err, ok)
	r, err := p.Authenticate(t.Context(), &gatewaypb.AuthenticateRequest{Type: "publicshares", ClientId: l.GetShare().GetToken(), ClientSecret: "password|open up"})
	p.is(r, err, gone)
}

// The storages behind the gateway offer what was shared and linked to those whom it is for, each on an address of its own.
func TestStorages(t *testing.T) {
	h := build(t)
	ctx := func(a identity.Actor) context.Context {
		s, err := h.tokens.Mint(a, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return metadata.AppendToOutgoingContext(t.Context(), "x-access-token", s)
	}
	bob := ctx(identity.Actor{Kind: identity.Person, User: identity.User{ID: "bob", Enabled: true}})
	item, err := h.fs.Stat(storagetest.As("alice"), storage.At(h.root, "f"), storage.View{})
	if err != nil {
		t.Fatal(err)
	}
	visitor := ctx(identity.Actor{Kind: identity.Visitor, User: identity.User{ID: "link-x"}, Visit: &identity.Visit{Link: "x", Token: h.names["token"], Storage: item.ID.Storage, Space: item.ID.Space, Node: item.ID.Node,
		File: true, Rights: uint32(permission.Viewer), Creator: identity.ActorFrom(storagetest.As("alice"))}})
	jail, public := &providerpb.Reference{ResourceId: files.ToID(share.Jail()), Path: "./f"}, &providerpb.Reference{ResourceId: files.ToID(link.Root(h.names["token"])), Path: "./f"}
	found := map[string]int{}
	for addr := range h.servers {
		conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		api := providerpb.NewProviderAPIClient(conn)
		if _, err := gatewaypb.NewGatewayAPIClient(conn).ListShares(bob, &sharepb.ListSharesRequest{}); err == nil {
			continue // the gateway
		}
		for name, who := range map[string]context.Context{"bob": bob, "visitor": visitor, "stranger": t.Context()} {
			for where, ref := range map[string]*providerpb.Reference{"jail": jail, "public": public} {
				if r, err := api.Stat(who, &providerpb.StatRequest{Ref: ref}); err == nil && r.GetStatus().GetCode() == rpcpb.Code_CODE_OK && r.GetInfo().GetSize() == 6 {
					found[name+" "+where]++
				}
			}
		}
	}
	if found["bob jail"] == 0 || found["visitor public"] == 0 || len(found) != 2 {
		t.Errorf("found %v", found)
	}
}

// A home is made for those whose role lets them have one, once; what nobody answers is unimplemented.
func TestHome(t *testing.T) {
	p := build(t).program()
	home, err := p.CreateHome(p.login("basic", "alice", "pw"), nil)
	p.is(home, err, rpcpb.Code_CODE_OK)
	if all, err := p.fs.ListSpaces(storagetest.As("alice"), storage.SpaceFilter{Type: space.Personal}); err != nil || len(all) != 1 || all[0].Owner != "alice" {
		t.Errorf("homes %v, %v", all, err)
	}
	none, err := p.CreateHome(p.login("basic", "bob", "pw"), nil)
	p.is(none, err, rpcpb.Code_CODE_PERMISSION_DENIED)
	if _, err := p.CreateSymlink(p.Context(), nil); status.Code(err) != codes.Unimplemented {
		t.Error(err)
	}
}
