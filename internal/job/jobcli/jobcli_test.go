package jobcli

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"opencloud/internal/job"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/db/dbtest"
)

// terminal runs commands on one table.
type terminal struct {
	t     *testing.T
	store *job.Store
	ends  int
}

func newTerminal(t *testing.T, d db.DB) *terminal {
	s, err := job.NewStore(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return &terminal{t: t, store: s}
}

func (x *terminal) run(args ...string) (string, error) {
	cmd := Command(func(context.Context) (*job.Store, func() error, error) {
		return x.store, func() error { x.ends++; return nil }, nil
	})
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&bytes.Buffer{})
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(x.t.Context())
	return out.String(), err
}

func (x *terminal) must(args ...string) string {
	x.t.Helper()
	out, err := x.run(args...)
	if err != nil {
		x.t.Fatalf("%v: %v", args, err)
	}
	return out
}

func TestCommands(t *testing.T) {
	x := newTerminal(t, dbtest.Open(t, dbtest.SQLite(t)))
	if out := x.must("list"); out != "no jobs\n" {
		t.Fatalf("%q", out)
	}
	if out := x.must("list", "--json"); out != "[]\n" {
		t.Fatalf("%q", out)
	}
	a, err := x.store.Enqueue(t.Context(), job.New{Kind: "scan", Key: "space\x1b[31m", Payload: []byte(`{"depth":1}`)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := x.store.Enqueue(t.Context(), job.New{Kind: "mail", Payload: []byte{0xff}})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(x.must("list"), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[1], b) || !strings.HasPrefix(lines[2], a) || !strings.Contains(lines[2], "queued") {
		t.Fatalf("%q", lines)
	}
	if strings.Contains(lines[2], "\x1b") {
		t.Fatal("control characters reach the terminal")
	}
	if out := x.must("cancel", a); out != a+" cancelling\n" {
		t.Fatalf("%q", out)
	}
	if out := x.must("list", "--state", "cancelled,failed", "--kind", "scan"); !strings.Contains(out, a) || strings.Contains(out, b) {
		t.Fatal(out)
	}
	if out := x.must("show", a); !strings.Contains(out, "State:") || !strings.Contains(out, "cancelled") || !strings.Contains(out, `{"depth":1}`) {
		t.Fatal(out)
	}
	var v view
	if err := json.Unmarshal([]byte(x.must("show", "--json", a)), &v); err != nil {
		t.Fatal(err)
	}
	var payload struct{ Depth int }
	if err := json.Unmarshal(v.Payload, &payload); err != nil || v.State != job.Cancelled || v.Finished.IsZero() || !v.LeasedUntil.IsZero() || payload.Depth != 1 {
		t.Fatalf("%+v, %v", v, err)
	}
	// What can be done is done, the rest reported.
	out, err := x.run("retry", "nothing", a)
	if err == nil || !strings.Contains(err.Error(), "nothing: no such job") || out != a+" queued\n" {
		t.Fatalf("%q, %v", out, err)
	}
	var all []view
	if err := json.Unmarshal([]byte(x.must("list", "--json", "--limit", "1")), &all); err != nil || len(all) != 1 || string(all[0].Payload) != `"/w=="` {
		t.Fatalf("%+v, %v", all, err)
	}
	if x.ends == 0 {
		t.Fatal("the table is never closed")
	}
}

func TestMistakes(t *testing.T) {
	x := newTerminal(t, dbtest.Open(t, dbtest.SQLite(t)))
	for _, args := range [][]string{{"list", "--state", "asleep"}, {"show"}, {"show", "a", "b"}, {"show", "nothing"}, {"cancel"}, {"retry", "nothing"}, {"list", "x"}} {
		if _, err := x.run(args...); err == nil {
			t.Errorf("%v succeeded", args)
		}
	}
}
