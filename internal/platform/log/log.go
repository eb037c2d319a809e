// Package log makes the loggers of services: JSON lines on standard error, or text for people.
package log

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"opencloud/internal/platform/config"
)

// New returns a service's logger. The levels are those of the original; panic and fatal log as error does.
func New(c config.Log, service string) (*slog.Logger, error) {
	level, err := parseLevel(c.Level)
	if err != nil {
		return nil, err
	}
	var out io.Writer = os.Stderr
	if c.File != "" {
		f, err := os.OpenFile(c.File, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, fmt.Errorf("log file: %w", err)
		}
		out = f
	}
	o := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewJSONHandler(out, o)
	if c.Pretty {
		h = slog.NewTextHandler(out, o)
	}
	return slog.New(h).With("service", service), nil
}

func parseLevel(s string) (slog.Level, error) {
	switch strings.ToLower(s) {
	case "panic", "fatal", "error", "":
		return slog.LevelError, nil
	case "warn", "warning":
		return slog.LevelWarn, nil
	case "info":
		return slog.LevelInfo, nil
	case "debug":
		return slog.LevelDebug, nil
	case "trace":
		return slog.LevelDebug - 4, nil
	}
	return 0, fmt.Errorf("log level %q is not one of panic, fatal, error, warn, info, debug, trace", s)
}
