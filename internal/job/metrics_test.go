package job

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestCollector(t *testing.T) {
	onStores(t, func(t *testing.T, s *Store, _ *clock) {
		enqueue(t, s, New{Kind: "a"})
		enqueue(t, s, New{Kind: "a"})
		must(t, s.Cancel(t.Context(), enqueue(t, s, New{Kind: "b"})))
		r := prometheus.NewPedanticRegistry()
		r.MustRegister(s.Collector())
		families, err := r.Gather()
		must(t, err)
		got := map[string]float64{}
		for _, m := range families[0].GetMetric() {
			got[m.GetLabel()[0].GetValue()+" "+m.GetLabel()[1].GetValue()] = m.GetGauge().GetValue()
		}
		if len(got) != 2 || got["a queued"] != 2 || got["b cancelled"] != 1 {
			t.Fatal(got)
		}
	})
}
