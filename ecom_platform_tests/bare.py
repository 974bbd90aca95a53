"""The README's two commands in fresh Debian trees with Python, venv, make and git, as a user without rights.

    make test-bare [ARGS="--suite trixie --command demo --folder /var/tmp/bare --keep"]

For each suite a tree is made with `debootstrap`, from the mirror that this machine's own apt uses; the clone is copied
in as it is committed; and each command runs in its own mount, process and host name spaces, with nothing set but HOME
and PATH. Only root can do that. The loopback interface is this machine's: the platform's default ports must be free.

A tree gets from this machine what its network needs, and the report names it: /etc/resolv.conf, the file of trusted
authorities (put where a company's administrator puts it), and what `--pass-variable` and `--pass-file` name.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
EVIDENCE = ROOT / "docs" / "evidence"
SUITES = ("bookworm", "trixie")
PACKAGES = "python3,python3-venv,make,git"
COMMANDS = {"demo": ["make", "demo"], "test": ["make", "test"]}
DEMO_FLAGS = "--for 60 --no-browser"
USER, UID = "newcomer", 4711
CLONE = f"/home/{USER}/ecom-platform"
PATH = "/usr/local/bin:/usr/bin:/bin"
NEEDED = ("debootstrap", "unshare", "setpriv", "chroot", "git")
TAIL_LINES = 12
# Inside the name spaces, so that no mount is left, however this ends. The shell stays: the first process of a name
# space is the one that must take note of the end of orphans.
ENTER = """
tree=$1; shift
mount -t proc proc "$tree/proc"
mount --rbind --make-rslave /sys "$tree/sys"
mount -t tmpfs -o mode=1777 shm "$tree/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$tree/dev/pts"
chroot "$tree" "$@"
exit $?
"""
HOSTS = """127.0.0.1 localhost
127.0.1.1 {name}
::1 localhost ip6-localhost ip6-loopback
"""


@dataclass(frozen=True)
class Outcome:
    """One command in one tree."""

    suite: str
    system: str
    command: str
    code: int
    seconds: float
    tail: str


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for and write the report; 0 when every command succeeded, and when it cannot be tried here."""
    options = _options(arguments)
    if reason := _why_not():
        print(f"Skipped: {reason}.")
        return 0
    options.folder.mkdir(parents=True, exist_ok=True)
    outcomes: list[Outcome] = []
    now = datetime.now(UTC)
    file = EVIDENCE / f"test-bare-{now:%Y-%m-%d}.md"
    for suite in options.suite or SUITES:
        tree = _tree(suite, options)
        for name in options.command or COMMANDS:
            outcomes.append(_run(suite, tree, name, options))
            # After each, since the whole takes long and may be ended before.
            file.write_text(report(outcomes, _passed_on(options), now), encoding="utf-8")
        if not options.keep:
            shutil.rmtree(tree)
    print(f"Report: {file}")
    return int(any(outcome.code for outcome in outcomes))


def mirror_of(sources: Sequence[str]) -> str | None:
    """The first address in the texts of apt's source files, of either format."""
    for text in sources:
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        for line in lines:
            if found := re.match(r"(?:URIs:\s+|deb\s+(?:\[[^]]*\]\s+)?)(\S+)", line):
                return found[1]
    return None


def report(outcomes: Sequence[Outcome], passed_on: Sequence[str], now: datetime) -> str:
    """What was run, where, with what in its environment, and what it said last."""
    lines = [
        f"# Two commands on bare machines, {now:%Y-%m-%d}",
        "",
        f"`make test-bare` on {os.cpu_count()} cores: `debootstrap --variant=minbase --include={PACKAGES}`, then each",
        "command as a user without rights, in name spaces of its own, with nothing set but HOME and PATH.",
        "",
        f"Passed on, because this machine's network needs it: {', '.join(passed_on)}.",
        "",
        "| system | command | exit code | seconds |",
        "|---|---|---|---|",
        *(f"| {one.system} | `{one.command}` | {one.code} | {one.seconds:.0f} |" for one in outcomes),
    ]
    for one in outcomes:
        lines += ["", f"## {one.system}: `{one.command}`", "", "```", *one.tail.splitlines(), "```"]
    return "\n".join(lines) + "\n"


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--suite", action="append", help=f"of Debian; else {' and '.join(SUITES)}")
    parser.add_argument("--command", action="append", choices=COMMANDS, help="else both")
    parser.add_argument("--demo-args", default=DEMO_FLAGS, help="ARGS of `make demo`")
    parser.add_argument("--test-args", default="", help="ARGS of `make test`, for a part of the tests")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp/ecom-bare"), help="of the trees")  # noqa: S108
    parser.add_argument("--keep", action="store_true", help="leave the trees, and use those that are there")
    parser.add_argument("--pass-variable", action="append", default=[], metavar="NAME", help="of this environment")
    parser.add_argument("--pass-file", action="append", default=[], metavar="FILE[:PATH IN THE TREE]")
    return parser.parse_args(arguments)


