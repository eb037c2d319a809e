// What people give us: files, and folders with all that is in them.

/** Found is what is to be uploaded. Paths are relative, with "/" between names; a folder comes before what is in it. */
export interface Found {
  files: { path: string; file: File }[];
  folders: string[];
}

/** dropped takes what was dropped or pasted; undefined if that is no file. It reads `data` at once, and the folders when the promise is awaited. */
export function dropped(data: DataTransfer): Promise<Found> | undefined {
  const items = [...data.items].filter((i) => i.kind === "file");
  const entries = items.map((i) => i.webkitGetAsEntry()).filter((e) => e !== null);
  if (entries.length > 0 && entries.length === items.length) return walk(entries);
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

async function walk(roots: FileSystemEntry[]): Promise<Found> {
  const found: Found = { files: [], folders: [] };
  const rest = roots.map((entry) => ({ entry, path: entry.name }));
  for (let next = rest.shift(); next; next = rest.shift()) {
    const { entry, path } = next;
    if (entry.isDirectory) {
      found.folders.push(path);
      for (const e of await children(entry as FileSystemDirectoryEntry)) rest.push({ entry: e, path: `${path}/${e.name}` });
    } else found.files.push({ path, file: await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)) });
  }
  return found;
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
