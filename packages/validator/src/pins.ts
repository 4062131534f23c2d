/**
 * Pins of what servers say of themselves: a lock file of hashes, a structured difference, approval.
 * @module
 */
export { ValidatorError, type ValidatorErrorCode } from './errors.ts'
export { readPinFile, writePinFile } from './pins/file.ts'
export { createPins } from './pins/pins.ts'
export { scanListing } from './pins/scan.ts'
export type {
  Change,
  Effect,
  FieldChange,
  Listing,
  PinAnswer,
  PinLock,
  PinnedItem,
  Pins,
  PinsOptions,
} from './pins/types.ts'
