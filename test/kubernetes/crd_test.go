// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestKindOfTheCatalog: Helm installs the kind Service only if it is asked to, as Kustomize does, and leaves it when it is removed. Roles of other namespaces
// are there for the account of this one.
func TestKindOfTheCatalog(t *testing.T) {
	definition := func(text []byte) (found []Object) {
		objects, err := Objects(text)
		require.NoError(t, err)
		for _, o := range objects {
			if o.At("kind") == "CustomResourceDefinition" {
				found = append(found, o)
			}
		}
		return found
	}
	choice := Choice{Values: "test/kubernetes/testdata/catalog-objects/values.yaml"}
	rendered, err := choice.Helm()
	require.NoError(t, err)
	assert.Empty(t, definition(rendered))

	rendered, err = choice.Helm("--set", "catalogObjects.crd=true,catalogObjects.namespaces={shop,warehouse}")
	require.NoError(t, err)
	got := definition(rendered)
	require.Len(t, got, 2)
	for _, one := range got {
		assert.Equal(t, "keep", one.At("metadata", "annotations", "helm.sh/resource-policy"))
		delete(one.At("metadata").(map[string]any), "annotations")
	}
	applied, err := Kustomize.Run("build", "deploy/kustomize/crd")
	require.NoError(t, err)
	assert.ElementsMatch(t, definition(applied), got)

	objects, err := Objects(rendered)
	require.NoError(t, err)
	var places []any
	for _, o := range objects {
		if o.At("kind") == "RoleBinding" {
			places = append(places, o.At("metadata", "namespace"))
			assert.Equal(t, Namespace, o.At("subjects").([]any)[0].(map[string]any)["namespace"])
		}
	}
	assert.ElementsMatch(t, []any{"shop", "shop", "warehouse", "warehouse"}, places)
	assert.Contains(t, string(rendered), "name: OTELCOL_SRE_CATALOG_NAMESPACES\n              value: \"shop,warehouse\"")
}
