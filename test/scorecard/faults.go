// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scorecard

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

// Faults are the library, by kind.
func Faults() []*Fault {
	var all []*Fault
	for _, kind := range []struct {
		name   string
		faults []*Fault
	}{
		{"outages", outages()}, {"part of a service", parts()}, {"slow", creeping()}, {"again and again", repeated()}, {"deployments", deployments()},
		{"traffic", volumes()}, {"little traffic", little()}, {"the way of the numbers", numbers()}, {"quiet", quiet()},
	} {
		for _, f := range kind.faults {
			f.Kind = kind.name
			all = append(all, f)
		}
	}
	return all
}

// fails is a fault in which a share of the usual traffic fails for a time.
func fails(name string, call Call, share float64, length time.Duration) *Fault {
	return fault(name, call, busy, phase(length, busy, share))
}

func outages() []*Fault {
	return []*Fault{
		fails("all requests fail for 20 s", Nothing, 1, 20*time.Second),
		fails("all requests fail for 2 min", Page, 1, 2*minute),
		fails("all requests fail for 5 min", Page, 1, 5*minute),
		fails("all requests fail for 10 min", Page, 1, 10*minute),
		fails("all requests fail for 1 h", Page, 1, hour),
		fails("all requests fail for 30 min, objective 99 %", Page, 1, 30*minute).with(99),
		fails("all requests fail for 5 min, objective 99.99 %", Page, 1, 5*minute).with(99.99).change(func(f *Fault) {
			all := f.Streams[0].Traffic
			all[0].Bad, all[len(all)-1].Bad = usual/10, usual/10
		}),
		fails("half of the requests fail for 30 min", Page, 0.5, 30*minute),
		fails("10 % fail for 1 h", Page, 0.1, hour),
		fails("3 % fail for 2 h", Page, 0.03, 2*hour),
		fails("1 % fails for 8 h", Page, 0.01, 8*hour),
		fails("1 % fails for 8 h, by chance", Page, 0.01, 8*hour).change(byChance),
		fails("0.8 % fails for 8 h, by chance", Page, 0.008, 8*hour).change(byChance),
		fails("0.45 % fails for 1 day", Ticket, 0.0045, day),
		fails("0.2 % fails for 3 days", Ticket, 0.002, 3*day).change(sparsely),
		fails("0.08 % fails for 1 day", Nothing, 0.0008, day),
		fails("a dependency is down for 20 min: 40 % fail", Page, 0.4, 20*minute),
		fault("a dependency is slow: half the traffic, 80 % of it fails for 15 min", Page, busy, phase(15*minute, busy/2, 0.8)),
		fault("an outage falls from 100 % to 1 % after 10 min, for 1 h", Page, busy, phase(10*minute, busy, 1), phase(50*minute, busy, 0.01)),
	}
}

func parts() []*Fault {
	return []*Fault{
		fails("1 of 10 instances fails for 1 h", Page, 0.1, hour),
		fails("1 of 100 instances fails for 6 h", Page, 0.01, 6*hour),
		fails("a tenant with 2 % of the traffic fails for 2 h", Page, 0.02, 2*hour),
		fails("a route with 5 % of the traffic fails half for 1 h", Page, 0.025, hour),
		fails("a route with 0.5 % of the traffic fails for 1 day", Ticket, 0.005, day),
	}
}

func creeping() []*Fault {
	leak := func(name string, call Call, length time.Duration, to float64) *Fault {
		const steps = 24
		var phases []scenario.Phase
		for i := range steps {
			phases = append(phases, phase(length/steps, busy, to*float64(i+1)/steps))
		}
		return fault(name, call, busy, phases...)
	}
	return []*Fault{
		leak("a slow leak: failures rise to 5 % in 4 h, then a restart", Page, 4*hour, 0.05),
		leak("a slow leak: failures rise to 0.5 % in 12 h, then a restart", Nothing, 12*hour, 0.005),
		leak("latency creeps: slow requests rise to 30 % in 6 h, objective 99 %", Page, 6*hour, 0.3).with(99),
		leak("latency creeps: slow requests rise to 3 % in 12 h, objective 99 %", Nothing, 12*hour, 0.03).with(99),
	}
}

