// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/goleak"
)

const version = 2

var (
	owner     = component.MustNewID("slo")
	storageID = component.MustNewID("file_storage")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A host is a collector's extensions.
type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

// fileStorage is contrib's file_storage with its files in dir.
func fileStorage(t testing.TB, dir string) host {
	t.Helper()
	factory := filestorage.NewFactory()
	config := factory.CreateDefaultConfig().(*filestorage.Config)
	config.Directory = dir
	extension, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)
	require.NoError(t, extension.Start(t.Context(), nil))
	t.Cleanup(func() { require.NoError(t, extension.Shutdown(context.Background())) })
	return host{storageID: extension}
}

// open opens a store in a file of its own, or what an earlier one left in dir.
func open(t testing.TB, dir string, version byte) *Store {
	t.Helper()
	s, err := Open(t.Context(), fileStorage(t, dir), &storageID, component.KindProcessor, owner, version)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close(context.Background())) })
	return s
}

func save(t testing.TB, s *Store, records ...Record) {
	t.Helper()
	require.NoError(t, s.Save(t.Context(), records...))
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	records := map[string][]byte{"a": []byte("state"), "every byte": all, "empty": {}, "large": make([]byte, 1<<20)}

	first := open(t, dir, version)
	for key, payload := range records {
		save(t, first, Record{key, payload})
	}
	require.NoError(t, first.Close(t.Context()))

	again := open(t, dir, version)
	for key, want := range records {
		got, err := again.Load(t.Context(), key)
		require.NoError(t, err)
		assert.NotNil(t, got, "an empty record is not a missing one")
		assert.Equal(t, want, got, "key %q", key)
	}
	got, err := again.Load(t.Context(), "missing")
	require.NoError(t, err)
	assert.Nil(t, got)
}

func TestSaveReplacesAndRemoves(t *testing.T) {
	s := open(t, t.TempDir(), version)
	save(t, s)
	save(t, s, Record{"a", []byte("1")}, Record{"b", []byte("1")})
	save(t, s, Record{"a", []byte("2")}, Record{"b", nil}, Record{"never there", nil})
	a, err := s.Load(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, "2", string(a))
	b, err := s.Load(t.Context(), "b")
	require.NoError(t, err)
	assert.Nil(t, b)
}

func TestSealDoesNotChangeThePayload(t *testing.T) {
	s := &Store{version: version}
	payload := append(make([]byte, 0, 100), "state"...)
	sealed := s.seal(payload)
	sealed[len(sealed)-1]++
	assert.Equal(t, "state", string(payload))
}

// damaged puts raw under "b" beside sound records and expects that it is set aside.
func damaged(t *testing.T, raw []byte, reason string) {
	t.Helper()
	s := open(t, t.TempDir(), version)
	save(t, s, Record{"a", []byte("sound")}, Record{"c", []byte("sound")})
	require.NoError(t, s.client.Set(t.Context(), "b", raw))

	payload, err := s.Load(t.Context(), "b")
	assert.Nil(t, payload)
	require.ErrorIs(t, err, ErrDamaged)
	require.ErrorContains(t, err, `"b"`)
	require.ErrorContains(t, err, reason)
	require.ErrorContains(t, err, `it is kept as "damaged/b"`)

	kept, err := s.client.Get(t.Context(), "damaged/b")
	require.NoError(t, err)
	assert.Equal(t, raw, kept, "what was damaged is kept as it was")
	payload, err = s.Load(t.Context(), "b")
	require.NoError(t, err, "it is reported once")
	assert.Nil(t, payload)
	for _, key := range []string{"a", "c"} {
		payload, err = s.Load(t.Context(), key)
		require.NoError(t, err)
		assert.Equal(t, "sound", string(payload))
	}
	save(t, s, Record{"b", []byte("new")})
	payload, err = s.Load(t.Context(), "b")
	require.NoError(t, err)
	assert.Equal(t, "new", string(payload))
}

