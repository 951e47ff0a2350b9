export { LiveProvider, useJobDetail, useLiveEvents, useLiveStatus } from "./LiveProvider";
export type { LiveEvent, LiveStatus } from "./stream";
