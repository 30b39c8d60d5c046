// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sharedcomponent

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type config struct{ _ int }

// counted makes 1, 2, 3 and so on.
func counted() func() (int, error) {
	made := 0
	return func() (int, error) { made++; return made, nil }
}

func TestOneValueAConfiguration(t *testing.T) {
	var all Components[config, int]
	first := counted()
	one, other := &config{}, &config{}
	a, err := all.Join(one, first)
	require.NoError(t, err)
	b, err := all.Join(one, first)
	require.NoError(t, err)
	c, err := all.Join(other, first)
	require.NoError(t, err)
	assert.Equal(t, []int{1, 1, 2}, []int{a.Value, b.Value, c.Value})

	assert.False(t, a.Leave(), "b is still there")
	assert.False(t, a.Leave(), "left already")
	assert.True(t, b.Leave())
	assert.False(t, b.Leave(), "left already")

	again, err := all.Join(one, first)
	require.NoError(t, err)
	assert.Equal(t, 3, again.Value, "all had left")
}

func TestWhatCannotBeMadeIsTriedAgain(t *testing.T) {
	var all Components[config, int]
	cfg := &config{}
	_, err := all.Join(cfg, func() (int, error) { return 0, errors.New("no") })
	require.EqualError(t, err, "no")
	share, err := all.Join(cfg, counted())
	require.NoError(t, err)
	assert.Equal(t, 1, share.Value)
	assert.True(t, share.Leave())
}

func TestStartedOnce(t *testing.T) {
	var all Components[config, int]
	cfg, first, starts := &config{}, counted(), 0
	for range 3 {
		share, err := all.Join(cfg, first)
		require.NoError(t, err)
		require.EqualError(t, share.Start(func() error { starts++; return errors.New("port taken") }), "port taken")
	}
	assert.Equal(t, 1, starts)
}
