// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package incident

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const minute = time.Minute

var began = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return began.Add(time.Duration(minutes) * minute) }

// fires is a page about the availability of a service: it burns from a minute on, and fires from another to a third.
func fires(service string, burns, from, to int, change ...func(*Spell)) Spell {
	s := Spell{Alert: "ErrorBudgetBurnCritical", Kind: "ErrorBudgetBurnCritical", Page: true, Service: Service{"shop", service, "production"}, SLO: "availability", Began: at(burns), From: at(from), To: at(to)}
	for _, f := range change {
		f(&s)
	}
	return s
}

func slo(name string) func(*Spell) { return func(s *Spell) { s.SLO = name } }

func named(name string) func(*Spell) { return func(s *Spell) { s.Alert, s.Kind = name, name } }

func ticket(s *Spell) { s.Page = false }

// firing says that a spell goes on.
func firing(s *Spell) { s.Firing = true }

// shop: frontend needs checkout, checkout needs payment and stock.
func shop() *Graph {
	g := &Graph{}
	g.Add("shop", "frontend", "shop", "checkout")
	g.Add("shop", "checkout", "shop", "payment")
	g.Add("shop", "checkout", "shop", "stock")
	return g
}

// said are incidents in short: the origin, the others, the minutes of start and end, and what alerts there are.
func said(all []Incident) []string {
	var text []string
	for _, i := range all {
		var services []string
		for _, a := range i.Services {
			services = append(services, a.Name)
		}
		end := "…"
		if !i.End.IsZero() {
			end = fmt.Sprint(i.End.Sub(began).Minutes())
		}
		text = append(text, fmt.Sprintf("%s %v-%s %s %d", strings.Join(services, "+"), i.Start.Sub(began).Minutes(), end, i.State, len(i.Spells)))
	}
	return text
}

