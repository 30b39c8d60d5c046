// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"archive/tar"
	"compress/gzip"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	docker "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	oci "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An ociLayout is what `make image` writes.
type ociLayout string

// blob reads what a descriptor describes, and checks that it is that.
func (l ociLayout) blob(t *testing.T, d oci.Descriptor) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(string(l), "blobs", d.Digest.Algorithm().String(), d.Digest.Encoded()))
	require.NoError(t, err)
	require.Equal(t, d.Digest, digest.FromBytes(text))
	require.Equal(t, d.Size, int64(len(text)))
	return text
}

func (l ociLayout) decode(t *testing.T, d oci.Descriptor, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(l.blob(t, d), into))
}

// images is the index of all platforms.
func (l ociLayout) images(t *testing.T) oci.Index {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(string(l), "index.json"))
	require.NoError(t, err)
	var top, all oci.Index
	require.NoError(t, json.Unmarshal(text, &top))
	require.Len(t, top.Manifests, 1)
	assert.Regexp(t, `^\d+\.\d+\.\d+_[0-9a-f]{12}`, top.Manifests[0].Annotations[oci.AnnotationRefName], "a tag")
	l.decode(t, top.Manifests[0], &all)
	return all
}

// An image is one platform's, with what is attested of it.
type image struct {
	descriptor             oci.Descriptor
	manifest, attestations oci.Manifest
	config                 docker.DockerOCIImage
	layout                 ociLayout
}

func builtImage(t *testing.T) (i image) {
	t.Helper()
	i.layout = "../bin/image/layout"
	for _, d := range i.layout.images(t).Manifests {
		switch {
		case d.Platform.Architecture == runtime.GOARCH:
			i.descriptor = d
			i.layout.decode(t, d, &i.manifest)
			i.layout.decode(t, i.manifest.Config, &i.config)
		case d.Annotations["vnd.docker.reference.digest"] == i.descriptor.Digest.String():
			i.layout.decode(t, d, &i.attestations)
		}
	}
	require.NotEmpty(t, i.manifest.Layers)
	require.NotEmpty(t, i.attestations.Layers)
	return i
}

// files are those of all layers.
func (i image) files(t *testing.T) (files []*tar.Header) {
	t.Helper()
	for n, layer := range i.manifest.Layers {
		compressed, err := gzip.NewReader(strings.NewReader(string(i.layout.blob(t, layer))))
		require.NoError(t, err)
		sum := digest.Canonical.Digester()
		uncompressed := io.TeeReader(compressed, sum.Hash())
		archive := tar.NewReader(uncompressed)
		for {
			header, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			files = append(files, header)
		}
		_, err = io.Copy(io.Discard, uncompressed)
		require.NoError(t, err)
		assert.Equal(t, i.config.RootFS.DiffIDs[n], sum.Digest())
	}
	return files
}

// It runs as nobody in particular, is asked without a shell, and is reached from outside where that is its purpose only.
func TestImageRunsAsTheDockerfileSays(t *testing.T) {
	t.Parallel()
	got := builtImage(t).config
	assert.Equal(t, "linux", got.OS)
	assert.Equal(t, "10001:10001", got.Config.User)
	assert.Equal(t, []string{"/otelcol-sre"}, got.Config.Entrypoint)
	assert.Equal(t, []string{"--config", "builtin:standalone"}, got.Config.Cmd)
	require.NotNil(t, got.Config.Healthcheck)
	assert.Equal(t, []string{"CMD", "/srectl", "probe"}, got.Config.Healthcheck.Test)
	assert.Positive(t, got.Config.Healthcheck.Interval)
	assert.Equal(t, map[string]struct{}{"/var/lib/otelcol-sre": {}}, got.Config.Volumes)
	assert.Equal(t, []string{
		"OTELCOL_SRE_OTLP_GRPC=0.0.0.0:4317", "OTELCOL_SRE_OTLP_HTTP=0.0.0.0:4318",
		"OTELCOL_SRE_PROMETHEUS=0.0.0.0:9464", "OTELCOL_SRE_HEALTH=0.0.0.0:13133",
	}, got.Config.Env)
	assert.Len(t, got.Config.ExposedPorts, len(got.Config.Env))

	labels := got.Config.Labels
	version, err := exec.Command(binary, "--version").Output()
	require.NoError(t, err)
	assert.Contains(t, string(version), labels[oci.AnnotationVersion]+"\n")
	assert.Regexp(t, `^[0-9a-f]{40}$`, labels[oci.AnnotationRevision])
	assert.Equal(t, got.Created.Format("2006-01-02T15:04:05Z"), labels[oci.AnnotationCreated])
	for _, key := range []string{oci.AnnotationTitle, oci.AnnotationDescription, oci.AnnotationSource, oci.AnnotationLicenses} {
		assert.NotEmpty(t, labels[key], key)
	}
}

