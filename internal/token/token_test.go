package token

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"opencloud/internal/identity"
)

var secret = []byte("0123456789abcdef0123456789abcdef")

func mary() identity.Actor {
	return identity.Actor{Kind: identity.Person, Groups: []string{"g1", "g2"}, MayListAllSpaces: true, User: identity.User{
		ID: "056fc874", Username: "mary", DisplayName: "Mary Kenneth Keller", GivenName: "Mary", Surname: "Keller", Mail: "mary@example.org",
		Language: "de", Type: identity.Member, Enabled: true, Issuer: "https://localhost:9200", Roles: []string{"r1"}}}
}

func manager(t testing.TB) *Manager {
	t.Helper()
	m, err := New(secret)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestShortSecret(t *testing.T) {
	for _, s := range []string{"", "short"} {
		if _, err := New([]byte(s)); err == nil {
			t.Errorf("secret %q was taken", s)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	m := manager(t)
	for name, a := range map[string]identity.Actor{
		"person":  mary(),
		"service": {Kind: identity.Service, User: identity.User{ID: "s", Username: "proxy"}},
	} {
		tok, err := m.Mint(a, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time from the cache
			got, err := m.Parse(tok)
			if err != nil || !reflect.DeepEqual(got, a) {
				t.Errorf("%s: got %+v, %v", name, got, err)
			}
		}
	}
	if _, err := m.Mint(identity.Actor{}, time.Minute); err == nil {
		t.Error("a stranger got a token")
	}
}

func TestExpiryAlsoWhenCached(t *testing.T) {
	m := manager(t)
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	m.now = func() time.Time { return now }
	tok, _ := m.Mint(mary(), time.Minute)
	if _, err := m.Parse(tok); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * time.Minute)
	for range 2 {
		if _, err := m.Parse(tok); !errors.Is(err, ErrInvalid) {
			t.Fatalf("expired token: %v", err)
		}
	}
}

func TestForgeriesAreRefused(t *testing.T) {
	m := manager(t)
	good, _ := m.Mint(mary(), time.Minute)
	base := func() jwt.MapClaims {
		return jwt.MapClaims{"aud": "reva", "exp": time.Now().Add(time.Hour).Unix(), "kind": "person", "user": map[string]any{"id": "x"}}
	}
	with := func(k string, v any) jwt.MapClaims {
		c := base()
		if v == nil {
			delete(c, k)
		} else {
			c[k] = v
		}
		return c
	}
	sign := func(method jwt.SigningMethod, c jwt.MapClaims, key any) string {
		s, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if _, err := m.Parse(sign(jwt.SigningMethodHS256, base(), secret)); err != nil {
		t.Fatalf("the base of this test is refused: %v", err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	for name, tok := range map[string]string{
		"empty":           "",
		"rubbish":         "a.b.c",
		"too long":        strings.Repeat("x", maxToken+1),
		"other key":       sign(jwt.SigningMethodHS256, base(), []byte("ffffffffffffffffffffffffffffffff")),
		"alg none":        sign(jwt.SigningMethodNone, base(), jwt.UnsafeAllowNoneSignatureType),
		"alg none header": none + "." + parts[1] + ".",
		"HS512":           sign(jwt.SigningMethodHS512, base(), secret),
		"RS256":           sign(jwt.SigningMethodRS256, base(), rsaKey),
		"expired":         sign(jwt.SigningMethodHS256, with("exp", time.Now().Add(-time.Second).Unix()), secret),
		"never expires":   sign(jwt.SigningMethodHS256, with("exp", nil), secret),
		"other audience":  sign(jwt.SigningMethodHS256, with("aud", "transfer"), secret),
		"no audience":     sign(jwt.SigningMethodHS256, with("aud", nil), secret),
		"no kind":         sign(jwt.SigningMethodHS256, with("kind", nil), secret),
		"no user":         sign(jwt.SigningMethodHS256, with("user", nil), secret),
		"changed payload": parts[0] + "." + parts[1][:len(parts[1])-2] + "AA." + parts[2],
		"no signature":    parts[0] + "." + parts[1] + ".",
	} {
		if a, err := m.Parse(tok); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: got %+v, %v", name, a, err)
		}
	}
}

func TestHTTP(t *testing.T) {
	m := manager(t)
	tok, _ := m.Mint(mary(), time.Minute)
	var got identity.Actor
	h := HTTP(m)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = identity.ActorFrom(r.Context()) }))
	serve := func(ctx context.Context, token string) int {
		got = identity.Actor{}
		r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
		if token != "" {
			r.Header.Set(Header, token)
		}
		r.Header.Set(InitiatorHeader, "tab-1")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	if code := serve(t.Context(), tok); code != 200 || got.User.Username != "mary" || got.Initiator != "tab-1" {
		t.Errorf("token: %d %+v", code, got)
	}
	if code := serve(t.Context(), ""); code != 200 || got.Kind != identity.Anonymous {
		t.Errorf("no token: %d %+v", code, got)
	}
	if code := serve(t.Context(), tok+"x"); code != 401 {
		t.Errorf("wrong token: %d", code)
	}
	alan := identity.Actor{Kind: identity.Person, User: identity.User{ID: "alan"}}
	if code := serve(identity.WithActor(t.Context(), alan), tok); code != 200 || got.User.ID != "alan" {
		t.Errorf("in-process actor was replaced: %d %+v", code, got)
	}
}

func TestGRPC(t *testing.T) {
	m := manager(t)
	a := mary()
	a.Initiator = "tab-2"
	var sent metadata.MD
	invoke := func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
		sent, _ = metadata.FromOutgoingContext(ctx)
		return nil
	}
	ctx := metadata.AppendToOutgoingContext(identity.WithActor(t.Context(), a), "other", "1")
	if err := UnaryClient(m)(ctx, "/m", nil, nil, nil, invoke); err != nil {
		t.Fatal(err)
	}
	if len(sent["other"]) != 1 {
		t.Error("other metadata was lost")
	}
	var got identity.Actor
	handler := func(ctx context.Context, _ any) (any, error) { got = identity.ActorFrom(ctx); return nil, nil }
	if _, err := UnaryServer(m)(metadata.NewIncomingContext(t.Context(), sent), nil, nil, handler); err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("got %+v, %v", got, err)
	}
	bad := metadata.Pairs(metadataToken, "nonsense")
	if _, err := UnaryServer(m)(metadata.NewIncomingContext(t.Context(), bad), nil, nil, handler); status.Code(err) != codes.Unauthenticated {
		t.Errorf("wrong token: %v", err)
	}
	if err := UnaryClient(m)(t.Context(), "/m", nil, nil, nil, invoke); err != nil || len(sent[metadataToken]) != 0 {
		t.Errorf("a stranger sent a token: %v %v", sent, err)
	}
}

func BenchmarkParse(b *testing.B) {
	m := manager(b)
	tok, _ := m.Mint(mary(), time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Parse(tok); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMint(b *testing.B) {
	m := manager(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Mint(mary(), time.Minute); err != nil {
			b.Fatal(err)
		}
	}
}
