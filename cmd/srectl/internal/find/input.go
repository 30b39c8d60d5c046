// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package find

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

// A findInput can be read twice. Its name is safe to print.
type findInput struct {
	name    string
	content io.ReadSeeker
	close   func()
}

type findInputs []findInput

func (inputs findInputs) close() {
	for _, input := range inputs {
		input.close()
	}
}

// openInputs opens each file once and checks its format. The caller closes the files, also
// after an error.
func openInputs(paths []string, stdin io.Reader) (findInputs, error) {
	var (
		inputs findInputs
		seen   []os.FileInfo
	)
	for i, path := range paths {
		if slices.Contains(paths[:i], path) {
			continue
		}
		input, info, err := openInput(path, stdin)
		if err != nil {
			return inputs, err
		}
		if slices.ContainsFunc(seen, func(other os.FileInfo) bool { return os.SameFile(info, other) }) {
			input.close()
			continue
		}
		inputs, seen = append(inputs, input), append(seen, info)
		if err := checkFormat(input); err != nil {
			return inputs, err
		}
	}
	return inputs, nil
}

func openInput(path string, stdin io.Reader) (findInput, os.FileInfo, error) {
	if path == "-" {
		return spool("standard input", stdin)
	}
	name := terminal.Printable(path, terminal.MaxMessage)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return findInput{}, nil, fmt.Errorf("%q: no such file; correct the path, or add a file exporter that writes it to the collector", name)
	}
	if err != nil {
		return findInput{}, nil, errors.New(terminal.Printable(err.Error(), terminal.MaxMessage))
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("%q is a folder; name its files, as in %s/*.json", name, name)
	case !info.Mode().IsRegular(): // a pipe can be read once
		defer file.Close()
		return spool(name, file)
	}
	if err != nil {
		_ = file.Close()
		return findInput{}, nil, err
	}
	return findInput{name, file, func() { _ = file.Close() }}, info, nil
}

// spool copies a stream to a file that is removed when it is closed.
func spool(name string, from io.Reader) (findInput, os.FileInfo, error) {
	file, err := os.CreateTemp("", "srectl-find-")
	if err != nil {
		return findInput{}, nil, err
	}
	_ = os.Remove(file.Name()) // at once, so that Ctrl-C leaves nothing; where that cannot be, at the end
	remove := func() {
		_ = file.Close()
		_ = os.Remove(file.Name())
	}
	_, err = io.Copy(file, from)
	var info os.FileInfo
	if err == nil {
		info, err = file.Stat()
	}
	if err != nil {
		remove()
		return findInput{}, nil, fmt.Errorf("%s: %w", name, err)
	}
	return findInput{name, file, remove}, info, nil
}

// checkFormat rejects files that the file exporter wrote with unsupported settings.
func checkFormat(input findInput) error {
	if _, err := input.content.Seek(0, io.SeekStart); err != nil {
		return err
	}
	head := make([]byte, 512)
	n, err := io.ReadFull(input.content, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: %w", input.name, err)
	}
	head = head[:n]
	zstd, gzip := []byte{0x28, 0xb5, 0x2f, 0xfd}, []byte{0x1f, 0x8b}
	const frame = 4 // bytes of length before what is not lines of JSON
	const fix = "set format: json and no compression in the file exporter, and export the data again"
	switch {
	case bytes.HasPrefix(head, zstd), len(head) > frame && bytes.HasPrefix(head[frame:], zstd):
		return fmt.Errorf("%s is compressed with zstd: %s", input.name, fix)
	case bytes.HasPrefix(head, gzip):
		return fmt.Errorf("%s is compressed with gzip: unpack it, as in gunzip -c FILE | srectl find ID -", input.name)
	case bytes.IndexByte(head, 0) >= 0 && !bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")):
		return fmt.Errorf("%s is not text, probably format proto: %s", input.name, fix)
	}
	return nil
}
