// Runs before the server: node --import ./telemetry.js server.js
// Where it sends to, and the name of the service, say the standard OTEL_* variables.
import { register } from 'node:module';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { PinoInstrumentation } from '@opentelemetry/instrumentation-pino';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import { NodeSDK } from '@opentelemetry/sdk-node';

register('@opentelemetry/instrumentation/hook.mjs', import.meta.url); // for ES modules

export const sdk = new NodeSDK({
  instrumentations: [
    new HttpInstrumentation({
      headersToSpanAttributes: { server: { requestHeaders: ['X-Request-Id'] } },
    }),
    new UndiciInstrumentation(), // fetch
    new PinoInstrumentation(), // sends each log line, with its trace, over OTLP too
  ],
});
sdk.start();
