package idp

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"opencloud/internal/oidc"
)

// TestCheckSession asks the frame as pages of applications do. The script runs in node.
func TestCheckSession(t *testing.T) {
	r := newRig(t, sqlite(t))
	a, b := r.apps()[0], r.browser()
	silent := func() string {
		return b.through(a.AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()), oauth2.SetAuthURLParam("prompt", "none")), a.RedirectURL).Get("session_state")
	}
	a.signIn(t, b)
	state := silent()
	resp, page := b.get(r.url + oidc.CheckPath)
	policy := resp.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "frame-ancestors 'self' ") || !strings.Contains(policy, r.url) || strings.Contains(policy, "localhost") || strings.Contains(policy, "*") ||
		!strings.Contains(policy, "script-src 'sha256-") {
		t.Errorf("policy %q", policy)
	}
	script := regexp.MustCompile(`(?s)<script>(.*)</script>`).FindStringSubmatch(page)
	if script == nil {
		t.Fatal(page)
	}
	cookie := func() string {
		for _, c := range b.http.Jar.Cookies(resp.Request.URL) {
			if c.Name == stateCookie {
				return c.Name + "=" + c.Value
			}
		}
		return ""
	}
	signedIn := cookie()
	if cookies := b.http.Jar.Cookies(resp.Request.URL); len(cookies) != 1 {
		t.Errorf("the frame gets %v", cookies)
	}
	id := regexp.MustCompile(`[^.]+$`).FindString(state)
	type ask struct{ Name, Data, Origin, Cookie, Want string }
	asks := []ask{
		{"as it was", "web " + state, r.url, signedIn, "unchanged"},
		{"among other cookies", "web " + state, r.url, "x=y; " + signedIn + "; z=1", "unchanged"},
		{"another page", "web " + state, "https://evil.example", signedIn, "changed"},
		{"another client", "OpenCloudDesktop " + state, r.url, signedIn, "changed"},
		{"garbage", "garbage", r.url, signedIn, "error"},
		{"no salt", "web " + strings.TrimSuffix(state, "."+id), r.url, signedIn, "error"},
		{"no origin", "web " + state, "null", signedIn, "error"},
	}
	if again := silent(); again == state || cookie() != signedIn {
		t.Error("the state should change with each answer, the cookie only with the sign-in")
	}
	_, goodbye := b.get(r.url + pagePath + "goodbye")
	b.send(goodbye, map[string][]string{})
	if cookie() != "" {
		t.Error("the cookie is left after signing out")
	}
	asks = append(asks, ask{"signed out", "web " + state, r.url, cookie(), "changed"})
	a.signIn(t, b)
	asks = append(asks, ask{"signed in anew", "web " + state, r.url, cookie(), "changed"}, ask{"signed in anew, renewed", "web " + silent(), r.url, cookie(), "unchanged"})
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("node is not installed")
		}
		t.Skip("node is not installed")
	}
	input, _ := json.Marshal(map[string]any{"script": script[1], "asks": asks})
	cmd := exec.Command(node, "-e", `
const { script, asks } = JSON.parse(require("fs").readFileSync(0));
let listen;
const run = new Function("addEventListener", "parent", "window", "document", script);
const parent = {}, document = {};
run((kind, f) => { listen = f; }, parent, {}, document);
(async () => {
  for (const a of asks) {
    document.cookie = a.Cookie;
    let got = "nothing";
    parent.postMessage = (text, to) => { got = to === a.Origin ? text : "told " + to; };
    await listen({ data: a.Data, origin: a.Origin, source: parent });
    if (got !== a.Want) console.log(a.Name + ": " + got + ", want " + a.Want);
  }
  await listen({ data: asks[0].Data, origin: asks[0].Origin, source: { postMessage: () => console.log("a stranger got an answer") } });
  await listen({ data: {}, origin: "x", source: Object.assign(parent, { postMessage: (t) => t === "error" || console.log("an object: " + t) }) });
  console.log("done");
})();`)
	cmd.Stdin = strings.NewReader(string(input))
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "done\n" {
		t.Errorf("%v\n%s", err, out)
	}
}

// Native applications have no pages, and get no state.
func TestNoSessionState(t *testing.T) {
	r := newRig(t, sqlite(t))
	a, b := r.apps()[1], r.browser()
	if q := b.through(a.AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())), a.RedirectURL); q.Get("code") == "" || q.Has("session_state") {
		t.Errorf("%v", q)
	}
	for address, want := range map[string]string{"https://A.example:443/x": "https://a.example", "http://a:80": "http://a", "https://a:80/": "https://a:80", "oc://x": "", "%": "", "/": ""} {
		if got := origin(address); got != want {
			t.Errorf("%s: %q", address, got)
		}
	}
}
