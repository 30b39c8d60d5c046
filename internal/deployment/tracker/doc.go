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
//   - What runs for seconds only, alone, counts when it has run twice or a run has ended.
//   - A reported deployment is the one that is seen: by its ID, its version however it is written, or its commit. A report opens and
//     ends it at once.
//   - A report without a version waits for the next version that is seen. It never attaches to what was running before.
//   - A reported version that is not seen may be what telemetry calls by another name, so that it is not rolled back while a report may still
//     come, for Recent.
//   - Versions are followed from one source; another takes over when the evidence says so.
//   - What runs in two clusters is two services.
//   - Of a fleet of clients, whose users run many versions at once, only first sights and shares of the traffic are announced.
//   - What a deployment did to SLOs comes by Judge. Another verdict is announced, and the last one.
//   - IDs count the deployments of a version, so trackers that see the same versions, or parts of their instances, agree.
//   - What is forgotten, because of the limits or without saved state, starts again, and so do its IDs.
//
// Nothing happens on its own: telemetry comes in by See, reports by Report, and Due decides.
package tracker
