package e2e

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"opencloud/test/server"
)

// TestManyShares lists what somebody received when it is much (OC_E2E_SHARES, else 200), and measures what that costs the server.
func TestManyShares(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("OC_E2E_SHARES"))
	if err != nil {
		n = 200
	}
	s := server.Start(t, server.Options{})
	alan, mary := as(t, s, "alan"), as(t, s, "mary")
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				a, err := alan.Try("MKCOL", fmt.Sprintf("/dav/spaces/%s/folder%d", alan.drive, i), nil)
				if err == nil && a.Status == 201 {
					a, err = alan.Try("POST", "/graph/v1beta1/drives/"+alan.drive+"/items/"+a.Header.Get("Oc-Fileid")+"/invite",
						strings.NewReader(`{"recipients":[{"objectId":"`+maryUser+`"}],"roles":["`+viewerRole+`"]}`))
				}
				if err != nil || a.Status != 200 {
					t.Errorf("share %d: %d %v", i, a.Status, err)
				}
			}
		})
	}
	if wg.Wait(); t.Failed() {
		return
	}
	jail := "/dav/spaces/" + jailSpace
	for name, list := range map[string]func() int{
		"PROPFIND of the jail": func() int {
			return strings.Count(mary.Want("PROPFIND", jail, "", []string{"Depth", "1"}, 207).Body, "<d:response>") - 1
		},
		"sharedWithMe": func() int {
			return strings.Count(mary.Want("GET", "/graph/v1beta1/me/drive/sharedWithMe", "", nil, 200).Body, `"remoteItem":`)
		},
	} {
		list() // gives the newcomers names
		before, peak := usage(t, s.Pid())
		const times = 3
		for range times {
			if got := list(); got != n {
				t.Errorf("%s: %d entries, want %d", name, got, n)
			}
		}
		after, peak2 := usage(t, s.Pid())
		t.Logf("%s: %.1f µs CPU an entry; memory at most %d MiB, %d MiB before", name, (after-before)*1e6/times/float64(n), peak2>>10, peak>>10)
		if peak2-peak > 64<<10+n*16 { // KiB
			t.Errorf("%s: memory grew from %d to %d KiB", name, peak, peak2)
		}
	}
	mary.Want("PROPFIND", jail+"/folder1", "", []string{"Depth", "0"}, 207)
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// usage returns the CPU seconds that a process used, and the most memory in KiB.
func usage(t *testing.T, pid int) (cpu float64, peak int) {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	must(t, err)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	for _, field := range f[11:13] { // utime and stime, of 100 Hz: proc(5)
		ticks, err := strconv.ParseFloat(field, 64)
		must(t, err)
		cpu += ticks / 100
	}
	m := highWater.FindSubmatch(status)
	if m == nil {
		t.Fatalf("%s", status)
	}
	peak, err = strconv.Atoi(string(m[1]))
	must(t, err)
	return cpu, peak
}
