"""Models side by side: any result folders of lm_eval as a leaderboard, and two versions of one study."""

from report.compare.command import compare, compare_results

__all__ = ["compare", "compare_results"]
