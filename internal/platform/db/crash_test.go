package db_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"opencloud/internal/platform/db"
	"opencloud/internal/platform/db/dbtest"
)

// crashURL is set in the process that TestCrash kills.
const crashURL = "OC_TEST_CRASH_URL"

// TestCrash kills a process in the midst of its writes, again and again: every write that was answered is there, and of
// each write both rows or none.
func TestCrash(t *testing.T) {
	if url := os.Getenv(crashURL); url != "" {
		writeUntilKilled(url)
	}
	url := dbtest.SQLite(t)
	answered, lastRound := map[string]bool{}, -1
	for round := range 8 {
		ctx, cancel := context.WithCancel(t.Context())
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestCrash$")
		cmd.Env = append(os.Environ(), crashURL+"="+url, fmt.Sprint("OC_TEST_CRASH_ROUND=", round))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if k, ok := strings.CutSuffix(lines.Text(), " answered"); ok { // a whole line
				if round != lastRound {
					time.AfterFunc(time.Duration(20+30*round)*time.Millisecond, cancel)
					lastRound = round
				}
				answered[k] = true
			}
		}
		if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
			t.Fatalf("it was not killed but ended by itself: %v", err)
		}
		cancel()
		checkPairs(t, url, answered)
	}
	if len(answered) < 50 {
		t.Fatalf("only %d writes were answered: nothing was tested", len(answered))
	}
}

func checkPairs(t *testing.T, url string, answered map[string]bool) {
	t.Helper()
	d, err := db.Open(t.Context(), url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	rows := map[string]int{}
	err = d.Read(t.Context(), func(r db.Reader) error {
		err := r.Query(t.Context(), `PRAGMA integrity_check`, func(r db.Row) error {
			if r.Text(0) != "ok" {
				t.Error(r.Text(0))
			}
			return nil
		})
		if err != nil || len(answered) == 0 {
			return err
		}
		return r.Query(t.Context(), `SELECT k FROM pairs`, func(r db.Row) error { rows[r.Text(0)]++; return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	for k := range answered {
		if rows[k] == 0 {
			t.Errorf("%s was answered and is not there", k)
		}
	}
	for k, n := range rows {
		if n != 2 {
			t.Errorf("%s has %d rows of 2", k, n)
		}
	}
}

func writeUntilKilled(url string) {
	ctx := context.Background()
	d, err := db.Open(ctx, url, db.Options{})
	if err == nil {
		err = d.Migrate(ctx, "crash", []string{`CREATE TABLE pairs(k TEXT NOT NULL, b BLOB NOT NULL)`})
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				k := fmt.Sprintf("%s-%d-%d", os.Getenv("OC_TEST_CRASH_ROUND"), g, i)
				err := d.Write(ctx, func(tx db.Tx) error {
					for range 2 {
						if _, err := tx.Exec(ctx, `INSERT INTO pairs(k, b) VALUES(?,?)`, k, make([]byte, 100+i%5000)); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					fmt.Println(err)
					os.Exit(1)
				}
				os.Stdout.WriteString(k + " answered\n")
			}
		})
	}
	wg.Wait()
}