func TestWhatBelongsTogether(t *testing.T) {
	now := at(600)
	for name, test := range map[string]struct {
		spells []Spell
		want   []string // the newest first
	}{
		"one": {[]Spell{fires("payment", 0, 2, 20)}, []string{"payment 0-20 resolved 1"}},
		"it flaps": {[]Spell{fires("payment", 0, 2, 10), fires("payment", 24, 25, 30), fires("payment", 44, 45, 50)},
			[]string{"payment 0-50 resolved 3"}},
		"it comes back later": {[]Spell{fires("payment", 0, 2, 10), fires("payment", 26, 28, 30)}, []string{"payment 26-30 resolved 1", "payment 0-10 resolved 1"}},
		"its SLOs":            {[]Spell{fires("payment", 0, 2, 10), fires("payment", 5, 30, 40, slo("latency"))}, []string{"payment 0-40 resolved 2"}},
		"two SLOs that have nothing to do with each other": {[]Spell{fires("payment", 0, 2, 100, slo("latency")), fires("payment", 60, 62, 80)},
			[]string{"payment 60-80 resolved 1", "payment 0-100 resolved 1"}},
		"callers":                         {[]Spell{fires("payment", 0, 2, 60), fires("frontend", 40, 42, 50)}, []string{"payment+frontend 0-60 resolved 2"}},
		"the caller is seen first":        {[]Spell{fires("checkout", 0, 2, 60), fires("payment", 3, 9, 50)}, []string{"payment+checkout 0-60 resolved 2"}},
		"a dependency fails much later":   {[]Spell{fires("checkout", 0, 2, 120), fires("payment", 60, 62, 80)}, []string{"payment 60-80 resolved 1", "checkout 0-120 resolved 1"}},
		"a caller fails when all is well": {[]Spell{fires("payment", 0, 2, 20), fires("checkout", 30, 32, 40)}, []string{"checkout 30-40 resolved 1", "payment 0-20 resolved 1"}},
		"strangers":                       {[]Spell{fires("payment", 0, 2, 20), fires("search", 0, 2, 20)}, []string{"payment 0-20 resolved 1", "search 0-20 resolved 1"}},
		"siblings":                        {[]Spell{fires("payment", 0, 2, 20), fires("stock", 0, 2, 20)}, []string{"payment 0-20 resolved 1", "stock 0-20 resolved 1"}},
		"siblings whose caller fails":     {[]Spell{fires("payment", 0, 2, 20), fires("stock", 1, 2, 20), fires("checkout", 1, 3, 20)}, []string{"payment+stock+checkout 0-20 resolved 3"}},
		"another environment":             {[]Spell{fires("payment", 0, 2, 20), fires("checkout", 0, 2, 20, func(s *Spell) { s.Environment = "staging" })}, []string{"payment 0-20 resolved 1", "checkout 0-20 resolved 1"}},
		"an alert without an environment": {[]Spell{fires("payment", 0, 2, 20), fires("payment", 0, 4, 20, func(s *Spell) { s.Environment = "" })}, []string{"payment 0-20 resolved 2"}},
		"an alert of the service":         {[]Spell{fires("payment", 0, 2, 40), fires("payment", 30, 31, 35, named("DeploymentRegression"), slo(""))}, []string{"payment 0-40 resolved 2"}},
		"a ticket of the same burn":       {[]Spell{fires("payment", 0, 2, 20), fires("payment", 0, 75, 200, named("ErrorBudgetBurnMedium"), ticket)}, []string{"payment 0-20 resolved 2"}},
		"a ticket that fires on":          {[]Spell{fires("payment", 0, 2, 20), fires("payment", 0, 75, 600, ticket, firing, named("ErrorBudgetBurnMedium"))}, []string{"payment 0-20 resolved 2"}},
		"a ticket, then a page":           {[]Spell{fires("payment", 0, 100, 300, ticket, named("ErrorBudgetBurnLow")), fires("payment", 200, 201, 250)}, []string{"payment 0-250 resolved 2"}},
		"a ticket only":                   {[]Spell{fires("payment", 0, 100, 300, ticket, named("ErrorBudgetBurnLow"))}, []string{"payment 0-300 resolved 1"}},
		"a ticket by chance":              {[]Spell{fires("payment", 0, 100, 300, ticket, named("ErrorBudgetBurnLow"), func(s *Spell) { s.Chance = 0.2 })}, nil},
		"a spent budget":                  {[]Spell{fires("payment", 0, 0, 600, ticket, firing, named("ErrorBudgetExhausted"))}, nil},
		"a spent budget of an incident":   {[]Spell{fires("payment", 0, 2, 20), fires("payment", 10, 15, 600, ticket, firing, named("ErrorBudgetExhausted"))}, []string{"payment 0-20 resolved 2"}},
		"it goes on":                      {[]Spell{fires("payment", 0, 2, 600, firing)}, []string{"payment 0-… open 1"}},
		"it is over, but not for long":    {[]Spell{fires("payment", 500, 502, 590)}, []string{"payment 500-590 settling 1"}},
		"a day later, while a ticket fires on": {[]Spell{
			fires("payment", 0, 2, 20), fires("payment", 0, 75, 600, ticket, firing, named("ErrorBudgetBurnMedium")), fires("payment", 300, 302, 320),
		}, []string{"payment 300-320 resolved 1", "payment 0-20 resolved 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, said(Build(Input{Spells: test.spells, Graph: shop(), Now: now})))
		})
	}
}

// A service that burns and on which others depend is the origin, although it has no alert.
func TestOriginWithoutAnAlert(t *testing.T) {
	burn := Burn{Service: Service{"shop", "payment", "production"}, SLO: "availability", Start: at(-1)}
	all := Build(Input{Spells: []Spell{fires("checkout", 0, 2, 20), fires("search", 0, 2, 20)}, Burns: []Burn{burn}, Graph: shop(), Now: at(600)})
	assert.Equal(t, []string{"search 0-20 resolved 1", "payment+checkout -1-20 resolved 1"}, said(all))
	assert.True(t, all[1].Services[0].Silent && all[1].Services[0].Origin)
	burn.Start, burn.End = at(-100), at(-50)
	assert.Equal(t, "checkout", Build(Input{Spells: []Spell{fires("checkout", 0, 2, 20)}, Burns: []Burn{burn}, Graph: shop(), Now: at(600)})[0].Origin().Name, "it was over")
}

// Services that depend on each other in a circle have an origin: the one that burned first.
func TestCircle(t *testing.T) {
	g := &Graph{}
	g.Add("shop", "a", "shop", "b")
	g.Add("shop", "b", "shop", "a")
	all := Build(Input{Spells: []Spell{fires("a", 3, 4, 20), fires("b", 1, 5, 20)}, Graph: g, Now: at(600)})
	require.Len(t, all, 1)
	assert.Equal(t, "b", all[0].Origin().Name)
}

