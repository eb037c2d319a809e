// What oc:permissions allow. (spec/storage.md)
import type { Resource } from "@/api/resource";

const has = (r: Resource | undefined, letter: string) => !!r && r.permissions.includes(letter);

export const mayRename = (r: Resource): boolean => has(r, "N") && !r.locked && !r.processing;
export const mayMove = (r: Resource): boolean => has(r, "V") && !r.locked && !r.processing;
export const mayDelete = (r: Resource): boolean => has(r, "D") && !r.locked && !r.processing;
export const mayDownload = (r: Resource): boolean => !has(r, "X") && !r.processing;
export const mayWrite = (r: Resource): boolean => has(r, "W") && !r.processing;
/** mayCreate tells whether files and folders can be made in a folder. */
export const mayCreate = (folder: Resource | undefined): boolean => has(folder, "C") && has(folder, "K");
