package attrs_test

import (
	"reflect"
	"testing"
	"time"

	"opencloud/internal/permission"
	"opencloud/internal/space"
	"opencloud/internal/storage/posix/attrs"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/tree"
)

func TestGrants(t *testing.T) {
	for _, g := range []space.Grant{
		{Permissions: permission.Uploader, Creator: "me"},
		{Permissions: permission.Manager, Creator: "me", Expires: time.Unix(1_900_000_000, 0)},
		{Permissions: permission.None, Creator: "x"},
		{Permissions: permission.EditorLite},
	} {
		got, err := attrs.Parse(attrs.Format(g))
		if err != nil || !reflect.DeepEqual(got, g) {
			t.Errorf("%+v came back as %+v, %v", g, got, err)
		}
	}
	// As written without the exact bits.
	g, err := attrs.Parse("\x00t=A:f=:p=trxwadq:c=someone:e=0")
	if want := permission.Stat | permission.Download | permission.Upload | permission.Delete; err != nil || !g.Permissions.Has(want) || g.Permissions.Has(permission.AddGrant) {
		t.Errorf("%+v, %v", g, err)
	}
	for _, bad := range []string{"", "t=A", "\x00", "\x00t=A:p=", "\x00t=X:p=t", "\x00t=A:p=t:e=x"} {
		if g, err := attrs.Parse(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, g)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("\x00t=A:f=g:p=rwaxd:c=me:e=12:b=7f")
	f.Fuzz(func(t *testing.T, s string) {
		g, err := attrs.Parse(s)
		if err != nil {
			return
		}
		if again, err := attrs.Parse(attrs.Format(g)); err != nil || again.Permissions != g.Permissions {
			t.Errorf("%q: %+v, then %+v, %v", s, g, again, err)
		}
	})
}

func TestSpaceOnDisk(t *testing.T) {
	d, err := disk.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if !disk.HasXattr(d) {
		t.Skip("no extended attributes here")
	}
	if err := disk.MkdirAll(d, "projects/p"); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := attrs.ReadSpace(d, "projects"); ok || err != nil {
		t.Errorf("a plain folder is a space: %v, %v", ok, err)
	}
	want := &tree.Space{ID: "p", Type: space.Project, Name: "A name", Alias: "project/a", Dir: "projects/p", Quota: 7, Description: "long"}
	if err := attrs.WriteSpace(d, want); err != nil {
		t.Fatal(err)
	}
	got, ok, err := attrs.ReadSpace(d, "projects/p")
	if !ok || err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, %v", got, ok, err)
	}
	g := space.Grant{Kind: space.GroupGrantee, Grantee: "g1", Permissions: permission.Editor, Creator: "c"}
	if err := attrs.WriteGrant(d, "projects/p", g); err != nil {
		t.Fatal(err)
	}
	grants, err := attrs.ReadGrants(d, "projects/p")
	if err != nil || len(grants) != 1 || !reflect.DeepEqual(grants[0], g) {
		t.Errorf("grants %+v, %v", grants, err)
	}
	if err := attrs.RemoveGrant(d, "projects/p", g.Kind, g.Grantee); err != nil {
		t.Fatal(err)
	}
	if grants, _ := attrs.ReadGrants(d, "projects/p"); len(grants) != 0 {
		t.Errorf("still there: %+v", grants)
	}
}
