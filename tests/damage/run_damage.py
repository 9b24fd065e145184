"""`python tests/damage/run_damage.py COUNT [TARGET ...]`: damages files COUNT times a target, and prints a table."""

import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE), str(HERE.parent / "report")]

from damage_targets import TARGETS, trials  # noqa: E402


def main(count: int, wanted: list[str], first_seed: int = 0) -> None:
    for target in TARGETS:
        if wanted and target.name not in wanted:
            continue
        faults, ways = Counter[str](), Counter[str]()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            for trial in trials(target, Path(folder), count=count, first_seed=first_seed):
                ways[trial.way] += 1
                if trial.fault:
                    faults[trial.fault.split(": ")[0]] += 1
                    print(
                        f"  {trial.target} seed {trial.seed} {trial.file} {trial.way}: {trial.fault}",
                        file=sys.stderr,
                        flush=True,
                    )
            os.chdir("/")
        print(f"{target.name}: {sum(ways.values())} trials {dict(ways)}, {sum(faults.values())} faults", flush=True)
        for fault, number in faults.most_common():
            print(f"    {number:5} {fault}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:], int(os.environ.get("FIRST_SEED", "0")))
