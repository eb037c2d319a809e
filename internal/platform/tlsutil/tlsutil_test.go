package tlsutil

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func serial(t *testing.T, r *reloader) string {
	t.Helper()
	c, err := r.get(nil)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf.SerialNumber.String()
}

func TestSelfSignedIsForLocalhostAndStays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	cert, key := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	c, err := Server(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(got.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
		if err := leaf.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if left := time.Until(leaf.NotAfter); left < 300*24*time.Hour {
		t.Errorf("valid for %v", left)
	}
	if st, err := os.Stat(key); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the key can be read by others: %v %v", st.Mode(), err)
	}
	before, _ := os.ReadFile(cert)
	if _, err := Server(cert, key); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(cert); string(after) != string(before) {
		t.Error("a certificate that was there was replaced")
	}
}

// TestRenewedCertificateIsTakenIn: without a restart; one that cannot be read leaves the old one in service.
func TestRenewedCertificateIsTakenIn(t *testing.T) {
	dir := t.TempDir()
	r := &reloader{cert: filepath.Join(dir, "c.pem"), key: filepath.Join(dir, "k.pem")}
	if err := selfSigned(r.cert, r.key); err != nil {
		t.Fatal(err)
	}
	touch := func(at time.Time) {
		if err := os.Chtimes(r.cert, at, at); err != nil {
			t.Fatal(err)
		}
		r.checked = time.Time{} // the time to look has come
	}
	first := serial(t, r)
	if err := os.WriteFile(r.cert, []byte("half a certif"), 0o600); err != nil {
		t.Fatal(err)
	}
	touch(time.Now().Add(time.Minute))
	if serial(t, r) != first {
		t.Error("the old certificate is gone")
	}
	if err := selfSigned(r.cert, r.key); err != nil {
		t.Fatal(err)
	}
	touch(time.Now().Add(2 * time.Minute))
	if serial(t, r) == first {
		t.Error("the new certificate is not served")
	}
}

func TestBrokenCertificateStopsTheStart(t *testing.T) {
	dir := t.TempDir()
	cert := filepath.Join(dir, "c.pem")
	if err := os.WriteFile(cert, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Server(cert, filepath.Join(dir, "k.pem")); err == nil {
		t.Error("it was taken")
	}
	if b, _ := os.ReadFile(cert); string(b) != "nonsense" {
		t.Error("an operator's file was overwritten")
	}
}
