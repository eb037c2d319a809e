import { check } from "@/api/path";
import type { Texts } from "@/app/registry";

/** nameFault says in people's words why a name cannot be used, or "". */
export function nameFault(name: string, taken: ReadonlySet<string>, { $gettext }: Texts): string {
  switch (check(name, taken)) {
    case "empty":
      return $gettext("A name is needed.");
    case "dots":
      return $gettext("“.” and “..” are no names.");
    case "slash":
      return $gettext("A name cannot contain a slash.");
    case "space":
      return $gettext("A name cannot begin or end with a space.");
    case "long":
      return $gettext("The name is too long.");
    case "taken":
      return $gettext("This name is taken.");
    default:
      return "";
  }
}
