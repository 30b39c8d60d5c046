// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { FetchInstrumentation } from '@opentelemetry/instrumentation-fetch'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { WebTracerProvider } from '@opentelemetry/sdk-trace-web'

// COLLECTOR is set by esbuild: where the collector takes OTLP over HTTP.
const exporter = new OTLPTraceExporter({ url: COLLECTOR + '/v1/traces' })
new WebTracerProvider({
  resource: resourceFromAttributes({ 'service.name': 'first-page', 'service.version': '1.0.0' }),
  spanProcessors: [new BatchSpanProcessor(exporter, { scheduledDelayMillis: 1000 })],
}).register()
registerInstrumentations({ instrumentations: [new FetchInstrumentation({ ignoreUrls: [COLLECTOR + '/v1/traces'] })] })

// The page itself.
async function refresh() {
  const answer = await fetch('stock.json')
  document.getElementById('stock').textContent = (await answer.json()).stock
}
setInterval(refresh, 250)
