// Package hardened runs the real program under the restrictions of deploy/opencloud.service: no memory both writable and
// executable, only unix and inet sockets, a read-only file system but for its data folder, an unprivileged user.
package hardened

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"crypto/tls"

	"golang.org/x/sys/unix"

	"opencloud/test/server"
)

const nobody = 65534

// TestMain is also the program that takes on the restrictions before it becomes the server.
func TestMain(m *testing.M) {
	if os.Getenv("OC_HARDENED_CHILD") == "1" {
		if err := restrict(os.Getenv("OC_HARDENED_DATA")); err != nil {
			fmt.Fprintln(os.Stderr, "hardened:", err)
			os.Exit(99)
		}
		bin := os.Getenv("OC_HARDENED_BIN")
		err := syscall.Exec(bin, []string{bin, "server"}, os.Environ())
		fmt.Fprintln(os.Stderr, "hardened:", err)
		os.Exit(98)
	}
	os.Exit(m.Run())
}

// restrict makes the file system read-only but for one folder, drops privileges, and forbids sockets and memory.
func restrict(data string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mounts: %w", err)
	}
	if err := unix.Mount(data, data, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	for _, m := range []string{"/", "/tmp"} {
		_ = unix.Mount(m, m, "", unix.MS_BIND|unix.MS_REC, "")
	}
	if err := unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("read-only: %w", err)
	}
	if err := unix.Chroot("/"); err != nil {
		return err
	}
	if err := syscall.Setgroups(nil); err != nil {
		return err
	}
	if err := syscall.Setgid(nobody); err != nil {
		return err
	}
	if err := syscall.Setuid(nobody); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	const prSetMDWE, refuseExecGain = 65, 1
	if err := unix.Prctl(prSetMDWE, refuseExecGain, 0, 0, 0); err != nil && err != unix.EINVAL {
		return fmt.Errorf("MDWE: %w", err)
	}
	return forbidSockets()
}

// forbidSockets installs a seccomp filter: socket() works for AF_UNIX, AF_INET and AF_INET6 only.
func forbidSockets() error {
	ld := func(off uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: off}
	}
	jeq := func(k uint32, t, f uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jt: t, Jf: f}
	}
	ret := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	const allow, deny = 0x7fff0000, 0x00050000 | uint32(unix.EAFNOSUPPORT)
	filter := []unix.SockFilter{ld(0), jeq(unix.SYS_SOCKET, 0, 5), ld(16), jeq(unix.AF_UNIX, 3, 0), jeq(unix.AF_INET, 2, 0), jeq(unix.AF_INET6, 1, 0), ret(deny), ret(allow)}
	filter[1] = jeq(unix.SYS_SOCKET, 0, 5) // not socket(): allow
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	return unix.Prctl(unix.PR_SET_SECCOMP, 2, uintptrOf(&prog), 0, 0)
}

func TestServerUnderTheUnit(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("taking on the restrictions needs root")
	}
	bin := server.Binary(t)
	dir, err := os.MkdirTemp("/var/tmp", "oc-hardened")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	copied := filepath.Join(dir, "opencloud")
	data, config := filepath.Join(dir, "data"), filepath.Join(dir, "config")
	run := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
	}
	run("cp", bin, copied)
	run(copied, "init", "--insecure", "yes", "--admin-password", server.Password, "--config-path", config)
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	run("chown", "-R", "65534:65534", data, config)
	run("chmod", "755", dir)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.Env = []string{"OC_HARDENED_CHILD=1", "OC_HARDENED_BIN=" + copied, "OC_HARDENED_DATA=" + data, "HOME=" + data, "OC_BASE_DATA_PATH=" + data, "OC_CONFIG_DIR=" + config,
		"PROXY_HTTP_ADDR=" + addr, "OC_URL=https://" + addr, "OC_RUNTIME_PORT=", "PROXY_ENABLE_BASIC_AUTH=true"}
	for _, s := range []string{"IDM", "STORAGE_USERS", "OCDAV", "FRONTEND", "GRAPH", "PROXY", "GATEWAY", "USERS", "GROUPS", "AUTH_BASIC", "AUTH_MACHINE", "OCS"} {
		cmd.Env = append(cmd.Env, s+"_DEBUG_ADDR=", s+"_GRPC_ADDR=")
		if s != "PROXY" {
			cmd.Env = append(cmd.Env, s+"_HTTP_ADDR=")
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	if err := cmd.Start(); err != nil {
		t.Skipf("mount namespaces are not available: %v", err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	hc := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	do := func(method, path, body string) (int, error) {
		req, err := http.NewRequest(method, "https://"+addr+path, strings.NewReader(body))
		if err != nil {
			return 0, err
		}
		req.SetBasicAuth("admin", server.Password)
		resp, err := hc.Do(req)
		if err != nil {
			return 0, err
		}
		return resp.StatusCode, resp.Body.Close()
	}
	up := false
	for deadline := time.Now().Add(10 * time.Second); !up && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		st, err := do("GET", "/status.php", "")
		up = err == nil && st == 200
	}
	if !up {
		if strings.Contains(log.String(), "hardened: ") {
			t.Skipf("the restrictions are not available here: %s", log.String())
		}
		t.Fatalf("the server does not answer\n%s", log.String())
	}
	for _, x := range []struct {
		method, path, body string
		want               int
	}{{"PROPFIND", "/webdav/", "", 207}, {"MKCOL", "/webdav/a", "", 201}, {"PUT", "/webdav/a/b.txt", "hello", 201}, {"PUT", "/webdav/a/b.txt", "hello again", 204},
		{"GET", "/webdav/a/b.txt", "", 200}, {"DELETE", "/webdav/a", "", 204}, {"GET", "/graph/v1.0/me/drives", "", 200}} {
		if st, err := do(x.method, x.path, x.body); err != nil || st != x.want {
			t.Errorf("%s %s: %d %v\n%s", x.method, x.path, st, err, log.String())
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil || !strings.Contains(string(status), "Uid:\t65534") || !strings.Contains(string(status), "Seccomp:\t2") {
		t.Errorf("the process is not restricted: %v\n%s", err, status)
	}
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", cmd.Process.Pid))
	for _, line := range strings.Split(string(maps), "\n") {
		if f := strings.Fields(line); len(f) > 1 && strings.Contains(f[1], "w") && strings.Contains(f[1], "x") {
			t.Errorf("writable and executable: %s (%v)", line, err)
		}
	}
}
