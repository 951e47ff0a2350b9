import Button from "@mui/material/Button";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { ErrorNote } from "@/components";
import { client, got } from "@/lib/api";
import { paths } from "@/lib/paths";

const SAMPLES = ["iris", "wine", "breast_cancer", "digits", "diabetes"];

/** Data that TensorFleet brings along: the server adds one when it is first asked for. */
export function Samples({ workspace, onOpen }: { workspace: string; onOpen: () => void }) {
  const { t } = useTranslation("datasets");
  const navigate = useNavigate();
  const queries = useQueryClient();
  const add = useMutation({
    mutationFn: (name: string) => {
      const params = { path: { name, version: "latest" }, query: { workspace } };
      return got(client.GET("/api/v1/datasets/{name}/versions/{version}", { params }));
    },
    onSuccess: (version) => {
      void queries.invalidateQueries({ queryKey: ["datasets"] });
      onOpen();
      void navigate(paths.dataset(version.name, undefined, workspace));
    },
  });
  return (
    <div>
      <Typography variant="body2" sx={{ mb: 0.5 }}>
        {t("add.samples")}
      </Typography>
      <Stack direction="row" useFlexGap sx={{ flexWrap: "wrap", gap: 1 }}>
        {SAMPLES.map((name) => (
          <Button
            key={name}
            variant="outlined"
            loading={add.isPending && add.variables === name}
            onClick={() => add.mutate(name)}
          >
            {name}
          </Button>
        ))}
      </Stack>
      {add.error && <ErrorNote error={add.error} />}
    </div>
  );
}
