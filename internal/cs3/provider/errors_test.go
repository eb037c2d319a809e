package provider

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"opencloud/internal/storage"
)

// Every error that the storage's callers tell apart survives the way between processes, alone and together.
func TestErrorsSurvive(t *testing.T) {
	all := sentinels()
	for i, s := range all {
		for _, err := range []error{s.err, fmt.Errorf("in %q: %w", "a\nb", s.err), fmt.Errorf("%w: %w", s.err, all[(i+1)%len(all)].err)} {
			got := fromStatus(toStatus(err))
			for _, other := range all {
				if errors.Is(got, other.err) != errors.Is(err, other.err) {
					t.Errorf("%v arrived as %v: is %v %t", err, got, other.err, errors.Is(got, other.err))
				}
			}
			if got.Error() != err.Error() {
				t.Errorf("%q arrived as %q", err, got)
			}
		}
	}
}

// TestEverySentinelIsKnown reads the declarations: who adds an error must add it here.
func TestEverySentinelIsKnown(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../../storage/errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Err") {
			declared += len(v.Names)
		}
		return true
	})
	if declared == 0 || declared != len(sentinels()) {
		t.Errorf("%d errors are declared, %d travel", declared, len(sentinels()))
	}
}

func TestLockSurvives(t *testing.T) {
	l := storage.Lock{Token: "opaquelocktoken:1", User: "alice", UserName: "Alice", Expires: time.Unix(1e9, 5).UTC()}
	var got *storage.LockedError
	if err := fromStatus(toStatus(fmt.Errorf("put: %w", &storage.LockedError{Lock: l}))); !errors.As(err, &got) || got.Lock != l || !errors.Is(err, storage.ErrLocked) {
		t.Errorf("got %v", err)
	}
}

func TestOtherErrors(t *testing.T) {
	secret := fromStatus(toStatus(errors.New("open /srv/secret: permission denied")))
	if strings.Contains(secret.Error(), "secret") {
		t.Errorf("what went wrong inside comes out: %v", secret)
	}
	for _, s := range sentinels() {
		if errors.Is(secret, s.err) {
			t.Errorf("an internal error is %v", s.err)
		}
	}
	for _, tc := range []struct{ in, want error }{
		{toStatus(fmt.Errorf("list: %w", context.Canceled)), context.Canceled},
		{status.Error(codes.Unavailable, "connection refused"), storage.ErrUnavailable},
		{status.Error(codes.Unauthenticated, "bad token"), storage.ErrUnavailable},
		{toStatus(context.DeadlineExceeded), storage.ErrUnavailable},
	} {
		if err := fromStatus(tc.in); !errors.Is(err, tc.want) || errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%v arrived as %v", tc.in, err)
		}
	}
}

func TestLossy(t *testing.T) {
	for text, want := range map[string]bool{"": false, "ä": false, "�": false, `\ufffd`: false, `\\ufffd`: false, "\xff": true, "\\\xff": true, `\ufffd` + "\xff": true, "a\xc3": true} {
		if _, err := encode(map[string]string{"k": text}); (err != nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}
