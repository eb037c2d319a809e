package frontend

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// varying is what is another each time a test runs; moments in nanoseconds and random letters.
var varying = []struct {
	is *regexp.Regexp
	as string
}{
	{regexp.MustCompile(`("(?:stime|item_mtime)": )\d+`), "${1}0"},
	{regexp.MustCompile(`(<(?:stime|item_mtime)>)\d+`), "${1}0"},
}

// golden compares an answer with the file of that name; known are ids that are another each time, and what to call them.
func golden(t *testing.T, name string, got []byte, known ...string) {
	t.Helper()
	if strings.HasSuffix(name, ".json") {
		var out bytes.Buffer
		if err := json.Indent(&out, got, "", "  "); err != nil {
			t.Fatal(err)
		}
		got = out.Bytes()
	} else {
		got = bytes.ReplaceAll(got, []byte("><"), []byte(">\n<"))
	}
	text := strings.NewReplacer(known...).Replace(string(got))
	for _, v := range varying {
		text = v.is.ReplaceAllString(text, v.as)
	}
	text = strings.TrimSpace(text) + "\n"
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != text {
		t.Errorf("%s is not what it was (-update writes it anew):\n%s", name, text)
	}
}
