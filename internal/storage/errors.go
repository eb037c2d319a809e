package storage

import (
	"errors"
	"fmt"
)

// What can go wrong, for errors.Is. Each protocol translates them once, at its edge.
var (
	ErrNotFound      = errors.New("not found")
	ErrParentMissing = errors.New("parent folder does not exist")
	ErrForbidden     = errors.New("permission denied")
	ErrExists        = errors.New("already exists")
	ErrConflict      = errors.New("conflict") // a folder where a file is wanted, into itself, …
	ErrPrecondition  = errors.New("precondition failed")
	ErrLocked        = errors.New("locked") // see LockedError
	ErrProcessing    = errors.New("file is being processed")
	ErrQuota         = errors.New("quota exceeded")  // also: disk full
	ErrInvalid       = errors.New("invalid request") // bad name, bad value
	ErrChecksum      = errors.New("checksum mismatch")
	ErrLength        = errors.New("body has another length than announced")
	ErrOffset        = errors.New("wrong upload offset")
	ErrCrossSpace    = errors.New("not possible between spaces")
	ErrSyncToken     = errors.New("unknown sync token")
	ErrUnsupported   = errors.New("not supported by this storage")
	ErrUnavailable   = errors.New("storage is not available") // try again later
)

// LockedError says which lock is in the way. It is ErrLocked.
type LockedError struct{ Lock Lock }

func (e *LockedError) Error() string { return fmt.Sprintf("locked by %s", e.Lock.UserName) }

// Is makes errors.Is(err, ErrLocked) true.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }
