package proxy

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/apptoken"
	"opencloud/internal/identity/directory"
	"opencloud/internal/identity/login"
	"opencloud/internal/platform/db"
)

// cpu is the time that this process has computed: other work on the machine does not count.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCredentials is a request through the proxy with each kind of credentials, over a real directory; the service
// behind it does nothing. "none" is what the proxy itself takes.
func BenchmarkCredentials(b *testing.B) {
	ctx := b.Context()
	d, err := db.Open(ctx, "sqlite:"+filepath.Join(b.TempDir(), "x.db"), db.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	dir, err := directory.New(ctx, d, directory.Options{Issuer: ownIssuer})
	if err != nil {
		b.Fatal(err)
	}
	u, err := dir.CreateAccount(ctx, identity.Account{User: identity.User{Username: "ada", DisplayName: "Ada Lovelace", Enabled: true}}, "a password of ada")
	if err != nil {
		b.Fatal(err)
	}
	programs, err := apptoken.New(ctx, d, dir, apptoken.Options{Secret: []byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		b.Fatal(err)
	}
	app, _, err := programs.Create(ctx, u.ID, time.Hour, "")
	if err != nil {
		b.Fatal(err)
	}
	idp, tok := provider(b)
	p := setup(b, func(c *Config, deps *Deps) {
		c.OIDC.Issuer, c.Auth.AllowAppAuth = ownIssuer, true
		deps.Login, deps.AppTokens, deps.Machine, deps.Spaces = login.New(dir), programs, dir, &spaces{}
		deps.Local["idp"] = idp
		deps.Local["ocdav"] = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	})
	basic := func(secret string) string {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetBasicAuth("ada", secret)
		return r.Header.Get("Authorization")
	}
	for _, c := range []struct{ name, path, authorization string }{
		{"none", "/status.php", ""},
		{"bearer", "/dav/spaces/abc/x", "Bearer " + tok(map[string]any{"sub": u.ID})},
		{"basic", "/dav/spaces/abc/x", basic("a password of ada")},
		{"app token", "/dav/spaces/abc/x", basic(app)},
	} {
		b.Run(c.name, func(b *testing.B) {
			ask := func() int {
				r := httptest.NewRequest("PROPFIND", c.path, nil)
				if c.authorization != "" {
					r.Header.Set("Authorization", c.authorization)
				}
				w := httptest.NewRecorder()
				p.ServeHTTP(w, r)
				return w.Code
			}
			if status := ask(); c.authorization != "" && status != 200 {
				b.Fatal(status)
			}
			b.ReportAllocs()
			begin := cpu(b)
			for b.Loop() {
				ask()
			}
			b.ReportMetric(float64(cpu(b)-begin)/float64(b.N), "cpu-ns/op")
		})
	}
}
