package graph

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"opencloud/internal/identity"
)

// BenchmarkMe is the call that every client begins with: at most 0.1 ms of CPU.
func BenchmarkMe(b *testing.B) {
	w := newWorld(b, nil)
	for _, path := range []string{"/me", "/me?$expand=memberOf"} {
		b.Run(path[1:3], func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "https://cloud.test/graph/v1.0"+path, nil)
			r = r.WithContext(identity.WithActor(r.Context(), w.actor(adaID)))
			b.ReportAllocs()
			for b.Loop() {
				out := httptest.NewRecorder()
				w.h.ServeHTTP(out, r)
				if out.Code != http.StatusOK {
					b.Fatal(out.Code)
				}
			}
		})
	}
}
