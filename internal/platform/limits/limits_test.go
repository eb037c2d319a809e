package limits

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCgroup(t *testing.T) {
	for name, tc := range map[string]struct {
		self  string
		files map[string]string
		want  int64
	}{
		"none":            {"0::/\n", nil, 0},
		"unlimited":       {"0::/a\n", map[string]string{"a/memory.max": "max\n"}, 0},
		"own":             {"0::/a/b\n", map[string]string{"a/b/memory.max": "1000\n", "a/memory.max": "max\n"}, 1000},
		"parent's":        {"0::/a/b\n", map[string]string{"a/b/memory.max": "1000\n", "a/memory.max": "500\n"}, 500},
		"container":       {"0::/../x\n", map[string]string{"memory.max": "700\n"}, 700},
		"version 1":       {"5:cpu:/a\n4:memory,x:/a\n", map[string]string{"memory/a/memory.limit_in_bytes": "300\n", "a/memory.max": "1"}, 300},
		"version 1, none": {"4:memory:/\n", map[string]string{"memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		"no sense":        {"nonsense", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for f, text := range tc.files {
				p := filepath.Join(dir, f)
				if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			self := filepath.Join(dir, "self")
			if err := os.WriteFile(self, []byte(tc.self), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := cgroup(self, dir); got != tc.want {
				t.Errorf("%d, want %d", got, tc.want)
			}
		})
	}
}
