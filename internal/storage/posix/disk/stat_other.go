//go:build !(linux && (amd64 || arm64))

package disk

import (
	"bytes"

	"golang.org/x/sys/unix"
)

func statEntry(dir int, name []byte, st *unix.Stat_t) error {
	return unix.Fstatat(dir, string(name[:bytes.IndexByte(name, 0)]), st, unix.AT_SYMLINK_NOFOLLOW)
}
