// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
	"golang.org/x/net/http2"

	"github.com/otelcol-sre/otelcol-sre/receivers/otlp/internal/metadata"
)

// A protocol is one of those over which OTLP comes.
type protocol uint8

const (
	overGRPC protocol = iota
	overHTTP
	protocols
	// unknown: TLS, or nothing that either protocol begins with. The port's own server knows what to do with it.
	unknown
)

func (p protocol) String() string { return [...]string{"gRPC", "HTTP"}[p] }

func (p protocol) attribute() attribute.KeyValue {
	return attribute.String("protocol", [...]string{"grpc", "http"}[p])
}

// spoken is the protocol of a client that sent these bytes first. More tells that further ones are needed.
// Source: RFC 9113, section 3.4 (connection preface), and RFC 9112, section 3 (request line).
func spoken(first []byte) (p protocol, more bool) {
	preface := http2.ClientPreface[:3] // PRI; POST and PUT begin alike
	switch {
	case len(first) == 0:
		return unknown, true
	case first[0] < 'A' || first[0] > 'Z':
		return unknown, false
	case len(first) < len(preface) && string(first) == preface[:len(first)]:
		return unknown, true
	case len(first) >= len(preface) && string(first[:len(preface)]) == preface:
		return overGRPC, false
	default:
		return overHTTP, false
	}
}

// A port accepts the connections of one address, and gives each to the server of the protocol that its client speaks.
type port struct {
	net.Listener
	protocol  protocol
	servers   [protocols]*door // nil: that server does not take connections of this port
	slots     chan struct{}
	handshake time.Duration
	// hint names the right port, for clients of the other protocol.
	hint      string
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder

	stopping context.Context
	stop     context.CancelFunc
	running  sync.WaitGroup
	// quiet is until when, in Unix nanoseconds, no further log line is written.
	quiet atomic.Int64
}

// A port logs no more than one line in this time about clients of the other protocol.
const pause = 10 * time.Minute

// accept runs until the port is closed.
func (p *port) accept() error {
	delay := time.Duration(0)
	for {
		select {
		case p.slots <- struct{}{}:
		case <-p.stopping.Done():
			return nil
		}
		conn, err := p.Accept()
		if err != nil {
			<-p.slots
			if p.stopping.Err() != nil {
				return nil
			}
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			// Mostly there are too many open files, and connections that end give some back.
			delay = min(max(2*delay, 5*time.Millisecond), time.Second)
			p.logger.Warn("A connection cannot be accepted; the next try comes later", zap.Duration("wait", delay), zap.Error(err))
			select {
			case <-time.After(delay):
			case <-p.stopping.Done():
			}
			continue
		}
		delay = 0
		p.telemetry.ReceiverOtlpConnections.Add(context.Background(), 1, metric.WithAttributes(p.protocol.attribute()))
		p.running.Go(func() { p.direct(&connection{Conn: conn, port: p}) })
	}
}

// close ends the port. Connections that servers have are theirs.
func (p *port) close() error {
	p.stop()
	err := p.Close()
	p.running.Wait()
	return err
}

// direct gives a connection to the server that it is for.
func (p *port) direct(conn *connection) {
	speaks, err := p.listen(conn)
	if err != nil { // it sent nothing
		_ = conn.Close()
		return
	}
	if speaks == unknown || speaks == p.protocol {
		p.servers[p.protocol].give(conn)
		return
	}
	other := p.servers[speaks]
	outcome := "served"
	if other == nil {
		outcome = "refused"
	}
	p.telemetry.ReceiverOtlpMisdirected.Add(context.Background(), 1, metric.WithAttributes(p.protocol.attribute(), attribute.String("outcome", outcome)))
	if now := time.Now(); now.UnixNano() > p.quiet.Load() {
		p.quiet.Store(now.Add(pause).UnixNano())
		p.logger.Warn(fmt.Sprintf("OTLP over %v came to the port for %v: %s", speaks, p.protocol, p.hint),
			zap.Stringer("port", p.Addr()), zap.Stringer("client", conn.RemoteAddr()), zap.String("outcome", outcome))
	}
	if other != nil {
		other.give(conn)
		return
	}
	p.refuse(conn, speaks)
}

// listen returns what a client speaks. Its bytes stay to be read by a server.
func (p *port) listen(conn *connection) (protocol, error) {
	if err := conn.SetReadDeadline(time.Now().Add(p.handshake)); err != nil {
		return unknown, err
	}
	abort := context.AfterFunc(p.stopping, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	speaks, err := begins(conn)
	if !abort() {
		return unknown, net.ErrClosed
	}
	if err != nil {
		return unknown, err
	}
	return speaks, conn.SetReadDeadline(time.Time{})
}

// begins looks at the first bytes of a connection without taking them.
func begins(conn syscall.Conn) (protocol, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return unknown, err
	}
	speaks, failed := unknown, error(nil)
	err = raw.Read(func(fd uintptr) (done bool) {
		var first [3]byte
		n, _, err := syscall.Recvfrom(int(fd), first[:], syscall.MSG_PEEK)
		switch {
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
			return false
		case err != nil:
			failed = err
			return true
		case n == 0:
			failed = io.EOF
			return true
		}
		var more bool
		speaks, more = spoken(first[:n])
		return !more
	})
	return speaks, errors.Join(err, failed)
}

// refuse tells a client in its own protocol which port is the right one.
func (p *port) refuse(conn *connection, speaks protocol) {
	defer func() { _ = conn.Close() }()
	if conn.SetDeadline(time.Now().Add(time.Second)) != nil {
		return
	}
	text := fmt.Sprintf("this port takes OTLP over %v: %s", p.protocol, p.hint)
	switch speaks {
	case overHTTP:
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s\n", len(text)+1, text)
	default:
		framer := http2.NewFramer(conn, nil)
		_ = framer.WriteSettings()
		_ = framer.WriteGoAway(0, http2.ErrCodeHTTP11Required, []byte(text))
	}
	// What was not read would make the kernel reset the connection, and take the answer with it.
	_, _ = io.CopyN(io.Discard, conn, 64<<10)
}

// A connection frees its place in the port when it is closed.
type connection struct {
	net.Conn
	port   *port
	closed sync.Once
}

// SyscallConn lets gRPC wait for data without a buffer of its own.
func (c *connection) SyscallConn() (syscall.RawConn, error) {
	raw, ok := c.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return raw.SyscallConn()
}

func (c *connection) Close() error {
	c.closed.Do(func() {
		<-c.port.slots
		c.port.telemetry.ReceiverOtlpConnections.Add(context.Background(), -1, metric.WithAttributes(c.port.protocol.attribute()))
	})
	return c.Conn.Close()
}

// A door is where a server takes connections, whichever port they came to.
type door struct {
	address net.Addr
	next    chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func newDoor(address net.Addr) *door {
	return &door{address: address, next: make(chan net.Conn), closed: make(chan struct{})}
}

// give hands a connection to the server, or closes it if the server has ended.
func (d *door) give(conn net.Conn) {
	select {
	case d.next <- conn:
	case <-d.closed:
		_ = conn.Close()
	}
}

// Accept is for the server.
func (d *door) Accept() (net.Conn, error) {
	select {
	case conn := <-d.next:
		return conn, nil
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

// Close is for the server.
func (d *door) Close() error {
	d.once.Do(func() { close(d.closed) })
	return nil
}

// Addr is for the server.
func (d *door) Addr() net.Addr { return d.address }
