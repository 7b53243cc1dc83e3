/**
 * A hub: its connections, the groups and users they belong to, and everything that a server may do to them.
 */
import { roomGroup, namespaceGroup } from "../names.js";
import type { Upstream } from "../upstream/upstream.js";
import type { Connection, NamespaceSocket } from "./connection.js";
import type { Outgoing, OutgoingDisconnect } from "./outgoing.js";
import { namespacePrefix } from "./packets.js";

const NOBODY: ReadonlySet<Connection> = new Set();

export class Hub {
  readonly name: string;
  readonly upstream: Upstream;
  readonly connections = new Map<string, Connection>();
  readonly #users = new Map<string, Set<Connection>>();
  readonly #groups = new Map<string, Set<Connection>>();

  constructor(name: string, upstream: Upstream) {
    this.name = name;
    this.upstream = upstream;
  }

  get groupNames(): Iterable<string> {
    return this.#groups.keys();
  }

  inGroup(group: string): ReadonlySet<Connection> {
    return this.#groups.get(group) ?? NOBODY;
  }

  ofUser(userId: string): ReadonlySet<Connection> {
    return this.#users.get(userId) ?? NOBODY;
  }

  add(connection: Connection): void {
    this.connections.set(connection.id, connection);
    if (connection.userId !== null) addTo(this.#users, connection.userId, connection);
  }

  join(connection: Connection, group: string): void {
    if (!connection.open) return;
    connection.groups.add(group);
    addTo(this.#groups, group, connection);
  }

  leave(connection: Connection, group: string): void {
    connection.groups.delete(group);
    removeFrom(this.#groups, group, connection);
  }

  leaveAll(connection: Connection): void {
    for (const group of connection.groups) this.leave(connection, group);
  }

  /** A socket is in a namespace: it is in the namespace's group and in the room of its own id. */
  enterNamespace(connection: Connection, socket: NamespaceSocket): void {
    connection.sockets.set(socket.namespace, socket);
    this.join(connection, namespaceGroup(socket.namespace));
    this.join(connection, roomGroup(socket.namespace, socket.id));
    this.upstream.notify("connected", connection, socket, {});
  }

  /** The socket has left its namespace, and every room of it. The reason is empty when it wanted to. */
  leaveNamespace(connection: Connection, namespace: string, reason: string): void {
    const socket = connection.sockets.get(namespace);
    if (socket === undefined) return;
    connection.sockets.delete(namespace);
    const prefix = namespaceGroup(namespace);
    for (const group of connection.groups) if (group.startsWith(prefix)) this.leave(connection, group);
    this.upstream.notify("disconnected", connection, socket, { reason });
  }

  /** Writes the packets to each connection, in order; answers nothing, for nobody knows who receives them. */
  send(targets: Iterable<Connection>, packets: readonly Outgoing[]): void {
    const [only] = packets;
    if (packets.length === 1 && only?.kind === "message") {
      for (const connection of targets) connection.write(only);
      return;
    }
    // A disconnect packet changes the sets that are being read here.
    for (const connection of [...targets]) {
      for (const packet of packets) {
        if (packet.kind === "message") connection.write(packet);
        else this.#disconnect(connection, packet);
      }
    }
  }

  /** Closes the connection; its user finds the transport closed, and reconnects. */
  close(connection: Connection, reason: string): void {
    if (!connection.open) return;
    // First, for the engine may report the end of the connection from within, for a reason of its own.
    this.remove(connection, reason);
    connection.close();
  }

  /** The connection is gone, whoever ended it. */
  remove(connection: Connection, reason: string): void {
    connection.closed();
    if (!this.connections.delete(connection.id)) return;
    for (const namespace of connection.sockets.keys()) this.leaveNamespace(connection, namespace, reason);
    this.leaveAll(connection);
    if (connection.userId !== null) removeFrom(this.#users, connection.userId, connection);
  }

  #disconnect(connection: Connection, { namespace, close }: OutgoingDisconnect): void {
    if (!connection.sockets.has(namespace)) return;
    connection.writeText(`1${namespacePrefix(namespace)}`);
    this.leaveNamespace(connection, namespace, "");
    if (close) this.close(connection, "");
  }
}

function addTo(index: Map<string, Set<Connection>>, key: string, connection: Connection): void {
  const members = index.get(key);
  if (members === undefined) index.set(key, new Set([connection]));
  else members.add(connection);
}

function removeFrom(index: Map<string, Set<Connection>>, key: string, connection: Connection): void {
  const members = index.get(key);
  if (members?.delete(connection) === true && members.size === 0) index.delete(key);
}
