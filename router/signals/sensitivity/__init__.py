"""sensitivity: what in a job is personal or secret. Detectors find, `levels.py` judges, nothing here decides."""
