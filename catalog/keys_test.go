// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	openslov1 "github.com/OpenSLO/go-sdk/pkg/openslo/v1"
	slothobjectv1 "github.com/slok/sloth/pkg/kubernetes/api/sloth/v1"
	slothv1 "github.com/slok/sloth/pkg/prometheus/api/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// foreignTypes are the documents of other projects that are read, by kind and by what names their format.
var foreignTypes = map[string]reflect.Type{
	"prometheus/v1": reflect.TypeFor[slothv1.Spec](),
	"sloth.slok.dev/v1 PrometheusServiceLevel": reflect.TypeFor[slothobjectv1.PrometheusServiceLevel](),
	"pyrra.dev/v1alpha1 ServiceLevelObjective": reflect.TypeFor[pyrraObject](),
	"openslo/v1 Service":                       reflect.TypeFor[openslov1.Service](),
	"openslo/v1 SLO":                           reflect.TypeFor[openslov1.SLO](),
	"openslo/v1 SLI":                           reflect.TypeFor[openslov1.SLI](),
	"openslo/v1 DataSource":                    reflect.TypeFor[openslov1.DataSource](),
	"openslo/v1 AlertPolicy":                   reflect.TypeFor[openslov1.AlertPolicy](),
	"openslo/v1 AlertCondition":                reflect.TypeFor[openslov1.AlertCondition](),
	"openslo/v1 AlertNotificationTarget":       reflect.TypeFor[openslov1.AlertNotificationTarget](),
}

// Each key of each format is in a specification whose rules are compared with Sloth's output, or whose rules are checked where Sloth cannot say it. A key is
// one of a type: an indicator has the same ones wherever it is.
func TestEachKeyOfEachFormatIsInASpecification(t *testing.T) {
	written := map[string]bool{}
	require.NoError(t, filepath.WalkDir("../alerts/testdata/sloth", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" || strings.HasSuffix(path, ".golden.yaml") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for documents := yaml.NewDecoder(bytes.NewReader(text)); ; {
			var document yaml.Node
			if err := documents.Decode(&document); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			at := place{node: document.Content[0]}
			if of := foreignTypes[strings.TrimSpace(at.text("version")+at.text("apiVersion")+" "+at.text("kind"))]; of != nil {
				writtenKeys(at.node, of, written)
			}
		}
	}))
	for format, of := range foreignTypes {
		t.Run(format, func(t *testing.T) {
			keys := map[string]bool{}
			typeKeys(of, keys)
			require.Greater(t, len(keys), 3)
			for _, key := range sortedKeys(keys) {
				assert.True(t, written[key], "no specification has the key %s", key)
			}
		})
	}
}

// keysOf are the keys of a mapping, and their types. What is in a map is the user's.
func keysOf(t reflect.Type) (keys map[string]reflect.Type, name string) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice && t != reflect.TypeFor[json.RawMessage]() {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[metav1.ObjectMeta](): // Kubernetes has more
		text, texts := reflect.TypeFor[string](), reflect.TypeFor[map[string]string]()
		return map[string]reflect.Type{"name": text, "namespace": text, "labels": texts, "annotations": texts}, nameOf(t)
	case t == reflect.TypeFor[slothobjectv1.PrometheusServiceLevel](): // its metadata is embedded
		text := reflect.TypeFor[string]()
		return map[string]reflect.Type{
			"apiVersion": text, "kind": text, "metadata": reflect.TypeFor[metav1.ObjectMeta](),
			"spec": reflect.TypeFor[slothobjectv1.PrometheusServiceLevelSpec](), "status": reflect.TypeFor[slothobjectv1.PrometheusServiceLevelStatus](),
		}, nameOf(t)
	case t.Kind() != reflect.Struct || slices.Contains([]reflect.Type{reflect.TypeFor[metav1.Time](), reflect.TypeFor[openslov1.DurationShorthand]()}, t):
		return nil, ""
	}
	return jsonFields(t), nameOf(t)
}

func nameOf(t reflect.Type) string { return t.PkgPath() + "." + t.Name() }

// writtenKeys are the keys of a value of the type.
func writtenKeys(n *yaml.Node, t reflect.Type, into map[string]bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	keys, name := keysOf(t)
	for i, child := range n.Content {
		switch {
		case n.Kind == yaml.SequenceNode:
			writtenKeys(child, t, into)
		case n.Kind == yaml.MappingNode && i%2 == 1:
			key := n.Content[i-1].Value
			if of, ok := keys[key]; ok {
				into[name+"."+key] = true
				writtenKeys(child, of, into)
			}
		}
	}
}

// typeKeys are the keys that a type has.
func typeKeys(t reflect.Type, into map[string]bool) {
	keys, name := keysOf(t)
	for key, of := range keys {
		if !into[name+"."+key] {
			into[name+"."+key] = true
			typeKeys(of, into)
		}
	}
}
