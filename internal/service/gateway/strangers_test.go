package gateway_test

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	authpb "github.com/cs3org/go-cs3apis/cs3/auth/provider/v1beta1"
	grouppb "github.com/cs3org/go-cs3apis/cs3/identity/group/v1beta1"
	userpb "github.com/cs3org/go-cs3apis/cs3/identity/user/v1beta1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"opencloud/internal/cs3/files"
	"opencloud/internal/cs3/people"
	"opencloud/internal/cs3/preferences"
	"opencloud/internal/cs3/provider"
	"opencloud/internal/cs3/sharing"
	"opencloud/internal/identity"
	"opencloud/internal/identity/directory"
	"opencloud/internal/identity/login"
	"opencloud/internal/identity/role"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/service/gateway"
	storagepubliclink "opencloud/internal/service/storage-publiclink"
	storageshares "opencloud/internal/service/storage-shares"
	storagesystem "opencloud/internal/service/storage-system"
	"opencloud/internal/settings"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/entrance"
	"opencloud/internal/storage/mem"
	"opencloud/internal/storage/storagetest"
	"opencloud/internal/token"
	"opencloud/internal/transfer"
)

const (
	secret     = "0123456789abcdef0123456789abcdef"
	machineKey = "the key of the machine"
)

// house is every gRPC service that we have, on real listeners: CS3 and our own, and alice's space with a file.
type house struct {
	*testing.T
	servers map[string]*grpc.Server // by address
	fs      storage.FS
	root    resource.ID
	tokens  *token.Manager
	names   map[protoreflect.Name]string // what requests can name: by field
	ids     map[protoreflect.Name]string // and opaque ids, by message
}

func build(t *testing.T) *house {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	h := &house{T: t, fs: mem.New("11111111-1111-4111-8111-111111111111"), servers: map[string]*grpc.Server{}}
	var err error
	h.tokens, err = token.New([]byte(secret))
	must(err)
	signer, err := transfer.NewSigner([]byte(secret))
	must(err)
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "idm.db"), db.Options{})
	must(err)
	t.Cleanup(func() { _ = d.Close() })
	dir, err := directory.New(t.Context(), d, directory.Options{Issuer: "https://cloud.example.org"})
	must(err)
	_, err = dir.CreateAccount(t.Context(), identity.Account{User: identity.User{ID: "alice", Username: "alice", DisplayName: "Alice", Mail: "alice@example.org", Enabled: true, Roles: []string{role.User}}}, "pw")
	must(err)
	alice := storagetest.As("alice")
	s, err := h.fs.CreateSpace(alice, storage.SpaceRequest{Type: space.Project, Name: "Plans of alice"})
	must(err)
	h.root = s.ID
	_, err = h.fs.Upload(alice, storage.At(h.root, "f"), storage.UploadRequest{Length: 6}, strings.NewReader("secret"))
	must(err)

	shares, links, prefs := h.sharing(d, dir)
	var cfg gateway.Config
	cfg.PublicURL, cfg.TransferSecret, cfg.TransferExpires, cfg.MachineKey = h.data(signer, shares, links), secret, 60, machineKey
	home := func(ctx context.Context, a identity.Actor) error {
		_, err := h.fs.CreateSpace(ctx, storage.SpaceRequest{Type: space.Personal, Owner: a.User.ID, Name: a.User.ID})
		return err
	}
	parts, err := gateway.New(t.Context(), cfg, gateway.Deps{FS: entrance.New(h.fs, shares, links), Users: dir, Groups: dir, Login: login.New(dir), Machine: dir, Tokens: h.tokens,
		Sharing: sharing.NewServer(shares, links), Links: links, Settings: prefs, Home: home})
	must(err)
	h.serve(func(r grpc.ServiceRegistrar) {
		provider.Register(r, h.fs)
		files.NewServer(h.fs, signer, "http://localhost/data", time.Minute).Register(r)
		userpb.RegisterUserAPIServer(r, people.NewUsersServer(dir))
		grouppb.RegisterGroupAPIServer(r, people.NewGroupsServer(dir))
		authpb.RegisterProviderAPIServer(r, people.NewBasicServer(login.New(dir)))
		sharing.NewServer(shares, links).Register(r)
		prefs.Register(r)
		parts.GRPC(r)
	})
	h.serve(func(r grpc.ServiceRegistrar) {
		authpb.RegisterProviderAPIServer(r, people.NewMachineServer(dir, []byte(machineKey)))
	})
	ways := entrance.New(h.fs, shares, links)
	mounts, err := storageshares.New(t.Context(), storageshares.Config{TransferSecret: secret, TransferExpires: 60}, storageshares.Deps{FS: ways})
	must(err)
	public, err := storagepubliclink.New(t.Context(), storagepubliclink.Config{TransferSecret: secret, TransferExpires: 60}, storagepubliclink.Deps{FS: ways, Links: links})
	must(err)
	tmp := t.TempDir()
	system, err := storagesystem.New(t.Context(), storagesystem.Config{Root: tmp, Database: "sqlite:" + filepath.Join(tmp, "x.db"), TransferSecret: secret, TransferExpires: 60},
		storagesystem.Deps{Log: slog.New(slog.DiscardHandler)})
	must(err)
	t.Cleanup(func() { _ = system.Close() })
	h.serve(mounts.GRPC)
	h.serve(public.GRPC)
	h.serve(system.GRPC)
	return h
}

