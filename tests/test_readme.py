"""README.md shows the help that the command line prints today."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_help_in_the_readme_is_generated() -> None:
    script = ROOT / "scripts" / "make_readme.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
