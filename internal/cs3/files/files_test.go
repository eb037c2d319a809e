package files_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	userpb "github.com/cs3org/go-cs3apis/cs3/identity/user/v1beta1"
	rpcpb "github.com/cs3org/go-cs3apis/cs3/rpc/v1beta1"
	providerpb "github.com/cs3org/go-cs3apis/cs3/storage/provider/v1beta1"
	typespb "github.com/cs3org/go-cs3apis/cs3/types/v1beta1"
	"google.golang.org/grpc"

	"opencloud/internal/cs3/files"
	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/grpcd"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/entrance"
	"opencloud/internal/storage/mem"
	"opencloud/internal/storage/storagetest"
	"opencloud/internal/token"
	"opencloud/internal/transfer"
)

// env is a storage served to CS3 programs, alice's space in it.
type env struct {
	*testing.T
	providerpb.ProviderAPIClient
	spaces     providerpb.SpacesAPIClient
	fs         storage.FS
	alice, bob context.Context
	root       resource.ID
}

func open(t *testing.T) *env {
	t.Helper()
	tokens, err := token.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := transfer.NewSigner([]byte("the secret of the transfers"))
	if err != nil {
		t.Fatal(err)
	}
	fs := entrance.New(mem.New("11111111-1111-4111-8111-111111111111"), nil, nil)
	data := httptest.NewServer(&transfer.Handler{FS: fs, Signer: signer})
	t.Cleanup(data.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.UnaryInterceptor(token.UnaryServer(tokens)), grpc.StreamInterceptor(token.StreamServer(tokens)))
	files.NewServer(fs, signer, data.URL+"/data", time.Minute).Register(s)
	served := make(chan struct{})
	go func() { defer close(served); _ = s.Serve(l) }()
	t.Cleanup(func() { s.Stop(); <-served })
	conn, err := grpcd.Dial(l.Addr().String(), nil, grpc.WithUnaryInterceptor(token.UnaryClient(tokens)), grpc.WithStreamInterceptor(token.StreamClient(tokens)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	e := &env{T: t, ProviderAPIClient: providerpb.NewProviderAPIClient(conn), spaces: providerpb.NewSpacesAPIClient(conn), fs: fs, alice: storagetest.As("alice"), bob: storagetest.As("bob")}
	a := identity.ActorFrom(e.alice)
	a.User.Roles = []string{role.Admin}
	e.alice = identity.WithActor(e.alice, a)
	r, err := e.spaces.CreateStorageSpace(e.alice, &providerpb.CreateStorageSpaceRequest{Type: "personal", Name: "Alice", Owner: &userpb.User{Id: &userpb.UserId{OpaqueId: "alice"}}})
	e.is(r, err, rpcpb.Code_CODE_OK)
	id := r.GetStorageSpace().GetRoot()
	e.root = resource.ID{Storage: id.GetStorageId(), Space: id.GetSpaceId(), Node: id.GetOpaqueId()}
	return e
}

func (e *env) at(path string) *providerpb.Reference {
	return &providerpb.Reference{ResourceId: &providerpb.ResourceId{StorageId: e.root.Storage, SpaceId: e.root.Space, OpaqueId: e.root.Node}, Path: "./" + path}
}

func (e *env) is(r interface{ GetStatus() *rpcpb.Status }, err error, want rpcpb.Code) {
	e.Helper()
	if err != nil || r.GetStatus().GetCode() != want {
		e.Errorf("got %v %v, want %v", r.GetStatus(), err, want)
	}
}

func (e *env) put(path, content string) {
	e.Helper()
	if _, err := e.fs.Upload(e.alice, storage.At(e.root, path), storage.UploadRequest{Length: int64(len(content))}, strings.NewReader(content)); err != nil {
		e.Fatal(err)
	}
}

func (e *env) stat(path string) *providerpb.ResourceInfo {
	e.Helper()
	r, err := e.Stat(e.alice, &providerpb.StatRequest{Ref: e.at(path), ArbitraryMetadataKeys: []string{"*"}})
	e.is(r, err, rpcpb.Code_CODE_OK)
	return r.GetInfo()
}

func TestTree(t *testing.T) {
	e := open(t)
	made, err := e.CreateContainer(e.alice, &providerpb.CreateContainerRequest{Ref: e.at("a")})
	e.is(made, err, rpcpb.Code_CODE_OK)
	made, err = e.CreateContainer(e.alice, &providerpb.CreateContainerRequest{Ref: e.at("a")})
	e.is(made, err, rpcpb.Code_CODE_ALREADY_EXISTS)
	made, err = e.CreateContainer(e.bob, &providerpb.CreateContainerRequest{Ref: e.at("b")})
	e.is(made, err, rpcpb.Code_CODE_NOT_FOUND)
	touched, err := e.TouchFile(e.alice, &providerpb.TouchFileRequest{Ref: e.at("a/empty")})
	e.is(touched, err, rpcpb.Code_CODE_OK)
	e.put("a/f", "hello")
	i := e.stat("a/f")
	if i.GetSize() != 5 || i.GetName() != "f" || i.GetPath() != "./a/f" || i.GetType() != providerpb.ResourceType_RESOURCE_TYPE_FILE ||
		i.GetChecksum().GetSum() != "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d" || string(i.GetOpaque().GetMap()["md5"].GetValue()) != "5d41402abc4b2a76b9719d911017c592" {
		t.Errorf("info %v", i)
	}
	byID, err := e.Stat(e.alice, &providerpb.StatRequest{Ref: &providerpb.Reference{ResourceId: i.GetId(), Path: "."}})
	e.is(byID, err, rpcpb.Code_CODE_OK)
	if byID.GetInfo().GetEtag() != i.GetEtag() {
		t.Errorf("%v is not %v", byID.GetInfo(), i)
	}
	list, err := e.ListContainer(e.alice, &providerpb.ListContainerRequest{Ref: e.at("a")})
	e.is(list, err, rpcpb.Code_CODE_OK)
	stream, err := e.ListContainerStream(e.alice, &providerpb.ListContainerStreamRequest{Ref: e.at("a")})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range list.GetInfos() {
		if got, err := stream.Recv(); err != nil || got.GetInfo().GetName() != want.GetName() {
			t.Errorf("got %v %v, want %s", got, err, want.GetName())
		}
	}
	if _, err := stream.Recv(); err != io.EOF || len(list.GetInfos()) != 2 {
		t.Errorf("%d entries, then %v", len(list.GetInfos()), err)
	}
	moved, err := e.Move(e.alice, &providerpb.MoveRequest{Source: e.at("a/f"), Destination: e.at("g")})
	e.is(moved, err, rpcpb.Code_CODE_OK)
	if e.stat("g").GetId().GetOpaqueId() != i.GetId().GetOpaqueId() {
		t.Error("moving changed the id")
	}
	path, err := e.GetPath(e.alice, &providerpb.GetPathRequest{ResourceId: i.GetId()})
	e.is(path, err, rpcpb.Code_CODE_OK)
	if path.GetPath() != "/g" {
		t.Errorf("path %q", path.GetPath())
	}
	for _, p := range []string{"../x", "a/../x", "\\", strings.Repeat("n", 256)} {
		made, err := e.CreateContainer(e.alice, &providerpb.CreateContainerRequest{Ref: e.at(p)})
		if err != nil || made.GetStatus().GetCode() == rpcpb.Code_CODE_OK {
			t.Errorf("%q: %v %v", p, made, err)
		}
	}
}

func TestTrash(t *testing.T) {
	e := open(t)
	if _, err := e.fs.CreateFolder(e.alice, storage.At(e.root, "d"), storage.Conditions{}); err != nil {
		t.Fatal(err)
	}
	e.put("d/f", "hello")
	e.put("d/g", "hello")
	gone, err := e.Delete(e.alice, &providerpb.DeleteRequest{Ref: e.at("d")})
	e.is(gone, err, rpcpb.Code_CODE_OK)
	items := func(key string) (out []*providerpb.RecycleItem) {
		t.Helper()
		r, err := e.ListRecycle(e.alice, &providerpb.ListRecycleRequest{Ref: e.at(""), Key: key})
		e.is(r, err, rpcpb.Code_CODE_OK)
		stream, err := e.ListRecycleStream(e.alice, &providerpb.ListRecycleStreamRequest{Ref: e.at(""), Key: key})
		if err != nil {
			t.Fatal(err)
		}
		for {
			i, err := stream.Recv()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, i.GetRecycleItem())
		}
		if len(out) != len(r.GetRecycleItems()) {
			t.Errorf("%d items, in a stream %d", len(r.GetRecycleItems()), len(out))
		}
		return out
	}
	top := items("")
	if len(top) != 1 || top[0].GetRef().GetPath() != "./d" || top[0].GetType() != providerpb.ResourceType_RESOURCE_TYPE_CONTAINER {
		t.Fatalf("trash %v", top)
	}
	inside := items(top[0].GetKey())
	if len(inside) != 2 || inside[0].GetKey() == inside[1].GetKey() {
		t.Fatalf("in the trashed folder: %v", inside)
	}
	back, err := e.RestoreRecycleItem(e.alice, &providerpb.RestoreRecycleItemRequest{Ref: e.at(""), Key: inside[0].GetKey(), RestoreRef: e.at("back")})
	e.is(back, err, rpcpb.Code_CODE_OK)
	if e.stat("back").GetSize() != 5 {
		t.Error("one file did not come back")
	}
	back, err = e.RestoreRecycleItem(e.alice, &providerpb.RestoreRecycleItemRequest{Ref: e.at(""), Key: top[0].GetKey()})
	e.is(back, err, rpcpb.Code_CODE_OK)
	e.stat("d")
	gone, err = e.Delete(e.alice, &providerpb.DeleteRequest{Ref: e.at("d")})
	e.is(gone, err, rpcpb.Code_CODE_OK)
	purged, err := e.PurgeRecycle(e.alice, &providerpb.PurgeRecycleRequest{Ref: e.at(""), Key: items("")[0].GetKey()})
	e.is(purged, err, rpcpb.Code_CODE_OK)
	if left := items(""); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	stream, err := e.ListRecycleStream(e.bob, &providerpb.ListRecycleStreamRequest{Ref: e.at("")})
	if err != nil {
		t.Fatal(err)
	}
	if i, err := stream.Recv(); err == nil || err == io.EOF {
		t.Errorf("bob reads the trash: %v %v", i, err)
	}
}

func TestMetadata(t *testing.T) {
	e := open(t)
	e.put("f", "hello")
	want := map[string]string{"http://example.org/ns/note": `a < b & "c" 'd' é`, "plain/key": "v", "http://owncloud.org/ns/favorite": "1", "tags": "blue,red"}
	set, err := e.SetArbitraryMetadata(e.alice, &providerpb.SetArbitraryMetadataRequest{Ref: e.at("f"), ArbitraryMetadata: &providerpb.ArbitraryMetadata{Metadata: want}})
	e.is(set, err, rpcpb.Code_CODE_OK)
	got := e.stat("f").GetArbitraryMetadata().GetMetadata()
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s is %q, want %q", k, got[k], v)
		}
	}
	bad, err := e.SetArbitraryMetadata(e.alice, &providerpb.SetArbitraryMetadataRequest{Ref: e.at("f"), ArbitraryMetadata: &providerpb.ArbitraryMetadata{Metadata: map[string]string{"x/": "v"}}})
	e.is(bad, err, rpcpb.Code_CODE_INVALID_ARGUMENT)
	foreign, err := e.SetArbitraryMetadata(e.bob, &providerpb.SetArbitraryMetadataRequest{Ref: e.at("f"), ArbitraryMetadata: &providerpb.ArbitraryMetadata{Metadata: want}})
	e.is(foreign, err, rpcpb.Code_CODE_NOT_FOUND)
	unset, err := e.UnsetArbitraryMetadata(e.alice, &providerpb.UnsetArbitraryMetadataRequest{Ref: e.at("f"),
		ArbitraryMetadataKeys: []string{"http://example.org/ns/note", "http://owncloud.org/ns/favorite", "tags"}})
	e.is(unset, err, rpcpb.Code_CODE_OK)
	if got := e.stat("f").GetArbitraryMetadata().GetMetadata(); len(got) != 1 || got["plain/key"] != "v" {
		t.Errorf("left: %v", got)
	}
}

