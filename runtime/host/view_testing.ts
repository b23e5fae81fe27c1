/** A host that does not exist, for tests of the commands that judge one. */
import type { FileKind, HostView } from "./view.ts";

/** Files by their paths: a text, a kind, or a link (`-> target`). */
export type FakeFiles = Readonly<Record<string, string | { kind: FileKind } | { link: string }>>;

/**
 * A host with these files, and the directories that they lie in.
 *
 * @param facts What differs from root on Linux 6.1, who may write everything.
 */
export function fakeHost(files: FakeFiles, facts: Partial<HostView> = {}): HostView {
  const below = (path: string) => Object.keys(files).filter((it) => it.startsWith(`${path}/`));
  return {
    read(path) {
      const file = files[path];
      return typeof file === "string" ? file : undefined;
    },
    kind(path) {
      const file = files[path];
      if (typeof file === "string") return "file";
      if (file && "kind" in file) return file.kind;
      if (file) return "other";
      return below(path).length > 0 ? "directory" : undefined;
    },
    link(path) {
      const file = files[path];
      return typeof file === "object" && "link" in file ? file.link : undefined;
    },
    names: (path) => [...new Set(below(path).map((it) => it.slice(path.length + 1).split("/")[0]))].sort(),
    writable: () => true,
    refusedOptions: () => [],
    uid: 0,
    gid: 0,
    kernel: "6.1.0-13-amd64",
    ...facts,
  };
}
