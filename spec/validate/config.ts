/**
 * Rules of the top level: runtime-spec `config.md`.
 *
 * @module
 */
import type { Namespaces } from "./namespaces.ts";
import { quote, type Section } from "./section.ts";

/** Longest host or domain name in bytes: __NEW_UTS_LEN of linux/utsname.h. */
const NAME_MAX = 64;

/** `ociVersion` is a SemVer version whose first number is one that is implemented. */
export function checkVersion(config: Section): void {
  config.need("ociVersion");
  const version = config.string("ociVersion");
  if (version === undefined) return;
  const major = /^(\d+)\.\d+\.\d+(?:[-+][\w.+-]+)?$/.exec(version)?.[1];
  if (major === undefined) {
    config.fail("ociVersion", `${quote(version)} is not a SemVer version`, "such as 1.3.0");
  } else if (Number(major) > 1) config.fail("ociVersion", `version ${version} is not supported`);
}

/** `root` names a directory. */
export function checkRoot(config: Section, namespaces: Namespaces): void {
  if (!config.has("root")) config.fail("root", "root must be specified");
  const root = config.object("root");
  if (!root) return;
  root.need("path");
  if (root.string("path") === "") root.fail("path", "must not be empty");
  if (root.boolean("readonly") && !namespaces.has("mount")) {
    root.fail(
      "readonly",
      "unable to make the root read-only without a private MNT namespace",
      namespaces.fix("mount"),
    );
  }
}

/** Host and domain name need a UTS namespace and fit it. */
export function checkHostNames(config: Section, namespaces: Namespaces): void {
  for (const key of ["hostname", "domainname"]) {
    const name = config.string(key);
    if (!name) continue;
    if (!namespaces.has("uts")) {
      config.fail(key, `unable to set ${key} without a private UTS namespace`, namespaces.fix("uts"));
    }
    if (name.length > NAME_MAX / 3 && new TextEncoder().encode(name).length > NAME_MAX) {
      config.fail(key, `is longer than the ${NAME_MAX} bytes that the kernel takes`);
    }
  }
}

/** Annotations are strings under names that are not empty. */
export function checkAnnotations(config: Section): void {
  const annotations = config.object("annotations");
  for (const key of annotations?.keys() ?? []) {
    if (key === "") annotations?.fail(key, "an annotation's name must not be empty");
    annotations?.string(key);
  }
}
