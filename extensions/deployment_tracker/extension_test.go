// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deploymenttracker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/extensions/deployment_tracker/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/tracker"
)

var (
	storageID = component.MustNewID("file_storage")
	connector = component.MustNewID("deployevent")
	began     = time.Now().Truncate(time.Second)
)

// A host is a collector's extensions.
type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

// withStorage is a host with contrib's file_storage, its files in dir.
func withStorage(t *testing.T, dir string) host {
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

// start starts an extension that keeps its state in the host's storage, if the host has one.
func start(t *testing.T, h host) *deploymentTracker {
	t.Helper()
	config := createDefaultConfig().(*Config)
	if len(h) > 0 {
		config.Storage = &storageID
	}
	set := extensiontest.NewNopSettings(metadata.Type)
	set.ID = component.NewID(metadata.Type)
	d := newDeploymentTracker(set, config)
	require.NoError(t, d.Start(t.Context(), h))
	return d
}

func claim(t *testing.T, d *deploymentTracker) *Claim {
	t.Helper()
	c, err := d.Claim(t.Context(), connector)
	require.NoError(t, err)
	return c
}

func deploymentOf(version string) deployment.Deployment {
	return deployment.Deployment{Service: deployment.Service{Name: "checkout"}, ID: "run-" + version, Version: version, Status: deployment.Started, Start: began}
}

// running are the versions that run, by the IDs of their deployments.
func running(t *tracker.Tracker) map[string]string {
	versions := map[string]string{}
	t.Running(func(d *deployment.Deployment, _ int) { versions[d.Version] = d.ID })
	return versions
}

func TestStateOutlivesARestart(t *testing.T) {
	dir := t.TempDir()
	first := start(t, withStorage(t, dir))
	c := claim(t, first)
	require.Empty(t, c.Unsent)
	require.NoError(t, c.Damage)
	require.NoError(t, first.Tracker().Report(deploymentOf("1.1")))
	due := first.Tracker().Due()
	require.Len(t, due, 1)
	require.NoError(t, c.Save(t.Context(), due), "it was refused")
	c.Release()
	require.NoError(t, first.Shutdown(t.Context()))

	second := start(t, withStorage(t, dir))
	require.Equal(t, map[string]string{"1.1": "run-1.1"}, running(second.Tracker()), "before anybody claims it")
	c = claim(t, second)
	require.Len(t, c.Unsent, 1)
	require.Equal(t, "run-1.1", c.Unsent[0].ID)
	require.True(t, began.Equal(c.Unsent[0].Start))
	require.NoError(t, c.Save(t.Context(), nil), "it was sent")
	require.NoError(t, second.Shutdown(t.Context()))

	third := start(t, withStorage(t, dir))
	require.Empty(t, claim(t, third).Unsent)
	require.Empty(t, third.Tracker().Due(), "it was announced")
	require.NoError(t, third.Shutdown(t.Context()))
}

// What came after the connector's last save is saved at shutdown.
func TestShutdownSaves(t *testing.T) {
	dir := t.TempDir()
	first := start(t, withStorage(t, dir))
	require.NoError(t, first.Tracker().Report(deploymentOf("1.1")))
	require.NoError(t, first.Shutdown(t.Context()))
	require.NoError(t, first.Shutdown(t.Context()), "a second time")
	second := start(t, withStorage(t, dir))
	require.Len(t, second.Tracker().Due(), 1)
	require.NoError(t, second.Shutdown(t.Context()))
}

// store opens the store of a component, as releases up to 0.1 did.
func store(t *testing.T, h host, kind component.Kind, id component.ID) *checkpoint.Store {
	t.Helper()
	s, err := checkpoint.Open(t.Context(), h, &storageID, kind, id, checkpointVersion)
	require.NoError(t, err)
	return s
}

// asConnector writes to dir what the connector of release 0.1 kept there: a deployment of 1.1, and an event that was refused.
func asConnector(t *testing.T, dir string) {
	t.Helper()
	known := tracker.New(tracker.Default(), time.Now)
	require.NoError(t, known.Report(deploymentOf("1.1")))
	events, err := (&plog.ProtoMarshaler{}).MarshalLogs(deployment.Events(known.Due(), pcommon.NewInstrumentationScope(), began))
	require.NoError(t, err)
	old := store(t, withStorage(t, dir), component.KindConnector, connector)
	require.NoError(t, known.Save(true, func(n int, record []byte) error {
		return old.Save(t.Context(), checkpoint.Record{Key: recordKey(n), Payload: record})
	}))
	require.NoError(t, old.Save(t.Context(), checkpoint.Record{Key: unsentKey, Payload: events}))
	require.NoError(t, old.Close(t.Context()))
}

func TestTheStateOfTheConnectorIsTakenOverOnce(t *testing.T) {
	dir := t.TempDir()
	asConnector(t, dir)
	h := withStorage(t, dir)
	d := start(t, h)
	require.Empty(t, running(d.Tracker()))
	c := claim(t, d)
	require.NoError(t, c.Damage)
	require.Equal(t, map[string]string{"1.1": "run-1.1"}, running(d.Tracker()))
	require.Len(t, c.Unsent, 1)

	old := store(t, h, component.KindConnector, connector)
	for n := range tracker.Records {
		payload, err := old.Load(t.Context(), recordKey(n))
		require.NoError(t, err)
		require.Nil(t, payload, "record %d was moved", n)
	}
	payload, err := old.Load(t.Context(), unsentKey)
	require.NoError(t, err)
	require.Nil(t, payload)
	require.NoError(t, old.Close(t.Context()))

	// Even if the collector is killed now, the extension has it all.
	d.store.Close(t.Context())
	d = start(t, h)
	require.Equal(t, map[string]string{"1.1": "run-1.1"}, running(d.Tracker()))
	require.Len(t, claim(t, d).Unsent, 1)
	require.NoError(t, d.Shutdown(t.Context()))
}

// State of its own counts for more than what an earlier release left.
func TestStateIsNotTakenOverBesideItsOwn(t *testing.T) {
	dir := t.TempDir()
	h := withStorage(t, dir)
	d := start(t, h)
	require.NoError(t, d.Tracker().Report(deploymentOf("2.0")))
	require.NoError(t, d.Shutdown(t.Context()))
	asConnectorIn := t.TempDir()
	asConnector(t, asConnectorIn)
	left, err := os.ReadFile(filepath.Join(asConnectorIn, "connector_deployevent_"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "connector_deployevent_"), left, 0o600))
	d = start(t, h)
	require.Empty(t, claim(t, d).Unsent)
	require.Equal(t, map[string]string{"2.0": "run-2.0"}, running(d.Tracker()))
	require.NoError(t, d.Shutdown(t.Context()))
}

