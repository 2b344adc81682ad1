// A JSON file that is replaced as a whole: whoever is killed meanwhile leaves the old one or the new one.
import { closeSync, existsSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

function write(path: string, value: unknown): void {
  const file = openSync(path, "w", 0o600);
  writeFileSync(file, JSON.stringify(value));
  fsyncSync(file);
  closeSync(file);
}

function keepFolder(path: string): void {
  const folder = openSync(dirname(path), "r");
  fsyncSync(folder);
  closeSync(folder);
}

export function load<T>(path: string): T | undefined {
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as T) : undefined;
}

export function save(path: string, value: unknown): void {
  write(`${path}.new`, value);
  renameSync(`${path}.new`, path);
  keepFolder(path);
}

/** Writes a file that must not be there yet; false if it is. */
export function saveNew(path: string, value: unknown): boolean {
  const draft = `${path}.${process.pid}.new`;
  write(draft, value);
  try {
    linkSync(draft, path);
    keepFolder(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    unlinkSync(draft);
  }
}
