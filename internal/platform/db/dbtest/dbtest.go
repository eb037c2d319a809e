// Package dbtest is what every database behind package db must do, as tests, and the databases to run other tests on.
package dbtest

import (
	"path/filepath"
	"testing"

	"opencloud/internal/platform/db"
	"opencloud/internal/platform/testkit"
)

// kinds are the databases there are.
var kinds = []struct {
	name string
	url  func(t testing.TB) string
}{
	{"sqlite", SQLite},
	{"postgres", testkit.Postgres},
}

// SQLite is the URL of a fresh SQLite file, which is removed with the test.
func SQLite(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "test.db") }

// Each runs a test on a fresh database of each kind.
func Each(t *testing.T, f func(t *testing.T, d db.DB)) {
	t.Helper()
	EachURL(t, func(t *testing.T, url string) { f(t, Open(t, url)) })
}

// EachURL is Each for tests that open the database themselves, several times perhaps.
func EachURL(t *testing.T, f func(t *testing.T, url string)) {
	t.Helper()
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) { f(t, k.url(t)) })
	}
}

// Open opens a database until the end of the test.
func Open(t testing.TB, url string) db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}
