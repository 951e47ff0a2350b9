import { useParams } from "react-router";
import { Page } from "@/components";

export function Component() {
  const { jobId } = useParams();
  return <Page title={jobId ?? ""}>{null}</Page>;
}
