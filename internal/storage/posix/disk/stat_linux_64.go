//go:build linux && (amd64 || arm64)

package disk

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// statEntry looks at an entry whose NUL-terminated name is still in the kernel's answer: no copy of it is made.
func statEntry(dir int, name []byte, st *unix.Stat_t) error {
	_, _, errno := unix.Syscall6(sysFstatat, uintptr(dir), uintptr(unsafe.Pointer(&name[0])), uintptr(unsafe.Pointer(st)), unix.AT_SYMLINK_NOFOLLOW, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
