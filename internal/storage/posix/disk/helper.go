package disk

import (
	"context"
	"errors"
	"io/fs"
	"strings"
)

// MkdirAll makes a directory and those above it that are missing.
func MkdirAll(d FS, path string) error {
	if path == "" {
		return nil
	}
	err := d.Mkdir(path)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return err
	}
	if err := MkdirAll(d, path[:i]); err != nil {
		return err
	}
	if err := d.Mkdir(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// maxTreeDepth bounds RemoveAll against endless trees.
const maxTreeDepth = 4096

// RemoveAll removes an entry and all below it, links themselves and not what they point to. What is not there is no error.
func RemoveAll(ctx context.Context, d FS, path string) error { return removeAll(ctx, d, path, 0) }

func removeAll(ctx context.Context, d FS, path string, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if path == "" || depth > maxTreeDepth {
		return &fs.PathError{Op: "removeall", Path: path, Err: ErrUnsafe}
	}
	err := d.Remove(path)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	st, serr := d.Lstat(path)
	if serr != nil || st.Type != Directory {
		return err
	}
	for {
		// Names are taken in portions, so that a huge directory does not need memory for all of them.
		var names []string
		_, rerr := d.ReadDir(path, func(e Entry) error {
			if names = append(names, e.Name); len(names) == 1000 {
				return errPortion
			}
			return nil
		})
		if rerr != nil && !errors.Is(rerr, errPortion) {
			return rerr
		}
		for _, n := range names {
			if err := removeAll(ctx, d, path+"/"+n, depth+1); err != nil {
				return err
			}
		}
		if rerr == nil {
			break
		}
	}
	if err := d.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

var errPortion = errors.New("enough names")

// HasXattr tells whether the file system has extended attributes.
func HasXattr(d FS) bool { return !errors.Is(d.SetXattr("", "user.oc.probe", "1"), ErrNoXattr) }
