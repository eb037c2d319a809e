package e2e

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"opencloud/test/server"
)

// TestSignIn goes through the sign-in of every client that is known to a new server, in both wirings.
func TestSignIn(t *testing.T) {
	everywhere(t, func(t *testing.T, o server.Options) { signIns(t, o) })
}

// signIns signs mary in to every client of a server.
func signIns(t *testing.T, o server.Options) *server.Server {
	t.Helper()
	s := server.Start(t, o)
	for _, app := range s.Apps() {
		tokens, err := s.Browser().SignIn(app, "mary", "demo")
		if err != nil {
			t.Fatalf("%s: %v", app.ID, err)
		}
		if a := s.Bearer(tokens.Access, "GET", "/graph/v1.0/me", ""); a.Status != 200 || !strings.Contains(a.Body, `"onPremisesSamAccountName":"mary"`) {
			t.Errorf("%s: me: %d %s", app.ID, a.Status, a.Body)
		}
		if a := s.Bearer(tokens.Access+"x", "GET", "/graph/v1.0/me", ""); a.Status != 401 {
			t.Errorf("%s: a changed token: %d", app.ID, a.Status)
		}
		if !strings.Contains(app.Scope, "offline_access") {
			continue
		}
		again, err := s.Token(url.Values{"grant_type": {"refresh_token"}, "client_id": {app.ID}, "refresh_token": {tokens.Refresh}})
		if err != nil || again.Refresh == tokens.Refresh {
			t.Errorf("%s: refresh: %+v, %v", app.ID, again.Error, err)
		}
		if a := s.Bearer(again.Access, "GET", "/graph/v1.0/me", ""); a.Status != 200 {
			t.Errorf("%s: me with the new token: %d", app.ID, a.Status)
		}
	}
	if _, err := s.Browser().SignIn(s.Apps()[0], "mary", "wrong"); err == nil || !strings.Contains(err.Error(), "204") {
		t.Errorf("a wrong password: %v", err)
	}
	return s
}

// TestNoOpenRedirect: an address that is not registered is never redirected to, signed in or not.
func TestNoOpenRedirect(t *testing.T) {
	s := server.Start(t, server.Options{})
	b := s.Browser()
	ask := func(when string) {
		for _, bad := range []string{"https://evil.example/", s.URL + "/oidc-callback.html/../../evil", s.URL + ".evil.example/", "javascript:alert(1)", "//evil.example", ""} {
			params, _ := s.Apps()[0].Authorize()
			params.Set("redirect_uri", bad)
			resp, err := b.HTTP().Get(s.URL + "/signin/v1/identifier/_/authorize?" + params.Encode())
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != 400 || resp.Header.Get("Location") != "" {
				t.Errorf("%s, %q: %d %s", when, bad, resp.StatusCode, resp.Header.Get("Location"))
			}
		}
	}
	ask("signed out")
	if _, err := b.SignIn(s.Apps()[0], "mary", "demo"); err != nil {
		t.Fatal(err)
	}
	ask("signed in")
}

// TestAppTokens: programs log in with a token in place of the password, until it is revoked.
func TestAppTokens(t *testing.T) {
	everywhere(t, appTokens)
}

func appTokens(t *testing.T, o server.Options) {
	s := server.Start(t, o)
	tokens, err := s.Browser().SignIn(s.Apps()[0], "mary", "demo")
	if err != nil {
		t.Fatal(err)
	}
	var made struct{ Token string }
	a := s.Bearer(tokens.Access, "POST", "/auth-app/tokens?expiry=72h&label=test", "")
	if err := json.Unmarshal([]byte(a.Body), &made); a.Status/100 != 2 || err != nil || made.Token == "" {
		t.Fatalf("create: %d %s", a.Status, a.Body)
	}
	mary := s.As("mary", made.Token)
	mary.Want("PUT", "/remote.php/webdav/by-token.txt", "x", nil, 201)
	if a := s.As("alan", made.Token).Do("GET", "/graph/v1.0/me", ""); a.Status != 401 {
		t.Errorf("somebody else with the token: %d", a.Status)
	}
	withClients(t, s, made.Token)
	var list []struct{ Token, Label string }
	a = s.Bearer(tokens.Access, "GET", "/auth-app/tokens", "")
	if err := json.Unmarshal([]byte(a.Body), &list); a.Status != 200 || err != nil || len(list) != 1 || list[0].Token == made.Token {
		t.Fatalf("list: %d %s", a.Status, a.Body)
	}
	if a := s.Bearer(tokens.Access, "DELETE", "/auth-app/tokens?token="+url.QueryEscape(list[0].Token), ""); a.Status/100 != 2 {
		t.Fatalf("revoke: %d %s", a.Status, a.Body)
	}
	time.Sleep(time.Second)
	if a := mary.Do("GET", "/remote.php/webdav/by-token.txt", ""); a.Status != 401 {
		t.Errorf("a second after it was revoked the token still gives %d", a.Status)
	}
}

// withClients uses the token as rclone's and owncloudcmd's password.
func withClients(t *testing.T, s *server.Server, token string) {
	t.Helper()
	rclone, client := tool(t, "rclone"), tool(t, "owncloudcmd")
	dir := t.TempDir()
	password, err := exec.Command(rclone, "obscure", token).Output()
	if err != nil {
		t.Fatal(err)
	}
	fill(t, filepath.Join(dir, "src"), 40, 5, false)
	cmd := exec.Command(rclone, "--no-check-certificate", "--config", filepath.Join(dir, "none.conf"), "sync", filepath.Join(dir, "src"), "C:trip")
	cmd.Env = append(cmd.Environ(), "RCLONE_CONFIG_C_TYPE=webdav", "RCLONE_CONFIG_C_URL="+s.URL+"/remote.php/webdav", "RCLONE_CONFIG_C_VENDOR=owncloud",
		"RCLONE_CONFIG_C_USER=mary", "RCLONE_CONFIG_C_PASS="+strings.TrimSpace(string(password)))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("rclone with a token: %v\n%s", err, out)
	}
	must(t, os.Mkdir(filepath.Join(dir, "synced"), 0o755))
	exclude := filepath.Join(dir, "exclude")
	must(t, os.WriteFile(exclude, nil, 0o644))
	cmd = exec.Command(client, "--trust", "--non-interactive", "--exclude", exclude, "--user", "mary", "--password", token, filepath.Join(dir, "synced"), s.URL+"/")
	cmd.Env = append(cmd.Environ(), "QT_QPA_PLATFORM=offscreen", "HOME="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("owncloudcmd with a token: %v\n%s", err, out[max(0, len(out)-2000):])
	}
	same(t, filepath.Join(dir, "src", "odd"), filepath.Join(dir, "synced", "trip", "odd"))
}
