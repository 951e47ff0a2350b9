import Skeleton from "@mui/material/Skeleton";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ErrorNote } from "./ErrorNote";

interface Props<T> {
  of: UseQueryResult<T>;
  /** In pixels, of what stands there until the answer comes: the page does not jump then. */
  height?: number;
  children: (data: T) => ReactNode;
}

/** What a query has found; what it is waiting for, or why it found nothing, until then. */
export function Query<T>({ of, height = 120, children }: Props<T>) {
  if (of.data !== undefined) return <>{children(of.data)}</>;
  if (of.isError) return <ErrorNote error={of.error} onRetry={() => void of.refetch()} />;
  return <Skeleton variant="rounded" height={height} aria-busy="true" />;
}
