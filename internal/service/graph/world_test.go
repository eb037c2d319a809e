package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/directory"
	"opencloud/internal/identity/login"
	"opencloud/internal/identity/password"
	"opencloud/internal/identity/role"
	"opencloud/internal/job"
	"opencloud/internal/link"
	"opencloud/internal/oidc"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/service"
	"opencloud/internal/resource"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/mem"
)

const (
	adminID  = "00000000-0000-4000-8000-000000000001"
	spaceID  = "00000000-0000-4000-8000-000000000002"
	lightID  = "00000000-0000-4000-8000-000000000003"
	adaID    = "00000000-0000-4000-8000-000000000004"
	deadID   = "00000000-0000-4000-8000-000000000005"
	bjornID  = "00000000-0000-4000-8000-000000000006"
	groupID  = "00000000-0000-4000-8000-0000000000a1"
	emptyID  = "00000000-0000-4000-8000-0000000000a2"
	schoolID = "00000000-0000-4000-8000-0000000000b1"
	classID  = "00000000-0000-4000-8000-0000000000c1"
	appID    = "00000000-0000-4000-8000-0000000000f1"
	moonID   = "00000000-0000-4000-8000-0000000000e1"

	// The drives of the world: Ada's own, and Björn's project.
	adas = "/drives/" + mount + "$" + adaID
	moon = "/drives/" + mount + "$" + moonID

	jailDrive = "/drives/" + share.JailID + "$" + share.JailID
)

func png() []byte {
	return append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 64)...)
}

// fakeFactors has one factor for everybody.
type fakeFactors struct{ removed []string }

func (f *fakeFactors) Factors(context.Context, string) ([]Factor, error) {
	return []Factor{{ID: "f1", Kind: "totp", Name: "Phone", Created: time.Unix(1e9, 0)}}, nil
}
func (f *fakeFactors) RemoveFactor(_ context.Context, user, id string) error {
	if id != "f1" {
		return identity.ErrNotFound
	}
	f.removed = append(f.removed, user+"/"+id)
	return nil
}
func (f *fakeFactors) Reset(_ context.Context, user string) error {
	f.removed = append(f.removed, user)
	return nil
}

type fakeSessions struct{ revoked []string }

func (f *fakeSessions) List(_ context.Context, user string) ([]oidc.Session, error) {
	return []oidc.Session{{ID: "s-" + user, Kind: "browser", Created: time.Unix(1e9, 0)}}, nil
}
func (f *fakeSessions) Revoke(_ context.Context, user, id string) error {
	if id != "s-"+user {
		return identity.ErrNotFound
	}
	f.revoked = append(f.revoked, id)
	return nil
}
func (f *fakeSessions) RevokeAll(_ context.Context, user, _ string) error {
	f.revoked = append(f.revoked, user)
	return nil
}

// world is the service over a directory with people in it.
type world struct {
	t        testing.TB
	h        http.Handler
	cfg      Config
	deps     Deps
	parts    service.Parts
	database db.DB
	links    *link.Store
	d        *directory.Directory
	fs       *mem.FS
	factors  *fakeFactors
	sessions *fakeSessions
	// names stand for ids in paths and bodies: {doc}, {dir} and {in} in Ada's space, {plan} in the project.
	names []string
	// seen is told of every answer.
	seen func(method, path string, w *httptest.ResponseRecorder)
}

