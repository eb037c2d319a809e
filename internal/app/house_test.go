package app_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"opencloud/internal/app"
)

// floor of a package, from the roof down; imports go down, on the same floor only where it is no service.
func floor(pkg string) int {
	switch {
	case strings.HasPrefix(pkg, "opencloud/cmd/"):
		return 5
	case strings.HasPrefix(pkg, "opencloud/internal/app"):
		return 4
	case strings.HasPrefix(pkg, "opencloud/internal/service/"):
		return 3
	case strings.HasPrefix(pkg, "opencloud/internal/cs3"), strings.HasPrefix(pkg, "opencloud/internal/storage/"):
		return 2
	case strings.HasPrefix(pkg, "opencloud/internal/platform/"):
		return 0
	}
	return 1 // domain
}

// TestFloors: no package imports one above it, and no service another.
func TestFloors(t *testing.T) {
	root := "../.."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if d.IsDir() && (rel == "test" || rel == "bench" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && rel != ".") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		pkg := "opencloud/" + filepath.ToSlash(filepath.Dir(rel))
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			to, _ := strconv.Unquote(i.Path.Value)
			if !strings.HasPrefix(to, "opencloud/") {
				continue
			}
			// platform/service is what services return; it is below them all, and below storage too.
			if floor(to) > floor(pkg) {
				t.Errorf("%s imports %s, which is on a higher floor", rel, to)
			}
			if floor(pkg) == 3 && floor(to) == 3 && to != pkg && !strings.HasPrefix(to, pkg+"/") {
				t.Errorf("%s: the service imports another service, %s", rel, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestEveryServiceHasARow: a folder below internal/service is a service that can be started.
func TestEveryServiceHasARow(t *testing.T) {
	entries, err := os.ReadDir("../service")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !slices.Contains(app.Names(), e.Name()) {
			t.Errorf("internal/service/%s has no row in the table of services", e.Name())
		}
	}
}

// TestReferenceIsCurrent: docs/reference/configuration.md says what the program says.
func TestReferenceIsCurrent(t *testing.T) {
	b, err := os.ReadFile("../../docs/reference/configuration.md")
	if err != nil || string(b) != app.Reference() {
		t.Fatalf("run `make docs` (%v)", err)
	}
}
