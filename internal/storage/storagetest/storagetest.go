// Package storagetest checks what every storage.FS must do, whatever is behind it: files on disk, another process, a
// decorator. Run is the contract, Sequences compares random operations with a model.
package storagetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// Open makes an empty storage; it registers its end with t.Cleanup.
type Open func(t *testing.T) storage.FS

// As returns a context in which a person acts.
func As(user string, groups ...string) context.Context {
	return identity.WithActor(context.Background(), identity.Actor{Kind: identity.Person,
		User: identity.User{ID: user, Username: user, DisplayName: strings.ToUpper(user[:1]) + user[1:]}, Groups: groups})
}

// env is a storage with the personal space of alice and a project that alice manages.
type env struct {
	*testing.T
	fs            storage.FS
	alice, bob    context.Context
	home, project resource.ID
}

// Run checks the contract.
func Run(t *testing.T, open Open) {
	tests := []struct {
		name string
		run  func(e *env)
	}{
		{"Files", files}, {"Names", names}, {"Conditions", conditions}, {"Bodies", bodies}, {"Propagation", propagation}, {"Listing", listing},
		{"Moving", moving}, {"Copying", copying}, {"Trash", trash}, {"TrashedFolder", trashedFolder}, {"Versions", versions}, {"Locks", locks}, {"SharedLocks", sharedLocks}, {"DeepLocks", deepLocks},
		{"Properties", properties}, {"TagsAndFavorites", tagsAndFavorites}, {"MTime", mtime}, {"Uploads", uploads}, {"UploadChecksums", uploadChecksums}, {"UploadsOfUnknownLength", deferredLength},
		{"FileDrop", fileDrop}, {"Visibility", visibility}, {"Grants", grants}, {"Deny", deny}, {"FindGrants", findGrants}, {"DropGrantee", dropGrantee}, {"ShownPaths", shownPaths}, {"SharesOfFormerManagers", formerManagers}, {"Visitors", visitors}, {"Roles", roles}, {"Quota", quota}, {"Spaces", spaces}, {"DisabledSpace", disabledSpace}, {"Changes", changes}, {"Strangers", strangers},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			e := &env{T: t, fs: open(t), alice: As("alice"), bob: As("bob")}
			home, err := e.fs.CreateSpace(e.alice, storage.SpaceRequest{Type: space.Personal, Owner: "alice", Name: "Alice"})
			e.must(err)
			project, err := e.fs.CreateSpace(e.alice, storage.SpaceRequest{Type: space.Project, Name: "A project"})
			e.must(err)
			e.home, e.project = home.ID, project.ID
			tc.run(e)
		})
	}
}

func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// fails checks that an error is the wanted one.
func (e *env) fails(err, want error) {
	e.Helper()
	if !errors.Is(err, want) {
		e.Errorf("got error %v, want %v", err, want)
	}
}

func (e *env) equal(got, want any) {
	e.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		e.Errorf("got %v, want %v", got, want)
	}
}

func (e *env) at(path string) storage.Ref { return storage.At(e.home, path) }

func (e *env) upload(ctx context.Context, ref storage.Ref, content string, c storage.Conditions) (storage.Result, error) {
	return e.fs.Upload(ctx, ref, storage.UploadRequest{Length: int64(len(content)), Conditions: c}, strings.NewReader(content))
}

func (e *env) put(path, content string) storage.Info {
	e.Helper()
	r, err := e.upload(e.alice, e.at(path), content, storage.Conditions{})
	if err != nil {
		e.Fatalf("put %s: %v", path, err)
	}
	return r.Info
}

func (e *env) mkdir(path string) storage.Info {
	e.Helper()
	i, err := e.fs.CreateFolder(e.alice, e.at(path), storage.Conditions{})
	if err != nil {
		e.Fatalf("mkdir %s: %v", path, err)
	}
	return i
}

func (e *env) stat(path string) storage.Info {
	e.Helper()
	i, err := e.fs.Stat(e.alice, e.at(path), storage.View{Props: true, Path: true})
	if err != nil {
		e.Fatalf("stat %q: %v", path, err)
	}
	return i
}

func (e *env) read(ctx context.Context, ref storage.Ref) (string, error) {
	c, err := e.fs.Open(ctx, ref)
	if err != nil {
		return "", err
	}
	defer c.Close()
	b, err := io.ReadAll(c)
	return string(b), err
}

func (e *env) content(path, want string) {
	e.Helper()
	got, err := e.read(e.alice, e.at(path))
	if err != nil || got != want {
		e.Errorf("%s has %q, %v, want %q", path, got, err, want)
	}
}

func (e *env) list(ctx context.Context, ref storage.Ref) ([]string, error) {
	_, children, err := e.fs.List(ctx, ref, storage.View{})
	if err != nil {
		return nil, err
	}
	out := []string{}
	for i, err := range children {
		if err != nil {
			return nil, err
		}
		out = append(out, i.Name)
	}
	return out, nil
}

func (e *env) names(path string, want ...string) {
	e.Helper()
	got, err := e.list(e.alice, e.at(path))
	if err != nil || !slices.Equal(got, append([]string{}, want...)) {
		e.Errorf("%q has %q, %v, want %q", path, got, err, want)
	}
}

func (e *env) trash() []storage.TrashItem {
	e.Helper()
	return e.trashIn("", "")
}

func (e *env) trashIn(key, path string) (out []storage.TrashItem) {
	e.Helper()
	items, err := e.fs.ListTrash(e.alice, e.home, key, path)
	e.must(err)
	for i, err := range items {
		e.must(err)
		out = append(out, i)
	}
	return out
}

func (e *env) grant(node resource.ID, user string, set permission.Set) {
	e.Helper()
	e.must(e.fs.SetGrant(e.alice, storage.At(node, ""), space.Grant{Kind: space.UserGrantee, Grantee: user, Permissions: set, Created: time.Now()}))
}

var none storage.Conditions
