// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package tracker finds deployments in telemetry: which versions of a service run on which instances, and
// what that means. The rules:
//
//   - A version counts once it has been seen for Confirm, and an instance whose telemetry is old at first sight once
//     it stops catching up. So neither one late item nor a queue that drains makes a marker.
//   - What is there at first sight of a service is no deployment. A version that comes later is: started.
//   - It is completed when every older version has been unseen for Settle; it ended when the last of them was seen.
//   - It is rolled back when it is unseen for InstanceTTL and Settle (a crash loop comes back sooner) and an
//     older one is still seen; it ended when it was last seen.
//   - It is a canary when it has not grown for CanaryAfter and is no majority of the live instances.
//   - A version that was complete, was replaced and comes back is a deployment of its own, the next of that
//     version; once it is complete, the one that gives way to it turns from completed to rolled back.
//   - The same version on other, more or fewer instances is nothing, and so is silence: time during which
//     nothing is heard of a service does not count, so that no restart, outage or scale to zero looks like a version that went.
//   - A service that is heard seldom is given longer: Settle is at least three times the longest gap of an instance.
//   - A reported deployment is the one that is seen: by its ID, or its version. A report opens and ends it at once.
//   - IDs count the deployments of a version, so trackers that see the same versions, or parts of their instances, agree.
//   - What is forgotten, because of the limits or without saved state, starts again, and so do its IDs.
//
// Nothing happens on its own: telemetry comes in by See, reports by Report, and Due decides.
package tracker
