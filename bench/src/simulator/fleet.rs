//! The processes the shop runs on: which are up, what they are called, what their resource says.
//! A process that dies comes back as another process: same pod, new instance id, counters from zero.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::attributes::{int, text, texts};
use super::faults::{Faults, Life};
use super::topology::{Language, Library, Profile, SERVICES, Service};

pub(super) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.45.0";
const BAD_CATALOG_VERSION: &str = "2.15.0";

/// One life of one pod of a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Process {
    pub(super) service: Service,
    pub(super) ordinal: u16,
    pub(super) life: Life,
}

/// What tells one process from every other, in an order that never changes.
pub(super) type ProcessKey = (Service, u16, u16);

impl Process {
    pub(super) fn key(self) -> ProcessKey {
        (self.service, self.ordinal, self.life.generation)
    }

    pub(super) fn profile(self) -> Profile {
        self.service.profile()
    }

    /// True while the process can still report something that happened at this time.
    pub(super) fn lives_at(self, at: u64) -> bool {
        self.life.killed_at.is_none_or(|killed_at| at < killed_at)
    }
}

/// All processes of the shop.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) seed: u64,
    pub(super) faults: Faults,
}

impl Fleet {
    /// One of the processes of a service that are up, if any.
    pub(super) fn pick(&self, service: Service, at: u64, rng: &mut ChaCha8Rng) -> Option<Process> {
        let up: Vec<Process> = self.processes_of(service, at).collect();
        up.choose(rng).copied()
    }

    /// Every process that is up.
    pub(super) fn processes(&self, at: u64) -> impl Iterator<Item = Process> {
        SERVICES.into_iter().flat_map(move |service| self.processes_of(service, at))
    }

    fn processes_of(&self, service: Service, at: u64) -> impl Iterator<Item = Process> {
        (0..service.profile().processes).filter_map(move |ordinal| {
            let life = self.faults.life(service, ordinal, at)?;
            Some(Process { service, ordinal, life })
        })
    }

    pub(super) fn version(&self, process: Process) -> &'static str {
        if self.faults.runs_bad_version(process.service, process.life) {
            BAD_CATALOG_VERSION
        } else {
            process.profile().version
        }
    }

    pub(super) fn memory_bytes(&self, process: Process, at: u64) -> f64 {
        let profile = process.profile();
        let (usual, limit) = (f64::from(profile.memory_mib), f64::from(profile.memory_limit_mib));
        let leaked = (limit - usual) * self.faults.leaked_share(process.life, at);
        (usual + leaked) * 1_048_576.0
    }

    /// The pod a process runs in; a new version comes in a new pod, a restart stays in the old one.
    pub(super) fn pod_name(&self, process: Process) -> String {
        let redeployed = self.faults.runs_bad_version(process.service, process.life);
        let replica_set = if redeployed { 0x5f8c_6d9b_u32 } else { 0x7d4b_9c6f };
        let pod = self.names(process, u64::from(redeployed)).random::<u32>() >> 12;
        let profile = process.profile();
        format!("{}-{:08x}-{pod:05x}", profile.name, replica_set ^ u32::from(profile.port))
    }

    pub(super) fn resource(&self, process: Process) -> Resource {
        let profile = process.profile();
        let mut rng = self.names(process, 1_000 + u64::from(process.life.generation));
        let node = format!("worker-{}", (process.ordinal + profile.port) % 5);
        let (runtime, runtime_version) = profile.language.runtime();
        let pod_name = self.pod_name(process);
        let attributes = vec![
            text("service.name", profile.name),
            text("service.namespace", "shop"),
            text("service.version", self.version(process)),
            text("service.instance.id", uuid(&mut rng)),
            text("deployment.environment.name", "production"),
            text("telemetry.sdk.name", "opentelemetry"),
            text("telemetry.sdk.language", profile.language.name()),
            text("telemetry.sdk.version", profile.language.sdk_version()),
            text("host.name", format!("{node}.eu-west-1.shop.internal")),
            text("os.type", "linux"),
            int("process.pid", rng.random_range(1..400)),
            texts("process.command_args", &[profile.language.command(), profile.name]),
            text("process.runtime.name", runtime),
            text("process.runtime.version", runtime_version),
            text("container.image.name", format!("registry.shop.example/{}", profile.name)),
            text("k8s.cluster.name", "shop-eu-west-1"),
            text("k8s.namespace.name", "shop"),
            text("k8s.deployment.name", profile.name),
            text("k8s.pod.name", pod_name),
            text("k8s.node.name", node),
            text("cloud.region", "eu-west-1"),
        ];
        Resource { attributes, ..Resource::default() }
    }

    /// A generator for the names of one process, apart from the one that drives the traffic.
    fn names(&self, process: Process, purpose: u64) -> ChaCha8Rng {
        let identity = (process.service as u64) << 32 | u64::from(process.ordinal) << 16 | purpose;
        ChaCha8Rng::seed_from_u64(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ identity)
    }
}

