package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opencloud/test/server"
)

// TestBrowserClient: the client's page is at all of its addresses, its configuration is what clients insist on, and what
// administrators may change others may not, in both wirings.
func TestBrowserClient(t *testing.T) {
	for name, o := range map[string]server.Options{"one process": {}, "split": {Split: true}} {
		t.Run(name, func(t *testing.T) {
			s := server.Start(t, o)
			stranger, admin, mary := s.As("", ""), s.Admin(), s.As("mary", "demo")
			for _, path := range []string{"/", "/index.html", "/files/spaces/personal/admin", "/files/trash/overview", "/f/" + url.PathEscape("a$b!c"), "/s/token/x", "/account/preferences", "/admin-settings/users",
				"/oidc-callback.html?code=x", "/oidc-silent-redirect.html", "/web-oidc-callback"} {
				a := stranger.Want("GET", path, "", nil, 200)
				policies := a.Header.Values("Content-Security-Policy")
				if !strings.Contains(a.Body, "<title>OpenCloud</title>") || len(policies) != 2 || !strings.Contains(policies[0], "frame-ancestors 'self'") || !strings.Contains(policies[1], "'nonce-") {
					t.Errorf("%s: %v\n%s", path, policies, a.Body)
				}
			}
			configJSON(t, s)
			var theme struct {
				Common struct {
					Name, Logo string
					ShareRoles map[string]any
				}
			}
			if err := json.Unmarshal([]byte(stranger.Want("GET", "/themes/opencloud/theme.json", "", nil, 200).Body), &theme); err != nil || theme.Common.Name != "OpenCloud" || len(theme.Common.ShareRoles) == 0 {
				t.Errorf("theme: %v %+v", err, theme)
			}
			stranger.Want("GET", "/"+theme.Common.Logo, "", nil, 200)
			const announcement = `{"enabled":true,"bannerText":"Closed on Sunday","infoText":""}`
			for _, c := range []struct {
				who    *server.Client
				status int
			}{{stranger, 401}, {mary, 403}} {
				c.who.Want("GET", "/announcement", "", nil, c.status)
				c.who.Want("PUT", "/announcement", announcement, nil, c.status)
				c.who.Want("POST", "/branding/logo", "x", nil, c.status)
				c.who.Want("DELETE", "/branding/logo", "", nil, c.status)
			}
			admin.Want("PUT", "/announcement", announcement, nil, 204)
			if a := stranger.Want("GET", "/config.json", "", nil, 200); !strings.Contains(a.Body, "Closed on Sunday") {
				t.Errorf("%s", a.Body)
			}
			admin.Want("DELETE", "/branding/logo", "", nil, 200)
			stranger.Want("PROPFIND", "/", "", nil, 405)
			stranger.Want("GET", "/../../etc/passwd", "", nil, 400)
		})
	}
}

// configJSON checks what the original's client checks, or it does not start. (spec/services.md §18.1)
func configJSON(t *testing.T, s *server.Server) {
	t.Helper()
	a := s.As("", "").Want("GET", "/config.json", "", nil, 200)
	var c struct {
		Server, Theme string
		OpenIDConnect struct {
			Authority string `json:"authority"`
			ClientID  string `json:"client_id"`
		} `json:"openIdConnect"`
		Options map[string]any
		Apps    []string
	}
	if err := json.Unmarshal([]byte(a.Body), &c); err != nil || c.Server != s.URL || c.Theme != s.URL+"/themes/opencloud/theme.json" || c.OpenIDConnect.Authority != s.URL ||
		c.OpenIDConnect.ClientID != "web" || c.Options == nil || len(c.Apps) == 0 || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%v %+v %v", err, c, a.Header)
	}
}

