/** Writes an image archive by hand, so that no registry and no other tool is needed. */
import { host } from "../lib/process.ts";

/**
 * Packs one layer as an archive of the form that `docker save` writes and `ctr images import` reads.
 *
 * @param layer Path of an uncompressed tar file with the rootfs.
 * @param archive Where the image archive is written.
 * @param name Reference of the image, with its tag.
 * @param command What its containers run where nothing else is said.
 */
export async function writeImage(
  layer: string,
  archive: string,
  name: string,
  command: string[] = ["sh"],
): Promise<void> {
  const dir = `${archive}.d`;
  Deno.mkdirSync(dir);
  Deno.copyFileSync(layer, `${dir}/layer.tar`);
  const config = JSON.stringify({
    architecture: Deno.build.arch === "aarch64" ? "arm64" : "amd64",
    os: "linux",
    config: { Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], Cmd: command },
    rootfs: { type: "layers", diff_ids: [`sha256:${await sha256(Deno.readFileSync(layer))}`] },
  });
  const configName = `${await sha256(new TextEncoder().encode(config))}.json`;
  Deno.writeTextFileSync(`${dir}/${configName}`, config);
  Deno.writeTextFileSync(
    `${dir}/manifest.json`,
    JSON.stringify([{ Config: configName, RepoTags: [name], Layers: ["layer.tar"] }]),
  );
  await host("tar", "-C", dir, "-cf", archive, "manifest.json", configName, "layer.tar");
}

async function sha256(data: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
