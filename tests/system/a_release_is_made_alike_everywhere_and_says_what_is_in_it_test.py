"""scripts/package makes the same files of the same commit and program, whoever makes them, when and
where; Debian's reviewer finds nothing in the package; the bill of materials names every library."""

import gzip
import json
import os
import re
import subprocess
import tarfile
import time
from pathlib import Path

import jsonschema
import pytest

from harness.release import checkout, package
from harness.roachpin import BINARY

SCHEMAS = Path(__file__).parent / "node/node_modules/@cyclonedx/cyclonedx-library/res/schema"
OBJECTS = [f"proxy/CMakeFiles/roachpin_{layer}.dir/{name}.cpp.o"
           for layer, name in (("logic", "core/ip_address"), ("settings", "settings/values"))]


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    base = tmp_path_factory.mktemp("release")
    return [checkout(base / "one"), checkout(base / "another" / "longer")]


@pytest.fixture(scope="module")
def release(trees):
    return package(trees[0], trees[0].parent / "first", umask=0o077)


@pytest.fixture(scope="module")
def bill(release):
    return json.loads(release.bill.read_text())


def test_it_is_the_same_elsewhere_and_later(trees, release, tmp_path):
    """What is not committed is not in it either."""
    (trees[1] / "config" / "debian" / "control").write_text("nonsense\n")
    later = int(time.time()) + 1
    while time.time() < later:  # archives keep seconds
        time.sleep(0.05)
    for directory, _, names in os.walk(trees[1]):
        for name in names:
            os.utime(Path(directory) / name, (later, later), follow_symlinks=False)
    (tmp_path / "work").mkdir()
    again = package(trees[1], tmp_path / "second", umask=0o002, TMPDIR=str(tmp_path / "work"),
                    TZ="Asia/Tokyo", LC_ALL="C.UTF-8")
    assert again.sums.read_text() == release.sums.read_text()
    assert not list((tmp_path / "work").iterdir())


def test_the_sums_are_of_what_is_there(release):
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", release.sums], check=True,
                   cwd=release.sums.parent)
    named = {line.split()[1] for line in release.sums.read_text().splitlines()}
    assert named == {file.name for file in release.files} - {"SHA256SUMS"}


def test_the_compiler_leaves_no_trace_of_the_folder(trees):
    """Of two sources; a whole program takes too long here."""
    def compiled(tree):
        for argv in (["cmake", "--preset", "package"],
                     ["cmake", "--build", "build/package", "--target", *OBJECTS]):
            subprocess.run(argv, cwd=tree, check=True, capture_output=True)
        return [(tree / "build/package" / name).read_bytes() for name in OBJECTS]

    first, second = map(compiled, trees)
    assert first == second
    assert all(str(trees[0].parent).encode() not in content for content in first)


