package signedurl

import (
	"crypto/pbkdf2"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var secret = []byte("0123456789abcdef0123456789abcdef")

func signer(t testing.TB, now *time.Time) *Signer {
	t.Helper()
	s, err := New(secret)
	if err != nil {
		t.Fatal(err)
	}
	s.now = func() time.Time { return *now }
	return s
}

func parse(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestServerSignature(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s := signer(t, &now)
	const base = "https://cloud.example.org"
	signed, err := s.Sign(parse(t, base+"/dav/spaces/a$b/x%20y.pdf?z=1&a=2"), "ada-id", 30*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := s.Verify(parse(t, signed), "https://other", base); err != nil || id != "ada-id" {
		t.Fatalf("%s, %v", id, err)
	}
	if id, err := s.Verify(parse(t, strings.Replace(signed, "z=1", "z=2", 1)), base); !errors.Is(err, ErrInvalid) {
		t.Errorf("other query: %s, %v", id, err)
	}
	for name, u := range map[string]string{"path": strings.Replace(signed, "x%20y", "x", 1), "more": signed + "&b=1",
		"no signature": base + "/dav/spaces/a$b/x%20y.pdf?z=1&a=2", "changed": signed[:len(signed)-8]} {
		if id, err := s.Verify(parse(t, u), base); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %s, %v", name, id, err)
		}
	}
	if _, err := s.Verify(parse(t, signed), "https://evil.example.org"); !errors.Is(err, ErrInvalid) {
		t.Errorf("other host: %v", err)
	}
	c := claims{Target: base + "/x", RegisteredClaims: jwt.RegisteredClaims{Issuer: "reva", Subject: "ada-id", ExpiresAt: jwt.NewNumericDate(now.Add(time.Hour))}}
	none, _ := jwt.NewWithClaims(jwt.SigningMethodNone, c).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if _, err := s.Verify(parse(t, base+"/x?"+TokenParameter+"="+none), base); !errors.Is(err, ErrInvalid) {
		t.Errorf("alg none: %v", err)
	}
	now = now.Add(31 * time.Minute)
	if _, err := s.Verify(parse(t, signed), base); !errors.Is(err, ErrInvalid) {
		t.Errorf("expired: %v", err)
	}
	if _, err := New([]byte("short")); err == nil {
		t.Error("a short secret was taken")
	}
}

// clientSign does what the web client does. (spec/services.md §15)
func clientSign(u, user, key, date, expires string) string {
	sep := "?"
	if strings.Contains(u, "?") {
		sep = "&"
	}
	u += sep + url.Values{"OC-Credential": {user}, "OC-Date": {date}, "OC-Expires": {expires}, "OC-Verb": {"GET"}}.Encode()
	h, _ := pbkdf2.Key(sha512.New, u, []byte(key), 10000, 32)
	return u + "&OC-Algo=PBKDF2%2F10000-SHA512&OC-Signature=" + hex.EncodeToString(h)
}

func TestClientSignature(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s := signer(t, &now)
	const host = "cloud.example.org"
	check := func(method, u, user string) error {
		return s.VerifyClient(t.Context(), method, host, parse(t, u), user)
	}
	key := s.Key("ada-id")
	date := now.Format("2006-01-02T15:04:05.000Z07:00")
	good := clientSign("https://"+host+"/archiver?id=a%24b%21c&id=d", "ada", key, date, "1200")
	for range 2 {
		if err := check("GET", good, "ada-id"); err != nil {
			t.Fatal(err)
		}
	}
	if err := check("HEAD", good, "ada-id"); err != nil {
		t.Errorf("HEAD: %v", err)
	}
	if Credential(parse(t, good)) != "ada" {
		t.Error("credential")
	}
	if err := check("GET", clientSign("https://"+host+"/x", "ada", key, date, "1200"), "ada-id"); err != nil {
		t.Errorf("no further parameters: %v", err)
	}
	dollar := clientSign("https://"+host+"/dav/spaces/a%24b/x", "ada", key, date, "1200")
	if err := check("GET", strings.Replace(dollar, "/a%24b/", "/a$b/", 1), "ada-id"); err != nil {
		t.Errorf("dollar: %v", err)
	}
	for name, c := range map[string]struct{ method, url, user string }{
		"other user":     {"GET", good, "bob-id"},
		"other method":   {"PUT", good, "ada-id"},
		"other path":     {"GET", strings.Replace(good, "/archiver", "/archives", 1), "ada-id"},
		"other query":    {"GET", strings.Replace(good, "id=d", "id=e", 1), "ada-id"},
		"more time":      {"GET", strings.Replace(good, "1200", "1201", 1), "ada-id"},
		"no signature":   {"GET", good[:strings.Index(good, "&OC-Signature")], "ada-id"},
		"other algo":     {"GET", strings.Replace(good, "10000-", "1-", 1), "ada-id"},
		"from tomorrow":  {"GET", clientSign("https://"+host+"/x", "ada", key, now.Add(time.Hour).Format(time.RFC3339), "1200"), "ada-id"},
		"valid for ever": {"GET", clientSign("https://"+host+"/x", "ada", key, date, "999999999"), "ada-id"},
		"negative":       {"GET", clientSign("https://"+host+"/x", "ada", key, date, "-5"), "ada-id"},
		"no date":        {"GET", clientSign("https://"+host+"/x", "ada", key, "", "1200"), "ada-id"},
		"wrong key":      {"GET", clientSign("https://"+host+"/x", "ada", "key", date, "1200"), "ada-id"},
	} {
		if err := check(c.method, c.url, c.user); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	now = now.Add(21 * time.Minute)
	if err := check("GET", good, "ada-id"); !errors.Is(err, ErrInvalid) {
		t.Errorf("expired: %v", err)
	}
	now = now.Add(day)
	if err := check("GET", clientSign("https://"+host+"/x", "ada", key, now.Format(time.RFC3339), "60"), "ada-id"); err != nil {
		t.Errorf("key of yesterday: %v", err)
	}
	now = now.Add(day)
	if err := check("GET", clientSign("https://"+host+"/x", "ada", key, now.Format(time.RFC3339), "60"), "ada-id"); !errors.Is(err, ErrInvalid) {
		t.Errorf("key of the day before: %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	s, _ := New(secret)
	f.Add("https://h/x?oc-jwt-sig=a.b.c")
	f.Add("https://h/x?OC-Signature=00&OC-Date=2026-01-01T00:00:00Z&OC-Expires=1")
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := url.Parse(raw)
		if err != nil {
			return
		}
		if id, err := s.Verify(u, "https://h"); err == nil {
			t.Errorf("%s: %s", raw, id)
		}
	})
}
