#!/usr/bin/env python3
"""Proves the suggestions by real builds: predicted = measured, to the byte of content.

For each case: build the Dockerfile, ask layerlens for its patch, `git apply` it in a repository that holds the context, build
again, save both, and compare. Sizes are measured here, by adding up the regular files of all layers, not by layerlens; the
file systems of both images (paths, modes, owners, contents) and their settings must be the same. Then one byte is added to a
file that the last COPY brings, in both versions, and both are built once more with the cache that their first build left: a
patch must not make more steps run than before.

    tests/rebuilds/rebuild.py LAYERLENS [CASE…]      needs a docker engine with the bases of sample-images/base.sh
                                                     and tests/rebuilds/debian.sh

What was measured goes to results.tsv (with CASEs, their rows take the place of the old ones), the suggestion to CASE/fixes.json and
CASE/patch, and the saved image, with its base layer emptied but for a few names, to CASE/image.tar.zst: tests/rebuilds.rs holds
today's suggestions to them. KEEP=FOLDER leaves what was built there: CASE.before.tar, CASE.after.tar, CASE.json, contexts.
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
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
DOCKER = os.environ.get("DOCKER", "docker")
MAKES_LAYER = "RUN|COPY|ADD|WORKDIR"
HEAD = ["case", "builder", "kind", "stored_bytes", "predicted_saving", "measured_saving", "stored_bytes_after",
        "steps_rerun_before", "steps_rerun_after", "differences"]


class Failed(Exception):
    """A case that could not be carried through."""


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace").strip()
        raise Failed(f"{' '.join(command)}: exit {done.returncode}\n{said[-2000:]}")
    return done.stdout


# Building.

def clean(case):
    """Takes away all that the engine has of a case, so that the next build finds no cache but its own."""
    tags = run(DOCKER, "images", "--quiet", "--filter", f"reference=ll/rebuild-{case}").decode().split()
    if tags:
        run(DOCKER, "rmi", "--force", *sorted(set(tags)))
    run(DOCKER, "image", "prune", "--force")
    run(DOCKER, "builder", "prune", "--all", "--force")


def build(context, dockerfile, tag, builder):
    """Builds without a network or a registry, with the cache; gives the steps that were run, not taken from the cache."""
    command = [DOCKER, "build", "--network=none", "-t", tag, "-f", dockerfile]
    environment = dict(os.environ, DOCKER_BUILDKIT="1" if builder == "buildkit" else "0", BUILDKIT_PROGRESS="plain")
    command += ["--progress=plain", context] if builder == "buildkit" else [context]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
    said = done.stdout.decode(errors="replace")
    if done.returncode:
        raise Failed(f"{tag} does not build:\n{said[-2000:]}")
    return (buildkit_steps if builder == "buildkit" else classic_steps)(said)


def buildkit_steps(said):
    """`#7 [2/5] RUN …` names a step, `#7 CACHED` says that it was not run."""
    steps = dict(re.findall(rf"(?im)^(#\d+) \[[^\]]*\] ((?:{MAKES_LAYER}) .*)$", said))
    cached = set(re.findall(r"(?m)^(#\d+) CACHED$", said))
    return [step for number, step in steps.items() if number not in cached]


def classic_steps(said):
    """`Step 2/5 : RUN …`, then ` ---> Using cache` where it was not run."""
    steps = re.split(r"(?m)^Step \d+/\d+ : ", said)[1:]
    return [step.splitlines()[0] for step in steps
            if re.match(rf"(?i)({MAKES_LAYER}) ", step) and "\n ---> Using cache\n" not in step]


def edit_a_source(context, dockerfile, byte):
    """Adds a byte to a file that the last COPY from the context brings; gives its name, or None where there is no such COPY."""
    joined = re.sub(r"\\[ \t]*\n", " ", open(dockerfile).read())
    copies = re.findall(r"(?im)^\s*(?:COPY|ADD)\s+(?!.*--from=)(?:--\S+\s+)*(.+?)\s+\S+\s*$", joined)
    for source in [source for copy in reversed(copies) for source in copy.split()]:
        top = os.path.normpath(os.path.join(context, source))
        found = [top] if os.path.isfile(top) else sorted(
            os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names
            if name not in ("Dockerfile", ".dockerignore"))
        # A source rather than the list of what to install, where both come with the same COPY.
        found.sort(key=lambda path: os.path.dirname(path) == context)
        # An archive that ADD unpacks ends where its own format says.
        for path in (path for path in found if not path.endswith((".tar", ".gz"))):
            with open(path, "ab") as out:
                out.write(byte)
            return os.path.relpath(path, context)
    return None


# What was built.

class Image:
    """A saved image: its layers, opened and listed, and its settings."""

    def __init__(self, archive):
        outer = tarfile.open(archive)
        manifest = json.load(outer.extractfile("manifest.json"))[0]
        config = json.load(outer.extractfile(manifest["Config"]))
        # The classic builder notes the image before the last step.
        self.settings = {key: value for key, value in config["config"].items() if key not in ("Image", "Hostname") and value}
        self.layers = []
        for name in manifest["Layers"]:
            members = tarfile.open(fileobj=outer.extractfile(name))
            self.layers.append({os.path.normpath(member.name): member.size for member in members if member.isreg()})

    def stored_bytes(self):
        return sum(sum(layer.values()) for layer in self.layers)

    def bytes_by_path(self):
        total = Counter()
        for layer in self.layers:
            total.update(layer)
        return total

    def layers_with(self, path):
        return ",".join(str(number) for number, layer in enumerate(self.layers, 1) if layer.get(path)) or "none"


def file_system(tag):
    """What a container of the image sees: path -> (kind, mode, owner, group, target, xattrs, content), content without digits."""
    container = run(DOCKER, "create", "--network=none", tag, "none").decode().strip()
    exported = tarfile.open(fileobj=io.BytesIO(run(DOCKER, "export", container)))
    run(DOCKER, "rm", container)
    seen = {}
    for member in exported:
        name = os.path.normpath(member.name)
        if member.islnk():
            # The content and the rights are those of the name that comes first.
            first, undated = seen[os.path.normpath(member.linkname)]
            seen[name] = ((tarfile.LNKTYPE,) + first[1:], undated)
            continue
        content = exported.extractfile(member).read() if member.isreg() else b""
        xattrs = tuple(sorted(item for item in member.pax_headers.items() if item[0].startswith("SCHILY.xattr")))
        what = (member.type, member.mode & 0o7777, member.uid, member.gid, member.linkname, xattrs,
                hashlib.sha256(content).hexdigest())
        seen[name] = (what, hashlib.sha256(re.sub(rb"[0-9]", b"0", content)).hexdigest())
    return seen


# What may differ from one build to the next, though the steps are the same.
CHANCE = ("var/cache/ldconfig/aux-cache", "etc/ld.so.cache", "var/log/apt/eipp.log.xz")
EMPTY = hashlib.sha256(b"").hexdigest()


def difference(path, old, new):
    """How a path differs: None, an innocent reason in words, or `old -> new`."""
    if old is not None and new is not None:
        (was, was_undated), (now, now_undated) = old, new
        if was == now:
            return None
        if was[1:] == now[1:] and {was[0], now[0]} == {tarfile.REGTYPE, tarfile.LNKTYPE}:
            return "hard link kept" if now[0] == tarfile.LNKTYPE else f"{was} -> {now}"
        if was[:-1] == now[:-1] and path in CHANCE:
            return "differs from build to build"
        if was[:-1] == now[:-1] and path.startswith("var/log/") and was_undated == now_undated:
            return "times in a log"
    # Empty files and folders that only the new image has.
    if old is None and (new[0][0] == tarfile.DIRTYPE or new[0][-1] == EMPTY):
        return "mount point"
    return f"{old and old[0]} -> {new and new[0]}"


INNOCENT = (": mount point", ": hard link kept", ": times in a log", ": differs from build to build")


def differences(before, after):
    """`before` and `after`: (image, file system)."""
    paths = sorted(before[1].keys() | after[1].keys())
    found = [(path, difference(path, before[1].get(path), after[1].get(path))) for path in paths]
    named = [f"{path}: {what}" for path, what in found if what]
    if before[0].settings != after[0].settings:
        named.append(f"settings: {before[0].settings} -> {after[0].settings}")
    return named


def unexplained(fixes, before, after):
    """The paths whose measured saving is not the predicted one."""
    predicted = Counter()
    for fix in fixes:
        named = sum(file["bytes"] for file in fix["files"])
        if named != fix["saves_bytes"]:
            yield f"{fix['id']} names files of {named} bytes of {fix['saves_bytes']}: below, what it does not name is predicted 0"
    for fix in fixes:
        for file in fix["files"]:
            predicted[os.path.normpath(file["path"]).lstrip("/")] += file["bytes"]
    was, now = before.bytes_by_path(), after.bytes_by_path()
    for path in sorted(was.keys() | now.keys() | predicted.keys()):
        saved = was[path] - now[path]
        if saved != predicted[path]:
            yield (f"/{path}: predicted {predicted[path]}, measured {saved} "
                   f"(in layers {before.layers_with(path)} before, {after.layers_with(path)} after)")


# What is kept.

# Of the base: which shell /bin/sh is, and who there is.
NAMES_KEPT = re.compile(r"(usr/)?(s?bin|lib)|(usr/)?bin/(sh|bash|dash|busybox|find|chown|chmod)")
CONTENTS_KEPT = re.compile(r"etc/(passwd|group|os-release|apt/sources\.list)|usr/lib/os-release|var/lib/dpkg/status")


def base_kept(layer, out):
    """Copies the few entries that say what the base is."""
    with tarfile.open(fileobj=layer) as opened, tarfile.open(fileobj=out, mode="w") as kept:
        members = opened.getmembers()
        names = {member.name for member in members if NAMES_KEPT.fullmatch(os.path.normpath(member.name))}
        names |= {member.linkname for member in members if member.name in names and member.islnk()}
        for member in members:
            if CONTENTS_KEPT.fullmatch(os.path.normpath(member.name)):
                kept.addfile(member, opened.extractfile(member) if member.isreg() else None)
            elif member.name in names:
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
            base_kept(outer.extractfile(name), content)
        contents.append((f"{at + 1}/layer.tar", content.getvalue()))
    manifest = [{"Config": "config.json", "RepoTags": manifest[0]["RepoTags"], "Layers": [name for name, _ in contents]}]
    settings = {key: value for key, value in config["config"].items() if key not in ("Image", "Hostname")}
    config = {key: config[key] for key in ("architecture", "os", "history", "rootfs")} | {"config": settings}
    documents = [("config.json", json.dumps(config).encode()), ("manifest.json", json.dumps(manifest).encode())]
    with tempfile.NamedTemporaryFile(suffix=".tar") as plain:
        with tarfile.open(plain.name, "w") as out:
            for name, content in documents + contents:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                out.addfile(member, io.BytesIO(content))
        run("zstd", "-q", "-f", "-19", plain.name, "-o", target)
    os.chmod(target, 0o644)


def recorded(fixes):
    """What fixes.json holds of each fix."""
    keys = ("id", "kind", "layers", "saves_bytes", "dockerfile", "safe")
    return [{key: fix[key] for key in keys} | {"edits": first(fix).get("edits", [])} for fix in fixes]


def first(fix):
    return (fix.get("alternatives") or [{}])[0]


# The proof.

def make_context(case, scratch):
    """A fresh context with its Dockerfile, in a fresh repository whose own folder lies elsewhere."""
    context = tempfile.mkdtemp(prefix=case + ".", dir=scratch)
    os.chmod(context, 0o755)
    if os.path.exists(os.path.join(HERE, case, "context.sh")):
        run("sh", os.path.join(HERE, case, "context.sh"), cwd=context)
    shutil.copy(os.path.join(HERE, case, "Dockerfile"), context)
    repository = dict(os.environ, GIT_DIR=context + ".git", GIT_WORK_TREE=context)
    run("git", "init", "--quiet", env=repository, cwd=context)
    run("git", "add", "--all", "--force", env=repository, cwd=context)
    return context, repository


def measure(case, version, builder, context, scratch):
    """Builds one version from nothing, then once more after an edit: (image, file system, steps that ran again)."""
    clean(case)
    tag = f"ll/rebuild-{case}:{version}"
    dockerfile = os.path.join(context, "Dockerfile")
    build(context, dockerfile, tag, builder)
    archive = os.path.join(scratch, f"{case}.{version}.tar")
    run(DOCKER, "save", "-o", archive, tag)
    built = Image(archive), file_system(tag)
    rerun = None
    if edit_a_source(context, dockerfile, b"\n"):
        rerun = build(context, dockerfile, tag + "-edited", builder)
    return built + (rerun,)


def prove(layerlens, case, scratch):
    """A row of results.tsv, and what is wrong with it."""
    folder = os.path.join(HERE, case)
    builder = open(os.path.join(folder, "builder")).read().strip()
    context, _ = make_context(case, scratch)
    before = measure(case, "before", builder, context, scratch)
    archive = os.path.join(scratch, f"{case}.before.tar")
    without_base(archive, os.path.join(folder, "image.tar.zst"))

    context, repository = make_context(case, scratch)
    ask = [layerlens, archive, "--dockerfile", "Dockerfile", "--report"]
    fixes = json.loads(run(*ask, "json", cwd=context))["fixes"]
    with open(os.path.join(scratch, case + ".json"), "w") as out:
        json.dump(fixes, out, indent=1)
    hollow = json.loads(run(layerlens, os.path.join(folder, "image.tar.zst"), *ask[2:], "json", cwd=context))["fixes"]
    wrong = [] if recorded(hollow) == recorded(fixes) else ["other fixes with the base emptied"]
    with open(os.path.join(folder, "fixes.json"), "w") as out:
        json.dump(recorded(fixes), out, indent=1)
        out.write("\n")
    patch = run(*ask, "patch", cwd=context) if fixes else b""
    kept_patch = os.path.join(folder, "patch")
    has_patch = b"\n+++ " in patch
    if has_patch:
        with open(kept_patch, "wb") as out:
            out.write(patch)
    elif os.path.exists(kept_patch):
        os.remove(kept_patch)

    kind = first(fixes[0]).get("kind", fixes[0]["kind"]) if fixes else "-"
    predicted = sum(fix["saves_bytes"] for fix in fixes)
    ran = "-" if before[2] is None else len(before[2])
    row = [case, builder, kind, before[0].stored_bytes(), predicted]
    if not has_patch:
        return row + ["-", "-", ran, "-", "no patch" if fixes else "no fix"], wrong
    run("git", "apply", "-", input=patch, env=repository, cwd=context)
    after = measure(case, "after", builder, context, scratch)
    measured = before[0].stored_bytes() - after[0].stored_bytes()
    differ = differences(before, after)
    if measured != predicted:
        # A link that engines break, and an edit keeps, saves more than is wasted; logs differ by themselves.
        known = tuple(f"/{what.split(': ')[0]}: " for what in differ if what.endswith(INNOCENT))
        wrong += [what for what in unexplained(fixes, before[0], after[0]) if not what.startswith(known)]
    wrong += [what for what in differ if not what.endswith(INNOCENT)]
    ran_after = "-" if after[2] is None else len(after[2])
    if None not in (before[2], after[2]) and ran_after > ran:
        wrong.append(f"an edit of the sources now runs {after[2]}, before {before[2]}")
    return row + [measured, after[0].stored_bytes(), ran, ran_after, "; ".join(differ) or "-"], wrong


def written_before():
    """The rows of results.tsv, if it has these columns."""
    try:
        lines = open(os.path.join(HERE, "results.tsv")).read().splitlines()
    except FileNotFoundError:
        return {}
    rows = [line.split("\t") for line in lines]
    return {row[0]: row for row in rows[1:]} if rows and rows[0] == HEAD else {}


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if shutil.which(DOCKER) is None or subprocess.run([DOCKER, "info"], capture_output=True).returncode:
        print("SKIPPED: no docker engine answers, nothing was proven", file=sys.stderr)
        return
    layerlens = os.path.abspath(sys.argv[1])
    every = sorted(entry for entry in os.listdir(HERE) if os.path.isdir(os.path.join(HERE, entry)))
    cases = sys.argv[2:] or every
    rows, failed = written_before() if sys.argv[2:] else {}, False
    with tempfile.TemporaryDirectory() as scratch:
        for case in cases:
            try:
                row, wrong = prove(layerlens, case, os.environ.get("KEEP", scratch))
            except Failed as error:
                row, wrong = None, [str(error)]
            finally:
                clean(case)
            if row:
                rows[case] = list(map(str, row))
                print("\t".join(rows[case]), "" if not wrong else "  <-- DIFFERS", flush=True)
            for what in wrong:
                print(f"{case}: {what}", file=sys.stderr, flush=True)
            failed |= bool(wrong)
    if sys.argv[2:] and not written_before():
        sys.exit(failed)
    with open(os.path.join(HERE, "results.tsv"), "w") as out:
        out.writelines("\t".join(row) + "\n" for row in [HEAD] + [rows[case] for case in every if case in rows])
    sys.exit(failed)


if __name__ == "__main__":
    main()
