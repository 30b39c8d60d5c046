// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package upgrade

import (
	"errors"
	"slices"

	"go.opentelemetry.io/collector/component"
)

const extension = "deployment_tracker"

// trackerKeys were keys of deployevent before they were keys of the extension.
var trackerKeys = []string{"storage", "confirm", "settle", "canary_after", "recent", "instance_timeout", "max_services", "max_instances"}

// tracker moves the keys of the tracker from deployevent to the deployment_tracker extension, and starts the extension
// (docs/decisions/0014-tracker-is-an-extension.md).
func (u upgrade) tracker() error {
	connectors, processors := u.components("connectors", "deployevent"), u.components("processors", "deploymarker")
	trackers := map[component.ID]string{} // by connector
	var inUse []string
	for _, key := range connectors {
		id, _ := idOf(key)
		tracker, err := u.trackerOf("connectors::"+key, id, len(connectors) > 1)
		if err != nil {
			return err
		}
		if err := u.moveKeys("connectors::"+key, "extensions::"+tracker); err != nil {
			return err
		}
		trackers[id] = tracker
		inUse = append(inUse, tracker)
	}
	for _, key := range processors {
		tracker, err := u.trackerAsked("processors::"+key, trackers)
		if err != nil {
			return err
		}
		inUse = append(inUse, tracker)
	}
	slices.Sort(inUse)
	for _, tracker := range slices.Compact(inUse) {
		if err := u.run(tracker); err != nil {
			return err
		}
	}
	return nil
}

// trackerOf returns the connector's tracker. If there were several connectors, each had its own tracker.
func (u upgrade) trackerOf(path string, id component.ID, several bool) (string, error) {
	if tracker, ok := u.Get(path + "::tracker").(string); ok {
		return tracker, nil
	}
	if !several || id.Name() == "" {
		return extension, nil
	}
	tracker := extension + "/" + id.Name()
	u.deprecated(path+" beside another deployevent, without tracker", path+"::tracker: "+tracker)
	return tracker, u.set(path+"::tracker", tracker)
}

// moveKeys moves the keys of a tracker. They override those of the extension: the built-in configs do not have them, so
// a user set them.
func (u upgrade) moveKeys(from, to string) error {
	for _, key := range trackerKeys {
		old, moved := from+"::"+key, to+"::"+key
		if !u.IsSet(old) {
			continue
		}
		value := u.Get(old)
		u.deprecated(old, moved)
		if err := errors.Join(u.remove(from, key), u.set(moved, value)); err != nil {
			return err
		}
	}
	return nil
}

// trackerAsked returns the processor's tracker: if its key deployevent names a connector, the tracker of the connector.
func (u upgrade) trackerAsked(path string, trackers map[component.ID]string) (string, error) {
	tracker, named := u.Get(path + "::tracker").(string)
	if !named {
		tracker = extension
	}
	old := path + "::deployevent"
	if !u.IsSet(old) {
		return tracker, nil
	}
	if id, ok := idOf(u.Get(old)); ok && !named && trackers[id] != "" {
		tracker = trackers[id]
	}
	u.deprecated(old, path+"::tracker: "+tracker)
	return tracker, errors.Join(u.remove(path, "deployevent"), u.set(path+"::tracker", tracker))
}

// run adds the tracker to service::extensions, if it is missing there.
func (u upgrade) run(tracker string) error {
	id, _ := idOf(tracker)
	running, _ := u.Get("service::extensions").([]any)
	if slices.ContainsFunc(running, func(one any) bool { other, ok := idOf(one); return ok && other == id }) {
		return nil
	}
	u.deprecated("deployevent or deploymarker without the extension "+tracker, tracker+" in extensions and service::extensions")
	if !u.IsSet("extensions::" + tracker) {
		if err := u.set("extensions::"+tracker, map[string]any{}); err != nil {
			return err
		}
	}
	return u.set("service::extensions", append(slices.Clone(running), tracker))
}
