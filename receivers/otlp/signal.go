// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"context"
	"net/http"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/xconsumer"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/pprofile/pprofileotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A signal takes the requests of one kind of telemetry.
type signal interface {
	// overGRPC adds the signal's service to the server for gRPC.
	overGRPC(*intake)
	// overHTTP adds the signal's path to those of the server for HTTP.
	overHTTP(*intake, *http.ServeMux)
}

// format is how requests are encoded, in the receiver's own telemetry.
const format = "protobuf"

type traces struct {
	ptraceotlp.UnimplementedGRPCServer
	next   consumer.Traces
	report *receiverhelper.ObsReport
}

func (s traces) Export(ctx context.Context, request ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	td := request.Traces()
	n := td.SpanCount()
	if n == 0 {
		return ptraceotlp.NewExportResponse(), nil
	}
	ctx = s.report.StartTracesOp(ctx)
	err := s.next.ConsumeTraces(ctx, td)
	s.report.EndTracesOp(ctx, format, n, err)
	return ptraceotlp.NewExportResponse(), refusal(err)
}

func (s traces) overGRPC(in *intake) {
	s.report = in.reports[overGRPC]
	ptraceotlp.RegisterGRPCServer(in.grpc, &s)
}

func (s traces) overHTTP(in *intake, paths *http.ServeMux) {
	s.report = in.reports[overHTTP]
	paths.Handle(string(in.config.Protocols.HTTP.Get().TracesURLPath), endpoint[ptraceotlp.ExportRequest, ptraceotlp.ExportResponse]{in, ptraceotlp.NewExportRequest, s.Export})
}

type metrics struct {
	pmetricotlp.UnimplementedGRPCServer
	next   consumer.Metrics
	report *receiverhelper.ObsReport
}

func (s metrics) Export(ctx context.Context, request pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	md := request.Metrics()
	n := md.DataPointCount()
	if n == 0 {
		return pmetricotlp.NewExportResponse(), nil
	}
	ctx = s.report.StartMetricsOp(ctx)
	err := s.next.ConsumeMetrics(ctx, md)
	s.report.EndMetricsOp(ctx, format, n, err)
	return pmetricotlp.NewExportResponse(), refusal(err)
}

func (s metrics) overGRPC(in *intake) {
	s.report = in.reports[overGRPC]
	pmetricotlp.RegisterGRPCServer(in.grpc, &s)
}

func (s metrics) overHTTP(in *intake, paths *http.ServeMux) {
	s.report = in.reports[overHTTP]
	paths.Handle(string(in.config.Protocols.HTTP.Get().MetricsURLPath), endpoint[pmetricotlp.ExportRequest, pmetricotlp.ExportResponse]{in, pmetricotlp.NewExportRequest, s.Export})
}

type logs struct {
	plogotlp.UnimplementedGRPCServer
	next   consumer.Logs
	report *receiverhelper.ObsReport
}

func (s logs) Export(ctx context.Context, request plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	ld := request.Logs()
	n := ld.LogRecordCount()
	if n == 0 {
		return plogotlp.NewExportResponse(), nil
	}
	ctx = s.report.StartLogsOp(ctx)
	err := s.next.ConsumeLogs(ctx, ld)
	s.report.EndLogsOp(ctx, format, n, err)
	return plogotlp.NewExportResponse(), refusal(err)
}

func (s logs) overGRPC(in *intake) {
	s.report = in.reports[overGRPC]
	plogotlp.RegisterGRPCServer(in.grpc, &s)
}

func (s logs) overHTTP(in *intake, paths *http.ServeMux) {
	s.report = in.reports[overHTTP]
	paths.Handle(string(in.config.Protocols.HTTP.Get().LogsURLPath), endpoint[plogotlp.ExportRequest, plogotlp.ExportResponse]{in, plogotlp.NewExportRequest, s.Export})
}

// profilesPath is where profiles come in over HTTP. The protocol does not have its final path yet.
const profilesPath = "/v1development/profiles"

type profiles struct {
	pprofileotlp.UnimplementedGRPCServer
	next   xconsumer.Profiles
	report *receiverhelper.ObsReport
}

func (s profiles) Export(ctx context.Context, request pprofileotlp.ExportRequest) (pprofileotlp.ExportResponse, error) {
	pd := request.Profiles()
	if pd.SampleCount() == 0 {
		return pprofileotlp.NewExportResponse(), nil
	}
	return pprofileotlp.NewExportResponse(), refusal(s.next.ConsumeProfiles(ctx, pd))
}

func (s profiles) overGRPC(in *intake) {
	s.report = in.reports[overGRPC]
	pprofileotlp.RegisterGRPCServer(in.grpc, &s)
}

func (s profiles) overHTTP(in *intake, paths *http.ServeMux) {
	s.report = in.reports[overHTTP]
	paths.Handle(profilesPath, endpoint[pprofileotlp.ExportRequest, pprofileotlp.ExportResponse]{in, pprofileotlp.NewExportRequest, s.Export})
}

// refusal is the error of a pipeline as a client has to see it: sent again, unless the pipeline says that this cannot help.
// Source: OpenTelemetry protocol specification, OTLP/gRPC failures.
func refusal(err error) error {
	if err == nil {
		return nil
	}
	if s, ok := status.FromError(err); ok {
		return s.Err()
	}
	if consumererror.IsPermanent(err) {
		return status.Error(codes.Internal, err.Error())
	}
	return status.Error(codes.Unavailable, err.Error())
}