// data serves transfers, and returns where.
func (h *house) data(signer *transfer.Signer, s *share.Service, l *link.Service) string {
	srv := httptest.NewServer(&transfer.Handler{FS: entrance.New(h.fs, s, l), Signer: signer})
	h.Cleanup(srv.Close)
	return srv.URL
}

// sharing opens shares, links and settings: alice has shared f with bob, and there is a link to it with a password.
func (h *house) sharing(d db.DB, dir *directory.Directory) (*share.Service, *link.Service, *preferences.Server) {
	h.Helper()
	must := func(err error) {
		h.Helper()
		if err != nil {
			h.Fatal(err)
		}
	}
	received, err := share.NewStore(h.Context(), d)
	must(err)
	made, err := link.NewStore(h.Context(), d)
	must(err)
	set, err := settings.New(h.Context(), d, dir, settings.Options{})
	must(err)
	_, err = dir.CreateAccount(h.Context(), identity.Account{User: identity.User{ID: "bob", Username: "bob", DisplayName: "Bob", Enabled: true, Roles: []string{role.UserLight}}}, "pw")
	must(err)
	shares, links := share.New(share.Options{FS: h.fs, Users: dir, Groups: dir, Store: received}), link.New(link.Options{FS: h.fs, Machine: dir, Store: made})
	a := identity.ActorFrom(storagetest.As("alice"))
	a.User.Roles = []string{role.User}
	alice := identity.WithActor(h.Context(), a)
	sh, err := shares.Invite(alice, storage.At(h.root, "f"), share.Invitation{Kind: space.UserGrantee, Grantee: "bob", Rights: permission.Viewer})
	must(err)
	l, err := links.Create(alice, storage.At(h.root, "f"), link.Request{Rights: permission.Viewer, Password: "a password"})
	must(err)
	h.names = map[protoreflect.Name]string{"storage_id": h.root.Storage, "space_id": h.root.Space, "path": "./f", "claim": "username", "value": "alice", "type": "basic", "token": l.Token, "namespace": "profile", "key": "disable-email-notifications"}
	h.ids = map[protoreflect.Name]string{"ResourceId": h.root.Node, "StorageSpaceId": h.root.SpaceID(), "ShareId": sh.ID(), "PublicShareId": l.ID}
	return shares, links, preferences.NewServer(set)
}

func (h *house) serve(register func(grpc.ServiceRegistrar)) {
	h.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.Fatal(err)
	}
	s := grpc.NewServer(grpc.UnaryInterceptor(token.UnaryServer(h.tokens)), grpc.StreamInterceptor(token.StreamServer(h.tokens)))
	register(s)
	served := make(chan struct{})
	go func() { defer close(served); _ = s.Serve(l) }()
	h.Cleanup(func() { s.Stop(); <-served })
	h.servers[l.Addr().String()] = s
}

// fill sets every field of a message that can name something to what is alice's.
func (h *house) fill(m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		switch {
		case f.IsMap() || f.Kind() == protoreflect.MessageKind && depth == 0:
		case f.ContainingOneof() != nil && m.WhichOneof(f.ContainingOneof()) != nil: // the first, which is an id
		case f.IsList() && f.Kind() == protoreflect.MessageKind:
			h.fill(m.Mutable(f).List().AppendMutable().Message(), depth-1)
		case f.Kind() == protoreflect.MessageKind:
			h.fill(m.Mutable(f).Message(), depth-1)
		case f.Kind() == protoreflect.StringKind && !f.IsList():
			text := h.names[f.Name()]
			if f.Name() == "opaque_id" {
				text = cmp.Or(h.ids[m.Descriptor().Name()], "alice")
			}
			m.Set(f, protoreflect.ValueOfString(text))
		case f.Kind() == protoreflect.BoolKind && !f.IsList():
			m.Set(f, protoreflect.ValueOfBool(true))
		}
	}
}