func repeated() []*Fault {
	flaps := func(name string, times int, down, up time.Duration, share float64) *Fault {
		var phases []scenario.Phase
		for range times {
			phases = append(phases, phase(down, busy, share), phase(up, busy, usual))
		}
		f := fault(name, Page, busy, phases...)
		f.End -= up
		return f
	}
	return []*Fault{
		flaps("flapping: 2 min down, 8 min up, for 1 h", 6, 2*minute, 8*minute, 1),
		flaps("flapping: 30 s down, 90 s up, for 30 min", 15, 30*time.Second, 90*time.Second, 1),
		flaps("two outages of 10 min, 40 min apart", 2, 10*minute, 40*minute, 1),
	}
}

// releases are two versions: the old one with a share of the traffic after the deployment, and the new one with the rest, for a time.
func releases(name string, call Call, share, bad float64, length time.Duration) *Fault {
	f := fault(name, call, busy)
	end := lead + length
	f.Streams = []scenario.Stream{
		{Version: "1", Instance: "a", Traffic: traffic{phase(lead, busy, usual), phase(length, busy*(1-share), usual), phase(day, busy, usual)}},
		{Version: "2", Instance: "b", Life: scenario.Span{Begin: lead, End: end}, Traffic: traffic{phase(length, busy*share, bad)}},
	}
	f.Versions = []scenario.Version{
		{Name: "1", Status: "completed", Instances: 3}, {Name: "2", Status: "started", Life: f.Streams[1].Life, Instances: 3},
	}
	f.Length = end + after
	if call != Nothing {
		f.Begin, f.End = lead, end
	}
	return f
}

func deployments() []*Fault {
	return []*Fault{
		releases("a deployment fails 5 %, rolled back after 20 min", Page, 1, 0.05, 20*minute),
		releases("a deployment fails all, rolled back after 4 min", Page, 1, 1, 4*minute),
		releases("a canary with 10 % of the traffic fails 20 %, rolled back after 30 min", Page, 0.1, 0.2, 30*minute),
		releases("a canary with 1 % of the traffic fails all, rolled back after 30 min", Page, 0.01, 1, 30*minute),
		releases("a deployment that is as good as before", Nothing, 1, usual, hour),
		releases("a canary that is as good as before", Nothing, 0.05, usual, hour),
	}
}

func volumes() []*Fault {
	return []*Fault{
		fault("no traffic for 1 h, the service lives", Nothing, busy, phase(hour, 0, 0)),
		fault("traffic falls to 1 %, and half of it fails for 20 min", Page, busy, phase(20*minute, busy/100, 0.5)),
		fault("10 times the traffic for 10 min, 3 % fails", Page, busy, phase(10*minute, 10*busy, 0.03)),
		fault("10 times the traffic for 10 min", Nothing, busy, phase(10*minute, 10*busy, usual)),
		fault("all requests fail for 10 min, then 5 times the traffic", Page, busy, phase(10*minute, busy, 1), phase(10*minute, 5*busy, usual)).change(func(f *Fault) { f.End -= 10 * minute }),
		fault("silence for 30 min, then all requests fail for 10 min", Page, busy, phase(30*minute, 0, 0), phase(10*minute, busy, 1)).change(func(f *Fault) { f.Begin += 30 * minute }),
		fault("the service sends no telemetry for 1 h", Nothing, busy, phase(hour, 0, 0)).change(func(f *Fault) {
			f.Alive = nil
			f.Call, f.Begin, f.End = Ticket, lead, lead+hour
		}),
	}
}