func TestLocks(t *testing.T) {
	e := open(t)
	e.put("f", "hello")
	lock := func(id string, d time.Duration) *providerpb.Lock {
		at := time.Now().Add(d)
		return &providerpb.Lock{LockId: id, Type: providerpb.LockType_LOCK_TYPE_EXCL, AppName: "editor", Expiration: &typespb.Timestamp{Seconds: uint64(at.Unix()), Nanos: uint32(at.Nanosecond())}}
	}
	missing, err := e.SetLock(e.alice, &providerpb.SetLockRequest{Ref: e.at("none"), Lock: lock("1", time.Minute)})
	if err != nil || missing.GetStatus().GetCode() == rpcpb.Code_CODE_OK {
		t.Errorf("locked nothing: %v %v", missing, err)
	}
	got, err := e.GetLock(e.alice, &providerpb.GetLockRequest{Ref: e.at("f")})
	e.is(got, err, rpcpb.Code_CODE_NOT_FOUND)
	set, err := e.SetLock(e.alice, &providerpb.SetLockRequest{Ref: e.at("f"), Lock: lock("1", -time.Minute)})
	e.is(set, err, rpcpb.Code_CODE_INVALID_ARGUMENT)
	set, err = e.SetLock(e.alice, &providerpb.SetLockRequest{Ref: e.at("f"), Lock: lock("1", time.Minute)})
	e.is(set, err, rpcpb.Code_CODE_OK)
	got, err = e.GetLock(e.alice, &providerpb.GetLockRequest{Ref: e.at("f")})
	e.is(got, err, rpcpb.Code_CODE_OK)
	if l := got.GetLock(); l.GetLockId() != "1" || l.GetUser().GetOpaqueId() != "alice" || l.GetAppName() != "editor" || l.GetType() != providerpb.LockType_LOCK_TYPE_EXCL {
		t.Errorf("lock %v", l)
	}
	gone, err := e.Delete(e.alice, &providerpb.DeleteRequest{Ref: e.at("f")})
	e.is(gone, err, rpcpb.Code_CODE_LOCKED)
	again, err := e.RefreshLock(e.alice, &providerpb.RefreshLockRequest{Ref: e.at("f"), Lock: lock("1", time.Hour)})
	e.is(again, err, rpcpb.Code_CODE_OK)
	after, err := e.GetLock(e.alice, &providerpb.GetLockRequest{Ref: e.at("f")})
	e.is(after, err, rpcpb.Code_CODE_OK)
	if after.GetLock().GetExpiration().GetSeconds() <= got.GetLock().GetExpiration().GetSeconds() {
		t.Error("the lock does not last longer")
	}
	other, err := e.Unlock(e.alice, &providerpb.UnlockRequest{Ref: e.at("f"), Lock: lock("2", time.Hour)})
	if err != nil || other.GetStatus().GetCode() == rpcpb.Code_CODE_OK {
		t.Errorf("unlocked by another id: %v %v", other, err)
	}
	free, err := e.Unlock(e.alice, &providerpb.UnlockRequest{Ref: e.at("f"), Lock: lock("1", time.Hour)})
	e.is(free, err, rpcpb.Code_CODE_OK)
	gone, err = e.Delete(e.alice, &providerpb.DeleteRequest{Ref: e.at("f")})
	e.is(gone, err, rpcpb.Code_CODE_OK)
}

