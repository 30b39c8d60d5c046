// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"compress/gzip"
	_ "crypto/sha256" // which package digest takes by name
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	docker "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	oci "github.com/opencontainers/image-spec/specs-go/v1"
)

// A layout is a folder as the OCI image layout specification has it, with one index of all images.
type layout struct {
	folder string
	index  []oci.Descriptor
}

// newLayout starts from an empty folder, whatever was in it.
func newLayout(folder string) (*layout, error) {
	blobs := filepath.Join(folder, oci.ImageBlobsDir, digest.Canonical.String())
	if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(blobs, 0o755)); err != nil {
		return nil, err
	}
	return &layout{folder: folder}, nil
}

// addBlob keeps what write writes under its digest.
func (l *layout) addBlob(mediaType string, write func(io.Writer) error) (oci.Descriptor, error) {
	file, err := os.CreateTemp(l.folder, "blob")
	if err != nil {
		return oci.Descriptor{}, err
	}
	sum := digest.Canonical.Digester()
	if err := errors.Join(write(io.MultiWriter(file, sum.Hash())), file.Chmod(0o644)); err != nil {
		return oci.Descriptor{}, errors.Join(err, file.Close())
	}
	size, err := file.Seek(0, io.SeekCurrent)
	if err := errors.Join(err, file.Close()); err != nil {
		return oci.Descriptor{}, err
	}
	d := oci.Descriptor{MediaType: mediaType, Digest: sum.Digest(), Size: size}
	return d, os.Rename(file.Name(), filepath.Join(l.folder, oci.ImageBlobsDir, d.Digest.Algorithm().String(), d.Digest.Encoded()))
}

func (l *layout) addJSON(mediaType string, value any) (oci.Descriptor, error) {
	text, err := asJSON(value)
	if err != nil {
		return oci.Descriptor{}, err
	}
	return l.addText(mediaType, text)
}

func (l *layout) addText(mediaType string, text []byte) (oci.Descriptor, error) {
	return l.addBlob(mediaType, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// addImage adds the image of an architecture, whose files are in the folder.
func (l *layout) addImage(s stage, folder, arch string, created time.Time) (oci.Descriptor, error) {
	platform := oci.Platform{OS: "linux", Architecture: arch}
	image := docker.DockerOCIImage{Config: s.config}
	image.Created, image.Platform, image.RootFS.Type = &created, platform, "layers"
	manifest := oci.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: oci.MediaTypeImageManifest}
	for _, c := range s.copies {
		uncompressed := digest.Canonical.Digester()
		layer, err := l.addBlob(oci.MediaTypeImageLayerGzip, func(w io.Writer) error {
			compressed := gzip.NewWriter(w)
			return errors.Join(writeLayer(io.MultiWriter(compressed, uncompressed.Hash()), c, folder, created), compressed.Close())
		})
		if err != nil {
			return oci.Descriptor{}, err
		}
		manifest.Layers = append(manifest.Layers, layer)
		image.RootFS.DiffIDs = append(image.RootFS.DiffIDs, uncompressed.Digest())
		image.History = append(image.History, oci.History{Created: &created, CreatedBy: "COPY to " + c.to})
	}
	var err error
	if manifest.Config, err = l.addJSON(oci.MediaTypeImageConfig, image); err != nil {
		return oci.Descriptor{}, err
	}
	d, err := l.addJSON(oci.MediaTypeImageManifest, manifest)
	d.Platform = &platform
	l.index = append(l.index, d)
	return d, err
}

// addAttestation adds statements about an image, where BuildKit puts them and registries and scanners look.
func (l *layout) addAttestation(image oci.Descriptor, statements [][]byte) error {
	const inToto = "application/vnd.in-toto+json"
	manifest := oci.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: oci.MediaTypeImageManifest}
	config := oci.Image{Platform: oci.Platform{OS: "unknown", Architecture: "unknown"}, RootFS: oci.RootFS{Type: "layers"}}
	for _, text := range statements {
		var about struct{ PredicateType string }
		if err := json.Unmarshal(text, &about); err != nil {
			return err
		}
		layer, err := l.addText(inToto, text)
		if err != nil {
			return err
		}
		layer.Annotations = map[string]string{"in-toto.io/predicate-type": about.PredicateType}
		manifest.Layers = append(manifest.Layers, layer)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, layer.Digest)
	}
	var err error
	if manifest.Config, err = l.addJSON(oci.MediaTypeImageConfig, config); err != nil {
		return err
	}
	d, err := l.addJSON(oci.MediaTypeImageManifest, manifest)
	d.Platform = &config.Platform
	d.Annotations = map[string]string{
		"vnd.docker.reference.type":   "attestation-manifest",
		"vnd.docker.reference.digest": image.Digest.String(),
	}
	l.index = append(l.index, d)
	return err
}

// close writes the index of all images and returns its digest: the image's.
func (l *layout) close(b build) (digest.Digest, error) {
	index := oci.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: oci.MediaTypeImageIndex, Manifests: l.index}
	d, err := l.addJSON(oci.MediaTypeImageIndex, index)
	if err != nil {
		return "", err
	}
	// Tags have no "+"; Helm writes "_" for it too.
	d.Annotations = map[string]string{oci.AnnotationRefName: strings.ReplaceAll(b.version, "+", "_")}
	write := func(name string, value any) error {
		text, err := asJSON(value)
		return errors.Join(err, os.WriteFile(filepath.Join(l.folder, name), text, 0o644))
	}
	return d.Digest, errors.Join(
		write(oci.ImageLayoutFile, oci.ImageLayout{Version: oci.ImageLayoutVersion}),
		write(oci.ImageIndexFile, oci.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: oci.MediaTypeImageIndex, Manifests: []oci.Descriptor{d}}),
	)
}
