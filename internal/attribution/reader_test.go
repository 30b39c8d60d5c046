// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package attribution

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// An event is a random one, as a map and as what is to be booked of it.
func randomEvent(r *rand.Rand, names, values int) (pcommon.Map, []Attribute) {
	m := pcommon.NewMap()
	var booked []Attribute
	for i := range names {
		if r.IntN(3) == 0 {
			continue
		}
		name, value := fmt.Sprintf("app.%c", 'a'+rune(i)), fmt.Sprintf("v%d", r.IntN(values))
		switch i % 7 {
		case 5:
			n := r.IntN(2000)
			m.PutInt(name, int64(n))
			value = strconv.Itoa(n)
		case 6:
			m.PutStr("user."+name, value)
			continue
		default:
			m.PutStr(name, value)
		}
		booked = append(booked, Attribute{name, value})
	}
	return m, booked
}

// What is booked from events in batches, of which several tables take some each, is what a model counts, however many batches are settled at once.
func TestReaderAgreesWithAModel(t *testing.T) {
	wide := Limits{Dimensions: 60, Values: 1000, Lines: 60_000, Text: 1 << 20, BadRows: 50, GoodRows: 50}
	for seed := range uint64(30) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 4))
			limits := wide
			if seed%3 == 0 {
				limits = small
			}
			reader := NewReader(NewNames(nil, nil))
			tables := []*Table{New(limits), New(limits)}
			models := []*model{newModel(), newModel()}
			settle := func() {
				for _, table := range tables {
					table.Settle(reader)
				}
				reader.Release()
			}
			for range 40 {
				resource, ofResource := randomEvent(r, 1+r.IntN(6), 3)
				reader.Resource(resource)
				if reader.Full() {
					settle()
					reader.Resource(resource)
				}
				begun := [2]bool{}
				same, ofSame := randomEvent(r, 15, 20)
				for range r.IntN(30) {
					event, booked := same, ofSame
					if r.IntN(2) == 0 {
						event, booked = randomEvent(r, 15, 20)
					}
					reader.Event()
					reader.Text(SpanName, "op")
					reader.Attributes(event)
					reader.Flag("dark", []string{"on", "off"}[r.IntN(2)])
					reader.EndEvent()
					weight := float64(1 + r.IntN(3))
					for i, table := range tables {
						if r.IntN(2) == 0 {
							continue
						}
						if !begun[i] {
							begun[i] = true
							table.Batch(reader)
						}
						if r.IntN(3) == 0 {
							table.GoodEvent(reader, weight)
							continue
						}
						table.BadEvent(reader, weight)
						models[i].bad(Row{Attributes: append(append(slices.Clip(ofResource), Attribute{SpanName, "op"}), booked...)}, weight)
					}
				}
				if r.IntN(4) == 0 {
					settle()
				}
			}
			settle()
			for i, table := range tables {
				models[i].check(t, table, 0)
				for _, s := range table.Dimensions() {
					assert.NotContains(t, s.Name, "user")
					if limits == wide && s.Name != "feature_flag.dark" {
						assert.Equal(t, models[i].has(s.Name), table.Booked()-s.Without, s.Name)
						assert.Zero(t, s.Other, s.Name)
					}
				}
				next := table.Next()
				assert.Zero(t, next.Booked())
			}
		})
	}
}

// Rows have the values of the events that they represent.
func TestRowsHaveTheValuesOfEvents(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	reader := NewReader(NewNames(nil, nil))
	table := New(Counting)
	for range 20 {
		resource := pcommon.NewMap()
		pod := fmt.Sprintf("pod-%d", r.IntN(4))
		resource.PutStr("k8s.pod.name", pod)
		reader.Resource(resource)
		table.Batch(reader)
		for range 10 {
			m := pcommon.NewMap()
			n := r.IntN(9)
			m.PutStr("app.n", strconv.Itoa(n))
			if n%2 == 0 {
				m.PutStr("app.even", "yes")
			}
			m.PutStr("app.both", fmt.Sprintf("%d of %s", n, pod))
			reader.Event()
			reader.Attributes(m)
			reader.EndEvent()
			if n < 4 {
				if table.BadEvent(reader, 1) {
					table.Found([16]byte{byte(n)}, int64(n))
				}
			} else {
				table.GoodEvent(reader, 1)
			}
		}
		table.Settle(reader)
		reader.Release()
	}
	read, err := Read(table.AppendTo(nil))
	require.NoError(t, err)
	for _, of := range []*Table{table, read} {
		dimension := make(map[string]int)
		text := make(map[string]map[ID]string)
		for i, s := range of.Dimensions() {
			dimension[s.Name] = i
			text[s.Name] = make(map[ID]string)
			for _, l := range s.Lines {
				text[s.Name][l.ID] = l.Value
			}
		}
		bad := 0
		for row := range of.BadRows() {
			bad++
			n := text["app.n"][row.IDs[dimension["app.n"]]]
			require.Equal(t, strconv.FormatUint(uint64(row.Trace[0]), 10), n)
			require.Equal(t, n+" of "+text["k8s.pod.name"][row.IDs[dimension["k8s.pod.name"]]], text["app.both"][row.IDs[dimension["app.both"]]])
			require.Equal(t, row.Trace[0]%2 == 1, row.IDs[dimension["app.even"]] == Without)
		}
		assert.Greater(t, bad, 50)
		good := 0
		for row := range of.GoodRows() {
			good++
			require.NotContains(t, text["app.n"], row.IDs[dimension["app.n"]], "good events have other values")
			require.Contains(t, text["k8s.pod.name"], row.IDs[dimension["k8s.pod.name"]])
		}
		assert.Greater(t, good, 50)
	}
}

