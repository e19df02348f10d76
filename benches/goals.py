#!/usr/bin/env python3
"""Measures layerlens against its goals; started by goals.sh, which makes what this needs.

Every goal is the ratio of two commands that ran in turns, in the same seconds of the same machine: the
ratio is taken round by round, and the median of the rounds is what counts. Times of different groups
are never compared. cpu is user and system time together, the steadier figure on a busy machine.

Memory is the largest resident set of the first round, which fills the caches and is not timed. GNU time
reports it: to the kernel, a child of this script begins with this script's own memory.
"""

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

CORES = len(os.sched_getaffinity(0))
MAGICS = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
DECODERS = {"gzip": "igzip -dc", "zstd": "zstd -dcq --single-thread"}


@dataclass
class Sample:
    """One run of one command."""

    wall: float
    cpu: float


class Race:
    """Commands that run in turns."""

    def __init__(self, rounds, commands, cold=None):
        self.peaks = {name: peak_bytes(command) for name, command in commands.items()}
        self.samples = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                if cold:
                    evict(cold)
                self.samples[name].append(run(command))

    def ratio(self, field, name, base):
        pairs = zip(self.samples[name], self.samples[base])
        return statistics.median(getattr(a, field) / getattr(b, field) for a, b in pairs)

    def show(self, title):
        print(f"\n{title}", file=sys.stderr)
        for name, samples in self.samples.items():
            wall, cpu = (statistics.median(getattr(s, f) for s in samples) for f in ("wall", "cpu"))
            peak = self.peaks[name] / 1e6
            print(f"  {name:24} wall {wall:7.3f} s  cpu {cpu:7.3f} s  peak {peak:6.1f} MB", file=sys.stderr)


class Table:
    """The goals and whether they are met."""

    def __init__(self):
        self.missed = 0
        self.rows = []

    def add(self, goal, what, measured, limit, unit="x"):
        is_met = measured <= limit
        self.missed += not is_met
        self.rows.append((goal, what, f"<= {limit:.2f} {unit}", f"{measured:.2f}", "ok" if is_met else "MISSED"))

    def skip(self, goal, what, reason):
        self.rows.append((goal, what, "", "", f"skipped: {reason}"))

    def show(self):
        print(f"{'goal':5} {'what':44} {'limit':>13} {'measured':>9}  ok")
        for goal, what, limit, measured, verdict in self.rows:
            print(f"{goal:5} {what:44} {limit:>13} {measured:>9}  {verdict}")


def words(command):
    """Commands are lists of words, or text for the shell."""
    return command if isinstance(command, list) else ["sh", "-c", command]


def run(command):
    """Runs a command, its output thrown away."""
    with open(os.devnull, "r+b") as null:
        start = time.perf_counter()
        process = subprocess.Popen(words(command), stdin=null, stdout=null, stderr=null)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"goals: ends with {process.returncode}: {command}")
    return Sample(wall, usage.ru_utime + usage.ru_stime)


