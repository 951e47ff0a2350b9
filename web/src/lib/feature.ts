/** What a part of the page brings along; `app/features.ts` lists them. */
import type { RouteObject } from "react-router";
import type { Permission } from "./session";

export interface NavItem {
  /** A key of the feature's texts. */
  label: string;
  path: string;
  /** A path of @mdi/js. */
  icon: string;
  /** Shown to those alone who may, somewhere. */
  permission?: Permission;
}

/** Something that the command palette offers besides the places in the navigation. */
export interface Command {
  label: string;
  path: string;
  permission?: Permission;
}

export interface Feature {
  /** Also the namespace of its texts. */
  name: string;
  /** Pages are loaded when they are opened: `lazy: () => import("./Page")` with an export `Component`. */
  routes: RouteObject[];
  nav?: NavItem[];
  commands?: Command[];
}
