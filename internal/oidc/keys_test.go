package oidc

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func newKeys(t *testing.T, dir string) *Keys {
	t.Helper()
	k, err := NewKeys(KeyOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A new key signs at once, those before it are accepted until they are removed; a running server takes notice.
func TestKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "idp")
	running, now := newKeys(t, dir), time.Now()
	running.now = func() time.Time { return now }
	keys, err := running.Get()
	if err != nil || len(keys) != 1 || keys[0].KeyID != "private-key" || !keys[0].Signs {
		t.Fatalf("%+v, %v", keys, err)
	}
	if i, err := os.Stat(keys[0].File); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("the key can be read by others: %v, %v", i.Mode(), err)
	}
	tool := newKeys(t, dir)
	if err := tool.Remove("private-key"); err == nil {
		t.Error("the only key was removed")
	}
	if _, err := tool.Rotate(); err != nil {
		t.Fatal(err)
	}
	now = now.Add(recheck + time.Second)
	keys, err = running.Get()
	if err != nil || len(keys) != 2 || keys[0].KeyID == "private-key" || !keys[0].Signs || keys[1].KeyID != "private-key" || keys[1].Signs {
		t.Fatalf("after a rotation: %+v, %v", keys, err)
	}
	if err := newKeys(t, dir).Remove("private-key"); err != nil {
		t.Fatal(err)
	}
	if err := newKeys(t, dir).Remove("nonsense"); err == nil {
		t.Error("a key that is not there was removed")
	}
	now = now.Add(recheck + time.Second)
	if keys, err = running.Get(); err != nil || len(keys) != 1 {
		t.Errorf("after removal: %+v, %v", keys, err)
	}
	// A file that is half written, or a disk that is away, takes nobody's key away.
	if err := os.WriteFile(filepath.Join(dir, "private-key-99990101000000.pem"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	now = now.Add(recheck + time.Second)
	if again, err := running.Get(); err != nil || len(again) != 1 || again[0].KeyID != keys[0].KeyID {
		t.Errorf("with a broken file: %+v, %v", again, err)
	}
	if _, err := newKeys(t, dir).Get(); err == nil {
		t.Error("a server starts with a broken key")
	}
	if _, err := NewKeys(KeyOptions{Dir: dir, Method: "HS256"}); err == nil {
		t.Error("a shared secret as signing method")
	}
}
