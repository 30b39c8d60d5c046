// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// A service that knows nothing of OpenTelemetry.
const http = require('node:http')

const server = http.createServer((request, response) => {
  response.end('hello\n')
})
server.listen(process.env.PORT ?? 8080, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})
