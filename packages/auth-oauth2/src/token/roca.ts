/** Odd primes up to 167, and for each what powers of 65537 leave when divided by it. */
const remainders: readonly (readonly [bigint, ReadonlySet<bigint>])[] = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
].map((prime) => {
  const left = new Set<bigint>()
  const modulus = BigInt(prime)
  for (let power = 1n; !left.has(power); power = (power * 65_537n) % modulus) left.add(power)
  return [modulus, left] as const
})

/**
 * Whether an RSA modulus has the mark of a faulty generator whose keys can be factored (CVE-2017-15361; Nemec et al., "The Return of Coppersmith's Attack", section
 * 2.2): it is a power of 65537 modulo each small prime. A good key as good as never has it.
 */
export const isFactorable = (modulus: bigint): boolean => remainders.every(([prime, left]) => left.has(modulus % prime))
