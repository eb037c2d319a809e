package readonly_test

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"opencloud/internal/permission"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/mem"
	"opencloud/internal/storage/readonly"
	"opencloud/internal/storage/storagetest"
)

// reads are the methods that may succeed; every other must not.
var reads = map[string]bool{"Stat": true, "List": true, "Open": true, "UploadSession": true, "ListTrash": true, "ListVersions": true, "OpenVersion": true,
	"Favorites": true, "Tagged": true, "ListGrants": true, "FindGrants": true, "Gone": true, "Changes": true, "ListSpaces": true, "Quota": true}

func TestReadOnly(t *testing.T) {
	inner := mem.New("11111111-1111-4111-8111-111111111111")
	alice, bob := storagetest.As("alice"), storagetest.As("bob")
	s, err := inner.CreateSpace(alice, storage.SpaceRequest{Type: space.Personal, Owner: "alice", Name: "Alice"})
	if err != nil {
		t.Fatal(err)
	}
	at := storage.At(s.ID, "f")
	if _, err := inner.Upload(alice, at, storage.UploadRequest{Length: 5}, strings.NewReader("hello")); err != nil {
		t.Fatal(err)
	}
	up, err := inner.CreateUpload(alice, storage.At(s.ID, "g"), storage.UploadRequest{Length: 5})
	if err != nil {
		t.Fatal(err)
	}
	fs := readonly.New(inner)
	typ := reflect.TypeFor[storage.FS]()
	for i := range typ.NumMethod() {
		m := typ.Method(i)
		if reads[m.Name] {
			continue
		}
		for who, tc := range map[string]struct {
			ctx  context.Context
			want error
		}{"alice": {alice, storage.ErrForbidden}, "bob": {bob, storage.ErrNotFound}} {
			in := []reflect.Value{reflect.ValueOf(fs), reflect.ValueOf(tc.ctx)}
			for k := 1; k < m.Type.NumIn(); k++ {
				v := reflect.Zero(m.Type.In(k))
				switch v.Interface().(type) {
				case storage.Ref:
					v = reflect.ValueOf(at)
				case string:
					v = reflect.ValueOf(up.ID)
				default:
					if v.Type() == reflect.TypeOf(s.ID) {
						v = reflect.ValueOf(s.ID)
					}
				}
				in = append(in, v)
			}
			out := reflect.ValueOf(fs).MethodByName(m.Name).Call(in[1:])
			err, _ := out[len(out)-1].Interface().(error)
			unseen := m.Name == "CreateSpace" || m.Name == "Bequeath" || m.Name == "DropGrantee" || strings.HasSuffix(m.Name, "Upload") || m.Name == "SetUploadLength" // names nothing that bob could not see
			if !errors.Is(err, tc.want) && !(who == "bob" && unseen && errors.Is(err, storage.ErrForbidden)) {
				t.Errorf("%s for %s: %v, want %v", m.Name, who, err, tc.want)
			}
		}
	}
	i, err := fs.Stat(alice, at, storage.View{})
	if err != nil || i.Permissions.Has(permission.Upload) || i.Permissions.Has(permission.Delete) || !i.Permissions.Has(permission.Download) {
		t.Errorf("%v %v", i.Permissions, err)
	}
	c, err := fs.Open(alice, at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if b, err := io.ReadAll(c); err != nil || string(b) != "hello" {
		t.Errorf("%q %v", b, err)
	}
	if _, err := fs.CreateSpace(alice, storage.SpaceRequest{Type: space.Personal, Owner: "alice"}); !errors.Is(err, storage.ErrExists) {
		t.Errorf("alice at the door: %v", err)
	}
}
