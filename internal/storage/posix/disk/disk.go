// Package disk is the file system below a storage's root, as few calls as the posix engine needs, so that tests can
// put one in between that fails, tears or loses any of them.
//
// Paths are relative to the root, with "/" between their segments and without "." or ".."; "" is the root. No call
// follows a symbolic link in any segment, and none leaves the root: such a path gives ErrUnsafe. Names are bytes, they
// need not be UTF-8. All methods may be called from many goroutines at once. Errors wrap those of the system
// (errors.Is with fs.ErrNotExist, syscall.ENOSPC, …).
package disk

import (
	"errors"
	"io"
	"time"
)

var (
	// ErrUnsafe tells that a path contains a symbolic link or leaves the root.
	ErrUnsafe = errors.New("path leaves the storage or contains a symbolic link")
	// ErrInUse tells that another process works on the same root.
	ErrInUse = errors.New("another process uses it")
	// ErrNoXattr tells that the attribute is not set, or that the file system has no extended attributes.
	ErrNoXattr = errors.New("no such extended attribute")
)

// Type is the type of a directory entry.
type Type uint8

const (
	Regular   Type = 1
	Directory Type = 2
	Other     Type = 3 // symbolic link, socket, device, pipe
)

// Stat is what the file system says about an entry.
type Stat struct {
	Type  Type
	Dev   uint64
	Ino   uint64
	Size  int64
	MTime int64 // unix nanoseconds
	CTime int64
	Links uint64
}

// Entry is a directory entry with its Stat.
type Entry struct {
	Name string
	Stat
}

// FS is the tree below a root.
type FS interface {
	// Lstat looks at the entry itself.
	Lstat(path string) (Stat, error)
	// Open opens a regular file for reading.
	Open(path string) (File, error)
	// Create makes a new file with mode 0600 for reading and writing; fs.ErrExist if the name is taken.
	Create(path string) (File, error)
	// OpenWrite opens an existing regular file for reading and writing.
	OpenWrite(path string) (File, error)
	// Mkdir makes a directory with mode 0770 (less the umask).
	Mkdir(path string) error
	// Rename moves an entry. With noReplace a target that exists is fs.ErrExist.
	Rename(from, to string, noReplace bool) error
	// Link gives a file a second name; fs.ErrExist if it is taken.
	Link(from, to string) error
	// Remove removes a file or an empty directory.
	Remove(path string) error
	// ReadDir calls each for every entry, in no order; an error of each ends it and is returned. It returns the Stat of the
	// directory from before the first entry was read. An entry that vanishes meanwhile is left out.
	ReadDir(path string, each func(Entry) error) (Stat, error)
	// GetXattr reads an extended attribute of an entry; ErrNoXattr if there is none.
	GetXattr(path, name string) (string, error)
	// SetXattr sets an extended attribute of an entry; ErrNoXattr if the file system cannot.
	SetXattr(path, name, value string) error
	// RemoveXattr removes an extended attribute; ErrNoXattr if there is none.
	RemoveXattr(path, name string) error
	// ListXattr returns the names of an entry's extended attributes; none if the file system has none.
	ListXattr(path string) ([]string, error)
	// SetMTime sets the time of last modification (unix nanoseconds).
	SetMTime(path string, mtime int64) error
	// SyncDir makes the entries of a directory durable.
	SyncDir(path string) error
	// Sync makes everything on the file system durable.
	Sync() error
	// Lock makes sure that no other process works on the root until Close; ErrInUse if one does.
	Lock() error
	// Free returns the bytes that may still be written, and the size of the file system.
	Free() (free, total int64, err error)
	Close() error
}

// File is an open regular file.
type File interface {
	io.ReadWriteSeeker
	io.ReaderAt
	io.WriterAt
	io.Closer
	Stat() (Stat, error)
	Truncate(size int64) error
	SetXattr(name, value string) error
	SetMTime(mtime int64) error
	// Sync makes content and attributes durable.
	Sync() error
	// CopyFrom replaces the content by that of another file of the same FS, sharing the blocks where the file system can.
	CopyFrom(src File) (int64, error)
}

// Time turns the times of Stat into time.Time.
func Time(ns int64) time.Time { return time.Unix(0, ns) }

// IsFull tells whether an error means that nothing more fits on the disk.
func IsFull(err error) bool { return isFull(err) }
