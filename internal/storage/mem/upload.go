package mem

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

// Upload implements storage.Writer.
func (f *FS) Upload(ctx context.Context, ref storage.Ref, r storage.UploadRequest, body io.Reader) (storage.Result, error) {
	f.mu.Lock()
	err := f.mayUpload(ctx, ref, r, r.Length)
	f.mu.Unlock()
	if err != nil {
		return storage.Result{}, err
	}
	// The body is read without the lock: it may come slowly, or from this very storage.
	src := body
	if r.Length >= 0 {
		src = io.LimitReader(body, r.Length+1)
	}
	data, err := io.ReadAll(src)
	switch {
	case err != nil:
		return storage.Result{}, fmt.Errorf("%w: the body broke off: %w", storage.ErrLength, err)
	case r.Length >= 0 && int64(len(data)) != r.Length:
		return storage.Result{}, storage.ErrLength
	}
	if err := ctx.Err(); err != nil {
		return storage.Result{}, err
	}
	b := newBlob(data)
	if err := verify(r.Checksum, b); err != nil {
		return storage.Result{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.finish(ctx, ref, r, b)
}

func verify(c *storage.Checksum, b blob) error {
	if c == nil {
		return nil
	}
	var is []byte
	switch strings.ToLower(c.Algorithm) {
	case "sha1":
		is = b.sums.SHA1
	case "md5":
		is = b.sums.MD5
	case "adler32":
		is = b.sums.Adler32
	default:
		return fmt.Errorf("%w: checksum algorithm %q", storage.ErrInvalid, c.Algorithm)
	}
	if !bytes.Equal(is, c.Sum) {
		return storage.ErrChecksum
	}
	return nil
}

// mayUpload checks an upload of size bytes (-1: not known) without changing anything.
func (f *FS) mayUpload(ctx context.Context, ref storage.Ref, r storage.UploadRequest, size int64) error {
	n, parent, err := f.lookup(ctx, ref)
	r.AutoRename = r.AutoRename && ref.Path != ""
	switch {
	case err == nil && n.isFolder() && !r.AutoRename:
		return fmt.Errorf("%w: there is a folder of that name", storage.ErrConflict)
	case err == nil && !r.AutoRename:
		if err := need(ctx, n, permission.Upload); err != nil {
			return err
		}
		if err := check(&r.Conditions, n); err != nil {
			return err
		}
		if err := guard(ctx, n, r.Conditions.LockTokens, false); err != nil {
			return err
		}
		return fits(n.space, size-n.size())
	case errors.Is(err, storage.ErrParentMissing) && r.MakeParents:
		return f.mayMakeParents(ctx, ref, r, size)
	case parent == nil:
		return err
	}
	if !visible(ctx, parent) {
		return storage.ErrParentMissing
	}
	if err := f.mayCreate(ctx, parent, path.Base(ref.Path), permission.Upload); err != nil {
		return err
	}
	if err := check(&r.Conditions, nil); err != nil {
		return err
	}
	if n == nil { // not renamed
		if err := free(parent, path.Base(ref.Path)); err != nil {
			return err
		}
	}
	if err := guardNew(ctx, parent, r.Conditions.LockTokens); err != nil {
		return err
	}
	return fits(parent.space, size)
}

// mayMakeParents checks an upload whose folders are missing.
func (f *FS) mayMakeParents(ctx context.Context, ref storage.Ref, r storage.UploadRequest, size int64) error {
	top := parentOf(ref)
	_, parent, err := f.lookup(ctx, top)
	for parent == nil && top.Path != "" {
		if !errors.Is(err, storage.ErrParentMissing) {
			return err
		}
		top = parentOf(top)
		_, parent, err = f.lookup(ctx, top)
	}
	if parent == nil {
		return err
	}
	names, err := segments(ref.Path)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := resource.ValidateName(name); err != nil {
			return fmt.Errorf("%w: %w", storage.ErrInvalid, err)
		}
	}
	if err := f.mayCreate(ctx, parent, path.Base(top.Path), permission.CreateContainer|permission.Upload); err != nil {
		return err
	}
	if err := check(&r.Conditions, nil); err != nil {
		return err
	}
	if err := free(parent, path.Base(top.Path)); err != nil {
		return err
	}
	if err := guardNew(ctx, parent, r.Conditions.LockTokens); err != nil {
		return err
	}
	return fits(parent.space, size)
}

// finish puts content into the tree.
func (f *FS) finish(ctx context.Context, ref storage.Ref, r storage.UploadRequest, b blob) (storage.Result, error) {
	r.AutoRename = r.AutoRename && ref.Path != "" // what is named by its id has its name
	if err := f.mayUpload(ctx, ref, r, int64(len(b.data))); err != nil {
		return storage.Result{}, err
	}
	n, parent, err := f.lookup(ctx, ref)
	mtime := r.MTime
	if mtime.IsZero() {
		mtime = f.now()
	}
	if err == nil && !r.AutoRename {
		f.replace(n, b, mtime)
		return storage.Result{Info: f.info(ctx, n, storage.View{})}, nil
	}
	name := path.Base(ref.Path)
	if parent == nil {
		if parent, err = f.makeParents(ctx, ref, r.Conditions.LockTokens); err != nil {
			return storage.Result{}, err
		}
	}
	if parent.children[name] != nil {
		if name, err = freeName(parent, name); err != nil {
			return storage.Result{}, err
		}
	}
	n = f.insert(parent, name, resource.File)
	n.content, n.mtime = b, mtime
	return storage.Result{Info: f.info(ctx, n, storage.View{}), Created: true}, nil
}

func (f *FS) makeParents(ctx context.Context, ref storage.Ref, tokens []string) (*node, error) {
	names, err := segments(ref.Path)
	if err != nil {
		return nil, err
	}
	for i := 1; i < len(names); i++ {
		_, err := f.createFolder(ctx, storage.At(ref.ID, strings.Join(names[:i], "/")), storage.Conditions{LockTokens: tokens})
		if err != nil && !errors.Is(err, storage.ErrExists) {
			return nil, err
		}
	}
	return f.find(ctx, parentOf(ref))
}

// freeName finds a name that is not taken: "name (2).ext".
func freeName(parent *node, name string) (string, error) {
	ext := path.Ext(name)
	if strings.HasSuffix(strings.TrimSuffix(name, ext), ".tar") {
		ext = ".tar" + ext
	}
	base := strings.TrimSuffix(name, ext)
	if base == "" {
		base, ext = name, ""
	}
	for i := 2; i < 10_000; i++ {
		suffix := " (" + strconv.Itoa(i) + ")"
		candidate := base[:min(len(base), resource.MaxNameLength-len(suffix)-len(ext))] + suffix + ext
		if parent.children[candidate] == nil {
			return candidate, nil
		}
	}
	return "", storage.ErrExists
}

// replace gives a file other content; the former content becomes a version.
func (f *FS) replace(n *node, b blob, mtime time.Time) {
	n.keepVersion()
	n.content, n.mtime = b, mtime
	f.touched(n)
}
