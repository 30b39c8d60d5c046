// The site has the Markdown of the whole repository where it is, so that no text exists twice. A link to a file that is no page leads to the repository.
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const repository = 'https://github.com/otelcol-sre/otelcol-sre/blob/main/'

// Folders with pages, beside those at the top.
const rooms = ['docs', 'connectors', 'processors', 'exporters', 'extensions', 'receivers', 'deploy', 'dashboards', 'examples']
const isPage = file =>
  (/^(README|CHANGELOG|CONTRIBUTING|SECURITY)\.md$/.test(file) || rooms.includes(file.split('/')[0])) &&
  file.endsWith('.md') && !/(^|\/)(node_modules|testdata)\//.test(file) && !/^docs\/site\/(?!reference\/)/.test(file)

// As GitHub makes the anchors that links in the texts lead to.
const slugify = text => text.trim().toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-')

// leadOut leads links to what is no page into the repository.
function leadOut(md) {
  const render = md.renderer.rules.link_open ?? ((tokens, at, options, env, self) => self.renderToken(tokens, at, options))
  md.renderer.rules.link_open = (tokens, at, options, env, self) => {
    const [target, anchor] = (tokens[at].attrGet('href') ?? '').split('#')
    if (target && !/^[a-z]+:/.test(target)) {
      const file = path.posix.join(path.posix.dirname(path.relative(root, env.realPath ?? env.path)), decodeURI(target))
      if (!isPage(file) && existsSync(path.join(root, file))) {
        tokens[at].attrSet('href', repository + file + (anchor ? '#' + anchor : ''))
      }
    }
    return render(tokens, at, options, env, self)
  }
}

// asText keeps the braces of templates, which Vue would take for its own.
function asText(md) {
  for (const rule of ['text', 'code_inline']) {
    const render = md.renderer.rules[rule]
    md.renderer.rules[rule] = (...args) => render(...args).replaceAll('{{', '&#123;&#123;')
  }
}

// Pages lie outside of this folder, so what they are compiled to does not find Vue from where they are.
const vueFromHere = {
  name: 'vue-from-here',
  enforce: 'pre',
  resolveId: (id, _importer, { ssr }) => (ssr && /^vue(\/server-renderer)?$/.test(id) ? { id, external: true } : undefined),
}

const components = kind => ({ text: kind, collapsed: true, items: names(kind).map(name => ({ text: name, link: `/${kind}/${name}/` })) })

const names = kind => readdirSync(path.join(root, kind)).filter(name => existsSync(path.join(root, kind, name, 'README.md'))).sort()

export default defineConfig({
  title: 'otelcol-sre',
  description: 'An OpenTelemetry Collector for SLOs',
  srcDir: '../..',
  srcExclude: ['**/node_modules/**', '**/testdata/**', '.cache/**', '.github/**', 'bin/**', 'cmd/**', 'internal/**', 'test/**', 'runbooks/**', 'examples/runbooks/**', 'docs/site/!(reference)/**', 'alerts/**', 'catalog/**'],
  outDir: './dist',
  rewrites: page => page.replace(/(^|\/)README\.md$/, '$1index.md'),
  vite: { plugins: [vueFromHere], build: { chunkSizeWarningLimit: 4000 } },
  ignoreDeadLinks: 'localhostLinks',
  lastUpdated: false,
  markdown: {
    config: md => [leadOut, asText].forEach(change => change(md)),
    anchor: { slugify },
    languageAlias: { promql: 'txt', logql: 'txt', traceql: 'txt', logsql: 'txt' },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [{ text: 'Five minutes', link: '/' }, { text: 'Changes', link: '/CHANGELOG' }],
    sidebar: [
      { text: 'First', items: [{ text: 'Five minutes', link: '/' }, { text: 'Your first service', link: '/docs/first-service' }, { text: 'Install', link: '/docs/install' }, { text: 'How it works', link: '/docs/architecture' }] },
      {
        text: 'Tasks',
        items: [
          { text: 'Add a service', link: '/docs/catalog' },
          { text: 'Deploy', link: '/docs/deploying' },
          { text: 'Add a backend', link: '/docs/backends' },
          { text: 'Follow a request', link: '/docs/correlation' },
          { text: 'Alert and answer', link: '/docs/alerts' },
          { text: 'Write runbooks', link: '/docs/runbooks' },
          { text: 'See what spends a budget', link: '/docs/ledger' },
          { text: 'Gate a release', link: '/docs/gates' },
          { text: 'Choose an objective', link: '/docs/backtest' },
          { text: 'Move from Sloth, Pyrra or OpenSLO', link: '/docs/migrating' },
          { text: 'Find out why nothing counts', link: '/docs/troubleshooting' },
          { text: 'Build your own', link: '/docs/building' },
        ],
      },
      {
        text: 'Reference',
        items: [
          { text: 'Catalog', link: '/docs/catalog#fields' },
          { text: 'srectl', link: '/docs/site/reference/srectl' },
          { text: 'Configs and environment variables', link: '/deploy/configs/' },
          ...['receivers', 'processors', 'connectors', 'exporters', 'extensions'].map(components),
          { text: 'Dashboards', link: '/dashboards/' },
          { text: 'Reliability', link: '/docs/reliability' },
          { text: 'Security', link: '/docs/security' },
          { text: 'Benchmarks', link: '/docs/benchmarks' },
          { text: 'Versions', link: '/docs/versioning' },
          { text: 'Licenses', link: '/docs/licenses' },
        ],
      },
      { text: 'Decisions', collapsed: true, items: readdirSync(path.join(root, 'docs/decisions')).sort().map(file => ({ text: file.slice(0, -3).replaceAll('-', ' '), link: '/docs/decisions/' + file.slice(0, -3) })) },
    ],
  },
})
