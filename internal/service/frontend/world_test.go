package frontend

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"opencloud/internal/identity"
	"opencloud/internal/identity/password"
	"opencloud/internal/identity/role"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/mem"
)

// people is a small directory.
type people struct {
	accounts []identity.User
	groups   []identity.Group
	members  map[string][]string // by group
}

func (p *people) User(ctx context.Context, id string) (identity.User, error) {
	return p.UserBy(ctx, "userid", id)
}

func (p *people) UserBy(_ context.Context, claim, value string) (identity.User, error) {
	for _, u := range p.accounts {
		if claim == "userid" && u.ID == value || claim == "username" && strings.EqualFold(u.Username, value) || claim == "mail" && u.Mail != "" && strings.EqualFold(u.Mail, value) {
			return u, nil
		}
	}
	return identity.User{}, identity.ErrNotFound
}

func (p *people) FindUsers(_ context.Context, text string, limit int) (out []identity.User, _ error) {
	for _, u := range p.accounts {
		if strings.Contains(strings.ToLower(u.Username+"\n"+u.DisplayName+"\n"+u.Mail), strings.ToLower(text)) && len(out) < limit {
			out = append(out, u)
		}
	}
	return out, nil
}

func (p *people) GroupsOf(_ context.Context, id string) (out []string, _ error) {
	for _, g := range p.groups {
		if slices.Contains(p.members[g.ID], id) {
			out = append(out, g.ID)
		}
	}
	return out, nil
}

func (p *people) Group(_ context.Context, id string) (identity.Group, error) {
	for _, g := range p.groups {
		if g.ID == id {
			return g, nil
		}
	}
	return identity.Group{}, identity.ErrNotFound
}

func (p *people) GroupByName(_ context.Context, name string) (identity.Group, error) {
	for _, g := range p.groups {
		if strings.EqualFold(g.DisplayName, name) {
			return g, nil
		}
	}
	return identity.Group{}, identity.ErrNotFound
}

func (p *people) FindGroups(_ context.Context, text string, limit int) (out []identity.Group, _ error) {
	for _, g := range p.groups {
		if strings.Contains(strings.ToLower(g.DisplayName), strings.ToLower(text)) && len(out) < limit {
			out = append(out, g)
		}
	}
	return out, nil
}

func (p *people) Members(_ context.Context, id string) ([]string, error) { return p.members[id], nil }

func (p *people) ActorBy(ctx context.Context, claim, value string) (identity.Actor, error) {
	u, err := p.UserBy(ctx, claim, value)
	if err != nil {
		return identity.Actor{}, err
	}
	groups, _ := p.GroupsOf(ctx, u.ID)
	return identity.Actor{Kind: identity.Person, User: u, Groups: groups}, nil
}

// world is the service with people, files and everything that is shared.
type world struct {
	t      *testing.T
	h      http.Handler
	fs     *mem.FS
	people *people
	shares *share.Service
	links  *link.Service
	stored *link.Store
	ctx    map[string]context.Context // by user name
}

func newWorld(t *testing.T, change func(*Config, *link.Options)) *world {
	t.Helper()
	user := func(name, display string, roles ...string) identity.User {
		if roles == nil {
			roles = []string{role.User}
		}
		return identity.User{ID: "u-" + name, Username: name, DisplayName: display, Mail: name + "@example.org", Enabled: true, Type: identity.Member, Roles: roles}
	}
	w := &world{t: t, fs: mem.New(mount), ctx: map[string]context.Context{}, people: &people{
		accounts: []identity.User{user("mary", "Mary"), user("alan", "Alan Turing"), user("ada", "Ada Lovelace"), user("eve", "Eve"), user("light", "Light", role.UserLight), user("gone", "Ada Gone")},
		groups:   []identity.Group{{ID: "g-chess", DisplayName: "Chess"}, {ID: "g-chests", DisplayName: "Chests"}}, members: map[string][]string{"g-chess": {"u-mary", "u-ada"}}}}
	w.people.accounts[5].Enabled = false
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "sharing.db"), db.Options{})
	w.must(err)
	t.Cleanup(func() { _ = d.Close() })
	received, err := share.NewStore(t.Context(), d)
	w.must(err)
	links, err := link.NewStore(t.Context(), d)
	w.must(err)
	cfg := Config{PublicURL: "https://cloud.test", MountID: mount, TransferSecret: "a secret that is long enough", SearchMin: 3, DefaultLink: 1, AutoAccept: true, Edition: "stable",
		Checksums: []string{"sha1", "md5", "adler32"}, Preferred: "sha1", ChunkSize: 10000000, DirectoryWritable: true, CheckUpdates: true}
	cfg.Archiver.MaxFiles, cfg.Archiver.MaxSize = 5, 1000
	cfg.OCS.SharePrefix, cfg.OCS.AdditionalInfo, cfg.OCS.Enumeration = "/Shares", "{{.Mail}}", true
	options := link.Options{FS: w.fs, Machine: w.people, Store: links, Rules: link.Rules{Policy: password.Policy{Length: 8, Lower: 1, Upper: 1, Digits: 1, Special: 1}, WriteMustHave: true}}
	if change != nil {
		change(&cfg, &options)
	}
	w.shares = share.New(share.Options{FS: w.fs, Users: w.people, Groups: w.people, Store: received})
	w.links, w.stored = link.New(options), links
	parts, err := New(t.Context(), cfg, Deps{FS: w.fs, Users: w.people, Groups: w.people, Log: slog.New(slog.DiscardHandler), Shares: w.shares, Links: w.links})
	w.must(err)
	w.h = parts.HTTP
	for _, u := range w.people.accounts {
		a, err := w.people.ActorBy(t.Context(), "userid", u.ID)
		w.must(err)
		w.ctx[u.Username] = identity.WithActor(t.Context(), a)
		_, err = w.fs.CreateSpace(w.ctx[u.Username], storage.SpaceRequest{Type: space.Personal, Name: u.DisplayName, Alias: "personal/" + u.Username})
		w.must(err)
	}
	w.ctx[""] = t.Context()
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// put makes a file in somebody's personal space.
func (w *world) put(who, path, content string) storage.Info {
	w.t.Helper()
	res, err := w.fs.Upload(w.ctx[who], storage.At(resource.SpaceRoot(mount, "u-"+who), path), storage.UploadRequest{Length: int64(len(content)), MakeParents: true}, strings.NewReader(content))
	w.must(err)
	return res.Info
}

