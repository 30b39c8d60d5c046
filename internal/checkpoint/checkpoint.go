// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package checkpoint keeps a component's state in the collector's storage extension.
//
// A record carries a version and a checksum, so that a state written by another release or
// half written is never read as if it were sound. A damaged record is set aside under another
// key, reported, and does not affect the others.
package checkpoint

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	bolt "go.etcd.io/bbolt/errors"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// A record is: magic (4 bytes), version (1), CRC-32C of version and payload (4, big endian), payload.
const (
	magic      = "osre"
	headerSize = len(magic) + 1 + 4
	setAside   = "damaged/"
	recreated  = "recreated" // the storage client in place of one that is damaged
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrDamaged is in the chain of the error for a record that cannot be read.
var ErrDamaged = errors.New("damaged checkpoint")

// A Store holds the records of one component.
type Store struct {
	client  storage.Client
	version byte
}

// Open opens the component's store in the storage extension. Without one (a nil extension)
// the store keeps nothing and finds nothing. Records of another version are damaged to it.
//
// When the extension cannot open what it kept, the store is an empty one, and the error has
// ErrDamaged in its chain: it is to be reported, and the component goes on.
func Open(ctx context.Context, host component.Host, extension *component.ID, kind component.Kind, owner component.ID, version byte) (*Store, error) {
	if extension == nil {
		return &Store{client: storage.NewNopClient(), version: version}, nil
	}
	found, ok := host.GetExtensions()[*extension]
	if !ok {
		return nil, fmt.Errorf("storage: no extension %q is running; add it to extensions and service::extensions", extension)
	}
	provider, ok := found.(storage.Extension)
	if !ok {
		return nil, fmt.Errorf("storage: extension %q does not store; name a storage extension such as file_storage", extension)
	}
	client, err := provider.GetClient(ctx, kind, owner, "")
	var damage error
	if damagedFile(err) {
		damage = fmt.Errorf("%w: storage: extension %q: the file of %q: %w; state is kept in the one whose name ends in %q: put that in its place",
			ErrDamaged, extension, owner, err, recreated)
		client, err = provider.GetClient(ctx, kind, owner, recreated)
	}
	switch {
	case errors.Is(err, bolt.ErrTimeout):
		return nil, fmt.Errorf("storage: extension %q: the file of %q is in use: %w; name a component in one pipeline only (elsewhere %q, say), and give every collector a folder of its own",
			extension, owner, err, component.MustNewIDWithName(owner.Type().String(), "other"))
	case err != nil:
		return nil, fmt.Errorf("storage: extension %q: %w", extension, err)
	}
	return &Store{client: client, version: version}, damage
}

// damagedFile reports whether it is file_storage's error for a file that is no database. Its option
// recreate is for those only that make it panic.
func damagedFile(err error) bool {
	return errors.Is(err, bolt.ErrInvalid) || errors.Is(err, bolt.ErrChecksum) || errors.Is(err, bolt.ErrVersionMismatch)
}

// A Record is a key and what to keep under it. A nil Payload removes the key.
type Record struct {
	Key     string
	Payload []byte
}

// Save writes the records in one transaction.
func (s *Store) Save(ctx context.Context, records ...Record) error {
	ops := make([]*storage.Operation, len(records))
	for i, r := range records {
		if r.Payload == nil {
			ops[i] = storage.DeleteOperation(r.Key)
			continue
		}
		ops[i] = storage.SetOperation(r.Key, s.seal(r.Payload))
	}
	if err := s.client.Batch(ctx, ops...); err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	return nil
}

// Load reads the record under key: nil when there is none. A record that cannot be read is moved
// to the key "damaged/"+key and an error with ErrDamaged in its chain is returned.
func (s *Store) Load(ctx context.Context, key string) ([]byte, error) {
	sealed, err := s.client.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("load checkpoint %q: %w", key, err)
	}
	if sealed == nil {
		return nil, nil
	}
	payload, err := s.open(sealed)
	if err != nil {
		err = fmt.Errorf("%w %q: %w", ErrDamaged, key, err)
		if failed := s.SetAside(ctx, key); failed != nil {
			return nil, errors.Join(err, failed)
		}
		return nil, fmt.Errorf("%w; it is kept as %q", err, setAside+key)
	}
	return payload, nil
}

// SetAside moves the record to the key "damaged/"+key, for a record whose payload makes no sense.
func (s *Store) SetAside(ctx context.Context, key string) error {
	sealed, err := s.client.Get(ctx, key)
	if err == nil && sealed != nil {
		err = s.client.Batch(ctx, storage.SetOperation(setAside+key, sealed), storage.DeleteOperation(key))
	}
	if err != nil {
		return fmt.Errorf("set checkpoint %q aside: %w", key, err)
	}
	return nil
}

// Close closes the store.
func (s *Store) Close(ctx context.Context) error { return s.client.Close(ctx) }

func (s *Store) seal(payload []byte) []byte {
	sealed := make([]byte, 0, headerSize+len(payload))
	sealed = append(sealed, magic...)
	sealed = append(sealed, s.version)
	sealed = binary.BigEndian.AppendUint32(sealed, checksum(s.version, payload))
	return append(sealed, payload...)
}

// checksum covers the version: a flipped bit there must not make another release's record ours.
func checksum(version byte, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte{version}, castagnoli), castagnoli, payload)
}

func (s *Store) open(sealed []byte) ([]byte, error) {
	if len(sealed) < headerSize || string(sealed[:len(magic)]) != magic {
		return nil, errors.New("not a checkpoint")
	}
	if v := sealed[len(magic)]; v != s.version {
		return nil, fmt.Errorf("written in format %d, this release reads format %d", v, s.version)
	}
	payload := sealed[headerSize:]
	if binary.BigEndian.Uint32(sealed[len(magic)+1:]) != checksum(s.version, payload) {
		return nil, errors.New("checksum does not match")
	}
	return payload, nil
}
