"""20,000 rows through POST /v1/imports: rows/s, CPU and memory."""
import asyncio, resource, sys, time, tracemalloc
from pathlib import Path
sys.path.insert(0, "/work/main")
import pytest
from tests.integration.intake.test_imports import importing, table, send, ended, counts
N = int(__import__("os").environ.get("ROWS", "20000"))
async def test_speed(make_database):
    rows=[("name","email","phone","company","title","industry","country","created_at","备注")]
    rows+=[(f"Person {n}", f"p{n}@company{n%5000}.example", f"+8491{n:07d}", f"Company {n%5000}", "Giám đốc", "sản xuất", "VN", "2026-01-02T03:04:05Z", "hello there") for n in range(N)]
    content=table(*rows).encode()
    async with importing(make_database) as bench:
        before=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        cpu=time.process_time(); t=time.perf_counter()
        r=await send(bench, content, "own-list"); 
        t1=time.perf_counter(); c1=time.process_time()
        peak=0; worst=0.0
        end=asyncio.ensure_future(ended(bench, r.json()["import_id"]))
        while not end.done():
            a=time.perf_counter(); await asyncio.sleep(0.005); worst=max(worst,time.perf_counter()-a-0.005)
        f=await end
        t2=time.perf_counter(); c2=time.process_time()
        after=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"\nfile {len(content)/1e6:.1f} MB, upload {t1-t:.2f}s cpu {c1-cpu:.2f}; read {t2-t1:.2f}s = {N/(t2-t1):.0f} rows/s, python cpu {1e6*(c2-c1)/N:.0f} us/row; rss {before/1024:.0f} -> {after/1024:.0f} MB; loop held {worst*1000:.0f} ms", counts(f))
