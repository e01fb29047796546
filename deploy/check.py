"""What deploy/check runs in its own environment. Prints what it found right; ends with 1 at the first group of faults.

In Python because what it asks comes as packages for Python, with hashes: Helm as a library, whose findings are then looked at
object by object; the schemas of every Kubernetes version as files (kubeconform fetches them from elsewhere while it runs);
hadolint, yamllint, check-jsonschema. promtool, node, cargo and the binary itself do the rest.
"""
import glob, json, os, re, shutil, subprocess, sys, tempfile

import helm_python as helm
import kubernetes_validate
import yaml

NPM = sys.argv[1]
CHART = "deploy/helm/standings"
# The oldest that Chart.yaml allows, and the newest that the schemas know.
VERSIONS = ["1.27", "1.37"]
faults = []

def fault(text):
    faults.append(text)

def tool(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        fault(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
    return done.stdout

def told(what):
    if faults:
        print("\n".join(faults))
        sys.exit(f"{what}: {len(faults)} faults")
    print(f"{what}: ok")

def venv(name):
    return os.path.join(os.path.dirname(sys.executable), name)

# -- Prometheus -----------------------------------------------------------------------------------------------------
def rules():
    # Only the syntax: the key that it reads is where it runs.
    tool("promtool", "check", "config", "--syntax-only", "deploy/prometheus/prometheus.yml")
    tool("promtool", "check", "rules", "--lint=all", "--lint-fatal", "deploy/prometheus/rules.yml")
    tool("promtool", "test", "rules", "deploy/prometheus/rules_test.yml")
    groups = yaml.safe_load(open("deploy/prometheus/rules.yml"))["groups"]
    alerts = [r for g in groups for r in g["rules"] if "alert" in r]
    tested = open("deploy/prometheus/rules_test.yml").read()
    pages = set(os.path.basename(p) for p in glob.glob("docs/runbooks/Standings*.md"))
    for alert in alerts:
        name, notes = alert["alert"], alert["annotations"]
        page = f"docs/runbooks/{name}.md"
        if alert["labels"].get("severity") not in ("critical", "warning"):
            fault(f"{name}: severity")
        if notes.get("runbook_url") != page or not notes.get("summary") or not notes.get("description"):
            fault(f"{name}: summary, description and runbook_url {page} are wanted")
        text = open(page).read() if os.path.exists(page) else ""
        pages.discard(f"{name}.md")
        if alert["expr"].strip() not in text:
            fault(f"{page} does not show the expression that is in force")
        for heading in ("## What it means", "## Look at", "## Do"):
            if heading not in text:
                fault(f"{page} has no `{heading}`")
        for kind in ("fires", "is quiet"):
            if f"name: {name} {kind}\n" not in tested:
                fault(f"rules_test.yml has no `{name} {kind}`")
        if f"({name}.md)" not in open("docs/runbooks/README.md").read():
            fault(f"docs/runbooks/README.md does not name {name}")
    for page in pages:
        fault(f"docs/runbooks/{page} is about no alert")
    told(f"Prometheus configuration, {len(alerts)} alerts with unit tests and runbooks")

# -- Grafana --------------------------------------------------------------------------------------------------------
def dashboards():
    metrics = set(re.findall(r"`((?:standings|process)_[a-z0-9_]+)`", open("docs/metrics.md").read()))
    recorded = {r["record"] for g in yaml.safe_load(open("deploy/prometheus/rules.yml"))["groups"] for r in g["rules"] if "record" in r}
    uids, panels = set(), 0
    for path in sorted(glob.glob("deploy/grafana/dashboards/*.json")):
        board = json.load(open(path))
        if board["uid"] in uids or board["uid"] + ".json" != os.path.basename(path):
            fault(f"{path}: uid {board['uid']}")
        uids.add(board["uid"])
        if [v for v in board["templating"]["list"] if v["type"] == "datasource" and v["name"] == "datasource"] == []:
            fault(f"{path}: no variable `datasource`")
        taken = set()
        for panel in board["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            if taken & cells or at["x"] + at["w"] > 24:
                fault(f"{path}: {panel['title']} overlaps another panel or the edge")
            taken |= cells
            if panel["type"] == "row":
                continue
            panels += 1
            if not panel.get("description") or panel["datasource"]["uid"] != "${datasource}" or not panel["targets"]:
                fault(f"{path}: {panel['title']}: description, data source or target is missing")
            for target in panel["targets"]:
                for name in re.findall(r"\b(?:standings|process)_[a-z0-9_]+", re.sub(r"job(_objective)?:\S+?[{ ]", "", target["expr"])):
                    if re.sub(r"_(bucket|sum|count)$", "", name) not in metrics and name not in metrics:
                        fault(f"{path}: {panel['title']}: {name} is not in docs/metrics.md")
                for name in re.findall(r"\bjob(?:_objective)?:[a-z0-9_:]+", target["expr"]):
                    if name not in recorded:
                        fault(f"{path}: {panel['title']}: {name} is not recorded")
    told(f"{len(uids)} dashboards, {panels} panels")

# -- container and compose ------------------------------------------------------------------------------------------
def container():
    tool(venv("hadolint"), "deploy/container/Containerfile")
    text = open("deploy/container/Containerfile").read()
    for wanted in ("USER 65532:65532", "HEALTHCHECK", "--locked --release", "org.opencontainers.image.revision"):
        if wanted not in text:
            fault(f"Containerfile: no {wanted}")
    # What the build would see is enough for cargo: its manifest names every file of benches and tests.
    with tempfile.TemporaryDirectory() as folder:
        for line in open("deploy/container/Containerfile.dockerignore"):
            name = line.strip()
            if name.startswith("!"):
                copy = shutil.copytree if os.path.isdir(name[1:]) else shutil.copy
                copy(name[1:], os.path.join(folder, name[1:]))
        found = tool("cargo", "metadata", "--offline", "--locked", "--no-deps", "--format-version=1", "--manifest-path", f"{folder}/Cargo.toml")
        for target in (t for package in json.loads(found or '{"packages":[]}')["packages"] for t in package["targets"]):
            if not os.path.exists(target["src_path"]):
                fault(f"Containerfile.dockerignore keeps {target['src_path']} out")
    told("container file")

def compose():
    path = "deploy/compose/compose.yaml"
    tool(venv("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", path)
    file = yaml.safe_load(open(path))
    for name, service in file["services"].items():
        if not re.search(r":[^:/]+$", service["image"]) or service["image"].endswith(":latest"):
            fault(f"{path}: {name}: {service['image']} names no version")
        for port in service.get("ports", []):
            if not port.startswith("127.0.0.1:"):
                fault(f"{path}: {name} listens on {port}, not on loopback only")
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                if not os.path.exists(os.path.join("deploy/compose", source)):
                    fault(f"{path}: {name}: {source} is not there")
            elif source not in file["volumes"]:
                fault(f"{path}: {name}: volume {source} is not declared")
        for secret in service.get("secrets", []):
            if not os.path.exists(os.path.join("deploy/compose", file["secrets"][secret]["file"])):
                fault(f"{path}: {name}: secret {secret} has no file")
        if service["image"].startswith("standings:"):
            takes(f"{path}: {name}", service["command"])
    told("compose file")

def takes(where, command):
    """Asks the binary whether it knows every flag of a command."""
    binary = os.environ.get("STANDINGS_BIN")
    if not binary:
        return
    parts = [command[: command.index("--")], command[command.index("--") + 1 :]] if "--" in command else [command]
    for part in parts:
        depth = 2 if part[0] == "load" else 1
        help = subprocess.run([binary, *part[:depth], "--help"], capture_output=True, text=True).stdout
        for flag in (f for f in part if re.match(r"^--?[a-z]", f)):
            if not re.search(rf"(^|[\s,]){re.escape(flag)}\b", help):
                fault(f"{where}: `standings {' '.join(part[:depth])}` has no {flag}")

def reads(where, container):
    """Asks the binary whether it knows every variable of its own that a container is given."""
    binary = os.environ.get("STANDINGS_BIN")
    if not binary:
        return
    known = "".join(subprocess.run([binary, command, "--help"], capture_output=True, text=True).stdout for command in ("run", "replica"))
    for variable in (e["name"] for e in container["env"] if e["name"].startswith("STANDINGS_")):
        if not re.search(rf"\b{variable.removesuffix('_FILE')}\b", known):
            fault(f"{where}: standings knows no {variable}")

# -- Helm -----------------------------------------------------------------------------------------------------------
def of_operators(path, objects):
    """Objects that Kubernetes' own schemas do not know."""
    done = subprocess.run(["node", "deploy/check.mjs", NPM], input=json.dumps(objects), capture_output=True, text=True)
    for line in (done.stdout + done.stderr).splitlines():
        fault(f"{path}: {line}")

def chart():
    tool(venv("yamllint"), "-d", "{extends: default, rules: {line-length: disable, document-start: disable, braces: disable, brackets: disable, comments: disable, truthy: disable}}",
         f"{CHART}/values.yaml", f"{CHART}/Chart.yaml", *glob.glob(f"{CHART}/ci/*.yaml"), "deploy/prometheus", "deploy/compose", "deploy/cronjob")
    loaded = helm.Chart.load(CHART)
    kinds_seen = set()
    for path in sorted(glob.glob(f"{CHART}/ci/*-values.yaml")):
        values = yaml.safe_load(open(path))
        report = helm.lint(CHART, values, strict=True, namespace="shop")
        for message in report["messages"]:
            # An icon is a matter of taste.
            if message["severity"] >= 2 and "icon" not in message["error"]:
                fault(f"helm lint {path}: {message['path']}: {message['error']}")
        rendered = loaded.render(values, name="standings", namespace="shop", is_install=True)
        objects, custom = [], []
        for name, text in rendered.items():
            if not name.endswith((".txt", ".tpl")):
                objects += [(name, o) for o in yaml.safe_load_all(text) if o]
        names = [(o["kind"], o["metadata"]["name"]) for _, o in objects]
        if len(names) != len(set(names)):
            fault(f"{path}: two objects of one name: {names}")
        for name, o in objects:
            kinds_seen.add(o["kind"])
            group = o["apiVersion"].rpartition("/")[0]
            if "." in group and not group.endswith("k8s.io"):
                custom.append(o)
                continue
            for version in VERSIONS:
                try:
                    kubernetes_validate.validate(o, version, strict=True)
                except kubernetes_validate.ValidationError as wrong:
                    fault(f"{path}: {name}: {o['kind']} for {version}: {wrong.message}")
        of_operators(path, custom)
        together(path, values, {(o["kind"], o["metadata"]["name"]): o for _, o in objects})
    for wanted in ("StatefulSet", "Service", "PodDisruptionBudget", "NetworkPolicy", "ServiceMonitor", "PrometheusRule", "ScaledObject", "Role", "ConfigMap"):
        if wanted not in kinds_seen:
            fault(f"no values file in {CHART}/ci renders a {wanted}")
    for what, values in {
        "no sink": {},
        "a folder for several": {"sink": {"secret": "x"}, "peers": {"plaintext": True, "secret": "x"}, "state": {"url": "file:/state"}},
        "autoscaling without state": {"sink": {"secret": "x"}, "peers": {"plaintext": True, "secret": "x"}, "autoscaling": {"enabled": True}},
        "a secret in a URL": {"sink": {"urls": ["postgres://u:p@h/d"]}},
        "several without certificates": {"sink": {"secret": "x"}},
        "plaintext without a secret": {"sink": {"secret": "x"}, "peers": {"plaintext": True}},
        "certificates and plaintext": {"sink": {"secret": "x"}, "peers": {"tlsSecret": "x", "plaintext": True}},
        "an unknown value": {"sink": {"secret": "x"}, "replica": 3},
        "a user in the lineage URL": {"sink": {"secret": "x"}, "replicas": 1, "lineage": {"url": "http://u:p@marquez"}},
        "a share above the whole": {"sink": {"secret": "x"}, "replicas": 1, "limits": {"memory": "101%"}},
        "no replica": {"sink": {"secret": "x"}, "replicas": 0},
    }.items():
        try:
            loaded.validate_schema(values)
            loaded.render(values, name="standings", namespace="shop")
            fault(f"the chart takes {what}")
        except helm.HelmError:
            pass
    told(f"Helm chart ({helm.helm_sdk_version()}), Kubernetes {' and '.join(VERSIONS)}")

def together(path, values, objects):
    """What no schema says: that the objects fit each other."""
    main = objects[("StatefulSet", "standings")]
    pod = main["spec"]["template"]
    labels = pod["metadata"]["labels"]
    container = pod["spec"]["containers"][0]
    ports = {p["name"] for p in container["ports"]}
    for (kind, name), o in objects.items():
        selector = None
        if kind == "Service":
            selector = {k: v for k, v in o["spec"]["selector"].items() if not k.startswith("statefulset.")}
            if any(p["targetPort"] not in ports for p in o["spec"]["ports"]):
                fault(f"{path}: {name}: a port that the pods do not have")
        elif kind == "PodDisruptionBudget":
            selector = o["spec"]["selector"]["matchLabels"]
        elif kind == "NetworkPolicy":
            selector = o["spec"]["podSelector"]["matchLabels"]
        elif kind == "ScaledObject" and o["spec"]["scaleTargetRef"]["name"] != main["metadata"]["name"]:
            fault(f"{path}: {name} scales something else")
        elif kind == "PrometheusRule":
            if o["spec"] != yaml.safe_load(open("deploy/prometheus/rules.yml")):
                fault(f"{path}: {name} has not the rules of deploy/prometheus")
        elif kind == "Role" and o["rules"][0]["resourceNames"] != [main["metadata"]["name"]]:
            fault(f"{path}: {name} may read something else")
        if selector is not None and not selector.items() <= labels.items():
            fault(f"{path}: {kind} {name} selects no pod of ours")
    if ("Service", main["spec"]["serviceName"]) not in objects:
        fault(f"{path}: no Service {main['spec']['serviceName']}")
    if pod["spec"]["serviceAccountName"] not in [n for k, n in objects if k == "ServiceAccount"]:
        fault(f"{path}: no such service account")
    volumes = {v["name"] for v in pod["spec"]["volumes"]}
    mounts = {m["name"] for m in container["volumeMounts"]}
    if volumes != mounts:
        fault(f"{path}: volumes {volumes ^ mounts} are declared or mounted, not both")
    safe = container["securityContext"]
    if not (safe["readOnlyRootFilesystem"] and pod["spec"]["securityContext"]["runAsNonRoot"] and safe["capabilities"] == {"drop": ["ALL"]}):
        fault(f"{path}: the container is not locked down")
    if "replicas" in main["spec"] and values.get("autoscaling", {}).get("enabled"):
        fault(f"{path}: replicas are set, which undoes the autoscaler's at each upgrade")
    takes(path, container["args"])
    reads(path, container)

# -- What a scheduler runs ------------------------------------------------------------------------------------------
def cronjob():
    path = "deploy/cronjob/ingest.yaml"
    objects = list(yaml.safe_load_all(open(path)))
    for o in objects:
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(o, version, strict=True)
            except kubernetes_validate.ValidationError as wrong:
                fault(f"{path}: {o['kind']} for {version}: {wrong.message}")
    sources, claim, job = objects
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    volumes = {v["name"]: v for v in pod["volumes"]}
    if volumes["sources"]["configMap"]["name"] != sources["metadata"]["name"] or pod["restartPolicy"] != "Never":
        fault(f"{path}: it reads other sources, or restarts what has failed for good")
    if volumes["exports"]["persistentVolumeClaim"]["claimName"] != claim["metadata"]["name"]:
        fault(f"{path}: files are exported where nothing is claimed")
    for container in pod["initContainers"] + pod["containers"]:
        safe = container["securityContext"]
        if not (safe["readOnlyRootFilesystem"] and pod["securityContext"]["runAsNonRoot"] and safe["capabilities"] == {"drop": ["ALL"]}):
            fault(f"{path}: {container['name']} is not locked down")
        if {m["name"] for m in container["volumeMounts"]} != set(volumes):
            fault(f"{path}: {container['name']}: volumes are declared or mounted, not both")
        takes(f"{path}: {container['name']}", container["args"])
    binary = os.environ.get("STANDINGS_BIN")
    with tempfile.TemporaryDirectory() as folder:
        token = os.path.join(folder, "partner.token")
        open(token, "w").write("token")
        file = os.path.join(folder, "ingest.toml")
        text = sources["data"]["ingest.toml"].replace("/run/secrets/standings/partner.token", token)
        open(file, "w").write(text)
        if binary:
            tool(binary, "check", "--offline", "--", "ingest", "--config", file)
    told("CronJob of sources")

def main():
    rules()
    dashboards()
    container()
    compose()
    chart()
    cronjob()

main()
