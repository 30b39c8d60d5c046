package deployevent

import (
	"sync"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment/tracker"
)

// trackers are those of the connectors that run in this process, by component ID.
var trackers = struct {
	sync.RWMutex
	byID map[component.ID]*tracker.Tracker
}{byID: map[component.ID]*tracker.Tracker{}}

// Find returns the tracker of the connector, nil while it does not run. Components start and stop in an
// order of their own, so whoever needs the tracker looks again when there is none.
func Find(id component.ID) *tracker.Tracker {
	trackers.RLock()
	defer trackers.RUnlock()
	return trackers.byID[id]
}

func publish(id component.ID, t *tracker.Tracker) {
	trackers.Lock()
	defer trackers.Unlock()
	trackers.byID[id] = t
}

// withdraw takes the tracker back, unless the connector of that name is another one by now.
func withdraw(id component.ID, t *tracker.Tracker) {
	trackers.Lock()
	defer trackers.Unlock()
	if trackers.byID[id] == t {
		delete(trackers.byID, id)
	}
}
