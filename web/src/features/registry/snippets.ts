import { fieldsOf } from "./describe";
import type { Version } from "./queries";

/** Commands and programs that get the version from another machine; a name is quoted wherever it goes. */
export function snippets(
  version: Version,
  server: string,
  onnx: string | null,
): { id: "python" | "command" | "curl" | "onnx"; text: string }[] {
  const { name, version: number, workspace } = version;
  const away = workspace !== "default";
  const model = `client.models.get(${python(name)}, ${number})`;
  const inputs = fieldsOf(version.signature, "inputs").slice(0, 3);
  const columns = inputs.length
    ? `  # ${inputs.map((one) => one.name.replace(/\s/g, " ")).join(", ")} ...`
    : "";
  const client = [
    "import tensorfleet",
    "",
    `client = tensorfleet.Client(${python(server)}${away ? `, workspace=${python(workspace)}` : ""})  # the token: TENSORFLEET_TOKEN`,
  ];
  const query = away ? `?workspace=${encodeURIComponent(workspace)}` : "";
  const address = `${server}/api/v1/models/${encodeURIComponent(name)}/versions/${number}${query}`;
  const found: ReturnType<typeof snippets> = [
    {
      id: "python",
      text: [
        ...client,
        `model = ${model}`,
        "",
        "import polars as pl",
        "",
        `frame = pl.read_csv("new.csv")${columns}`,
        "print(model.predict(frame))",
      ].join("\n"),
    },
    {
      id: "command",
      text: `${away ? `TENSORFLEET_WORKSPACE=${shell(workspace)} ` : ""}tensorfleet models download ${shell(`${name}@${number}`)}`,
    },
    { id: "curl", text: `curl -H "Authorization: Bearer $TENSORFLEET_TOKEN" ${shell(address)}` },
  ];
  if (onnx !== null) {
    found.push({
      id: "onnx",
      text: [
        ...client,
        "import onnxruntime",
        "",
        `folder = ${model}.download(${python(`model-${number}`)})`,
        `session = onnxruntime.InferenceSession(f"{folder}/${onnx.replace(/["\\{}\n]/g, "")}")`,
        "print([(one.name, one.type, one.shape) for one in session.get_inputs()])",
      ].join("\n"),
    });
  }
  return found;
}

/** A text as Python and JSON both write it. */
function python(text: string): string {
  return JSON.stringify(text);
}

export function shell(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`;
}
