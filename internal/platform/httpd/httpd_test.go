package httpd

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"opencloud/internal/platform/tlsutil"
)

// start serves h on a free port; stop ends it and waits.
func start(t *testing.T, h http.Handler, tc *tls.Config) (addr string, stop func()) {
	t.Helper()
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- ServeListener(ctx, l, h, tc, slog.New(slog.DiscardHandler)) }()
	stop = func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(2 * stopTimeout):
			t.Error("the server does not stop")
		}
	}
	return l.Addr().String(), stop
}

func TestPanicsEndARequestAndNothingElse(t *testing.T) {
	addr, stop := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bad" {
			panic("no")
		}
		_, _ = io.WriteString(w, "fine")
	}), nil)
	defer stop()
	if resp, err := http.Get("http://" + addr + "/bad"); err == nil {
		resp.Body.Close()
		t.Errorf("a panic was answered with %s", resp.Status)
	}
	resp, err := http.Get("http://" + addr + "/good")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

// TestStopWaitsForRequests: a request that runs is finished, a new one is not taken.
func TestStopWaitsForRequests(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	addr, stop := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-leave
		_, _ = io.WriteString(w, "whole")
	}), nil)
	got := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + addr)
		if err != nil {
			got <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		got <- string(b)
	}()
	<-entered
	time.AfterFunc(50*time.Millisecond, func() { close(leave) })
	stop()
	if s := <-got; s != "whole" {
		t.Error(s)
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("it still listens")
	}
}

func TestHeadersAreBounded(t *testing.T) {
	addr, stop := start(t, http.NotFoundHandler(), nil)
	defer stop()
	req, _ := http.NewRequest("GET", "http://"+addr, nil)
	req.Header.Set("X-Long", strings.Repeat("x", 256<<10))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Skip("the connection was cut before the answer could be read") // as good
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Error(resp.Status)
	}
}

// TestStalledBodiesEnd: a body that stops moving is given up; one that moves slowly is not.
func TestStalledBodiesEnd(t *testing.T) {
	const patience = 200 * time.Millisecond
	result := make(chan error, 1)
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: moving(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		result <- err
	}), patience)}
	go s.Serve(l) //nolint:errcheck // closed below
	defer s.Close()
	send := func(pieces int) {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n")
		for range pieces {
			_, _ = io.WriteString(c, "x")
			time.Sleep(patience / 2)
		}
		_, _ = bufio.NewReader(c).ReadString('\n')
	}
	go send(8)
	if err := <-result; err != nil {
		t.Errorf("a slow body: %v", err)
	}
	go send(2)
	if err := <-result; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a stalled body: %v", err)
	}
}

// TestPeersThatTakeNothingEnd: who does not read what he asked for is cut off.
func TestPeersThatTakeNothingEnd(t *testing.T) {
	const patience = 200 * time.Millisecond
	inner, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := takers{inner, patience}
	defer l.Close()
	result := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			result <- err
			return
		}
		defer c.Close()
		piece := make([]byte, 1<<20)
		for err == nil {
			_, err = c.Write(piece)
		}
		result <- err
	}()
	c, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	select {
	case err := <-result:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it writes for ever")
	}
}

// TestTLSAndHTTP2: a certificate is made, and both protocols are spoken.
func TestTLSAndHTTP2(t *testing.T) {
	dir := t.TempDir()
	tc, err := tlsutil.Server(filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem"))
	if err != nil {
		t.Fatal(err)
	}
	addr, stop := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }), tc)
	defer stop()
	for _, want := range []string{"HTTP/1.1", "HTTP/2.0"} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: want == "HTTP/2.0"}
		resp, err := (&http.Client{Transport: tr, Timeout: 10 * time.Second}).Get("https://" + addr)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		tr.CloseIdleConnections()
		if string(b) != want {
			t.Errorf("spoke %s, want %s", b, want)
		}
	}
}
