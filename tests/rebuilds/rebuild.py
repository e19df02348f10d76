#!/usr/bin/env python3
"""Proves the suggestions by real builds: predicted = measured, to the byte of content.

For each case: build the Dockerfile, ask layerlens, put its lines in the place of the steps they replace, build again, save
both, and compare. Sizes are measured here, by adding up the regular files of all layers, not by layerlens; the file
systems of both images (paths, modes, owners, contents) must be the same.

    tests/rebuilds/rebuild.py LAYERLENS [CASE…]      needs a docker engine with the base of sample-images/base.sh

What was measured goes to results.tsv, the suggestion to CASE/fixes.json, and the saved image, with its base layer emptied but
for the names of its shell, to CASE/image.tar.zst: tests/rebuilds.rs holds today's suggestions to them.
"""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
DOCKER = os.environ.get("DOCKER", "docker")


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, **options).stdout


def build(folder, tag, builder):
    """Builds without a network, a cache or a registry."""
    environment = dict(os.environ, DOCKER_BUILDKIT="1" if builder == "buildkit" else "0")
    run(DOCKER, "build", "--quiet", "--no-cache", "--network=none", "-t", tag, folder, env=environment)


def save(tag, path):
    run(DOCKER, "save", "-o", path, tag)


def layers(archive):
    """The layers of a saved image as opened tars, bottom first."""
    outer = tarfile.open(archive)
    manifest = json.load(outer.extractfile("manifest.json"))[0]
    return [tarfile.open(fileobj=io.BytesIO(outer.extractfile(name).read())) for name in manifest["Layers"]]


def stored_bytes(archive):
    return sum(member.size for layer in layers(archive) for member in layer if member.isreg())


def file_system(tag):
    """What a container of the image sees: path -> kind, mode, owner, link, content."""
    container = run(DOCKER, "create", tag, "none").decode().strip()
    exported = tarfile.open(fileobj=io.BytesIO(run(DOCKER, "export", container)))
    run(DOCKER, "rm", container)
    seen = {}
    for member in exported:
        content = hashlib.sha256(exported.extractfile(member).read()).hexdigest() if member.isreg() else ""
        # Hard links show as their target's path: which name comes first is the engine's choice.
        name = os.path.normpath(member.name)
        seen[name] = (member.type, member.mode & 0o7777, member.uid, member.gid, member.linkname, content)
    return seen


def instructions(dockerfile):
    """The instructions of a Dockerfile: lines, with those that they continue."""
    found = []
    for line in dockerfile.splitlines():
        if found and found[-1].endswith("\\"):
            found[-1] += "\n" + line
        else:
            found.append(line)
    return found


def with_fix(dockerfile, fix):
    """The Dockerfile with the lines of a fix in the place of the steps they replace."""
    makes_layer = re.compile("(RUN|COPY|ADD|WORKDIR) ")
    layer, out, place = 1, [], None
    follows = any(re.search("then follows|^keep below", note) for note in fix["caveats"])
    for instruction in instructions(dockerfile):
        if makes_layer.match(instruction):
            layer += 1
            if layer in fix["layers"]:
                # Where a step in between then follows, the merged step stands in the first one's place.
                place = place if place is not None and follows else len(out)
                continue
        # Settings stay above the merged step.
        if place is not None and follows and re.match("(ARG|USER|SHELL) ", instruction):
            out.insert(place, instruction)
            place += 1
        else:
            out.append(instruction)
    if fix["dockerfile"]:
        out[place:place] = fix["dockerfile"].splitlines()
    return "\n".join(out) + "\n"


def ignored(fix):
    """The lines for .dockerignore."""
    lines = fix["dockerfile"].splitlines()
    return [line[4:] for line in lines if line.startswith("#   ")] if "# in .dockerignore:" in lines else []


def shell_of(layer, out):
    """Copies the entries that say which shell /bin/sh is, without their contents."""
    members = tarfile.open(fileobj=layer).getmembers()
    names = {member.name for member in members if os.path.basename(member.name) in ("sh", "busybox")}
    names |= {member.linkname for member in members if member.name in names}
    with tarfile.open(fileobj=out, mode="w") as kept:
        for member in members:
            if member.name in names:
                member.size = 0
                kept.addfile(member)


