"""Helpers of this folder's tests lie here, for those in folders of parts too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
