import { mdiChevronDown, mdiChevronUp } from "@mdi/js";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import FormControlLabel from "@mui/material/FormControlLabel";
import IconButton from "@mui/material/IconButton";
import MenuItem from "@mui/material/MenuItem";
import Switch from "@mui/material/Switch";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Icon } from "@/components";
import { number } from "@/lib/format";

interface Look {
  wrap: boolean;
  times: boolean;
  beside: boolean;
  follow: boolean;
}

interface Props {
  search: string;
  setSearch: (text: string) => void;
  /** Of the lines that hold the text: which one is looked at, from 1 on, and how many there are. */
  place: number;
  found: number;
  go: (by: number) => void;
  rank: number | null;
  setRank: (rank: number | null) => void;
  ranks: number[];
  look: Look;
  change: (different: Partial<Look>) => void;
  whole: boolean;
  busy: boolean;
  onAll: () => void;
  onDownload: () => void;
}

export function LogTools(props: Props) {
  const { search, setSearch, place, found, go, rank, setRank, ranks, look, change, whole, busy } = props;
  const { t } = useTranslation("job");
  const toggle = (name: keyof Look) => (
    <FormControlLabel
      control={<Switch size="small" checked={look[name]} onChange={(_, on) => change({ [name]: on })} />}
      label={t(`logs.${name}`)}
      sx={{ mr: 0 }}
    />
  );
  return (
    <Box
      sx={{
        p: 1.5,
        display: "flex",
        flexWrap: "wrap",
        gap: 1.5,
        alignItems: "center",
        borderBottom: 1,
        borderColor: "divider",
      }}
    >
      <TextField
        label={t("logs.search")}
        type="search"
        value={search}
        onChange={({ target }) => setSearch(target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") go(event.shiftKey ? -1 : 1);
        }}
        sx={{ flex: "1 1 160px", maxWidth: 320 }}
      />
      {search && (
        <Box sx={{ display: "flex", alignItems: "center" }}>
          <Typography variant="body2" role="status">
            {found ? t("logs.place", { place: number(place), found: number(found) }) : t("logs.notFound")}
          </Typography>
          <IconButton aria-label={t("logs.previous")} disabled={!found} onClick={() => go(-1)}>
            <Icon path={mdiChevronUp} />
          </IconButton>
          <IconButton aria-label={t("logs.next")} disabled={!found} onClick={() => go(1)}>
            <Icon path={mdiChevronDown} />
          </IconButton>
        </Box>
      )}
      {ranks.length > 1 && (
        <TextField
          select
          label={t("logs.rank")}
          value={rank ?? ""}
          onChange={({ target }) => setRank(target.value === "" ? null : Number(target.value))}
          slotProps={{ select: { displayEmpty: true }, inputLabel: { shrink: true } }}
          sx={{ minWidth: 110 }}
        >
          <MenuItem value="">{t("logs.allRanks")}</MenuItem>
          {ranks.map((one) => (
            <MenuItem key={one} value={one}>
              {t("rank", { rank: one })}
            </MenuItem>
          ))}
        </TextField>
      )}
      {toggle("follow")}
      {toggle("wrap")}
      {toggle("times")}
      {ranks.length > 1 && rank === null && toggle("beside")}
      {!whole && (
        <Button loading={busy} onClick={props.onAll}>
          {t("logs.all")}
        </Button>
      )}
      <Button disabled={busy} onClick={props.onDownload}>
        {t("logs.download")}
      </Button>
    </Box>
  );
}
