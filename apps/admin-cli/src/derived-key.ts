import { deriveKey, readMasterKey } from '@portcullis-internal/files'

/** A key of the installation for one purpose; `undefined` where its folder has no `master.key`. */
export const readDerivedKey = (dir: string, purpose: 'audit' | 'api-key-records'): Uint8Array | undefined => {
  const masterKey = readMasterKey(dir)
  return masterKey === undefined ? undefined : deriveKey(masterKey, purpose)
}