def without_base(archive, target):
    """Copies a saved image with hardly anything left of its bottom layer, and nothing that changes from run to run."""
    outer = tarfile.open(archive)
    manifest = json.load(outer.extractfile("manifest.json"))
    config = json.load(outer.extractfile(manifest[0]["Config"]))
    contents = []
    for at, name in enumerate(manifest[0]["Layers"]):
        content = io.BytesIO()
        if at > 0:
            shutil.copyfileobj(outer.extractfile(name), content)
        else:
            shell_of(outer.extractfile(name), content)
        contents.append((f"{at + 1}/layer.tar", content.getvalue()))
    manifest = [{"Config": "config.json", "RepoTags": manifest[0]["RepoTags"], "Layers": [name for name, _ in contents]}]
    config = {key: config[key] for key in ("architecture", "os", "history", "rootfs")}
    documents = [("config.json", json.dumps(config).encode()), ("manifest.json", json.dumps(manifest).encode())]
    with tempfile.NamedTemporaryFile(suffix=".tar") as plain:
        with tarfile.open(plain.name, "w") as out:
            for name, content in documents + contents:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                out.addfile(member, io.BytesIO(content))
        run("zstd", "-q", "-f", "-19", plain.name, "-o", target)
    os.chmod(target, 0o644)


def differences(before, after):
    """Paths that differ, without mount points: empty files and folders that only the new image has."""
    empty = hashlib.sha256(b"").hexdigest()
    differ = []
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old == new or (old and new and old[0] == new[0] == tarfile.LNKTYPE):
            continue
        is_mount_point = old is None and (new[0] == tarfile.DIRTYPE or new[5] == empty)
        differ.append((path, "mount point" if is_mount_point else f"{old} -> {new}"))
    return differ


def prove(layerlens, case, scratch):
    folder = os.path.join(HERE, case)
    builder = open(os.path.join(folder, "builder")).read().strip()
    context = os.path.join(scratch, case)
    os.mkdir(context)
    if os.path.exists(os.path.join(folder, "context.sh")):
        run("sh", os.path.join(folder, "context.sh"), cwd=context)
    dockerfile = open(os.path.join(folder, "Dockerfile")).read()
    open(os.path.join(context, "Dockerfile"), "w").write(dockerfile)
    tag = f"ll/rebuild-{case}"
    build(context, tag + ":before", builder)
    before = os.path.join(scratch, case + ".before.tar")
    save(tag + ":before", before)
    report = json.loads(run(layerlens, before, "--report", "json"))
    fixes = report["fixes"]
    assert len(fixes) == 1, f"{case}: one fix is expected, there are {len(fixes)}"
    fix = fixes[0]
    open(os.path.join(context, "Dockerfile"), "w").write(with_fix(dockerfile, fix))
    if ignored(fix):
        open(os.path.join(context, ".dockerignore"), "w").write("\n".join(ignored(fix)) + "\n")
    build(context, tag + ":after", builder)
    after = os.path.join(scratch, case + ".after.tar")
    save(tag + ":after", after)
    sizes = stored_bytes(before), stored_bytes(after)
    differ = differences(file_system(tag + ":before"), file_system(tag + ":after"))
    without_base(before, os.path.join(folder, "image.tar.zst"))
    keys = ("id", "kind", "layers", "saves_bytes", "dockerfile", "safe")
    with open(os.path.join(folder, "fixes.json"), "w") as out:
        json.dump([{key: fix[key] for key in keys}], out, indent=1)
        out.write("\n")
    left = "; ".join(f"{path}: {what}" for path, what in differ) or "-"
    return [case, builder, fix["kind"], sizes[0], fix["saves_bytes"], sizes[0] - sizes[1], sizes[1], left]


HEAD = ["case", "builder", "kind", "stored_bytes", "predicted_saving", "measured_saving", "stored_bytes_after", "differences"]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if shutil.which(DOCKER) is None or subprocess.run([DOCKER, "info"], capture_output=True).returncode:
        print("SKIPPED: no docker engine answers, nothing was proven", file=sys.stderr)
        return
    cases = sys.argv[2:] or sorted(entry for entry in os.listdir(HERE) if os.path.isdir(os.path.join(HERE, entry)))
    rows, failed = [], False
    with tempfile.TemporaryDirectory() as scratch:
        for case in cases:
            try:
                row = prove(sys.argv[1], case, scratch)
            except (AssertionError, subprocess.CalledProcessError) as error:
                print(f"{case}: FAILED: {error}", file=sys.stderr)
                failed = True
                continue
            real = [part for part in row[7].split("; ") if part != "-" and "mount point" not in part]
            failed |= row[4] != row[5] or bool(real)
            print("\t".join(map(str, row)), "" if row[4] == row[5] and not real else "  <-- DIFFERS")
            rows.append(row)
    if not sys.argv[2:]:
        with open(os.path.join(HERE, "results.tsv"), "w") as out:
            out.writelines("\t".join(map(str, row)) + "\n" for row in [HEAD] + rows)
    sys.exit(failed)


main()
