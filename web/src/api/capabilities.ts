import type { Http } from "./http";

/** Capabilities are the parts that we look at; all may be absent. (spec/services.md §17.1) */
export interface Capabilities {
  core?: { status?: { productname?: string; productversion?: string; edition?: string }; "support-sse"?: boolean };
  dav?: { reports?: string[]; trashbin?: string };
  files?: {
    archivers?: { enabled?: boolean; version?: string; archiver_url?: string; max_num_files?: string; max_size?: string }[];
    favorites?: boolean;
    permanent_deletion?: boolean;
    privateLinks?: boolean;
    tags?: boolean;
    tus_support?: { max_chunk_size?: number; extension?: string; http_method_override?: string };
    undelete?: boolean;
    versioning?: boolean;
  };
  files_sharing?: { api_enabled?: boolean; public?: { enabled?: boolean; default_permissions?: number; password?: { enforced_for?: Record<string, boolean> } }; search_min_length?: number; user?: { profile_picture?: boolean } };
  graph?: { "personal-data-export"?: boolean; users?: { change_password_self_disabled?: boolean; create_disabled?: boolean; delete_disabled?: boolean; read_only_attributes?: string[] } };
  password_policy?: Record<string, number>;
  spaces?: { enabled?: boolean; projects?: boolean; max_quota?: number };
}

/** capabilities asks what the server can do. */
export async function capabilities(http: Http): Promise<Capabilities> {
  const { ocs } = await http.json<{ ocs: { data: { capabilities: Capabilities } } }>("GET", "/ocs/v1.php/cloud/capabilities?format=json");
  return ocs.data.capabilities;
}

/** archiver is the address that makes archives, if there is one. */
export function archiver(c: Capabilities | undefined): { url: string; maxSize: number } | undefined {
  const found = c?.files?.archivers?.filter((a) => a.enabled && a.archiver_url).sort((a, b) => (b.version ?? "").localeCompare(a.version ?? "", "en", { numeric: true }))[0];
  return found?.archiver_url ? { url: found.archiver_url, maxSize: Number(found.max_size) || Infinity } : undefined;
}
