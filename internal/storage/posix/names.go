package posix

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

// Names on disk are bytes, names on the wire are UTF-8. A byte that is no UTF-8 is shown as the private character
// escapeBase+byte; a name so shown finds the file again. (docs/format.md)
const escapeBase = 0xEF00

// toClient shows a name or path from disk.
func toClient(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		if r == utf8.RuneError && n == 1 {
			r = escapeBase + rune(name[i])
		}
		b.WriteRune(r)
		i += n
	}
	return b.String()
}

// escaped tells whether a name may be an escaped form.
func escaped(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool { return r >= escapeBase+0x80 && r <= escapeBase+0xFF })
}

// fromClient is the inverse of toClient.
func fromClient(name string) string {
	var b strings.Builder
	for _, r := range name {
		if r >= escapeBase+0x80 && r <= escapeBase+0xFF {
			b.WriteByte(byte(r - escapeBase))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// segments splits a path; a path that no client may name is not found.
func segments(p string) ([]string, error) {
	if p == "" {
		return nil, nil
	}
	s, err := resource.SplitPath(p)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", storage.ErrInvalid, err)
	}
	return s, nil
}

// newName checks a name that a client gives to something new at the given depth below the root.
func newName(name string, top bool) error {
	if err := resource.ValidateName(name); err != nil {
		return errors.Join(storage.ErrInvalid, err)
	}
	if top && reserved(name) {
		return fmt.Errorf("%w: the name %q is used by the storage itself", storage.ErrInvalid, name)
	}
	return nil
}

// newID makes the id of a new node. Ids begin with the time, so that the index grows at its end.
func newID() string {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.NewString()
	}
	return id.String()
}
