// Package password hashes and checks passwords with Argon2id.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// What OWASP recommends for Argon2id; one hash takes about 20 ms and 19 MiB.
const (
	memory  = 19 << 10 // KiB
	passes  = 2
	lanes   = 1
	saltLen = 16
	keyLen  = 32
)

// Bounds of the parameters of hashes made by others, so that a stored hash cannot take the server down.
const (
	maxMemory = 256 << 10 // KiB
	maxPasses = 16
	maxLanes  = 16
	maxKeyLen = 64
)

// MaxLength is the length, in bytes, above which a password is refused.
const MaxLength = 1024

// ErrFormat tells that a stored hash cannot be read.
var ErrFormat = errors.New("password hash has an unknown format")

// Hash returns a hash in PHC string format.
func Hash(password string) string {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt) // never fails
	key := argon2.IDKey([]byte(password), salt, passes, memory, lanes, keyLen)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, lanes, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// Hasher makes hashes one at a time: each takes 19 MiB.
type Hasher struct{ slot chan struct{} }

// NewHasher returns a hasher.
func NewHasher() *Hasher { return &Hasher{make(chan struct{}, 1)} }

// Hash returns a hash in PHC string format; the context's error if it ends before it is its turn.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	select {
	case h.slot <- struct{}{}:
		defer func() { <-h.slot }()
		return Hash(password), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// Verify tells whether the password belongs to the hash: a PHC string of argon2id or argon2i, with or without the prefix
// {ARGON2} that LDAP servers put before it. An unreadable hash is ErrFormat.
func Verify(hash, password string) (bool, error) {
	h, err := parse(hash)
	if err != nil {
		return false, err
	}
	derive := argon2.IDKey
	if h.kind == "argon2i" {
		derive = argon2.Key
	}
	got := derive([]byte(password), h.salt, h.passes, h.memory, h.lanes, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(got, h.key) == 1, nil
}

type parsed struct {
	kind           string
	memory, passes uint32
	lanes          uint8
	salt, key      []byte
}

func parse(hash string) (parsed, error) {
	if rest, ok := cutPrefixFold(hash, "{ARGON2}"); ok {
		hash = rest
	}
	f := strings.Split(hash, "$")
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" && f[1] != "argon2i" || f[2] != "v="+strconv.Itoa(argon2.Version) {
		return parsed{}, ErrFormat
	}
	h := parsed{kind: f[1]}
	seen := 0
	for kv := range strings.SplitSeq(f[3], ",") {
		k, v, _ := strings.Cut(kv, "=")
		n, err := strconv.ParseUint(v, 10, 32)
		if err != nil || n == 0 {
			return parsed{}, ErrFormat
		}
		switch {
		case k == "m" && n <= maxMemory:
			h.memory = uint32(n)
		case k == "t" && n <= maxPasses:
			h.passes = uint32(n)
		case k == "p" && n <= maxLanes:
			h.lanes = uint8(n)
		default:
			return parsed{}, fmt.Errorf("%w: parameter %s", ErrFormat, k)
		}
		seen++
	}
	var err1, err2 error
	h.salt, err1 = decode(f[4])
	h.key, err2 = decode(f[5])
	if seen != 3 || h.memory == 0 || h.passes == 0 || h.lanes == 0 || err1 != nil || err2 != nil || len(h.key) < 16 || len(h.key) > maxKeyLen {
		return parsed{}, ErrFormat
	}
	return h, nil
}

func decode(s string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}
