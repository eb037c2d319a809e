package share

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
)

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
