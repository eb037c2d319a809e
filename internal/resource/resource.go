// Package resource names what is stored: ids, kinds and the names of path segments.
package resource

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// MaxNameLength is the longest name of one path segment, in bytes.
const MaxNameLength = 255

// maxPartLength bounds each of the three parts of an id, in bytes: whatever form an id is read from, its text form can
// be read again.
const maxPartLength = 128

var (
	// ErrInvalidID tells that a text is no resource id.
	ErrInvalidID = errors.New("invalid resource id")
	// ErrInvalidName tells that a text cannot be the name of a file or folder.
	ErrInvalidName = errors.New("invalid name")
)

// ID identifies a resource: the storage it lies in, its space, and the node inside the space. The root of a space
// has the space's id as its node id. Clients keep the text form for years: it never changes. (spec/storage.md §0.1)
type ID struct {
	Storage, Space, Node string
}

// Kind tells files and folders apart. Its values are those on disk and in the index.
type Kind uint8

const (
	File   Kind = 1
	Folder Kind = 2
)

func (k Kind) String() string {
	switch k {
	case File:
		return "file"
	case Folder:
		return "folder"
	}
	return "unknown"
}

// SpaceRoot returns the id of the root of the space.
func SpaceRoot(storage, space string) ID { return ID{storage, space, space} }

// ParseID reads "storage$space!node", "storage$space" (the root) or "space!node" (storage left out, see WithStorage).
// Percent-encoded "$" and "!" must have been decoded by the caller. Errors wrap ErrInvalidID.
func ParseID(s string) (ID, error) {
	if s == "" || len(s) > 3*maxPartLength+2 {
		return ID{}, fmt.Errorf("%w: empty or too long", ErrInvalidID)
	}
	var id ID
	rest := s
	if storage, after, ok := strings.Cut(s, "$"); ok {
		id.Storage, rest = storage, after
		if storage == "" {
			return ID{}, fmt.Errorf("%w: %q has no storage", ErrInvalidID, s)
		}
	}
	space, node, ok := strings.Cut(rest, "!")
	if !ok {
		if id.Storage == "" {
			return ID{}, fmt.Errorf("%w: %q", ErrInvalidID, s)
		}
		node = space
	}
	id.Space, id.Node = space, node
	if !validPart(id.Storage) || space == "" || !validPart(space) || node == "" || !validPart(node) {
		return ID{}, fmt.Errorf("%w: %q", ErrInvalidID, s)
	}
	return id, nil
}

// validPart accepts what ids are made of: printable ASCII without separators, bounded, and no dots-only text.
func validPart(s string) bool {
	if len(s) > maxPartLength {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c <= ' ' || c >= 0x7f || c == '/' || c == '\\' || c == '$' || c == '!' || c == '%' || c == '"' || c == '<' || c == '>' || c == '?' || c == '#' {
			return false
		}
	}
	return s != "." && s != ".."
}

// String returns "storage$space!node"; it is what clients are given, for roots too.
func (id ID) String() string {
	if id.Storage == "" {
		return id.Space + "!" + id.Node
	}
	return id.Storage + "$" + id.Space + "!" + id.Node
}

// SpaceID returns "storage$space".
func (id ID) SpaceID() string { return id.Storage + "$" + id.Space }

// Root returns the id of the root of the same space.
func (id ID) Root() ID { return ID{id.Storage, id.Space, id.Space} }

// IsRoot tells whether the id is that of a space's root.
func (id ID) IsRoot() bool { return id.Space != "" && id.Node == id.Space }

// IsZero tells whether nothing is named.
func (id ID) IsZero() bool { return id == ID{} }

// WithNode returns the id of another node of the same space.
func (id ID) WithNode(node string) ID { return ID{id.Storage, id.Space, node} }

// WithStorage fills in the storage where it was left out.
func (id ID) WithStorage(storage string) ID {
	if id.Storage == "" {
		id.Storage = storage
	}
	return id
}

// MarshalText and UnmarshalText use the text form; the zero ID is the empty text.
func (id ID) MarshalText() ([]byte, error) {
	if id.IsZero() {
		return nil, nil
	}
	return []byte(id.String()), nil
}

// UnmarshalText reads the text form.
func (id *ID) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*id = ID{}
		return nil
	}
	v, err := ParseID(string(b))
	if err == nil {
		*id = v
	}
	return err
}

// ValidateName checks the name of one path segment as clients may give it: not empty or blank, not "." or "..", at
// most MaxNameLength bytes, valid UTF-8, no "/", "\", NUL, form feed, CR or LF. Names found on disk need not obey;
// they are shown by EscapeName. Errors wrap ErrInvalidName. (spec/storage.md §0.3)
func ValidateName(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return fmt.Errorf("%w: it is empty", ErrInvalidName)
	case name == "." || name == "..":
		return fmt.Errorf("%w: %q is reserved", ErrInvalidName, name)
	case len(name) > MaxNameLength:
		return fmt.Errorf("%w: it is %d bytes long, at most %d are allowed", ErrInvalidName, len(name), MaxNameLength)
	case !utf8.ValidString(name):
		return fmt.Errorf("%w: it is not UTF-8", ErrInvalidName)
	}
	if i := strings.IndexAny(name, "/\\\x00\f\r\n"); i >= 0 {
		return fmt.Errorf("%w: it contains the character %q", ErrInvalidName, name[i])
	}
	return nil
}

// SplitPath cuts a relative path into its segments, ignoring empty ones ("a//b/" is "a", "b"). A path with "." or ".."
// segments, NUL, or more than 1,000 segments is refused; other name rules are for creating, see ValidateName.
func SplitPath(p string) ([]string, error) {
	if len(p) > 64<<10 || strings.IndexByte(p, 0) >= 0 {
		return nil, fmt.Errorf("%w: path too long or with NUL", ErrInvalidName)
	}
	var segments []string
	for s := range strings.SplitSeq(p, "/") {
		switch s {
		case "":
			continue
		case ".", "..":
			return nil, fmt.Errorf("%w: %q in a path", ErrInvalidName, s)
		}
		segments = append(segments, s)
	}
	if len(segments) > 1000 {
		return nil, fmt.Errorf("%w: path too deep", ErrInvalidName)
	}
	return segments, nil
}

// EscapePath percent-encodes a path for an href, keeping "/" and the characters RFC 3986 allows in a segment.
func EscapePath(p string) string { return (&url.URL{Path: p}).EscapedPath() }
