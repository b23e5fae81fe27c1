/**
 * What the machine of the VM part is made of, as data: the packages, where apt gets them, the key of the
 * cache.
 * @module
 */

/** Where packages come from: lines of sources.list, as the apt of this machine has them. */
export interface Sources {
  /** Code name of the release, `bookworm`. */
  suite: string;
  lines: string[];
}

/** Everything that decides what an image holds, apart from the versions that the mirror has today. */
export interface Recipe {
  suite: string;
  packages: readonly string[];
  /** Texts of the scripts that are run on the tree, or go into it. */
  scripts: readonly string[];
  /** Size of the root disk as mkfs takes it; the file is sparse. */
  size: string;
}

/** Installed without what they recommend. */
export const PACKAGES: readonly string[] = [
  ...["systemd-sysv", "udev", "dbus", "dbus-user-session", "libpam-systemd", "openssh-server"],
  ...["linux-image-cloud-amd64", "kmod", "cpio", "xz-utils", "busybox-static"],
  ...["apparmor", "docker.io", "containerd", "podman", "conmon", "crun", "runc", "criu", "libseccomp2"],
  ...[
    "iproute2",
    "iptables",
    "procps",
    "uidmap",
    "slirp4netns",
    "fuse-overlayfs",
    "strace",
    "containernetworking-plugins",
  ],
];

/**
 * Left out of the tree: files that no test reads, and the kernel package's own (slow, unused) initial
 * ramdisk.
 */
export const EXCLUDED: readonly string[] = [
  "/usr/share/man/*",
  "/usr/share/doc/*",
  "/usr/share/locale/*",
  "/usr/share/info/*",
  "/etc/kernel/postinst.d/initramfs-tools",
];

/** Fields of `apt-get indextargets --format` that {@linkcode parseSources} reads, one index per line. */
export const TARGET_FORMAT = "$(ORIGIN) $(SITE) $(CODENAME) $(COMPONENT)";

/**
 * Picks Debian's own archives from what apt knows.
 *
 * @param targets Output of `apt-get indextargets` in {@linkcode TARGET_FORMAT}.
 * @param keyring Keyring to name in the lines, if the machine has one for Debian.
 * @returns undefined where apt knows no Debian release (another distribution, or no `apt-get update` yet).
 */
export function parseSources(targets: string, keyring?: string): Sources | undefined {
  const option = keyring === undefined ? "" : `[signed-by=${keyring}] `;
  const lines = new Set<string>();
  let suite: string | undefined;
  for (const line of targets.split("\n")) {
    const [origin, site, codename, component] = line.split(" ");
    if (origin !== "Debian" || component !== "main") continue;
    if (!codename.includes("-")) suite ??= codename;
    lines.add(`deb ${option}${site} ${codename} main`);
  }
  return suite === undefined ? undefined : { suite, lines: [...lines] };
}

/** Name of the image's directory in the cache: the same recipe gives the same name. */
export async function imageKey(recipe: Recipe): Promise<string> {
  const { suite, packages, scripts, size } = recipe;
  const text = JSON.stringify([suite, packages, EXCLUDED, scripts, size]);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${suite}-${hex.slice(0, 16)}`;
}

/**
 * Arguments of mmdebstrap.
 *
 * @param root Directory that is filled.
 * @param hook Shell command for the finished tree; mmdebstrap gives it the tree's path as `$1`.
 */
export function mmdebstrapArguments(recipe: Recipe, sources: Sources, root: string, hook: string): string[] {
  return [
    ...["--mode=root", "--variant=minbase", "--format=directory"],
    `--include=${recipe.packages.join(",")}`,
    ...['APT::Install-Recommends "false"', 'Acquire::Languages "none"', 'Acquire::Retries "3"']
      .map((option) => `--aptopt=${option}`),
    ...EXCLUDED.map((path) => `--dpkgopt=path-exclude=${path}`),
    `--customize-hook=${hook}`,
    ...[recipe.suite, root, ...sources.lines],
  ];
}