func TestDamagedRecordsAreSetAside(t *testing.T) {
	sealed := (&Store{version: version}).seal([]byte("state"))
	wrong := append([]byte(nil), sealed...)
	wrong[len(wrong)-1] ^= 1
	for name, test := range map[string]struct {
		raw    []byte
		reason string
	}{
		"nothing":           {[]byte{}, "not a checkpoint"},
		"somebody else's":   {[]byte("{\"json\": true}"), "not a checkpoint"},
		"half a header":     {sealed[:headerSize-1], "not a checkpoint"},
		"a header":          {sealed[:headerSize], "checksum does not match"},
		"half a payload":    {sealed[:len(sealed)-2], "checksum does not match"},
		"too long":          {append(append([]byte(nil), sealed...), 0), "checksum does not match"},
		"a flipped bit":     {wrong, "checksum does not match"},
		"a newer release's": {(&Store{version: version + 1}).seal([]byte("state")), "written in format 3, this release reads format 2"},
		"an older one's":    {(&Store{version: version - 1}).seal([]byte("state")), "written in format 1, this release reads format 2"},
	} {
		t.Run(name, func(t *testing.T) { damaged(t, test.raw, test.reason) })
	}
}

func TestEveryFlippedBitIsNoticed(t *testing.T) {
	s := &Store{version: version}
	sealed := s.seal([]byte("the state of one SLO"))
	for i := range sealed {
		for bit := range 8 {
			flipped := append([]byte(nil), sealed...)
			flipped[i] ^= 1 << bit
			_, err := s.open(flipped)
			require.Error(t, err, "byte %d, bit %d", i, bit)
		}
	}
}

// A flipped bit in the version does not make another release's record pass for ours.
func TestAnotherVersionDoesNotBecomeOursByAFlippedBit(t *testing.T) {
	ours := &Store{version: 2}
	theirs := (&Store{version: 3}).seal([]byte("laid out otherwise"))
	theirs[len(magic)] = ours.version
	_, err := ours.open(theirs)
	require.EqualError(t, err, "checksum does not match")
}

func TestEveryTruncationIsNoticed(t *testing.T) {
	s := &Store{version: version}
	sealed := s.seal([]byte("the state of one SLO"))
	for length := range sealed {
		_, err := s.open(sealed[:length])
		require.Error(t, err, "length %d", length)
	}
}

func TestSetAside(t *testing.T) {
	s := open(t, t.TempDir(), version)
	save(t, s, Record{"a", []byte("sealed well, but senseless")})
	require.NoError(t, s.SetAside(t.Context(), "a"))
	payload, err := s.Load(t.Context(), "a")
	require.NoError(t, err)
	assert.Nil(t, payload)
	payload, err = s.Load(t.Context(), "damaged/a")
	require.NoError(t, err)
	assert.Equal(t, "sealed well, but senseless", string(payload))
	require.NoError(t, s.SetAside(t.Context(), "missing"))
	payload, err = s.Load(t.Context(), "damaged/missing")
	require.NoError(t, err)
	assert.Nil(t, payload)
}

func TestWithoutAnExtensionNothingIsKept(t *testing.T) {
	s, err := Open(t.Context(), host{}, nil, component.KindProcessor, owner, version)
	require.NoError(t, err)
	save(t, s, Record{"a", []byte("state")})
	payload, err := s.Load(t.Context(), "a")
	require.NoError(t, err)
	assert.Nil(t, payload)
	require.NoError(t, s.SetAside(t.Context(), "a"))
	require.NoError(t, s.Close(t.Context()))
}

func TestOpenErrorsNameTheFix(t *testing.T) {
	other := component.MustNewID("health_check")
	for name, test := range map[string]struct {
		host host
		id   component.ID
		want string
	}{
		"no such extension": {host{}, storageID, `storage: no extension "file_storage" is running; add it to extensions and service::extensions`},
		"another kind":      {host{other: notStorage{}}, other, `storage: extension "health_check" does not store; name a storage extension such as file_storage`},
		"a broken one":      {host{storageID: &failingStorage{}}, storageID, `storage: extension "file_storage": disk is full`},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(t.Context(), test.host, &test.id, component.KindProcessor, owner, version)
			assert.Nil(t, s)
			require.EqualError(t, err, test.want)
		})
	}
}

