package alerts

const (
	collectorName = "otelcol-sre"
	alertDown     = "CollectorDown"
)
