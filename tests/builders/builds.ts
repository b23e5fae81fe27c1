/**
 * What is built in the tests of builders: contexts with a Dockerfile each. What a RUN sees is written to the
 * output; builders print it in their own ways, so results come from the files of the built image.
 */
import { readText } from "../lib/process.ts";

/** A directory with a Dockerfile and files, and what the builder has to be told. */
export interface Build {
  /** Lines of the Dockerfile after `FROM box`. */
  lines: readonly string[];
  /** Text of a secret named `token`, if the build uses one. */
  secret?: string;
  /** The last words of the failed command's status, where the build has to fail. */
  fails?: number;
  /** What the file /result of the image holds. */
  result?: RegExp;
}

/** Builds for all builders: RUN as the image's user and another, files that stay, failures. */
export const PLAIN: Readonly<Record<string, Build>> = {
  "RUN writes files, with environment, directory, several users": {
    lines: [
      "ENV NAME=value",
      "WORKDIR /work/here",
      'RUN echo "$NAME $(pwd) $(id -u)" >/result',
      "RUN chmod 666 /result",
      "USER 1000:1000",
      'RUN echo "$(id -u):$(id -g)" >>/result',
      "USER daemon",
      'RUN echo "$(id -un)" >>/result',
    ],
    result: /^value \/work\/here 0\n1000:1000\ndaemon\n$/,
  },
  "RUN has no more rights than a container": {
    lines: ["RUN grep CapEff /proc/self/status >/result; mount -t tmpfs none /tmp 2>>/result; true"],
    result: /^CapEff:\s+0000000[0-9a-f]+\n.*(denied|not permitted)/i,
  },
  "a command that fails ends the build with its status": { lines: ["RUN exit 42"], fails: 42 },
  "a command that is not there ends the build": { lines: ['RUN ["/nothing"]'], fails: 127 },
};

/** Mounts of RUN, which BuildKit and buildah know. */
export const MOUNTS: Readonly<Record<string, Build>> = {
  "a bind mount of the context is read-only": {
    lines: [
      "RUN --mount=type=bind,source=file,target=/from cat /from >/result; echo x 2>>/result >/from || true",
    ],
    result: /^of the context\n.*(read-only|Read-only)/,
  },
  "a tmpfs mount is gone after its RUN": {
    lines: [
      "RUN --mount=type=tmpfs,target=/scratch echo x >/scratch/file",
      "RUN ls /scratch >/result 2>/dev/null || true",
    ],
    result: /^$/,
  },
  "a secret is seen by its RUN only": {
    secret: "hidden words",
    lines: [
      "RUN --mount=type=secret,id=token cat /run/secrets/token >/result",
      "RUN cat /run/secrets/token >>/result 2>/dev/null || echo gone >>/result",
    ],
    result: /^hidden wordsgone\n$/,
  },
};

/** A cache, which later steps and builds share. */
export const CACHE: Readonly<Record<string, Build>> = {
  "a cache is kept from one RUN to the next": {
    lines: [
      "RUN --mount=type=cache,target=/cache echo kept >/cache/file",
      "RUN --mount=type=cache,target=/cache cat /cache/file >/result; ls /cache >>/result",
    ],
    result: /^kept\nfile\n$/,
  },
};

/** Network of a step. */
export const NETWORK: Readonly<Record<string, Build>> = {
  "a RUN without a network sees the loopback alone": {
    lines: ["RUN --network=none ls /sys/class/net >/result"],
    result: /^lo\n$/,
  },
};

/** Writes a build's context. @returns Its directory. */
export function writeContext(dir: string, from: string, build: Build): string {
  Deno.mkdirSync(dir, { recursive: true });
  Deno.writeTextFileSync(`${dir}/Dockerfile`, [`FROM ${from}`, ...build.lines, ""].join("\n"));
  Deno.writeTextFileSync(`${dir}/file`, "of the context\n");
  if (build.secret !== undefined) Deno.writeTextFileSync(`${dir}.secret`, build.secret);
  return dir;
}

/** Process id of a program that runs with exactly these words, if there is one. */
export function processOf(...words: string[]): number | undefined {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name))
    .find((pid) => pid > 0 && readText(`/proc/${pid}/cmdline`) === `${words.join("\0")}\0`);
}
