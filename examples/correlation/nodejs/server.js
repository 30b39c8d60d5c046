// A shop that sells one thing: POST /buy. If UPSTREAM is set, it asks there first.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import pino from 'pino';
import { sdk } from './telemetry.js';

const upstream = process.env.UPSTREAM;
const log = pino();

async function buy(request, response) {
  const requestID = request.headers['x-request-id'] ?? randomUUID();
  const logger = log.child({ request_id: requestID });
  let status = 200;
  if (upstream) {
    try {
      const signal = AbortSignal.timeout(10_000);
      const answer = await fetch(upstream, { method: 'POST', headers: { 'X-Request-Id': requestID }, signal });
      await answer.arrayBuffer();
      if (!answer.ok) status = 502;
    } catch (error) {
      logger.error(error, 'upstream does not answer');
      status = 502;
    }
  }
  logger.info({ status }, 'answered');
  response.writeHead(status, { 'X-Request-Id': requestID }).end();
}

const server = createServer((request, response) => {
  if (request.method === 'POST' && request.url === '/buy') return buy(request, response);
  response.writeHead(404).end();
});
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    server.close(async () => {
      await sdk.shutdown(); // sends what is left
      process.exit();
    });
    server.closeIdleConnections();
  });
}
