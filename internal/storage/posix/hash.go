package posix

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/subtle"
	"encoding"
	"fmt"
	"hash"
	"hash/adler32"
	"io"
	"sync"

	"opencloud/internal/storage"
	"opencloud/internal/storage/tree"
)

// hasher computes the three checksums of a stream. Small pieces are hashed in place, large ones in parallel.
type hasher struct {
	sums [3]hash.Hash // SHA-1, MD5, Adler-32
	n    int64
}

func newHasher() *hasher {
	return &hasher{sums: [3]hash.Hash{sha1.New(), md5.New(), adler32.New()}}
}

// parallelFrom is the size from which starting goroutines pays.
const parallelFrom = 128 << 10

func (h *hasher) Write(p []byte) (int, error) {
	h.n += int64(len(p))
	if len(p) < parallelFrom {
		for _, s := range h.sums {
			s.Write(p)
		}
		return len(p), nil
	}
	var wg sync.WaitGroup
	wg.Go(func() { h.sums[1].Write(p) })
	h.sums[0].Write(p)
	h.sums[2].Write(p)
	wg.Wait()
	return len(p), nil
}

func (h *hasher) result() tree.Sums {
	out := make(tree.Sums, 0, tree.SumsLength)
	for _, s := range h.sums {
		out = s.Sum(out)
	}
	return out
}

// clone copies the state, to be able to go back to it.
func (h *hasher) clone() (*hasher, error) {
	c := newHasher()
	c.n = h.n
	for i, s := range h.sums {
		state, err := s.(encoding.BinaryMarshaler).MarshalBinary()
		if err != nil {
			return nil, err
		}
		if err := c.sums[i].(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// verify compares what a client announced with what was computed.
func verify(want *storage.Checksum, got tree.Sums) error {
	if want == nil {
		return nil
	}
	var sum []byte
	switch want.Algorithm {
	case "sha1":
		sum = got.SHA1()
	case "md5":
		sum = got.MD5()
	case "adler32":
		sum = got.Adler32()
	default:
		return fmt.Errorf("%w: checksum algorithm %q", storage.ErrInvalid, want.Algorithm)
	}
	if subtle.ConstantTimeCompare(sum, want.Sum) != 1 {
		return fmt.Errorf("%w: computed %s %x, received %x", storage.ErrChecksum, want.Algorithm, sum, want.Sum)
	}
	return nil
}

const (
	smallBuffer = 32 << 10
	largeBuffer = 512 << 10
)

// buffers are reused between uploads.
type buffers struct{ small, large sync.Pool }

func (b *buffers) get(length int64) (buf *[]byte, put func()) {
	pool, size := &b.small, smallBuffer
	if length < 0 || length > smallBuffer {
		pool, size = &b.large, largeBuffer
	}
	buf, ok := pool.Get().(*[]byte)
	if !ok {
		p := make([]byte, size)
		buf = &p
	}
	return buf, func() { pool.Put(buf) }
}

// readFull reads until the buffer is full or the stream ends, so that hashing and writing work on large pieces. Unlike
// io.ReadFull it keeps the stream's own error: io.ErrUnexpectedEOF is a body that broke off.
func readFull(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = r.Read(p[n:])
		n += k
	}
	return n, err
}
