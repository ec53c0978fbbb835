"""Writes the command line's help into README.md, between its two marks; a test holds the two together.

python scripts/make_readme.py [--check]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import click

from crossmodal.cli import cli

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- help: begin (scripts/make_readme.py) -->", "<!-- help: end -->"
WIDTH = 100


def help_text() -> str:
    """The help of all commands as Markdown."""
    parts = []
    for name in cli.commands:
        command = cli.commands[name]
        context = click.Context(command, info_name=f"crossmodal {name}", terminal_width=WIDTH, max_content_width=WIDTH)
        parts.append(command.get_help(context))
    return "\n".join(["```text", "\n\n\n".join(parts), "```"])


def updated(readme: str) -> str:
    """README with the help of today."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{help_text()}\n\n{END}{after}"


def main() -> None:
    """Writes, or with --check only compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    now = README.read_text(encoding="utf-8")
    wanted = updated(now)
    if check and now != wanted:
        sys.exit("README.md: its command line help is out of date; run python scripts/make_readme.py")
    if not check:
        README.write_text(wanted, encoding="utf-8")


if __name__ == "__main__":
    main()
