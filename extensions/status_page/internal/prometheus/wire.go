// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"context"
	"net/http"
	"strconv"

	jsoniter "github.com/json-iterator/go"
	"github.com/prometheus/client_golang/api"
	"github.com/prometheus/common/model"
)

// wire reads the answers to queries in one pass. What the API's own client makes of them, sample by sample and byte by byte for several
// times, is most of what a page of thousands of SLOs costs.
type wire struct{ api.Client }

// wanted is where the value of an answer goes, in the context of its question.
type wanted struct{ value model.Value }

type wantedKey struct{}

// empty is what the API's own client reads in place of an answer that has been read.
const empty = `{"status":"success","data":{"resultType":"vector","result":[]}}`

// Do leaves everything but usual answers to the API's own client: errors, histograms, and what cannot be read.
func (w wire) Do(ctx context.Context, r *http.Request) (*http.Response, []byte, error) {
	resp, body, err := w.Client.Do(ctx, r)
	into, ok := ctx.Value(wantedKey{}).(*wanted)
	if !ok || err != nil || resp.StatusCode != http.StatusOK {
		return resp, body, err
	}
	if value, usual := decode(body); usual {
		into.value, body = value, []byte(empty)
	}
	return resp, body, nil
}

// read asks for a value.
func read(ctx context.Context, question func(context.Context) (model.Value, error)) (model.Value, error) {
	var into wanted
	value, err := question(context.WithValue(ctx, wantedKey{}, &into))
	if err != nil {
		return nil, err
	}
	if into.value != nil {
		return into.value, nil
	}
	return value, nil
}

// An answer that is being read. Names and values of labels that are the same are one string.
type decoding struct {
	*jsoniter.Iterator
	texts map[string]string
	odd   bool // it is none of the usual ones
}

// decode reads a vector or a matrix of numbers that Prometheus is content with.
func decode(body []byte) (model.Value, bool) {
	d := &decoding{Iterator: jsoniter.ParseBytes(jsoniter.ConfigDefault, body), texts: map[string]string{}}
	var value model.Value
	d.object(func(key string) {
		switch key {
		case "status":
			d.expect(d.ReadString() == "success")
		case "data":
			value = d.data()
		default:
			d.Skip()
		}
	})
	return value, d.ok() && value != nil
}

func (d *decoding) ok() bool { return !d.odd && d.Error == nil }

func (d *decoding) expect(usual bool) { d.odd = d.odd || !usual }

func (d *decoding) object(field func(key string)) {
	d.ReadObjectCB(func(_ *jsoniter.Iterator, key string) bool {
		field(key)
		return d.ok()
	})
}

func (d *decoding) array(element func()) {
	if d.expect(d.WhatIsNext() == jsoniter.ArrayValue); d.odd {
		return
	}
	d.ReadArrayCB(func(*jsoniter.Iterator) bool {
		element()
		return d.ok()
	})
}

// data is the answer if it says what it is before it says it.
func (d *decoding) data() (value model.Value) {
	kind := ""
	d.object(func(key string) {
		switch {
		case key == "resultType":
			kind = d.ReadString()
		case key == "result" && kind == model.ValVector.String():
			value = d.vector()
		case key == "result" && kind == model.ValMatrix.String():
			value = d.matrix()
		default:
			d.expect(key != "result")
			d.Skip()
		}
	})
	return value
}

func (d *decoding) vector() model.Vector {
	all := model.Vector{}
	d.array(func() {
		var s model.Sample
		d.object(func(key string) {
			switch key {
			case "metric":
				s.Metric = d.metric()
			case "value":
				pair := d.pair()
				s.Timestamp, s.Value = pair.Timestamp, pair.Value
			default:
				d.expect(false)
			}
		})
		all = append(all, &s)
	})
	return all
}

func (d *decoding) matrix() model.Matrix {
	all := model.Matrix{}
	d.array(func() {
		var s model.SampleStream
		d.object(func(key string) {
			switch key {
			case "metric":
				s.Metric = d.metric()
			case "values":
				d.array(func() { s.Values = append(s.Values, d.pair()) })
			default:
				d.expect(false)
			}
		})
		all = append(all, &s)
	})
	return all
}

func (d *decoding) metric() model.Metric {
	m := make(model.Metric, 4)
	d.object(func(name string) {
		m[model.LabelName(d.same(name))] = model.LabelValue(d.same(d.ReadString()))
	})
	return m
}

func (d *decoding) same(text string) string {
	if known, ok := d.texts[text]; ok {
		return known
	}
	d.texts[text] = text
	return text
}

// pair is [time, "value"].
func (d *decoding) pair() (p model.SamplePair) {
	n := 0
	d.array(func() {
		switch n {
		case 0:
			d.expect(p.Timestamp.UnmarshalJSON([]byte(d.ReadNumber())) == nil)
		case 1:
			v, err := strconv.ParseFloat(d.ReadString(), 64)
			d.expect(err == nil)
			p.Value = model.SampleValue(v)
		default:
			d.expect(false)
		}
		n++
	})
	d.expect(n == 2)
	return p
}
