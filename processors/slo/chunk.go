// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
)

const minutesPerHour = 60

// An hourOfMinutes has the events of each minute of an hour.
type hourOfMinutes [minutesPerHour]sum

// all are the events of the hour.
func (h *hourOfMinutes) all() (total sum) {
	for i := range h {
		total[good] += h[i][good]
		total[bad] += h[i][bad]
	}
	return total
}

// fill spreads what the hour has above its minutes evenly over them: increases that cover the whole hour, and minutes that
// are not known any more. Of an hour with less than its minutes say, the first minutes are right.
func (h *hourOfMinutes) fill(total sum) {
	known := h.all()
	for o := range outcomes {
		if rest := total[o] - known[o]; rest > 0 {
			for i := range h {
				h[i][o] += part(rest, 0, minutesPerHour, int64(i)+1) - part(rest, 0, minutesPerHour, int64(i))
			}
			continue
		}
		left := total[o]
		for i := range h {
			h[i][o] = min(h[i][o], left)
			left -= h[i][o]
		}
	}
}

// A chunk is an hour of minutes as it is kept; u is an unsigned varint, i a signed one, counts are in units of 1/256 event:
//
//	chunk    format:u (1)  good:column  bad:column
//	column   step..., until there are 60 minutes
//	step     difference from the minute before:i, and if it is 0, how many more minutes have none either:u
const chunkFormat = 1

func (h *hourOfMinutes) encode() []byte {
	w := make(checkpoint.Writer, 0, 256)
	w.Uint(chunkFormat)
	for o := range outcomes {
		last := count(0)
		for i := 0; i < minutesPerHour; i++ {
			difference := h[i][o] - last
			last = h[i][o]
			w.Int(int64(difference))
			if difference != 0 {
				continue
			}
			same := 0
			for i+1 < minutesPerHour && h[i+1][o] == last {
				i, same = i+1, same+1
			}
			w.Length(same)
		}
	}
	return append(make([]byte, 0, len(w)), w...)
}

// decodeHour reads a chunk.
func decodeHour(chunk []byte) (h hourOfMinutes, _ error) {
	r := checkpoint.NewReader(chunk)
	r.Require(r.Uint(chunkFormat) == chunkFormat)
	for o := range outcomes {
		last := int64(0)
		for i := 0; i < minutesPerHour && !r.Failed(); i++ {
			difference := r.Int(int64(maxCount))
			last += difference
			r.Require(last >= 0 && last <= int64(maxCount))
			h[i][o] = count(last)
			if difference != 0 {
				continue
			}
			for range r.Uint(uint64(minutesPerHour - 1 - i)) {
				i++
				h[i][o] = count(last)
			}
		}
	}
	err := r.End()
	if err != nil {
		return hourOfMinutes{}, err
	}
	return h, nil
}

// add adds the minutes of another hour.
func (h *hourOfMinutes) add(other *hourOfMinutes) {
	for i := range h {
		for o := range outcomes {
			h[i][o] = min(h[i][o]+other[i][o], maxCount)
		}
	}
}
