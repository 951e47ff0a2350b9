import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import FormControlLabel from "@mui/material/FormControlLabel";
import MenuItem from "@mui/material/MenuItem";
import Paper from "@mui/material/Paper";
import Slider from "@mui/material/Slider";
import Switch from "@mui/material/Switch";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import type { Axis } from "./lines";
import type { Look } from "./settings";

const MOST_RANKS = 8;

interface Props {
  workers: number;
  look: Look;
  change: (different: Partial<Look>) => void;
  search: string;
  setSearch: (text: string) => void;
  ranks: number[];
  setRanks: (ranks: number[]) => void;
  count: number;
  zoomed: boolean;
  onWhole: () => void;
  onAxis: () => void;
}

export function Tools(props: Props) {
  const { workers, look, change, search, setSearch, ranks, setRanks, count, zoomed, onWhole, onAxis } = props;
  const { t } = useTranslation("job");
  const id = useId();
  return (
    <Paper
      sx={{
        p: 1.5,
        mb: 2,
        display: "flex",
        flexWrap: "wrap",
        gap: 2,
        alignItems: "center",
        position: "relative",
      }}
    >
      <TextField
        label={t("curves.search")}
        type="search"
        value={search}
        onChange={({ target }) => setSearch(target.value)}
        sx={{ flex: "1 1 160px", maxWidth: 320 }}
      />
      <Box sx={{ width: 170 }}>
        <Typography id={id} variant="caption" color="textSecondary">
          {t("curves.smoothing", { weight: look.smoothing.toFixed(2) })}
        </Typography>
        <Slider
          size="small"
          aria-labelledby={id}
          min={0}
          max={0.99}
          step={0.01}
          value={look.smoothing}
          onChange={(_, value) => change({ smoothing: value })}
          sx={{ display: "block", py: 1 }}
        />
      </Box>
      <TextField
        select
        label={t("curves.axis")}
        value={look.axis}
        onChange={({ target }) => (change({ axis: target.value as Axis }), onAxis())}
        sx={{ minWidth: 100 }}
      >
        <MenuItem value="step">{t("curves.step")}</MenuItem>
        <MenuItem value="time">{t("curves.time")}</MenuItem>
      </TextField>
      {workers > 1 && (
        <TextField
          select
          label={t("curves.ranks")}
          value={ranks}
          onChange={({ target }) => {
            const chosen = (target.value as unknown as number[]).map(Number).sort((a, b) => a - b);
            if (chosen.length > 0) setRanks(chosen.slice(0, MOST_RANKS));
          }}
          slotProps={{ select: { multiple: true } }}
          sx={{ minWidth: 100 }}
        >
          {Array.from({ length: workers }, (_, rank) => (
            <MenuItem key={rank} value={rank}>
              {t("rank", { rank })}
            </MenuItem>
          ))}
        </TextField>
      )}
      <FormControlLabel
        control={<Switch checked={look.logarithmic} onChange={(_, logarithmic) => change({ logarithmic })} />}
        label={t("curves.log")}
      />
      {zoomed && (
        <Button variant="outlined" onClick={onWhole}>
          {t("curves.whole")}
        </Button>
      )}
      <Typography variant="body2" color="textSecondary" role="status">
        {t("curves.count", { count })}
      </Typography>
    </Paper>
  );
}
