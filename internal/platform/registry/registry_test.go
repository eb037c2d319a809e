package registry_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"opencloud/internal/platform/registry"
	"opencloud/internal/platform/testkit"
)

func TestNodesComeAndGo(t *testing.T) {
	f, err := registry.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Lookup("users"); !errors.Is(err, registry.ErrNone) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- f.Keep(ctx, registry.Node{Service: "users", GRPC: "127.0.0.1:1"}) }()
	testkit.Eventually(t, 5*time.Second, "the node is registered", func() bool { n, err := f.Lookup("users"); return err == nil && n.GRPC == "127.0.0.1:1" })
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := f.Lookup("users"); !errors.Is(err, registry.ErrNone) {
		t.Fatalf("still there: %v", err)
	}
}

// TestSeveralNodes: nodes of one service stand side by side, are all used, and leave only themselves.
func TestSeveralNodes(t *testing.T) {
	dir := t.TempDir()
	open := func() *registry.Folder {
		f, err := registry.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	here, there, asks := open(), open(), open() // three processes
	first, stop := context.WithCancel(context.Background())
	second, stopSecond := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- here.Keep(first, registry.Node{Service: "graph", HTTP: "127.0.0.1:1"}) }()
	go func() { done <- there.Keep(second, registry.Node{Service: "graph", HTTP: "127.0.0.1:2"}) }()
	seen := map[string]bool{}
	testkit.Eventually(t, 5*time.Second, "both nodes are used", func() bool {
		n, err := asks.Lookup("graph")
		seen[n.HTTP] = seen[n.HTTP] || err == nil
		return seen["127.0.0.1:1"] && seen["127.0.0.1:2"]
	})
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	nodes, err := open().Nodes("graph")
	if err != nil || len(nodes) != 1 || nodes[0].HTTP != "127.0.0.1:2" {
		t.Fatalf("%+v %v", nodes, err)
	}
	stopSecond()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := open().Lookup("graph"); !errors.Is(err, registry.ErrNone) {
		t.Fatal(err)
	}
}

// TestSilentNodesDoNotCount: a node whose heartbeat stopped is not found.
func TestSilentNodesDoNotCount(t *testing.T) {
	dir := t.TempDir()
	text := `{"service":"graph","http":"127.0.0.1:1","seen":"2020-01-01T00:00:00Z"}`
	if err := os.WriteFile(filepath.Join(dir, "graph@0.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := registry.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := f.Lookup("graph"); !errors.Is(err, registry.ErrNone) {
		t.Fatal(n, err)
	}
}
