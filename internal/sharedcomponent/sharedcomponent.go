// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package sharedcomponent lets all instances of a component work on one value. The collector makes an
// instance for each signal and pipeline, and hands all instances of a component the same configuration.
package sharedcomponent

import "sync"

// Components are those of one factory, each with its value. C is the type of their configuration.
type Components[C, V any] struct {
	mu       sync.Mutex
	byConfig map[*C]*shared[V]
}

type shared[V any] struct {
	value    V
	shares   int
	start    sync.Once
	startErr error
}

// A Share is an instance's part in the value of its component.
type Share[V any] struct {
	Value V

	of    *shared[V]
	leave func() (last bool)
}

// Join returns a share in the component's value, which the first instance makes.
func (c *Components[C, V]) Join(config *C, first func() (V, error)) (*Share[V], error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.byConfig[config]
	if !ok {
		value, err := first()
		if err != nil {
			return nil, err
		}
		s = &shared[V]{value: value}
		if c.byConfig == nil {
			c.byConfig = map[*C]*shared[V]{}
		}
		c.byConfig[config] = s
	}
	s.shares++
	var once sync.Once
	return &Share[V]{Value: s.value, of: s, leave: func() (last bool) {
		once.Do(func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			if s.shares--; s.shares == 0 {
				last = true
				delete(c.byConfig, config)
			}
		})
		return last
	}}, nil
}

// Start starts the value with the first instance that starts; the others get what came of it.
func (s *Share[V]) Start(start func() error) error {
	s.of.start.Do(func() { s.of.startErr = start() })
	return s.of.startErr
}

// Leave gives the share back, and tells if it was the last; a second call says false. The configuration's
// next instance, if there is one, makes a new value.
func (s *Share[V]) Leave() (last bool) { return s.leave() }
