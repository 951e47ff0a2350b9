import { expect, it } from "vitest";
import { commandLine, fileName, python } from "./python";

it("writes the job as Python would", () => {
  expect(python({ name: 'a"b', hyperparameters: { hidden: [1, 2], x: null, y: true }, labels: {} })).toBe(
    `import tensorfleet

client = tensorfleet.Client()
job = client.submit({
    "name": "a\\"b",
    "hyperparameters": {
        "hidden": [1, 2],
        "x": None,
        "y": True,
    },
    "labels": {},
})
`,
  );
});

it("names a file that a shell takes as one word", () => {
  expect(fileName({ name: "My job; rm -rf /" })).toBe("My-job-rm-rf-.yaml");
  expect(fileName({ name: "--help" })).toBe("help.yaml");
  expect(fileName({ name: 3 })).toBe("job.yaml");
  expect(commandLine({ name: "x", kind: "tune" })).toBe("tensorfleet tune x.yaml");
});