func TestGrants(t *testing.T) {
	e := open(t)
	e.put("f", "hello")
	grantee := &providerpb.Grantee{Type: providerpb.GranteeType_GRANTEE_TYPE_USER, Id: &providerpb.Grantee_UserId{UserId: &userpb.UserId{OpaqueId: "bob"}}}
	read := &providerpb.ResourcePermissions{Stat: true, InitiateFileDownload: true, GetPath: true, ListContainer: true}
	added, err := e.AddGrant(e.alice, &providerpb.AddGrantRequest{Ref: e.at("f"), Grant: &providerpb.Grant{Grantee: grantee, Permissions: read}})
	e.is(added, err, rpcpb.Code_CODE_OK)
	list, err := e.ListGrants(e.alice, &providerpb.ListGrantsRequest{Ref: e.at("f")})
	e.is(list, err, rpcpb.Code_CODE_OK)
	found := false
	for _, g := range list.GetGrants() {
		found = found || g.GetGrantee().GetUserId().GetOpaqueId() == "bob" && g.GetPermissions().String() == read.String()
	}
	if !found {
		t.Errorf("grants %v", list.GetGrants())
	}
	byID := &providerpb.Reference{ResourceId: e.stat("f").GetId(), Path: "."}
	st, err := e.Stat(e.bob, &providerpb.StatRequest{Ref: byID})
	e.is(st, err, rpcpb.Code_CODE_OK)
	down, err := e.InitiateFileDownload(e.bob, &providerpb.InitiateFileDownloadRequest{Ref: byID})
	e.is(down, err, rpcpb.Code_CODE_OK)
	resp, err := http.Get(down.GetProtocols()[0].GetDownloadEndpoint())
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if string(b) != "hello" {
		t.Errorf("bob reads %s %q", resp.Status, b)
	}
	gone, err := e.Delete(e.bob, &providerpb.DeleteRequest{Ref: byID})
	e.is(gone, err, rpcpb.Code_CODE_PERMISSION_DENIED)
	removed, err := e.RemoveGrant(e.alice, &providerpb.RemoveGrantRequest{Ref: e.at("f"), Grant: &providerpb.Grant{Grantee: grantee}})
	e.is(removed, err, rpcpb.Code_CODE_OK)
	st, err = e.Stat(e.bob, &providerpb.StatRequest{Ref: byID})
	e.is(st, err, rpcpb.Code_CODE_NOT_FOUND)
}

