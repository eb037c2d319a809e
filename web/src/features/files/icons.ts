import { File, FileArchive, FileCode, FileImage, FileMusic, FileSpreadsheet, FileText, FileVideoCamera, Folder, Presentation } from "@lucide/vue";
import type { Component } from "vue";
import type { Resource } from "@/api/resource";

const kinds: [RegExp, Component, string][] = [
  [/^image\//, FileImage, "text-ring"],
  [/^video\//, FileVideoCamera, "text-bad"],
  [/^audio\//, FileMusic, "text-warn"],
  [/pdf$/, FileText, "text-bad"],
  [/spreadsheet|excel|csv/, FileSpreadsheet, "text-good"],
  [/presentation|powerpoint/, Presentation, "text-warn"],
  [/zip|tar|compressed|7z|rar/, FileArchive, "text-soft"],
  [/javascript|json|xml|html|css|x-(sh|python|go|c|rust|java)/, FileCode, "text-folder"],
  [/^text\/|word|document/, FileText, "text-folder"],
];

/** iconOf is the picture of a kind of file, and its colour. */
export function iconOf(r: Pick<Resource, "folder" | "mime">): { icon: Component; colour: string } {
  if (r.folder) return { icon: Folder, colour: "text-folder fill-[color-mix(in_srgb,var(--folder)_22%,transparent)]" };
  const kind = kinds.find(([mime]) => mime.test(r.mime));
  return kind ? { icon: kind[1], colour: kind[2] } : { icon: File, colour: "text-soft" };
}
