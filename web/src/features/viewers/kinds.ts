import type { Drive } from "@/api/graph";
import { split } from "@/api/path";
import type { Resource } from "@/api/resource";
import { folderUrl } from "@/features/files/location";
import { mayDownload } from "@/features/files/permissions";

/** Kind is a viewer of ours. */
export type Kind = "image" | "video" | "audio" | "pdf" | "epub" | "text";

const largestBook = 200_000_000; // bytes: a book is held in memory
const largest = 10_000_000; // bytes of a text: beyond that editing is no pleasure
const images = /^image\/(png|jpe?g|gif|webp|avif|svg\+xml|bmp|x-icon|vnd\.microsoft\.icon)$/;
const videos = /^video\/(mp4|webm|ogg|quicktime|x-m4v)$/;
const audios = /^audio\/(mpeg|mp4|ogg|wav|x-wav|webm|flac|x-flac|aac|x-m4a|opus)$/;
const texts = /^(text\/|application\/(json|xml|javascript|x-sh|x-yaml|yaml|toml|x-httpd-php|sql)|[a-z]+\/[a-z.+-]+\+(json|xml)$)/;
// Servers often do not know these better than as bytes.
const textual = new Set([".md", ".txt", ".log", ".csv", ".go", ".rs", ".ts", ".tsx", ".jsx", ".vue", ".py", ".rb", ".c", ".h", ".cpp", ".java", ".kt", ".sh", ".toml", ".yaml", ".yml", ".ini", ".conf", ".env", ".sql", ".php", ".lua", ".tex", ".diff", ".patch"]);

/** kindOf tells which viewer shows a file, or undefined if none does. */
export function kindOf(r: Pick<Resource, "folder" | "mime" | "name" | "size">): Kind | undefined {
  if (r.folder) return undefined;
  const mime = r.mime.split(";")[0]?.trim() ?? "";
  if (images.test(mime)) return "image";
  if (videos.test(mime)) return "video";
  if (audios.test(mime)) return "audio";
  if (mime === "application/pdf") return "pdf";
  if (mime === "application/epub+zip" || /\.epub$/i.test(r.name)) return r.size > largestBook ? undefined : "epub";
  if (r.size > largest) return undefined;
  const extension = (split(r.name)[1] || r.name).toLowerCase();
  return texts.test(mime) || ((mime === "" || mime === "application/octet-stream" || /^video\/(mp2t|vnd\.dlna)/.test(mime)) && textual.has(extension)) ? "text" : undefined;
}

/** viewUrl is the page that shows a file: /view/personal/mary/a.png?fileId=… */
export const viewUrl = (drive: Drive, r: Resource): string => folderUrl(drive, r.path, r.id).replace(/^\/files\/spaces/, "/view");

/** listed are those that "next" and "previous" lead to: media together, others among their kind. */
export function listed(items: readonly Resource[], kind: Kind | undefined): Resource[] {
  const group = (k: Kind | undefined) => (k === "image" || k === "video" || k === "audio" ? "media" : k);
  return items.filter((i) => mayDownload(i) && kind !== undefined && group(kindOf(i)) === group(kind));
}
