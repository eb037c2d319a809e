package directory

import (
	"sync"
	"testing"

	"opencloud/internal/identity"
	"opencloud/internal/platform/db/dbtest"
)

// TestBootstrapTogether: processes that start together on a new database all start, and there is one administrator.
func TestBootstrapTogether(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		const processes = 8
		var all []*Directory
		for range processes {
			all = append(all, newDirectory(t, dbtest.Open(t, url)))
		}
		start := make(chan struct{})
		var wg sync.WaitGroup
		for _, d := range all {
			wg.Go(func() {
				<-start
				if err := d.Bootstrap(t.Context(), Bootstrap{AdminPassword: "first", DemoUsers: true}); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		wg.Wait()
		if found, err := all[0].ListAccounts(t.Context(), identity.AccountQuery{}); err != nil || len(found) != 1+len(demoUsers()) {
			t.Errorf("%d accounts, %v", len(found), err)
		}
	})
}
