//! The machines the shop runs on and its databases, as the receivers of a collector report them.
//! Their numbers come from the seed and the time alone, so that visitors do the same with and without them.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::attributes::text;
use super::fleet::SCHEMA_URL;
use super::instruments::{Period, real, whole};
use super::metrics::{CUMULATIVE, counter, gauge, up_down};
use super::traffic::{SECOND, normal};

/// Machines, as `Fleet::resource` names them.
const WORKERS: u16 = 5;
const MEBIBYTE: f64 = 1_048_576.0;
/// How often load rises and falls again.
const SWING: f64 = 1_800.0;
const CONNECTIONS_MAX: i64 = 200;

/// What the receivers have counted so far.
#[derive(Debug, Default)]
pub(super) struct Machines {
    since: Option<u64>,
    collected_at: u64,
    counted: BTreeMap<(String, &'static str), f64>,
}

impl Machines {
    /// One collection: the points of every machine and database.
    pub(super) fn collect(&mut self, seed: u64, at: u64) -> Vec<ResourceMetrics> {
        let start = *self.since.get_or_insert(at - SECOND);
        let elapsed = at.saturating_sub(self.collected_at.max(start)) as f64 / 1e9;
        self.collected_at = at;
        let mut collected = Vec::new();
        for number in 0..WORKERS {
            let look = Look::new(seed, u64::from(number), Period { start, end: at }, elapsed);
            collected.push(self.worker(number, look));
        }
        let look = Look::new(seed, 100, Period { start, end: at }, elapsed);
        collected.push(self.postgresql(look));
        let look = Look::new(seed, 101, Period { start, end: at }, elapsed);
        collected.push(self.redis(look));
        collected
    }

    fn worker(&mut self, number: u16, mut look: Look) -> ResourceMetrics {
        let node = format!("worker-{number}");
        let name = format!("{node}.eu-west-1.shop.internal");
        let (busy, used) = (look.share(0.35, 0.15), look.share(0.58, 0.05));
        // The root of a machine fills up over hours and is cleared again.
        let full = 0.45 + 0.3 * ((look.seconds() / 28_800.0 + f64::from(number) * 0.2) % 1.0);
        let by = |key: &str, shares: &[(&str, f64)]| -> Vec<NumberDataPoint> {
            shares.iter().map(|(value, share)| real(vec![text(key, *value)], look.period, *share)).collect()
        };
        let cpu = by("cpu.mode", &[("user", busy * 0.8), ("system", busy * 0.2), ("idle", 1.0 - busy)]);
        let memory = by("system.memory.state", &[("used", used), ("free", 1.0 - used)]);
        let filesystem = |state: &str, mountpoint: &str, share| {
            let attributes =
                vec![text("system.filesystem.state", state), text("system.filesystem.mountpoint", mountpoint)];
            real(attributes, look.period, share)
        };
        let filesystems = vec![
            filesystem("used", "/", full),
            filesystem("free", "/", 1.0 - full),
            filesystem("used", "/var/lib/containerd", 0.62),
            filesystem("free", "/var/lib/containerd", 0.38),
        ];
        let processes = [("running", 4 + (busy * 8.0) as i64), ("sleeping", 180 + i64::from(number) * 7)];
        let processes =
            processes.map(|(status, count)| whole(vec![text("process.state", status)], look.period, count)).to_vec();
        let metrics = vec![
            gauge("system.cpu.utilization", "1", cpu),
            gauge("system.memory.utilization", "1", memory),
            gauge("system.filesystem.utilization", "1", filesystems),
            up_down("system.process.count", "{process}", processes),
            counter("system.disk.io", "By", CUMULATIVE, self.disk(&name, busy, &mut look)),
            counter("system.network.io", "By", CUMULATIVE, self.network(&name, busy, &mut look)),
        ];
        let attributes =
            vec![text("host.name", name), text("k8s.node.name", node), text("k8s.cluster.name", "shop-eu-west-1")];
        reported("hostmetricsreceiver", attributes, metrics)
    }

    fn disk(&mut self, machine: &str, busy: f64, look: &mut Look) -> Vec<NumberDataPoint> {
        let (read, write) = (look.around(6.0 * busy), look.around(14.0 * busy));
        let attributes = |direction: &str| vec![text("system.device", "nvme0n1"), text("disk.io.direction", direction)];
        vec![
            whole(attributes("read"), look.period, self.count(machine, "read", read * MEBIBYTE, look)),
            whole(attributes("write"), look.period, self.count(machine, "write", write * MEBIBYTE, look)),
        ]
    }

