/** One project per kind of test; CONTRIBUTING.md says what belongs where. */
const project = (displayName, more = {}) => ({
  displayName,
  testMatch: [`<rootDir>/test/${displayName}/**/*.test.ts`],
  testEnvironment: "<rootDir>/test/support/node-environment.js",
  extensionsToTreatAsEsm: [".ts"],
  moduleNameMapper: { "^(\\.{1,2}/.*)\\.js$": ["$1.ts", "$1.js"] },
  transform: { "^.+\\.ts$": ["ts-jest", { useESM: true, tsconfig: "tsconfig.jest.json", diagnostics: false }] },
  setupFilesAfterEnv: ["<rootDir>/test/support/setup.js"],
  // The package that is staged there has a package.json with the same name.
  modulePathIgnorePatterns: ["<rootDir>/out/package"],
  ...more,
});

export default {
  maxWorkers: 2,
  // A test that fails half-way may leave a socket open: the run must end all the same, with its result.
  forceExit: true,
  reporters: ["default", "<rootDir>/test/support/closing-line.js"],
  projects: [project("unit"), project("conformance"), project("integration"), project("e2e"), project("browser")],
};
