// Package limits keeps the process within the memory that its container or unit may use.
package limits

import (
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
)

// share of the control group's memory that the Go heap may take; the rest is for stacks, mappings and the kernel.
const share = 0.9

// Memory makes the garbage collector respect the control group's limit, unless GOMEMLIMIT says otherwise. It returns the
// limit in bytes, 0 if there is none.
func Memory(lookup func(string) (string, bool)) int64 {
	if v, ok := lookup("GOMEMLIMIT"); ok && v != "" {
		return 0
	}
	n := cgroup("/proc/self/cgroup", "/sys/fs/cgroup")
	if n > 0 {
		n = int64(float64(n) * share)
		debug.SetMemoryLimit(n)
	}
	return n
}

// cgroup returns the smallest limit on the way from this process's group to the root, 0 if there is none.
func cgroup(self, root string) int64 {
	b, err := os.ReadFile(self)
	if err != nil {
		return 0
	}
	least := int64(math.MaxInt64)
	for line := range strings.Lines(string(b)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, ok := strings.Cut(rest, ":")
		base, file := root, "memory.max"
		switch {
		case !ok:
			continue
		case strings.Contains(","+controllers+",", ",memory,"): // version 1
			base, file = filepath.Join(root, "memory"), "memory.limit_in_bytes"
		case controllers != "":
			continue
		}
		// In a container the group's own folder may be what is mounted as root: then the path leads nowhere, and the root counts.
		for group = filepath.Clean("/" + group); ; group = filepath.Dir(group) {
			if n := limit(filepath.Join(base, group, file)); n > 0 {
				least = min(least, n)
			}
			if group == "/" {
				break
			}
		}
	}
	if least >= 1<<60 { // version 1 writes a huge number for none
		return 0
	}
	return least
}

func limit(path string) int64 {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 0 // "max"
	}
	return n
}
