package registry_test

import (
	"context"
	"errors"
	"testing"

	"opencloud/internal/platform/registry"
	"opencloud/internal/platform/testkit"
	"time"
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
