package sharing

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/platform/adminsock"
	"opencloud/internal/resource"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/mem"
)

// directory knows everybody but who is gone.
type directory struct {
	identity.Users
	identity.Groups
	identity.Machine
	gone map[string]bool
}

func (d *directory) User(_ context.Context, id string) (identity.User, error) {
	if d.gone[id] {
		return identity.User{}, identity.ErrNotFound
	}
	return identity.User{ID: id}, nil
}

func (d *directory) Group(_ context.Context, id string) (identity.Group, error) {
	if d.gone[id] {
		return identity.Group{}, identity.ErrNotFound
	}
	return identity.Group{ID: id}, nil
}

func as(id string, groups ...string) context.Context {
	return identity.WithActor(context.Background(), identity.Actor{Kind: identity.Person, User: identity.User{ID: id, Roles: []string{role.User}}, Groups: groups})
}

type world struct {
	*testing.T
	*Domain
	people *directory
	fs     storage.FS
	home   resource.ID
}

func newWorld(t *testing.T, fs storage.FS) *world {
	w := &world{T: t, people: &directory{gone: map[string]bool{}}, fs: fs}
	var cfg Config
	cfg.Database, cfg.AutoAccept, cfg.Passwords.Disabled = "sqlite:"+filepath.Join(t.TempDir(), "s.db"), true, true
	var err error
	w.Domain, err = Open(t.Context(), cfg, fs, People{Users: w.people, Groups: w.people, Machine: w.people}, slog.New(slog.DiscardHandler))
	w.must(err)
	t.Cleanup(func() { w.must(w.Close()) })
	s, err := fs.CreateSpace(as("alice"), storage.SpaceRequest{Type: space.Personal, Owner: "alice", Name: "alice"})
	w.must(err)
	w.home = s.ID
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) at(path string) storage.Ref { return storage.At(w.home, path) }

func (w *world) folder(path string) resource.ID {
	w.Helper()
	i, err := w.fs.CreateFolder(as("alice"), w.at(path), storage.Conditions{})
	w.must(err)
	return i.ID
}

func (w *world) invite(path string, kind space.GranteeKind, who string) string {
	w.Helper()
	s, err := w.Shares.Invite(as("alice"), w.at(path), share.Invitation{Kind: kind, Grantee: who, Rights: permission.Viewer})
	w.must(err)
	return s.ID()
}

// found returns what Check finds, as "kind who".
func (w *world) found(a Admin) string {
	w.Helper()
	rep, err := a.Check(w.Context())
	w.must(err)
	var out []string
	for _, f := range rep.Findings {
		out = append(out, f.Kind+" "+f.Who)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// TestCheck: what leads nowhere is found, what may come back is not, and cleaning up removes the one and leaves the other. Over the
// socket as in the process.
func TestCheck(t *testing.T) {
	for _, name := range []string{"here", "socket"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, mem.New("11111111-1111-4111-8111-111111111111"))
			var a Admin = Local{Domain: w.Domain}
			if name == "socket" {
				a = overSocket(t, Local{Domain: w.Domain})
			}
			equal := func(got, want string) {
				t.Helper()
				if got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			}
			for _, p := range []string{"kept", "purged", "trashed", "grouped"} {
				w.folder(p)
				if p != "grouped" {
					w.invite(p, space.UserGrantee, "bob")
				}
				_, err := w.Links.Create(as("alice"), w.at(p), link.Request{Rights: permission.Viewer})
				w.must(err)
			}
			w.invite("grouped", space.GroupGrantee, "team")
			w.invite("kept", space.UserGrantee, "carol")
			revoked := w.invite("kept", space.UserGrantee, "dan")
			for _, ctx := range []context.Context{as("bob", "team"), as("carol"), as("dan")} {
				_, err := w.Shares.Received(ctx)
				w.must(err)
			}
			equal(w.found(a), "")
			// A receiver who lists his shares while one is taken back leaves a view behind.
			w.must(w.Shares.Remove(as("alice"), w.at("kept"), revoked))
			item, err := w.fs.Stat(as("alice"), w.at("kept"), storage.View{})
			w.must(err)
			_, err = w.received.Add(w.Context(), "dan", []share.Entry{{Item: item.ID, Share: revoked, State: share.Accepted, Mount: "kept"}})
			w.must(err)
			w.must(w.fs.Delete(as("alice"), w.at("purged"), storage.Conditions{}))
			w.must(w.fs.Purge(as("alice"), w.home, "", ""))
			w.must(w.fs.Delete(as("alice"), w.at("trashed"), storage.Conditions{}))
			w.people.gone["carol"], w.people.gone["team"] = true, true
			equal(w.found(a), "grant g:team, grant u:carol, link alice, mount bob, mount dan")
			done, err := a.Clean(t.Context(), Request{})
			w.must(err)
			equal(fmt.Sprint(done), "{1 2 0}")
			equal(w.found(a), "grant g:team, grant u:carol")
			done, err = a.Clean(t.Context(), Request{Grants: true})
			w.must(err)
			equal(fmt.Sprint(done), "{0 2 2}")
			equal(w.found(a), "")
			// What was in the trash is shared as before.
			items, err := w.fs.ListTrash(as("alice"), w.home, "", "")
			w.must(err)
			for i, err := range items {
				w.must(err)
				_, err = w.fs.Restore(as("alice"), w.home, i.Key, "", storage.Ref{}, false, storage.Conditions{})
				w.must(err)
				break
			}
			_, err = w.Shares.Mounted(as("bob"), "trashed", "")
			w.must(err)
			equal(w.found(a), "")
		})
	}
}

// overSocket serves a domain at a socket with a path that is longer than names of sockets may be, and which nobody else can open.
func overSocket(t *testing.T, d Local) Admin {
	t.Helper()
	cfg := Config{AdminSocket: filepath.Join(t.TempDir(), strings.Repeat("long", 30), "a.sock")}
	if _, err := DialAdmin(t.Context(), cfg); err == nil {
		t.Fatal("a server answers that was not started")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- adminsock.Loop(cfg.AdminSocket, adminHandler(d), slog.New(slog.DiscardHandler)).Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for range 500 {
		if a, err := DialAdmin(t.Context(), cfg); err == nil {
			t.Cleanup(func() { a.Close() })
			for path, want := range map[string]fs.FileMode{cfg.AdminSocket: 0o600, filepath.Dir(cfg.AdminSocket): 0o700} {
				if st, err := os.Stat(path); err != nil || st.Mode().Perm() != want {
					t.Errorf("%s: %v, %v, want %o", path, st.Mode(), err, want)
				}
			}
			return a
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("no server answers")
	return nil
}
