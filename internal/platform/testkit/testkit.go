// Package testkit holds what tests of several packages share: a PostgreSQL server, free ports, waiting for a condition.
package testkit

import (
	"net"
	"testing"
	"time"
)

// Eventually waits until ok answers true, at most for the given time, and fails the test otherwise.
func Eventually(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(within)
	for pause := time.Millisecond; !ok(); pause = min(2*pause, 50*time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %s still not true: %s", within, what)
		}
		time.Sleep(pause)
	}
}

// FreeAddr returns a loopback address ("127.0.0.1:port") where nobody listens. Another process may take it before its
// user does; pass a listener instead where that can be done.
func FreeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
