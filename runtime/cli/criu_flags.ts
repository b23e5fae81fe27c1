/**
 * The flags that `checkpoint` and `restore` share.
 * @module
 */
import type { CriuOptions } from "../features/checkpoint/options.ts";
import type { Context } from "./command.ts";
import type { Flag } from "./flags.ts";
import { absolute } from "./globals.ts";

/** Default directory of the images, below the working directory. */
const DEFAULT_IMAGES = "checkpoint";

/** Flags of both commands. */
export const CRIU_FLAGS: readonly Flag[] = [
  {
    name: "image-path",
    kind: "string",
    usage: 'directory of the images; "checkpoint" when not given',
    values: "directory",
  },
  {
    name: "work-path",
    kind: "string",
    usage: "directory of CRIU's logs; that of the images when not given",
    values: "directory",
  },
  { name: "tcp-established", kind: "bool", usage: "keep open TCP connections" },
  { name: "ext-unix-sk", kind: "bool", usage: "allow unix sockets whose other end is outside" },
  { name: "shell-job", kind: "bool", usage: "allow a session or terminal from outside" },
  { name: "file-locks", kind: "bool", usage: "keep file locks" },
  {
    name: "manage-cgroups-mode",
    kind: "string",
    usage: "what becomes of cgroups: soft, full, strict or ignore; CRIU's choice when not given",
    values: ["soft", "full", "strict", "ignore"],
  },
  {
    name: "empty-ns",
    kind: "strings",
    usage: "make a namespace of this type and leave it empty (network, which always is)",
    values: ["network"],
  },
  { name: "auto-dedup", kind: "bool", usage: "drop pages of parent images that newer images have" },
  { name: "lazy-pages", kind: "bool", usage: "bring memory pages when they are first used, by userfaultfd" },
];

/** The values of these flags. */
export function criuOptions({ global, flags }: Context): CriuOptions {
  const workPath = flags.string("work-path");
  return {
    criu: global.criu,
    imagePath: absolute(flags.string("image-path") || DEFAULT_IMAGES),
    workPath: workPath === "" ? undefined : absolute(workPath),
    tcpEstablished: flags.bool("tcp-established"),
    extUnixSk: flags.bool("ext-unix-sk"),
    shellJob: flags.bool("shell-job"),
    fileLocks: flags.bool("file-locks"),
    autoDedup: flags.bool("auto-dedup"),
    lazyPages: flags.bool("lazy-pages"),
    cgroupMode: flags.string("manage-cgroups-mode"),
    emptyNs: flags.strings("empty-ns"),
  };
}
