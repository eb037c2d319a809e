package log_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opencloud/internal/platform/config"
	"opencloud/internal/platform/log"
)

func TestLevelsAndFile(t *testing.T) {
	for level, want := range map[string]int{"": 1, "panic": 1, "fatal": 1, "error": 1, "warn": 2, "WARN": 2, "info": 3, "debug": 4, "trace": 4} {
		file := filepath.Join(t.TempDir(), "log")
		l, err := log.New(config.Log{Level: level, File: file}, "graph")
		if err != nil {
			t.Fatal(err)
		}
		l.Error("four", "n", 4)
		l.Warn("three")
		l.Info("two")
		l.Debug("one")
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		if len(lines) != want {
			t.Errorf("%q: %d lines, want %d", level, len(lines), want)
		}
		var first map[string]any
		if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || first["service"] != "graph" || first["level"] != "ERROR" || first["n"] != 4.0 {
			t.Errorf("%q: %v %v", level, first, err)
		}
		if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("others can read the log: %v", st.Mode())
		}
	}
}

func TestUnknownLevelAndBadFile(t *testing.T) {
	if _, err := log.New(config.Log{Level: "loud"}, "graph"); err == nil || !strings.Contains(err.Error(), "loud") {
		t.Error(err)
	}
	if _, err := log.New(config.Log{File: filepath.Join(t.TempDir(), "no", "folder")}, "graph"); err == nil {
		t.Error("a log file in a folder that is not there was taken")
	}
}
