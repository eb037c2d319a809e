package app_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"opencloud/internal/app"
	"opencloud/internal/app/setup"
	"opencloud/internal/platform/testkit"
)

const password = "Test-password-1"

// installation is a configured server that has not been started: its environment, on free ports.
func installation(t *testing.T) (env map[string]string, lookup func(string) (string, bool)) {
	t.Helper()
	dir := t.TempDir()
	var out bytes.Buffer
	if err := setup.Init(setup.Options{Dir: filepath.Join(dir, "config"), Insecure: true, AdminPassword: password}, &out); err != nil {
		t.Fatal(err)
	}
	env = map[string]string{"OC_CONFIG_DIR": filepath.Join(dir, "config"), "OC_BASE_DATA_PATH": filepath.Join(dir, "data"), "HOME": dir,
		"PROXY_HTTP_ADDR": testkit.FreeAddr(t), "IDM_LDAPS_ADDR": "127.0.0.1:0", "IDM_CREATE_DEMO_USERS": "false"}
	for _, n := range app.Names() {
		svc := strings.ToUpper(strings.ReplaceAll(n, "-", "_"))
		for _, kind := range []string{"HTTP", "GRPC", "DEBUG"} {
			if name := svc + "_" + kind + "_ADDR"; env[name] == "" {
				env[name] = "127.0.0.1:0"
			}
		}
	}
	env["PROXY_DEBUG_ADDR"] = testkit.FreeAddr(t)
	_, env["OC_RUNTIME_PORT"], _ = net.SplitHostPort(testkit.FreeAddr(t))
	env["OC_URL"], env["PROXY_ENABLE_BASIC_AUTH"] = "https://"+env["PROXY_HTTP_ADDR"], "true"
	return env, func(k string) (string, bool) { v, ok := env[k]; return v, ok }
}

// TestEverythingStartsAndStops: all services in one process answer, tell of themselves, and end within 5 s and without
// leaving a goroutine.
func TestEverythingStartsAndStops(t *testing.T) {
	env, lookup := installation(t)
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- app.Run(ctx, app.Options{Version: "1.2.3", Lookup: lookup}) }()
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	client := &http.Client{Transport: tr, Timeout: 10 * time.Second}
	get := func(url string) (int, string) {
		req, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("admin", password)
		resp, err := client.Do(req)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	testkit.Eventually(t, 30*time.Second, "the server answers", func() bool {
		select {
		case err := <-done:
			t.Fatalf("it ended: %v", err)
		default:
		}
		code, _ := get(env["OC_URL"] + "/graph/v1.0/me")
		return code == http.StatusOK
	})
	debug := "http://" + env["PROXY_DEBUG_ADDR"]
	for _, path := range []string{"/healthz", "/readyz"} {
		if code, text := get(debug + path); code != http.StatusOK {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
	if _, text := get(debug + "/metrics"); !strings.Contains(text, `opencloud_proxy_build_info{version="1.2.3"} 1`) || !strings.Contains(text, "opencloud_proxy_requests_total") {
		t.Errorf("metrics lack what monitoring looks for:\n%.2000s", text)
	}
	if code, text := get(debug + "/config"); code != http.StatusOK || !strings.Contains(text, `"jwt_secret":"***"`) {
		t.Errorf("/config: %d %s", code, text)
	}
	var list bytes.Buffer
	if err := app.List(ctx, app.Options{Lookup: lookup}, &list); err != nil {
		t.Error(err)
	}
	for _, n := range app.Names() {
		if n != "idm" && !strings.Contains(list.String(), n) {
			t.Errorf("list does not name %s:\n%s", n, list.String())
		}
	}
	tr.CloseIdleConnections()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("it does not stop within 5 s")
	}
	after := 0
	for range 100 {
		if after = runtime.NumGoroutine(); after <= before {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	stacks := make([]byte, 1<<20)
	t.Errorf("%d goroutines before, %d after:\n%s", before, after, stacks[:runtime.Stack(stacks, true)])
}

// TestMistakesStopTheStart: what is wrong is named before anything runs.
func TestMistakesStopTheStart(t *testing.T) {
	for name, tc := range map[string]struct{ variable, value, want string }{
		"level":     {"OC_LOG_LEVEL", "loud", `"loud"`},
		"secret":    {"OC_JWT_SECRET", "", "opencloud init"},
		"boolean":   {"PROXY_TLS", "perhaps", "PROXY_TLS"},
		"port":      {"PROXY_HTTP_ADDR", "127.0.0.1:99999", "99999"},
		"no server": {"OC_RUN_SERVICES", "search", "no service to run"},
	} {
		t.Run(name, func(t *testing.T) {
			env, lookup := installation(t)
			env[tc.variable] = tc.value
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := app.Run(ctx, app.Options{Version: "1", Lookup: lookup}); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

// TestExcludedServicesAreNotAskedFor: what does not run needs no settings.
func TestExcludedServicesAreNotAskedFor(t *testing.T) {
	env, lookup := installation(t)
	env["OC_RUN_SERVICES"] = "ocs"
	env["PROXY_TLS"] = "perhaps"
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if err := app.Run(ctx, app.Options{Version: "1", Lookup: lookup}); err != nil {
		t.Error(err)
	}
}
