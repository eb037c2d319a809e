package proxy

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"opencloud/internal/platform/config"
)

// csp is a content security policy: directive to sources.
type csp map[string][]string

const maxCSPFile = 1 << 20 // bytes

func defaultCSP() csp {
	return csp{
		"child-src":       {"'self'"},
		"connect-src":     {"'self'", "blob:", "https://raw.githubusercontent.com/opencloud-eu/awesome/"},
		"default-src":     {"'none'"},
		"font-src":        {"'self'"},
		"frame-ancestors": {"'self'"},
		"frame-src":       {"'self'", "blob:", "https://embed.diagrams.net/"},
		"img-src":         {"'self'", "data:", "blob:", "https://raw.githubusercontent.com/opencloud-eu/awesome/"},
		"manifest-src":    {"'self'"},
		"media-src":       {"'self'"},
		"object-src":      {"'self'", "blob:"},
		"script-src":      {"'self'", "'unsafe-inline'"},
		"style-src":       {"'self'", "'unsafe-inline'"},
	}
}

// loadCSP returns the policy as a header: the default, with the sources of files added, or that of the files in override
// alone. Both are comma lists of files and shell patterns. (spec/identity.md §5.8)
func loadCSP(files, override string) (string, error) {
	policy := defaultCSP()
	list := files
	if override != "" {
		policy, list = csp{}, override
	}
	paths, err := expandPaths(list)
	if err != nil {
		return "", err
	}
	if override != "" && len(paths) == 0 {
		return "", fmt.Errorf("content security policy: no file matches %q", override)
	}
	for _, p := range paths {
		more, err := readCSP(p)
		if err != nil {
			return "", fmt.Errorf("content security policy %s: %w", p, err)
		}
		policy.merge(more)
	}
	return policy.header(), nil
}

func expandPaths(list string) (paths []string, err error) {
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		if !strings.ContainsAny(item, "*?[") {
			paths = append(paths, item) // a missing one is an error when it is read
			continue
		}
		hits, err := filepath.Glob(item)
		if err != nil {
			return nil, fmt.Errorf("content security policy: pattern %q: %w", item, err)
		}
		paths = append(paths, hits...)
	}
	return paths, nil
}

func readCSP(path string) (csp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxCSPFile {
		return nil, fmt.Errorf("it is larger than %d bytes", maxCSPFile)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Directives csp `yaml:"directives"`
	}
	text, err := config.Expand(string(b), os.LookupEnv)
	if err != nil {
		return nil, err
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		return nil, err
	}
	return file.Directives, nil
}

func (c csp) merge(more csp) {
	for name, sources := range more {
		for _, s := range sources {
			if !slices.Contains(c[name], s) {
				c[name] = append(c[name], s)
			}
		}
	}
}

func (c csp) header() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c)) {
		sources := slices.DeleteFunc(slices.Clone(c[name]), func(s string) bool { return s == "'none'" && len(c[name]) > 1 })
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(clean(name) + " " + clean(strings.Join(sources, " ")))
	}
	return b.String()
}

// clean removes what would end a directive or the header.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == ';' || r == ',' {
			return -1
		}
		return r
	}, s)
}