def test_lintian_finds_nothing(release):
    done = subprocess.run(["lintian", "--allow-root", "--fail-on=error,warning", release.deb],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stdout, done.stdout + done.stderr


def test_the_source_is_whole(trees, release):
    listed = subprocess.run(["git", "ls-files", "-s"], cwd=trees[0], capture_output=True, text=True,
                            check=True).stdout
    files = {line.split("\t")[1] for line in listed.splitlines()}
    assert "proxy/main.cpp" in files
    with tarfile.open(release.source) as archive:
        members = archive.getmembers()
    prefix = members[0].name + "/"
    assert {one.name.removeprefix(prefix) for one in members if not one.isdir()} == files


def test_the_changelog_is_the_projects(release):
    name = "./usr/share/doc/roachpin/changelog.Debian.gz"
    tree = subprocess.run(["dpkg-deb", "--fsys-tarfile", release.deb], check=True,
                          capture_output=True).stdout
    packed = subprocess.run(["tar", "-xO", name], input=tree, check=True, capture_output=True)
    parsed = subprocess.run(["dpkg-parsechangelog", "-l", "-"], check=True, capture_output=True,
                            input=gzip.decompress(packed.stdout)).stdout.decode()
    assert f"\nVersion: {release.control('Version')}\n" in parsed
    text = (Path(__file__).parents[2] / "config" / "CHANGELOG.md").read_text()
    items = re.findall(r"^- ", text.split("\n## ")[1], re.M)
    assert len(re.findall(r"^   \* ", parsed, re.M)) == len(items)


def test_links_between_its_pages_lead_somewhere(release, tmp_path):
    subprocess.run(["dpkg-deb", "-x", release.deb, tmp_path], check=True)
    pages = list((tmp_path / "usr/share/doc/roachpin").rglob("*.md"))
    links = {(page, link) for page in pages
             for link in re.findall(r"\]\((?!https?:|#)([^)#]*)", page.read_text())}
    assert {page.name for page, _ in links} >= {"README.md", "operations.md", "runbooks.md"}
    assert not [(page.name, link) for page, link in links if not (page.parent / link).exists()]


def test_the_bill_is_as_cyclonedx_wants_it(bill):
    def schema(name):
        return json.loads((SCHEMAS / f"{name}.SNAPSHOT.schema.json").read_text())

    whole = schema("bom-1.5")
    base = whole["$id"].rsplit("/", 1)[0]
    others = {f"{base}/{name}.SNAPSHOT.schema.json": schema(name) for name in ("spdx", "jsf-0.82")}
    resolver = jsonschema.RefResolver.from_schema(whole, store=others)
    validator = jsonschema.Draft7Validator(whole, resolver=resolver)
    assert not [error.message for error in validator.iter_errors(bill)]
    broken = {**bill, "components": [{**bill["components"][0], "type": "nonsense"}]}
    assert list(validator.iter_errors(broken))


def test_the_bill_names_every_library_with_version_licence_and_url(bill):
    linked = {property["value"] for component in bill["components"]
              for property in component["properties"] if property["name"] == "roachpin:linked"}
    loaded = subprocess.run(["ldd", BINARY], check=True, capture_output=True, text=True).stdout
    expected = {Path(line.split()[0]).name for line in loaded.splitlines()} - {"linux-vdso.so.1"}
    assert "libssl.so.3" in expected and linked == expected
    for component in bill["components"]:
        installed = subprocess.run(
            ["dpkg-query", "--show", "--showformat=${Version} ${Architecture}\n",
             component["name"]], check=True, capture_output=True, text=True).stdout.split("\n")[0]
        assert installed.split()[0] == component["version"]
        assert component["licenses"]
        assert component["purl"].startswith(f"pkg:deb/debian/{component['name']}@")


def test_the_bill_names_what_was_compiled_in(bill):
    """Libraries that are headers alone are in no table of the linker."""
    names = {component["name"] for component in bill["components"]}
    assert any(re.fullmatch(r"libboost[\d.]+-dev", name) for name in names)
    assert "libcli11-dev" in names
    assert not any("gtest" in name or "gmock" in name for name in names)


def test_what_each_needs_is_in_the_bill(bill):
    known = {component["bom-ref"] for component in bill["components"]}
    known.add(bill["metadata"]["component"]["bom-ref"])
    needs = {one["ref"]: set(one["dependsOn"]) for one in bill["dependencies"]}
    assert set(needs) == known and set().union(*needs.values()) <= known
    reached, rest = set(), [bill["metadata"]["component"]["bom-ref"]]
    while rest:
        one = rest.pop()
        if one not in reached:
            reached.add(one)
            rest += needs[one]
    assert reached == known, "nobody needs these"


def test_a_stripped_program_is_refused(trees, tmp_path):
    """What it was compiled from cannot be told any more."""
    subprocess.run(["strip", "-o", tmp_path / "roachpin", BINARY], check=True)
    done = subprocess.run([trees[0] / "scripts" / "package", "--program", tmp_path / "roachpin",
                           "--output", tmp_path / "out"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 1 and "it is stripped" in done.stderr
    assert not (tmp_path / "out").exists()