// Damage is told once, and what is sound is in use.
func TestDamageIsToldToTheConnector(t *testing.T) {
	dir := t.TempDir()
	h := withStorage(t, dir)
	d := start(t, h)
	require.NoError(t, d.Tracker().Report(deploymentOf("1.1")))
	require.NoError(t, d.Shutdown(t.Context()))
	own := store(t, h, component.KindExtension, d.id)
	require.NoError(t, own.Save(t.Context(), checkpoint.Record{Key: unsentKey, Payload: []byte("no OTLP")}))
	require.NoError(t, own.Close(t.Context()))

	d = start(t, h)
	require.Equal(t, map[string]string{"1.1": "run-1.1"}, running(d.Tracker()))
	c := claim(t, d)
	require.ErrorIs(t, c.Damage, checkpoint.ErrDamaged)
	require.ErrorContains(t, c.Damage, `"unsent"`)
	require.Empty(t, c.Unsent)
	c.Release()
	require.NoError(t, claim(t, d).Damage)
	require.NoError(t, d.Shutdown(t.Context()))
}

func TestOneClaimAtATime(t *testing.T) {
	d := start(t, nil)
	c := claim(t, d)
	_, err := d.Claim(t.Context(), component.MustNewIDWithName("deployevent", "second"))
	require.EqualError(t, err, `tracker: "deployevent" announces the deployments of "deployment_tracker" already; `+
		`name another extension, such as "deployment_tracker/other", or use "deployevent" in all pipelines`)
	c.Release()
	claim(t, d).Release()
	require.NoError(t, d.Shutdown(t.Context()))
	_, err = d.Claim(t.Context(), connector)
	require.EqualError(t, err, `tracker: extension "deployment_tracker" is not running`)
}

func TestStorageThatIsNotThere(t *testing.T) {
	config := createDefaultConfig().(*Config)
	require.Empty(t, newDeploymentTracker(extensiontest.NewNopSettings(metadata.Type), config).Dependencies())
	config.Storage = &storageID
	d := newDeploymentTracker(extensiontest.NewNopSettings(metadata.Type), config)
	require.Equal(t, []component.ID{storageID}, d.Dependencies(), "storage starts before it")
	require.ErrorContains(t, d.Start(t.Context(), componenttest.NewNopHost()), `storage: no extension "file_storage" is running`)
	require.NoError(t, d.Shutdown(t.Context()))
}

// What cannot be written is an error of Save, and no reason not to shut down.
func TestStorageThatIsFull(t *testing.T) {
	full := &fullStorage{}
	d := start(t, host{storageID: full})
	c := claim(t, d)
	require.NoError(t, d.Tracker().Report(deploymentOf("1.1")))
	require.ErrorContains(t, c.Save(t.Context(), d.Tracker().Due()), "disk is full")
	require.NoError(t, d.Shutdown(t.Context()))
	require.True(t, full.closed)
}

// fullStorage is a storage extension that takes nothing.
type fullStorage struct {
	component.StartFunc
	component.ShutdownFunc
	closed bool
}

func (s *fullStorage) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return fullClient{storage.NewNopClient(), s}, nil
}

type fullClient struct {
	storage.Client
	of *fullStorage
}

func (fullClient) Batch(context.Context, ...*storage.Operation) error {
	return errors.New("disk is full")
}

func (c fullClient) Close(context.Context) error {
	c.of.closed = true
	return nil
}

func TestFind(t *testing.T) {
	id := component.NewID(metadata.Type)
	d := start(t, nil)
	source, err := Find(host{id: d}, id)
	require.NoError(t, err)
	require.Same(t, d.tracker, source.Tracker())
	require.NoError(t, d.Shutdown(t.Context()))
	_, err = Find(host{}, id)
	require.EqualError(t, err, `tracker: no extension "deployment_tracker" is running; add it to extensions and service::extensions, or name the one that is there`)
	_, err = Find(host{id: &fullStorage{}}, id)
	require.EqualError(t, err, `tracker: extension "deployment_tracker" is not a deployment tracker; name an extension of type deployment_tracker`)
}
