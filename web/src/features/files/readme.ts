import type { Context } from "@/app/registry";
import type { Resource } from "@/api/resource";
import { special } from "@/api/spaces";
import { mayDownload } from "./permissions";

const most = 200_000; // bytes; what is longer is read in a viewer

/** readmeOf is the readme that is shown above the list of a folder. A space that has one of its own shows that itself. */
export function readmeOf({ folder, drive, siblings }: Pick<Context, "folder" | "drive" | "siblings">): Resource | undefined {
  if (folder?.path === "/" && drive && special(drive, "readme")) return undefined;
  return siblings.find((s) => /^readme\.md$/i.test(s.name) && !s.folder && s.size > 0 && s.size <= most && mayDownload(s));
}
