// Package attrs keeps what cannot be seen from the files themselves in extended attributes: what a space is, and who has
// which rights where. The index is the truth; the attributes are written behind it so that an index that was lost can be
// made anew from the disk alone. Names and values are those of docs/format.md.
package attrs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/space"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/tree"
)

const (
	prefix      = "user.oc."
	spacePrefix = prefix + "space."
	grantPrefix = prefix + "grant."
)

// WriteSpace writes what a space is to its folder. A file system without attributes is no error.
func WriteSpace(d disk.FS, sp *tree.Space) error {
	values := [][2]string{{"space.id", sp.ID}, {"space.type", string(sp.Type)}, {"space.name", sp.Name}, {"space.alias", sp.Alias},
		{"space.description", sp.Description}, {"space.image", sp.Image}, {"space.readme", sp.Readme}, {"owner.id", sp.Owner},
		{"quota", strconv.FormatInt(sp.Quota, 10)}, {"dtime", ""}}
	if sp.Disabled != 0 {
		values[len(values)-1][1] = db.Time(sp.Disabled).UTC().Format(time.RFC3339Nano)
	}
	for _, v := range values {
		if err := set(d, sp.Dir, prefix+v[0], v[1]); err != nil {
			return err
		}
	}
	return nil
}

// set writes an attribute, or removes it if the value is empty.
func set(d disk.FS, path, name, value string) error {
	var err error
	if value == "" {
		err = d.RemoveXattr(path, name)
	} else {
		err = d.SetXattr(path, name, value)
	}
	if errors.Is(err, disk.ErrNoXattr) {
		return nil
	}
	return err
}

// ReadSpace reads what WriteSpace wrote; ok is false if the folder is not that of a space.
func ReadSpace(d disk.FS, dir string) (sp *tree.Space, ok bool, err error) {
	get := func(name string) string {
		v, e := d.GetXattr(dir, prefix+name)
		if e != nil && !errors.Is(e, disk.ErrNoXattr) {
			err = e
		}
		return v
	}
	id := get("space.id")
	if id == "" || err != nil {
		return nil, false, err
	}
	sp = &tree.Space{ID: id, Dir: dir, Type: space.Type(get("space.type")), Name: get("space.name"), Alias: get("space.alias"),
		Description: get("space.description"), Image: get("space.image"), Readme: get("space.readme"), Owner: get("owner.id")}
	if sp.Type != space.Personal {
		sp.Type, sp.Owner = space.Project, ""
	}
	if n, e := strconv.ParseInt(get("quota"), 10, 64); e == nil && n > 0 {
		sp.Quota = n
	}
	if t, e := time.Parse(time.RFC3339Nano, get("dtime")); e == nil {
		sp.Disabled = t.UnixNano()
	}
	return sp, err == nil, err
}

// letters are those of spec/storage.md §1.4; one may stand for several rights.
var letters = []struct {
	letter byte
	set    permission.Set
}{
	{'t', permission.Stat | permission.GetPath}, {'x', permission.ListContainer | permission.GetPath}, {'r', permission.Download},
	{'w', permission.Upload}, {'a', permission.CreateContainer | permission.Move}, {'d', permission.Delete}, {'q', permission.GetQuota},
	{'v', permission.ListVersions}, {'V', permission.RestoreVersion}, {'u', permission.ListTrash}, {'U', permission.RestoreTrash},
	{'P', permission.PurgeTrash}, {'C', permission.AddGrant | permission.UpdateGrant}, {'c', permission.ListGrants},
	{'o', permission.RemoveGrant}, {'O', permission.DenyGrant},
}

// WriteGrant notes a grant at a file or folder.
func WriteGrant(d disk.FS, path string, g space.Grant) error {
	return set(d, path, grantName(g.Kind, g.Grantee), Format(g))
}

// RemoveGrant removes the note of a grant.
func RemoveGrant(d disk.FS, path string, kind space.GranteeKind, grantee string) error {
	return set(d, path, grantName(kind, grantee), "")
}

func grantName(kind space.GranteeKind, grantee string) string {
	if kind == space.GroupGrantee {
		return grantPrefix + "g:" + grantee
	}
	return grantPrefix + "u:" + grantee
}

// ReadGrants returns the grants noted at a file or folder; what cannot be read is left out.
func ReadGrants(d disk.FS, path string) ([]space.Grant, error) {
	names, err := d.ListXattr(path)
	if err != nil {
		return nil, err
	}
	var out []space.Grant
	for _, name := range names {
		who, ok := strings.CutPrefix(name, grantPrefix)
		if !ok || len(who) < 3 || who[1] != ':' {
			continue
		}
		value, err := d.GetXattr(path, name)
		if err != nil {
			continue
		}
		g, err := Parse(value)
		if err != nil {
			continue
		}
		g.Kind, g.Grantee = space.UserGrantee, who[2:]
		if who[0] == 'g' {
			g.Kind = space.GroupGrantee
		}
		out = append(out, g)
	}
	return out, nil
}

// Format returns a grant's value: NUL, then fields joined by ":". The field b has our own rights bit by bit, as the
// letters are coarser.
func Format(g space.Grant) string {
	var b strings.Builder
	kind, flag := "A", ""
	if g.Permissions == permission.None {
		kind = "D"
	}
	if g.Kind == space.GroupGrantee {
		flag = "g"
	}
	b.WriteString("\x00t=" + kind + ":f=" + flag + ":p=")
	for _, l := range letters {
		if g.Permissions.Has(l.set) {
			b.WriteByte(l.letter)
		}
	}
	fmt.Fprintf(&b, ":c=%s:e=%d:b=%x", g.Creator, max(0, g.Expires.Unix()), uint32(g.Permissions))
	return b.String()
}

// Parse is the inverse of Format, and reads values without b.
func Parse(value string) (space.Grant, error) {
	var g space.Grant
	fields, ok := strings.CutPrefix(value, "\x00")
	if !ok || len(value) > 4096 {
		return g, errors.New("not a grant")
	}
	var bits, kind string
	var rights permission.Set
	for f := range strings.SplitSeq(fields, ":") {
		key, v, ok := strings.Cut(f, "=")
		if !ok {
			return g, errors.New("not a grant")
		}
		switch key {
		case "t":
			kind = v
		case "p":
			for i := 0; i < len(v); i++ {
				for _, l := range letters {
					if l.letter == v[i] {
						rights |= l.set
					}
				}
			}
		case "c":
			g.Creator = v
		case "b":
			bits = v
		case "e":
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return g, fmt.Errorf("expiry of a grant: %w", err)
			}
			if n > 0 {
				g.Expires = time.Unix(n, 0)
			}
		}
	}
	if bits != "" {
		n, err := strconv.ParseUint(bits, 16, 32)
		if err != nil {
			return g, fmt.Errorf("rights of a grant: %w", err)
		}
		rights = permission.Set(n) & permission.Manager
	}
	switch kind {
	case "A":
		if rights == permission.None {
			return g, errors.New("a grant of nothing")
		}
		g.Permissions = rights
	case "D":
	default:
		return g, errors.New("not a grant")
	}
	return g, nil
}
