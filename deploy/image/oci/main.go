// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Command oci makes the image of otelcol-sre without Docker: an OCI layout with an image for each platform,
// and with each its bill of materials and its provenance. What the image is, the last stage of the Dockerfile says.
//
// The same commit gives the same digest: nothing depends on the time, the user or the order of files.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "oci:", err)
		os.Exit(1)
	}
}

// A build is what all platforms of an image have in common.
type build struct {
	version, revision, source, builder string
	created                            time.Time
}

func run(args []string) error {
	var b build
	var dockerfile, from, out, platforms, created string
	flags := flag.NewFlagSet("oci", flag.ContinueOnError)
	flags.StringVar(&dockerfile, "dockerfile", "deploy/image/Dockerfile", "`file` whose last stage is the image")
	flags.StringVar(&from, "from", "bin/linux", "`folder` that has ARCH/image, as deploy/image/lay-out makes it")
	flags.StringVar(&out, "out", "bin/image", "`folder` to write")
	flags.StringVar(&platforms, "platforms", "linux/amd64", "`list` of them, a comma or a space between")
	flags.StringVar(&b.version, "version", "devel", "version of what is built")
	flags.StringVar(&b.revision, "revision", "unknown", "commit that it is built from")
	flags.StringVar(&created, "created", "1970-01-01T00:00:00Z", "`time` of the commit, RFC 3339")
	flags.StringVar(&b.source, "source", "https://github.com/otelcol-sre/otelcol-sre", "repository that it is built from")
	flags.StringVar(&b.builder, "builder", "https://github.com/otelcol-sre/otelcol-sre/tree/main/deploy/image", "URI of who runs this: a workflow, or make")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var err error
	if b.created, err = time.Parse(time.RFC3339, created); err != nil {
		return fmt.Errorf("--created: %w", err)
	}
	b.created = b.created.UTC()
	text, err := os.ReadFile(dockerfile)
	if err != nil {
		return err
	}
	s, err := lastStage(string(text), map[string]string{
		"VERSION": b.version, "REVISION": b.revision, "CREATED": b.created.Format(time.RFC3339),
	})
	if err != nil {
		return fmt.Errorf("%s: %w", dockerfile, err)
	}
	l, err := newLayout(filepath.Join(out, "layout"))
	if err != nil {
		return err
	}
	list := strings.FieldsFunc(platforms, func(r rune) bool { return r == ',' || r == ' ' })
	for _, platform := range list {
		if err := b.add(l, s, platform, from, out); err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
	}
	digest, err := l.close(b)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s %s\n", filepath.Join(out, "layout"), strings.Join(list, " "), digest)
	return nil
}

// add adds a platform's image and what is attested of it, of which it also writes files beside the layout.
func (b build) add(l *layout, s stage, platform, from, out string) error {
	system, arch, ok := strings.Cut(platform, "/")
	if !ok || system != "linux" {
		return errors.New("no such platform: write linux/amd64 or linux/arm64")
	}
	folder := filepath.Join(from, arch, "image")
	image, err := l.addImage(s, folder, arch, b.created)
	if err != nil {
		return err
	}
	bill, err := readModules(filepath.Join(folder, "otelcol-sre"), filepath.Join(folder, "srectl"))
	if err != nil {
		return err
	}
	var statements [][]byte
	for _, about := range []struct {
		file, predicateType string
		predicate           any
	}{
		{"spdx.json", "https://spdx.dev/Document", bill.spdx(b, image.Digest)},
		{"cdx.json", "https://cyclonedx.org/bom", bill.cycloneDX(b, image.Digest)},
		{"provenance.json", "https://slsa.dev/provenance/v1", b.provenance(bill, platform)},
	} {
		text, err := asJSON(statement(platform, image.Digest, about.predicateType, about.predicate))
		if err != nil {
			return err
		}
		statements = append(statements, text)
		if about.file != "provenance.json" { // tools read bills as they are, provenance as a statement
			if text, err = asJSON(about.predicate); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(out, "otelcol-sre-linux-"+arch+"."+about.file), text, 0o644); err != nil {
			return err
		}
	}
	return l.addAttestation(image, statements)
}
