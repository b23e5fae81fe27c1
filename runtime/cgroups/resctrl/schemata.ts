/**
 * Lines of the file `schemata`: those that a config asks for, and whether an existing class has them.
 *
 *     L3:0=7f0;1=1f        hexadecimal masks by cache id
 *     MB:0=20;1=70         decimal percentages or MBps by cache id
 *
 * The kernel shows other text than was written: names with blanks before them, masks without leading zeros,
 * bandwidths rounded up, every domain. So values are compared, not lines. Domains that a config leaves out
 * may have any value.
 * @module
 */
import type { LinuxIntelRdt } from "../../../spec/types.ts";

/** The lines: the L3 cache's, memory bandwidth's, then all others, as the specification orders them. */
export function requestedLines({ l3CacheSchema, memBwSchema, schemata }: LinuxIntelRdt): string[] {
  return [l3CacheSchema ?? "", memBwSchema ?? "", ...schemata ?? []].filter((line) => line !== "");
}

/** Values by domain id, by resource. */
type Schemata = Map<string, Map<string, string>>;

/**
 * The differences, as text for a message; none when the class fits.
 *
 * @param lines The requested lines. A later line replaces an earlier one's values.
 * @param current Text of the class's `schemata`.
 * @param granularity Step of a resource's bandwidth, to which the kernel rounds up.
 */
export function differences(
  lines: readonly string[],
  current: string,
  granularity: (name: string) => bigint,
): string[] {
  const there = parseSchemata(current.split("\n"));
  const found: string[] = [];
  for (const [name, domains] of parseSchemata(lines)) {
    for (const [domain, asked] of domains) {
      const value = there.get(name)?.get(domain);
      if (value !== undefined && isSame(name, asked, value, granularity)) continue;
      found.push(`${name}:${domain}=${asked} is asked for, ${value ?? "nothing"} is there`);
    }
  }
  return found;
}

function parseSchemata(lines: readonly string[]): Schemata {
  const schemata: Schemata = new Map();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = (colon < 0 ? line : line.slice(0, colon)).trim();
    if (name === "") continue;
    const domains = schemata.get(name) ?? new Map<string, string>();
    schemata.set(name, domains);
    for (const entry of colon < 0 ? [""] : line.slice(colon + 1).split(";")) {
      const [domain, value = ""] = entry.split("=");
      domains.set(domain.trim(), value.trim());
    }
  }
  return schemata;
}

function isSame(name: string, asked: string, there: string, granularity: (name: string) => bigint): boolean {
  // Caches have masks, at every level and for every kind of content: L2, L3, L3CODE, L3DATA.
  const base = /^L\d/.test(name) ? 16 : 10;
  const a = parseNumber(asked, base), b = parseNumber(there, base);
  if (a === undefined || b === undefined) return asked === there;
  if (a === b) return true;
  if (base === 16) return false;
  const step = granularity(name);
  return (a + step - 1n) / step * step === b;
}

function parseNumber(text: string, base: 10 | 16): bigint | undefined {
  if (base === 10) return /^\d+$/.test(text) ? BigInt(text) : undefined;
  return /^(0[xX])?[0-9a-fA-F]+$/.test(text) ? BigInt(`0x${text.replace(/^0[xX]/, "")}`) : undefined;
}