// Two components, or one as two kinds, keep their records apart.
func TestOwnersAreKeptApart(t *testing.T) {
	h := fileStorage(t, t.TempDir())
	for _, kind := range []component.Kind{component.KindProcessor, component.KindConnector} {
		s, err := Open(t.Context(), h, &storageID, kind, owner, version)
		require.NoError(t, err)
		payload, err := s.Load(t.Context(), "a")
		require.NoError(t, err)
		assert.Nil(t, payload)
		save(t, s, Record{"a", []byte(kind.String())})
		require.NoError(t, s.Close(t.Context()))
	}
}

func TestStorageErrors(t *testing.T) {
	broken := errors.New("disk is full")
	client := &failingClient{Client: storage.NewNopClient(), err: broken}
	s := &Store{client: client, version: version}
	err := s.Save(t.Context(), Record{"a", []byte("state")})
	require.ErrorIs(t, err, broken)
	require.EqualError(t, err, "save checkpoint: disk is full")
	_, err = s.Load(t.Context(), "a")
	require.EqualError(t, err, `load checkpoint "a": disk is full`)
	require.NotErrorIs(t, err, ErrDamaged, "an unreadable disk says nothing of the record")
	require.EqualError(t, s.SetAside(t.Context(), "a"), `set checkpoint "a" aside: disk is full`)
}

// A damaged record that cannot be set aside is not said to have been.
func TestDamagedAndNotSetAside(t *testing.T) {
	client := &failingClient{Client: storage.NewNopClient(), value: []byte("rubbish"), err: errors.New("disk is full")}
	s := &Store{client: client, version: version}
	_, err := s.Load(t.Context(), "a")
	require.ErrorIs(t, err, ErrDamaged)
	require.ErrorContains(t, err, "disk is full")
	require.NotContains(t, err.Error(), "it is kept as")
}

type notStorage struct{ component.Component }

type failingStorage struct{ component.Component }

func (*failingStorage) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return nil, errors.New("disk is full")
}

// A failingClient fails to write, and to read unless it has a value.
type failingClient struct {
	storage.Client
	value []byte
	err   error
}

func (c *failingClient) Get(context.Context, string) ([]byte, error) {
	if c.value != nil {
		return c.value, nil
	}
	return nil, c.err
}

func (c *failingClient) Batch(context.Context, ...*storage.Operation) error { return c.err }

// Whatever is stored, open does not panic, and what it takes for sound is what seal wrote.
func FuzzOpen(f *testing.F) {
	s := &Store{version: version}
	f.Add([]byte(nil))
	f.Add([]byte(magic))
	f.Add(s.seal(nil))
	f.Add(s.seal([]byte("state")))
	f.Add((&Store{version: version + 1}).seal([]byte("state")))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		payload, err := s.open(sealed)
		if err == nil {
			require.Equal(t, sealed, s.seal(payload))
		}
		payload, err = s.open(s.seal(sealed))
		require.NoError(t, err)
		require.Equal(t, string(sealed), string(payload))
	})
}

// file_storage's recreate repairs only files that make it panic; a file that it refuses is replaced here.
func TestFileThatIsNoDatabase(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir, version)
	save(t, first, Record{"a", []byte("state")})
	require.NoError(t, first.Close(t.Context()))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "processor_slo_"), bytes.Repeat([]byte("no database "), 4096), 0o600))

	for _, found := range [][]byte{nil, []byte("new")} {
		s, err := Open(t.Context(), fileStorage(t, dir), &storageID, component.KindProcessor, owner, version)
		require.ErrorIs(t, err, ErrDamaged)
		require.ErrorContains(t, err, `"recreated": put that in its place`)
		payload, err := s.Load(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, found, payload)
		save(t, s, Record{"a", []byte("new")})
		require.NoError(t, s.Close(t.Context()))
	}
}

func TestFileInUse(t *testing.T) {
	dir := t.TempDir()
	_ = open(t, dir, version)
	_, err := Open(t.Context(), fileStorage(t, dir), &storageID, component.KindProcessor, owner, version)
	require.ErrorContains(t, err, `the file of "slo" is in use: timeout; name a component in one pipeline only (elsewhere "slo/other", say)`)
}
