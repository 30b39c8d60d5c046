// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/zap"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

const (
	// lookEvery is how often the API server is asked which kinds it knows; lookAgain after it did not answer.
	lookEvery, lookAgain = time.Minute, 5 * time.Second
	// looksGone is how many times in a row a kind is not known before it is taken for removed.
	looksGone = 2
)

// Settings are those of a Source.
type Settings struct {
	Namespaces []string
	// WriteStatus writes conditions into the status of the catalog's own objects.
	WriteStatus bool
	Client      dynamic.Interface
	// Resources are those that the API server knows of a group and version.
	Resources func(groupVersion string) (*metav1.APIResourceList, error)
	Now       func() time.Time
	Logger    *zap.Logger
}

// A Source follows the objects of some namespaces.
type Source struct {
	Settings
	store    *store
	accepted accepted
	scribe   *scribe
	watches  map[place]*watching
	memory   memory
	silent   bool // the API server did not answer, which was logged
	tasks    sync.WaitGroup
}

// A watching is a place that is watched, or one whose objects are those of an earlier run.
type watching struct {
	stop context.CancelFunc // nil: it is not watched yet
	gone int                // looks in a row that did not find the kind
}

// New makes a Source, which does nothing yet.
func New(settings Settings) *Source {
	s := &Source{Settings: settings, store: newStore(), accepted: accepted{}, watches: map[place]*watching{}}
	if settings.WriteStatus {
		s.scribe = newScribe(s.apply, settings.Now, settings.Logger)
	}
	return s
}

// Changed has a value when the objects are others than at the last reading.
func (s *Source) Changed() <-chan struct{} { return s.store.changed }

// Changes counts them.
func (s *Source) Changes() uint64 {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return s.store.changes
}

// Ready is closed when everything was read once, or the API server refuses it.
func (s *Source) Ready() <-chan struct{} { return s.store.ready }

// Read reads the folders and the newest objects, and sees to it that the objects' status says what became of them. Calls must not overlap.
//
// An object with an error counts as it did before, or not at all, so that it takes nothing else with it. [IsObject] tells its problems apart.
func (s *Source) Read(directories []string) (*catalog.Catalog, catalog.Problems) {
	now := s.store.snapshot()
	r := s.accepted.read(now.objects, directories)
	s.memory.keep(s.Logger, now.objects, s.accepted)
	if s.scribe != nil {
		s.scribe.publish(r.verdicts(now))
	}
	return r.catalog, slices.Concat(r.folders, now.problems, r.problems())
}

// Run follows the objects until the context ends.
func (s *Source) Run(ctx context.Context) {
	// Failures are logged here, once, and not by each reflector at each try.
	ctx = klog.NewContext(ctx, logr.Discard())
	if s.scribe != nil {
		s.tasks.Go(func() { s.scribe.run(ctx) })
	}
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			s.tasks.Wait()
			return
		case <-next.C:
			if s.look(ctx) {
				next.Reset(lookEvery)
			} else {
				next.Reset(lookAgain)
			}
		}
	}
}

// look asks which kinds there are, watches new ones, and leaves those that are gone. It reports whether the API server answered.
func (s *Source) look(ctx context.Context) bool {
	known := map[schema.GroupVersionResource]bool{}
	asked := map[schema.GroupVersion]bool{}
	for _, kind := range kinds {
		group := kind.GroupVersion()
		if asked[group] {
			continue
		}
		asked[group] = true
		list, err := s.Resources(group.String())
		switch {
		case apierrors.IsNotFound(err):
			continue
		case err != nil:
			s.unanswered(err)
			return false
		}
		for _, resource := range list.APIResources {
			known[group.WithResource(resource.Name)] = true
		}
	}
	if s.silent {
		s.silent = false
		s.Logger.Info("The API server answers again")
	}
	for _, kind := range kinds {
		for _, namespace := range s.Namespaces {
			s.follow(ctx, place{kind, namespace}, known[kind])
		}
	}
	s.store.look("", "")
	return true
}

func (s *Source) unanswered(err error) {
	if !s.silent {
		s.Logger.Warn("The API server does not answer; what was read last stays in use", zap.Error(err))
	}
	s.silent = true
	silence := "the API server does not answer, so its objects are not in the catalog"
	if s.store.recalled() {
		silence = "the API server does not answer, so its objects are as they were when this collector read them last"
	}
	s.store.look(silence, "check the service account's token and the egress to the API server; it is asked again and again")
}

// follow begins or ends watching a place.
func (s *Source) follow(ctx context.Context, at place, known bool) {
	w := s.watches[at]
	switch {
	case known && (w == nil || w.stop == nil):
		watched, stop := context.WithCancel(ctx)
		s.watches[at] = &watching{stop: stop}
		s.store.expect(at)
		lw := cache.ToListWatcherWithWatchListSemantics(s.listWatch(at), s.Client)
		reflector := cache.NewReflectorWithOptions(lw, &unstructured.Unstructured{}, shelf{s.store, at}, cache.ReflectorOptions{Name: at.String()})
		s.tasks.Go(func() { reflector.RunWithContext(watched) })
		s.Logger.Info("Reading catalog objects", zap.Stringer("place", at))
	case known:
		w.gone = 0
	case w != nil:
		if w.gone++; w.gone == looksGone {
			if w.stop != nil {
				w.stop()
			}
			delete(s.watches, at)
			s.store.removed(at)
		}
	}
}

// listWatch lists and watches a place and remembers when that is refused.
func (s *Source) listWatch(at place) *cache.ListWatch {
	client := s.Client.Resource(at.GroupVersionResource).Namespace(at.namespace)
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			list, err := client.List(ctx, options)
			s.refused(ctx, at, err)
			if err != nil {
				return nil, err
			}
			return list, nil
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			w, err := client.Watch(ctx, options)
			s.refused(ctx, at, err)
			if err == nil {
				s.store.fails(at, "", "")
			}
			return w, err
		},
	}
}

// refused remembers that the API server does not allow to read a place.
func (s *Source) refused(ctx context.Context, at place, err error) {
	if ctx.Err() == nil && (apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err)) {
		s.store.fails(at, "cannot be read: "+err.Error(), "apply the Role of deploy/kustomize/components/catalog-objects in this namespace; what was read before stays in use")
	}
}

// apply writes the status of an object.
func (s *Source) apply(ctx context.Context, o *Object, status *unstructured.Unstructured) error {
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := s.Client.Resource(o.place.GroupVersionResource).Namespace(o.place.namespace).ApplyStatus(limited, o.name, status, applied)
	return err
}
