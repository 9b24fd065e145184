"""`python tests/damage/run_damage.py COUNT [TARGET ...]`: damages files COUNT times a target, and prints a table.

The environment variable FIRST_SEED (0) gives other trials. A table of files by ways ends the output.
"""

import os
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE), str(HERE.parent / "report")]

from damage_targets import TARGETS, Trial, trials  # noqa: E402


def main(count: int, wanted: list[str], first_seed: int = 0) -> None:
    everything: list[Trial] = []
    for target in TARGETS:
        if wanted and target.name not in wanted:
            continue
        made: list[Trial] = []
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            for trial in trials(target, Path(folder), count=count, first_seed=first_seed):
                made.append(trial)
                if trial.fault:
                    print(
                        f"  {trial.target} seed {trial.seed} {trial.file} {trial.way} ({trial.how}): {trial.fault}",
                        file=sys.stderr,
                        flush=True,
                    )
            os.chdir("/")
        faults = Counter(trial.fault.split(": ")[0] for trial in made if trial.fault)
        ways = dict(Counter(trial.way for trial in made))
        longest = max(made, key=lambda trial: trial.seconds)
        busiest = max(made, key=lambda trial: trial.processor_s)
        print(
            f"{target.name}: {len(made)} trials {ways}, {sum(faults.values())} faults, longest {longest.seconds:.1f} s "
            f"(seed {longest.seed}), of the processor {busiest.processor_s:.1f} s (seed {busiest.seed})",
            flush=True,
        )
        for fault, number in faults.most_common():
            print(f"    {number:5} {fault}", flush=True)
        everything += made
    for line in table(everything):
        print(line)


def table(made: list[Trial]) -> list[str]:
    """Returns how many trials there were of each file's kind (a row) and each way (a column), as Markdown."""
    ways = sorted({trial.way for trial in made})
    files: dict[str, Counter[str]] = defaultdict(Counter)
    for trial in made:
        files[Path(trial.file).name][trial.way] += 1
    lines = [f"| file | {' | '.join(ways)} | all |", "|---" * (len(ways) + 2) + "|"]
    for name, counts in sorted(files.items()):
        cells = [str(counts[way]) for way in ways]
        lines.append(f"| {name} | {' | '.join(cells)} | {sum(counts.values())} |")
    how = Counter((trial.way, trial.how) for trial in made)
    lines += ["", "| way | what it does | trials |", "|---|---|---|"]
    return lines + [f"| {way} | {what} | {number} |" for (way, what), number in sorted(how.items())]


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:], int(os.environ.get("FIRST_SEED", "0")))