func TestWhatIsADimension(t *testing.T) {
	names := NewNames([][]string{{"customer.*", "user.plan"}, {"enduser.id"}}, [][]string{{"*.secret*"}, {"cart.kind"}})
	for name, want := range map[string]use{
		"http.route": shaped, "k8s.pod.name": open, "app.tenant": shaped, "tenant.id": shaped, "product.id": shaped, "queue": shaped, "feature_flag.dark": shaped,
		"messaging.destination.name": shaped, "error.type": shaped, "app.payment.method": shaped,
		"enduser.role": off, "user.id": off, "user.email": off, "client.address": off, "app.customerEmail": off, "contact_email": off, "app.clientIp": off, "source.ip": off,
		"url.full": off, "url.query": off, "url.path": off, "http.target": off, "db.statement": off, "db.query.text": off, "exception.message": off, "exception.stacktrace": off,
		"user_agent.original": off, "request.id": off, "app.requestId": off, "app.request_id": off, "trace_id": off, "spanId": off, "correlation.id": off, "correlation.ids": off, "session.id": off,
		"http.request.header.cookie": off, "app.duration_ms": off, "order.id": off, "log.message": off, "net.peer.ip": off, "app.session": off,
		"service.name": off, "deployment.environment.name": off, "customer.id": open, "customer.email": open, "user.plan": open, "enduser.id": open, "customer.secret": off,
		"my.secrets": off, "cart.kind": off, "cart.kind.other": shaped, "": off, "a\nb": off, strings.Repeat("a", maxText+1): off,
	} {
		assert.Equal(t, want, names.named(name).use, name)
		assert.Equal(t, want, names.named(name).use, "%s, remembered", name)
	}
	for _, pattern := range []string{"a", "a.*", "*.a", "*a*"} {
		assert.NoError(t, CheckPattern(pattern))
	}
	for _, pattern := range []string{"", "*", "**", "a*b", "***a", "a\n", strings.Repeat("a", 100)} {
		assert.Error(t, CheckPattern(pattern), pattern)
	}
}

func TestWhatIsSecret(t *testing.T) {
	for _, value := range []string{
		"anna@example.com", "203.0.113.7", "203.0.113.7:443", "2001:db8::1", "[2001:db8::1]:80", "10.0.0.1, 10.0.0.2", "::ffff:10.0.0.1%eth0",
		"7b6e6a1c-5a0e-4c57-9a3e-3a4c2e1f0d9b", "order 7b6e6a1c-5a0e-4c57-9a3e-3a4c2e1f0d9b", "4bf92f3577b34da6a3ce929d0e0e4736", "1234567", "customer-1234567", "+49 30 1234", "4111 1111 1111 1111",
		"/search?q=me", "a=b&c=d", "He wrote that he could not pay with his card", strings.Repeat("x", maxText+1),
	} {
		assert.True(t, secret(value), value)
	}
	for _, value := range []string{
		"POST /pay", "/orders/{id}", "eu-west-1a", "1.2.3", "v1.24.0-rc.1", "tenant-17", "HTTP 503", "java.net.SocketTimeoutException", "checkout-7d9f8b6c5d-x2x4z", "gpt-4o", "12345",
		"GET /users/:id/orders/:order", "com.example.Cart/Add", "deadbeef", "München", "true",
	} {
		assert.False(t, secret(value), value)
	}
}

