#!/usr/bin/env python3
"""CPU seconds and memory of loading contacts by external id, against psql's COPY plus one upsert of the same rows.

Loads SCALE contacts (100,000 by default) over HTTP, once as new ones, once again as they are, once with a tenth of them
changed. The limit: the same rows by COPY into a temporary table and one INSERT … ON CONFLICT into the same table, indexes
and all, without keys, audit and change log. Rates are rows a CPU second of the server and its PostgreSQL together. Nothing
is asserted.

Needs: target/release/kith (or KITH=…) and PostgreSQL's psql. Everything runs in a folder of its own that is removed
afterwards.
"""

import argparse, http.client, json, os, shutil, signal, subprocess, tempfile, threading, time, urllib.request
from run import HERE, program, seconds, tree

KITH = os.environ.get("KITH", f"{HERE}/../target/release/kith")
PORT = 18082


def line(n, title, kind):
    return json.dumps({"externalId": f"{kind}-{n}", "givenName": "Maria", "familyName": f"Anders {n}", "locale": "de-DE",
                       "jobTitle": title, "department": f"Department {n % 40}"}, separators=(",", ":"))


def write(path, rows, title, kind="C"):
    with open(path, "w") as out:
        for n in range(rows):
            out.write(line(n, title(n), kind) + "\n")


def resident(pid):
    return int(next(row for row in open(f"/proc/{pid}/status") if row.startswith("VmRSS:")).split()[1]) // 1024


def load(path, token, key):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=3600)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/x-ndjson", "idempotency-key": key,
               "content-length": str(os.path.getsize(path))}
    connection.request("POST", "/v1/bulk/contacts?system=bench&results=errors", open(path, "rb"), headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status != 200:
        raise SystemExit(text)
    return json.loads(text.splitlines()[-1])["summary"]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=int(os.environ.get("SCALE", 100_000)))
    rows = options.parse_args().rows
    folder = tempfile.mkdtemp(prefix="kith-bench-", dir="/tmp")
    os.chmod(folder, 0o755)
    env = os.environ | {"KITH_DATA_DIR": f"{folder}/data", "KITH_LISTEN": f"127.0.0.1:{PORT}"}
    env.pop("DATABASE_URL", None)
    log = open(f"{folder}/log", "w")
    server = subprocess.Popen([KITH, "serve", "--demo"], env=env, stdout=log, stderr=log)
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/readyz")
                break
            except OSError:
                time.sleep(0.05)
        body = json.dumps({"tenant": "northwind", "email": "admin@northwind.example", "password": "northwind-demo"}).encode()
        login = urllib.request.Request(f"http://127.0.0.1:{PORT}/v1/auth/login", body, {"content-type": "application/json"})
        token = json.load(urllib.request.urlopen(login))["accessToken"]
        url = subprocess.check_output([KITH, "db", "url"], env=env, text=True).strip()
        psql = lambda sql: subprocess.check_output([program("psql"), url, "-qtAX", "-v", "ON_ERROR_STOP=1"], input=sql, text=True).strip()
        write(f"{folder}/new", rows, lambda n: "Sales Representative")
        write(f"{folder}/changed", rows, lambda n: "Owner" if n % 10 == 0 else "Sales Representative")
        write(f"{folder}/warm", 2_000, lambda n: "Warm", "W")
        load(f"{folder}/warm", token, "warm")
        results, peak, done = {"rows": rows}, [0], threading.Event()
        before = resident(server.pid)

        def watch():
            while not done.wait(0.05):
                peak[0] = max(peak[0], resident(server.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        for name, file in [("new", "new"), ("as they are", "new"), ("a tenth changed", "changed")]:
            cpu, began = seconds(tree(server.pid)), time.time()
            summary = load(f"{folder}/{file}", token, name.replace(" ", "-"))
            cpu, took = seconds(tree(server.pid)) - cpu, time.time() - began
            results[name] = {"rowsPerCpuSecond": round(rows / cpu), "rowsPerSecond": round(rows / took), "cpuSeconds": round(cpu, 2),
                             "counts": [summary[part] for part in ("created", "updated", "unchanged", "failed")]}
            print(name, results[name], flush=True)
        done.set()
        watcher.join()
        results["memoryGrowthMiB"] = max(0, peak[0] - before)
        # The limit, in the same database, as its owner and in a tenant of its own.
        psql("""CREATE TABLE bench_contacts (LIKE contacts INCLUDING ALL);
                ALTER TABLE bench_contacts ADD COLUMN external_id text, ADD UNIQUE (tenant_id, external_id);""")
        with open(f"{folder}/rows", "w") as out:
            for n in range(rows):
                id = f"0190a000-0000-7000-8000-{n:012x}"
                out.write(f"{id}\tC-{n}\tMaria Anders {n}\tMaria\tAnders {n}\tde-DE\tSales Representative\tDepartment {n % 40}\n")
        os.chmod(f"{folder}/rows", 0o644)
        columns = "id, external_id, name, given_name, family_name, locale, job_title, department"
        cpu, own = seconds(tree(server.pid)), os.times()
        psql(f"""CREATE TEMPORARY TABLE staged (id uuid, external_id text, name text, given_name text, family_name text, locale text, job_title text, department text);
                 \\copy staged FROM '{folder}/rows'
                 INSERT INTO bench_contacts (tenant_id, version, created_at, updated_at, {columns})
                 SELECT '0190a000-0000-7000-8000-000000000000', 1, now(), now(), {columns} FROM staged
                 ON CONFLICT (tenant_id, external_id) DO UPDATE SET name = excluded.name, job_title = excluded.job_title;""")
        after = os.times()
        cpu = seconds(tree(server.pid)) - cpu + after.children_user + after.children_system - own.children_user - own.children_system
        results["COPY and one upsert"] = {"rowsPerCpuSecond": round(rows / cpu), "cpuSeconds": round(cpu, 2)}
        results["ratio"] = round(results["new"]["rowsPerCpuSecond"] / results["COPY and one upsert"]["rowsPerCpuSecond"], 3)
        print(json.dumps(results, indent=2))
        json.dump(results, open(f"{HERE}/bulk.json", "w"), indent=2)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


main()
