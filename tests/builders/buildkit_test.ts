/** BuildKit's own daemon, with tsrun as the program of its OCI worker. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { testClient } from "../clients/client.ts";
import { Daemons } from "../clients/daemon.ts";
import { makeBundle } from "../lib/bundle.ts";
import { ensurePrograms } from "../lib/go_programs.ts";
import { exists, host, readText, until } from "../lib/process.ts";
import { type Build, CACHE, MOUNTS, NETWORK, PLAIN, processOf, writeContext } from "./builds.ts";
import { calls, wrapRuntime } from "./wrapper.ts";

/** A running buildkitd. */
class BuildKit {
  readonly daemons: Daemons = new Daemons();
  private count = 0;

  private constructor(private readonly programs: string) {}

  static async start(programs: string): Promise<BuildKit> {
    const kit = new BuildKit(programs), { daemons } = kit, { dir } = daemons;
    const bin = await wrapRuntime(dir);
    const { rootfs } = makeBundle(dir, "image");
    await host("tar", "-C", rootfs, "-cf", `${dir}/image.tar`, ".");
    const cgroups = `[worker.oci]\ndefaultCgroupParent = "${daemons.token}"\n`;
    Deno.writeTextFileSync(`${dir}/buildkitd.toml`, cgroups);
    daemons.spawn("buildkitd", [
      ...[`${programs}/buildkitd`, "--config", `${dir}/buildkitd.toml`, "--root", `${dir}/root`],
      ...["--addr", kit.address(), "--containerd-worker=false", "--oci-worker=true"],
      ...[
        "--oci-worker-binary",
        `${bin}/runc`,
        "--oci-worker-snapshotter=overlayfs",
        "--oci-worker-net=host",
      ],
      ...["--otel-socket-path", `${dir}/otel.sock`],
    ]);
    await until("buildkitd's socket", () => exists(`${dir}/buildkitd.sock`), 20_000)
      .catch((error) => {
        throw new Error(`${error}\n${daemons.log("buildkitd")}`);
      });
    return kit;
  }

  private address(): string {
    return `unix://${this.daemons.dir}/buildkitd.sock`;
  }

  /** Words of a build that writes the image's tree to a directory. */
  words(name: string, what: Build): string[] {
    const { dir } = this.daemons;
    const context = writeContext(`${dir}/${name}`, "scratch\nADD image.tar /", what);
    Deno.linkSync(`${dir}/image.tar`, `${context}/image.tar`);
    const secret = what.secret === undefined ? [] : ["--secret", `id=token,src=${context}.secret`];
    return [
      ...[`${this.programs}/buildctl`, "--addr", this.address(), "build", "--progress=plain"],
      ...["--frontend", "dockerfile.v0", "--local", `context=${context}`, "--local", `dockerfile=${context}`],
      ...[...secret, "--output", `type=local,dest=${dir}/${name}.out`],
    ];
  }

  /** Builds, and looks at what the result is. */
  async check(what: Build): Promise<void> {
    const { dir } = this.daemons, name = `built-${++this.count}`, before = calls(dir).length;
    const { code, stdout, stderr } = await this.daemons.command(this.words(name, what), { timeout: 120_000 });
    assert(calls(dir).length > before, `tsrun ran nothing: ${stderr}`);
    if (what.fails !== undefined) {
      assert(code !== 0);
      return void assertMatch(stderr, new RegExp(`exit code: ${what.fails}|: no such file or directory`));
    }
    assertEquals(code, 0, stderr + stdout);
    if (what.result) assertMatch(readText(`${dir}/${name}.out/result`), what.result);
  }

  async stop(): Promise<string[]> {
    return await this.daemons.stop();
  }
}

const programs = Deno.uid() === 0
  ? await ensurePrograms(["buildkitd", "buildctl"])
  : { missing: "needs root" };

testClient(
  "BuildKit",
  "missing" in programs ? programs.missing : undefined,
  () => BuildKit.start("dir" in programs ? programs.dir : ""),
  async (kit, t) => {
    for (const [name, what] of Object.entries({ ...PLAIN, ...MOUNTS, ...CACHE, ...NETWORK })) {
      await t.step(name, () => kit.check(what));
    }
    await t.step("a build that is cancelled leaves no process", async () => {
      const child = kit.daemons.spawn("cancelled", kit.words("cancelled", { lines: ["RUN sleep 989"] }));
      const sleeping = () => processOf("sleep", "989") !== undefined;
      await until("the RUN", sleeping, 20_000);
      child.kill("SIGINT");
      await until("its end", () => !sleeping(), 20_000);
    });
  },
);
