package posix_test

import (
	"context"
	"path/filepath"
	"testing"

	"opencloud/internal/platform/db"
	"opencloud/internal/platform/testkit"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix"
	"opencloud/internal/storage/storagetest"
)

func TestContract(t *testing.T) {
	for name, url := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "index.db") },
		"postgres": func(t *testing.T) string { return testkit.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			storagetest.Run(t, func(t *testing.T) storage.FS {
				d, err := db.Open(context.Background(), url(t), db.Options{})
				if err != nil {
					t.Fatal(err)
				}
				fs, err := posix.New(context.Background(), posix.Config{Root: filepath.Join(t.TempDir(), "files"), StorageID: storageID, DB: d})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { fs.Close(); d.Close() })
				return fs
			})
		})
	}
}
