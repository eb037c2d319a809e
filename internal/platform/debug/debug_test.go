package debug_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"opencloud/internal/platform/config"
	"opencloud/internal/platform/debug"
	"opencloud/internal/platform/service"
)

type settings struct {
	Name   string `yaml:"name"`
	Secret string `yaml:"secret" secret:"true"`
	Inner  struct {
		Key string `yaml:"key" secret:"true"`
	} `yaml:"inner"`
}

func TestRoutes(t *testing.T) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "a_gauge", Help: "x"}))
	c := settings{Name: "visible", Secret: "s3cret"}
	c.Inner.Key = "k3y"
	var broken error
	o := debug.Options{Service: "graph", Version: "1", Config: c, Metrics: reg, Debug: config.Debug{Token: "tok"},
		Ready: []service.Check{{Name: "database", Run: func(context.Context) error { return broken }}}}
	h := debug.Handler(o)
	get := func(path, auth string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		if auth != "" {
			r.Header.Set("Authorization", auth)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for _, tc := range []struct {
		path, auth string
		code       int
	}{{"/healthz", "", 200}, {"/readyz", "", 200}, {"/metrics", "", 401}, {"/metrics", "Bearer wrong", 401}, {"/metrics", "Bearer tok", 200},
		{"/config", "", 200}, {"/debug/pprof/", "", 404}, {"/nothing", "", 404}} {
		w := get(tc.path, tc.auth)
		if w.Code != tc.code || w.Header().Get("X-GRAPH-VERSION") != "1" || !strings.Contains(w.Header().Get("Cache-Control"), "no-store") {
			t.Errorf("%s: %d, want %d; %v", tc.path, w.Code, tc.code, w.Header())
		}
	}
	if text := get("/config", "").Body.String(); !strings.Contains(text, "visible") || strings.Contains(text, "s3cret") || strings.Contains(text, "k3y") {
		t.Error(text)
	}
	if text := get("/metrics", "Bearer tok").Body.String(); !strings.Contains(text, "a_gauge 0") {
		t.Error(text)
	}
	broken = errors.New("gone")
	if w := get("/readyz", ""); w.Code != 500 || !strings.Contains(w.Body.String(), "database: gone") {
		t.Error(w.Code, w.Body)
	}
	if w := get("/healthz", ""); w.Code != 200 {
		t.Error("alive is not ready")
	}
	o.Debug.Pprof = true
	h = debug.Handler(o)
	if w := get("/debug/pprof/", ""); w.Code != 200 {
		t.Error(w.Code)
	}
}