// Hostile attributes take a bounded room, and become inert text.
func TestHostileAttributes(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	reader := NewReader(NewNames([][]string{{"all.*"}}, nil))
	limits := Counting
	table := New(limits)
	bad := 0.0
	for i := range 100_000 {
		if i%100 == 0 {
			if i > 0 {
				table.Settle(reader)
				reader.Release()
			}
			resource := pcommon.NewMap()
			resource.PutStr(fmt.Sprintf("all.r%d", i), "<script>")
			resource.PutStr("k8s.pod.name", fmt.Sprint("pod\n", i))
			reader.Resource(resource)
			table.Batch(reader)
		}
		m := pcommon.NewMap()
		m.PutStr("all.values", fmt.Sprint("value ", i))
		m.PutStr("all.html", fmt.Sprintf("<b onload=\"%d\">\r\n\x1b[31m\u202e", i%10))
		m.PutStr("all.bytes", "\xff\xfe\x00"+string(rune('a'+i%3)))
		m.PutStr(fmt.Sprintf("all.name%d", i), "a")
		if i%1000 == 0 {
			m.PutStr("all.long", long[i:])
			m.PutStr(long, "a")
			m.PutStr("free.text", long)
		}
		reader.Event()
		reader.Attributes(m)
		reader.EndEvent()
		table.GoodEvent(reader, 1)
		table.BadEvent(reader, 1)
		bad++
	}
	table.Settle(reader)
	reader.Release()
	assert.Equal(t, bad, table.Booked())
	reading := int(unsafe.Sizeof(attribute{})) * (cap(reader.inEvent.all) + cap(reader.onResource.all))
	t.Log(table.Size(), reading, len(table.AppendTo(nil)))
	assert.Less(t, table.Size(), 44<<10)
	wire := table.AppendTo(nil)
	assert.Less(t, len(wire), 24<<10)
	assert.LessOrEqual(t, len(reader.inEvent.all)+len(reader.onResource.all), 2*mostPositions)
	assert.LessOrEqual(t, len(reader.names.uses), mostNames)
	read, err := Read(wire)
	require.NoError(t, err)
	dimensions := 0
	for _, s := range read.Dimensions() {
		dimensions++
		assert.LessOrEqual(t, len(s.Name), maxText)
		for _, l := range s.Lines {
			assert.LessOrEqual(t, len(l.Value), maxText)
			assert.Equal(t, l.Value, clean(l.Value))
		}
	}
	assert.LessOrEqual(t, dimensions, limits.Dimensions)
}

// What is kept until tables are settled is bounded, whatever the values are.
func TestWhatIsNotSettledIsBounded(t *testing.T) {
	reader := NewReader(NewNames([][]string{{"all.*"}}, nil))
	table := New(Counting)
	resource := pcommon.NewMap()
	largest, account := 0, 0
	for i := range 1000 {
		if i%10 == 0 {
			resource.PutStr("k8s.pod.name", strings.Repeat("p", 59)+strconv.Itoa(i))
			for j := range mostPositions {
				resource.PutStr(fmt.Sprintf("all.r%d", j), fmt.Sprintf("%d\u202e%s", i, strings.Repeat("r", 50)))
			}
			reader.Resource(resource)
			table.Batch(reader)
		}
		if reader.Full() {
			w := reader.vocabulary
			assert.LessOrEqual(t, len(w.values), mostValues)
			assert.Less(t, len(w.texts), 1<<16)
			largest = max(largest, int(unsafe.Sizeof(*w))+int(unsafe.Sizeof(value{}))*cap(w.values)+cap(w.texts))
			account = max(account, 8*cap(table.account.pending)+2*cap(table.account.dimensions)+int(unsafe.Sizeof(run{}))*cap(table.account.runs))
			table.Settle(reader)
			reader.Release()
			reader.Resource(resource)
			table.Batch(reader)
		}
		m := pcommon.NewMap()
		for j := range mostPositions + 2 {
			m.PutStr(fmt.Sprintf("all.%d", j), fmt.Sprintf("%d\n%s", i*j, strings.Repeat("x", i%50)))
		}
		reader.Event()
		reader.Attributes(m)
		reader.EndEvent()
		table.BadEvent(reader, 1)
	}
	table.Settle(reader)
	t.Log(largest, account)
	assert.LessOrEqual(t, largest, 110<<10)
	assert.LessOrEqual(t, account, 16<<10)
	for _, d := range table.Dimensions() {
		sum := d.Other + d.Without
		for _, l := range d.Lines {
			sum += l.Bad
		}
		assert.Equal(t, 1000.0, sum, d.Name)
	}
}

