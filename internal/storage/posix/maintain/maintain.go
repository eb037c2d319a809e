// Package maintain checks, repairs and rebuilds the index of a posix storage.
//
// Checking changes nothing and may run beside a server that works: what differs is looked at twice. Repairing makes the
// index follow the disk; it removes no file, and takes nodes out of the index only where their content is gone, under
// the same hold against mass deletion as every comparison (package scan).
package maintain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sort"
	"time"

	"opencloud/internal/platform/db"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/posix/scan"
	"opencloud/internal/storage/tree"
)

// Kind of a finding.
type Kind string

const (
	Missing      Kind = "missing"       // in the index, not on disk
	Unknown      Kind = "unknown"       // on disk, not in the index
	Differs      Kind = "differs"       // another inode, size or time than the index says
	Unlabelled   Kind = "unlabelled"    // the extended attribute with the id is missing or another
	WrongSize    Kind = "wrong-size"    // a folder's size is not the sum of what is in it
	WrongSeq     Kind = "wrong-seq"     // a folder's ETag is older than that of something in it
	Orphan       Kind = "orphan"        // a row whose node or parent does not exist
	WrongFlags   Kind = "wrong-flags"   // flags that do not agree with the side tables
	NoVersion    Kind = "no-version"    // a version whose content is gone
	LooseVersion Kind = "loose-version" // content of a version that the index does not have
	NoTrash      Kind = "no-trash"      // a trash item whose content is gone
	LooseTrash   Kind = "loose-trash"   // something in the trash folder that the index does not have
	BadContent   Kind = "bad-content"   // content that does not have the checksums it should have
	Unreadable   Kind = "unreadable"    // could not be looked at
	Held         Kind = "held"          // the space is held
	// Notes: nothing is wrong, but some clients cannot cope.
	BadName Kind = "bad-name" // a name that is not UTF-8 or has control characters
	Twins   Kind = "twins"    // names that differ only in case or Unicode form
	Foreign Kind = "foreign"  // symbolic link, socket or device, left out
)

// Note tells whether a finding is information and no difference.
func (k Kind) Note() bool { return k == BadName || k == Twins || k == Foreign }

