#!/usr/bin/env python3
"""CPU seconds and peak memory of computing the values of all customers, and of fitting a purchase model.

Fills the demonstration tenant with accounts that bought five products on some ten days each, each at a rate of its own and until it
left (SCALE accounts, a million by default), runs `kith values` once from nothing and once as on the next day, makes a change every
second meanwhile and waits until the feed tells it, and touches one account under a running server. Nothing is asserted.

Needs: target/release/kith and PostgreSQL's psql. Everything runs in a folder of its own that is removed afterwards.
"""

import argparse, datetime, json, os, resource, shutil, signal, subprocess, tempfile, threading, time, urllib.request
from run import HERE, program, seconds, tree

KITH = os.environ.get("KITH", f"{HERE}/../target/release/kith")
PORT = 18081


def fill(psql, accounts):
    psql(f"""
    SET synchronous_commit = off;
    SELECT set_config('bench.tenant', (SELECT tenant_id::text FROM tenant_directory WHERE slug = 'northwind'), false);
    INSERT INTO accounts (tenant_id, id, version, created_at, updated_at, kind, name, industry, importance_class, importance_source, status)
    SELECT current_setting('bench.tenant')::uuid, ('0190a000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 1, now(), now(),
           'ORGANIZATION', 'Account ' || n, 'Industry ' || n % 12, 'ORDINARY', 'RULE', 'ACTIVE' FROM generate_series(1, {accounts}) n;
    """)
    psql(f"""
    SET synchronous_commit = off;
    SELECT set_config('bench.tenant', (SELECT tenant_id::text FROM tenant_directory WHERE slug = 'northwind'), false);
    INSERT INTO customer_products (tenant_id, account_id, product_id, first_on, last_on, orders, net, cost, uncosted)
    SELECT current_setting('bench.tenant')::uuid, ('0190a000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, p.id,
           current_date - 1 - (n * 37 % 211) - 9 * (7 + n * 13 % 61), current_date - 1 - (n * 37 % 211), 2, x.net, x.net * 0.6, 0
    FROM generate_series(1, {accounts}) n CROSS JOIN generate_series(0, 4) k
    JOIN (SELECT id, row_number() OVER (ORDER BY sku) AS at, count(*) OVER () AS of FROM products
          WHERE tenant_id = current_setting('bench.tenant')::uuid) p ON p.at = 1 + (n * 31 + k * (3 + n % 5)) % p.of
    CROSS JOIN LATERAL (SELECT (40 + n::bigint * 7919 % 18000 + k * 31)::numeric / 10 AS net) x;
    """)
    for table in ["accounts", "customer_products"]:
        psql(f"VACUUM ANALYZE {table}")


def buy(psql, accounts, last):
    """What they bought up to a day."""
    psql(f"""
    SET synchronous_commit = off;
    SELECT set_config('bench.tenant', (SELECT tenant_id::text FROM tenant_directory WHERE slug = 'northwind'), false);
    TRUNCATE customer_days;
    SELECT setseed(0.42);
    CREATE TEMP TABLE shoppers AS SELECT n, (1 + least(60, floor(-9.6 * ln(1 - random()))))::integer AS orders, first,
           least(date '{last}' - first, 1 + floor(-900 * ln(1 - random())))::integer AS stayed,
           (20 * exp(1.2 * (random() + random() + random() - 1.5)))::numeric(19, 4) AS spend
    FROM (SELECT n, date '{last}' - floor(random() * 1000)::integer AS first FROM generate_series(1, {accounts}) n) s;
    INSERT INTO customer_days (tenant_id, account_id, day, orders, net, cost, uncosted, discount, discounted, lines, booked, refunded, unconverted)
    SELECT current_setting('bench.tenant')::uuid, ('0190a000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
           first + CASE k WHEN 0 THEN 0 ELSE floor(random() * (stayed + 1))::integer END, 1, x.net, x.net * 0.6, 0, 0, 0, 1, x.net, 0, 0
    FROM shoppers CROSS JOIN LATERAL generate_series(0, orders - 1) k
    CROSS JOIN LATERAL (SELECT (spend * (0.4 + 1.2 * random()) + 0 * k)::numeric(19, 4) AS net) x
    ORDER BY n ON CONFLICT DO NOTHING;
    """)
    psql("VACUUM ANALYZE customer_days")


