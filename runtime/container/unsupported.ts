/**
 * Parts of the specification that this version does not carry out: each is refused, none is ignored.
 * @module
 */

import type { Spec } from "../../spec/types.ts";
import type { Problem } from "../../spec/validate.ts";

const LATER = "is not supported yet";

/** What a config asks for and tsrun cannot do. Only values that would have an effect count. */
export function unsupported(spec: Spec): Problem[] {
  const { linux } = spec;
  const asked: [string, boolean][] = [
    ["linux.netDevices", Object.keys(linux?.netDevices ?? {}).length > 0],
  ];
  return asked.filter(([, wanted]) => wanted).map(([path]) => ({ path, reason: LATER }));
}
