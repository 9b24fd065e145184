"""Models side by side: any result folders of lm_eval as a leaderboard, and two versions of one study."""
