package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"golang.org/x/sys/unix"
)

// file is an open regular file. It bypasses os.File: regular files gain nothing from the poller, and small uploads
// would pay for its set-up.
type file struct {
	fd   int
	path string
}

func (f *file) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: f.path, Err: err}
}

func (f *file) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(f.fd, p)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, f.wrap("read", err)
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	done := 0
	for done < len(p) {
		n, err := unix.Pread(f.fd, p[done:], off+int64(done))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return done, f.wrap("read", err)
		case n == 0:
			return done, io.EOF
		}
		done += n
	}
	return done, nil
}

func (f *file) Write(p []byte) (int, error) {
	return f.write(p, func(b []byte, _ int64) (int, error) { return unix.Write(f.fd, b) })
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	return f.write(p, func(b []byte, done int64) (int, error) { return unix.Pwrite(f.fd, b, off+done) })
}

func (f *file) write(p []byte, write func([]byte, int64) (int, error)) (int, error) {
	done := 0
	for done < len(p) {
		n, err := write(p[done:], int64(done))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return done, f.wrap("write", err)
		case n == 0:
			return done, f.wrap("write", io.ErrShortWrite)
		}
		done += n
	}
	return done, nil
}

func (f *file) Seek(offset int64, whence int) (int64, error) {
	n, err := unix.Seek(f.fd, offset, whence)
	return n, f.wrap("seek", err)
}

func (f *file) Close() error {
	if f.fd < 0 {
		return f.wrap("close", fs.ErrClosed)
	}
	fd := f.fd
	f.fd = -1
	return f.wrap("close", unix.Close(fd))
}

func (f *file) Stat() (Stat, error) {
	var st unix.Stat_t
	err := unix.Fstat(f.fd, &st)
	return toStat(&st), f.wrap("fstat", err)
}

func (f *file) Truncate(size int64) error { return f.wrap("truncate", unix.Ftruncate(f.fd, size)) }

func (f *file) SetXattr(name, value string) error {
	return f.wrap("setxattr", xattrError(unix.Fsetxattr(f.fd, name, []byte(value), 0)))
}

func (f *file) SetMTime(mtime int64) error {
	return f.wrap("utimes", unix.UtimesNanoAt(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", f.fd), times(mtime), 0))
}

func (f *file) Sync() error {
	for {
		if err := unix.Fsync(f.fd); err != unix.EINTR {
			return f.wrap("fsync", err)
		}
	}
}

func (f *file) CopyFrom(src File) (int64, error) {
	s, ok := src.(*file)
	if !ok {
		if _, err := src.Seek(0, io.SeekStart); err != nil {
			return 0, err
		}
		return io.Copy(struct{ io.Writer }{f}, struct{ io.Reader }{src})
	}
	var st unix.Stat_t
	if err := unix.Fstat(s.fd, &st); err != nil {
		return 0, s.wrap("fstat", err)
	}
	if err := unix.IoctlFileClone(f.fd, s.fd); err == nil {
		return st.Size, nil
	}
	var from, to int64
	for {
		n, err := unix.CopyFileRange(s.fd, &from, f.fd, &to, 1<<30, 0)
		switch {
		case err == unix.EINTR:
			continue
		case from == 0 && (errors.Is(err, unix.EXDEV) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP)):
			if _, err := s.Seek(0, io.SeekStart); err != nil {
				return 0, err
			}
			return io.Copy(struct{ io.Writer }{f}, struct{ io.Reader }{s})
		case err != nil:
			return to, f.wrap("copy", err)
		case n == 0:
			return to, nil
		}
	}
}
