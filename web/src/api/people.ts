import type { Drive, User } from "./graph";
import type { Http } from "./http";

/** Account is a person as administrators see them. */
export interface Account extends User {
  accountEnabled?: boolean;
  userType?: string;
  appRoleAssignments?: { id: string; appRoleId: string }[];
  drive?: Drive;
  signInActivity?: { lastSuccessfulSignInDateTime?: string };
}

/** Group is people under one name. */
export interface Group {
  id: string;
  displayName: string;
  groupTypes?: string[]; // "ReadOnly": kept elsewhere
  members?: User[];
}

/** Application is the server as it knows roles. */
export interface Application {
  id: string;
  appRoles: { id: string; displayName: string }[];
}

/** AccountChange is what may change of an account; absent parts stay. */
export interface AccountChange {
  displayName?: string;
  onPremisesSamAccountName?: string;
  mail?: string;
  accountEnabled?: boolean;
  passwordProfile?: { password: string };
}

const users = "/graph/v1.0/users";
const groups = "/graph/v1.0/groups";
const id = encodeURIComponent;

/** People administers accounts and groups; all but the lists needs the permissions for it: 403. (spec/services.md §16.6) */
export class People {
  constructor(private readonly http: Http) {}

  /** users lists accounts with their roles, groups and space. */
  async users(by: { search?: string; group?: string; role?: string } = {}): Promise<Account[]> {
    const q = ["$orderby=displayName", "$expand=appRoleAssignments,memberOf"];
    const filter = userFilter(by);
    if (filter) q.push(`$filter=${id(filter)}`);
    if (by.search) q.push(`$search=${id(JSON.stringify(by.search))}`);
    return (await this.http.json<{ value?: Account[] }>("GET", `${users}?${q.join("&")}`)).value ?? [];
  }

  /** user returns one account with all that belongs to it. */
  user(who: string): Promise<Account> {
    return this.http.json("GET", `${users}/${id(who)}?$expand=drive,memberOf,appRoleAssignments`);
  }

  /** create makes an account. 409 if the login name is taken, 400 if the password is too weak. */
  create(a: AccountChange): Promise<Account> {
    return this.http.json("POST", users, { json: a });
  }

  /** change changes an account. */
  async change(who: string, to: AccountChange): Promise<void> {
    await this.http.send("PATCH", `${users}/${id(who)}`, { json: to });
  }

  /** remove deletes an account and its space. */
  async remove(who: string): Promise<void> {
    await this.http.send("DELETE", `${users}/${id(who)}`);
  }

  /** assign gives a role instead of the one before. */
  async assign(who: string, role: string, application: string): Promise<void> {
    await this.http.send("POST", `${users}/${id(who)}/appRoleAssignments`, { json: { appRoleId: role, principalId: who, resourceId: application } });
  }

  /** application tells which roles there are. */
  async application(): Promise<Application | undefined> {
    return (await this.http.json<{ value?: Application[] }>("GET", "/graph/v1.0/applications")).value?.[0];
  }

  /** groups lists groups. */
  async groups(): Promise<Group[]> {
    return (await this.http.json<{ value?: Group[] }>("GET", `${groups}?$orderby=displayName`)).value ?? [];
  }

  /** group returns one group with its members. */
  group(which: string): Promise<Group> {
    return this.http.json("GET", `${groups}/${id(which)}?$expand=members`);
  }

  /** createGroup makes a group. 409 if the name is taken. */
  async createGroup(displayName: string): Promise<void> {
    await this.http.send("POST", groups, { json: { displayName } });
  }

  /** renameGroup gives a group another name. */
  async renameGroup(which: string, displayName: string): Promise<void> {
    await this.http.send("PATCH", `${groups}/${id(which)}`, { json: { displayName } });
  }

  /** removeGroup deletes a group; its members stay. */
  async removeGroup(which: string): Promise<void> {
    await this.http.send("DELETE", `${groups}/${id(which)}`);
  }

  /** join puts somebody into a group, leave takes them out. */
  async join(which: string, who: string): Promise<void> {
    await this.http.send("POST", `${groups}/${id(which)}/members/$ref`, { json: { "@odata.id": `${this.http.base}${users}/${id(who)}` } });
  }

  async leave(which: string, who: string): Promise<void> {
    await this.http.send("DELETE", `${groups}/${id(which)}/members/${id(who)}/$ref`);
  }
}

/** userFilter is the $filter for people of a group and with a role. */
export function userFilter({ group, role }: { group?: string; role?: string }): string {
  const quote = (s: string) => `'${s.replaceAll("'", "''")}'`;
  return [
    ...(group ? [`memberOf/any(m:m/id eq ${quote(group)})`] : []),
    ...(role ? [`appRoleAssignments/any(m:m/appRoleId eq ${quote(role)})`] : []),
  ].join(" and ");
}
