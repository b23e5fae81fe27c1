/**
 * Overlays with more layers than mount(2) takes the names of: each layer becomes an option of its own.
 *
 * Sources: Documentation/filesystems/overlayfs.rst (`lowerdir+`, `datadir+`: Linux 6.7),
 * fs/overlayfs/params.c.
 * @module
 */

/** The most bytes of options that mount(2) takes. */
const PAGE = 4095;

/** Whether the options name more layers than mount(2) takes. */
export function hasManyLayers(type: string, options: readonly string[]): boolean {
  return type === "overlay" && new TextEncoder().encode(options.join(",")).length > PAGE &&
    options.some((option) => option.startsWith("lowerdir="));
}

/** The options, with `lowerdir` as one option for each layer. */
export function layerOptions(options: readonly string[]): string[] {
  return options.flatMap((option) => option.startsWith("lowerdir=") ? layersOf(option.slice(9)) : [option]);
}

/**
 * Takes `lowerdir` apart. Layers are separated by a colon, and data-only ones by two. A backslash makes a
 * colon part of a name.
 */
function layersOf(text: string): string[] {
  const parts = text.match(/::|:|(?:\\.|[^:])+/gs) ?? [];
  let key = "lowerdir+";
  return parts.flatMap((part) => {
    if (part === "::") key = "datadir+";
    if (part === ":" || part === "::") return [];
    return [`${key}=${part.replace(/\\(.)/gs, "$1")}`];
  });
}
