// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
)

// spdx is the bill as SPDX 2.3 has it.
func (b bill) spdx(of build, image digest.Digest) any {
	const self, unknown = "SPDXRef-image", "NOASSERTION"
	packages := []object{{
		"SPDXID": self, "name": "otelcol-sre", "versionInfo": of.version, "downloadLocation": of.source,
		"filesAnalyzed": false, "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0", "copyrightText": unknown,
		"primaryPackagePurpose": "CONTAINER",
		"checksums":             []object{{"algorithm": "SHA256", "checksumValue": image.Encoded()}},
	}}
	relationships := []object{relationship("SPDXRef-DOCUMENT", "DESCRIBES", self)}
	for i, m := range append([]module{b.standardLibrary()}, b.modules...) {
		id := fmt.Sprintf("SPDXRef-module-%d", i)
		packages = append(packages, object{
			"SPDXID": id, "name": m.path, "versionInfo": m.version, "downloadLocation": unknown,
			"filesAnalyzed": false, "licenseConcluded": unknown, "licenseDeclared": unknown, "copyrightText": unknown,
			"primaryPackagePurpose": "LIBRARY",
			"externalRefs": []object{{
				"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": m.purl(),
			}},
		})
		relationships = append(relationships, relationship(self, "CONTAINS", id))
	}
	return object{
		"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "otelcol-sre " + of.version,
		"documentNamespace": of.source + "/spdx/" + uuidOf(image),
		"creationInfo":      object{"created": of.created.Format(time.RFC3339), "creators": []string{"Tool: otelcol-sre/deploy/image"}},
		"packages":          packages,
		"relationships":     relationships,
	}
}

func relationship(from, kind, to string) object {
	return object{"spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to}
}