// The ID is that of the first alert, whatever follows, and parts that become one lead to it.
func TestIDsStay(t *testing.T) {
	spells := []Spell{fires("stock", 0, 2, 30), fires("payment", 1, 3, 30), fires("checkout", 2, 20, 30)}
	apart := Build(Input{Spells: spells[:2], Graph: shop(), Now: at(10)})
	require.Len(t, apart, 2)
	joined := Build(Input{Spells: spells, Graph: shop(), Now: at(21)})
	require.Len(t, joined, 1)
	for _, one := range apart {
		assert.True(t, joined[0].Is(one.ID))
	}
	assert.Equal(t, spells[0].ID(), joined[0].ID)
	assert.Equal(t, "20261121-030200-", joined[0].ID[:16])
	one, other := fires("a", 0, 2, 3), fires("a", 0, 2, 3, slo("latency"))
	assert.NotEqual(t, one.ID(), other.ID())
}

// As time goes on, an incident keeps its ID and its start, and no alert is in two or in none.
func TestIncidentsAsTimeGoesOn(t *testing.T) {
	services := []string{"frontend", "checkout", "payment", "stock", "search"}
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		var life []Spell
		for range 1 + random.IntN(12) {
			from := random.IntN(400)
			s := fires(services[random.IntN(len(services))], from-random.IntN(5), from, from+1+random.IntN(60))
			if random.IntN(4) == 0 {
				ticket(&s)
			}
			if random.IntN(3) == 0 {
				s.SLO = "latency"
			}
			life = append(life, s)
		}
		known := map[string]bool{}
		for now := 0; now <= 500; now += 7 {
			var seen []Spell
			for _, s := range life {
				if s.From.After(at(now)) {
					continue
				}
				if s.To.After(at(now)) {
					s.To, s.Firing = at(now), true
				}
				seen = append(seen, s)
			}
			random.Shuffle(len(seen), func(i, j int) { seen[i], seen[j] = seen[j], seen[i] })
			all := Build(Input{Spells: seen, Graph: shop(), Now: at(now)})
			spells := 0
			for i := range all {
				known[all[i].ID] = true
				spells += len(all[i].Spells)
				require.LessOrEqual(t, all[i].Start, all[i].Alerted)
				require.Equal(t, all[i].State == Open, all[i].End.IsZero())
			}
			require.Equal(t, len(seen), spells, "seed %d at %d", seed, now)
			for id := range known {
				require.True(t, slices.ContainsFunc(all, func(i Incident) bool { return i.Is(id) }), "seed %d at %d: %s", seed, now, id)
			}
		}
	}
}