// Two programs that need nothing else, and nothing else that runs.
func TestImageHasTwoStaticProgramsAndNoShell(t *testing.T) {
	t.Parallel()
	i := builtImage(t)
	const megabyte = 1_000_000
	var size int64
	for _, layer := range i.manifest.Layers {
		size += layer.Size
	}
	assert.Less(t, size, int64(80*megabyte), "to download")
	assert.Greater(t, size, int64(30*megabyte))

	var programs, others []string
	for _, file := range i.files(t) {
		switch {
		case file.Typeflag == tar.TypeReg && file.Mode&0o111 != 0:
			programs = append(programs, file.Name)
		case file.Typeflag == tar.TypeReg:
			others = append(others, file.Name)
		}
		assert.Contains(t, []byte{tar.TypeReg, tar.TypeDir}, file.Typeflag, file.Name)
		assert.Zero(t, file.Mode&0o7022, "%s: nobody else writes it, nothing changes the user", file.Name)
		owner := 0
		if strings.HasPrefix(file.Name, "var/lib/otelcol-sre/") {
			owner = 10001
		}
		assert.Equal(t, []int{owner, owner}, []int{file.Uid, file.Gid}, file.Name)
	}
	assert.ElementsMatch(t, []string{"otelcol-sre", "srectl"}, programs)
	assert.Subset(t, others, []string{
		"etc/passwd", "etc/group", "etc/ssl/certs/ca-certificates.crt", "licenses/LICENSE",
		"etc/otelcol-sre/alerts/otelcol-sre.rules.yaml", "etc/otelcol-sre/runbooks/otelcol-sre/CollectorDown.md",
	})
	for _, name := range programs {
		program, err := elf.Open(filepath.Join("../bin/linux", runtime.GOARCH, name))
		require.NoError(t, err)
		libraries, err := program.ImportedLibraries()
		require.NoError(t, err)
		assert.Empty(t, libraries, name)
		require.NoError(t, program.Close())
	}
}

// inToto is a statement about an image.
type inToto struct {
	Type          string `json:"_type"`
	Subject       []struct{ Digest map[string]string }
	PredicateType string
	Predicate     json.RawMessage
}

// attested are the predicates by their type: each is said of this image.
func (i image) attested(t *testing.T) map[string]json.RawMessage {
	t.Helper()
	predicates := map[string]json.RawMessage{}
	for _, layer := range i.attestations.Layers {
		var s inToto
		i.layout.decode(t, layer, &s)
		assert.Equal(t, "https://in-toto.io/Statement/v1", s.Type)
		assert.Equal(t, s.PredicateType, layer.Annotations["in-toto.io/predicate-type"])
		require.Len(t, s.Subject, 1)
		assert.Equal(t, i.descriptor.Digest.Encoded(), s.Subject[0].Digest["sha256"])
		predicates[s.PredicateType] = s.Predicate
	}
	return predicates
}