fn uuid(rng: &mut ChaCha8Rng) -> String {
    let bits = rng.random::<u128>() & !(0xf << 76) & !(0b11 << 62) | 0x4 << 76 | 0b10 << 62;
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

impl Language {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Node => "nodejs",
            Self::Java => "java",
            Self::Python => "python",
            Self::Dotnet => "dotnet",
            Self::Rust => "rust",
            Self::Ruby => "ruby",
        }
    }

    fn sdk_version(self) -> &'static str {
        match self {
            Self::Go => "1.38.0",
            Self::Node => "2.1.0",
            Self::Java => "1.54.1",
            Self::Python => "1.37.0",
            Self::Dotnet => "1.12.0",
            Self::Rust => "0.33.0",
            Self::Ruby => "1.9.0",
        }
    }

    fn runtime(self) -> (&'static str, &'static str) {
        match self {
            Self::Go => ("go", "go1.25.1"),
            Self::Node => ("nodejs", "22.19.0"),
            Self::Java => ("OpenJDK Runtime Environment", "21.0.8+9-LTS"),
            Self::Python => ("cpython", "3.13.7"),
            Self::Dotnet => (".NET", "9.0.8"),
            Self::Rust => ("rustc", "1.95.0"),
            Self::Ruby => ("ruby", "3.4.5"),
        }
    }

    fn command(self) -> &'static str {
        match self {
            Self::Go | Self::Rust => "/app/server",
            Self::Node => "node",
            Self::Java => "java",
            Self::Python => "python",
            Self::Dotnet => "dotnet",
            Self::Ruby => "bundle",
        }
    }
}

/// The scope a library of this language reports under.
pub(super) fn scope(process: Process, library: Library) -> InstrumentationScope {
    let (name, version) = library_of(process, library);
    InstrumentationScope { name, version: version.to_owned(), ..InstrumentationScope::default() }
}

fn library_of(process: Process, library: Library) -> (String, &'static str) {
    let profile = process.profile();
    let part = match library {
        Library::HttpServer => "http.server",
        Library::HttpClient => "http.client",
        Library::Rpc => "grpc",
        Library::Database => "sql",
        Library::Messaging => "kafka",
        Library::Runtime => "runtime",
        Library::Own => return (format!("shop.{}", profile.name), profile.version),
    };
    let named = match profile.language {
        Language::Go => format!("go.opentelemetry.io/contrib/instrumentation/{}", part.replace('.', "/")),
        Language::Node => format!("@opentelemetry/instrumentation-{}", part.replace('.', "-")),
        Language::Java => format!("io.opentelemetry.{part}"),
        Language::Python => format!("opentelemetry.instrumentation.{}", part.replace('.', "_")),
        Language::Dotnet => format!("OpenTelemetry.Instrumentation.{part}"),
        Language::Rust => format!("opentelemetry_{}", part.replace('.', "_")),
        Language::Ruby => format!("OpenTelemetry::Instrumentation::{part}"),
    };
    (named, profile.language.sdk_version())
}
