export {
  changing,
  client,
  csrfToken,
  got,
  gotText,
  onSignedOut,
  sayIfSignedOut,
  type Schemas,
} from "./client";
export { ApiError, problemFrom, unreachable, type WrongField } from "./problem";
