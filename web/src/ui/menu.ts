import type { Component } from "vue";

/** MenuEntry is a line of a menu; entries of different groups are parted by a line. */
export interface MenuEntry {
  id: string;
  label: string;
  icon?: Component;
  group?: string;
  keys?: string; // as they are written
  danger?: boolean;
  checked?: boolean; // one of several choices
  to?: string; // a page instead of an action
  run?: () => void;
}