// little is traffic of a few requests per minute.
func little() []*Fault {
	clean := func(name string, call Call, perMinute float64, phases ...scenario.Phase) *Fault {
		return fault(name, call, perMinute, phases...).change(func(f *Fault) {
			all := f.Streams[0].Traffic
			all[0].Bad, all[len(all)-1].Bad = 0, 0
		})
	}
	return []*Fault{
		clean("6 per minute, all fail for 1 h", Page, night, phase(hour, night, 1)),
		clean("6 per minute, a fifth fails for 30 min", Page, night, phase(30*minute, night, 0.2)),
		clean("a night of 6 per minute after a day of 600, all fail for 20 min", Page, night, phase(20*minute, night, 1)).change(func(f *Fault) {
			f.Streams[0].Traffic = slices.Insert(f.Streams[0].Traffic, 0, phase(5*hour, busy, usual))
			f.Streams[0].Traffic[1].For -= 5 * hour
		}),
		clean("1 per minute, one fails", Nothing, 1, phase(minute, 1, 1)),
		clean("1 per minute, two fail, 20 min apart", Nothing, 1, phase(minute, 1, 1), phase(19*minute, 1, 0), phase(minute, 1, 1)),
		clean("1 per minute, all fail for 30 min", Page, 1, phase(30*minute, 1, 1)),
		clean("1 per 10 min, all fail for 3 h", Page, 0.1, phase(3*hour, 0.1, 1)),
		clean("2 per minute, all fail for 15 min, objective 99 %", Page, 2, phase(15*minute, 2, 1)).with(99),
		clean("10 per minute, 5 single failures in 1 h, objective 99 %", Nothing, 10, slices.Repeat(traffic{phase(6*time.Second, 10, 1), phase(12*minute-6*time.Second, 10, 0)}, 5)...).with(99),
	}
}

// numbers are faults of clocks, collectors and Prometheus, beside those of the service.
func numbers() []*Fault {
	gap := func(f *Fault, at, length time.Duration) {
		lost := scenario.Span{Begin: at, End: at + length}
		f.Streams[0].Gaps = append(f.Streams[0].Gaps, lost)
		f.Collector.Lost = append(f.Collector.Lost, lost)
	}
	maintenance := func(f *Fault, length time.Duration) {
		f.with(99.9, "maintenance: [{start: "+f.Start.Add(lead).Format(time.RFC3339)+", end: "+f.Start.Add(lead+length).Format(time.RFC3339)+", reason: upgrade}]")
	}
	return []*Fault{
		fails("a collector's clock is 2 min fast, all requests fail for 10 min", Page, 1, 10*minute).change(func(f *Fault) { f.Streams[0].Ahead = 2 * minute }),
		fails("a collector's clock is 1 h fast, all requests fail for 10 min", Page, 1, 10*minute).change(func(f *Fault) { f.Streams[0].Ahead = hour }),
		fails("the collector is away for 3 min", Nothing, usual, 3*minute).change(func(f *Fault) { gap(f, lead, 3*minute) }),
		fails("the collector is away for 3 min while all requests fail for 15 min", Page, 1, 15*minute).change(func(f *Fault) { gap(f, lead+5*minute, 3*minute) }),
		fails("the collector restarts without its state", Nothing, usual, hour).change(func(f *Fault) {
			f.Collector.Forgets = []time.Duration{lead}
			f.Streams[0].Resets = []time.Duration{lead}
		}),
		fails("the collector restarts without its state while all requests fail for 15 min", Page, 1, 15*minute).change(func(f *Fault) {
			f.Collector.Forgets = []time.Duration{lead + 5*minute}
			f.Streams[0].Resets = []time.Duration{lead + 5*minute}
		}),
		fails("the collector's gauges are missing while all requests fail for 10 min", Page, 1, 10*minute).change(func(f *Fault) {
			f.Collector.Lost = []scenario.Span{{Begin: lead - hour}}
		}),
		fails("scrapes fail for 20 min", Nothing, usual, hour).change(func(f *Fault) { gap(f, lead, 20*minute) }),
		fails("Prometheus is down for 3 min while all requests fail for 15 min", Page, 1, 15*minute).change(func(f *Fault) {
			f.Down = []scenario.Span{{Begin: lead + 5*minute, End: lead + 8*minute}}
		}),
		fails("a second collector begins, with half of the traffic", Nothing, usual, hour).change(func(f *Fault) {
			f.Streams = []scenario.Stream{
				{Version: "1", Instance: "a", Traffic: traffic{phase(lead, busy, usual), phase(day, busy/2, usual)}},
				{Version: "1", Instance: "b", Life: scenario.Span{Begin: lead}, Traffic: traffic{phase(day, busy/2, usual)}},
			}
		}),
		fails("maintenance of 30 min, in which all requests fail", Nothing, 1, 30*minute).change(func(f *Fault) { maintenance(f, 30*minute) }),
		fails("maintenance of 30 min, but all requests fail for 1 h", Page, 1, hour).change(func(f *Fault) {
			maintenance(f, 30*minute)
			f.Begin += 30 * minute
		}),
		fails("a new service fails from its second hour on, for 20 min", Page, 1, 20*minute).change(func(f *Fault) {
			f.Streams[0].Life.Begin = lead - hour
			f.Streams[0].Traffic[0].For = hour
		}),
		fails("a new service fails from its first minute on, for 20 min", Page, 1, 20*minute).change(func(f *Fault) {
			f.Streams[0].Life.Begin = lead
			f.Streams[0].Traffic = f.Streams[0].Traffic[1:]
		}),
	}
}

