"""Measuring the sensitivity signal on texts whose truth is known. Commands and benchmarks share what stands here.

Reading order: `rows` (a file's lines, and what is true of them), `looking` (what the inspection says, and how long it
took), `tally` (counts and shares, pure), `report` (tables for people, JSON for programs). No text is in any of the
numbers, only places: file and line.
"""
