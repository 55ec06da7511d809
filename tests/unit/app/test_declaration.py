from pathlib import Path

import pytest

from switchover.app.declaration import InvalidDeclaration, parse_declaration, read_declaration


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(InvalidDeclaration) as caught:
        parse_declaration(text, name="proxies.yaml")
    return caught.value.lines


def test_a_valid_file_gives_only_the_fields_that_it_names() -> None:
    (web,) = parse_declaration(
        """
proxies:
  - proxyId: web
    config: {unhealthyThreshold: 5}
    instances: [{instanceName: web-1, address: "127.0.0.1:9001"}]
""",
        name="proxies.yaml",
    ).proxies
    assert web.proxy_id == "web"
    assert web.config == {"unhealthyThreshold": 5}
    assert web.instances is not None
    assert [instance.data for instance in web.instances] == [
        {"instanceName": "web-1", "address": "127.0.0.1:9001"}
    ]


def test_instances_come_in_order_of_preference() -> None:
    (web,) = parse_declaration(
        """
proxies:
  - proxyId: web
    instances:
      - {instanceName: d, priority: 20}
      - {instanceName: b, priority: 10, weight: 5}
      - {instanceName: a, priority: 10, weight: 5}
      - {instanceName: c, priority: 10, weight: 9}
""",
        name="proxies.yaml",
    ).proxies
    assert [instance.name for instance in web.instances or ()] == ["c", "a", "b", "d"]


def test_missing_instances_differ_from_none() -> None:
    unsaid, none = parse_declaration(
        "proxies: [{proxyId: a}, {proxyId: b, instances: []}]", name="proxies.yaml"
    ).proxies
    assert unsaid.instances is None
    assert none.instances == ()


def test_every_problem_is_told_with_its_place_in_the_files_order() -> None:
    lines = problems("""proxies:
  - proxyId: web
    config:
      listener: {address: 127.0.0.1, port: 70000}
      unknownField: 1
    instances:
      - {instanceName: web-1, address: "127.0.0.1", priority: ten}
""")
    assert [line.split(" ")[0] for line in lines] == [
        "proxies.yaml:4:44:",
        "proxies.yaml:5:21:",
        "proxies.yaml:7:40:",
        "proxies.yaml:7:63:",
    ]
    assert "proxies[0].config.listener.port: 70000 is not valid; allowed" in lines[0]
    assert "proxies[0].config.unknownField" in lines[1]
    assert "proxies[0].instances[0].address: '127.0.0.1'" in lines[2]
    assert "proxies[0].instances[0].priority: 'ten'" in lines[3]


def test_a_problem_inside_a_list_names_the_element() -> None:
    (line,) = problems("""proxies:
  - proxyId: web
    config:
      healthCheck:
        expectedStatuses:
          - 200
          - 999
""")
    assert line.startswith("proxies.yaml:7:13: proxies[0].config.healthCheck.expectedStatuses[1]: 999")


def test_a_missing_name_is_told_at_its_instance() -> None:
    (line,) = problems("proxies:\n  - proxyId: web\n    instances:\n      - {priority: 1}\n")
    assert line.startswith("proxies.yaml:4:9: proxies[0].instances[0].instanceName")


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("proxies: [{proxyId: a, proxyId: b}]", "1:24", "stands in line 1 already; allowed is each key once"),
        ("proxies: [{proxyId: a}, {proxyId: a}]", "1:35", "allowed is each proxyId once per file"),
        (
            "proxies:\n- proxyId: a\n  instances:\n  - instanceName: x\n  - instanceName: x",
            "5:19",
            "stands in line 4 already; allowed is each instanceName once per proxy",
        ),
        ("proxies: [{proxyId: failover}]", "1:21", "reserved"),
        ("proxies: [{proxyId: 2026-01-01}]", "1:21", "quote it"),
        ("proxies: [{proxyId: a, config: {healthCheckIntervalSeconds: .inf}}]", "1:61", "finite numbers"),
        (
            "proxies: [{proxyId: a, colour: red}]",
            "1:24",
            "there is no such field; allowed are proxyId, config, instances",
        ),
        ("proxies: [{proxyId: a, instances: {}}]", "1:35", "allowed is a list of instances"),
        ("proxies: [{proxyId: a, config: []}]", "1:32", "config: '[]' is not valid; allowed is an object"),
        ("proxies: [{config: {}}]", "1:11", "proxyId: allowed are 1 to 63 letters"),
        ("proxies: [web]", "1:11", "allowed is a mapping with proxyId"),
        ("proxies: {}", "1:10", "allowed is a list of proxies"),
        ("", "1:1", 'allowed is a mapping with the key "proxies"'),
        ("proxies: []\nproxy: 1", "2:1", "did you mean proxies? allowed are proxies"),
        ("proxies: [{proxyId: a}", "2:1", "allowed is one YAML document"),
        ("proxies: []\n---\nproxies: []", "2:1", "allowed is one YAML document"),
        ("proxies: &all [*all]", "1:10", "alias of itself"),
        ("proxies: [{proxyId: !!python/name:os.system ''}]", "1:21", "allowed are texts, numbers"),
        ("? [a, b]\n: 1", "1:3", "allowed are names as keys"),
    ],
)
def test_what_is_wrong_is_told_with_place_and_remedy(text: str, place: str, words: str) -> None:
    (line,) = problems(text)
    assert line.startswith(f"proxies.yaml:{place}: ")
    assert words in line


def test_anchors_and_merge_keys_share_fields_and_own_fields_win() -> None:
    first, second = parse_declaration(
        """
proxies:
  - proxyId: a
    config: &common {unhealthyThreshold: 5, healthyThreshold: 4}
  - proxyId: b
    config: {<<: *common, healthyThreshold: 1}
""",
        name="proxies.yaml",
    ).proxies
    assert first.config == {"unhealthyThreshold": 5, "healthyThreshold": 4}
    assert second.config == {"unhealthyThreshold": 5, "healthyThreshold": 1}


def test_aliases_that_stand_for_millions_of_values_are_refused() -> None:
    rows = ["a0: &a0 [" + ",".join("x" * 20) + "]"]
    rows += [f"a{i}: &a{i} [" + ",".join([f"*a{i - 1}"] * 20) + "]" for i in range(1, 8)]
    (line,) = problems("\n".join(rows))
    assert "more than 1000000 values" in line


def test_deep_nesting_is_refused() -> None:
    lines = problems("proxies: " + "[" * 2000 + "]" * 2000)
    assert all(line.startswith("proxies.yaml:1:") for line in lines)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidDeclaration, match=r"absent\.yaml: cannot be read: No such file"):
        read_declaration(tmp_path / "absent.yaml")