// requests returns what is sent to a method, and a place for the answer.
func (h *house) requests(t *testing.T, service, method string) (in []proto.Message, out func() proto.Message) {
	t.Helper()
	if strings.HasPrefix(service, "opencloud.") {
		fs := reflect.TypeFor[storage.FS]()
		for i := range fs.NumMethod() {
			for _, ref := range []string{`"ref":{"ID":"` + h.root.String() + `","Path":"f"}`, `"id":"` + h.root.String() + `"`} {
				in = append(in, wrapperspb.Bytes([]byte(`{"method":"`+fs.Method(i).Name+`","args":{`+ref+`}}`)))
			}
		}
		return in, func() proto.Message { return new(wrapperspb.BytesValue) }
	}
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		t.Fatal(err)
	}
	m := d.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(method))
	inType, err := protoregistry.GlobalTypes.FindMessageByName(m.Input().FullName())
	if err != nil {
		t.Fatal(err)
	}
	outType, err := protoregistry.GlobalTypes.FindMessageByName(m.Output().FullName())
	if err != nil {
		t.Fatal(err)
	}
	filled := inType.New()
	h.fill(filled, 4)
	return []proto.Message{inType.New().Interface(), filled.Interface()}, func() proto.Message { return outType.New().Interface() }
}

// told tells whether an answer says more than no.
func told(m proto.Message) bool {
	if b, ok := m.(*wrapperspb.BytesValue); ok {
		return len(b.GetValue()) > 0
	}
	yes := false
	m.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Name() != "status" {
			yes = true
			return false
		}
		code := v.Message().Get(v.Message().Descriptor().Fields().ByName("code")).Enum()
		yes = code == 1 // CODE_OK
		return !yes
	})
	return yes
}

// call sends a request and returns every answer.
func call(ctx context.Context, conn *grpc.ClientConn, method string, stream bool, in proto.Message, out func() proto.Message) (answers []proto.Message, err error) {
	if !stream {
		m := out()
		if err := conn.Invoke(ctx, method, in, m); err != nil {
			return nil, err
		}
		return []proto.Message{m}, nil
	}
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method)
	if err != nil {
		return nil, err
	}
	if err := s.SendMsg(in); err != nil {
		return nil, err
	}
	if err := s.CloseSend(); err != nil {
		return nil, err
	}
	for {
		m := out()
		if err := s.RecvMsg(m); err == io.EOF {
			return answers, nil
		} else if err != nil {
			return answers, err
		}
		answers = append(answers, m)
	}
}

