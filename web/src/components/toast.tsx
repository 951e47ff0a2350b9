import Alert, { type AlertColor } from "@mui/material/Alert";
import Snackbar from "@mui/material/Snackbar";
import { createContext, type ReactNode, useCallback, useContext, useState } from "react";

type Say = (text: string, severity?: AlertColor) => void;
const Context = createContext<Say>(() => undefined);
const SHOWN_MS = 6_000;

/** Short messages about what has just been done; errors stay until they are closed. */
export function ToastProvider({ children }: { children: ReactNode }) {
  const [said, setSaid] = useState<{ text: string; severity: AlertColor; at: number } | null>(null);
  const say = useCallback<Say>((text, severity = "info") => setSaid({ text, severity, at: Date.now() }), []);
  return (
    <Context.Provider value={say}>
      {children}
      <Snackbar
        key={said?.at}
        open={said !== null}
        autoHideDuration={said?.severity === "error" ? null : SHOWN_MS}
        onClose={(_, reason) => reason !== "clickaway" && setSaid(null)}
      >
        <Alert severity={said?.severity ?? "info"} variant="filled" onClose={() => setSaid(null)}>
          {said?.text}
        </Alert>
      </Snackbar>
    </Context.Provider>
  );
}

export function useToast(): Say {
  return useContext(Context);
}