func newWorld(t testing.TB, change func(*Config)) *world {
	t.Helper()
	ctx := context.Background()
	database, err := db.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "graph.db"), db.Options{})
	check(t, err)
	t.Cleanup(func() { _ = database.Close() })
	d, err := directory.New(ctx, database, directory.Options{Issuer: "https://cloud.test"})
	check(t, err)
	jobs, err := job.NewStore(ctx, database)
	check(t, err)
	w := &world{t: t, d: d, fs: mem.New(mount), factors: &fakeFactors{}, sessions: &fakeSessions{}}
	for _, a := range []identity.Account{
		{User: identity.User{ID: adminID, Username: "root", DisplayName: "The Admin", Mail: "root@example.org", Enabled: true, Roles: []string{role.Admin}}},
		{User: identity.User{ID: spaceID, Username: "spacey", DisplayName: "Space Admin", Enabled: true, Roles: []string{role.SpaceAdmin}}},
		{User: identity.User{ID: lightID, Username: "light", DisplayName: "Light", Enabled: true, Roles: []string{role.UserLight}, Type: identity.Guest}},
		{User: identity.User{ID: adaID, Username: "ada", DisplayName: "Ada Lovelace", GivenName: "Ada", Mail: "countess@example.org", Enabled: true, Roles: []string{role.User}}},
		{User: identity.User{ID: deadID, Username: "dead", DisplayName: "Dead Letter", Enabled: false, Roles: []string{role.User}}},
		{User: identity.User{ID: bjornID, Username: "bjorn", DisplayName: "Björn", Enabled: true}, PrimaryRole: "student", ExternalID: "ex1",
			Identities: []identity.ExternalIdentity{{Issuer: "https://school.test", Subject: "bj"}}},
	} {
		_, err := d.CreateAccount(ctx, a, "") // a password costs a hash; who needs one sets it
		check(t, err)
	}
	for _, g := range []identity.GroupRecord{
		{Group: identity.Group{ID: groupID, DisplayName: "chess-lovers"}}, {Group: identity.Group{ID: emptyID, DisplayName: "Empty"}},
		{Group: identity.Group{ID: schoolID, DisplayName: "Grammar"}, Kind: identity.School, Number: "42"},
		{Group: identity.Group{ID: classID, DisplayName: "Maths"}, Kind: identity.Class, Classification: "course"},
	} {
		_, err := d.CreateGroup(ctx, g)
		check(t, err)
	}
	check(t, d.AddMember(ctx, identity.PlainGroup, groupID, adaID, identity.MemberOf))
	check(t, d.AddMember(ctx, identity.School, schoolID, bjornID, identity.MemberOf))
	check(t, d.AddMember(ctx, identity.School, schoolID, classID, identity.MemberOf))
	check(t, d.AddMember(ctx, identity.Class, classID, bjornID, identity.MemberOf))
	check(t, d.SetPhoto(ctx, adaID, png(), "image/png"))
	for _, id := range []string{adaID, adminID, spaceID, lightID} {
		_, err := w.fs.CreateSpace(identity.WithActor(ctx, w.actor(id)), storage.SpaceRequest{Type: space.Personal, Name: "Home", Alias: "personal/" + id})
		check(t, err)
	}
	_, err = w.fs.CreateSpace(w.as(bjornID), storage.SpaceRequest{Type: space.Project, ID: moonID, Name: "Moon"})
	check(t, err)
	w.put("{doc}", adaID, adaID, "doc.txt")
	w.put("{dir}", adaID, adaID, "dir/")
	w.put("{in}", adaID, adaID, "dir/in.txt")
	w.put("{plan}", bjornID, moonID, "plan.md")
	cfg := Config{PublicURL: "https://cloud.test", MountID: mount, URLSecret: "a secret that is long enough", TransferSecret: "another secret of some length"}
	cfg.Spaces.WebDAVBase, cfg.Spaces.WebDAVPath, cfg.Spaces.DefaultQuota = "https://cloud.test", "/dav/spaces/", "1000000000"
	cfg.Application.ID, cfg.Application.DisplayName = appID, "OpenCloud"
	cfg.API.AssignDefaultRole, cfg.API.Enumeration, cfg.API.SearchMinLength, cfg.API.MembersPatchLimit = true, true, 3, 20
	cfg.Identity.LDAP.Education = true
	if change != nil {
		change(&cfg)
	}
	w.cfg = cfg
	w.deps = Deps{Spaces: w.fs, Reader: w.fs, Users: d, Groups: d, Log: slog.New(slog.DiscardHandler), Accounts: d, Records: d, Login: login.New(d),
		Factors: w.factors, Sessions: w.sessions, Jobs: jobs, Writer: w.fs, Trash: w.fs, Favorites: w.fs, Tagger: w.fs, Machine: d}
	w.database = database
	w.share(w.fs)
	return w
}

