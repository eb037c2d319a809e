package share

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// JailRoot describes the root of somebody's jail, in which everything that was received and accepted lies. (spec/storage.md §5)
func JailRoot(all []Received) storage.Info {
	i := storage.Info{ID: Jail(), Name: "Shares", Kind: resource.Folder, MIME: "httpd/unix-directory", ETag: JailETag(all), SpaceType: space.Virtual,
		Permissions: permission.Stat | permission.ListContainer | permission.GetPath | permission.GetQuota}
	for _, r := range all {
		if r.State == Accepted && r.Item.MTime.After(i.MTime) {
			i.MTime = r.Item.MTime
		}
	}
	return i
}

// JailETag returns the ETag, without quotes, of somebody's jail: it changes when an accepted share appears, disappears or is
// renamed, and when what is in it or the rights on it change; in nothing else, the order least of all. (spec/storage.md §5)
func JailETag(all []Received) string {
	var lines []string
	for i := range all {
		if r := &all[i]; r.State == Accepted {
			lines = append(lines, fmt.Sprintf("%q %q %q %d", r.Share, r.Mount, r.Item.ETag, r.Item.Permissions))
		}
	}
	slices.Sort(lines)
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", lines))
	return hex.EncodeToString(sum[:16])
}
