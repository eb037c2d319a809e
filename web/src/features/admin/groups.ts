import type { Group } from "@/api/people";

/** fixed tells whether a group is kept elsewhere, as in a directory, and cannot be changed here. */
export const fixed = (g: Group): boolean => !!g.groupTypes?.includes("ReadOnly");
