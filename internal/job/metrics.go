package job

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Collector counts the jobs of the table by kind and state, when asked.
func (s *Store) Collector() prometheus.Collector { return collector{s} }

type collector struct{ store *Store }

var countDesc = prometheus.NewDesc("opencloud_jobs", "Background jobs in the table.", []string{"kind", "state"}, nil)

func (c collector) Describe(out chan<- *prometheus.Desc) { out <- countDesc }

func (c collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	counts, err := c.store.Counts(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(countDesc, err)
		return
	}
	for _, n := range counts {
		out <- prometheus.MustNewConstMetric(countDesc, prometheus.GaugeValue, float64(n.N), n.Kind, string(n.State))
	}
}
