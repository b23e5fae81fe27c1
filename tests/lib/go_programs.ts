/**
 * Programs of clients that Debian has too old or not at all: built with the machine's Go, the newest that
 * the Go proxy has, once, and kept in the cache directory.
 */
import { exists } from "./process.ts";

/** Programs by their packages. None needs a C compiler. */
const PROGRAMS: Readonly<Record<string, string>> = {
  containerd: "github.com/containerd/containerd/v2/cmd/containerd",
  "containerd-shim-runc-v2": "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
  ctr: "github.com/containerd/containerd/v2/cmd/ctr",
  crictl: "sigs.k8s.io/cri-tools/cmd/crictl",
  buildkitd: "github.com/moby/buildkit/cmd/buildkitd",
  buildctl: "github.com/moby/buildkit/cmd/buildctl",
};

/** Snapshotters that want a C library or a kernel module that no test uses. */
const TAGS = "no_btrfs,no_devmapper,no_zfs";

/** For one program; all take some five minutes of an idle machine with two processors. */
const LIMIT_SECONDS = 1200;

/** Where built programs are kept, in `bin/`: `TSRUN_CLIENTS_CACHE`, or /var/cache/tsrun-clients. */
export function programsDir(): string {
  return Deno.env.get("TSRUN_CLIENTS_CACHE") ?? "/var/cache/tsrun-clients";
}

/** Where the programs are, or why they are not. */
export type Programs = { dir: string } | { missing: string };

/**
 * Looks for programs in the cache, and builds those that are not there. Whoever wants newer ones removes the
 * directory.
 *
 * @param names Keys of the table above.
 */
export async function ensurePrograms(names: readonly string[]): Promise<Programs> {
  const dir = programsDir(), bin = `${dir}/bin`;
  if (names.every((name) => exists(`${bin}/${name}`))) return { dir: bin };
  const go = ["/usr/local/go/bin/go", "/usr/bin/go"].find(exists);
  if (go === undefined) return { missing: `needs Go, to build ${names.join(", ")}` };
  Deno.mkdirSync(bin, { recursive: true, mode: 0o755 });
  using lock = Deno.openSync(`${dir}/lock`, { write: true, create: true });
  await lock.lock(true);
  const work = `${dir}/work`;
  try {
    for (const name of names) {
      if (exists(`${bin}/${name}`)) continue;
      console.log(`building ${PROGRAMS[name]}`);
      const failure = await build(go, name, work, bin);
      if (failure !== undefined) return { missing: `${name} cannot be built: ${failure}` };
    }
  } finally {
    // Two gigabytes of modules and objects, which the programs of one call share.
    if (exists(work)) Deno.removeSync(work, { recursive: true });
  }
  return { dir: bin };
}

/**
 * Builds one program in a module of its own: `go install` refuses modules that exclude versions of others.
 *
 * @returns Why it failed, if it did: the last line of Go's output.
 */
async function build(go: string, name: string, work: string, bin: string): Promise<string | undefined> {
  const module = `${work}/${name}`;
  Deno.mkdirSync(module, { recursive: true });
  Deno.writeTextFileSync(`${module}/go.mod`, "module example.org/clients\n");
  const env = {
    CGO_ENABLED: "0",
    GOFLAGS: "-modcacherw",
    GOPATH: `${work}/path`,
    GOCACHE: `${work}/objects`,
  };
  for (
    const words of [["get", `${PROGRAMS[name]}@latest`], ["build", "-tags", TAGS, "-o", name, PROGRAMS[name]]]
  ) {
    const { success, stderr } = await new Deno.Command("timeout", {
      args: [`${LIMIT_SECONDS}`, go, ...words],
      cwd: module,
      env,
    }).output();
    if (!success) return new TextDecoder().decode(stderr).trim().split("\n").at(-1) || "no reason given";
  }
  // Whole or not at all, for those who look without the lock.
  Deno.renameSync(`${module}/${name}`, `${bin}/${name}`);
  return undefined;
}
