package disk_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"opencloud/internal/storage/posix/disk"
)

func open(t *testing.T) (disk.FS, string) {
	t.Helper()
	dir := t.TempDir()
	d, err := disk.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, dir
}

func TestFiles(t *testing.T) {
	d, dir := open(t)
	if err := d.Mkdir("a"); err != nil {
		t.Fatal(err)
	}
	f, err := d.Create("a/x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := f.SetMTime(12345678901); err != nil {
		t.Fatal(err)
	}
	st, err := f.Stat()
	if err != nil || st.Size != 5 || st.MTime != 12345678901 || st.Type != disk.Regular {
		t.Fatalf("stat: %+v, %v", st, err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Create("a/x"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create over a file: %v", err)
	}
	if err := d.Link("a/x", "a/y"); err != nil {
		t.Fatal(err)
	}
	if err := d.Rename("a/x", "a/y", true); !errors.Is(err, fs.ErrExist) {
		t.Errorf("rename over a file: %v", err)
	}
	if err := d.Rename("a/x", "z", true); err != nil {
		t.Fatal(err)
	}
	var names []string
	if _, err := d.ReadDir("", func(e disk.Entry) error { names = append(names, e.Name); return nil }); err != nil || len(names) != 2 {
		t.Errorf("readdir: %v %v", names, err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "z")); string(b) != "hello" {
		t.Errorf("content %q", b)
	}
	if err := d.SetXattr("z", "user.oc.id", "abc"); err == nil {
		if v, err := d.GetXattr("z", "user.oc.id"); err != nil || v != "abc" {
			t.Errorf("xattr %q, %v", v, err)
		}
		if names, err := d.ListXattr("z"); err != nil || !slices.Contains(names, "user.oc.id") {
			t.Errorf("attributes %q, %v", names, err)
		}
		if err := d.RemoveXattr("z", "user.oc.id"); err != nil {
			t.Error(err)
		}
		if err := d.RemoveXattr("z", "user.oc.id"); !errors.Is(err, disk.ErrNoXattr) {
			t.Errorf("removed twice: %v", err)
		}
	}
	if _, err := d.GetXattr("z", "user.none"); !errors.Is(err, disk.ErrNoXattr) {
		t.Errorf("missing xattr: %v", err)
	}
	if err := d.Remove("a"); err == nil {
		t.Error("removed a directory that is not empty")
	}
}

func TestNeverLeavesTheRoot(t *testing.T) {
	d, dir := open(t)
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "file")); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"link/secret", "file", "../x", "link", "a/../../x", "/etc/passwd"} {
		if f, err := d.Open(p); err == nil {
			f.Close()
			t.Errorf("opened %q", p)
		}
	}
	if err := d.Mkdir("link/new"); err == nil {
		t.Error("made a directory through a link")
	}
	if err := d.Rename("file", "link/new", false); err == nil {
		t.Error("renamed through a link")
	}
	st, err := d.Lstat("file")
	if err != nil || st.Type != disk.Other {
		t.Errorf("lstat of a link: %+v %v", st, err)
	}
}

func TestRemoveAll(t *testing.T) {
	d, dir := open(t)
	outside := filepath.Join(t.TempDir(), "keep")
	if err := os.WriteFile(outside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := disk.MkdirAll(d, "t/a/b/c"); err != nil {
		t.Fatal(err)
	}
	for i := range 1500 {
		f, err := d.Create("t/a/f" + strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	if err := os.Symlink(filepath.Dir(outside), filepath.Join(dir, "t/a/b/link")); err != nil {
		t.Fatal(err)
	}
	if err := disk.RemoveAll(t.Context(), d, "t"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Lstat("t"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Errorf("followed a link: %v", err)
	}
	if err := disk.RemoveAll(t.Context(), d, "t"); err != nil {
		t.Errorf("second time: %v", err)
	}
}

func TestCopySharesOrCopies(t *testing.T) {
	d, _ := open(t)
	a, err := d.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	want := bytes.Repeat([]byte("0123456789"), 50_000)
	if _, err := a.Write(want); err != nil {
		t.Fatal(err)
	}
	b, err := d.Create("b")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if n, err := b.CopyFrom(a); err != nil || n != int64(len(want)) {
		t.Fatalf("copied %d, %v", n, err)
	}
	got := make([]byte, len(want))
	if _, err := b.ReadAt(got, 0); err != nil || !bytes.Equal(got, want) {
		t.Errorf("copy differs: %v", err)
	}
}

func TestNamesAreBytes(t *testing.T) {
	d, _ := open(t)
	names := map[string]bool{"\xff\xfe": true, strings.Repeat("n", 255): true, "new\nline": true, "é": true, "e\u0301": true}
	for n := range names {
		f, err := d.Create(n)
		if err != nil {
			t.Fatalf("%q: %v", n, err)
		}
		f.Close()
	}
	if _, err := d.ReadDir("", func(e disk.Entry) error { delete(names, e.Name); return nil }); err != nil || len(names) != 0 {
		t.Errorf("not listed: %v %v", names, err)
	}
}
