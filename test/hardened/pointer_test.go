package hardened

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// uintptrOf is the address that prctl wants.
func uintptrOf(p *unix.SockFprog) uintptr { return uintptr(unsafe.Pointer(p)) }
