import time, cProfile, pstats, os
from router.main import service
from tests.integration.router.leads import *
from tests.support.harness import a_service
async def test_speed(make_database):
    presets={"routing": one_team("minh","lan","hoa", rules=[{"when":'lead.country == "CN"',"team":"sales"},{"when":'lead.country == "VN"',"team":"sales"}])}
    async with a_service(service(), make_database, presets=presets) as bench:
        import shared.runtime.consumer as c
        attrs=dict(industry="retail",country="SG",source="search",campaign="c1",company_size="11-50",title_level="director")
        def measure(label, batches):
            pass
        n=333
        async def run(label, make, rounds=6):
            best=[]
            cpu=[]
            for r in range(rounds):
                events=make(r)
                records=[bench.record(e) for e in events]
                t=time.perf_counter(); p=time.process_time()
                await bench.deliver_records(records)
                best.append((time.perf_counter()-t)/len(events)*1e6); cpu.append((time.process_time()-p)/len(events)*1e6)
            print(label, "wall us/event", round(min(best),1), "python cpu us/event", round(min(cpu),1))
        await run("captured+scored", lambda r:[e for i in range(500) for e in (captured(("x",r,i),**attrs), scored(("x",r,i),20))])
        await run("captured+scored+qualified", lambda r:[e for i in range(333) for e in story((r,i),**attrs)])
        await run("engaged known unqualified", lambda r:[engaged(("x",r,i%500),f"home_page_viewed") for i in range(1000)])
        await run("mix 5% qualified", lambda r:[e for i in range(400) for e in ([captured(("m",r,i),**attrs), scored(("m",r,i),20)]+([qualified(("m",r,i))] if i%20==0 else []))])
        pr=cProfile.Profile()
        recs=[bench.record(e) for i in range(333) for e in story(("p",i),**attrs)]
        pr.enable(); await bench.deliver_records(recs); pr.disable()
        pstats.Stats(pr).sort_stats("tottime").print_stats(28)
