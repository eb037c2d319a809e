package testkit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// RequirePostgres is the environment variable that, set to 1, makes tests fail instead of skip without PostgreSQL.
const RequirePostgres = "OC_TEST_REQUIRE_POSTGRES"

// SkipPostgres leaves out what needs PostgreSQL: under the race detector the same code runs with SQLite.
const SkipPostgres = "OC_TEST_SKIP_POSTGRES"

var errNoPostgres = errors.New("PostgreSQL is not installed (Debian: apt-get install postgresql)")

// cluster is the one server of this test process. It lives until the process ends, however it ends: a shell that
// started the server holds the other end of a pipe, and stops the server and removes its files when the pipe closes.
type cluster struct {
	dir  string   // data, socket and log
	pipe *os.File // kept open while this process lives
}

var (
	theCluster = sync.OnceValues(startCluster)
	databases  atomic.Int64
)

// Postgres returns the URL of a fresh, empty database on a server of this test process's own. Its default collation is
// not that of bytes, as on many an installation. Without PostgreSQL the test is skipped, see RequirePostgres.
func Postgres(t testing.TB) string {
	t.Helper()
	if os.Getenv(SkipPostgres) == "1" {
		t.Skip("without PostgreSQL this time")
	}
	c, err := theCluster()
	if errors.Is(err, errNoPostgres) && os.Getenv(RequirePostgres) != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("test%d", databases.Add(1))
	if err := c.run(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.run(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return c.url(name)
}

// DisconnectPostgres cuts all connections to the database of a URL, as a restart of the server does.
func DisconnectPostgres(t testing.TB, database string) {
	t.Helper()
	c, err := theCluster()
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	if err := c.run(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname='"+name+"'"); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) url(name string) string {
	return "postgres://opencloud@/" + name + "?host=" + url.QueryEscape(c.dir)
}

func (c *cluster) run(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, c.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

const serve = `
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c shared_buffers=16MB -c max_connections=200 \
	-c fsync=off -c full_page_writes=off -c autovacuum_naptime=1h >"$2/log" 2>&1 </dev/null &
read -r forever
kill -INT $!
wait
rm -rf "$2"`

func startCluster() (*cluster, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	// Not a test's own folder: the server outlives the test, and a socket's path may have 107 bytes only.
	dir, err := os.MkdirTemp("", "ocpg")
	if err != nil {
		return nil, err
	}
	who, err := unprivileged()
	if err != nil {
		return nil, err
	}
	if who != nil {
		if err := os.Chown(dir, int(who.Uid), int(who.Gid)); err != nil {
			return nil, err
		}
	}
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Env = dir, []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who, Setpgid: true}
		return cmd
	}
	initdb := command(filepath.Join(bin, "initdb"), "-D", dir+"/data", "-U", "opencloud", "-A", "trust", "--no-sync",
		"--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en")
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w: %s", err, out), os.RemoveAll(dir))
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	c := &cluster{dir: dir, pipe: w}
	shell := command("/bin/sh", "-c", serve, "sh", bin, dir)
	shell.Stdin = r
	if err := shell.Start(); err != nil {
		return nil, err
	}
	return c, c.await()
}

func (c *cluster) await() error {
	end := time.Now().Add(30 * time.Second)
	for {
		err := c.run(context.Background(), "SELECT 1")
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			log, _ := os.ReadFile(c.dir + "/log")
			return fmt.Errorf("PostgreSQL does not start: %w: %s", err, bytes.TrimSpace(log))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// postgresBin finds the newest installed server.
func postgresBin() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		path, err := exec.LookPath("postgres")
		if err != nil {
			return "", errNoPostgres
		}
		return filepath.Dir(path), nil
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4])
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// unprivileged is whom the server runs as; nil for ourselves. The server refuses to run as root.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("no unprivileged user to run PostgreSQL as")
}
