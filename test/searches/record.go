// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package searches

import (
	"slices"
	"strconv"

	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// A Record is a log record as Loki's OTLP endpoint keeps it by default: some attributes of the resource are labels of the stream,
// all else is structured metadata.
type Record struct {
	Line             string
	Stream, Metadata map[string]string
}

// indexed are the attributes of resources that become labels by default and that services may have
// (distributor.otlp_config.default_resource_attributes_as_index_labels).
var indexed = []string{
	"cloud.availability_zone", "cloud.region", "container.name", "deployment.environment", "deployment.environment.name", "k8s.cluster.name",
	"k8s.container.name", "k8s.cronjob.name", "k8s.daemonset.name", "k8s.deployment.name", "k8s.job.name", "k8s.namespace.name",
	"k8s.pod.name", "k8s.replicaset.name", "k8s.statefulset.name", "service.instance.id", "service.name", "service.namespace",
}

// Kept is what Loki makes of a log record.
func Kept(resource pcommon.Map, r plog.LogRecord) (Record, error) {
	kept := Record{Line: r.Body().AsString(), Stream: map[string]string{}, Metadata: map[string]string{}}
	var namer otlptranslator.LabelNamer
	for _, attributes := range []pcommon.Map{resource, r.Attributes()} {
		for attribute, value := range attributes.All() {
			label, err := namer.Build(attribute)
			if err != nil {
				return Record{}, err
			}
			if attributes == resource && slices.Contains(indexed, attribute) {
				kept.Stream[label] = value.AsString()
			} else {
				kept.Metadata[label] = value.AsString()
			}
		}
	}
	if n := r.SeverityNumber(); n != plog.SeverityNumberUnspecified {
		kept.Metadata["severity_number"] = strconv.Itoa(int(n))
	}
	if severity := r.SeverityText(); severity != "" {
		kept.Metadata["severity_text"] = severity
	}
	if id := r.TraceID(); !id.IsEmpty() {
		kept.Metadata["trace_id"] = id.String()
	}
	if id := r.SpanID(); !id.IsEmpty() {
		kept.Metadata["span_id"] = id.String()
	}
	return kept, nil
}

// label is the value of a label behind the selector: there those of the stream come before structured metadata.
func (r Record) label(name string) string {
	if value, of := r.Stream[name]; of {
		return value
	}
	return r.Metadata[name]
}
