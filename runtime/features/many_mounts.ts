/**
 * Many mounts or masked paths: the calls for them are recorded in bulk.
 * @module
 */

import { toolsForMany } from "../../init/many.ts";
import type { CreateFeature } from "./feature.ts";

/** What the feature contributes to a `create`. */
export function forCreate(): CreateFeature {
  return { steps: () => ({ session: (setup) => void (setup.many = toolsForMany()) }) };
}
