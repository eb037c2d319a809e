package e2e

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	gatewaypb "github.com/cs3org/go-cs3apis/cs3/gateway/v1beta1"
	preferencespb "github.com/cs3org/go-cs3apis/cs3/preferences/v1beta1"
	rpcpb "github.com/cs3org/go-cs3apis/cs3/rpc/v1beta1"
	sharepb "github.com/cs3org/go-cs3apis/cs3/sharing/collaboration/v1beta1"
	linkpb "github.com/cs3org/go-cs3apis/cs3/sharing/link/v1beta1"
	providerpb "github.com/cs3org/go-cs3apis/cs3/storage/provider/v1beta1"
	typespb "github.com/cs3org/go-cs3apis/cs3/types/v1beta1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"opencloud/test/server"
)

// TestCS3Gateway works through the gateway as a CS3 program does, on a split server.
func TestCS3Gateway(t *testing.T) {
	s := server.Start(t, server.Options{Split: true})
	personal(t, s.Admin())
	conn, err := grpc.NewClient("passthrough:///"+s.Gateway(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	defer conn.Close()
	g := gatewaypb.NewGatewayAPIClient(conn)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ok := func(what string, st *rpcpb.Status, err error) {
		t.Helper()
		if err != nil || st.GetCode() != rpcpb.Code_CODE_OK {
			t.Fatalf("%s: %v %v", what, st, err)
		}
	}
	bad, err := g.Authenticate(ctx, &gatewaypb.AuthenticateRequest{Type: "basic", ClientId: "admin", ClientSecret: "wrong"})
	if err != nil || bad.GetStatus().GetCode() != rpcpb.Code_CODE_UNAUTHENTICATED || bad.GetToken() != "" {
		t.Fatalf("wrong password: %v %v", bad, err)
	}
	login, err := g.Authenticate(ctx, &gatewaypb.AuthenticateRequest{Type: "basic", ClientId: "admin", ClientSecret: server.Password})
	ok("login", login.GetStatus(), err)
	stranger := ctx
	ctx = metadata.AppendToOutgoingContext(ctx, "x-access-token", login.GetToken())
	spaces, err := g.ListStorageSpaces(ctx, &providerpb.ListStorageSpacesRequest{})
	ok("spaces", spaces.GetStatus(), err)
	root := spaces.GetStorageSpaces()[0].GetRoot()
	at := func(p string) *providerpb.Reference { return &providerpb.Reference{ResourceId: root, Path: "./" + p} }
	made, err := g.CreateContainer(ctx, &providerpb.CreateContainerRequest{Ref: at("cs3")})
	ok("mkdir", made.GetStatus(), err)
	up, err := g.InitiateFileUpload(ctx, &providerpb.InitiateFileUploadRequest{Ref: at("cs3/x.txt"),
		Opaque: &typespb.Opaque{Map: map[string]*typespb.OpaqueEntry{"Upload-Length": {Decoder: "plain", Value: []byte("5")}}}})
	ok("upload", up.GetStatus(), err)
	anonymous := s.As("", "")
	if a, err := anonymous.Try(http.MethodPut, up.GetProtocols()[0].GetUploadEndpoint(), strings.NewReader("hello")); err != nil || a.Status != 201 {
		t.Fatalf("PUT: %d %v %s", a.Status, err, a.Body)
	}
	st, err := g.Stat(ctx, &providerpb.StatRequest{Ref: at("cs3/x.txt")})
	ok("stat", st.GetStatus(), err)
	if st.GetInfo().GetSize() != 5 || st.GetInfo().GetName() != "x.txt" {
		t.Fatalf("stat: %v", st.GetInfo())
	}
	down, err := g.InitiateFileDownload(ctx, &providerpb.InitiateFileDownloadRequest{Ref: at("cs3/x.txt")})
	ok("download", down.GetStatus(), err)
	if a, err := anonymous.Try(http.MethodGet, down.GetProtocols()[0].GetDownloadEndpoint(), nil); err != nil || a.Body != "hello" {
		t.Fatalf("GET: %d %v %s", a.Status, err, a.Body)
	}
	list, err := g.ListContainer(ctx, &providerpb.ListContainerRequest{Ref: at("cs3")})
	ok("list", list.GetStatus(), err)
	stream, err := g.ListContainerStream(ctx, &providerpb.ListContainerStreamRequest{Ref: at("cs3")})
	must(t, err)
	n := 0
	for ; ; n++ {
		if _, err := stream.Recv(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if n != len(list.GetInfos()) || n != 1 {
		t.Fatalf("%d streamed, %d listed", n, len(list.GetInfos()))
	}
	moved, err := g.Move(ctx, &providerpb.MoveRequest{Source: at("cs3/x.txt"), Destination: at("y.txt")})
	ok("move", moved.GetStatus(), err)
	deleted, err := g.Delete(ctx, &providerpb.DeleteRequest{Ref: at("y.txt")})
	ok("delete", deleted.GetStatus(), err)
	trash, err := g.ListRecycle(ctx, &providerpb.ListRecycleRequest{Ref: at("")})
	ok("trash", trash.GetStatus(), err)
	restored, err := g.RestoreRecycleItem(ctx, &providerpb.RestoreRecycleItemRequest{Ref: at(""), Key: trash.GetRecycleItems()[0].GetKey()})
	ok("restore", restored.GetStatus(), err)
	project, err := g.CreateStorageSpace(ctx, &providerpb.CreateStorageSpaceRequest{Type: "project", Name: "Moon"})
	ok("project", project.GetStatus(), err)
	if b := s.Admin().Want("GET", "/graph/v1.0/me/drives", "", nil, 200).Body; !strings.Contains(b, `"driveAlias":"project/moon"`) {
		t.Fatalf("drives: %s", b)
	}
	if a, err := g.Stat(stranger, &providerpb.StatRequest{Ref: at("y.txt")}); err == nil && a.GetStatus().GetCode() == rpcpb.Code_CODE_OK || a.GetInfo() != nil {
		t.Fatalf("a stranger sees %v", a)
	}
	mary, err := g.Authenticate(stranger, &gatewaypb.AuthenticateRequest{Type: "basic", ClientId: "mary", ClientSecret: "demo"})
	ok("mary", mary.GetStatus(), err)
	other := metadata.AppendToOutgoingContext(stranger, "x-access-token", mary.GetToken())
	if a, err := g.Stat(other, &providerpb.StatRequest{Ref: at("y.txt")}); err != nil || a.GetStatus().GetCode() != rpcpb.Code_CODE_NOT_FOUND {
		t.Fatalf("another user sees %v %v", a, err)
	}

	// mary is given a folder, and finds it among what she received; a link opens it to everybody with the password.
	home, err := g.CreateHome(other, &providerpb.CreateHomeRequest{})
	ok("home", home.GetStatus(), err)
	folder, err := g.Stat(ctx, &providerpb.StatRequest{Ref: at("cs3")})
	ok("folder", folder.GetStatus(), err)
	restoredTo, err := g.Move(ctx, &providerpb.MoveRequest{Source: at("y.txt"), Destination: at("cs3/y.txt")})
	ok("move back", restoredTo.GetStatus(), err)
	read := &providerpb.ResourcePermissions{Stat: true, ListContainer: true, InitiateFileDownload: true, GetPath: true, GetQuota: true, ListRecycle: true}
	shared, err := g.CreateShare(ctx, &sharepb.CreateShareRequest{ResourceInfo: folder.GetInfo(), Grant: &sharepb.ShareGrant{Permissions: &sharepb.SharePermissions{Permissions: read},
		Grantee: &providerpb.Grantee{Type: providerpb.GranteeType_GRANTEE_TYPE_USER, Id: &providerpb.Grantee_UserId{UserId: mary.GetUser().GetId()}}}})
	ok("share", shared.GetStatus(), err)
	received, err := g.ListReceivedShares(other, &sharepb.ListReceivedSharesRequest{})
	ok("received", received.GetStatus(), err)
	if len(received.GetShares()) != 1 || received.GetShares()[0].GetMountPoint().GetPath() != "cs3" {
		t.Fatalf("received: %v", received)
	}
	const jailID, publicID = "a0ca6a90-a365-4782-871e-d44447bbc668", "7993447f-687f-490d-875c-ac95e89a62a4"
	content := func(who context.Context, ref *providerpb.Reference) (string, rpcpb.Code) {
		t.Helper()
		down, err := g.InitiateFileDownload(who, &providerpb.InitiateFileDownloadRequest{Ref: ref})
		must(t, err)
		if c := down.GetStatus().GetCode(); c != rpcpb.Code_CODE_OK {
			return "", c
		}
		a, err := anonymous.Try(http.MethodGet, down.GetProtocols()[0].GetDownloadEndpoint(), nil)
		must(t, err)
		return a.Body, rpcpb.Code_CODE_OK
	}
	if text, c := content(other, &providerpb.Reference{ResourceId: &providerpb.ResourceId{StorageId: jailID, SpaceId: jailID, OpaqueId: jailID}, Path: "./cs3/y.txt"}); text != "hello" {
		t.Fatalf("mary reads %q %s", text, c)
	}
	linked, err := g.CreatePublicShare(ctx, &linkpb.CreatePublicShareRequest{ResourceInfo: folder.GetInfo(), Grant: &linkpb.Grant{Password: "Pass-word-1", Permissions: &linkpb.PublicSharePermissions{Permissions: read}}})
	ok("link", linked.GetStatus(), err)
	bad, err = g.Authenticate(stranger, &gatewaypb.AuthenticateRequest{Type: "publicshares", ClientId: linked.GetShare().GetToken(), ClientSecret: "password|wrong"})
	if err != nil || bad.GetStatus().GetCode() != rpcpb.Code_CODE_UNAUTHENTICATED || bad.GetToken() != "" {
		t.Fatalf("wrong password of the link: %v %v", bad, err)
	}
	in, err := g.Authenticate(stranger, &gatewaypb.AuthenticateRequest{Type: "publicshares", ClientId: linked.GetShare().GetToken(), ClientSecret: "password|Pass-word-1"})
	ok("visit", in.GetStatus(), err)
	visitor := metadata.AppendToOutgoingContext(stranger, "x-access-token", in.GetToken())
	if text, c := content(visitor, &providerpb.Reference{ResourceId: &providerpb.ResourceId{StorageId: publicID, SpaceId: publicID, OpaqueId: linked.GetShare().GetToken()}, Path: "./y.txt"}); text != "hello" {
		t.Fatalf("the visitor reads %q %s", text, c)
	}
	if text, c := content(visitor, at("cs3/y.txt")); c != rpcpb.Code_CODE_NOT_FOUND {
		t.Fatalf("the visitor reads elsewhere %q %s", text, c)
	}
	key := &preferencespb.PreferenceKey{Namespace: "profile", Key: "disable-email-notifications"}
	set, err := g.SetKey(other, &preferencespb.SetKeyRequest{Key: key, Val: "true"})
	ok("set key", set.GetStatus(), err)
	if v, err := g.GetKey(other, &preferencespb.GetKeyRequest{Key: key}); err != nil || v.GetVal() != "true" {
		t.Fatalf("key: %v %v", v, err)
	}
}