func TestWhichChange(t *testing.T) {
	change := func(service, version string, minutes int, evidence float64) Change {
		return Change{Service: Service{"shop", service, "production"}, Kind: Deployment, Version: version, At: at(minutes), Evidence: evidence}
	}
	flag := func(service, value string, minutes int) Change {
		return Change{Service: Service{"", service, "production"}, Kind: "feature_flag", Subject: "checkout-v2", Value: value, At: at(minutes)}
	}
	back := func(minutes int) Change {
		return Change{Service: Service{"shop", "payment", "production"}, Kind: "infrastructure", Subject: "rollback of payment", Previous: "2", Value: "1", Return: true, At: at(minutes)}
	}
	week := -7 * 24 * 60
	for name, test := range map[string]struct {
		changes []Change
		want    string
		between [2]float64 // of the first suspect
	}{
		"none":                      {nil, "", [2]float64{}},
		"a minute before":           {[]Change{change("payment", "2", -1, 0)}, "2", [2]float64{0.99, 1}},
		"an hour before":            {[]Change{change("payment", "2", -60, 0)}, "2", [2]float64{0.9, 0.95}},
		"ten hours before":          {[]Change{change("payment", "2", -600, 0)}, "", [2]float64{0.2, 0.4}},
		"two days before":           {[]Change{change("payment", "2", -2880, 0)}, "", [2]float64{}},
		"a little later, as seen":   {[]Change{change("payment", "2", 1, 0)}, "2", [2]float64{0.99, 1}},
		"later":                     {[]Change{change("payment", "2", 5, 0)}, "", [2]float64{}},
		"of the caller":             {[]Change{change("checkout", "2", -1, 0)}, "2", [2]float64{0.99, 1}},
		"of the caller and its own": {[]Change{change("checkout", "2", -1, 0), change("payment", "3", -1, 0)}, "3", [2]float64{0.8, 0.9}},
		"of a stranger":             {[]Change{change("search", "2", -1, 0)}, "", [2]float64{}},
		"the others fail as often":  {[]Change{change("payment", "2", -1, 1e-6)}, "", [2]float64{}},
		"evidence against time":     {[]Change{change("payment", "2", -50, 1000), change("payment", "3", -5, 0.01)}, "2", [2]float64{0.99, 1}},
		"a flag":                    {[]Change{flag("payment", "on", -1)}, "on", [2]float64{0.99, 1}},
		"a flag of all services":    {[]Change{flag("", "on", -1)}, "on", [2]float64{0.99, 1}},
		"a flag of a stranger":      {[]Change{flag("search", "on", -1)}, "", [2]float64{}},
		"a flag, long after":        {[]Change{change("payment", "2", -300, 0), flag("payment", "on", -2)}, "on", [2]float64{0.99, 1}},
		"a flag that flips often":   {append(slices.Repeat([]Change{flag("payment", "off", -900)}, 200), change("payment", "2", -2, 0), flag("payment", "on", -2)), "2", [2]float64{0.98, 1}},
		"rolled back at once":       {[]Change{change("payment", "2", -1, 0), back(1), change("payment", "1", 1, 0)}, "2", [2]float64{0.99, 1}},
		"rolled back, not seen yet": {[]Change{change("payment", "2", -1, 0), back(1)}, "2", [2]float64{0.99, 1}},
		"a rollback that breaks it": {[]Change{change("payment", "2", -600, 0), back(-1)}, "1", [2]float64{0.99, 1}},
		"two at once":               {[]Change{change("payment", "2", -2, 0), change("payment", "3", -1, 0)}, "3", [2]float64{0.5, 0.6}},
	} {
		t.Run(name, func(t *testing.T) {
			one := Build(Input{Spells: []Spell{fires("payment", 0, 2, 20), fires("checkout", 1, 3, 20)}, Graph: shop(), Changes: Changes{test.changes, at(week)}, Now: at(600)})[0]
			got := ""
			if one.Change != nil {
				got = one.Change.Version + one.Change.Value
			}
			assert.Equal(t, test.want, got, "%v", one.Suspects)
			sum := 0.0
			for _, s := range one.Suspects {
				sum += s.Probability
			}
			assert.LessOrEqual(t, sum, 1.0)
			if test.between[1] > 0 {
				require.NotEmpty(t, one.Suspects)
				assert.GreaterOrEqual(t, one.Suspects[0].Probability, test.between[0])
				assert.LessOrEqual(t, one.Suspects[0].Probability, test.between[1])
			}
		})
	}
}

// A service that is deployed all the time has a deployment before each incident.
func TestManyChanges(t *testing.T) {
	var changes []Change
	for m := -2000; m < 0; m += 10 {
		changes = append(changes, Change{Service: Service{"shop", "payment", "production"}, Kind: Deployment, Version: strconv.Itoa(m), At: at(m)})
	}
	one := Build(Input{Spells: []Spell{fires("payment", 0, 2, 20)}, Changes: Changes{changes, at(-2000)}, Now: at(600)})[0]
	assert.Nil(t, one.Change)
	assert.Len(t, one.Suspects, maxSuspects)
}

// The delay is a density: it adds up to 1 within the day, but for what is later than that.
func TestDelay(t *testing.T) {
	sum := 0.0
	for d := time.Duration(0); d < latest; d += time.Second {
		sum += delay(d) / 60
	}
	assert.InDelta(t, 1, sum, 0.002)
}

func TestBounds(t *testing.T) {
	var many []Spell
	for i := range Max + 50 {
		many = append(many, fires("payment", i*100, i*100+2, i*100+10))
	}
	all := Build(Input{Spells: many, Now: at(1e6)})
	assert.Len(t, all, Max)
	assert.Equal(t, at((Max+49)*100), all[0].Start, "the newest")
}
