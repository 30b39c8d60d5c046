// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"fmt"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/admission"
	"github.com/otelcol-sre/otelcol-sre/internal/heard"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A Source returns the catalog in use, notifies of every new one, and reports the problems of the folders.
type Source interface {
	// Catalog returns the catalog in use. It is never nil and never changes.
	Catalog() *catalog.Catalog
	// Problems are those of the newest reading: errors first, at most 100, and no text longer than
	// a few hundred bytes or with characters that one does not see. They must not be changed.
	Problems() catalog.Problems
	// Reading says what became of the newest reading.
	Reading() Reading
	// Subscribe calls f at once with the catalog in use and then with every new one,
	// never concurrently. f must not call Subscribe or cancel.
	// Once cancel has returned, f is not running and is not called again.
	Subscribe(f func(*catalog.Catalog)) (cancel func())
}

// Admission is the registry that decides under which identity telemetry counts. All components with one catalog share it. A source that
// has none, as in tests, gets one that follows its catalog.
func Admission(source Source) *admission.Registry {
	if owner, ok := source.(interface{ Admission() *admission.Registry }); ok {
		return owner.Admission()
	}
	r := admission.New(admission.DefaultLimits(), time.Now)
	source.Subscribe(r.SetCatalog)
	return r
}

// Heard is the registry of the services that this catalog has no entry for, but Defaults; see [Admission].
func Heard(source Source) *heard.Registry {
	if owner, ok := source.(interface{ Heard() *heard.Registry }); ok {
		return owner.Heard()
	}
	r := heard.New(Admission(source), admission.DefaultLimits().MaxByDefault, time.Now)
	source.Subscribe(r.SetCatalog)
	return r
}

// Find returns the service_catalog extension that the configuration key `catalog` names.
func Find(host component.Host, id component.ID) (Source, error) {
	found, ok := host.GetExtensions()[id]
	if !ok {
		return nil, fmt.Errorf("catalog: no extension %q is running; add it to extensions and service::extensions, or name the one that runs", id)
	}
	source, ok := found.(Source)
	if !ok {
		return nil, fmt.Errorf("catalog: extension %q is not a service catalog; name an extension of type service_catalog", id)
	}
	return source, nil
}
