"""What deploy/kubernetes/switchover.yaml says, held against the schemas of Kubernetes and against the program."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from tests.api_world import api_world
from tests.deploy.settings_named import named_in, settings_that_exist

from switchover.app.process import GRACEFUL_API_SECONDS

FILE = Path(__file__).parents[2] / "deploy/kubernetes/switchover.yaml"
DOCUMENTS: list[Any] = list(yaml.safe_load_all(FILE.read_text("utf-8")))
OLDEST, NEWEST = "1.30", kubernetes_validate.latest_version()
LABELS = {"app.kubernetes.io/name": "switchover"}


def only(kind: str, name: str = "switchover") -> Any:
    """The one document of that kind and name."""
    (found,) = [d for d in DOCUMENTS if d["kind"] == kind and d["metadata"]["name"] == name]
    return found


DEPLOYMENT = only("Deployment")
POD = DEPLOYMENT["spec"]["template"]["spec"]
(REPLICA,) = POD["containers"]
(UPGRADE,) = POD["initContainers"]
CONTAINERS = (REPLICA, UPGRADE)

each_container = pytest.mark.parametrize("container", CONTAINERS, ids=lambda container: container["name"])


def environment(container: Any) -> dict[str, Any]:
    return {variable["name"]: variable for variable in container["env"]}


def values(node: Any) -> Iterator[Any]:
    """Every mapping in a document."""
    if isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from values(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from values(inner)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: f"{d['kind']}-{d['metadata']['name']}")
def test_kubernetes_knows_every_field(document: Any, version: str) -> None:
    kubernetes_validate.validate(document, version, strict=True)


def test_kubernetes_does_not_know_every_field() -> None:
    misspelt = copy.deepcopy(DEPLOYMENT)
    misspelt["spec"]["template"]["spec"]["containers"][0]["redinessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="redinessProbe"):
        kubernetes_validate.validate(misspelt, NEWEST, strict=True)


def test_everything_is_in_one_namespace() -> None:
    assert {document["metadata"]["namespace"] for document in DOCUMENTS} == {"switchover"}


def test_whatever_selects_pods_selects_the_replicas() -> None:
    assert DEPLOYMENT["spec"]["template"]["metadata"]["labels"].items() >= LABELS.items()
    selectors = [DEPLOYMENT["spec"]["selector"], only("PodDisruptionBudget")["spec"]["selector"]]
    selectors += [only("NetworkPolicy")["spec"]["podSelector"]]
    (apart,) = POD["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    selectors += [apart["labelSelector"], POD["topologySpreadConstraints"][0]["labelSelector"]]
    assert [selector["matchLabels"] for selector in selectors] == [LABELS] * 5
    services = [only("Service"), only("Service", "switchover-nodes")]
    assert [service["spec"]["selector"] for service in services] == [LABELS] * 2


def test_what_is_referred_to_is_made_here_or_named_in_the_guide() -> None:
    guide = (FILE.parents[2] / "docs/deploy.md").read_text("utf-8")
    assert POD["serviceAccountName"] == only("ServiceAccount")["metadata"]["name"]
    for source in REPLICA["envFrom"]:
        assert only("ConfigMap", source["configMapRef"]["name"])
    keys = [found["secretKeyRef"] for found in values(POD) if "secretKeyRef" in found]
    assert len(keys) == 3
    for key in keys:
        assert f"secret generic {key['name']}" in guide
        assert f"{key['key']}=" in guide
    assert f"secret generic {POD['volumes'][-1]['secret']['secretName']}" in guide


def test_the_manifest_holds_no_secret() -> None:
    assert not [document for document in DOCUMENTS if document["kind"] == "Secret"]
    for name in ("SWITCHOVER_DATABASE_URL", "SWITCHOVER_JWT_SECRET"):
        assert "secretKeyRef" in environment(REPLICA)[name]["valueFrom"]


@pytest.mark.parametrize("kind", ["startupProbe", "readinessProbe", "livenessProbe"])
async def test_a_probe_asks_what_the_api_answers(kind: str) -> None:
    asked = REPLICA[kind]["httpGet"]
    assert asked["port"] in {port["name"] for port in REPLICA["ports"]}
    async with api_world() as world:
        assert (await world.http.get(asked["path"])).status_code == 200


def test_a_restart_does_not_hang_on_the_database() -> None:
    assert REPLICA["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_ports_are_those_that_the_settings_name() -> None:
    said, ports = environment(REPLICA), {p["name"]: p["containerPort"] for p in REPLICA["ports"]}
    assert said["SWITCHOVER_PORT"]["value"] == str(ports["api"])
    assert said["SWITCHOVER_ADVERTISE_URL"]["value"] == f"http://$(POD_IP):{ports['api']}"
    assert said["SWITCHOVER_XDS_LISTEN"]["value"].endswith(f":{ports['xds']}")
    names = [variable["name"] for variable in REPLICA["env"]]
    assert names.index("POD_IP") < names.index("SWITCHOVER_ADVERTISE_URL"), "$(…) knows what stands before it"
    for service in (only("Service"), only("Service", "switchover-nodes")):
        (port,) = service["spec"]["ports"]
        assert (port["targetPort"], port["port"]) == (port["name"], ports[port["name"]])
    reached = [port["port"] for rule in only("NetworkPolicy")["spec"]["ingress"] for port in rule["ports"]]
    assert set(reached) == ports.keys()


def test_every_setting_in_it_exists() -> None:
    assert named_in(" ".join([*environment(REPLICA), *only("ConfigMap")["data"]])) <= settings_that_exist()


def test_the_name_of_the_service_does_not_become_settings() -> None:
    # SWITCHOVER_PORT=tcp://10.0.0.1:8700 would be one.
    assert POD["enableServiceLinks"] is False


@each_container
def test_a_container_may_do_nothing_but_its_work(container: Any) -> None:
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted <= {volume["name"] for volume in POD["volumes"]}


def test_pods_run_as_the_user_of_the_image() -> None:
    containerfile = (FILE.parents[1] / "Containerfile").read_text("utf-8")
    user = POD["securityContext"]
    assert user["runAsNonRoot"] is True
    assert f"USER {user['runAsUser']}:{user['runAsGroup']}" in containerfile
    assert user["seccompProfile"] == {"type": "RuntimeDefault"}
    assert POD["automountServiceAccountToken"] is False


def test_two_of_three_stay_whatever_is_done_on_purpose() -> None:
    spec = DEPLOYMENT["spec"]
    assert spec["replicas"] == 3
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}
    assert only("PodDisruptionBudget")["spec"]["minAvailable"] == 2


def test_the_next_replica_waits_longer_than_a_lease() -> None:
    lease = float(only("ConfigMap")["data"]["SWITCHOVER_LEASE_SECONDS"])
    assert DEPLOYMENT["spec"]["minReadySeconds"] > lease


def test_there_is_time_to_end_in_order() -> None:
    ending = REPLICA["lifecycle"]["preStop"]["sleep"]["seconds"] + GRACEFUL_API_SECONDS
    # Renewing and giving away, each of which may wait for the database as long as a transaction may.
    assert POD["terminationGracePeriodSeconds"] >= ending + 2 * 25
