package ocs

import (
	"crypto/pbkdf2"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/signedurl"
)

const secret = "0123456789abcdef0123456789abcdef"

type meta struct {
	Status     string `json:"status" xml:"status"`
	StatusCode int    `json:"statuscode" xml:"statuscode"`
	Message    string `json:"message" xml:"message"`
}

type body struct {
	XMLName xml.Name `json:"-" xml:"ocs"`
	Meta    meta     `json:"meta" xml:"meta"`
	Data    struct {
		User string `json:"user" xml:"user"`
		Key  string `json:"signing-key" xml:"signing-key"`
	} `json:"data" xml:"data"`
}

func get(t *testing.T, a identity.Actor, method, path string) (int, body) {
	t.Helper()
	parts, err := New(t.Context(), Config{Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(identity.WithActor(t.Context(), a), method, path, nil)
	parts.HTTP.ServeHTTP(rec, r)
	var b body
	if rec.Code == 404 {
		return 404, b
	}
	if r.URL.Query().Get("format") == "json" {
		var outer struct{ Ocs *body }
		outer.Ocs = &b
		err = json.Unmarshal(rec.Body.Bytes(), &outer)
	} else {
		err = xml.Unmarshal(rec.Body.Bytes(), &b)
	}
	if err != nil || rec.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%s: %v: %s", path, err, rec.Body)
	}
	return rec.Code, b
}

func person(id string) identity.Actor {
	return identity.Actor{Kind: identity.Person, User: identity.User{ID: id, Username: "name of " + id, Enabled: true}}
}

func TestSigningKey(t *testing.T) {
	keys := map[string]bool{}
	for path, code := range map[string]int{"/ocs/v1.php/cloud/user/signing-key": 100, "/ocs/v1.php/cloud/user/signing-key?format=json": 100,
		"/ocs/v2.php/cloud/user/signing-key": 200, "/ocs/v2.php/cloud/user/signing-key?format=json": 200} {
		status, b := get(t, person("ada"), "GET", path)
		if status != 200 || b.Meta != (meta{"ok", code, "OK"}) || b.Data.User != "ada" || len(b.Data.Key) < 64 {
			t.Errorf("%s: %d %+v", path, status, b)
		}
		keys[b.Data.Key] = true
		for _, a := range []identity.Actor{{}, {Kind: identity.Service, User: identity.User{ID: "svc"}}} {
			status, b := get(t, a, "GET", path)
			if status != 401 || b.Meta.StatusCode != 997 || b.Data.Key != "" || b.Data.User != "" {
				t.Errorf("%s, no person: %d %+v", path, status, b)
			}
		}
	}
	if len(keys) != 1 {
		t.Errorf("%d keys of one user within a day", len(keys))
	}
	if _, b := get(t, person("bob"), "GET", "/ocs/v1.php/cloud/user/signing-key"); keys[b.Data.Key] {
		t.Error("two users have the same key")
	}
	for _, path := range []string{"/ocs/v1.php/cloud/user", "/ocs/v3.php/cloud/user/signing-key", "/x/cloud/user/signing-key"} {
		if status, _ := get(t, person("ada"), "GET", path); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _ := get(t, person("ada"), "POST", "/ocs/v1.php/cloud/user/signing-key"); status != 404 {
		t.Errorf("POST: %d", status)
	}
}

// TestKeySigns is what the web client and the proxy do with the key.
func TestKeySigns(t *testing.T) {
	_, b := get(t, person("ada"), "GET", "/ocs/v1.php/cloud/user/signing-key")
	q := url.Values{"OC-Credential": {"ada"}, "OC-Date": {time.Now().UTC().Format("2006-01-02T15:04:05.000Z")}, "OC-Expires": {"1200"}, "OC-Verb": {"GET"}}
	address := "https://cloud.example.org/archiver?id=1&" + q.Encode()
	sum, err := pbkdf2.Key(sha512.New, address, []byte(b.Data.Key), 10000, 32)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address + "&OC-Algo=PBKDF2%2F10000-SHA512&OC-Signature=" + hex.EncodeToString(sum))
	if err != nil {
		t.Fatal(err)
	}
	s, err := signedurl.New([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.VerifyClient(t.Context(), "GET", "cloud.example.org", u, "ada"); err != nil {
		t.Error(err)
	}
	if err := s.VerifyClient(t.Context(), "GET", "cloud.example.org", u, "bob"); err == nil {
		t.Error("it passes for somebody else")
	}
}
