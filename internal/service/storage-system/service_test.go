package storagesystem_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	rpcpb "github.com/cs3org/go-cs3apis/cs3/rpc/v1beta1"
	providerpb "github.com/cs3org/go-cs3apis/cs3/storage/provider/v1beta1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"opencloud/internal/cs3/people"
	"opencloud/internal/identity"
	"opencloud/internal/platform/grpcd"
	storagesystem "opencloud/internal/service/storage-system"
	"opencloud/internal/token"
	"opencloud/internal/transfer"
)

const secret = "0123456789abcdef0123456789abcdef"

func ref(path string) *providerpb.Reference {
	const id = storagesystem.SettingsSpace
	return &providerpb.Reference{ResourceId: &providerpb.ResourceId{StorageId: id, SpaceId: id, OpaqueId: id}, Path: "./" + path}
}

// A service keeps files in the settings space; nobody else is told anything, not even with an address signed elsewhere.
func TestSystemStorage(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var web http.Handler
	data := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { web.ServeHTTP(w, r) }))
	defer data.Close()
	dir := t.TempDir()
	cfg := storagesystem.Config{Root: filepath.Join(dir, "metadata"), Database: "sqlite:" + filepath.Join(dir, "system.db"), DataServerURL: data.URL + "/data", TransferSecret: secret, TransferExpires: 60}
	parts, err := storagesystem.New(t.Context(), cfg, storagesystem.Deps{Log: slog.New(slog.DiscardHandler)})
	must(err)
	must(parts.Close())
	parts, err = storagesystem.New(t.Context(), cfg, storagesystem.Deps{Log: slog.New(slog.DiscardHandler)}) // again: the space is there
	must(err)
	defer parts.Close()
	web = parts.HTTP
	tokens, err := token.New([]byte(secret))
	must(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	s := grpc.NewServer(grpc.UnaryInterceptor(token.UnaryServer(tokens)), grpc.StreamInterceptor(token.StreamServer(tokens)))
	parts.GRPC(s)
	go func() { _ = s.Serve(l) }()
	defer s.Stop()
	conn, err := grpcd.Dial(l.Addr().String(), nil, grpc.WithUnaryInterceptor(token.UnaryClient(tokens)), grpc.WithStreamInterceptor(token.StreamClient(tokens)))
	must(err)
	defer conn.Close()
	api, spaces := providerpb.NewProviderAPIClient(conn), providerpb.NewSpacesAPIClient(conn)

	service := identity.WithActor(t.Context(), people.Self("settings"))
	up, err := api.InitiateFileUpload(service, &providerpb.InitiateFileUploadRequest{Ref: ref("f")})
	if err != nil || up.GetStatus().GetCode() != rpcpb.Code_CODE_OK {
		t.Fatal(up, err)
	}
	put, err := http.NewRequest(http.MethodPut, up.GetProtocols()[0].GetUploadEndpoint(), strings.NewReader("kept"))
	must(err)
	resp, err := http.DefaultClient.Do(put)
	must(err)
	resp.Body.Close()
	down, err := api.InitiateFileDownload(service, &providerpb.InitiateFileDownloadRequest{Ref: ref("f")})
	if err != nil || down.GetStatus().GetCode() != rpcpb.Code_CODE_OK {
		t.Fatal(down, err)
	}
	get := func(url string) (int, string) {
		t.Helper()
		resp, err := http.Get(url)
		must(err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		must(err)
		return resp.StatusCode, string(b)
	}
	if code, text := get(down.GetProtocols()[0].GetDownloadEndpoint()); code != http.StatusOK || text != "kept" {
		t.Errorf("read %d %q", code, text)
	}
	signer, err := transfer.NewSigner([]byte(secret))
	must(err)
	const id = storagesystem.SettingsSpace
	for _, a := range []identity.Actor{people.Self("settings"), {Kind: identity.Person, User: identity.User{ID: "admin"}}} {
		elsewhere, err := signer.Sign(transfer.Claims{Op: transfer.Read, Resource: id + "$" + id, Path: "f", Actor: a}, time.Minute)
		must(err)
		if code, text := get(data.URL + "/data/" + elsewhere); code == http.StatusOK || strings.Contains(text, "kept") {
			t.Errorf("an address signed elsewhere gives %d %q", code, text)
		}
	}
	person := identity.WithActor(t.Context(), identity.Actor{Kind: identity.Person, User: identity.User{ID: "admin"}, MayListAllSpaces: true})
	visitor := identity.WithActor(t.Context(), identity.Actor{Kind: identity.Visitor, User: identity.User{ID: "link-x"}, Visit: &identity.Visit{Link: "x"}})
	for who, want := range map[context.Context]codes.Code{t.Context(): codes.Unauthenticated, person: codes.PermissionDenied, visitor: codes.PermissionDenied} {
		if r, err := api.Stat(who, &providerpb.StatRequest{Ref: ref("f")}); status.Code(err) != want {
			t.Errorf("stat: %v, %v, want %s", r, err, want)
		}
		if r, err := spaces.ListStorageSpaces(who, &providerpb.ListStorageSpacesRequest{}); status.Code(err) != want {
			t.Errorf("spaces: %v, %v, want %s", r, err, want)
		}
		stream, err := api.ListContainerStream(who, &providerpb.ListContainerStreamRequest{Ref: ref("")})
		must(err)
		if r, err := stream.Recv(); status.Code(err) != want {
			t.Errorf("list: %v, %v, want %s", r, err, want)
		}
	}
	stream, err := api.ListContainerStream(service, &providerpb.ListContainerStreamRequest{Ref: ref("")})
	must(err)
	if r, err := stream.Recv(); err != nil || r.GetInfo().GetName() != "f" {
		t.Errorf("list: %v, %v", r, err)
	}
}
