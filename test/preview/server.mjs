// Serves the page, the dashboards and Grafana's icons, and passes on what the page asks Prometheus.
import { createServer, request as requestHTTP } from 'node:http';
import { request as requestHTTPS } from 'node:https';
import { readFile, readdir } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';

const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

const folders = here => ({
  '/build/': join(here, 'build'),
  '/public/build/img/': join(here, 'node_modules/@grafana/ui/dist/public/img'),
});

export async function readDashboards(folder) {
  const files = (await readdir(folder)).filter(file => file.endsWith('.json')).sort();
  const all = await Promise.all(files.map(async file => ({ file, json: JSON.parse(await readFile(join(folder, file), 'utf8')) })));
  return all.filter(({ json }) => Array.isArray(json.panels) && json.uid);
}

export async function serve({ here, dashboards, prometheus, settings, port = 0 }) {
  const server = createServer((request, response) => {
    const { pathname, search } = new URL(request.url, 'http://preview');
    const answer = (status, type, body) => response.writeHead(status, { 'Content-Type': type }).end(body);
    if (pathname.startsWith('/prometheus/')) return passOn(request, response, new URL(prometheus + pathname.slice('/prometheus'.length) + search));
    if (pathname === '/settings') return answer(200, 'application/json', JSON.stringify(settings));
    if (pathname === '/dashboards') return readDashboards(dashboards).then(all => answer(200, 'application/json', JSON.stringify(all)), error => answer(500, 'text/plain', error.message));
    const [prefix, folder] = Object.entries(folders(here)).find(([start]) => pathname.startsWith(start)) ?? [];
    const file = folder ? join(folder, normalize(pathname.slice(prefix.length - 1))) : join(here, 'page/index.html');
    return readFile(file).then(body => answer(200, types[extname(file)] ?? 'application/octet-stream', body), () => answer(404, 'text/plain', `${pathname} is not here`));
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => { server.closeAllConnections(); server.close(); } };
}

function passOn(request, response, url) {
  const send = url.protocol === 'https:' ? requestHTTPS : requestHTTP;
  const { host, ...headers } = request.headers;
  const onward = send(url, { method: request.method, headers }, answer => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', error => response.writeHead(502, { 'Content-Type': 'application/json' }).end(JSON.stringify({ status: 'error', error: `Prometheus at ${url.origin}: ${error.message}` })));
  request.pipe(onward);
}
