// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// A line of the stream is one of these: the beginning of a place, a day of it with events, or the end of all, without which it is not whole.
type line struct {
	SLO         string            `json:"slo,omitempty"`
	Environment string            `json:"environment,omitempty"`
	Group       map[string]string `json:"group,omitempty"`
	Measured    [][2]time.Time    `json:"measured,omitempty"`
	Unmeasured  []gapLine         `json:"unmeasured,omitempty"`

	Day *time.Time `json:"day,omitempty"`
	// Minutes are the number of each in its day, its good and its bad events.
	Minutes [][3]float64 `json:"minutes,omitempty"`

	End bool `json:"end,omitempty"`
}

type gapLine struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Cause Cause     `json:"cause,omitempty"`
}

// maxLine bounds a line, in bytes: a day whose minutes all have large numbers.
const maxLine = 1 << 20

// Write writes the minutes of an SLO with all its places from a day to another, both included. It stops when the context ends or the reader is gone.
func Write(ctx context.Context, w io.Writer, k Keeper, of SLO, places []Place, from, to time.Time) error {
	e := json.NewEncoder(w)
	for i := range places {
		p := &places[i]
		head := line{SLO: of.Name, Environment: p.Environment, Group: p.Group}
		for _, s := range p.Measured {
			head.Measured = append(head.Measured, [2]time.Time{s.From.UTC(), s.To.UTC()})
		}
		for _, g := range p.Unmeasured {
			head.Unmeasured = append(head.Unmeasured, gapLine{g.From.UTC(), g.To.UTC(), g.Cause})
		}
		if err := e.Encode(head); err != nil {
			return err
		}
		for day := from.UTC().Truncate(Day); !day.After(to); day = day.Add(Day) {
			if err := ctx.Err(); err != nil {
				return err
			}
			minutes := k.Minutes(of, *p, day, false)
			if len(minutes) == 0 {
				continue
			}
			one := line{Day: &day}
			for _, m := range minutes {
				one.Minutes = append(one.Minutes, [3]float64{float64(m.Start - day.Unix()/60), m.Good, m.Bad})
			}
			if err := e.Encode(one); err != nil {
				return err
			}
		}
	}
	return nil
}

// End writes that the stream is whole.
func End(w io.Writer) error { return json.NewEncoder(w).Encode(line{End: true}) }

// ErrCutOff is a stream that ends too early.
var ErrCutOff = errors.New("the answer was cut off")

var errImpossible = errors.New("a day of the answer has minutes that cannot be")

// Read reads a stream. It calls begin for each place, and day for each of its days with events.
func Read(r io.Reader, begin func(slo string, at Place) error, day func([]Minute) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 64<<10), maxLine)
	last := int64(-1) // the minute before
	for begun := false; s.Scan(); {
		var l line
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			return fmt.Errorf("a line of the answer is not one of minutes: %w", err)
		}
		switch {
		case l.End:
			return nil
		case l.SLO != "":
			begun, last = true, -1
			at := Place{Environment: l.Environment, Group: l.Group}
			for _, m := range l.Measured {
				at.Measured = append(at.Measured, Span{m[0], m[1]})
			}
			for _, g := range l.Unmeasured {
				at.Unmeasured = append(at.Unmeasured, Gap{Span{g.From, g.To}, g.Cause})
			}
			if err := begin(l.SLO, at); err != nil {
				return err
			}
		case l.Day != nil && begun:
			minutes, err := l.minutes()
			if err != nil {
				return err
			}
			if len(minutes) > 0 {
				if minutes[0].Start <= last {
					return errImpossible
				}
				last = minutes[len(minutes)-1].Start
			}
			if err := day(minutes); err != nil {
				return err
			}
		default:
			return errors.New("a line of the answer is not one of minutes")
		}
	}
	return errors.Join(ErrCutOff, s.Err())
}

// minutes are those of a day, which must be in order.
func (l *line) minutes() ([]Minute, error) {
	minutes := make([]Minute, 0, len(l.Minutes))
	last := -1.0
	for _, m := range l.Minutes {
		if m[0] <= last || m[0] >= float64(MinutesPerDay) || m[0] != float64(int(m[0])) || m[1] < 0 || m[2] < 0 {
			return nil, errImpossible
		}
		last = m[0]
		minutes = append(minutes, Minute{l.Day.Unix()/60 + int64(m[0]), m[1], m[2]})
	}
	return minutes, nil
}

// Unknown is the header of an answer without a stream, because the SLO is not followed there.
const Unknown = "Slo-Unknown"
