import { defineConfig, type Options } from 'tsup'

/** The one build preset: ESM with types; private `internal/*` workspaces are bundled in, everything else stays outside. */
export const preset = (entry: Options['entry'], options: Options = {}): ReturnType<typeof defineConfig> =>
  defineConfig({
    entry,
    format: ['esm'],
    target: 'node20',
    platform: 'node',
    dts: { resolve: [/^@portcullis-internal\//] },
    noExternal: [/^@portcullis-internal\//],
    sourcemap: true,
    clean: true,
    treeshake: true,
    ...options,
  })
