package people

import (
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	authpb "github.com/cs3org/go-cs3apis/cs3/auth/provider/v1beta1"
	grouppb "github.com/cs3org/go-cs3apis/cs3/identity/group/v1beta1"
	userpb "github.com/cs3org/go-cs3apis/cs3/identity/user/v1beta1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"opencloud/internal/identity"
	"opencloud/internal/identity/directory"
	"opencloud/internal/identity/identitytest"
	"opencloud/internal/identity/login"
	"opencloud/internal/platform/db"
	"opencloud/internal/token"
)

const key = "the machine's key"

// serve runs one gRPC server for each service, and returns connections that send tokens or (strange) do not.
func serve(t *testing.T, register func(grpc.ServiceRegistrar)) (conn, strange *grpc.ClientConn) {
	t.Helper()
	tokens, err := token.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.UnaryInterceptor(token.UnaryServer(tokens)))
	register(s)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	dial := func(o ...grpc.DialOption) *grpc.ClientConn {
		c, err := grpc.NewClient(l.Addr().String(), append(o, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	return dial(grpc.WithUnaryInterceptor(token.UnaryClient(tokens))), dial()
}

func openDirectory(t *testing.T, data identitytest.Data) *directory.Directory {
	t.Helper()
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "idm.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	dir, err := directory.New(t.Context(), d, directory.Options{Issuer: "https://cloud.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range data.Accounts {
		if _, err := dir.CreateAccount(t.Context(), identity.Account{User: a.User}, a.Password); err != nil {
			t.Fatal(err)
		}
	}
	for _, g := range data.Groups {
		if _, err := dir.CreateGroup(t.Context(), identity.GroupRecord{Group: g.Group}); err != nil {
			t.Fatal(err)
		}
		for _, m := range g.Members {
			if err := dir.AddMember(t.Context(), identity.PlainGroup, g.ID, m, identity.MemberOf); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func TestContractOverTheWire(t *testing.T) {
	identitytest.Run(t, func(t *testing.T, data identitytest.Data) identitytest.Backend {
		dir := openDirectory(t, data)
		self := Self("test")
		people, _ := serve(t, func(r grpc.ServiceRegistrar) {
			userpb.RegisterUserAPIServer(r, NewUsersServer(dir))
			grouppb.RegisterGroupAPIServer(r, NewGroupsServer(dir))
		})
		basic, _ := serve(t, func(r grpc.ServiceRegistrar) { authpb.RegisterProviderAPIServer(r, NewBasicServer(login.New(dir))) })
		machine, _ := serve(t, func(r grpc.ServiceRegistrar) {
			authpb.RegisterProviderAPIServer(r, NewMachineServer(dir, []byte(key)))
		})
		return identitytest.Backend{Users: NewUsers(people, self), Groups: NewGroups(people, self), Login: NewBasic(basic, self), Machine: NewMachine(machine, self, key)}
	})
}

func TestStrangersAreRefused(t *testing.T) {
	dir := openDirectory(t, identitytest.Data{})
	if _, err := dir.CreateAccount(t.Context(), identity.Account{User: identity.User{Username: "ada", Enabled: true}}, "pw"); err != nil {
		t.Fatal(err)
	}
	_, strange := serve(t, func(r grpc.ServiceRegistrar) {
		userpb.RegisterUserAPIServer(r, NewUsersServer(dir))
		grouppb.RegisterGroupAPIServer(r, NewGroupsServer(dir))
		authpb.RegisterProviderAPIServer(r, NewBasicServer(login.New(dir)))
	})
	ctx, self := t.Context(), Self("test")
	users, groups := NewUsers(strange, self), NewGroups(strange, self)
	for name, f := range map[string]func() error{
		"user":    func() error { _, err := users.UserBy(ctx, "username", "ada"); return err },
		"find":    func() error { _, err := users.FindUsers(ctx, "", 5); return err },
		"groups":  func() error { _, err := users.GroupsOf(ctx, "x"); return err },
		"group":   func() error { _, err := groups.Group(ctx, "x"); return err },
		"members": func() error { _, err := groups.Members(ctx, "x"); return err },
		"search":  func() error { _, err := groups.FindGroups(ctx, "", 5); return err },
	} {
		if err := f(); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewBasic(strange, self).Authenticate(ctx, identity.Login{Name: "ada", Password: "pw"}); status.Code(err) != codes.PermissionDenied {
		t.Errorf("password of a stranger's guess: %v", err)
	}
}

func TestMachineKey(t *testing.T) {
	dir := openDirectory(t, identitytest.Data{})
	if _, err := dir.CreateAccount(t.Context(), identity.Account{User: identity.User{Username: "ada", Enabled: true}}, "pw"); err != nil {
		t.Fatal(err)
	}
	for server, clients := range map[string]map[string]bool{key: {key: true, "": false, "other": false}, "": {"": false, key: false}} {
		conn, _ := serve(t, func(r grpc.ServiceRegistrar) {
			authpb.RegisterProviderAPIServer(r, NewMachineServer(dir, []byte(server)))
		})
		for client, want := range clients {
			_, err := NewMachine(conn, Self("test"), client).ActorBy(t.Context(), "username", "ada")
			if want != (err == nil) || !want && !errors.Is(err, identity.ErrCredentials) {
				t.Errorf("server %q, client %q: %v", server, client, err)
			}
		}
	}
}

func TestThrottlingTravels(t *testing.T) {
	dir := openDirectory(t, identitytest.Data{})
	conn, _ := serve(t, func(r grpc.ServiceRegistrar) { authpb.RegisterProviderAPIServer(r, NewBasicServer(login.New(dir))) })
	c := NewBasic(conn, Self("proxy"))
	var e *identity.ThrottledError
	for range 10 {
		if _, err := c.Authenticate(t.Context(), identity.Login{Name: "ada", Password: "x", Address: "192.0.2.1"}); errors.As(err, &e) {
			break
		}
	}
	if e == nil || e.RetryAfter <= 0 || e.RetryAfter > time.Second {
		t.Errorf("got %+v", e)
	}
	if _, err := c.Authenticate(t.Context(), identity.Login{Name: "bob", Password: "x", Address: "192.0.2.2"}); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("another address: %v", err)
	}
}
