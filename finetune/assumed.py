"""What a plan assumes where neither a measurement nor the user says."""

UTILISATION = 0.4
"""Model FLOPs utilisation: the share of a device's stated peak that whole training steps reach. Published: 0.38 to 0.43
for Llama 3 on H100 GPUs (Dubey et al. 2024, table 4), 0.46 for PaLM (Chowdhery et al. 2022). Small steps reach less."""
BANDWIDTH = 20.0
"""Megabytes a second of a download, where none is given."""
