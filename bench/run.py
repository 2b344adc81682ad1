#!/usr/bin/env python3
"""CPU time per request of the server and its PostgreSQL, against pgbench with the same statements.

CPU time, not rates: machines are shared, and CPU time is steadier. Every round runs all cases one after the other, so
that a busy minute hits all of them; the medians of the rounds are shown. Nothing is asserted.

Needs: target/release/kith, wrk, and PostgreSQL's pgbench and psql. Everything runs on this machine, in a folder of its
own that is removed afterwards.
"""

import argparse, glob, json, os, re, shutil, signal, statistics, subprocess, sys, tempfile, time, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TICK = os.sysconf("SC_CLK_TCK")
PORT = 18080
AT = f"http://127.0.0.1:{PORT}"


def program(name):
    found = shutil.which(name) or next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)), None)
    if not found:
        sys.exit(f"bench: {name} is missing; install it (Debian: wrk, postgresql)")
    return found


def tree(root):
    """The process and everything below it."""
    children = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            text = open(path).read()
        except OSError:
            continue
        pid, rest = int(text.split(" ", 1)[0]), text.rsplit(")", 1)[1].split()
        children.setdefault(int(rest[1]), []).append(pid)
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def seconds(pids):
    """User and system CPU seconds, those of ended children included."""
    total = 0
    for pid in pids:
        try:
            rest = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
            total += sum(int(rest[n]) for n in (11, 12, 13, 14))
        except OSError:
            pass
    return total / TICK


def post(path, body, token=None):
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(AT + path, json.dumps(body).encode(), headers)
    return json.load(urllib.request.urlopen(request))


