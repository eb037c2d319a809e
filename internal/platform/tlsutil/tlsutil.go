// Package tlsutil loads certificates, makes one where there is none, and takes in renewed ones without a restart.
package tlsutil

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// checkEvery is how often a handshake looks whether the certificate's file is another one.
const checkEvery = 5 * time.Second

// Server returns the TLS configuration of a listener. Missing files are made: a self-signed certificate for localhost.
func Server(certFile, keyFile string) (*tls.Config, error) {
	_, err := os.Stat(certFile)
	if errors.Is(err, fs.ErrNotExist) {
		err = selfSigned(certFile, keyFile)
	}
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	r := &reloader{cert: certFile, key: keyFile}
	if _, err := r.get(nil); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: r.get, NextProtos: []string{"h2", "http/1.1"}}, nil
}

type reloader struct {
	cert, key string
	mu        sync.Mutex
	current   *tls.Certificate
	stamp     time.Time // modification time of the file it came from
	checked   time.Time
}

func (r *reloader) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.current != nil && now.Sub(r.checked) < checkEvery {
		return r.current, nil
	}
	r.checked = now
	st, err := os.Stat(r.cert)
	if err == nil && (r.current == nil || !st.ModTime().Equal(r.stamp)) {
		var c tls.Certificate
		if c, err = tls.LoadX509KeyPair(r.cert, r.key); err == nil {
			r.current, r.stamp = &c, st.ModTime()
		}
	}
	if r.current != nil {
		return r.current, nil // a certificate that is being replaced: the old one serves until the new one can be read
	}
	return nil, err
}

// selfSigned makes a certificate for localhost that is valid for a year.
func selfSigned(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	t := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "OpenCloud"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := write(keyFile, "PRIVATE KEY", pkcs8, 0o600); err != nil {
		return err
	}
	return write(certFile, "CERTIFICATE", der, 0o644)
}

func write(path, kind string, der []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
