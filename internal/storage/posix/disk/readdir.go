package disk

import (
	"bytes"
	"io/fs"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

var direntBuffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// Offsets in struct linux_dirent64.
const (
	direntReclen = 16
	direntType   = 18
	direntName   = 19
)

func (r *root) ReadDir(path string, each func(Entry) error) (Stat, error) {
	fd, err := r.openat(path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return Stat{}, &fs.PathError{Op: "readdir", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var dst unix.Stat_t
	if err := unix.Fstat(fd, &dst); err != nil {
		return Stat{}, &fs.PathError{Op: "fstat", Path: path, Err: err}
	}
	dir := toStat(&dst)
	bp := direntBuffers.Get().(*[]byte)
	defer direntBuffers.Put(bp)
	for {
		n, err := unix.Getdents(fd, *bp)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return dir, &fs.PathError{Op: "readdir", Path: path, Err: err}
		}
		if n == 0 {
			return dir, nil
		}
		if err := r.entries(fd, (*bp)[:n], each); err != nil {
			return dir, err
		}
	}
}

// entries looks at each entry of one answer of getdents64.
func (r *root) entries(fd int, buf []byte, each func(Entry) error) error {
	var st unix.Stat_t
	for len(buf) >= direntName {
		reclen := int(*(*uint16)(unsafe.Pointer(&buf[direntReclen])))
		if reclen < direntName || reclen > len(buf) {
			return unix.EIO
		}
		rec := buf[:reclen]
		typ := rec[direntType]
		buf = buf[reclen:]
		end := bytes.IndexByte(rec[direntName:], 0)
		if end < 0 {
			return unix.EIO
		}
		raw := rec[direntName : direntName+end]
		if string(raw) == "." || string(raw) == ".." {
			continue
		}
		e := Entry{Name: string(raw)}
		if typ == unix.DT_REG || typ == unix.DT_DIR || typ == unix.DT_UNKNOWN {

			err := statEntry(fd, rec[direntName:], &st)
			if err == unix.ENOENT {
				continue
			}
			if err != nil {
				return &fs.PathError{Op: "lstat", Path: e.Name, Err: err}
			}
			e.Stat = toStat(&st)
		} else {
			e.Type = Other
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}
