// Bundles the page with Grafana's packages into build/.
import { build } from 'esbuild';
import { join } from 'node:path';

// Editors and maps come with Grafana's packages; no panel here uses them.
const unused = /^(monaco-editor|@monaco-editor\/react|react-monaco-editor|ol|ol-ext)(\/|$)/;

const withoutUnused = {
  name: 'without-unused',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: unused }, ({ path }) => ({ path, namespace: 'unused' }));
    onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = new Proxy(function unused() {}, { get: (_, name) => (name === "__esModule" ? false : class {}) });', loader: 'js' }));
  },
};

export const bundle = here => build({
  entryPoints: [join(here, 'page/main.jsx')], outdir: join(here, 'build'), bundle: true, minify: true, jsx: 'automatic', logLevel: 'warning',
  define: { 'process.env.NODE_ENV': '"production"' }, loader: { '.woff2': 'dataurl', '.woff': 'empty', '.ttf': 'empty' }, plugins: [withoutUnused],
});
