import path from "node:path";
import type { PartCommand } from "../part.js";
import { startIssuer } from "./issuer.js";

export const command: PartCommand = {
  name: "issuer",
  summary: "an OpenID Connect issuer that gives a token to whoever asks",
  options: {
    port: { description: "port of the issuer; 0 takes any free one", default: "8090" },
    data: { description: "folder for the signing key", default: path.join(".local", "issuer") },
    audience: { description: "audience of tokens that are asked for without one", default: "api://local" },
  },
  async start({ port = "", data = "", audience = "" }) {
    const issuer = await startIssuer({ port: Number(port), dataFolder: path.resolve(data), audience });
    return { announcement: { address: issuer.url }, stop: () => issuer.stop() };
  },
};
