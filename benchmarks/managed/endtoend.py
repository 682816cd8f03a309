"""The whole path under load: submit, router, Celery, a worker outside with 400 slots, the provider, and the result."""

import json
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import fleet
import psutil

from tidegate.client import Client
from tidegate.job import Job
from tidegate.ledger.census import Census

HERE = Path(__file__).parent
TEXT = "Is this urgent? Answer yes or no. Ticket {}: the printer on the second floor is out of paper."
WARM = 20
PATIENCE_S = 120.0
PROCESSES = {"router": ("router",), "worker": ("worker", "--zone", "outside"), "janitor": ("janitor",)}


def measured(url: str, *, jobs: int) -> dict[str, Any]:
    """So many jobs at once, from the first submit to the last result."""
    with (
        tempfile.TemporaryDirectory(prefix="managed-") as folder,
        fleet.store(Path(folder), fsync="everysec") as (own, _),
    ):
        settings = own.model_copy(update={"policy": HERE / "far.yaml"})
        env = {
            "TIDEGATE_DATA": str(settings.data),
            "TIDEGATE_HOME": str(fleet.HOME),
            "TIDEGATE_POLICY": str(settings.policy_file),
            "TIDEGATE_LOG_LEVEL": "WARNING",
            "TIDEGATE_OPENAI_BASE_URL": url,
            "OPENAI_API_KEY": "none",
        }
        commands = {name: (sys.executable, "-P", "-m", "tidegate", *command) for name, command in PROCESSES.items()}
        with fleet.processes(commands, folder=settings.data, env=env) as pids, Client(settings) as client:
            census = Census(client.ledger.redis)
            fleet.until(lambda: len(census.workers()) == len(PROCESSES), "tidegate")
            for job_id in client.submit_many(Job(text=TEXT.format(f"w{number}")) for number in range(WARM)):
                client.result(job_id, timeout_s=PATIENCE_S)
            return _load(client, url, psutil.Process(pids["worker"]), jobs)


def _load(client: Client, url: str, worker: psutil.Process, jobs: int) -> dict[str, Any]:
    before, began = _cpu_s(worker), time.perf_counter()
    ids = client.submit_many(Job(text=TEXT.format(number)) for number in range(jobs))
    results = [client.result(job_id, timeout_s=PATIENCE_S) for job_id in ids]
    took_s, spent_s = time.perf_counter() - began, _cpu_s(worker) - before
    with urllib.request.urlopen(url.removesuffix("/v1") + "/connections", timeout=10) as told:  # noqa: S310 - ours
        server = json.load(told)
    return {
        "jobs": jobs,
        "jobs_per_s": round(jobs / took_s, 1),
        "p50_s": round(statistics.median(result.timings.total_s for result in results), 2),
        "p50_run_s": round(statistics.median(result.timings.run_s for result in results), 3),
        "worker_cpu_ms": round(spent_s * 1000 / jobs, 2),
        "worker_threads": worker.num_threads(),
        "worker_rss_mib": round(worker.memory_info().rss / 2**20),
        "most_in_flight": server["most_in_flight"],
        "connections": server["opened"],
        "load_1m": os.getloadavg()[0],
    }


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
