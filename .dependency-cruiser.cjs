/** The rules that hold the tree; ARCHITECTURE.md says why. */
const rule = (name, from, to, more = {}) => ({ name, severity: "error", from, to, ...more });

module.exports = {
  forbidden: [
    rule("no-circular", {}, { circular: true }),
    rule("src-knows-nothing-local", { path: "^src/" }, { path: "^(local|client|demo|test|bench)/" }),
    rule(
      "src-uses-production-packages",
      { path: "^src/" },
      { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"] },
    ),
    rule("domain-imports-nothing", { path: "^src/lib/domain/" }, { pathNot: "^src/lib/domain/" }),
    rule(
      "contracts-import-zod",
      { path: "^src/lib/contracts/" },
      { pathNot: "^src/lib/(contracts|domain)/|node_modules/zod/" },
    ),
    rule(
      "use-cases-have-no-clients",
      { path: "^src/lib/use-cases/" },
      { path: "node_modules/@azure/|^src/(functions|lib/(azure|http))/" },
    ),
    rule(
      "only-adapters-import-azure-clients",
      { path: "^src/", pathNot: "^src/lib/azure/" },
      { path: "node_modules/@azure/(?!functions/)" },
    ),
    rule(
      "only-the-edge-knows-functions",
      { path: "^src/", pathNot: "^src/(functions|lib/(http|queue|timer))/" },
      { path: "node_modules/@azure/functions/" },
    ),
    rule("local-knows-nothing-of-chat", { path: "^local/" }, { path: "^(src|client|demo|bench|test)/" }),
    rule(
      "client-uses-the-contracts",
      { path: "^client/" },
      { path: "^(src/(?!lib/contracts/)|local/|demo/|test/|bench/)" },
    ),
    rule("web-knows-no-page", { path: "^web/" }, { pathNot: "^web/" }),
    rule("demo-uses-the-client", { path: "^demo/" }, { path: "^(src/|local/|test/|bench/)" }),
    rule("broker-is-pure", { path: "^local/service-bus/broker/" }, { dependencyTypes: ["npm", "npm-dev"] }),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.check.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "require", "node", "default"] },
  },
};