// quiet are days and weeks in which nothing happens that anybody should know: failures by chance, with the traffic of a day. The
// numbers are drawn once and for all.
func quiet() []*Fault {
	chance := func(name string, days int, perMinute, share float64) *Fault {
		f := fault(name, Nothing, perMinute)
		f.Length = lead + time.Duration(days)*day
		f.Watch.Begin = hour
		f.Streams[0].Traffic = drawn(f.Length, perMinute, share)
		f.Scrape, f.Collector.Flush = 30*time.Second, 30*time.Second
		if days > 1 {
			sparsely(f)
		}
		return f
	}
	return []*Fault{
		chance("a day of 600 per minute, 0.05 % fail by chance", 1, busy, 0.0005),
		chance("a day of 6 per minute, 0.05 % fail by chance", 1, night, 0.0005),
		chance("3 days of 60 per minute, 0.05 % fail by chance", 3, 60, 0.0005),
		chance("a week of 1 per minute, 0.05 % fail by chance", 7, 1, 0.0005),
		chance("a day of 1 per minute, 0.5 % fail by chance, objective 99 %", 1, 1, 0.005).with(99),
	}
}

// byChance makes the failures of a fault fall where they may, minute by minute.
func byChance(f *Fault) {
	random := rand.New(rand.NewPCG(1, 2))
	var all traffic
	for _, p := range f.Streams[0].Traffic[:2] {
		for range int(p.For / minute) {
			bad := 0.0
			for range int(p.PerMinute) {
				if random.Float64() < p.Bad {
					bad++
				}
			}
			all = append(all, phase(minute, p.PerMinute, bad/p.PerMinute))
		}
	}
	f.Streams[0].Traffic = append(all, f.Streams[0].Traffic[2:]...)
}

// drawn is traffic that is half as much by night as by day, of which each event fails by chance.
func drawn(length time.Duration, perMinute, share float64) traffic {
	const slot = 5 * minute
	random := rand.New(rand.NewPCG(1, uint64(perMinute)))
	var all traffic
	for at := time.Duration(0); at < length; at += slot {
		rate := perMinute
		if at%day < 8*hour {
			rate /= 2
		}
		bad := 0.0
		for range int(rate * slot.Minutes()) {
			if random.Float64() < share {
				bad++
			}
		}
		all = append(all, phase(slot, rate, bad/max(rate*slot.Minutes(), 1)))
	}
	return all
}

// sparsely is for what takes days: a scrape a minute.
func sparsely(f *Fault) {
	f.Scrape = minute
	f.Collector.Flush, f.Collector.Coarse = minute, false
}
