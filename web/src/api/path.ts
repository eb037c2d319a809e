// Paths within a space: absolute, "/" between names, no slash at the end, "/" is the root.

/** join puts a name below a folder. */
export const join = (folder: string, name: string): string => (folder === "/" ? "" : folder) + "/" + name;

/** parent is the folder that holds a path; the root holds itself. */
export const parent = (path: string): string => path.slice(0, Math.max(path.lastIndexOf("/"), 0)) || "/";

/** above are the folders that hold a path, the nearest first. */
export const above = (path: string): string[] => (path === "/" ? [] : [parent(path), ...above(parent(path))]);

/** base is the last name of a path, "" for the root. */
export const base = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** within tells whether a path is the folder itself or lies below it. */
export const within = (path: string, folder: string): boolean => path === folder || folder === "/" || path.startsWith(folder + "/");

/** encode makes a path fit for an address: each name is escaped, slashes stay. */
export const encode = (path: string): string => path.split("/").map(encodeURIComponent).join("/");

/** split parts a file's name from its extension (".tar.gz" is one); folders and names like ".profile" have none. */
export function split(name: string, folder = false): [stem: string, extension: string] {
  if (folder) return [name, ""];
  const m = /^(.+?)(\.tar\.[a-z0-9]+|\.[^.]*)$/i.exec(name);
  return m?.[1] && m[2] ? [m[1], m[2]] : [name, ""];
}

/** free finds a name that is not taken: "a.txt", "a (1).txt", "a (2).txt". */
export function free(name: string, taken: ReadonlySet<string>, folder = false): string {
  if (!taken.has(name)) return name;
  const [stem, extension] = split(name, folder);
  const [, root = stem] = /^(.*) \(\d+\)$/.exec(stem) ?? [];
  for (let n = 1; ; n++) {
    const candidate = `${root} (${n})${extension}`;
    if (!taken.has(candidate)) return candidate;
  }
}

/** NameFault is why a name cannot be used. */
export type NameFault = "empty" | "dots" | "slash" | "space" | "long" | "taken";

/** check tells why a name cannot be used for something new in a folder, or undefined if it can. */
export function check(name: string, taken: ReadonlySet<string>): NameFault | undefined {
  if (!name.trim()) return "empty";
  if (name === "." || name === "..") return "dots";
  if (name.includes("/")) return "slash";
  if (name !== name.trim()) return "space";
  if (new TextEncoder().encode(name).length > 255) return "long";
  if (taken.has(name)) return "taken";
  return undefined;
}
