/** Containers with a user namespace, whose rootfs belongs to its root. */
import type { Box } from "./box.ts";
import { type Dict, merge, namespaces } from "./bundle.ts";
import type { Container } from "./container.ts";
import { host } from "./process.ts";

/** The id on the host of the container's root, and how many ids there are. */
export const FIRST = 100_000, COUNT = 65_536;

/** Maps that begin at {@linkcode FIRST}. */
export const MAPPINGS = [{ containerID: 0, hostID: FIRST, size: COUNT }];

/** `linux` of a container with a user namespace, merged with more of it. */
export function userNamespace(more: Dict = {}): Dict {
  const base = {
    namespaces: namespaces("pid", "network", "ipc", "uts", "mount", "user"),
    uidMappings: MAPPINGS,
    gidMappings: MAPPINGS,
  };
  return merge(base, more) as Dict;
}

/** Makes a container with a user namespace; `overrides` are those of `config()`. */
export async function shifted(box: Box, overrides: Dict = {}): Promise<Container> {
  const linux = userNamespace(overrides.linux as Dict | undefined);
  const container = box.container({ ...overrides, linux });
  const { rootfs } = container.bundle;
  await host("/bin/chown", "-hR", `${FIRST}:${FIRST}`, rootfs);
  return container;
}
