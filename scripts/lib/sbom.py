"""A bill of materials (CycloneDX 1.5, JSON) of a program on Debian, on stdout.

dpkg says which packages are in it: those whose shared libraries it is linked with, directly or
through others, and those whose headers code was compiled from, as the program's own line table
tells. The same program and packages give the same bytes.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import uuid
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote

# Debian's short names of licences, where they are not SPDX's.
SPDX = {
    "Apache-2.0": "Apache-2.0",
    "BSD-3-clause": "BSD-3-Clause",
    "BSD-3-NLnetLabs": "BSD-3-Clause",
    "BSL-1.0": "BSL-1.0",
    "Expat": "MIT",
    "X11": "X11",
    "Expat with embedded exception": "MIT WITH fmt-exception",
    "GPL-2+ or LGPL-3+": "GPL-2.0-or-later OR LGPL-3.0-or-later",
    "LGPL-3+ or GPL-2+": "LGPL-3.0-or-later OR GPL-2.0-or-later",
}

# Of sources whose copyright file is for people only, what it says.
READ_BY_US = {
    "c-ares": "MIT",
    "gcc": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "glibc": "LGPL-2.1-or-later",
}


def run(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout


def loaded(program):
    """The shared libraries it runs with, by their names: all of them, not the needed ones alone."""
    found = {}
    for line in run("ldd", program).splitlines():
        if "not found" in line:
            sys.exit(f"{program}: {line.strip()}")
        if path := re.search(r"(/\S+) \(0x", line):
            found[Path(path[1]).name] = path[1]
    return found


def needed(file):
    return re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "--dynamic", "--wide", file))


def sources(program):
    """The files its code was compiled from, in folders of the system."""
    if ".debug_line" not in run("readelf", "--section-headers", "--wide", program):
        sys.exit(f"{program}: it is stripped; what it was compiled from cannot be told any more")
    files, folders, reads_folders = set(), {}, False
    for line in run("readelf", "--debug-dump=rawline", program).splitlines():
        if "The Directory Table" in line:
            folders, reads_folders = {}, True
        elif "The File Name Table" in line:
            reads_folders = False
        elif entry := re.match(r"  (\d+)\t(?:(\d+)\t)?\(.*?\): (.*)$", line):
            number, folder, name = entry.groups()
            if reads_folders:
                folders[number] = name
            else:
                files.add(os.path.normpath(os.path.join(folders.get(folder, ""), name)))
    return {file for file in files if file.startswith(("/usr/include/", "/usr/lib/"))}


def owners(paths):
    """Whose each path is: a package, as dpkg calls it. A library may be known by its name before
    or after /lib became a link to /usr/lib."""
    aliases = {}
    for path in paths:
        real = os.path.realpath(path)
        for alias in (path, real, real.removeprefix("/usr")):
            aliases.setdefault(alias, path)
    done = subprocess.run(["dpkg", "-S", *sorted(aliases)], capture_output=True, text=True,
                          check=False, env={**os.environ, "LC_ALL": "C"})
    found = {}
    for line in done.stdout.splitlines():
        packages, _, path = line.rpartition(": ")
        if path in aliases and not packages.startswith("diversion "):
            found[aliases[path]] = packages.split(", ")[0]
    if unknown := sorted(set(paths) - set(found)):
        sys.exit(f"no package of Debian has {', '.join(unknown[:5])}")
    return found


def licence_of(package, source):
    """As CycloneDX says it. A machine-readable copyright file says what holds for all files (or,
    where only its parts are named, for the first)."""
    text = Path("/usr/share/doc", package.split(":")[0], "copyright").read_text(encoding="utf-8")
    if text.startswith("Format:"):
        paragraphs = [one for one in re.split(r"\n\s*\n", text) if re.match(r"Files:", one, re.M)]
        whole = [one for one in paragraphs if re.match(r"Files:\s*\*\s*$", one, re.M)]
        found = re.search(r"^License: *(.+)$", (whole or paragraphs)[0], re.M)
        name = found[1].strip()
        spdx = SPDX.get(name)
    else:
        spdx = READ_BY_US.get(re.sub(r"-\d+$", "", source))
        name = None
    if spdx is None and name is None:
        sys.exit(f"{package}: say in {__file__} what its copyright file says")
    if spdx is None:
        return [{"license": {"name": name}}]
    return [{"expression": spdx}] if " " in spdx else [{"license": {"id": spdx}}]


def component(package, files, libraries):
    name, version, architecture, source, source_version = run(
        "dpkg-query", "--show", "--showformat",
        r"${Package}\n${Version}\n${Architecture}\n${source:Package}\n${source:Version}",
        package).split("\n")
    release = re.search(r'^VERSION_ID="?([\w.]+)', Path("/etc/os-release").read_text(), re.M)[1]
    upstream = source if source_version == version else f"{source}@{source_version}"
    purl = (f"pkg:deb/debian/{name}@{quote(version, safe=':~.-')}"
            f"?arch={architecture}&distro=debian-{release}&upstream={quote(upstream, safe=':~.-')}")
    properties = [{"name": "roachpin:linked", "value": file} for file in libraries]
    if files:
        properties.append({"name": "roachpin:compiled-in", "value": f"{len(files)} headers"})
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "licenses": licence_of(package, source),
        "purl": purl,
        "properties": properties,
    }


def bill(program, version):
    libraries = loaded(program)
    library_owner = owners(libraries.values())
    header_owner = owners(sources(program))
    files = {}
    for path, package in header_owner.items():
        files.setdefault(package, ([], []))[0].append(path)
    for name, path in libraries.items():
        files.setdefault(library_owner[path], ([], []))[1].append(name)

    components = {package: component(package, headers, sorted(names))
                  for package, (headers, names) in sorted(files.items())}

    def references(packages):
        return sorted({components[package]["bom-ref"] for package in packages})

    def linked_by(file):
        return {library_owner[libraries[name]] for name in needed(file)}

    digest = hashlib.sha256(Path(program).read_bytes()).hexdigest()
    purl = f"pkg:generic/roachpin@{version}"
    depends = {purl: references(linked_by(program) | set(header_owner.values()))}
    for package, (_, names) in files.items():
        others = set().union(*(linked_by(libraries[name]) for name in names)) - {package}
        depends[components[package]["bom-ref"]] = references(others)
    when = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), timezone.utc)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_OID, digest).urn,
        "version": 1,
        "metadata": {
            "timestamp": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "bom-ref": purl,
                "name": "roachpin",
                "version": version,
                "description": "The program as it was linked; a package has it stripped",
                "hashes": [{"alg": "SHA-256", "content": digest}],
                "licenses": [{"license": {"id": "Apache-2.0"}}],
                "purl": purl,
            },
        },
        "components": list(components.values()),
        "dependencies": [{"ref": ref, "dependsOn": others}
                         for ref, others in sorted(depends.items())],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--version", required=True)
    given = parser.parse_args()
    json.dump(bill(given.program, given.version), sys.stdout, indent=2)
    print()


main()
