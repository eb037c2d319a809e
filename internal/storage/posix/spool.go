package posix

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/google/uuid"

	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/tree"
)

// spool holds the rows of a listing between the snapshot they come from and a client that takes its time: the snapshot
// ends at once, and memory stays the same however large the folder is. Beyond spoolMemory it goes to an unnamed file.
type spool struct {
	parent *tree.Node
	buf    []byte
	rows   int
	create func() (disk.File, error)
	file   disk.File // nil: all is in buf
}

// spoolMemory is how many bytes of a listing stay in memory, some 4,000 rows.
const spoolMemory = 512 << 10

// newSpool returns a spool for children of a folder of a space.
func (f *FS) newSpool(sp *tree.Space, parent *tree.Node) *spool {
	return &spool{parent: parent, create: func() (disk.File, error) {
		path := f.stagingPath(sp, "list-"+uuid.NewString())
		file, err := f.disk.Create(path)
		if err != nil {
			return nil, err
		}
		f.drop(path)
		return file, nil
	}}
}

func (s *spool) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// add appends a child and what the actor may do with it.
func (s *spool) add(n *tree.Node, may permission.Set) error {
	b := s.buf
	b = binary.AppendUvarint(b, uint64(len(n.ID)))
	b = append(b, n.ID...)
	b = binary.AppendUvarint(b, uint64(len(n.Name)))
	b = append(b, n.Name...)
	b = append(b, byte(n.Kind))
	for _, v := range [...]int64{n.Size, n.MTime, n.Seq, n.Ino, n.Flags, int64(may)} {
		b = binary.AppendVarint(b, v)
	}
	b = append(b, byte(len(n.Sums)))
	s.buf = append(b, n.Sums...)
	s.rows++
	if len(s.buf) >= spoolMemory {
		return s.spill()
	}
	return nil
}

func (s *spool) spill() (err error) {
	if s.file == nil {
		if s.file, err = s.create(); err != nil {
			return err
		}
	}
	_, err = s.file.Write(s.buf)
	s.buf = s.buf[:0]
	return err
}

// each calls f for every child in the order they were added, until f returns false.
func (s *spool) each(f func(n *tree.Node, may permission.Set) bool) error {
	var src interface {
		io.Reader
		io.ByteReader
	}
	if s.file == nil {
		src = &sliceReader{s.buf}
	} else {
		if len(s.buf) > 0 {
			if err := s.spill(); err != nil {
				return err
			}
		}
		if _, err := s.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		src = bufio.NewReaderSize(s.file, 64<<10)
	}
	for range s.rows {
		n := &tree.Node{Space: s.parent.Space, Parent: s.parent.ID}
		may, err := readRow(src, n)
		if err != nil {
			return fmt.Errorf("listing: %w", err)
		}
		if !f(n, may) {
			return nil
		}
	}
	return nil
}

func readRow(src interface {
	io.Reader
	io.ByteReader
}, n *tree.Node) (may permission.Set, err error) {
	text := func() (string, error) {
		k, err := binary.ReadUvarint(src)
		if err != nil || k > 64<<10 {
			return "", fmt.Errorf("bad length %d: %w", k, err)
		}
		b := make([]byte, k)
		_, err = io.ReadFull(src, b)
		return string(b), err
	}
	if n.ID, err = text(); err != nil {
		return 0, err
	}
	if n.Name, err = text(); err != nil {
		return 0, err
	}
	kind, err := src.ReadByte()
	if err != nil {
		return 0, err
	}
	n.Kind = resource.Kind(kind)
	var set int64
	for _, v := range [...]*int64{&n.Size, &n.MTime, &n.Seq, &n.Ino, &n.Flags, &set} {
		if *v, err = binary.ReadVarint(src); err != nil {
			return 0, err
		}
	}
	k, err := src.ReadByte()
	if err != nil || k == 0 {
		return permission.Set(set), err
	}
	n.Sums = make(tree.Sums, k)
	_, err = io.ReadFull(src, n.Sums)
	return permission.Set(set), err
}

// sliceReader reads from memory.
type sliceReader struct{ b []byte }

func (r *sliceReader) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.b)
	r.b = r.b[n:]
	return n, nil
}

func (r *sliceReader) ReadByte() (byte, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c, nil
}
