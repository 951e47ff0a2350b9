/** Files that come in and go out, without a form field of their own. */
const MOST_BYTES = 1_000_000;

export function save(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}

export function isJobFile(file: File): boolean {
  return /\.(ya?ml|json)$/i.test(file.name) && file.size <= MOST_BYTES;
}

export function openFile(onFile: (file: File) => void): void {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = ".yaml,.yml,.json";
  input.onchange = () => {
    const file = input.files?.[0];
    if (file) onFile(file);
  };
  input.click();
}
