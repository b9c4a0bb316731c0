"""Commands on runs in memory, each a process as its user starts it: what a library says when its process ends is seen too."""

import subprocess
import sys


def test_a_command_that_writes_tables_ends_without_a_word_on_stderr(tmp_path) -> None:
    def econsim(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "econsim", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr

    econsim("run", "genesis", "--periods", "1", "--transport", "memory", "--no-report")

    assert econsim("export", "last", "--parquet", "tables") == (0, "")
