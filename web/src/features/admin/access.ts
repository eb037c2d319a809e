import { can, type App } from "@/app/app";

/** Section is a page of the administration. */
export type Section = "users" | "groups" | "spaces" | "general";

const needs: Record<Section, string> = { users: "Accounts.ReadWrite.all", groups: "Groups.ReadWrite.all", spaces: "Drives.List.all", general: "Settings.ReadWrite.all" };

/** sections are the pages that somebody may see; the server checks each request by itself. (spec/services.md §17.2) */
export const sections = (app: App): Section[] => (Object.keys(needs) as Section[]).filter((s) => can(app, needs[s]));
