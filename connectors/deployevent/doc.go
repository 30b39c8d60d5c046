//go:generate go tool mdatagen metadata.yaml

// Package deployevent is the deployevent connector: it finds deployments in the telemetry that services
// send anyway, merges them with what pipelines and controllers report, and tells of each in log
// records and metrics.
//
// What happened is decided by the tracker (see [tracker]); here it is fed, asked, saved, and its answers are
// written. Processors that stamp telemetry with its deployment ask the same tracker: see [Find].
package deployevent
