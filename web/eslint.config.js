import js from "@eslint/js";
import { createTypeScriptImportResolver } from "eslint-import-resolver-typescript";
import { importX } from "eslint-plugin-import-x";
import a11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import globals from "globals";
import ts from "typescript-eslint";

/** Who may import whom: lib <- theme <- components <- features <- app; a feature never imports another one. */
const features = [
  "access",
  "admin",
  "datasets",
  "fleet",
  "jobs",
  "job",
  "composer",
  "overview",
  "registry",
  "studies",
  "coming",
];
const zones = [
  { target: "./src/lib", from: ["./src/app", "./src/features", "./src/components", "./src/theme"] },
  { target: "./src/theme", from: ["./src/app", "./src/features", "./src/components"] },
  { target: "./src/components", from: ["./src/app", "./src/features"] },
  { target: "./src/features", from: "./src/app" },
  ...features.map((name) => ({
    target: `./src/features/${name}`,
    from: "./src/features",
    except: [`./${name}`],
    message: "what two features need belongs into components or lib",
  })),
];

export default ts.config(
  { ignores: ["node_modules", "public", "src/lib/api/schema.d.ts"] },
  js.configs.recommended,
  ...ts.configs.recommendedTypeChecked,
  hooks.configs.flat.recommended,
  a11y.flatConfigs.recommended,
  {
    files: ["**/*.{ts,tsx,js}"],
    plugins: { "import-x": importX },
    languageOptions: {
      globals: globals.browser,
      parserOptions: {
        projectService: { allowDefaultProject: ["eslint.config.js"] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    settings: { "import-x/resolver-next": [createTypeScriptImportResolver()] },
    rules: {
      "import-x/no-cycle": "error",
      // About the React Compiler, which is not used here.
      "react-hooks/incompatible-library": "off",
      "import-x/no-restricted-paths": ["error", { zones }],
      "no-restricted-syntax": [
        "error",
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: "text from outside stays text",
        },
      ],
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { attributes: false } }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "jsx-a11y/no-autofocus": "off",
      "max-lines": ["error", { max: 250, skipBlankLines: true, skipComments: true }],
    },
  },
  { files: ["**/*.js"], extends: [ts.configs.disableTypeChecked] },
);
