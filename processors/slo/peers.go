// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/internal/webserver"
)

const (
	pathClaims  = "/v1/claims"
	pathHistory = "/v1/history"
	pathLegacy  = "/v1/legacy"
	// peerTimeout is how long a peer may take to answer.
	peerTimeout = 5 * time.Second
	// maxPeers is how many peers are asked and remembered.
	maxPeers = 256
	// maxAnswer is how many bytes a peer may answer.
	maxAnswer = 256 << 20
	// maxInherited is how many SLOs may be asked for in one request, and inherited how many are: a month of one is up to 0.7 MB, and a server takes
	// 20 MiB.
	maxInherited = 1000
	inherited    = 25
)

// PeersConfig is how the collectors that share the counters reach each other.
type PeersConfig struct {
	// Server is where the peers reach this collector.
	Server confighttp.ServerConfig `mapstructure:"server"`
	// Members are the peers, host:port each. A host may be a DNS name with many addresses, and this collector may
	// be among them.
	Members []string `mapstructure:"members"`
	// Client is how the peers are reached: by https unless tls::insecure is true. Its endpoint is not used.
	Client confighttp.ClientConfig `mapstructure:"client"`

	// prevent unkeyed literal initialization
	_ struct{}
}

func defaultPeers() PeersConfig {
	server, client := confighttp.NewDefaultServerConfig(), confighttp.NewDefaultClientConfig()
	server.NetAddr.Endpoint = "localhost:4319"
	server.ReadHeaderTimeout, server.ReadTimeout = peerTimeout, 30*time.Second
	client.Timeout = peerTimeout
	return PeersConfig{Server: server, Client: client}
}

// Validate reports every invalid key with its fix.
func (c *PeersConfig) Validate() error {
	var errs []error
	if len(c.Members) == 0 {
		errs = append(errs, errors.New("members: is empty; list the peers as host:port, or one DNS name of them all"))
	}
	for _, member := range c.Members {
		if host, _, err := net.SplitHostPort(member); err != nil || host == "" {
			errs = append(errs, fmt.Errorf("members: %.100q is not host:port", member))
		}
	}
	return errors.Join(errs...)
}

// Peers are the collectors that share the counters with this one. They tell each other which SLOs they have counters
// of; the strongest claim on an SLO wins, by the same rule everywhere, so that one of them speaks for it.
type peers struct {
	config *PeersConfig
	name   string // of this process among them
	client *http.Client
	server *webserver.Server
	lookUp func(ctx context.Context, host string) ([]string, error)

	wake    chan struct{}
	end     context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	rivals map[string]*rival // by name
}

// A rival is what is known of a peer.
type rival struct {
	address string // empty until this collector has asked it
	heard   int64
	claims  map[subject]claim
}

// A message is what peers tell each other.
type message struct {
	Instance string  `json:"instance"`
	Claims   []claim `json:"claims"`
}

func newPeers(config *PeersConfig, name string) *peers {
	return &peers{
		config: config, name: name, lookUp: net.DefaultResolver.LookupHost,
		wake: make(chan struct{}, 1), rivals: make(map[string]*rival),
	}
}

// wakeUp lets the next round begin at once.
func (n *peers) wakeUp() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// startPeers serves the peers, and begins to ask them.
func (p *sloProcessor) startPeers(ctx context.Context, host component.Host, set component.TelemetrySettings) error {
	n := p.peers
	var err error
	if n.client, err = n.config.Client.ToClient(ctx, host.GetExtensions(), set); err != nil {
		return fmt.Errorf("peers::client: %w", err)
	}
	n.server, err = webserver.Listen(ctx, webserver.Settings{
		Component: "slo: peers::server", Server: &n.config.Server, Keys: webserver.NewDefaultKeys(), Host: host, Telemetry: set,
	}, func(net.Addr) http.Handler { return p.peersHandler() })
	if err != nil {
		return fmt.Errorf("peers::server: %w", err)
	}
	running, end := context.WithCancel(context.Background())
	n.end = end
	n.running.Go(func() { p.converse(running) })
	return nil
}

// stop ends the conversation.
func (n *peers) stop(ctx context.Context) error {
	if n.end == nil {
		return nil
	}
	n.end()
	err := n.server.Shutdown(ctx)
	n.running.Wait()
	n.client.CloseIdleConnections()
	return err
}

// converse holds a round at every flush, and at once when counters come that did not before.
func (p *sloProcessor) converse(ctx context.Context) {
	ticker := time.NewTicker(p.config.FlushInterval)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if p.round(ctx) {
			p.flush(ctx, p.now(), false)
		}
		select {
		case <-ticker.C:
		case <-p.peers.wake:
		case <-ctx.Done():
		}
	}
}

