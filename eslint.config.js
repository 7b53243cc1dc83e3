import eslint from "@eslint/js";
import tseslint from "typescript-eslint";

const noSleep = {
  selector: "NewExpression[callee.name='Promise'] CallExpression[callee.name='setTimeout']",
  message: "No sleeps in tests: wait for an event, or move the clock.",
};

export default tseslint.config(
  { ignores: ["dist/", "out/", "node_modules/", ".local/", "coverage/"] },
  {
    files: ["**/*.ts"],
    extends: [eslint.configs.recommended, tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ["./tsconfig.check.json", "./tsconfig.web.json"],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "@typescript-eslint/dot-notation": ["error", { allowIndexSignaturePropertyAccess: true }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "max-lines": ["error", { max: 500, skipBlankLines: true, skipComments: true }],
      complexity: ["error", 20],
    },
  },
  {
    files: ["src/**/*.ts"],
    ignores: ["src/lib/config.ts"],
    rules: {
      "no-restricted-properties": [
        "error",
        { object: "process", property: "env", message: "Settings are read in src/lib/config.ts." },
      ],
    },
  },
  {
    files: ["src/lib/domain/**/*.ts", "local/service-bus/broker/**/*.ts"],
    rules: {
      "no-restricted-globals": [
        "error",
        { name: "setTimeout", message: "Decisions are pure: time is handed in." },
        { name: "setInterval", message: "Decisions are pure: time is handed in." },
      ],
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now", message: "Decisions are pure: time is handed in." },
        { object: "Math", property: "random", message: "Decisions are pure: chance is handed in." },
      ],
    },
  },
  { files: ["test/**/*.ts"], rules: { "no-restricted-syntax": ["error", noSleep] } },
);
