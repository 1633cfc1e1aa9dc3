"""What holds of this folder: called by `check`, which has put the tools into the path.

Schemas say whether files are well-formed, kubectl and Helm what they become, and the program that OBSERVATORY_TEST_BINARY names whether it
takes the settings in them.
"""

import base64
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import kubernetes_validate
import yaml

DEPLOY = Path(__file__).resolve().parent
ROOT = DEPLOY.parent
CHART = DEPLOY / "helm/observatory"
PACKAGE = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]
PROGRAM = os.environ.get("OBSERVATORY_TEST_BINARY")
KUBERNETES = ["1.25", "1.37"]  # the oldest that the chart takes, and the newest that is known
SHUTDOWN_SECONDS = 10  # of the program, unless set
SECRETS = "/run/secrets/observatory"
ALERTING = "/etc/observatory/alerting"
KEY = "0123456789abcdef"
TENANTS = {"OBSERVATORY_TENANTS": f'[{{name="default", api_keys=["{KEY}"]}}]'}
SEALING_KEY = base64.b64encode(bytes(range(32))).decode()


class Wrong(Exception):
    """What does not hold."""


def expect(holds, otherwise):
    if not holds:
        raise Wrong(otherwise)


def run(*command):
    """What the command prints."""
    done = subprocess.run(command, capture_output=True, text=True)
    expect(done.returncode == 0, f"{command[0]} fails\n{done.stdout}{done.stderr}")
    return done.stdout


def image():
    """The Dockerfile passes hadolint and builds with the Rust of Cargo.toml; the program takes the image's settings."""
    file = DEPLOY / "Dockerfile"
    run("hadolint", "--failure-threshold", "style", file)
    expect(f"FROM rust:{PACKAGE['rust-version']}-" in file.read_text(), f"it does not build with Rust {PACKAGE['rust-version']}")
    taken((DEPLOY / "observatory.yaml").read_text(), TENANTS)


def compose():
    """compose.yaml fits its schema, .env.example names what it asks for, ports are this machine's; the program takes its variables."""
    file = DEPLOY / "compose/compose.yaml"
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)
    # A variable without a value is passed on where .env has it.
    passed_on = re.findall(r"^ +([A-Z_]+):$", file.read_text(), re.MULTILINE)
    asked = set(re.findall(r"\$\{(\w+)", file.read_text())) | set(passed_on)
    named = set(re.findall(r"^(?:# )?([A-Z_]+)=", (DEPLOY / "compose/.env.example").read_text(), re.MULTILINE))
    expect(asked == named, f".env.example differs in {sorted(asked ^ named)}")

    filled = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", file.read_text()).replace(":?}", "}")
    services = yaml.safe_load(re.sub(r"\$\{\w+\}", KEY, filled))["services"]
    for name, service in services.items():
        expect(all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), f"{name} is open to other machines")
        expect({"cpus", "memory", "pids"} == service["deploy"]["resources"]["limits"].keys(), f"{name} has no limits")
    observatory = services["observatory"]
    taken((DEPLOY / "observatory.yaml").read_text(), observatory["environment"])
    expect(observatory["environment"]["OBSERVATORY_ALERTING__DIRECTORY"] == ALERTING, "alerting looks elsewhere")
    expect(f"./alerting:{ALERTING}:ro" in observatory["volumes"], "the folder of alerting is not there")
    alerts(DEPLOY / "compose/alerting")


