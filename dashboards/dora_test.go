package dashboards

import (
	"fmt"
	"strings"
)

// changing is a service in production with four deployments: one that has completed, one that vanished, and one under
// way, after which an SLO burns.
func changing(service string) string {
	var b strings.Builder
	about := fmt.Sprintf(`service_name=%q, service_namespace="shop", deployment_environment_name="production"`, service)
	for _, d := range []struct{ version, id, status, start, there string }{
		{"2.0.0", "2", "completed", "50", "_x2 %sx18"},
		{"3.0.0", "3", "started", "100", "_x4 %sx4 stale"},
		{"4.0.0", "4", "started", "200", "_x7 %sx13"},
	} {
		labels := fmt.Sprintf(`%s, service_version=%q, deployment_id=%q, deployment_status=%q`, about, d.version, d.id, d.status)
		for name, value := range map[string]string{"deployment_start_time_seconds": d.start, "deployment_info": "1", "deployment_instances": "1"} {
			fmt.Fprintf(&b, "  %s{%s} %s\n", name, labels, fmt.Sprintf(d.there, value))
		}
	}
	fmt.Fprintf(&b, "  slo_state{%s, slo_name=\"availability\", slo_state=\"burning_fast\"} _x9 1x11\n", about)
	return b.String()
}
