package disk_test

import (
	"strconv"
	"testing"

	"opencloud/internal/storage/posix/disk"
)

func BenchmarkDisk(b *testing.B) {
	d, err := disk.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	if err := disk.MkdirAll(d, "users/me/a/b"); err != nil {
		b.Fatal(err)
	}
	for i := range 5000 {
		f, err := d.Create("users/me/a/b/a file with a name " + strconv.Itoa(i))
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
	b.Run("Lstat", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := d.Lstat("users/me/a/b/a file with a name 77"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f, err := d.Open("users/me/a/b/a file with a name 77")
			if err != nil {
				b.Fatal(err)
			}
			f.Close()
		}
	})
	b.Run("ReadDir5000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n := 0
			if _, err := d.ReadDir("users/me/a/b", func(disk.Entry) error { n++; return nil }); err != nil || n != 5000 {
				b.Fatal(n, err)
			}
		}
	})
}