def _why_not() -> str | None:
    if os.geteuid() != 0:
        return "only root can make a tree and change into it"
    missing = [name for name in NEEDED if shutil.which(name) is None]
    return f"{', '.join(missing)} is not on the PATH (Debian: apt install debootstrap util-linux)" if missing else None


def _tree(suite: str, options: argparse.Namespace) -> Path:
    """A fresh tree with the user and the clone."""
    tree: Path = options.folder / suite
    if not (tree / "etc" / "debian_version").exists() or not options.keep:
        shutil.rmtree(tree, ignore_errors=True)
        sources = sorted([*Path("/etc/apt").glob("sources.list"), *Path("/etc/apt/sources.list.d").glob("*.*")])
        mirror = mirror_of([file.read_text() for file in sources if file.suffix in (".list", ".sources")])
        if mirror is None:
            sys.exit("apt on this machine names no mirror, so no tree can be made.")
        print(f"{suite}: making a tree", flush=True)
        _do("debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, str(tree), mirror)
    _let_the_network_in(tree, options.pass_file)
    home = tree / "home" / USER
    shutil.rmtree(home, ignore_errors=True)
    if f"{USER}:" not in (tree / "etc" / "passwd").read_text():
        _do("chroot", str(tree), "useradd", "--uid", str(UID), "--no-create-home", USER)
    home.mkdir()
    _do("git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(tree / CLONE.lstrip("/")))
    _do("chown", "--recursive", f"{UID}:{UID}", str(home))
    return tree


def _let_the_network_in(tree: Path, files: Sequence[str]) -> None:
    """Names, the authorities that this machine trusts, and the files that were asked for."""
    for given in ["/etc/resolv.conf", *files]:
        source, _, target = given.partition(":")
        place = tree / (target or source).lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
    # As Debian's installer writes it; debootstrap writes none.
    (tree / "etc/hosts").write_text(HOSTS.format(name=os.uname().nodename))
    if authorities := _authorities():
        # As an administrator does it; the tool splits a file of several into what other programs read.
        own = tree / "usr/local/share/ca-certificates"
        own.mkdir(parents=True, exist_ok=True)
        for number, certificate in enumerate(_certificates(Path(authorities).read_text())):
            (own / f"of-the-machine-{number}.crt").write_text(certificate)
        _do("chroot", str(tree), "update-ca-certificates")


def _certificates(text: str) -> list[str]:
    return re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", text, re.DOTALL)


def _authorities() -> str | None:
    from ecom_platform.runtime.trust import authorities_file

    return authorities_file(os.environ)


def _passed_on(options: argparse.Namespace) -> list[str]:
    files = [given.partition(":")[0] for given in options.pass_file]
    variables = [f"the variable {name}" for name in options.pass_variable]
    return ["/etc/resolv.conf", "the authorities that this machine trusts", *files, *variables]


def _run(suite: str, tree: Path, name: str, options: argparse.Namespace) -> Outcome:
    """Run one command to its end, in name spaces that end everything which it started."""
    flags = options.demo_args if name == "demo" else options.test_args
    command = [*COMMANDS[name], *([f"ARGS={flags}"] if flags else [])]
    shown = f"make {name}" + (f' ARGS="{flags}"' if flags else "")
    log = options.folder / f"{suite}-{name}.log"
    print(f"{suite}: {shown}, to {log}", flush=True)
    begin = time.monotonic()
    with log.open("wb") as output:
        done = subprocess.run(
            [*_entrance(tree), *_environment(options.pass_variable), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
    seconds = time.monotonic() - begin
    print(f"{suite}: ended with {done.returncode} after {seconds:.0f} s", flush=True)
    lines = [line.rstrip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    system = f"Debian {(tree / 'etc/debian_version').read_text().strip()} ({suite}), {_python_of(tree)}"
    return Outcome(suite, system, shown, done.returncode, seconds, "\n".join(lines[-TAIL_LINES:]))


def _entrance(tree: Path) -> list[str]:
    """Into the tree, and out of root's rights. The first process of the name space takes all others with it."""
    spaces = ["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"]
    rights = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs", "--bounding-set=-all"]
    return [*spaces, "bash", "-ec", ENTER, "bash", str(tree), *rights]


def _environment(passed: Sequence[str]) -> list[str]:
    """Nothing but HOME and PATH, and the folder of the clone."""
    set_here = [f"HOME=/home/{USER}", f"PATH={PATH}"]
    set_here += [f"{name}={os.environ[name]}" for name in passed if name in os.environ]
    return ["env", f"--chdir={CLONE}", "--ignore-environment", *set_here]


def _python_of(tree: Path) -> str:
    asked = ["chroot", str(tree), "python3", "--version"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def _do(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"`{' '.join(command[:3])} …` failed with {done.returncode}:\n{done.stdout[-2000:]}")


if __name__ == "__main__":
    # So that what runs in a tree is ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main(sys.argv[1:]))
