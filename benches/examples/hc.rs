use isolet::*;
use std::time::{Duration, Instant};
fn main() {
    let mode = std::env::args().nth(1).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let free = |name: &str| HostOperation { cost: 0, ..HostOperation::new(name) };
    let pause = HostApi::new("pause")
        .operation(free("none"), async |_, (): ()| Ok(()))
        .operation(free("briefly"), async |_, (): ()| Ok(tokio::time::sleep(Duration::from_millis(50)).await));
    let isolet = Isolet::builder()
        .workers(2)
        .pool(PoolConfig { vms_initial: 100, ..PoolConfig::default() })
        .host(pause)
        .permissions(Permissions::all())
        .runtime(runtime.handle().clone())
        .build()
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let src = |t: &str| Source::new("a.js", t, SourceKind::Script).unwrap();
    let usage = || {
        let t = std::fs::read_dir("/proc/self/task").unwrap();
        let mut v = 0;
        for t in t {
            let s = std::fs::read_to_string(t.unwrap().path().join("status")).unwrap_or_default();
            for l in s.lines() {
                if let Some(n) = l.strip_prefix("voluntary_ctxt_switches:") {
                    v += n.trim().parse::<u64>().unwrap();
                }
            }
        }
        v
    };
    let cpu = || {
        let s = std::fs::read_to_string("/proc/self/stat").unwrap();
        let f: Vec<_> = s.rsplit(')').next().unwrap().split_whitespace().collect();
        (f[11].parse::<u64>().unwrap(), f[12].parse::<u64>().unwrap())
    };
    if mode == "calls" {
        let s = src("for (let n = 0; n < 100; n++) await pause.none()");
        for _ in 0..20 {
            isolet.execute_blocking(Execution::new(s.clone(), TenantId::new("a").unwrap()));
        }
        let (b, v, c) = (Instant::now(), usage(), cpu());
        for _ in 0..300 {
            let r = isolet.execute_blocking(Execution::new(s.clone(), TenantId::new("a").unwrap()));
            assert!(r.is_ok());
        }
        let n = 30000.0;
        let d = cpu();
        println!(
            "{:.1} us a call, {:.2} voluntary switches, cpu user {:.1} us sys {:.1} us",
            b.elapsed().as_micros() as f64 / n,
            (usage() - v) as f64 / n,
            (d.0 - c.0) as f64 * 1e4 / n,
            (d.1 - c.1) as f64 * 1e4 / n
        );
    } else {
        let s = src("await pause.briefly(); 1");
        for round in 0..6 {
            let (b, v, c) = (Instant::now(), usage(), cpu());
            let (started, ended) = runtime.block_on(async {
                let mut set = tokio::task::JoinSet::new();
                for n in 0..1000 {
                    let i = isolet.clone();
                    let e = Execution::new(s.clone(), TenantId::new(format!("t{}", n % 200)).unwrap());
                    set.spawn(async move {
                        let r = i.execute(e).await;
                        assert!(r.is_ok(), "{r:?}");
                        (r, Instant::now())
                    });
                }
                let all = set.join_all().await;
                let mut ends: Vec<_> = all.iter().map(|(_, e)| e.duration_since(b).as_millis()).collect();
                ends.sort();
                let mut waits: Vec<_> = all.iter().map(|(r, _)| r.queue.waited_us / 1000).collect();
                waits.sort();
                ((waits[500], waits[999]), (ends[0], ends[500], ends[999]))
            });
            let d = cpu();
            let m = isolet.metrics().pool;
            println!(
                "round {round}: {:?}, queue waits p50,max {started:?} ms, ends first,p50,last {ended:?}; {:.1} switches a run, cpu user {} sys {} ms, parks {}",
                b.elapsed(),
                (usage() - v) as f64 / 1000.0,
                (d.0 - c.0) * 10,
                (d.1 - c.1) * 10,
                m.parks_total
            );
        }
    }
}
