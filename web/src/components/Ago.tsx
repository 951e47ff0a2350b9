import { ago, dateTime } from "@/lib/format";
import { useNow } from "./useNow";

/** "3 minutes ago", with the instant in the viewer's zone when pointed at. */
export function Ago({ at }: { at: string | null | undefined }) {
  const now = useNow(15_000);
  if (!at) return <>–</>;
  return (
    <time dateTime={at} title={dateTime(at)}>
      {ago(at, now)}
    </time>
  );
}
