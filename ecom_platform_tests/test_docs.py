"""What the documentation names exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest

from ecom_platform import errors
from ecom_platform.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "decisions").glob("*.md")])
TEXTS = {str(document.relative_to(ROOT)): document.read_text(encoding="utf-8") for document in DOCUMENTS}
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


@pytest.fixture(params=TEXTS)
def name(request: pytest.FixtureRequest) -> str:
    """Each document in turn."""
    return str(request.param)


def code_of(text: str) -> str:
    """The code in a text, one piece per line; prose also says "ecom" and "make"."""
    return "\n".join(piece.strip("`") for piece in CODE.findall(text))


def test_the_readme_is_short_and_begins_with_the_two_commands() -> None:
    """Nobody reads a long one; depth is elsewhere."""
    lines = README.splitlines()
    first = {command: next(n for n, line in enumerate(lines, 1) if line.startswith(command)) for command in
             ("make demo", "make test")}  # fmt: skip

    assert len(lines) <= 200
    assert max(first.values()) <= 37


def test_commands_and_flags_exist(name: str) -> None:
    """Every `ecom …` of a document, flags included."""
    from ecom_platform.cli import cli

    for command, rest in re.findall(r"\becom ([a-z][a-z-]*)((?: [^\n`]*)?)", code_of(TEXTS[name])):
        assert command in cli.commands, f"{name} names `ecom {command}`"
        known = {flag for option in cli.commands[command].params for flag in option.opts}
        flags = set(re.findall(r"(?<= )--[a-z-]+", rest.split("#")[0])) - {"--help"}
        assert flags <= known, f"{name} names `ecom {command} {' '.join(flags - known)}`"


def test_every_command_is_in_the_readme() -> None:
    """A command no program can find does not exist."""
    from ecom_platform.cli import cli

    assert {f"ecom {command}" for command in cli.commands} <= set(re.findall(r"ecom [a-z-]+", code_of(README)))


def test_make_targets_exist(name: str) -> None:
    """Every `make …` of a document."""
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        word
        for words in re.findall(r"(?<!cannot )\bmake((?: [a-z][a-z-]*)+)", code_of(TEXTS[name]))
        for word in words.split()
    }  # fmt: skip

    assert named <= targets


def test_settings_exist(name: str) -> None:
    """Every `ECOM_…` of a document is a setting."""
    named = set(re.findall(r"\bECOM_[A-Z_]+[A-Z]\b", TEXTS[name]))

    assert {variable.removeprefix("ECOM_").lower() for variable in named} <= set(Settings.model_fields)


def test_links_lead_somewhere(name: str) -> None:
    """Files of the repository, headings in them, and no picture that is missing."""
    for target in re.findall(r"\]\(([^)]+)\)", TEXTS[name]):
        if target.startswith("https://"):
            continue
        file, _, heading = target.partition("#")
        document = (ROOT / name).parent / file if file else ROOT / name
        assert document.exists(), f"{name} links {target}"
        if heading:
            titles = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w\s-]", "", title).lower().replace(" ", "-") for title in titles}


def test_modules_exist(name: str) -> None:
    """Every `….py` of a document, with as much of its path as the document says."""
    folders = ("ecom_platform", "ecom_platform_tests", "dashboard", "benchmarks", "docs", "docker")
    files = ["setup.py", *(str(file.relative_to(ROOT)) for folder in folders for file in (ROOT / folder).rglob("*.py"))]
    for module in re.findall(r"`([\w/]+\.py)`", TEXTS[name]):
        assert any(f"/{file}".endswith(f"/{module}") for file in files), f"{name} names {module}"


def test_contributing_names_every_room_in_the_order_of_the_layers() -> None:
    """Its table is what `make lint` enforces: the lowest first."""
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    rooms = [
        {room.removeprefix("ecom_platform.") for room in layer.split(" | ")} for layer in reversed(layers[0]["layers"])
    ]
    rows = re.findall(r"^\| (`[^|]+) \| [^|]+ \|$", TEXTS["CONTRIBUTING.md"], re.MULTILINE)
    named = [{room.removesuffix("/").removesuffix(".py") for room in re.findall(r"`([^`]+)`", row)} for row in rows]
    table = named[: next(n for n, row in enumerate(named) if row == {"cli"}) + 1]

    assert table == rooms


def test_the_readmes_defaults_are_the_settings() -> None:
    """Each row of the table with as many defaults as variables."""
    rows = re.findall(r"^\| (`ECOM_[^|]+) \| ([^|]+) \|", README, re.MULTILINE)
    assert rows
    settings = Settings.model_construct().model_dump(mode="json")  # written as people write them
    for variables, defaults in rows:
        names = re.findall(r"ECOM_([A-Z_]+)", variables)
        for variable, shown in zip(names, defaults.replace("`", "").split(","), strict=True):
            assert str(settings[variable.lower()]) == shown.strip()


def test_the_readme_asks_for_what_the_doctor_asks_for() -> None:
    """Memory and disk, in GB."""
    from ecom_platform.local.doctor import NEEDED_DISK_BYTES, NEEDED_MEMORY_BYTES

    assert f"about {NEEDED_MEMORY_BYTES >> 30} GB of free memory and {NEEDED_DISK_BYTES >> 30} GB of disk" in README


def test_the_readmes_scenarios_exist() -> None:
    """And none is left out."""
    listed = README[README.index("Scenarios are files") :].split(". ")[0]
    files = {file.stem for file in (ROOT / "ecom_platform" / "simulator" / "scenarios").glob("*.toml")}

    assert set(re.findall(r"`([a-z_]+)`", listed)) == files


def test_the_readmes_exit_codes_are_the_errors() -> None:
    """Every code a command can end with has a meaning there."""
    listed = README[README.index("Exit codes:") :].split("\n\n")[0]
    codes = {cls.exit_code for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, Exception)}

    assert {int(code) for code in re.findall(r"\b\d+\b", listed)} == codes | {130}


def test_the_readmes_symptoms_are_texts_of_errors() -> None:
    """Each quoted symptom is said by the code, so that a search for it finds the row."""
    table = README[README.index("| symptom ") :].split("\n\n")[0]
    code = " ".join(
        re.sub(r'"\s*\n\s*f?"', "", file.read_text(encoding="utf-8"))
        for file in [*(ROOT / "ecom_platform").rglob("*.py"), ROOT / "Makefile"]
    )
    for symptom in re.findall(r"^\| `([^`]+)`", table, re.MULTILINE):
        for part in symptom.split("…"):
            said = part.strip().replace("'stream'", "{role!r}")
            assert said in code, symptom


def test_every_dependency_has_its_reason() -> None:
    """What setup.py asks for at run time is in the table of decision 007, and nothing else is."""
    runtime = (ROOT / "setup.py").read_text(encoding="utf-8").split("DEVELOPMENT")[0]
    asked = set(re.findall(r'^    "([a-z0-9-]+)', runtime, re.MULTILINE))
    table = TEXTS["docs/decisions/007-dependencies.md"]
    explained = {
        name for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)
    }

    assert explained == asked


def test_decisions_say_context_choice_and_cost() -> None:
    """In that order, under a number of their own."""
    decisions = [text for name, text in TEXTS.items() if name.startswith("docs/decisions/")]
    numbers = [re.match(r"# (\d{3}) ", text) for text in decisions]

    assert [int(number.group(1)) for number in numbers if number] == list(range(1, len(decisions) + 1))
    for text in decisions:
        places = [text.find(f"**{part}.**") for part in ("Context", "Choice", "Cost")]
        assert -1 < places[0] < places[1] < places[2]


def test_commands_are_commands() -> None:
    """The tests above look at real commands, not at nothing."""
    from ecom_platform.cli import cli

    assert all(isinstance(command, click.Command) for command in cli.commands.values())
    assert len(cli.commands) >= 8