func TestSpaces(t *testing.T) {
	e := open(t)
	made, err := e.spaces.CreateStorageSpace(e.alice, &providerpb.CreateStorageSpaceRequest{Type: string(space.Project), Name: "Project"})
	e.is(made, err, rpcpb.Code_CODE_OK)
	id := made.GetStorageSpace().GetId()
	of := func(ctx context.Context) int {
		t.Helper()
		r, err := e.spaces.ListStorageSpaces(ctx, &providerpb.ListStorageSpacesRequest{Filters: []*providerpb.ListStorageSpacesRequest_Filter{
			{Type: providerpb.ListStorageSpacesRequest_Filter_TYPE_ID, Term: &providerpb.ListStorageSpacesRequest_Filter_Id{Id: id}}}})
		e.is(r, err, rpcpb.Code_CODE_OK)
		return len(r.GetStorageSpaces())
	}
	if of(e.alice) != 1 || of(e.bob) != 0 {
		t.Errorf("alice has %d, bob %d", of(e.alice), of(e.bob))
	}
	foreign, err := e.spaces.DeleteStorageSpace(e.bob, &providerpb.DeleteStorageSpaceRequest{Id: id})
	e.is(foreign, err, rpcpb.Code_CODE_NOT_FOUND)
	renamed, err := e.spaces.UpdateStorageSpace(e.alice, &providerpb.UpdateStorageSpaceRequest{StorageSpace: &providerpb.StorageSpace{Id: id, Name: "Other"}})
	e.is(renamed, err, rpcpb.Code_CODE_OK)
	if renamed.GetStorageSpace().GetName() != "Other" {
		t.Errorf("name %q", renamed.GetStorageSpace().GetName())
	}
	disabled, err := e.spaces.DeleteStorageSpace(e.alice, &providerpb.DeleteStorageSpaceRequest{Id: id})
	e.is(disabled, err, rpcpb.Code_CODE_OK)
}