// Finding is one thing that is not as it should be.
type Finding struct {
	Kind   Kind   `json:"kind"`
	Space  string `json:"space"`
	Path   string `json:"path,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// maxFindings bounds a report.
const maxFindings = 10_000

// Report is the result of a check.
type Report struct {
	Spaces   int       `json:"spaces"`
	Folders  int       `json:"folders"`
	Files    int       `json:"files"`
	Bytes    int64     `json:"bytes"`
	Hashed   int       `json:"hashed"` // files whose content was read
	Findings []Finding `json:"findings"`
	More     int       `json:"more,omitempty"` // findings that did not fit
	// Counts are of all findings, those that did not fit included.
	Counts map[Kind]int `json:"counts,omitempty"`
}

// Count returns how many findings of a kind there are, those that did not fit included.
func (r *Report) Count(k Kind) int { return r.Counts[k] }

// Clean tells that there are no findings but notes.
func (r *Report) Clean() bool {
	for k, n := range r.Counts {
		if n > 0 && !k.Note() {
			return false
		}
	}
	return true
}

func (r *Report) add(f Finding) {
	if r.Counts == nil {
		r.Counts = map[Kind]int{}
	}
	r.Counts[f.Kind]++
	if len(r.Findings) >= maxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, f)
}

// Config of a Maintainer.
type Config struct {
	DB   db.DB
	Disk disk.FS
	Log  *slog.Logger
	Scan *scan.Scanner
	// VersionPath is where a version lies, relative to the storage's root.
	VersionPath func(sp *tree.Space, node, key string) string
	// NoXattr tells that the file system has no extended attributes.
	NoXattr bool
	// RightsChanged is called after grants were put into the index without a change of their node.
	RightsChanged func()
	// SpacesChanged is called after spaces were added to the index.
	SpacesChanged func(ctx context.Context) error
}

// Maintainer checks and repairs.
type Maintainer struct{ Config }

// New returns a Maintainer.
func New(c Config) *Maintainer { return &Maintainer{c} }

// Options of Check and Repair.
type Options struct {
	Space    string // only this one; empty: all
	Content  bool   // read every file and compare its checksums
	Progress func(space, path string, folders, files int)
}

// Check compares the index with the disk and with itself. Its error is that the check could not be made.
func (m *Maintainer) Check(ctx context.Context, o Options) (*Report, error) {
	rep := &Report{}
	spaces, err := m.spaces(ctx, o.Space)
	if err != nil {
		return nil, err
	}
	for _, sp := range spaces {
		rep.Spaces++
		c := &check{Maintainer: m, space: sp, rep: rep, opts: o}
		if err := c.run(ctx); err != nil {
			return rep, err
		}
	}
	if o.Space == "" {
		if err := m.checkRows(ctx, rep); err != nil {
			return rep, err
		}
	}
	sort.SliceStable(rep.Findings, func(i, j int) bool {
		a, b := &rep.Findings[i], &rep.Findings[j]
		if a.Space != b.Space {
			return a.Space < b.Space
		}
		return a.Path < b.Path
	})
	return rep, nil
}

func (m *Maintainer) spaces(ctx context.Context, only string) (out []*tree.Space, err error) {
	err = m.DB.Read(ctx, func(r db.Reader) error {
		out = nil
		return tree.Spaces(ctx, r, func(sp *tree.Space) error {
			if only == "" || sp.ID == only {
				out = append(out, sp)
			}
			return nil
		})
	})
	if err == nil && only != "" && len(out) == 0 {
		err = fmt.Errorf("space %s: %w", only, storage.ErrNotFound)
	}
	return out, err
}

// rowCheck is a rule about rows that has nothing to do with the disk.
type rowCheck struct {
	kind        Kind
	find, fix   string
	description string
}

// sideTables have a column "node"; the flag says whether a node has rows there.
var sideTables = []struct {
	table string
	flag  int64
}{{"grants", tree.FlagGrants}, {"locks", tree.FlagLocks}, {"tags", tree.FlagTags}, {"props", tree.FlagProps},
	{"favorites", tree.FlagFavorites}, {"versions", tree.FlagVersions}}

const noParent = "its parent does not exist"

func rowChecks() []rowCheck {
	out := []rowCheck{{Orphan,
		`SELECT space, id FROM nodes n WHERE parent NOT IN ('','~','?','!') AND NOT EXISTS (SELECT 1 FROM nodes p WHERE p.id=n.parent AND p.kind=2)`,
		``, noParent},
		{Orphan, `SELECT space, id FROM nodes WHERE space NOT IN (SELECT id FROM spaces)`, ``, "its space does not exist"},
		{Orphan, `SELECT space, node FROM trash t WHERE NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id=t.node AND n.parent='~')`,
			`DELETE FROM trash WHERE NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id=trash.node AND n.parent='~')`, "trash item without node"},
	}
	for _, s := range sideTables {
		t, flag := s.table, fmt.Sprint(s.flag)
		out = append(out, rowCheck{Orphan, `SELECT '', node FROM ` + t + ` x WHERE NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id=x.node)`,
			`DELETE FROM ` + t + ` WHERE NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id=` + t + `.node)`, t + " without node"},
			rowCheck{WrongFlags, `SELECT n.space, n.id FROM ` + t + ` x JOIN nodes n ON n.id=x.node WHERE n.flags & ` + flag + ` = 0`,
				`UPDATE nodes SET flags=flags | ` + flag + ` WHERE flags & ` + flag + ` = 0 AND id IN (SELECT node FROM ` + t + `)`, t + " that the node does not know of"})
	}
	return out
}

func (m *Maintainer) checkRows(ctx context.Context, rep *Report) error {
	for _, c := range rowChecks() {
		var found []Finding
		err := m.DB.Read(ctx, func(r db.Reader) error {
			found = nil
			return r.Query(ctx, c.find, func(row db.Row) error {
				found = append(found, Finding{Kind: c.kind, Space: row.Text(0), Path: row.Text(1), Detail: c.description})
				if len(found) > maxFindings {
					return db.Stop
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
		for _, f := range found {
			rep.add(f)
		}
	}
	return nil
}

// Repair makes the index follow the disk and itself, and returns what is still to be found afterwards. Only spaces held
// against mass deletion stay as they are.
func (m *Maintainer) Repair(ctx context.Context, o Options) (*Report, error) {
	if o.Space == "" {
		for _, c := range rowChecks() {
			if c.description == noParent {
				if err := m.detach(ctx, c.find); err != nil {
					return nil, err
				}
			}
			if c.fix == "" {
				continue
			}
			if err := m.DB.Write(ctx, func(tx db.Tx) error { _, err := tx.Exec(ctx, c.fix); return err }); err != nil {
				return nil, err
			}
		}
	}
	spaces, err := m.spaces(ctx, o.Space)
	if err != nil {
		return nil, err
	}
	for _, sp := range spaces {
		var held *scan.HeldError
		folders := 0
		err := m.Scan.Sweep(ctx, sp, func(_ *tree.Space, path string) {
			if folders++; o.Progress != nil {
				o.Progress(sp.ID, path, folders, 0)
			}
		})
		if errors.As(err, &held) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := m.adopt(ctx, sp); err != nil {
			return nil, err
		}
		if err := m.resize(ctx, sp.ID); err != nil {
			return nil, err
		}
		if err := m.label(ctx, sp); err != nil {
			return nil, err
		}
	}
	return m.Check(ctx, o)
}

// detach puts nodes without parent into the limbo, where the comparison with the disk finds them again.
func (m *Maintainer) detach(ctx context.Context, find string) error {
	return m.DB.Write(ctx, func(tx db.Tx) error {
		var ids []string
		if err := tx.Query(ctx, find, func(row db.Row) error { ids = append(ids, row.Text(1)); return nil }); err != nil {
			return err
		}
		for _, id := range ids {
			if _, err := tx.Exec(ctx, `UPDATE nodes SET parent=?, name=? WHERE id=?`, tree.Limbo, []byte(scan.LimboName(time.Now(), id)), id); err != nil {
				return err
			}
		}
		return nil
	})
}
