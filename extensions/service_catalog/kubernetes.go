// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/service_catalog/internal/objects"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
)

const (
	// namespaceFile has the namespace of the pod.
	namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
	// maxWait is how long the start waits for objects. Without them, the collector starts with the folders.
	maxWait = 5 * time.Second
)

// connect makes a source of objects with the service account of the pod.
func connect(config *Kubernetes, logger *zap.Logger) (*objects.Source, error) {
	access, err := rest.InClusterConfig()
	if err != nil {
		return nil, err
	}
	access.QPS, access.Burst = 20, 40 // of statuses, after a start with many objects
	namespaces := config.Namespaces
	if len(namespaces) == 0 {
		text, err := os.ReadFile(namespaceFile)
		if err != nil {
			return nil, fmt.Errorf("the collector's own namespace: %w", err)
		}
		namespaces = []string{strings.TrimSpace(string(text))}
	}
	client, err := dynamic.NewForConfig(access)
	if err != nil {
		return nil, err
	}
	kinds, err := discovery.NewDiscoveryClientForConfig(access)
	if err != nil {
		return nil, err
	}
	return objects.New(objects.Settings{
		Namespaces: namespaces, WriteStatus: config.WriteStatus, Client: client, Resources: kinds.ServerResourcesForGroupVersion,
		Now: time.Now, Logger: logger,
	}), nil
}

// follow begins to follow the objects, if they are configured, and waits a little until they were read. Until then, those that were kept count.
func (s *serviceCatalog) follow(ctx context.Context, host component.Host) error {
	if !s.config.Kubernetes.HasValue() {
		return nil
	}
	config := s.config.Kubernetes.Get()
	if s.objects, s.notInPod = s.connect(config, s.settings.Logger); s.notInPod != nil {
		return nil
	}
	store, err := checkpoint.Open(ctx, host, config.Storage, component.KindExtension, s.settings.ID, objects.MemoryVersion)
	if err != nil && !errors.Is(err, checkpoint.ErrDamaged) {
		return err
	}
	s.kept = store
	if err := errors.Join(err, s.objects.Recall(ctx, store)); err != nil {
		s.settings.Logger.Warn("Some of the catalog objects that were kept cannot be read; they are added when the API server answers", zap.Error(err))
	}
	s.stopped.Go(func() { s.objects.Run(ctx) })
	limit := time.NewTimer(maxWait)
	defer limit.Stop()
	select {
	case <-s.objects.Ready():
	case <-limit.C:
		s.settings.Logger.Warn("The objects of Kubernetes are not read yet; the collector starts with the catalog folders and the objects that it has kept, and goes on when they are",
			zap.Duration("waited", maxWait))
	}
	return nil
}

// load reads folders and objects.
func (s *serviceCatalog) load() (*catalog.Catalog, catalog.Problems) {
	if s.objects != nil {
		return s.objects.Read(s.config.Directory)
	}
	next, problems := catalog.Load(s.config.Directory...)
	if s.notInPod != nil {
		fix := "correct this and restart the collector"
		if errors.Is(s.notInPod, rest.ErrNotInCluster) {
			fix = "run the collector in a pod with automountServiceAccountToken: true, or remove the key kubernetes of the service catalog"
		}
		problems = append(problems, catalog.Problem{
			Position: catalog.Position{File: objects.APIServer}, Message: "objects are not read: " + s.notInPod.Error(), Fix: fix,
		})
	}
	return next, problems
}
