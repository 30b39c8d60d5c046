// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package packaging

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	docker "github.com/moby/docker-image-spec/specs-go/v1"
	oci "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const layout = "../../bin/image/layout"

// readBlob reads a blob that is JSON.
func readBlob(t *testing.T, d oci.Descriptor, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(layout, "blobs/sha256", d.Digest.Encoded()))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, into))
}

// unpackImage unpacks this machine's image, as a runtime does, and returns how it is to be run.
func unpackImage(t *testing.T) (place, docker.DockerOCIImage) {
	t.Helper()
	var top, index oci.Index
	text, err := os.ReadFile(filepath.Join(layout, "index.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &top))
	readBlob(t, top.Manifests[0], &index)
	p := place(t.TempDir())
	require.NoError(t, os.Chmod(string(p), 0o755))
	var config docker.DockerOCIImage
	for _, d := range index.Manifests {
		if d.Platform.Architecture != runtime.GOARCH {
			continue
		}
		var manifest oci.Manifest
		readBlob(t, d, &manifest)
		readBlob(t, manifest.Config, &config)
		for _, layer := range manifest.Layers {
			p.unpack(t, filepath.Join(layout, "blobs/sha256", layer.Digest.Encoded()))
		}
	}
	require.NotEmpty(t, config.Config.Entrypoint)
	return p, config
}

func (p place) unpack(t *testing.T, layer string) {
	t.Helper()
	file, err := os.Open(layer)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	compressed, err := gzip.NewReader(file)
	require.NoError(t, err)
	archive := tar.NewReader(compressed)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		path := filepath.Join(string(p), header.Name)
		if header.Typeflag == tar.TypeDir {
			require.NoError(t, os.MkdirAll(path, header.FileInfo().Mode()))
		} else {
			text, err := io.ReadAll(archive)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, text, header.FileInfo().Mode()))
		}
		require.NoError(t, os.Chown(path, header.Uid, header.Gid))
	}
}

// The image's programs run with nothing but the image around them.
func TestImageRunsAsItsUser(t *testing.T) {
	p, image := unpackImage(t)
	s := service{user: 10001, group: 10001, probe: "/srectl", environment: append(image.Config.Env, freeAddresses(t)...)}
	s.arguments = slices.Concat(image.Config.Entrypoint, image.Config.Cmd)
	s.works(t, p)

	out, err := s.command(p, "/otelcol-sre", "--version").CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), image.Config.Labels[oci.AnnotationVersion])
	for _, role := range []string{"agent", "gateway", "standalone"} {
		out, err := s.command(p, "/otelcol-sre", "validate", "--config", "builtin:"+role).CombinedOutput()
		assert.NoError(t, err, "%s: %s", role, out)
	}
}
