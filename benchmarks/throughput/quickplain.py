import sys, time, tempfile
from pathlib import Path
import fleet
n = int(sys.argv[1]); 
for opts in (("--concurrency","2"),("--pool","threads","--concurrency","8")):
  for fs in ("always","everysec"):
    with tempfile.TemporaryDirectory() as d, fleet.store(Path(d), fsync=fs) as s, fleet.celery(s,*opts):
        import plain, importlib
        importlib.reload(plain)
        for i in range(100): plain.nothing.delay(str(i)).get(timeout=30)
        t=time.perf_counter()
        rs=[plain.nothing.delay(str(i)) for i in range(n)]
        for r in rs: r.get(timeout=120)
        print(opts, fs, "%.0f/s"%(n/(time.perf_counter()-t)), flush=True)
