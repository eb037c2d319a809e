// What an administrator changed of an account, as the requests that make it so.
import type { Account, AccountChange, Application, People } from "@/api/people";

/** Answer is what the account shall be. */
export interface Answer {
  username: string;
  name: string;
  mail: string;
  password: string; // "" keeps what there is
  enabled: boolean;
  role: string; // "" keeps what there is
  groups: string[];
  total?: number; // quota in bytes, if it may be set
}

/** changes are the parts of the account itself that are different. */
export function changes(was: Account, a: Answer): AccountChange {
  return {
    ...(a.username === was.onPremisesSamAccountName ? {} : { onPremisesSamAccountName: a.username }),
    ...(a.name === was.displayName ? {} : { displayName: a.name }),
    ...(a.mail === (was.mail ?? "") ? {} : { mail: a.mail }),
    ...(a.enabled === (was.accountEnabled ?? true) ? {} : { accountEnabled: a.enabled }),
    ...(a.password ? { passwordProfile: { password: a.password } } : {}),
  };
}

/** membership is which groups to join and to leave. */
export function membership(was: readonly string[], now: readonly string[]): { join: string[]; leave: string[] } {
  return { join: now.filter((g) => !was.includes(g)), leave: was.filter((g) => !now.includes(g)) };
}

/** apply makes an account what it shall be, by as few requests as are needed. `quota` sets the quota of its space. */
export async function apply(people: People, application: Application | undefined, was: Account, a: Answer, quota: (driveId: string, total: number) => Promise<void>): Promise<void> {
  const to = changes(was, a);
  if (Object.keys(to).length) await people.change(was.id, to);
  if (a.role && application && a.role !== was.appRoleAssignments?.[0]?.appRoleId) await people.assign(was.id, a.role, application.id);
  const { join, leave } = membership((was.memberOf ?? []).map((g) => g.id), a.groups);
  for (const g of join) await people.join(g, was.id);
  for (const g of leave) await people.leave(g, was.id);
  if (a.total !== undefined && was.drive && a.total !== (was.drive.quota?.total ?? 0)) await quota(was.drive.id, a.total);
}