// Whoever has no token, a wrong one or one that has expired gets nothing from any method that is registered, and changes nothing.
func TestStrangers(t *testing.T) {
	h := build(t)
	other, err := token.New([]byte("ffffffffffffffffffffffffffffffff"))
	if err != nil {
		t.Fatal(err)
	}
	mint := func(m *token.Manager, life time.Duration) string {
		s, err := m.Mint(identity.ActorFrom(storagetest.As("alice")), life)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	good := mint(h.tokens, time.Minute)
	alice := storagetest.As("alice")
	before, err := h.fs.Stat(alice, storage.At(h.root, ""), storage.View{})
	if err != nil {
		t.Fatal(err)
	}
	seen := h.sweep(t, "", map[string][]string{"none": nil, "garbage": {"x.y.z"}, "empty": {""}, "another secret": {mint(other, time.Minute)}, "expired": {mint(h.tokens, -time.Minute)},
		"changed": {good[:len(good)-3] + "AAA"}, "unsigned": {"eyJhbGciOiJub25lIn0." + strings.Split(good, ".")[1] + "."}, "two": {good, "x.y.z"}},
		func(t *testing.T, what string, answers []proto.Message) {
			for _, m := range answers {
				if told(m) {
					t.Errorf("%s is told %v", what, m)
				}
			}
		})
	if seen < 100 {
		t.Errorf("only %d methods were called", seen)
	}
	after, err := h.fs.Stat(alice, storage.At(h.root, ""), storage.View{})
	if err != nil || after.ETag != before.ETag {
		t.Errorf("something has changed: %v, %v", after, err)
	}
}

// Another user, or somebody who came by a link to something else, gets nothing of alice's files with a valid token, and changes
// nothing.
func TestOthers(t *testing.T) {
	h := build(t)
	alice := storagetest.As("alice")
	pub, err := h.fs.CreateFolder(alice, storage.At(h.root, "pub"), storage.Conditions{})
	if err != nil {
		t.Fatal(err)
	}
	who := map[string][]string{}
	for name, a := range map[string]identity.Actor{"mallory": identity.ActorFrom(storagetest.As("mallory")),
		"visitor": {Kind: identity.Visitor, User: identity.User{ID: "link-x"}, Visit: &identity.Visit{Link: "x", Token: "aaaaaaaaaaaaaaa", Storage: pub.ID.Storage, Space: pub.ID.Space, Node: pub.ID.Node,
			Rights: uint32(permission.Editor), Creator: identity.ActorFrom(alice)}}} {
		s, err := h.tokens.Mint(a, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		who[name] = []string{s}
	}
	before, err := h.fs.Stat(alice, storage.At(h.root, ""), storage.View{})
	if err != nil {
		t.Fatal(err)
	}
	h.sweep(t, "", who, func(t *testing.T, what string, answers []proto.Message) {
		for _, m := range answers {
			text := string(prototext(m))
			for _, leak := range []string{h.root.Space, "secret", `"f"`, before.ETag, h.ids["ShareId"], h.ids["PublicShareId"]} {
				if strings.Contains(text, leak) {
					t.Errorf("%s is told %s", what, text)
				}
			}
		}
	})
	after, err := h.fs.Stat(alice, storage.At(h.root, ""), storage.View{})
	if err != nil || after.ETag != before.ETag {
		t.Errorf("something has changed: %v, %v", after, err)
	}
}

func prototext(m proto.Message) []byte {
	if b, ok := m.(*wrapperspb.BytesValue); ok {
		return b.GetValue()
	}
	b, err := proto.Marshal(m)
	if err != nil {
		return []byte(err.Error())
	}
	return b
}

// sweep calls every method (or only one) of every service with every set of tokens.
func (h *house) sweep(t *testing.T, only string, tokens map[string][]string, check func(t *testing.T, what string, answers []proto.Message)) (methods int) {
	t.Helper()
	for addr, s := range h.servers {
		conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for service, info := range s.GetServiceInfo() {
			for _, m := range info.Methods {
				if only != "" && only != service+"/"+m.Name {
					continue
				}
				methods++
				in, out := h.requests(t, service, m.Name)
				for who, sent := range tokens {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					for _, v := range sent {
						ctx = metadata.AppendToOutgoingContext(ctx, "x-access-token", v)
					}
					for _, r := range in {
						answers, _ := call(ctx, conn, "/"+service+"/"+m.Name, m.IsServerStream, r, out)
						check(t, who+" on "+service+"/"+m.Name, answers)
					}
					cancel()
				}
			}
		}
	}
	return methods
}

// The methods above are reached: with alice's own token, the same requests are answered.
func TestOwnerIsServed(t *testing.T) {
	h := build(t)
	alice := identity.ActorFrom(storagetest.As("alice"))
	alice.User.Roles = []string{role.User}
	own, err := h.tokens.Mint(alice, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"cs3.storage.provider.v1beta1.ProviderAPI/Stat", "cs3.gateway.v1beta1.GatewayAPI/Stat",
		"cs3.storage.provider.v1beta1.ProviderAPI/ListGrants", "cs3.storage.provider.v1beta1.SpacesAPI/ListStorageSpaces", "cs3.identity.user.v1beta1.UserAPI/GetUserByClaim",
		"cs3.sharing.collaboration.v1beta1.CollaborationAPI/GetShare", "cs3.gateway.v1beta1.GatewayAPI/GetShare", "cs3.sharing.link.v1beta1.LinkAPI/GetPublicShare", "cs3.gateway.v1beta1.GatewayAPI/GetPublicShare",
		"cs3.gateway.v1beta1.GatewayAPI/ListAppProviders", "cs3.preferences.v1beta1.PreferencesAPI/GetKey",
		"opencloud.storage.v1.Provider/Call"} { // the last, for it changes all it can
		served := false
		h.sweep(t, want, map[string][]string{"alice": {own}}, func(_ *testing.T, _ string, answers []proto.Message) {
			for _, m := range answers {
				served = served || told(m)
			}
		})
		if !served {
			t.Errorf("%s does not answer its owner", want)
		}
	}
}