// FuzzRead: what is read is bounded and sound, whatever comes.
func FuzzRead(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, limits := range []Limits{small, Counting} {
		table := New(limits)
		f.Add(table.AppendTo(nil))
		for range 60 {
			table.Bad(randomRow(r, 8, 20), 1.5)
			table.Good(randomRow(r, 8, 20), 1)
		}
		f.Add(table.AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		table, err := Read(b)
		if err != nil {
			return
		}
		for _, s := range table.Dimensions() {
			sum := s.Other + s.Without
			for _, l := range s.Lines {
				sum += l.Bad
				if clean(l.Value) != l.Value {
					t.Fatalf("%q is not clean", l.Value)
				}
			}
			if d := sum - table.Booked(); d > table.Booked()*1e-9 || -d > table.Booked()*1e-9 {
				t.Fatalf("%v is not %v", sum, table.Booked())
			}
		}
		whole := New(Counting)
		whole.Merge(table)
		whole.Merge(table)
		if again, err := Read(whole.AppendTo(nil)); err != nil || again.Booked() != whole.Booked() {
			t.Fatal(err)
		}
		for row := range table.BadRows() {
			_ = row
		}
	})
}

// The sample of bad events is one of all of them, and each of them has the same chance: in tables with as many events of weight 1 as thin it several times, with some of
// more weight between them, the rows of the first, the second and the last third of the events represent about a third each.
func TestSampleOfBadEventsIsFair(t *testing.T) {
	const events, runs = 3000, 2000
	var sums [3]float64
	reader := NewReader(NewNames(nil, nil))
	var parts [3]pcommon.Map
	for i := range parts {
		parts[i] = pcommon.NewMap()
		parts[i].PutStr("part", strconv.Itoa(i))
	}
	booked := 0.0
	for seed := range uint64(runs) {
		limits := Counting
		limits.Seed = seed
		table := New(limits)
		reader.Resource(pcommon.NewMap())
		table.Batch(reader)
		for i := range events {
			weight := 1.0
			if i%100 == 7 {
				weight = 2.5
			}
			reader.Event()
			reader.Attributes(parts[3*i/events])
			reader.EndEvent()
			if table.BadEvent(reader, weight) {
				table.Found([16]byte{}, 0)
			}
		}
		table.Settle(reader)
		reader.Release()
		booked += table.Booked()
		ids := map[ID]int{}
		for at, d := range table.Dimensions() {
			require.Zero(t, at)
			require.Equal(t, "part", d.Name)
			for _, l := range d.Lines {
				n, err := strconv.Atoi(l.Value)
				require.NoError(t, err)
				ids[l.ID] = n
			}
		}
		for row := range table.BadRows() {
			sums[ids[row.IDs[0]]] += row.Weight
		}
	}
	for i, sum := range sums {
		assert.InEpsilon(t, booked/3, sum, 0.02, "part %d", i)
	}
}

// Names and values that differ in one byte, at any place and of any length, are told apart: words have all of a text.
func TestTextsThatDifferInOneByte(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 9))
	wide := Limits{Dimensions: 400, Values: 2000, Lines: 60_000, Text: 1 << 20, BadRows: 50, GoodRows: 50}
	changed := func(length int) string {
		text := []byte(strings.Repeat("z", length)) // neither hexadecimal nor a word that is off
		if length > 0 && random.IntN(2) == 0 {
			text[random.IntN(length)] = 'w' + byte(random.IntN(3))
		}
		return string(text)
	}
	for length := 1; length <= maxText; length++ {
		reader, table := NewReader(NewNames(nil, nil)), New(wide)
		want := map[string]map[string]float64{}
		for range 400 {
			reader.Resource(pcommon.NewMap())
			if reader.Full() {
				table.Settle(reader)
				reader.Release()
				reader.Resource(pcommon.NewMap())
			}
			table.Batch(reader)
			m := pcommon.NewMap()
			for range 3 {
				name := changed(min(length, 36))
				switch size := max(0, length-random.IntN(2)); random.IntN(6) {
				case 0:
					m.PutInt(name, int64(random.IntN(3)))
				default:
					m.PutStr(name, changed(size))
				}
			}
			reader.Event()
			reader.Attributes(m)
			reader.EndEvent()
			if table.BadEvent(reader, 1) {
				table.Found([16]byte{}, 0)
			}
			for name, v := range m.All() {
				if v.AsString() == "" {
					continue
				}
				if want[name] == nil {
					want[name] = map[string]float64{}
				}
				want[name][v.AsString()]++
			}
		}
		table.Settle(reader)
		got := map[string]map[string]float64{}
		for _, d := range table.Dimensions() {
			got[d.Name] = map[string]float64{}
			require.Zero(t, d.Bound, "length %d", length)
			for _, l := range d.Lines {
				got[d.Name][l.Value] = l.Bad
			}
		}
		require.Equal(t, want, got, "length %d", length)
	}
}
