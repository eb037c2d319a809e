package oidc

import "testing"

func TestRedirects(t *testing.T) {
	clients := map[string]Client{}
	for _, c := range DefaultClients() {
		clients[c.ID] = c.expand("https://cloud.example.org")
	}
	for _, c := range []struct {
		client, uri string
		want        bool
	}{
		{"web", "https://cloud.example.org/oidc-callback.html", true},
		{"web", "https://cloud.example.org/", true},
		{"web", "https://cloud.example.org", false},
		{"web", "https://cloud.example.org/other", false},
		{"web", "https://cloud.example.org/oidc-callback.html?x=1", false},
		{"web", "https://cloud.example.org.evil.example/", false},
		{"web", "http://localhost:1234", false},
		{"web", "", false},
		{"OpenCloudDesktop", "http://127.0.0.1:38123", true},
		{"OpenCloudDesktop", "http://127.0.0.1:38123/", true},
		{"OpenCloudDesktop", "http://localhost:1", true},
		{"OpenCloudDesktop", "http://[::1]:7", true},
		{"OpenCloudDesktop", "https://127.0.0.1:38123", false},
		{"OpenCloudDesktop", "http://127.0.0.1.evil.example:80", false},
		{"OpenCloudDesktop", "http://127.0.0.2:80", false},
		{"OpenCloudDesktop", "http://user@127.0.0.1:80", false},
		{"OpenCloudDesktop", "http://evil.example@localhost:80", false},
		{"OpenCloudDesktop", "http://localhost:80#x", false},
		{"OpenCloudDesktop", "oc://android.opencloud.eu", false},
		{"OpenCloudAndroid", "oc://android.opencloud.eu", true},
		{"OpenCloudAndroid", "oc://android.opencloud.eu/x", false},
		{"OpenCloudIOS", "oc://ios.opencloud.eu", true},
	} {
		client := clients[c.client]
		if got := client.MayRedirect(c.uri); got != c.want {
			t.Errorf("%s to %q: %t", c.client, c.uri, got)
		}
	}
	web := clients["web"]
	for uri, want := range map[string]bool{"https://cloud.example.org/": true, "https://cloud.example.org/files?x=1": true, "https://evil.example/": false,
		"https://x@cloud.example.org/": false, "//cloud.example.org/": false, "javascript:alert(1)": false, "": false} {
		if got := web.MayReturn(uri); got != want {
			t.Errorf("return to %q: %t", uri, got)
		}
	}
}