def fill(psql, contacts):
    """Deterministic accounts and contacts in the demonstration tenant, straight into the tables."""
    sql = f"""
    SET synchronous_commit = off;
    SELECT set_config('bench.tenant', (SELECT tenant_id::text FROM tenant_directory WHERE slug = 'northwind'), false);
    INSERT INTO accounts (tenant_id, id, version, created_at, updated_at, kind, name, importance_class, importance_source, status)
    SELECT current_setting('bench.tenant')::uuid, ('0190a000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 1, now(), now(),
           'ORGANIZATION', 'Account ' || n, 'ORDINARY', 'RULE', 'ACTIVE' FROM generate_series(1, {contacts // 10}) n;
    INSERT INTO contacts (tenant_id, id, version, created_at, updated_at, account_id, given_name, family_name, name, job_title, owner_id)
    SELECT current_setting('bench.tenant')::uuid, ('0190b000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 1, now(), now(),
           ('0190a000-0000-7000-8000-' || lpad(to_hex(1 + n % {contacts // 10}), 12, '0'))::uuid,
           'Given' || n, 'Family' || n % 997, 'Given' || n || ' Family' || n % 997, 'Buyer',
           (SELECT id FROM users WHERE tenant_id = current_setting('bench.tenant')::uuid ORDER BY id OFFSET n % 9 LIMIT 1)
    FROM generate_series(1, {contacts}) n;
    ANALYZE;
    """
    psql(sql)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=int, default=4)
    options.add_argument("--contacts", type=int, default=20_000)
    options = options.parse_args()
    wrk, pgbench, psql_bin = program("wrk"), program("pgbench"), program("psql")
    folder = tempfile.mkdtemp(prefix="kith-bench-", dir="/tmp")
    os.chmod(folder, 0o755)
    limits = {"KITH_RATE_LIMIT_PER_MINUTE": "4000000000", "KITH_RATE_LIMIT_TENANT_PER_MINUTE": "4000000000"}
    env = os.environ | {"KITH_DATA_DIR": f"{folder}/data", "KITH_LISTEN": f"127.0.0.1:{PORT}"} | limits
    env.pop("DATABASE_URL", None)
    began = time.time()
    log = open(f"{folder}/log", "w")
    server = subprocess.Popen([f"{HERE}/../target/release/kith", "serve", "--demo"], env=env, stdout=log, stderr=log)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{AT}/readyz")
                break
            except OSError:
                time.sleep(0.05)
        started = time.time() - began
        url = subprocess.check_output([f"{HERE}/../target/release/kith", "db", "url"], env=env, text=True).strip()
        psql = lambda sql: subprocess.check_output([psql_bin, url, "-qtAX", "-v", "ON_ERROR_STOP=1", "-c", sql], text=True).strip()
        fill(psql, options.contacts)
        tenant = psql("SELECT tenant_id FROM tenant_directory WHERE slug = 'northwind'")
        owner = psql(f"SELECT owner_id FROM contacts WHERE tenant_id = '{tenant}' AND id = '0190b000-0000-7000-8000-000000000001'")
        token = post("/v1/auth/login", {"tenant": "northwind", "email": "admin@northwind.example", "password": "northwind-demo"})["accessToken"]
        measure(options, folder, server, wrk, pgbench, url, tenant, owner, token, psql, started)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def measure(options, folder, server, wrk, pgbench, url, tenant, owner, token, psql, started):
    contact = re.findall(r"\b(\w+) ->", re.search(r"contacts \(tenant_id, id\) \{(.*?)\}", open(f"{HERE}/../crates/schema/src/tables.rs").read(), re.S)[1])
    account = re.findall(r"\b(\w+) ->", re.search(r"\n    accounts \(tenant_id, id\) \{(.*?)\}", open(f"{HERE}/../crates/schema/src/tables.rs").read(), re.S)[1])
    columns = lambda names: ", ".join(f"t.{name}" for name in names if name != "custom")
    one = f"\\set n random(1, 1000)\nSELECT {columns(contact)} FROM contacts t WHERE t.tenant_id = '{tenant}' AND t.id = ('0190b000-0000-7000-8000-' || lpad(to_hex(:n), 12, '0'))::uuid;\n"
    one_plain = f"SELECT {columns(contact)} FROM contacts t WHERE t.tenant_id = '{tenant}' AND t.id = '0190b000-0000-7000-8000-000000000001';\n"
    page = f"SELECT {columns(contact)} FROM contacts t WHERE t.tenant_id = '{tenant}' AND t.archived_at IS NULL AND (TRUE AND (TRUE AND t.owner_id = '{owner}')) ORDER BY t.id DESC LIMIT 51;\n"
    ids = psql(f"SELECT string_agg(DISTINCT account_id::text, ',') FROM (SELECT account_id FROM contacts t WHERE t.tenant_id = '{tenant}' AND t.archived_at IS NULL AND t.owner_id = '{owner}' ORDER BY t.id DESC LIMIT 50) x")
    both = page + f"SELECT {columns(account)} FROM accounts t WHERE t.tenant_id = '{tenant}' AND t.id = ANY('{{{ids}}}');\n"
    fields = "id version name givenName familyName salutation locale accountId jobTitle department buyingRole birthday reportsToId ownerId createdAt createdBy updatedAt updatedBy archivedAt"
    of_account = "id version name kind legalName registrationNumber industry sizeBand annualRevenue { amount currency } website ownerId teamId parentId preferredChannel preferredLanguage importanceClass importanceSource importanceReason status createdAt createdBy updatedAt updatedBy archivedAt"
    listed = lambda inner: f"query($o: UUID) {{ contacts(filter: {{ownerId: {{eq: $o}}}}, first: 50) {{ nodes {{ {inner} }} pageInfo {{ hasNextPage endCursor }} }} }}"
    cases = [
        ("one contact", "pgbench", one_plain),
        ("one contact", "REST", ("GET", "/v1/contacts/0190b000-0000-7000-8000-000000000001", None)),
        ("one contact", "GraphQL", ("POST", "/graphql", {"query": f"query($id: UUID!) {{ contact(id: $id) {{ {fields} }} }}", "variables": {"id": "0190b000-0000-7000-8000-000000000001"}})),
        ("50 contacts", "pgbench", page),
        ("50 contacts", "REST", ("GET", f"/v1/contacts?filter[ownerId]={owner}&limit=50", None)),
        ("50 contacts", "GraphQL", ("POST", "/graphql", {"query": listed(fields), "variables": {"o": owner}})),
        ("50 contacts with account", "pgbench", both),
        ("50 contacts with account", "REST", ("GET", f"/v1/contacts?filter[ownerId]={owner}&limit=50&expand=account", None)),
        ("50 contacts with account", "GraphQL", ("POST", "/graphql", {"query": listed(fields + " account { " + of_account + " }"), "variables": {"o": owner}})),
    ]
    results = {}
    postmaster = next(pid for pid in tree(server.pid) if pid != server.pid)
    for number in range(options.rounds + 1):
        for name, way, what in cases:
            pids = [postmaster] + [pid for pid in tree(postmaster) if pid != postmaster]
            if way == "pgbench":
                script = f"{folder}/case.sql"
                open(script, "w").write(what)
                env = os.environ | {"PGOPTIONS": f"-c role=kith_app -c app.tenant={tenant}"}
                before_db, before_own = seconds(tree(postmaster)), os.times()
                text = subprocess.check_output([pgbench, "-n", "-M", "prepared", "-c", "8", "-j", "2", "-T", str(options.seconds), "-f", script, url], env=env, text=True, stderr=subprocess.STDOUT)
                time.sleep(0.3)
                after_own, after_db = os.times(), seconds(tree(postmaster))
                count = int(re.search(r"actually processed: (\d+)", text)[1])
                own = (after_own.children_user + after_own.children_system) - (before_own.children_user + before_own.children_system)
                database = after_db - before_db
            else:
                method, path, body = what
                script = f"{folder}/case.lua"
                lines = [f'wrk.method = "{method}"', f'wrk.headers["authorization"] = "Bearer {token}"']
                if body is not None:
                    lines += ['wrk.headers["content-type"] = "application/json"', f"wrk.body = [==[{json.dumps(body)}]==]"]
                open(script, "w").write("\n".join(lines))
                before_server, before_db = seconds([server.pid]), seconds(tree(postmaster))
                text = subprocess.check_output([wrk, "-t", "1", "-c", "32", "-d", f"{options.seconds}s", "-s", script, AT + path.replace("[", "%5B").replace("]", "%5D")], text=True)
                own, database = seconds([server.pid]) - before_server, seconds(tree(postmaster)) - before_db
                count = int(re.search(r"(\d+) requests in", text)[1])
                if "Non-2xx" in text:
                    sys.exit(f"bench: {name} over {way} is refused:\n{text}")
            if number:
                results.setdefault((name, way), []).append((own / count * 1e6, database / count * 1e6, count / options.seconds))
    show(results, server, started)


