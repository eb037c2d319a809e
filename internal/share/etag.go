package share

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// JailETag names the state of somebody's jail: it changes when anything that is accepted there comes, goes, is renamed, changes
// below, or is given other rights.
func JailETag(all []Received) string {
	h := sha256.New()
	for i := range all {
		if r := &all[i]; r.State == Accepted {
			fmt.Fprintf(h, "%s\x00%s\x00%s\x00%d\n", r.Share, r.Mount, r.Item.ETag, r.Item.Permissions)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
