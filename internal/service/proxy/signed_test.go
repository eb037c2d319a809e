package proxy

import (
	"crypto/pbkdf2"
	"crypto/sha512"
	"encoding/hex"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"opencloud/internal/signedurl"
)

// TestAddressesThatClientsSign: with the key that the service ocs gives out, under the user's id or name.
func TestAddressesThatClientsSign(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	signer, err := signedurl.New([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	p := setup(t, func(c *Config, d *Deps) {
		c.URLSigningSecret, c.PresignedURLs.Enabled, d.Machine = secret, true, machine{}
	})
	for credential, want := range map[string]int{"ada-id": 200, "ada": 200, "dora-id": 401, "nobody": 401} {
		own := url.Values{"OC-Credential": {credential}, "OC-Date": {time.Now().UTC().Format(time.RFC3339)}, "OC-Expires": {"1200"}, "OC-Verb": {"GET"}}.Encode()
		sig, err := pbkdf2.Key(sha512.New, "https://cloud.example.org/archiver?id=1&"+own, []byte(signer.Key("ada-id")), 10000, 32)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/archiver?id=1&"+own+"&OC-Algo=PBKDF2/10000-SHA512&OC-Signature="+hex.EncodeToString(sig), nil)
		r.Host = "cloud.example.org"
		w := httptest.NewRecorder()
		if p.ServeHTTP(w, r); w.Code != want {
			t.Errorf("%s: %d, want %d", credential, w.Code, want)
		}
	}
}
