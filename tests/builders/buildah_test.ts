/** `buildah bud --runtime tsrun`, Debian's, with chroot isolation off: each RUN is a container. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { testClient } from "../clients/client.ts";
import { Daemons } from "../clients/daemon.ts";
import { makeBundle } from "../lib/bundle.ts";
import { exists, host, readText, type Result, until } from "../lib/process.ts";
import { type Build, CACHE, MOUNTS, PLAIN, processOf, writeContext } from "./builds.ts";
import { calls, wrapRuntime } from "./wrapper.ts";

const BUILDAH = "/usr/bin/buildah";

/** buildah with storage of its own and an image named `box`. */
class Buildah {
  readonly daemons: Daemons = new Daemons();
  private count = 0;
  private bin = "";

  static async start(): Promise<Buildah> {
    const buildah = new Buildah(), { dir } = buildah.daemons;
    buildah.bin = await wrapRuntime(dir);
    const { rootfs } = makeBundle(dir, "image");
    await host("tar", "-C", rootfs, "-cf", `${dir}/image.tar`, ".");
    Deno.writeTextFileSync(`${dir}/Dockerfile`, "FROM scratch\nADD image.tar /\n");
    // By default more is asked for than root may have that runs in a container itself.
    Deno.writeTextFileSync(
      `${dir}/containers.conf`,
      '[containers]\ndefault_ulimits = ["nofile=1024:1024"]\n',
    );
    Deno.writeTextFileSync(`${dir}/policy.json`, '{"default":[{"type":"insecureAcceptAnything"}]}');
    const { code, stderr } = await buildah.run(
      "bud",
      ...buildah.policy(),
      "-t",
      "box",
      "-f",
      `${dir}/Dockerfile`,
      dir,
    );
    assertEquals(code, 0, stderr);
    return buildah;
  }

  policy(): string[] {
    return ["--signature-policy", `${this.daemons.dir}/policy.json`];
  }

  words(...args: string[]): string[] {
    const { dir } = this.daemons;
    return [
      BUILDAH,
      "--root",
      `${dir}/storage`,
      "--runroot",
      `${dir}/run`,
      "--storage-driver",
      "overlay",
      ...args,
    ];
  }

  run(...args: string[]): Promise<Result> {
    return this.daemons.command(this.words(...args), { timeout: 120_000 });
  }

  /** Words of a build of a context. */
  buildWords(name: string, what: Build, ...flags: string[]): string[] {
    const context = writeContext(`${this.daemons.dir}/${name}`, "localhost/box", what);
    const secret = what.secret === undefined ? [] : ["--secret", `id=token,src=${context}.secret`];
    return this.words(
      ...["bud", "--runtime", `${this.bin}/runc`, "--isolation", "oci", "--no-cache"],
      ...[
        "--cgroup-parent",
        `/${this.daemons.token}`,
        ...this.policy(),
        ...secret,
        ...flags,
        "-t",
        name,
        context,
      ],
    );
  }

  /** Builds, and looks at what the result is. */
  async check(what: Build, ...flags: string[]): Promise<void> {
    const name = `built-${++this.count}`, before = calls(this.daemons.dir).length;
    const { code, stdout, stderr } = await this.daemons.command(this.buildWords(name, what, ...flags), {
      timeout: 120_000,
    });
    assert(calls(this.daemons.dir).length > before, `tsrun ran nothing: ${stderr}`);
    if (what.fails !== undefined) {
      assert(code !== 0);
      return void assertMatch(stderr, new RegExp(`exit status ${what.fails}|no such file or directory`));
    }
    assertEquals(code, 0, stderr + stdout);
    const from = (await this.run("from", ...this.policy(), "--pull-never", `localhost/${name}`)).stdout
      .trim();
    const root = (await this.run("mount", from)).stdout.trim();
    if (what.result) assertMatch(readText(`${root}/result`), what.result);
    await this.run("rm", from);
  }

  async stop(): Promise<string[]> {
    await this.run("rm", "--all");
    return await this.daemons.stop();
  }
}

const missing = Deno.uid() !== 0
  ? "needs root"
  : [BUILDAH, "/usr/sbin/runc"].filter((path) => !exists(path)).map((path) => `${path} is not installed`)[0];

testClient("buildah", missing, () => Buildah.start(), async (buildah, t) => {
  for (const [name, what] of Object.entries({ ...PLAIN, ...MOUNTS, ...CACHE })) {
    await t.step(name, () => buildah.check(what));
  }
  await t.step("a build without a network sees the loopback alone", () => {
    return buildah.check(
      { lines: ["RUN ls /sys/class/net >/result"], result: /^lo\n$/ },
      "--network",
      "none",
    );
  });
  await t.step("a build that is cancelled on its terminal leaves no process", async () => {
    const terminal = buildah.daemons.terminal(buildah.buildWords("ended", { lines: ["RUN sleep 988"] }));
    const sleeping = () => processOf("sleep", "988") !== undefined;
    await until("the RUN", sleeping, 20_000);
    await terminal.type("\x03");
    await until("its end", () => !sleeping(), 20_000);
    await terminal.wait(20_000);
  });
});
