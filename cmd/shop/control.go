// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxBody bounds what is sent to the control server.
const maxBody = 1 << 16

// loadSettings is /load's JSON.
type loadSettings struct {
	Rate float64 `json:"rate"` // requests a second
}

// control changes a running shop over HTTP: what a flag can set, it can set.
//
//	GET      /settings            all services' settings
//	GET, PUT /settings/{service}  those of one; PUT changes the keys it names, see [service.Change]
//	GET, PUT /load                {"rate": requests a second}
//	GET      /tally               what the shop made so far, see [Tally]
func control(shop *Shop, load *Load) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		for _, name := range serviceNames {
			_, _ = fmt.Fprintf(w, "%-10s %s\n", name, shop.services[name].url())
		}
		_, _ = fmt.Fprint(w, "\nGET      /settings\nGET, PUT /settings/{service}\nGET, PUT /load\nGET      /tally\n")
	})
	mux.HandleFunc("GET /settings", func(w http.ResponseWriter, _ *http.Request) {
		all := map[string]Settings{}
		for name, s := range shop.services {
			all[name] = s.Settings()
		}
		reply(w, all)
	})
	mux.HandleFunc("GET /settings/{service}", func(w http.ResponseWriter, r *http.Request) {
		if s := find(w, r, shop); s != nil {
			reply(w, s.Settings())
		}
	})
	mux.HandleFunc("PUT /settings/{service}", func(w http.ResponseWriter, r *http.Request) {
		s := find(w, r, shop)
		if s == nil {
			return
		}
		body, err := read(w, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		settings, err := s.Change(r.Context(), func(settings *Settings) error { return decode(body, settings) })
		switch {
		case errors.Is(err, errOvertaken), errors.Is(err, errClosing):
			http.Error(w, err.Error(), http.StatusConflict)
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
		default:
			reply(w, settings)
		}
	})
	mux.HandleFunc("GET /load", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, loadSettings{Rate: load.Rate()})
	})
	mux.HandleFunc("PUT /load", func(w http.ResponseWriter, r *http.Request) {
		settings := loadSettings{Rate: load.Rate()}
		body, err := read(w, r)
		if err == nil {
			err = decode(body, &settings)
		}
		if err == nil {
			err = load.SetRate(settings.Rate)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		reply(w, settings)
	})
	mux.HandleFunc("GET /tally", func(w http.ResponseWriter, _ *http.Request) {
		tally := shop.Tally()
		tally.Requests = load.Requests()
		reply(w, tally)
	})
	// A page in a browser on this machine must not change the shop.
	return http.NewCrossOriginProtection().Handler(mux)
}

func find(w http.ResponseWriter, r *http.Request, shop *Shop) *service {
	s := shop.services[r.PathValue("service")]
	if s == nil {
		http.Error(w, fmt.Sprintf("no such service: one of %q", serviceNames), http.StatusNotFound)
	}
	return s
}

func read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
}

// decode reads one JSON object over what settings hold: keys it does not name keep their values.
func decode(body []byte, settings any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(settings); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("settings: one JSON object, and nothing after it")
	}
	return nil
}

func reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(value) // the client has gone
}
