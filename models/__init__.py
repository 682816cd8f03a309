"""What tidegate trains and ships. Each model has a folder of its own; `catalogue.yaml` lists their files and hashes."""