// Spaces are made by those whose role permits it, and no bigger than it permits.
func TestWhoMakesSpaces(t *testing.T) {
	e := open(t)
	quota := &providerpb.Quota{QuotaMaxBytes: 1 << 40}
	for _, c := range []struct {
		role, kind string
		quota      *providerpb.Quota
		want       rpcpb.Code
	}{
		{"", "project", nil, rpcpb.Code_CODE_PERMISSION_DENIED},
		{role.UserLight, "project", nil, rpcpb.Code_CODE_PERMISSION_DENIED},
		{role.User, "project", nil, rpcpb.Code_CODE_PERMISSION_DENIED},
		{role.User, "personal", nil, rpcpb.Code_CODE_PERMISSION_DENIED}, // it is made at the first login, with the role's quota
		{role.SpaceAdmin, "project", quota, rpcpb.Code_CODE_OK},
		{role.SpaceAdmin, "personal", quota, rpcpb.Code_CODE_PERMISSION_DENIED},
		{role.Admin, "project", quota, rpcpb.Code_CODE_OK},
		{role.Admin, "personal", quota, rpcpb.Code_CODE_OK},
	} {
		ctx := identity.WithActor(t.Context(), identity.Actor{Kind: identity.Person, User: identity.User{ID: "u-" + c.role, Roles: []string{c.role}}})
		r, err := e.spaces.CreateStorageSpace(ctx, &providerpb.CreateStorageSpaceRequest{Type: c.kind, Name: "Space", Quota: c.quota})
		if err != nil || r.GetStatus().GetCode() != c.want {
			t.Errorf("%s makes a %s space: %v, %v, want %s", c.role, c.kind, r, err, c.want)
		}
	}
}
