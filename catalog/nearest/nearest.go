// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package nearest finds the word that a person meant: a message that names it saves the reader a search.
package nearest

import "strings"

// Word is the known word with the fewest letters that differ from those of word, or "" if none is near. Case does not count.
func Word(word string, known []string) string {
	best, limit := "", len(word)/3
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k), limit); d <= limit && (best == "" || d < limit) {
			best, limit = k, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete, replace or swap with their neighbor to make b of a, or anything above limit if it
// is certain to be above.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			replace := last[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, row[j]+1, last[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