// Both bills name every module that `go version -m` finds in the programs, and what Go itself is.
func TestImageBillsOfMaterialsListEveryModule(t *testing.T) {
	t.Parallel()
	i := builtImage(t)
	attested := i.attested(t)
	want := map[string]bool{"pkg:golang/stdlib@" + strings.TrimPrefix(runtime.Version(), "go"): true}
	for _, name := range []string{"otelcol-sre", "srectl"} {
		info, err := buildinfo.ReadFile(filepath.Join("../bin/linux", runtime.GOARCH, name))
		require.NoError(t, err)
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			want["pkg:golang/"+m.Path+"@"+strings.ReplaceAll(m.Version, "+", "%2B")] = true
		}
	}
	require.Greater(t, len(want), 200)

	var cycloneDX struct {
		SpecVersion string
		Components  []struct{ Purl string }
	}
	require.NoError(t, json.Unmarshal(attested["https://cyclonedx.org/bom"], &cycloneDX))
	got := map[string]bool{}
	for _, c := range cycloneDX.Components {
		got[c.Purl] = true
	}
	assert.Equal(t, "1.6", cycloneDX.SpecVersion)
	assert.Equal(t, want, got)

	var spdx struct {
		SPDXVersion string
		Packages    []struct {
			ExternalRefs []struct{ ReferenceLocator string }
		}
	}
	require.NoError(t, json.Unmarshal(attested["https://spdx.dev/Document"], &spdx))
	got = map[string]bool{}
	for _, p := range spdx.Packages {
		for _, reference := range p.ExternalRefs {
			got[reference.ReferenceLocator] = true
		}
	}
	assert.Equal(t, "SPDX-2.3", spdx.SPDXVersion)
	assert.Equal(t, want, got)

	// Beside the layout are the same bills.
	for file, predicate := range map[string]string{"cdx": "https://cyclonedx.org/bom", "spdx": "https://spdx.dev/Document"} {
		text, err := os.ReadFile("../bin/image/otelcol-sre-linux-" + runtime.GOARCH + "." + file + ".json")
		require.NoError(t, err)
		assert.JSONEq(t, string(attested[predicate]), string(text))
	}
}

func TestImageProvenanceNamesTheCommit(t *testing.T) {
	t.Parallel()
	i := builtImage(t)
	var provenance struct {
		BuildDefinition struct {
			ExternalParameters   struct{ Revision, Platform string }
			ResolvedDependencies []struct{ Digest map[string]string }
		}
		RunDetails struct{ Builder struct{ ID string } }
	}
	require.NoError(t, json.Unmarshal(i.attested(t)["https://slsa.dev/provenance/v1"], &provenance))
	revision := i.config.Config.Labels[oci.AnnotationRevision]
	assert.Equal(t, revision, provenance.BuildDefinition.ExternalParameters.Revision)
	assert.Equal(t, revision, provenance.BuildDefinition.ResolvedDependencies[0].Digest["gitCommit"])
	assert.Equal(t, "linux/"+runtime.GOARCH, provenance.BuildDefinition.ExternalParameters.Platform)
	assert.NotEmpty(t, provenance.RunDetails.Builder.ID)
}

// Somebody else, with another umask, at another time and in another folder, makes the same image.
func TestImageIsReproducible(t *testing.T) {
	t.Parallel()
	first := builtImage(t)
	labels := first.config.Config.Labels
	folder := t.TempDir()
	laidOut := filepath.Join(folder, runtime.GOARCH, "image")
	script := `umask 077; mkdir -p "$1"; exec deploy/image/lay-out "$0" "$1"`
	layOut := exec.Command("bash", "-c", script, "bin/linux/"+runtime.GOARCH, laidOut)
	layOut.Dir = ".."
	out, err := layOut.CombinedOutput()
	require.NoError(t, err, "%s", out)
	again := exec.Command("go", "run", "./deploy/image/oci", "--from", folder, "--out", folder, "--platforms", "linux/"+runtime.GOARCH,
		"--version", labels[oci.AnnotationVersion], "--revision", labels[oci.AnnotationRevision], "--created", labels[oci.AnnotationCreated])
	again.Dir = ".."
	out, err = again.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, d := range (ociLayout(filepath.Join(folder, "layout"))).images(t).Manifests {
		if d.Platform.Architecture == runtime.GOARCH {
			assert.Equal(t, first.descriptor.Digest, d.Digest)
		}
	}
}
