package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const resolveFlags = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS

// root is the real file system below a directory.
type root struct {
	fd        int
	dir       string
	noOpenat2 atomic.Bool // the kernel does not have openat2
}

// Open opens a directory as the root of a FS.
func Open(dir string) (FS, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	return &root{fd: fd, dir: dir}, nil
}

func (r *root) Close() error { return unix.Close(r.fd) }

// openat opens a path beneath the root without following symbolic links.
func (r *root) openat(path string, flags int, mode uint32) (int, error) {
	if path == "" {
		path = "."
	} else if !safe(path) {
		return -1, ErrUnsafe
	}
	flags |= unix.O_CLOEXEC | unix.O_NOFOLLOW
	if !r.noOpenat2.Load() {
		how := unix.OpenHow{Flags: uint64(flags), Resolve: resolveFlags}
		if flags&unix.O_CREAT != 0 {
			how.Mode = uint64(mode)
		}
		for {
			fd, err := unix.Openat2(r.fd, path, &how)
			switch {
			case err == nil:
				return fd, nil
			case err == unix.EINTR || err == unix.EAGAIN:
				continue
			case err == unix.ELOOP || err == unix.EXDEV:
				return -1, ErrUnsafe
			case err == unix.ENOSYS || err == unix.EPERM && flags&unix.O_PATH != 0:
				// EPERM: a seccomp filter that does not know the call.
				r.noOpenat2.Store(true)
			default:
				return -1, err
			}
			break
		}
	}
	return r.openSteps(path, flags, mode)
}

// openSteps opens segment by segment, for kernels without openat2.
func (r *root) openSteps(path string, flags int, mode uint32) (int, error) {
	at, owned := r.fd, false
	for {
		name, rest, more := strings.Cut(path, "/")
		f, m := unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, uint32(0)
		if !more {
			f, m = flags, mode
		}
		var fd int
		var err error
		for {
			if fd, err = unix.Openat(at, name, f, m); err != unix.EINTR {
				break
			}
		}
		if more && err == unix.ENOTDIR || err == unix.ELOOP {
			var st unix.Stat_t
			if e := unix.Fstatat(at, name, &st, unix.AT_SYMLINK_NOFOLLOW); e == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
				err = ErrUnsafe
			}
		}
		if owned {
			unix.Close(at)
		}
		if err != nil || !more {
			return fd, err
		}
		at, owned, path = fd, true, rest
	}
}

// safe refuses what would make a path mean another one.
func safe(path string) bool {
	if strings.IndexByte(path, 0) >= 0 {
		return false
	}
	for s := range strings.SplitSeq(path, "/") {
		if s == "" || s == "." || s == ".." {
			return false
		}
	}
	return true
}

// in calls f with the directory that contains the path's last segment.
func (r *root) in(op, path string, f func(dir int, name string) error) error {
	dir, name := r.fd, path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		fd, err := r.openat(path[:i], unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			return &fs.PathError{Op: op, Path: path, Err: err}
		}
		defer unix.Close(fd)
		dir, name = fd, path[i+1:]
	}
	if name == "" {
		name = "."
	} else if name == "." || name == ".." || strings.IndexByte(name, 0) >= 0 {
		return &fs.PathError{Op: op, Path: path, Err: ErrUnsafe}
	}
	for {
		err := f(dir, name)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return &fs.PathError{Op: op, Path: path, Err: err}
		}
		return nil
	}
}

func (r *root) Lstat(path string) (Stat, error) {
	var st unix.Stat_t
	err := r.in("lstat", path, func(dir int, name string) error {
		return unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	})
	return toStat(&st), err
}

func (r *root) Open(path string) (File, error) {
	return r.open("open", path, unix.O_RDONLY|unix.O_NONBLOCK, 0)
}

func (r *root) OpenWrite(path string) (File, error) {
	return r.open("open", path, unix.O_RDWR|unix.O_NONBLOCK, 0)
}

func (r *root) Create(path string) (File, error) {
	return r.open("create", path, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL, 0o600)
}

func (r *root) open(op, path string, flags int, mode uint32) (File, error) {
	fd, err := r.openat(path, flags, mode)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: path, Err: err}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		unix.Close(fd)
		if err == nil {
			err = unix.EISDIR
			if st.Mode&unix.S_IFMT != unix.S_IFDIR {
				err = ErrUnsafe
			}
		}
		return nil, &fs.PathError{Op: op, Path: path, Err: err}
	}
	return &file{fd: fd, path: path}, nil
}

func (r *root) Mkdir(path string) error {
	return r.in("mkdir", path, func(dir int, name string) error { return unix.Mkdirat(dir, name, 0o770) })
}

