// What people give us: files, and folders with all that is in them.

/** Found is what is to be uploaded. Paths are relative, with "/" between names; a folder comes before what is in it. */
export interface Found {
  files: FoundFile[];
  folders: string[];
}

/** FoundFile is a file; of one that was dropped some browsers (Chromium) tell where it is, for which they ask the person after a reload. */
export interface FoundFile {
  path: string;
  file: File;
  handle?: () => Promise<FileSystemFileHandle | undefined>;
}

declare global {
  interface DataTransferItem {
    getAsFileSystemHandle?(): Promise<FileSystemHandle | null>;
  }
  interface FileSystemHandle {
    queryPermission?(of: { mode: "read" }): Promise<PermissionState>;
    requestPermission?(of: { mode: "read" }): Promise<PermissionState>;
  }
}

/** dropped takes what was dropped or pasted; undefined if that is no file. It reads `data` at once, and the folders when the promise is awaited. */
export function dropped(data: DataTransfer): Promise<Found> | undefined {
  const items = [...data.items].filter((i) => i.kind === "file");
  const roots = items.flatMap((i) => {
    const [entry, handle] = [i.webkitGetAsEntry(), i.getAsFileSystemHandle?.().catch(() => null)];
    return entry ? [{ entry, ...(handle ? { handle } : {}) }] : [];
  });
  if (roots.length > 0 && roots.length === items.length) return walk(roots);
  // What was copied from a page has no entry.
  return data.files.length ? Promise.resolve(chosen(data.files)) : undefined;
}

/** chosen takes the files of a picker, which names their folders, but knows no empty ones. */
export function chosen(files: Iterable<File>): Found {
  const found: Found = { files: [], folders: [] };
  const folders = new Set<string>();
  for (const file of files) {
    const path = file.webkitRelativePath || file.name;
    for (let i = path.indexOf("/"); i >= 0; i = path.indexOf("/", i + 1)) folders.add(path.slice(0, i));
    found.files.push({ path, file });
  }
  found.folders = [...folders].sort((a, b) => a.split("/").length - b.split("/").length);
  return found;
}

async function walk(roots: { entry: FileSystemEntry; handle?: Promise<FileSystemHandle | null> }[]): Promise<Found> {
  const found: Found = { files: [], folders: [] };
  const rest = roots.map((r) => ({ ...r, path: r.entry.name }));
  for (let next = rest.shift(); next; next = rest.shift()) {
    const { entry, path, handle } = next;
    const more = handle ? { handle } : {}; // of the root
    if (entry.isDirectory) {
      found.folders.push(path);
      for (const e of await children(entry as FileSystemDirectoryEntry)) rest.push({ entry: e, path: `${path}/${e.name}`, ...more });
    } else {
      const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
      found.files.push({ path, file, ...(handle ? { handle: () => descend(handle, path.split("/").slice(1)) } : {}) });
    }
  }
  return found;
}

// descend finds the handle of a file below that of what was dropped.
async function descend(root: Promise<FileSystemHandle | null>, names: string[]): Promise<FileSystemFileHandle | undefined> {
  let at = await root;
  for (const [i, name] of names.entries()) {
    if (!at || at.kind !== "directory") return undefined;
    const folder = at as FileSystemDirectoryHandle;
    at = i < names.length - 1 ? await folder.getDirectoryHandle(name) : await folder.getFileHandle(name);
  }
  return at?.kind === "file" ? (at as FileSystemFileHandle) : undefined;
}

// children reads a whole folder: browsers give it in parts, the last of which is empty.
async function children(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return all;
    all.push(...part);
  }
}
