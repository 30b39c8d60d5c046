// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Bundles the page and serves it at PAGE; its telemetry goes to COLLECTOR.
import { context } from 'esbuild'

const [host, port] = (process.env.PAGE ?? 'localhost:8000').split(':')
const bundle = await context({
  entryPoints: ['page.js'],
  bundle: true,
  outfile: 'main.js',
  write: false,
  define: { COLLECTOR: JSON.stringify(process.env.COLLECTOR ?? 'http://localhost:4318') },
})
await bundle.serve({ servedir: '.', host, port: Number(port) })
console.log(`http://${host}:${port}`)
