// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scatter

import (
	"github.com/cespare/xxhash/v2"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otelcol-sre/otelcol-sre/internal/otlpwire"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// keyOfTrace is the same for all spans and log records of a trace.
func keyOfTrace(id []byte) uint64 { return xxhash.Sum64(id) }

// keyOfService is the same for all resources of a service: its namespace and name.
func keyOfService(resource []byte) (uint64, error) {
	namespace, err := otlpwire.Attribute(resource, otlpwire.ResourceAttributes, semconv.ServiceNamespace)
	if err != nil {
		return 0, err
	}
	name, err := otlpwire.Attribute(resource, otlpwire.ResourceAttributes, semconv.ServiceName)
	if err != nil {
		return 0, err
	}
	return hash(namespace, name), nil
}

// A sloKey is the same for all counters of an SLO in one environment: both outcomes, all versions.
type sloKey struct{ service, name, environment []byte }

// sloOfScope returns what the scope says. Without a service, its metrics are not of SLOs.
func sloOfScope(scope []byte) (k sloKey, err error) {
	if k.service, err = otlpwire.Attribute(scope, otlpwire.ScopeAttributes, semconv.SLOService); err != nil || k.service == nil {
		return k, err
	}
	if k.name, err = otlpwire.Attribute(scope, otlpwire.ScopeAttributes, semconv.SLOName); err != nil {
		return k, err
	}
	k.environment, err = otlpwire.Attribute(scope, otlpwire.ScopeAttributes, semconv.Environment)
	return k, err
}

// ofPoint adds what only the data point says.
func (k sloKey) ofPoint(point []byte, attributes protowire.Number) (_ sloKey, err error) {
	if k.name == nil {
		if k.name, err = otlpwire.Attribute(point, attributes, semconv.SLOName); err != nil {
			return k, err
		}
	}
	if k.environment == nil {
		k.environment, err = otlpwire.Attribute(point, attributes, semconv.Environment)
	}
	return k, err
}

func (k sloKey) key() uint64 { return hash(k.service, k.name, k.environment) }

// hash is of all values, in this order. It is the same in every process and release: agents agree by it.
func hash(values ...[]byte) uint64 {
	var d xxhash.Digest
	d.Reset()
	for _, v := range values {
		_, _ = d.Write(v)
		_, _ = d.Write([]byte{0xff}) // is in no text, so it keeps "ab" and "c" apart from "a" and "bc"
	}
	return d.Sum64()
}
