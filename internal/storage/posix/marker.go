package posix

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"

	"opencloud/internal/storage/posix/disk"
)

// The marker is an empty file whose name says which operation on disk was the last. Renaming it costs no fsync: it survives
// the end of the process, and when the power fails, a journalling file system keeps renames in their order, so what it
// says is never ahead of the operations before it. Without it a restart would repeat operations that were done already,
// while later ones may have put something else where they look (docs/decisions/0001-index-first.md).
const (
	markerDir    = "redo"
	markerPrefix = "applied."
)

// marker is the number of the last operation that is on disk.
type marker struct {
	path string // current name; used by the writer's goroutine and at start only
}

// openMarker finds or makes the marker, and returns what it says.
func (f *FS) openMarker() (int64, error) {
	if err := disk.MkdirAll(f.disk, markerDir); err != nil {
		return 0, err
	}
	last := int64(-1)
	_, err := f.disk.ReadDir(markerDir, func(e disk.Entry) error {
		text, ok := strings.CutPrefix(e.Name, markerPrefix)
		if n, err := strconv.ParseInt(text, 10, 64); ok && err == nil && n > last {
			last = n
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	if last >= 0 {
		f.marker.path = markerName(last)
		return last, nil
	}
	f.marker.path = markerName(0)
	file, err := f.disk.Create(f.marker.path)
	if errors.Is(err, fs.ErrExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return 0, file.Close()
}

func markerName(id int64) string { return markerDir + "/" + markerPrefix + strconv.FormatInt(id, 10) }

// mark notes that all operations up to a number are on disk.
func (f *FS) mark(id int64) {
	to := markerName(id)
	if to == f.marker.path {
		return
	}
	if err := f.disk.Rename(f.marker.path, to, false); err != nil {
		f.log.Error("the marker of operations cannot be moved", "err", err)
		return
	}
	f.marker.path = to
}
