package password

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPolicy(t *testing.T) {
	list := filepath.Join(t.TempDir(), "banned")
	if err := os.WriteFile(list, []byte("Password1!\n\n  letmein-now9A \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	strict := Policy{Length: 8, Lower: 1, Upper: 1, Digits: 1, Special: 1}
	if err := strict.Ban(list); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		policy   Policy
		password string
		faults   int
	}{
		{Policy{}, "x", 0},
		{Policy{Length: 8}, "1234567", 1},
		{Policy{Length: 8}, "12345678", 0},
		{Policy{Length: 4}, "äöü€", 0}, // counted in characters
		{strict, "Äöü-1234", 0},
		{strict, "", 5},
		{strict, "abc", 4},
		{strict, "ABCDEFGH", 3},
		{strict, "PASSWORD1!", 2}, // banned, whatever its case, and without a lower-case letter
		{strict, "letmein-now9A", 1},
		{strict, "letmein-now9B", 0},
	} {
		if got := c.policy.Faults(c.password); len(got) != c.faults {
			t.Errorf("%q: %q, want %d faults", c.password, got, c.faults)
		}
	}
	if got, want := (&WeakError{strict.Faults("PASSWORD1!")}).Error(), "the password is too weak: at least 1 lower-case letters are needed, it is on the list of passwords that everybody guesses first"; got != want {
		t.Errorf("%q", got)
	}
	if err := new(Policy).Ban(list + ".none"); err == nil {
		t.Error("a list that is not there was read")
	}
}