// TestOriginalClientStarts: a client in WEB_ASSET_CORE_PATH is served unchanged, and the requests that the original's sends
// until it shows files are answered. (spec/web-trace.md, steps 01 and 02)
func TestOriginalClientStarts(t *testing.T) {
	core := t.TempDir()
	for name, content := range map[string]string{
		"index.html":                  `<!doctype html><html><head><title>Theirs</title><script>inline()</script></head></html>`,
		"oidc-callback.html":          `<html><head></head><body>callback</body></html>`,
		"oidc-silent-redirect.html":   `<html><head></head><body>silent</body></html>`,
		"js/index.html-Ab3dEf9h.mjs":  "export {}",
		"icons/folder.svg":            "<svg/>",
		"assets/style-Ab3dEf9h.css":   "a{}",
		"img/opencloud-app-icon.webp": "picture",
	} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(core, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(core, name), []byte(content), 0o644))
	}
	for name, o := range map[string]server.Options{"one process": {}, "split": {Split: true}} {
		t.Run(name, func(t *testing.T) {
			o.Env = []string{"WEB_ASSET_CORE_PATH=" + core}
			s := server.Start(t, o)
			stranger := s.As("", "")
			for path, content := range map[string]string{"/": "<title>Theirs</title><script>inline()", "/files/spaces/personal/admin": `<base href="/"><title>Theirs`, "/s/token": "Theirs",
				"/oidc-callback.html?code=x&state=y": `<base href="/"></head><body>callback`, "/oidc-silent-redirect.html": "silent", "/web-oidc-callback?code=x": "Theirs",
				"/js/index.html-Ab3dEf9h.mjs": "export", "/icons/folder.svg": "<svg/>", "/assets/style-Ab3dEf9h.css": "a{}", "/img/opencloud-app-icon.webp": "picture", "/config.json": s.URL,
				"/.well-known/webfinger?resource=" + url.QueryEscape(s.URL+"/") + "&platform=web&rel=" + url.QueryEscape("http://openid.net/specs/connect/1.0/issuer"): `"http://opencloud.eu/ns/oidc/client_id":"web"`,
				"/ocs/v1.php/cloud/capabilities?format=json": `"statuscode":100`, "/app/list": "mime-types", "/themes/opencloud/theme.json": "shareRoles", "/.well-known/openid-configuration": s.URL} {
				a := stranger.Want("GET", path, "", nil, 200)
				if policy := a.Header.Get("Content-Security-Policy"); !strings.Contains(a.Body, content) || path == "/" && !strings.Contains(policy, "script-src 'self' 'unsafe-inline'") ||
					path == "/" && len(a.Header.Values("Content-Security-Policy")) != 1 {
					t.Errorf("%s: %s\n%.500s", path, policy, a.Body)
				}
			}
			signedIn(t, s)
		})
	}
}

// signedIn sends what the client sends after the sign-in.
func signedIn(t *testing.T, s *server.Server) {
	t.Helper()
	tokens, err := s.Browser().SignIn(s.Apps()[0], "mary", "demo")
	if err != nil {
		t.Fatal(err)
	}
	var me struct{ ID string }
	if err := json.Unmarshal([]byte(s.Bearer(tokens.Access, "GET", "/graph/v1.0/me?$expand=memberOf", "").Body), &me); err != nil || me.ID == "" {
		t.Fatalf("me: %v", err)
	}
	account := `{"account_uuid":"` + me.ID + `"}`
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/config.json", "", 200},
		{"POST", "/api/v0/settings/roles-list", "{}", 201},
		{"POST", "/api/v0/settings/assignments-list", account, 201},
		{"POST", "/api/v0/settings/permissions-list", account, 201},
		{"GET", "/graph/v1beta1/roleManagement/permissions/roleDefinitions", "", 200},
		{"GET", "/graph/v1beta1/me/drives?$orderby=name+asc&$filter=driveType+eq+personal", "", 200},
		{"GET", "/graph/v1beta1/me/drives?$orderby=name+asc&$filter=driveType+eq+project", "", 200},
		{"GET", "/graph/v1.0/users/" + me.ID + "/photo/$value", "", 404},
		{"GET", "/ocs/v1.php/cloud/capabilities?format=json", "", 200},
		{"GET", "/app/list", "", 200},
	} {
		if a := s.Bearer(tokens.Access, c.method, c.path, c.body); a.Status != c.status {
			t.Errorf("%s %s: %d, want %d\n%.500s", c.method, c.path, a.Status, c.status, a.Body)
		}
	}
	if a := s.Bearer(tokens.Access+"x", http.MethodGet, "/announcement", ""); a.Status != 401 {
		t.Errorf("a changed token: %d", a.Status)
	}
}