    fn network(&mut self, machine: &str, busy: f64, look: &mut Look) -> Vec<NumberDataPoint> {
        let (receive, transmit) = (look.around(9.0 * busy), look.around(11.0 * busy));
        let attributes =
            |direction: &str| vec![text("network.interface.name", "eth0"), text("network.io.direction", direction)];
        vec![
            whole(attributes("receive"), look.period, self.count(machine, "receive", receive * MEBIBYTE, look)),
            whole(attributes("transmit"), look.period, self.count(machine, "transmit", transmit * MEBIBYTE, look)),
        ]
    }

    fn postgresql(&mut self, mut look: Look) -> ResourceMetrics {
        let (backends, lag) = (look.around(70.0) as i64, look.around(0.4));
        let size = self.count("postgres", "size", 0.02 * MEBIBYTE, &look) + (18_000.0 * MEBIBYTE) as i64;
        let replica = vec![text("operation", "replay"), text("replication_client", "replica-1")];
        let metrics = vec![
            up_down("postgresql.backends", "1", vec![whole(Vec::new(), look.period, backends.min(CONNECTIONS_MAX))]),
            gauge("postgresql.connection.max", "{connections}", vec![whole(Vec::new(), look.period, CONNECTIONS_MAX)]),
            gauge("postgresql.wal.lag", "s", vec![real(replica, look.period, lag)]),
            up_down("postgresql.db_size", "By", vec![whole(Vec::new(), look.period, size)]),
        ];
        let attributes = vec![text("host.name", "postgres.shop.internal"), text("postgresql.database.name", "shop")];
        reported("postgresqlreceiver", attributes, metrics)
    }

    fn redis(&mut self, mut look: Look) -> ResourceMetrics {
        let (hits, misses) = (look.around(240.0), look.around(14.0));
        let hits = whole(Vec::new(), look.period, self.count("redis", "hits", hits, &look));
        let misses = whole(Vec::new(), look.period, self.count("redis", "misses", misses, &look));
        let used = (look.around(310.0) * MEBIBYTE) as i64;
        let metrics = vec![
            counter("redis.keyspace.hits", "{hit}", CUMULATIVE, vec![hits]),
            counter("redis.keyspace.misses", "{miss}", CUMULATIVE, vec![misses]),
            gauge("redis.memory.used", "By", vec![whole(Vec::new(), look.period, used)]),
        ];
        reported("redisreceiver", vec![text("host.name", "redis.shop.internal")], metrics)
    }

    /// What was counted since the start, when it grew so fast since the last look.
    fn count(&mut self, machine: &str, series: &'static str, per_second: f64, look: &Look) -> i64 {
        let counted = self.counted.entry((machine.to_owned(), series)).or_default();
        *counted += per_second * look.elapsed;
        *counted as i64
    }
}

/// One look at one machine.
#[derive(Debug)]
struct Look {
    period: Period,
    elapsed: f64,
    /// By this much machines are busy at different times.
    shift: f64,
    rng: ChaCha8Rng,
}

impl Look {
    fn new(seed: u64, machine: u64, period: Period, elapsed: f64) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed ^ machine.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ period.end);
        Self { period, elapsed, shift: machine as f64, rng }
    }

    fn seconds(&self) -> f64 {
        (self.period.end / SECOND) as f64
    }

    /// A share that swings so far around its middle, within 2 % and 98 %.
    fn share(&mut self, middle: f64, swing: f64) -> f64 {
        let wave = ((self.seconds() / SWING + self.shift / 5.0) % 1.0 * TAU).sin();
        (middle + swing * wave + 0.03 * normal(&mut self.rng)).clamp(0.02, 0.98)
    }

    /// A number around this one, never below nothing.
    fn around(&mut self, middle: f64) -> f64 {
        (middle * (1.0 + 0.15 * normal(&mut self.rng))).max(0.0)
    }
}

fn reported(receiver: &str, mut attributes: Vec<KeyValue>, metrics: Vec<Metric>) -> ResourceMetrics {
    attributes.extend([
        text("deployment.environment.name", "production"),
        text("os.type", "linux"),
        text("cloud.region", "eu-west-1"),
    ]);
    let name = format!("github.com/open-telemetry/opentelemetry-collector-contrib/receiver/{receiver}");
    let scope = InstrumentationScope { name, version: "0.144.0".to_owned(), ..InstrumentationScope::default() };
    ResourceMetrics {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_metrics: vec![ScopeMetrics { scope: Some(scope), metrics, schema_url: SCHEMA_URL.to_owned() }],
        schema_url: SCHEMA_URL.to_owned(),
    }
}
