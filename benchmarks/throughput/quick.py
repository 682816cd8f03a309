import sys, time, tempfile, psutil, os
from pathlib import Path
import fleet
from tidegate.job import Job
n = int(sys.argv[1]) if len(sys.argv)>1 else 2000
fs = sys.argv[2] if len(sys.argv)>2 else "always"
many = len(sys.argv)>3 and "m" in sys.argv[3]
def job(i): return Job(text=f"Is this urgent? Answer yes or no. Ticket {i}: the printer on the second floor is out of paper.")
def cpu():
    out={}
    for p in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        c=p.cpu_times(); cl=p.cmdline(); name="store" if "server" in cl[0] else ("producer" if p.pid==os.getpid() else cl[-1] if cl[-1] in("router","janitor") else "worker")
        out[name]=c.user+c.system
    return out
def tell(a,b,n): print("  CPU ms/job:", {k: round((b[k]-a.get(k,0))*1000/n,2) for k in b}, "sum", round(sum(b[k]-a.get(k,0) for k in b)*1000/n,2))
with tempfile.TemporaryDirectory() as d, fleet.store(Path(d), fsync=fs) as s, fleet.tidegate(s) as c:
    for i in range(50): c.result(c.submit(job(i)), timeout_s=60)
    took=[]; a=cpu()
    for i in range(200):
        t=time.perf_counter(); c.result(c.submit(job(i)), timeout_s=60); took.append((time.perf_counter()-t)*1000)
    took.sort(); print("one at a time p50 %.1f p99 %.1f ms"%(took[100],took[197])); tell(a,cpu(),200)
    a=cpu()
    t=time.perf_counter()
    if many: ids=c.submit_many([job(i) for i in range(n)])
    else: ids=[c.submit(job(i)) for i in range(n)]
    t1=time.perf_counter(); b=cpu(); 
    for i in ids: c.result(i, timeout_s=300)
    t2=time.perf_counter()
    print("n",n,"submit/s %.0f"%(n/(t1-t)),"end to end/s %.0f"%(n/(t2-t)), "drain s %.1f"%(t2-t1)); tell(a,b,n); tell(a,cpu(),n)
    if len(sys.argv)>4:
        pid={p.cmdline()[-1]:p.pid for p in psutil.Process().children(recursive=True)}
        for who in sys.argv[4].split(","):
            import subprocess
            x=subprocess.Popen(["/work/main/.venv/bin/py-spy","record","-p",str(pid[who]),"-d","12","-r","200","-f","raw","-o",f"/tmp/prof.{who}"],stdout=subprocess.DEVNULL)
            for k in range(3):
                ids=c.submit_many([job(i) for i in range(n)])
                for i in ids: c.result(i, timeout_s=300)
            x.wait()
    print(Path(d,"processes.log").read_text()[-1500:])