def call(path, token=None, body=None):
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    data = json.dumps(body).encode() if body else None
    return json.load(urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", data, headers)))


def follow(done, waits):
    """How long each of some changes waits for the feed to tell it."""
    while not done.is_set():
        token = call("/v1/auth/login", body={"tenant": "northwind", "email": "admin@northwind.example", "password": "northwind-demo"})["accessToken"]
        for _ in range(60):
            place = call("/v1/changes?after=now", token)["page"]["nextCursor"]
            began = time.time()
            call("/v1/tags", token, {"name": f"Probe {began}"})
            page = {"data": []}
            while not page["data"]:
                page = call(f"/v1/changes?after={place}&types=tags&waitSeconds=30", token)
                place = page["page"]["nextCursor"]
            waits.append(time.time() - began)
            if done.wait(1):
                break


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--accounts", type=int, default=int(os.environ.get("SCALE", 1_000_000)))
    options = options.parse_args()
    folder = tempfile.mkdtemp(prefix="kith-bench-", dir="/tmp")
    os.chmod(folder, 0o755)
    env = os.environ | {"KITH_DATA_DIR": f"{folder}/data", "KITH_LISTEN": f"127.0.0.1:{PORT}"}
    env.pop("DATABASE_URL", None)
    log = open(f"{folder}/log", "w")
    # Nobody else must compute the values first, and nobody end the transactions that fill the tables.
    server = subprocess.Popen([KITH, "serve", "--demo"], env=env | {"KITH_JOB_WORKERS": "0", "KITH_TRANSACTION_SECONDS": "36000"}, stdout=log, stderr=log)
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/readyz")
                break
            except OSError:
                time.sleep(0.05)
        url = subprocess.check_output([KITH, "db", "url"], env=env, text=True).strip()
        psql = lambda sql: subprocess.check_output([program("psql"), url, "-qtAX", "-v", "ON_ERROR_STOP=1", "-c", sql], text=True).strip()
        fill(psql, options.accounts)
        buy(psql, options.accounts, datetime.date.today() - datetime.timedelta(days=3))
        results = {"accounts": options.accounts, "customerDays": int(psql("SELECT count(*) FROM customer_days"))}
        for name in ["from nothing", "a day later"]:
            # The tenant's day ends twelve hours later than that of Greenwich, and the next one begins fourteen hours earlier.
            zone = "Etc/GMT+12" if name == "from nothing" else "Pacific/Kiritimati"
            psql(f"UPDATE tenants SET time_zone = '{zone}'")
            # PostgreSQL is a child of the server.
            before, began = seconds(tree(server.pid)), time.time()
            ours = resource.getrusage(resource.RUSAGE_CHILDREN)
            done, waits = threading.Event(), []
            follower = threading.Thread(target=follow, args=(done, waits))
            follower.start()
            print(subprocess.check_output([KITH, "values", "northwind"], env=env | {"DATABASE_URL": url}, text=True).strip(), flush=True)
            mine = resource.getrusage(resource.RUSAGE_CHILDREN)
            took = time.time() - began
            done.set()
            follower.join()
            cpu = mine.ru_utime + mine.ru_stime - ours.ru_utime - ours.ru_stime
            results[name] = {"kithCpuSeconds": round(cpu, 1), "postgresCpuSeconds": round(seconds(tree(server.pid)) - before, 1),
                             "seconds": round(took, 1), "peakMiB": mine.ru_maxrss // 1024,
                             "changes": len(waits), "longestUntilTold": round(max(waits), 2)}
            print(name, results[name], flush=True)
        touch = "INSERT INTO customer_touches SELECT tenant_id, gen_random_uuid(), id, now() FROM accounts WHERE id = '0190a000-0000-7000-8000-000000000001'"
        worker = subprocess.Popen([KITH, "work"], env=env | {"DATABASE_URL": url}, stdout=log, stderr=log)
        time.sleep(3)
        began = time.time()
        psql(f"{touch}; INSERT INTO job_wakes (tenant_id, due_at) SELECT tenant_id, now() FROM tenant_directory")
        while psql("SELECT count(*) FROM customer_touches") != "0":
            time.sleep(0.1)
        worker.terminate()
        worker.wait(60)
        results["one touched account, seconds until computed"] = round(time.time() - began, 1)
        results["size"] = psql("SELECT pg_size_pretty(sum(pg_total_relation_size(t))) FROM unnest('{value_profiles,clv_estimates,value_scores,lifecycles,churn_risks,loyalty_assessments}'::regclass[]) t")
        print(json.dumps(results, indent=2))
        json.dump(results, open(f"{HERE}/value.json", "w"), indent=2)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


main()