// share makes the service anew, with shares and links on a storage.
func (w *world) share(fs storage.FS) {
	w.t.Helper()
	received, err := share.NewStore(context.Background(), w.database)
	check(w.t, err)
	links, err := link.NewStore(context.Background(), w.database)
	check(w.t, err)
	w.deps.Shares = share.New(share.Options{FS: fs, Users: w.d, Groups: w.d, Store: received})
	w.deps.Links = link.New(link.Options{FS: fs, Machine: w.d, Store: links, Rules: link.Rules{Policy: password.Policy{Length: 8}, WriteMustHave: true}})
	w.links = links
	w.start()
}

func moonRootID() resource.ID { return resource.SpaceRoot(mount, moonID) }

// start makes the service of the parts there are.
func (w *world) start() {
	w.t.Helper()
	var err error
	w.parts, err = New(context.Background(), w.cfg, w.deps)
	check(w.t, err)
	w.h = w.parts.HTTP
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// actor is who the proxy would say it is: a stranger if the account may not sign in.
func (w *world) actor(id string) identity.Actor {
	if id == "" {
		return identity.Actor{}
	}
	a, err := w.d.ActorBy(context.Background(), "userid", id)
	if isCredentials(err) {
		return identity.Actor{}
	}
	check(w.t, err)
	return a
}

func (w *world) as(id string) context.Context {
	return identity.WithActor(context.Background(), w.actor(id))
}

// put makes a file, or a folder if the path ends in a slash, and gives it a name for paths.
func (w *world) put(name, as, spaceID, path string) storage.Info {
	w.t.Helper()
	at := storage.At(resource.SpaceRoot(mount, spaceID), strings.TrimSuffix(path, "/"))
	var i storage.Info
	var err error
	if strings.HasSuffix(path, "/") {
		i, err = w.fs.CreateFolder(w.as(as), at, storage.Conditions{})
	} else {
		var r storage.Result
		r, err = w.fs.Upload(w.as(as), at, storage.UploadRequest{Length: 5}, strings.NewReader("hello"))
		i = r.Info
	}
	check(w.t, err)
	w.names = append(w.names, name, i.ID.String())
	return i
}

// call makes a request; a body that begins with { is JSON.
func (w *world) call(as, method, path, body string, header ...string) *httptest.ResponseRecorder {
	named := strings.NewReplacer(w.names...)
	path, body = named.Replace(path), named.Replace(body)
	if i := strings.IndexByte(path, '?'); i >= 0 {
		v, _ := url.ParseQuery(path[i+1:])
		path = path[:i+1] + v.Encode()
	}
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, "https://cloud.test/graph"+path, in)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	out := httptest.NewRecorder()
	w.h.ServeHTTP(out, r.WithContext(identity.WithActor(r.Context(), w.actor(as))))
	if w.seen != nil {
		w.seen(method, path, out)
	}
	return out
}

// want makes a request and checks the status.
func (w *world) want(status int, as, method, path, body string, header ...string) map[string]any {
	w.t.Helper()
	out := w.call(as, method, path, body, header...)
	if out.Code != status {
		w.t.Errorf("%s %s: %d, want %d: %s", method, path, out.Code, status, out.Body)
	}
	m := map[string]any{}
	_ = json.Unmarshal(out.Body.Bytes(), &m)
	if status >= 400 {
		if e, _ := m["error"].(map[string]any); e["code"] == nil || e["message"] == nil {
			w.t.Errorf("%s %s: error without code or message: %s", method, path, out.Body)
		}
	}
	return m
}

// in returns a member of everything in a list.
func in(m map[string]any, member string) string {
	var out []string
	all, _ := m["value"].([]any)
	for _, x := range all {
		out = append(out, fmt.Sprint(x.(map[string]any)[member]))
	}
	return strings.Join(out, ",")
}
