/** Who may import whom. Tests and benchmarks may use anything; these rules are for what is shipped. */
const published = (name) => `^packages/${name}/`
const source = { pathNot: '(^|/)(test|bench|dist|node_modules)/' }

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'nothing-imports-index',
      comment: 'index.ts exports; what is inside imports the file that has it.',
      severity: 'error',
      from: { path: '^(packages|internal)/[^/]+/src/', ...source },
      to: { path: '^(packages|internal)/([^/]+)/src/index\\.ts$', pathNot: '^internal/' },
    },
    {
      name: 'leaves-know-no-other-package',
      severity: 'error',
      from: { path: '^packages/(authz|ratelimit|validator|audit|config-crypto)/src/' },
      to: { path: '(^packages/|node_modules/@portcullis/)', pathNot: '^packages/$1/' },
    },
    {
      name: 'auth-and-guard-know-authz-alone',
      severity: 'error',
      from: { path: '^packages/(auth-apikey|auth-oauth2|guard)/src/' },
      to: { path: '(^packages/(?!authz/)|node_modules/@portcullis/(?!authz/))', pathNot: '^packages/$1/' },
    },
    {
      name: 'transport-knows-guard-and-authz',
      severity: 'error',
      from: { path: published('transport') + 'src/' },
      to: { path: '(^packages/(?!(authz|guard|transport)/)|node_modules/@portcullis/(?!(authz|guard)/))' },
    },
    {
      name: 'guard-knows-no-http-and-no-sdk',
      severity: 'error',
      from: { path: published('guard') + 'src/' },
      to: { path: '(^node:)?(http|https|net|http2)$|@modelcontextprotocol' },
    },
    {
      name: 'sdks-only-where-servers-are-made',
      comment: 'The packages take servers of either SDK by shape.',
      severity: 'error',
      from: { path: '^(packages|internal)/[^/]+/src/' },
      to: { path: '@modelcontextprotocol/' },
    },
    {
      name: 'internal-knows-internal-alone',
      severity: 'error',
      from: { path: '^internal/[^/]+/src/' },
      to: { path: '^(packages|apps)/' },
    },
    {
      name: 'packages-know-no-app',
      severity: 'error',
      from: { path: '^(packages|internal)/' },
      to: { path: '^apps/' },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    exclude: { path: '(^|/)(dist|test|bench|node_modules/(?!@portcullis))/' },
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
    tsPreCompilationDeps: true,
  },
}
