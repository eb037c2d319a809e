package testkit

import (
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestPostgresDatabasesAreApart(t *testing.T) {
	a, b := Postgres(t), Postgres(t)
	conn, err := pgx.Connect(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "CREATE TABLE x(a INT)"); err != nil {
		t.Fatal(err)
	}
	other, err := pgx.Connect(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(t.Context())
	if _, err := other.Exec(t.Context(), "SELECT * FROM x"); err == nil {
		t.Fatal("a table of one database is seen in the other")
	}
	DisconnectPostgres(t, a)
	if _, err := conn.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Fatal("the connection survived DisconnectPostgres")
	}
	if _, err := other.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Fatal(err)
	}
}

func TestFreeAddr(t *testing.T) {
	l, err := net.Listen("tcp", FreeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

func TestEventually(t *testing.T) {
	n := 0
	Eventually(t, time.Second, "counted to three", func() bool { n++; return n == 3 })
}
