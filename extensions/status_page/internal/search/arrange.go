package search

import (
	"cmp"
	"slices"
)

// maxDepth is how far an item is indented.
const maxDepth = 16

// A place is a span that others can be inside of.
type place struct{ trace, span string }

// arranged puts each item after the span that is around it, and what is inside the same span in order of time. What has no
// time comes last.
func arranged(items []*Item) []*Item {
	slices.SortStableFunc(items, func(a, b *Item) int {
		return cmp.Or(unknownLast(a, b), a.Start.Compare(b.Start), b.End.Compare(a.End))
	})
	spans := map[place]bool{}
	for _, i := range items {
		if i.Signal == SignalSpan && i.SpanID != "" {
			spans[place{i.TraceID, i.SpanID}] = true
		}
	}
	t := tree{inside: map[place][]*Item{}, placed: map[*Item]bool{}}
	var outermost []*Item
	for _, i := range items {
		if around := i.around(); spans[around] {
			t.inside[around] = append(t.inside[around], i)
		} else {
			outermost = append(outermost, i)
		}
	}
	// What goes round in a circle has no outermost: it begins where it is met first.
	for _, i := range append(outermost, items...) {
		t.put(i, 0)
	}
	return t.order
}

// around is the span that an item is inside of, if any.
func (i *Item) around() place {
	if i.Signal == SignalSpan {
		return place{i.TraceID, i.ParentSpanID}
	}
	return place{i.TraceID, i.SpanID}
}

func unknownLast(a, b *Item) int {
	switch {
	case a.Start.IsZero() == b.Start.IsZero():
		return 0
	case a.Start.IsZero():
		return 1
	}
	return -1
}

// A tree is put in order from the outside in.
type tree struct {
	inside map[place][]*Item
	placed map[*Item]bool
	order  []*Item
}

func (t *tree) put(i *Item, depth int) {
	if t.placed[i] {
		return
	}
	t.placed[i] = true
	i.Depth = min(depth, maxDepth)
	t.order = append(t.order, i)
	if i.Signal != SignalSpan || i.SpanID == "" {
		return
	}
	for _, inner := range t.inside[place{i.TraceID, i.SpanID}] {
		t.put(inner, depth+1)
	}
}
