//! The words the shop is described in: services, operations, the steps an operation takes.
//! `operations.rs` says with them what the shop does.

use super::traffic::Latency;

/// A service of the shop; each runs as several processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Service {
    Gateway,
    Frontend,
    Catalog,
    Search,
    Recommendation,
    Cart,
    Checkout,
    Payment,
    Inventory,
    Shipping,
    Email,
}

pub(super) const SERVICES: [Service; 11] = [
    Service::Gateway,
    Service::Frontend,
    Service::Catalog,
    Service::Search,
    Service::Recommendation,
    Service::Cart,
    Service::Checkout,
    Service::Payment,
    Service::Inventory,
    Service::Shipping,
    Service::Email,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Go,
    Node,
    Java,
    Python,
    Dotnet,
    Rust,
    Ruby,
}

/// What is fixed about a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Profile {
    pub(super) name: &'static str,
    pub(super) language: Language,
    pub(super) version: &'static str,
    pub(super) processes: u16,
    pub(super) port: u16,
    pub(super) memory_mib: u32,
    pub(super) memory_limit_mib: u32,
}

impl Service {
    pub(super) const fn profile(self) -> Profile {
        use Language::*;
        match self {
            Self::Gateway => profile("gateway", Go, "1.31.4", (2, 8080), (64, 256)),
            Self::Frontend => profile("frontend", Node, "5.8.0", (3, 3000), (210, 512)),
            Self::Catalog => profile("catalog", Go, "2.14.0", (3, 3550), (48, 256)),
            Self::Search => profile("search", Java, "3.2.1", (2, 9200), (820, 1536)),
            Self::Recommendation => profile("recommendation", Python, "1.9.3", (2, 8000), (180, 512)),
            Self::Cart => profile("cart", Dotnet, "4.0.12", (2, 7070), (140, 384)),
            Self::Checkout => profile("checkout", Java, "6.3.0", (3, 5050), (610, 1024)),
            Self::Payment => profile("payment", Node, "2.7.5", (2, 50051), (130, 384)),
            Self::Inventory => profile("inventory", Dotnet, "1.12.0", (2, 7080), (150, 384)),
            Self::Shipping => profile("shipping", Rust, "0.18.2", (2, 50052), (22, 128)),
            Self::Email => profile("email", Ruby, "1.4.9", (2, 6060), (95, 256)),
        }
    }
}

const fn profile(
    name: &'static str,
    language: Language,
    version: &'static str,
    (processes, port): (u16, u16),
    (memory_mib, memory_limit_mib): (u32, u32),
) -> Profile {
    Profile { name, language, version, processes, port, memory_mib, memory_limit_mib }
}

/// Something a service does for a caller.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) service: Service,
    pub(super) entry: Entry,
    /// Time in the service's own code, outside its steps.
    pub(super) own: Latency,
    /// How likely it fails by itself, and how.
    pub(super) failure: (f64, Cause),
    pub(super) steps: &'static [Step],
    pub(super) lines: &'static [Template],
}

/// How an operation is reached.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entry {
    Http { method: &'static str, route: &'static str },
    Rpc { method: &'static str },
    Message { queue: &'static str, group: &'static str },
}

impl Entry {
    /// The part of the name that tells operations of one service apart.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Http { route, .. } => route,
            Self::Rpc { method } => method,
            Self::Message { group, .. } => group,
        }
    }
}

/// One thing an operation does on its way.
#[derive(Debug)]
pub(super) enum Step {
    /// Calls an operation it cannot do without; repeated once when that may help.
    Call(&'static Operation),
    /// Calls an operation it can do without.
    Try(&'static Operation),
    /// Steps that run at the same time.
    Together(&'static [Step]),
    Query(&'static Statement),
    Compute(&'static Computation),
    /// Calls somebody else's service, which sends us no telemetry.
    Outside(&'static ThirdParty),
    Publish(&'static Topic),
}

/// Work in a service's own code that is worth a span.
#[derive(Debug)]
pub(super) struct Computation {
    pub(super) name: &'static str,
    pub(super) latency: Latency,
    /// An event some of the spans carry.
    pub(super) event: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Store {
    Postgresql,
    Redis,
}

/// A statement to a database.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) store: Store,
    pub(super) database: &'static str,
    pub(super) operation: &'static str,
    pub(super) collection: &'static str,
    pub(super) text: &'static str,
    pub(super) latency: Latency,
}

#[derive(Debug)]
pub(super) struct ThirdParty {
    pub(super) host: &'static str,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) latency: Latency,
}

/// A queue with the operations that read it, each in a group of its own.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) name: &'static str,
    pub(super) partitions: u32,
    pub(super) delay: Latency,
    pub(super) readers: &'static [&'static Operation],
}

/// A log line with placeholders, written by some of the calls of its operation.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) severity: Severity,
    pub(super) chance: f64,
    pub(super) text: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

/// Why an operation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Bug,
    Timeout,
    Unavailable,
    Declined,
    NotFound,
    Invalid,
}

/// A part of a program that makes telemetry: the instrumentation scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Library {
    HttpServer,
    HttpClient,
    Rpc,
    Database,
    Messaging,
    Own,
    Runtime,
}