def peak_bytes(command):
    """Runs a command and returns the resident set of its largest process."""
    with tempfile.NamedTemporaryFile("r") as report:
        timed = ["/usr/bin/time", "-f", "%M", "-o", report.name, *words(command)]
        subprocess.run(timed, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return int(report.read()) * 1024


def evict(path):
    """Drops a file from the page cache."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


class Bench:
    """The images in one directory and the tools to measure them with."""

    def __init__(self, options):
        self.dir = options.dir
        self.rounds = options.rounds
        self.layerlens = options.layerlens
        self.floor = options.floor
        self.diving = shutil.which("diving")
        self.table = Table()

    def image(self, name, variant):
        return str(self.dir / f"{name}-{variant}.tar")

    def open(self, name, variant):
        return [self.layerlens, "--ci", self.image(name, variant)]

    def race(self, title, commands, cold=None):
        race = Race(self.rounds, commands, cold)
        race.show(title)
        return race

    def entries(self, name):
        scan = [self.floor, "--image", self.image(name, "plain")]
        line = subprocess.run(scan, check=True, capture_output=True, text=True).stdout
        return int(line.split("\t")[1].split()[0])

    def decode(self, name, variant):
        """The command that decompresses all layers, largest first, a process for each core."""
        method = variant.split("-")[0]
        blobs = self.extract_layers(name, variant, MAGICS[method])
        listing = blobs[0].parent / "layers"
        listing.write_text("".join(f"{blob}\n" for blob in blobs))
        return f"xargs -a {shlex.quote(str(listing))} -P{CORES} -n1 {DECODERS[method]}"

    def extract_layers(self, name, variant, magic):
        """Puts the compressed blobs of an image into files of their own, once."""
        target = self.dir / f"{name}-{variant}-layers"
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=self.dir) as work:
                extract(self.image(name, variant), Path(work) / "layers", magic)
                (Path(work) / "layers").rename(target)
        return sorted(target.glob("layer-*"), key=lambda path: -path.stat().st_size)

    def plain(self):
        tiny = self.race("tiny plain", {
            "floor": [self.floor, "--image", self.image("tiny", "plain")],
            "layerlens": self.open("tiny", "plain"),
        })
        self.table.add("G1", "tiny plain: wall / floor", tiny.ratio("wall", "layerlens", "floor"), 3.0)
        self.table.add("G1", "tiny plain: cpu / floor", tiny.ratio("cpu", "layerlens", "floor"), 4.5)
        self.memory("tiny", "plain", tiny)
        for name, limit in (("realistic", 1.0), ("large", 0.7)):
            race = self.race(f"{name} plain", {
                "cat": ["cat", self.image(name, "plain")],
                "layerlens": self.open(name, "plain"),
            })
            self.table.add("G2", f"{name} plain: wall / cat", race.ratio("wall", "layerlens", "cat"), limit)
            self.memory(name, "plain", race)

    def compressed(self):
        limits = {
            ("gzip", "tiny"): ("G3", 1.5, 1.7),
            ("gzip", "realistic"): ("G3", 1.25, 1.3),
            ("gzip", "large"): ("G3", 1.25, 1.3),
            ("zstd", "tiny"): ("G4", 1.4, 1.5),
            ("zstd", "realistic"): ("G4", 1.05, 1.1),
            ("zstd", "large"): ("G4", 1.05, 1.1),
        }
        for (variant, name), (goal, cpu, wall) in limits.items():
            decoder = DECODERS[variant].split()[0]
            race = self.race(f"{name} {variant}", {
                decoder: self.decode(name, variant),
                "layerlens": self.open(name, variant),
            })
            what = f"{name} {variant}"
            self.table.add(goal, f"{what}: cpu / {decoder}", race.ratio("cpu", "layerlens", decoder), cpu)
            self.table.add(goal, f"{what}: wall / {decoder}", race.ratio("wall", "layerlens", decoder), wall)
            self.memory(name, variant, race)

    def memory(self, name, variant, race):
        if name == "large":
            limit = 20.0
        else:
            limit = self.entries(name) * 100 / 1e6 + 16
        if variant == "zstd":
            limit += 8 * CORES
        self.table.add("G6", f"{name} {variant}: peak memory", race.peaks["layerlens"] / 1e6, limit, "MB")

    def cold(self):
        path = self.image("realistic", "plain")
        race = self.race("realistic plain, cold cache", {
            "cat": ["cat", path],
            "layerlens": self.open("realistic", "plain"),
        }, cold=path)
        self.table.add("G5", "realistic plain, cold: wall / cat", race.ratio("wall", "layerlens", "cat"), 2.0)

    def against_diving(self):
        home = tempfile.TemporaryDirectory()  # where it keeps its settings and caches
        for name, limit in (("realistic", 1 / 5), ("tiny", 1 / 10)):
            what = f"{name} plain: wall / diving"
            if not self.diving:
                self.table.skip("G7", what, "diving is not installed")
                continue
            # Its rules are broken by these images, which it says by its exit code.
            command = f"{self.diving} --no-skip-base {shlex.quote('file://' + self.image(name, 'plain'))}; test $? -le 1"
            race = self.race(f"{name} plain, diving", {
                "diving": f"HOME={home.name} CI=true {command}",
                "layerlens": self.open(name, "plain"),
            })
            self.table.add("G7", what, race.ratio("wall", "layerlens", "diving"), limit)
            peaks = race.peaks["layerlens"] / race.peaks["diving"]
            self.table.add("G7", f"{name} plain: memory / diving", peaks, 1 / 5)

    def version(self):
        what = "--version: wall / true"
        if not shutil.which("hyperfine"):
            self.table.skip("G9", what, "hyperfine is not installed")
            return
        with tempfile.NamedTemporaryFile() as results:
            commands = [shutil.which("true"), f"{shlex.quote(self.layerlens)} --version"]
            options = ["-N", "--warmup", "50", "--runs", "500", "--style", "none"]
            subprocess.run(
                ["hyperfine", *options, "--export-json", results.name, *commands],
                check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            true, version = (result["median"] for result in json.load(results)["results"])
        self.table.add("G9", what, version / true, 3.0)

    def order(self):
        for variant in ("plain", "gzip"):
            race = self.race(f"tiny {variant}, shuffled", {
                "walk": self.open("tiny", variant),
                "shuffled": self.open("tinyshuf", variant),
            })
            self.table.add("G11", f"tiny {variant}: wall, shuffled / walk", race.ratio("wall", "shuffled", "walk"), 2.5)
        race = self.race("tiny gzip-members", {
            "igzip": self.decode("tiny", "gzip-members"),
            "layerlens": self.open("tiny", "gzip-members"),
        })
        self.table.add("G11", "tiny gzip-members: cpu / igzip", race.ratio("cpu", "layerlens", "igzip"), 1.0)


def extract(archive, target, magic):
    target.mkdir()
    with tarfile.open(archive) as members:
        for number, member in enumerate(members):
            source = members.extractfile(member)
            if source and member.size >= 64 and source.read(len(magic)) == magic:
                source.seek(0)
                with open(target / f"layer-{number}", "wb") as blob:
                    shutil.copyfileobj(source, blob, 1 << 20)


def main():
    parser = argparse.ArgumentParser(description="Measures layerlens against its goals.")
    parser.add_argument("dir", type=Path)
    parser.add_argument("--layerlens", required=True)
    parser.add_argument("--floor", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    bench = Bench(parser.parse_args())
    bench.plain()
    bench.compressed()
    bench.cold()
    bench.against_diving()
    bench.version()
    bench.order()
    bench.table.show()
    return 1 if bench.table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