def kubernetes():
    """What `kubectl apply -k` would send holds together, with the secrets of the example."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(DEPLOY / "kubernetes", folder, dirs_exist_ok=True)
        secrets = Path(folder, "secrets.env.example").read_text().replace('""', f'"{KEY}"')
        Path(folder, "secrets.env").write_text(secrets)
        cluster(run("kubectl", "kustomize", folder))
    kustomization, alerting = (DEPLOY / "kubernetes/kustomization.yaml").read_text(), DEPLOY / "kubernetes/alerting"
    expect(f"newTag: {PACKAGE['version']}\n" in kustomization, "it takes another version")
    files = {str(path.relative_to(alerting)) for path in alerting.glob("**/*.yaml")}
    expect(files == set(re.findall("=alerting/(.+)", kustomization)), f"it takes not all of {sorted(files)}")


def helm():
    """What Helm would send holds together, for each of ci/*-values.yaml, and it refuses what cannot be meant."""
    for values in sorted(CHART.glob("ci/*-values.yaml")):
        run("helm", "lint", "--strict", CHART, "--values", values)
        there_already = yaml.safe_load(values.read_text()).get("alerting", {}).get("existingConfigMap", {}).get("name")
        cluster(run("helm", "template", "release", CHART, "--namespace", "telemetry", "--values", values), there_already)
    refused = ["persistance.size=1Gi", "settings.server.listen=0.0.0.0:1", "settings.storage.lake_url=/lake", "settings.hub.public_url=https://there/"]
    refused += ["settings.alerting.directory=/there", "alerting.files.shop=x", "alerting.existingConfigMap.paths.shop=rules/../shop.yaml"]
    for value in refused:
        done = subprocess.run(["helm", "template", CHART, "--set", value], capture_output=True)
        expect(b"values don't meet the specifications" in done.stderr, f"{value} is not refused")
    both = ["--set", "alerting.existingConfigMap.name=there", "--set-string", "alerting.files.notifications\\.yaml="]
    done = subprocess.run(["helm", "template", CHART, *both], capture_output=True)
    expect(b"exclude each other" in done.stderr, f"files of alerting and a ConfigMap with them are not refused: {done.stderr}")
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    expect(chart["appVersion"] == PACKAGE["version"], "it takes another version")


def systemd():
    """systemd reads the unit with its drop-ins and finds little to attack; the program takes config/production.yaml, also with alerting's
    folder, and the rules that README.md puts there."""
    with tempfile.TemporaryDirectory() as folder:
        unit, drop_ins = Path(folder, "observatory.service"), Path(folder, "observatory.service.d")
        # Where a program is not installed, systemd stops reading.
        unit.write_text((DEPLOY / "systemd/observatory.service").read_text().replace("/usr/local/bin/observatory", sys.executable))
        drop_ins.mkdir()
        for drop_in in DEPLOY.glob("systemd/*.conf"):
            shutil.copy(drop_in, drop_ins)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
        expect(done.returncode == 0 and not done.stderr, f"systemd-analyze: {done.stderr}")
        run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)
    run("systemd-sysusers", "--dry-run", DEPLOY / "systemd/observatory.sysusers")
    text = (ROOT / "config/production.yaml").read_text()
    settings = yaml.safe_load(re.sub("^# (alerting:|  directory:)", r"\1", text, flags=re.MULTILINE))
    expect(settings["alerting"]["directory"] == ALERTING, "alerting looks elsewhere")
    taken(yaml.safe_dump(settings | {"tenants": [{"name": "acme", "api_keys": [KEY]}]}), {})
    alerts(ROOT / "config/alerting")


def logrotate():
    """The file that the drop-in names is rotated while the service holds it open, and no line is written to a file that is away."""
    file = DEPLOY / "systemd/observatory.logrotate"
    named = re.findall(r"append:(.*)", (DEPLOY / "systemd/log-file.conf").read_text())
    expect(named == [file.read_text().split()[0]] * 2, f"{named} are not rotated")
    with tempfile.TemporaryDirectory() as folder:
        settings, log = Path(folder, "settings"), Path(folder, "observatory.log")
        settings.write_text(file.read_text().replace("/var/log", folder))
        settings.chmod(0o644)
        with log.open("a", buffering=1) as held:
            held.write("before\n")
            command = ["logrotate", "--force", "--state", Path(folder, "state"), settings]
            done = subprocess.run(command, capture_output=True, text=True)
            held.write("after\n")
        expect(not done.stderr, done.stderr)
        expect((Path(folder, "observatory.log.1").read_text(), log.read_text()) == ("before\n", "after\n"), "lines are lost")


def cluster(text, there_already=None):
    """Objects fit their schemas and each other, pods are harmless, and the program takes its settings and variables."""
    objects = {}
    for document in yaml.safe_load_all(text):
        for version in KUBERNETES:
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except kubernetes_validate.ValidationError as wrong:
                raise Wrong(f"{document['kind']} in Kubernetes {version}: {wrong.message}") from wrong
        objects.setdefault(document["kind"], []).append(document)
    pod = objects["StatefulSet"][0]["spec"]["template"]
    for spec in [pod["spec"], *(test["spec"] for test in objects.get("Pod", []))]:
        harmless(spec)
    fit(objects, pod)
    started(objects, pod["spec"])
    watched(objects, pod["spec"], there_already)


def harmless(pod):
    """Pod Security's `restricted`, and more."""
    security, (container,) = pod["securityContext"], pod["containers"]
    expect(security["runAsNonRoot"] and security["runAsUser"] > 0, "a pod may be root")
    expect(security["seccompProfile"] == {"type": "RuntimeDefault"}, "a pod may use every system call")
    expect(pod["automountServiceAccountToken"] is False, "a pod may talk to Kubernetes")
    expect(pod["enableServiceLinks"] is False, "variables of services would be taken for settings")
    least = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    expect(container["securityContext"] == least, f"the container {container['name']} may do more than it needs")
    expect({"cpu", "memory"} <= container["resources"]["limits"].keys(), f"the container {container['name']} has no limits")


def fit(objects, pod):
    """Names and labels by which objects speak of each other are right."""
    names = {(kind, one["metadata"]["name"]) for kind, some in objects.items() for one in some}
    labels, container = pod["metadata"]["labels"].items(), pod["spec"]["containers"][0]
    ports = {port["name"] for port in container["ports"]}
    (stateful_set,), (service,) = objects["StatefulSet"], objects["Service"]
    policies, ingresses = objects.get("NetworkPolicy", []), objects.get("Ingress", [])
    backends = [path["backend"]["service"] for one in ingresses for path in one["spec"]["rules"][0]["http"]["paths"]]

    spoken_of = {("Service", stateful_set["spec"]["serviceName"]), ("ServiceAccount", pod["spec"]["serviceAccountName"])}
    spoken_of |= {("ConfigMap", pod["spec"]["volumes"][0]["configMap"]["name"])} | {("Service", one["name"]) for one in backends}
    if "Secret" in objects:
        spoken_of |= {("Secret", pod["spec"]["volumes"][1]["secret"]["secretName"])}
        spoken_of |= {("Secret", one["valueFrom"]["secretKeyRef"]["name"]) for one in container.get("env", []) if "valueFrom" in one}
    expect(spoken_of <= names, f"{spoken_of - names} are not there")
    selectors = [service["spec"]["selector"], stateful_set["spec"]["selector"]["matchLabels"]]
    selectors += [policy["spec"]["podSelector"]["matchLabels"] for policy in policies]
    expect(all(selector.items() <= labels for selector in selectors), "the pod is not selected")
    called = {port["targetPort"] for port in service["spec"]["ports"]} | {one["port"]["name"] for one in backends}
    called |= {port["port"] for policy in policies for port in policy["spec"]["ingress"][0]["ports"]}
    called |= {container[probe]["httpGet"]["port"] for probe in ["startupProbe", "livenessProbe", "readinessProbe"]}
    expect(called <= ports, f"the pod has no ports {called - ports}")


def started(objects, pod):
    """The program takes the settings; it listens, writes and ends as the pod says, and knows how browsers see it."""
    container, text = pod["containers"][0], content_of(objects, "ConfigMap", pod["volumes"][0]["configMap"]["name"])["observatory.yaml"]
    settings = yaml.safe_load(text)
    server, public_url = settings["server"], settings.get("hub", {}).get("public_url")
    ports = [port["containerPort"] for port in container["ports"]]
    listens = [int(server[setting].split(":")[1]) for setting in ["listen", "otlp_grpc", "otlp_http"]]
    expect(ports == listens, f"it listens on {listens}, not on {ports}")
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    expect(mounts.get(server["data_dir"]) == "data", "its data is not on the volume")
    expect(mounts.get(SECRETS) == "secrets", "its secrets are elsewhere")
    for ingress in objects.get("Ingress", []):
        # Where it has no certificate, something before it may have one.
        schemes = ["https"] if "tls" in ingress["spec"] else ["http", "https"]
        seen = [f"{scheme}://{rule['host']}" for scheme in schemes for rule in ingress["spec"]["rules"]]
        expect(public_url in seen, f"browsers see {seen}, and hub.public_url is {public_url}")
    expect(pod["terminationGracePeriodSeconds"] > server.get("shutdown_seconds", SHUTDOWN_SECONDS), "it is killed while it stops")

    # A Secret that is there already would have what they all need.
    secrets = TENANTS | {"DATABASE_URL": "postgres://there/telemetry", "ENCRYPTION_KEY": SEALING_KEY}
    for secret in objects.get("Secret", []):
        decoded = {name: base64.b64decode(value).decode() for name, value in secret.get("data", {}).items()}
        secrets = decoded | secret.get("stringData", {})
    with tempfile.TemporaryDirectory() as folder:
        for name, value in secrets.items():
            Path(folder, name).write_text(value)
        taken(text, {one["name"]: content(one, secrets, folder) for one in container.get("env", [])})


def watched(objects, pod, there_already):
    """Files of alerting are where the settings say, and have no faults; no ConfigMap is without use."""
    settings = yaml.safe_load(content_of(objects, "ConfigMap", pod["volumes"][0]["configMap"]["name"])["observatory.yaml"])
    volumes = {volume["name"]: volume["configMap"] for volume in pod["volumes"][1:] if "configMap" in volume}
    expect({one["metadata"]["name"] for one in objects["ConfigMap"][1:]} <= {one["name"] for one in volumes.values()}, "a ConfigMap is not used")
    mounts = {mount["name"]: mount for mount in pod["containers"][0]["volumeMounts"]}
    expect(("alerting" in volumes) == ("alerting" in settings), "alerting has settings or files, not both")
    if "alerting" not in volumes:
        return
    mount, volume = mounts["alerting"], volumes["alerting"]
    expect(settings["alerting"]["directory"] == mount["mountPath"] == ALERTING and mount["readOnly"], "alerting looks elsewhere")
    if volume["name"] == there_already:
        return
    texts = content_of(objects, "ConfigMap", volume["name"])
    expect(texts.keys() == {item["key"] for item in volume["items"]}, f"{volume['name']} has {sorted(texts)}")
    with tempfile.TemporaryDirectory() as folder:
        for item in volume["items"]:
            path = Path(folder, item["path"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[item["key"]])
        alerts(Path(folder))


def content_of(objects, kind, name):
    """The data of the object of this name."""
    found = [one["data"] for one in objects[kind] if one["metadata"]["name"] == name]
    expect(found, f"there is no {kind} {name}")
    return found[0]


def alerts(folder):
    """The rules of a folder of alerting have no faults, and its other files are YAML that names secrets, and has none."""
    rules = [path for path in folder.glob("**/*.yaml") if path.parent.name == "rules"]
    expect(rules, f"{folder} has no rules")
    for path in set(folder.glob("**/*.yaml")) - set(rules):
        expect(path.name in ["notifications.yaml", "escalation.yaml"], f"{path} is not read")
        # Also what is commented out: it is there to be used.
        text = re.sub("^# (channels:|  )", r"\1", path.read_text(), flags=re.MULTILINE)
        expect(yaml.safe_load(text), f"{path} says nothing")
        held = re.findall(r"\b(?:password|url|routing_key|token|secret): *\S+", text)
        expect(not held, f"{path} has {held}")
    if PROGRAM:
        run(PROGRAM, "rules", "check", *rules)