def show(results, server, started):
    memory = int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{server.pid}/status").read())[1]) // 1024
    rows, bases = [], {}
    for (name, way), rounds in results.items():
        own, database, rate = (statistics.median(r[n] for r in rounds) for n in range(3))
        total = statistics.median(r[0] + r[1] for r in rounds)
        bases.setdefault(name, {})[way] = total
        against = {"pgbench": "", "REST": f"{total / bases[name]['pgbench']:.2f} x pgbench", "GraphQL": f"{total / bases[name].get('REST', total):.2f} x REST"}[way]
        rows.append({"case": name, "way": way, "clientOrServerMicros": round(own, 1), "postgresMicros": round(database, 1), "totalMicros": round(total, 1), "against": against, "perSecond": round(rate)})
    print(f"{'case':<26}{'way':<9}{'server us':>10}{'postgres us':>12}{'total us':>10}  {'':<16}{'per second':>10}")
    for row in rows:
        print(f"{row['case']:<26}{row['way']:<9}{row['clientOrServerMicros']:>10}{row['postgresMicros']:>12}{row['totalMicros']:>10}  {row['against']:<16}{row['perSecond']:>10}")
    print(f"resident memory of the server after the load: {memory} MB; start with a fresh database and demonstration data: {started:.1f} s")
    json.dump({"rows": rows, "residentMegabytes": memory, "freshStartSeconds": round(started, 2)}, open(f"{HERE}/results.json", "w"), indent=2)


if __name__ == "__main__":
    main()