// round asks all peers for their claims, takes over the history of SLOs that have moved here, and settles who
// speaks. It reports whether that has changed.
func (p *sloProcessor) round(ctx context.Context) (changed bool) {
	mine, err := json.Marshal(message{p.peers.name, p.claims()})
	if err != nil {
		p.logger.Error("The claims on SLOs cannot be written", zap.Error(err))
		return false
	}
	var asked sync.WaitGroup
	for _, address := range p.peers.addresses(ctx, p.failedPeer) {
		asked.Go(func() {
			if err := p.ask(ctx, address, mine); err != nil && ctx.Err() == nil {
				p.failedPeer(address, err)
			}
		})
	}
	asked.Wait()
	p.peers.forget(p.now().UnixNano(), 3*p.config.FlushInterval+peerTimeout)
	p.inherit(ctx)
	return p.settle()
}

func (p *sloProcessor) failedPeer(address string, err error) {
	p.stats.peerFailures.Add(1)
	p.health.Failed(p.now(), "peer", "A peer does not say which SLOs it computes; SLOs may be computed twice", fmt.Errorf("%s: %w", cut(address), err))
}

// addresses are those of all peers as of now. A name without an address is no failure: no peer is ready yet.
func (n *peers) addresses(ctx context.Context, failed func(string, error)) []string {
	var all []string
	for _, member := range n.config.Members {
		host, port, _ := net.SplitHostPort(member) // it was validated
		found, err := n.lookUp(ctx, host)
		var unknown *net.DNSError
		if err != nil && ctx.Err() == nil && (!errors.As(err, &unknown) || !unknown.IsNotFound) {
			failed(member, err)
		}
		for _, address := range found {
			all = append(all, net.JoinHostPort(address, port))
		}
	}
	return all[:min(len(all), maxPeers)]
}

// ask exchanges claims with the peer at the address, which may be this collector itself.
func (p *sloProcessor) ask(ctx context.Context, address string, mine []byte) error {
	answer, err := p.post(ctx, address, pathClaims, mine)
	if err != nil {
		return err
	}
	var theirs message
	if err := json.Unmarshal(answer, &theirs); err != nil {
		return fmt.Errorf("the answer is no list of claims: %w", err)
	}
	p.peers.hear(theirs, address, p.now().UnixNano())
	return nil
}

// post sends a request to a peer, and returns its answer.
func (p *sloProcessor) post(ctx context.Context, address, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, peerTimeout)
	defer cancel()
	scheme := "https"
	if p.peers.config.Client.TLS.Insecure {
		scheme = "http"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, scheme+"://"+address+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := p.peers.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("answers %s: %.200q", response.Status, answer)
	}
	return answer, err
}

// hear takes the claims of a peer.
func (n *peers) hear(m message, address string, now int64) {
	if m.Instance == "" || m.Instance == n.name {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.rivals[m.Instance]
	if r == nil {
		if len(n.rivals) >= maxPeers {
			return
		}
		r = &rival{}
		n.rivals[m.Instance] = r
	}
	if address != "" {
		r.address = address
	}
	r.heard, r.claims = now, make(map[subject]claim, len(m.Claims))
	for _, c := range m.Claims {
		r.claims[c.subject()] = c
	}
}

// known are the addresses of the peers that have answered.
func (n *peers) known() (addresses []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range n.rivals {
		if r.address != "" {
			addresses = append(addresses, r.address)
		}
	}
	return addresses
}

// forget drops the peers that were not heard of for the time.
func (n *peers) forget(now int64, after time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for name, r := range n.rivals {
		if now-r.heard > int64(after) {
			delete(n.rivals, name)
		}
	}
}

// claims are those of this collector, on every subject of the catalog that it knows.
func (p *sloProcessor) claims() (all []claim) {
	p.each(func(t *tracked, i *instance, now int64) {
		all = append(all, i.claim(t.key, now, release(p.config.FlushInterval)))
	})
	return all
}

// each calls f for each instance of an SLO of the catalog, under the shard's lock.
func (p *sloProcessor) each(f func(t *tracked, i *instance, now int64)) {
	now := p.now().UnixNano()
	for n := range p.shards {
		s := &p.shards[n]
		s.mu.Lock()
		for _, t := range s.slos {
			if t.objective == nil {
				continue
			}
			for _, i := range t.instances {
				f(t, i, now)
			}
		}
		s.mu.Unlock()
	}
}

// settle decides which SLOs this collector speaks for, and reports whether that has changed.
func (p *sloProcessor) settle() (changed bool) {
	p.peers.mu.Lock()
	defer p.peers.mu.Unlock()
	p.each(func(t *tracked, i *instance, now int64) {
		_, beaten := p.peers.strongest(i.claim(t.key, now, release(p.config.FlushInterval)), now, release(p.config.FlushInterval))
		if i.owned == beaten {
			changed, i.owned = true, !beaten
			i.lookAt(t.shard, 0)
		}
	})
	return changed
}

// strongest is the peer whose claim on the subject is stronger than that of this collector; false if none is. n.mu must be held.
func (n *peers) strongest(mine claim, now int64, release time.Duration) (best string, beaten bool) {
	strongest := mine
	best = n.name
	for name, r := range n.rivals {
		theirs, ok := r.claims[mine.subject()]
		if !ok {
			continue
		}
		theirs = theirs.later(time.Duration(max(now-r.heard, 0)))
		if compareClaims(theirs, strongest, name, best, release) > 0 {
			strongest, best = theirs, name
		}
	}
	return best, best != n.name
}
