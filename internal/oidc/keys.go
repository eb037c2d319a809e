package oidc

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	keyBits  = 2048
	keyName  = "private-key"
	recheck  = 10 * time.Second
	maxKeys  = 20
	maxBits  = 8192
	maxBytes = 64 << 10 // of a key file
)

// Key signs tokens, or checks those it signed before.
type Key struct {
	KeyID   string
	Alg     jose.SignatureAlgorithm
	Public  *rsa.PublicKey
	Private *rsa.PrivateKey // nil: only checks
	File    string
	Signs   bool // the one that signs now
}

// Keys are the provider's signing keys: files in a folder, the newest of which signs. Other processes may add and remove
// them while we run.
type Keys struct {
	dir    string
	files  []string // instead of those in the folder
	others string   // folder of keys that only check
	first  string   // id of the key of the first file
	alg    jose.SignatureAlgorithm
	mu     sync.Mutex
	loaded []Key
	at     time.Time
	now    func() time.Time
}

// KeyOptions of NewKeys.
type KeyOptions struct {
	Dir    string
	Files  []string // if set, these instead of the folder's; the first signs
	Others string   // folder of keys, public ones too, that only check; the name of a file is its key's id
	KeyID  string   // of the first; empty: private-key
	Method string   // PS256, RS256, …; empty: PS256
}

// NewKeys returns the keys of a folder; nothing is read or made before Get.
func NewKeys(o KeyOptions) (*Keys, error) {
	k := &Keys{dir: o.Dir, files: o.Files, others: o.Others, first: o.KeyID, alg: jose.SignatureAlgorithm(o.Method), now: time.Now}
	if k.first == "" {
		k.first = keyName
	}
	if k.alg == "" {
		k.alg = jose.PS256
	}
	if !slices.Contains([]jose.SignatureAlgorithm{jose.PS256, jose.PS384, jose.PS512, jose.RS256, jose.RS384, jose.RS512}, k.alg) {
		return nil, fmt.Errorf("signing method %q: use PS256, PS384, PS512, RS256, RS384 or RS512", o.Method)
	}
	return k, nil
}

// Get returns the keys, that which signs first. The first call makes a key if there is none, which takes a moment.
func (k *Keys) Get() ([]Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.loaded != nil && k.now().Sub(k.at) < recheck {
		return k.loaded, nil
	}
	keys, err := k.load()
	if err == nil && len(keys) == 0 {
		if _, err = makeKey(k.dir, keyName+".pem"); err == nil {
			keys, err = k.load()
		}
	}
	if err != nil {
		if k.loaded != nil {
			return k.loaded, nil // a file half written, or a disk away for a moment: the keys we had are still good
		}
		return nil, fmt.Errorf("signing keys: %w", err)
	}
	k.loaded, k.at = keys, k.now()
	return keys, nil
}

// load reads the key files, the newest first.
func (k *Keys) load() ([]Key, error) {
	files := k.files
	if len(files) == 0 {
		found, err := filepath.Glob(filepath.Join(k.dir, keyName+"*.pem"))
		if err != nil {
			return nil, err
		}
		slices.SortFunc(found, func(a, b string) int {
			return strings.Compare(strings.TrimSuffix(b, ".pem"), strings.TrimSuffix(a, ".pem"))
		})
		files = found
	}
	var keys []Key
	for i, f := range files {
		if i == maxKeys {
			break
		}
		public, private, err := readKey(f)
		if err == nil && private == nil {
			err = fmt.Errorf("%s: not a private key", f)
		}
		if err != nil {
			return nil, err
		}
		id := strings.TrimSuffix(filepath.Base(f), ".pem")
		if id == keyName || len(k.files) > 0 && i == 0 {
			id = k.first
		}
		keys = append(keys, Key{KeyID: id, Alg: k.alg, Public: public, Private: private, File: f, Signs: i == 0})
	}
	if k.others == "" || len(keys) == 0 {
		return keys, nil
	}
	return k.loadOthers(keys)
}

// loadOthers adds the keys that only check. Any algorithm may have been used with them; an id that is taken stays whose it is.
func (k *Keys) loadOthers(keys []Key) ([]Key, error) {
	if _, err := os.ReadDir(k.others); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(k.others, "*.pem"))
	if err != nil {
		return nil, err
	}
	if len(files) > maxKeys {
		return nil, fmt.Errorf("%s: more than %d keys", k.others, maxKeys)
	}
	for _, f := range files {
		public, _, err := readKey(f)
		if err != nil {
			return nil, err
		}
		id := strings.TrimSuffix(filepath.Base(f), ".pem")
		if bits := public.N.BitLen(); bits < keyBits || bits > maxBits {
			return nil, fmt.Errorf("%s: a key of %d bits", f, bits)
		}
		if !slices.ContainsFunc(keys, func(have Key) bool { return have.KeyID == id }) {
			keys = append(keys, Key{KeyID: id, Public: public, File: f})
		}
	}
	return keys, nil
}

// readKey reads an RSA key, a public one (or a certificate's) too: then the private one is nil.
func readKey(file string) (*rsa.PublicKey, *rsa.PrivateKey, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, nil, err
	}
	if info.Size() > maxBytes {
		return nil, nil, fmt.Errorf("%s: too large for a key", file)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, nil, fmt.Errorf("%s: no PEM block", file)
	}
	key, err := parseKey(block)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return &key.PublicKey, key, nil
	case *rsa.PublicKey:
		return key, nil, nil
	}
	return nil, nil, fmt.Errorf("%s: not an RSA key", file)
}

func parseKey(block *pem.Block) (any, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return c.PublicKey, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	return x509.ParsePKCS8PrivateKey(block.Bytes)
}

// makeKey writes a new key; whoever comes second keeps that of the first.
func makeKey(dir, name string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	tmp, err := os.CreateTemp(dir, ".new-key-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(tmp.Name())
	err = pem.Encode(tmp, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return path, nil
}

// Rotate makes a new key that signs from now on; those before it go on to be accepted until they are removed.
func (k *Keys) Rotate() (string, error) {
	if len(k.files) > 0 {
		return "", errors.New("the signing keys are named in the configuration: add the new one there, as the first")
	}
	if _, err := k.Get(); err != nil {
		return "", err
	}
	return makeKey(k.dir, keyName+"-"+k.now().UTC().Format("20060102150405")+".pem")
}

// Remove deletes a key that signs no more: what it has signed is refused from then on.
func (k *Keys) Remove(id string) error {
	keys, err := k.Get()
	if err != nil {
		return err
	}
	for _, key := range keys {
		if key.KeyID != id {
			continue
		}
		if key.Signs {
			return fmt.Errorf("key %s signs now: rotate first", id)
		}
		if len(k.files) > 0 || filepath.Dir(key.File) != filepath.Clean(k.dir) {
			return errors.New("the key is named in the configuration: take it away there")
		}
		return os.Remove(key.File)
	}
	return fmt.Errorf("there is no key %q", id)
}
