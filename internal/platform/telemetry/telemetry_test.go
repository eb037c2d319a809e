package telemetry_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"opencloud/internal/platform/telemetry"
)

func none(string) (string, bool) { return "", false }

func TestOffByDefault(t *testing.T) {
	tr, err := telemetry.New(context.Background(), telemetry.Config{}, none, "v")
	if err != nil || tr != nil {
		t.Fatal(tr, err)
	}
	h := http.NotFoundHandler()
	if got := tr.HTTP("x", h); got == nil || tr.Close() != nil {
		t.Fatal("a nil tracer must do nothing")
	}
}

func TestSpansArrive(t *testing.T) {
	var posts atomic.Int32
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/traces" && r.Method == http.MethodPost {
			posts.Add(1)
		}
	}))
	defer collector.Close()
	tr, err := telemetry.New(context.Background(), telemetry.Config{Enabled: true, Endpoint: collector.URL}, none, "v")
	if err != nil {
		t.Fatal(err)
	}
	inner := ""
	h := tr.HTTP("test", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { inner = r.Header.Get("Traceparent"); w.WriteHeader(500) }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if err := tr.Close(); err != nil || posts.Load() == 0 || inner == "" {
		t.Fatal(err, posts.Load(), inner)
	}
}
