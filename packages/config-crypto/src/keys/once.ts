/** What can be read only once in a process, by its place: a later source of the same place gets what the first one got. */
const texts = new Map<string, string>()

export const readOnce = (place: string, read: () => string | undefined): string | undefined => {
  const text = read()
  if (text !== undefined) texts.set(place, text)
  return text ?? texts.get(place)
}
