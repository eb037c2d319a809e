package posix_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"opencloud/internal/platform/db"
	"opencloud/internal/platform/testkit"
	"opencloud/internal/storage/posix"
	"opencloud/internal/storage/posix/maintain"
	"opencloud/internal/storage/storagetest/model"
)

// modelSequences is how many random sequences are run: OC_MODEL_SEQUENCES, else few.
func modelSequences(few int) int {
	if n, err := strconv.Atoi(os.Getenv("OC_MODEL_SEQUENCES")); err == nil {
		return n
	}
	if testing.Short() {
		return few / 10
	}
	return few
}

// modelled opens a storage for the model, with its index in a database (empty: SQLite); after the test disk and index must agree.
func modelled(t *testing.T, url string) *posix.FS {
	t.Helper()
	ctx := context.Background()
	base := inMemory(t)
	if url == "" {
		url = "sqlite:" + filepath.Join(base, "index.db")
	}
	d, err := db.Open(ctx, url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fs, err := posix.New(ctx, posix.Config{Root: filepath.Join(base, "files"), StorageID: storageID, DB: d})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer d.Close()
		defer fs.Close()
		rep, err := fs.Maintainer().Check(ctx, maintain.Options{Content: true})
		if err != nil {
			t.Error(err)
		}
		for _, f := range rep.Findings {
			if !f.Kind.Note() {
				t.Errorf("%+v", f)
			}
		}
	})
	return fs
}

func TestSequences(t *testing.T) { model.Sequential(t, modelled(t, ""), modelSequences(300)) }

func TestConcurrentSequences(t *testing.T) { model.Concurrent(t, modelled(t, ""), modelSequences(300)) }

func TestSequencesOnPostgreSQL(t *testing.T) {
	fs := modelled(t, testkit.Postgres(t))
	model.Sequential(t, fs, modelSequences(40))
	model.Concurrent(t, fs, modelSequences(40))
}
