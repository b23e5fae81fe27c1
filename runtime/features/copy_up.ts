/**
 * `tmpcopyup`: a tmpfs begins with the files that the image has at its destination. host/copy_up.ts copies
 * them.
 * @module
 */

import { copyContent } from "../host/copy_up.ts";
import type { CreateFeature, CreateRequest } from "./feature.ts";

/** tsrun makes the copy, through descriptors of the init. */
export function forCreate(_request: CreateRequest): CreateFeature {
  return {
    steps: ({ k, stage }) => ({
      birth(setup) {
        setup.copyContent = (from, to) => copyContent(k, from, to);
        setup.mounts.copyUp = (from, to) => {
          const descriptors = `/proc/${stage.initPid}/fd`;
          setup.copyContent(`${descriptors}/${from}`, `${descriptors}/${to}`);
        };
      },
    }),
  };
}