def content(variable, secrets, folder):
    """What a variable of the container is, where the files of secrets are in this folder."""
    if "valueFrom" in variable:
        return secrets[variable["valueFrom"]["secretKeyRef"]["key"]]
    return variable["value"].replace(SECRETS, folder)


def taken(settings, variables):
    """The program knows the variables, and is content with the settings: what stops it is a data directory that cannot be."""
    known = re.findall(r'"([A-Z_]+)"', (ROOT / "server/src/config/environment.rs").read_text())
    unknown = [name for name in variables if name.removesuffix("_FILE") not in known and not name.startswith(("OBSERVATORY_", "AWS_"))]
    expect(not unknown, f"the program knows no {unknown}")
    if PROGRAM:
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(settings)
            file.flush()
            command = [PROGRAM, "serve", "--config", file.name, "--data-dir", "/dev/null/data"]
            given = {name: value for name, value in variables.items() if value is not None}
            done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=60)
        expect("the data directory /dev/null/data cannot be made" in done.stderr, f"{done.stderr}of\n{settings}")


def main():
    failed = 0
    for check in [image, compose, kubernetes, helm, systemd, logrotate]:
        try:
            check()
            print(f"ok     {check.__name__}")
        except Wrong as wrong:
            failed += 1
            print(f"WRONG  {check.__name__}: {wrong}")
    if not PROGRAM:
        print("Whether the program takes the settings was not asked: OBSERVATORY_TEST_BINARY names none.")
    sys.exit(1 if failed else 0)


main()
