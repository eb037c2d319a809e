package password

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
)

func TestHashAndVerify(t *testing.T) {
	h := Hash("pässwörd")
	if !strings.HasPrefix(h, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash is %s", h)
	}
	for pw, want := range map[string]bool{"pässwörd": true, "pässwört": false, "": false} {
		if ok, err := Verify(h, pw); err != nil || ok != want {
			t.Errorf("%q: %v %v", pw, ok, err)
		}
	}
	if h == Hash("pässwörd") {
		t.Error("no salt")
	}
}

func TestVerifyOthersHashes(t *testing.T) {
	salt := []byte("0123456789abcdef")
	b64 := base64.RawStdEncoding.EncodeToString
	id := "{ARGON2}$argon2id$v=19$m=65536,t=2,p=4$" + b64(salt) + "$" + b64(argon2.IDKey([]byte("demo"), salt, 2, 65536, 4, 32))
	i := "{argon2}$argon2i$v=19$m=4096,t=3,p=1$" + b64(salt) + "$" + b64(argon2.Key([]byte("demo"), salt, 3, 4096, 1, 32))
	for _, h := range []string{id, i} {
		if ok, err := Verify(h, "demo"); !ok || err != nil {
			t.Errorf("%s: %v %v", h, ok, err)
		}
		if ok, _ := Verify(h, "Demo"); ok {
			t.Errorf("%s: wrong password taken", h)
		}
	}
}

func TestUnreadableHashes(t *testing.T) {
	good := Hash("x")
	for _, h := range []string{"", "x", "{SSHA}abc", strings.Replace(good, "m=19456", "m=99999999", 1), strings.Replace(good, "t=2", "t=0", 1),
		strings.Replace(good, "v=19", "v=16", 1), strings.Replace(good, ",p=1", "", 1), good[:len(good)-40], strings.Replace(good, "p=1", "t=1", 1)} {
		if ok, err := Verify(h, "x"); ok || !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v %v", h, ok, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Hash("x"))
	f.Fuzz(func(t *testing.T, s string) {
		if h, err := parse(s); err == nil && (h.memory > maxMemory || h.passes > maxPasses || h.lanes == 0) {
			t.Errorf("parameters out of bounds: %+v", h)
		}
	})
}