func (r *root) Rename(from, to string, noReplace bool) error {
	return r.in("rename", from, func(d1 int, n1 string) error {
		err := r.in("rename", to, func(d2 int, n2 string) error {
			if !noReplace {
				return unix.Renameat(d1, n1, d2, n2)
			}
			err := unix.Renameat2(d1, n1, d2, n2, unix.RENAME_NOREPLACE)
			if err == unix.EINVAL || err == unix.ENOSYS { // file systems without the flag
				var st unix.Stat_t
				if e := unix.Fstatat(d2, n2, &st, unix.AT_SYMLINK_NOFOLLOW); e == nil {
					return unix.EEXIST
				}
				return unix.Renameat(d1, n1, d2, n2)
			}
			return err
		})
		var pe *fs.PathError
		if errors.As(err, &pe) {
			return fmt.Errorf("to %q: %w", to, pe.Err)
		}
		return err
	})
}

func (r *root) Link(from, to string) error {
	return r.in("link", from, func(d1 int, n1 string) error {
		err := r.in("link", to, func(d2 int, n2 string) error { return unix.Linkat(d1, n1, d2, n2, 0) })
		var pe *fs.PathError
		if errors.As(err, &pe) {
			return fmt.Errorf("to %q: %w", to, pe.Err)
		}
		return err
	})
}

func (r *root) Remove(path string) error {
	return r.in("remove", path, func(dir int, name string) error {
		err := unix.Unlinkat(dir, name, 0)
		if err == unix.EISDIR || err == unix.EPERM {
			err = unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
		}
		return err
	})
}

func (r *root) SetMTime(path string, mtime int64) error {
	return r.in("utimes", path, func(dir int, name string) error {
		return unix.UtimesNanoAt(dir, name, times(mtime), unix.AT_SYMLINK_NOFOLLOW)
	})
}

// times sets only the time of modification.
func times(mtime int64) []unix.Timespec {
	return []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(mtime)}
}

func (r *root) GetXattr(path, name string) (string, error) {
	var value string
	err := r.in("getxattr", path, func(dir int, base string) error {
		var small [256]byte
		buf := small[:]
		n, err := unix.Lgetxattr(procPath(r, dir, base), name, buf)
		if err == unix.ERANGE {
			buf = make([]byte, 64<<10)
			n, err = unix.Lgetxattr(procPath(r, dir, base), name, buf)
		}
		if err == nil {
			value = string(buf[:n])
		}
		return xattrError(err)
	})
	return value, err
}

func (r *root) SetXattr(path, name, value string) error {
	return r.in("setxattr", path, func(dir int, base string) error {
		return xattrError(unix.Lsetxattr(procPath(r, dir, base), name, []byte(value), 0))
	})
}

func (r *root) RemoveXattr(path, name string) error {
	return r.in("removexattr", path, func(dir int, base string) error {
		return xattrError(unix.Lremovexattr(procPath(r, dir, base), name))
	})
}

func (r *root) ListXattr(path string) (names []string, err error) {
	err = r.in("listxattr", path, func(dir int, base string) error {
		buf := make([]byte, 64<<10)
		n, err := unix.Llistxattr(procPath(r, dir, base), buf)
		if err == unix.ENOTSUP {
			return nil
		}
		if err != nil {
			return err
		}
		for name := range strings.SplitSeq(string(buf[:n]), "\x00") {
			if name != "" {
				names = append(names, name)
			}
		}
		return nil
	})
	return names, err
}

func procPath(_ *root, dir int, name string) string {
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir, name)
}

func xattrError(err error) error {
	if err == unix.ENODATA || err == unix.ENOTSUP || err == unix.ERANGE {
		return ErrNoXattr
	}
	return err
}

func (r *root) SyncDir(path string) error {
	fd, err := r.openat(path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err == nil {
		err = unix.Fsync(fd)
		unix.Close(fd)
	}
	if err != nil {
		return &fs.PathError{Op: "fsync", Path: path, Err: err}
	}
	return nil
}

func (r *root) Sync() error {
	if err := unix.Syncfs(r.fd); err != nil {
		return os.NewSyscallError("syncfs", err)
	}
	return nil
}

func (r *root) Lock() error {
	switch err := unix.Flock(r.fd, unix.LOCK_EX|unix.LOCK_NB); err {
	case nil, unix.ENOLCK, unix.ENOTSUP, unix.ENOSYS: // a file system without locks cannot tell
		return nil
	case unix.EWOULDBLOCK:
		return ErrInUse
	default:
		return os.NewSyscallError("flock", err)
	}
}

func (r *root) Free() (free, total int64, err error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(r.fd, &st); err != nil {
		return 0, 0, os.NewSyscallError("statfs", err)
	}
	return int64(st.Bavail) * int64(st.Bsize), int64(st.Blocks) * int64(st.Bsize), nil
}

func toStat(st *unix.Stat_t) Stat {
	s := Stat{Type: Other, Dev: uint64(st.Dev), Ino: st.Ino, Size: st.Size, MTime: st.Mtim.Nano(), CTime: st.Ctim.Nano(), Links: uint64(st.Nlink)}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		s.Type = Regular
	case unix.S_IFDIR:
		s.Type = Directory
	}
	return s
}

func isFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}
