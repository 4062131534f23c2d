import type { Secrets } from './read.ts'

/** Opens the sealed file that the configuration names: what is left to the programs, which have the package for it. */
export type OpenSealed = (file: string, keys: readonly string[], dir: string) => { get(name: string): unknown }

/** What `secret://NAME` reads, with the places where secrets are unless the configuration says otherwise. */
export const secretsBy =
  (open: OpenSealed) =>
  (
    { file = 'secure_config.json', keys = ['file:encryption.key'] }: Secrets,
    dir: string,
  ): ((name: string) => string) => {
    const sealed = open(file, keys, dir)
    return (name) => {
      const value = sealed.get(name)
      if (value === undefined) throw new Error(`there is no secret ${JSON.stringify(name)} in ${JSON.stringify(file)}`)
      if (typeof value !== 'string') throw new Error(`the secret ${JSON.stringify(name)} is not a string`)
      return value
    }
  }
