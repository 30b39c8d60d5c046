// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/opencontainers/go-digest"
)

type object = map[string]any

// cycloneDX is the bill as CycloneDX 1.6 has it. Its serial number follows from the image: the same image
// has the same bill.
func (b bill) cycloneDX(of build, image digest.Digest) any {
	components := []object{{
		"type": "library", "bom-ref": b.standardLibrary().purl(), "name": b.standardLibrary().path,
		"version": b.goVersion, "purl": b.standardLibrary().purl(),
	}}
	depends := []string{b.standardLibrary().purl()}
	for _, m := range b.modules {
		components = append(components, object{
			"type": "library", "bom-ref": m.purl(), "name": m.path, "version": m.version, "purl": m.purl(),
			"properties": []object{{"name": "go.sum", "value": m.sum}},
		})
		depends = append(depends, m.purl())
	}
	const self = "otelcol-sre"
	return object{
		"$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
		"serialNumber": "urn:uuid:" + uuidOf(image),
		"metadata": object{
			"timestamp": of.created.Format(time.RFC3339),
			"tools":     object{"components": []object{{"type": "application", "name": "otelcol-sre/deploy/image", "version": of.version}}},
			"component": object{
				"type": "container", "bom-ref": self, "name": self, "version": of.version,
				"hashes":             []object{{"alg": "SHA-256", "content": image.Encoded()}},
				"licenses":           []object{{"license": object{"id": "Apache-2.0"}}},
				"externalReferences": []object{{"type": "vcs", "url": of.source}},
			},
		},
		"components":   components,
		"dependencies": []object{{"ref": self, "dependsOn": depends}},
	}
}

func (b bill) standardLibrary() module { return module{path: "stdlib", version: b.goVersion} }

// uuidOf is a UUID of version 8, of which RFC 9562 lets the maker choose all bits: the image's first ones.
func uuidOf(image digest.Digest) string {
	hex := image.Encoded()
	return hex[:8] + "-" + hex[8:12] + "-8" + hex[13:16] + "-8" + hex[17:20] + "-" + hex[20:32]
}
