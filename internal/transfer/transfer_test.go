package transfer_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"opencloud/internal/identity"
	"opencloud/internal/transfer"
)

func TestTokens(t *testing.T) {
	if _, err := transfer.NewSigner(nil); err == nil {
		t.Fatal("an empty secret was accepted")
	}
	s, err := transfer.NewSigner([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	good, err := s.Sign(transfer.Claims{Op: transfer.Session, Session: "x", Actor: identity.Actor{Kind: identity.Person, User: identity.User{ID: "u"}}}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.Verify(good); err != nil || c.Session != "x" || c.Actor.User.ID != "u" {
		t.Fatal(c, err)
	}
	expired, _ := s.Sign(transfer.Claims{}, -time.Minute)
	other, _ := transfer.NewSigner([]byte("another secret....."))
	foreign, _ := other.Sign(transfer.Claims{}, time.Minute)
	unsigned, _ := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"aud": "transfer", "exp": time.Now().Add(time.Hour).Unix()}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	audience, _ := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"aud": "reva", "exp": time.Now().Add(time.Hour).Unix()}).SignedString([]byte("0123456789abcdef"))
	eternal, _ := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"aud": "transfer"}).SignedString([]byte("0123456789abcdef"))
	for name, bad := range map[string]string{"expired": expired, "foreign": foreign, "unsigned": unsigned, "audience": audience, "eternal": eternal, "empty": "", "changed": good + "x"} {
		if _, err := s.Verify(bad); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func FuzzMetadata(f *testing.F) {
	f.Add("filename ZGlyL2EudHh0,mtime MTc4NTU3ODcwMA==")
	f.Add("a,b c d,,")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := transfer.ParseMetadata(s)
		if err == nil && len(m) > 64 {
			t.Fatal("too many keys")
		}
		for k, v := range m {
			if !strings.Contains(s, k) || len(v) > base64.StdEncoding.DecodedLen(len(s)) {
				t.Fatalf("%q=%q is not in %q", k, v, s)
			}
		}
		_, _ = transfer.ParseChecksum(s)
		_, _ = transfer.ParseMTime(s)
	})
}