func (w *world) stat(who, path string) storage.Info {
	w.t.Helper()
	i, err := w.fs.Stat(w.ctx[who], storage.At(resource.SpaceRoot(mount, "u-"+who), path), storage.View{})
	w.must(err)
	return i
}

// project makes a project of Mary's.
func (w *world) project(name string) space.Space {
	w.t.Helper()
	sp, err := w.fs.CreateSpace(w.ctx["mary"], storage.SpaceRequest{Type: space.Project, Name: name, Alias: "project/" + strings.ToLower(name)})
	w.must(err)
	return sp
}

// visitor comes by a link of Mary's to something of hers.
func (w *world) visitor(node resource.ID, rights permission.Set) {
	w.t.Helper()
	w.ctx["visitor"] = identity.WithActor(w.t.Context(), identity.Actor{Kind: identity.Visitor, User: identity.User{ID: "link-l", Username: "public", Enabled: true},
		Visit: &identity.Visit{Link: "l", Space: node.Space, Node: node.Node, Rights: uint32(rights), Creator: identity.ActorFrom(w.ctx["mary"])}})
}

const api = "/apps/files_sharing/api/v1/"

// do makes a call; a body that begins with { is JSON, others are forms.
func (w *world) do(who, method, path, body string) *httptest.ResponseRecorder {
	w.t.Helper()
	ctx, ok := w.ctx[who]
	if !ok {
		w.t.Fatal("nobody is called ", who)
	}
	if i := strings.IndexByte(path, '?'); i >= 0 {
		v, err := url.ParseQuery(path[i+1:])
		w.must(err)
		path = path[:i+1] + v.Encode()
	}
	r := httptest.NewRequest(method, "https://cloud.test"+path, strings.NewReader(body))
	if strings.HasPrefix(body, "{") {
		r.Header.Set("Content-Type", "application/json")
	} else {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	out := httptest.NewRecorder()
	w.h.ServeHTTP(out, r.WithContext(ctx))
	return out
}

// answer is what an OCS call says.
type answer struct {
	HTTP    int
	Code    int
	Message string
	Data    any
}

// ocs makes a call of version 2 in JSON.
func (w *world) ocs(who, method, path, body string) answer {
	w.t.Helper()
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	out := w.do(who, method, "/ocs/v2.php"+path+join+"format=json", body)
	var v struct {
		OCS struct {
			Meta struct {
				Code    int    `json:"statuscode"`
				Message string `json:"message"`
			} `json:"meta"`
			Data any `json:"data"`
		} `json:"ocs"`
	}
	if err := json.Unmarshal(out.Body.Bytes(), &v); err != nil {
		w.t.Fatalf("%s %s: %v\n%s", method, path, err, out.Body)
	}
	return answer{out.Code, v.OCS.Meta.Code, v.OCS.Meta.Message, v.OCS.Data}
}

// wants makes a call and checks the status.
func (w *world) wants(status int, who, method, path, body string) answer {
	w.t.Helper()
	a := w.ocs(who, method, path, body)
	if a.HTTP != status {
		w.t.Fatalf("%s: %s %s %s: %d %q, want %d", who, method, path, body, a.HTTP, a.Message, status)
	}
	return a
}

// object returns the one share of an answer.
func (a answer) object(t *testing.T) map[string]any {
	t.Helper()
	if l := a.list(); len(l) == 1 {
		return l[0]
	}
	o, ok := a.Data.(map[string]any)
	if !ok {
		t.Fatalf("no share: %v", a)
	}
	return o
}

func (a answer) list() (out []map[string]any) {
	l, _ := a.Data.([]any)
	for _, o := range l {
		m, _ := o.(map[string]any)
		out = append(out, m)
	}
	return out
}

// share makes a share and returns its id.
func (w *world) share(form string) string {
	w.t.Helper()
	id, _ := w.wants(200, "mary", "POST", api+"shares", form).object(w.t)["id"].(string)
	return id
}

func (w *world) as(u identity.User) context.Context {
	return identity.WithActor(w.t.Context(), identity.Actor{Kind: identity.Person, User: u})
}
