//! How fast records are beside the bare drivers, which do the same work with tables of their own:
//! `cargo run --release -p records --example throughput -- <directory> [postgres url]`.
//!
//! Without a URL a server of this machine's PostgreSQL is started in the directory, if there is one.

use std::env;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use deadpool_postgres::{Manager, Pool};
use model::{Tenant, Timestamp};
use parking_lot::Mutex;
use records::{Config, Document, Expected, Key, RecordId, Records, Url};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use testkit::PostgresServer;
use tokio_postgres::NoTls;

const RUN: Duration = Duration::from_secs(3);
const CLIENTS: [usize; 2] = [1, 16];
/// Jobs that are claimed at once.
const BATCH: usize = 10;
/// Later than all jobs are due.
const NOW: i64 = i64::MAX / 2;

/// About 500 bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Job {
    name: String,
    status: String,
    due: Option<i64>,
    payload: String,
}

impl Document for Job {
    const COLLECTION: &'static str = "throughput.jobs";
    const KEYS: &'static [Key] = &[Key::unique("name"), Key::lookup("status"), Key::due("due")];
}

impl Job {
    fn new(number: u64) -> Self {
        let (name, status) = (format!("job {number}"), "new".to_owned());
        Self { name, status, due: Some(number.cast_signed()), payload: "x".repeat(400) }
    }

    fn done(self) -> Self {
        Self { due: None, status: "done".to_owned(), ..self }
    }
}

/// The same table by hand.
const BARE: &str = "CREATE TABLE bare_jobs (tenant text NOT NULL, id text NOT NULL, version bigint NOT NULL, \
     body text NOT NULL, name text, status text, due bigint, leased_until bigint NOT NULL DEFAULT 0, PRIMARY KEY (tenant, id)); \
     CREATE UNIQUE INDEX bare_names ON bare_jobs (tenant, name); \
     CREATE INDEX bare_status ON bare_jobs (tenant, status, id); \
     CREATE INDEX bare_due ON bare_jobs (due) WHERE due IS NOT NULL";
const BARE_PUT: &str =
    "INSERT INTO bare_jobs (tenant, id, version, body, name, status, due) VALUES ($1, $2, 1, $3, $4, $5, $6)";
const BARE_CLAIM: &str = "UPDATE bare_jobs SET leased_until = $2 WHERE (tenant, id) IN (SELECT tenant, id FROM bare_jobs \
     WHERE due <= $1 AND leased_until <= $1 ORDER BY due LIMIT $3 /*lock*/) RETURNING id, body";
const BARE_DONE: &str = "UPDATE bare_jobs SET version = version + 1, body = $3, status = $4, due = NULL, leased_until = 0 \
     WHERE tenant = $1 AND id = $2";

/// A way to do the work.
#[derive(Clone)]
enum Way {
    Records(Records),
    Sqlite(Arc<Mutex<Connection>>),
    Postgres(Pool),
}

impl Way {
    async fn put(&self, number: u64) {
        let (tenant, job, id) = (Tenant::default_tenant(), Job::new(number), RecordId::unique());
        match self {
            Self::Records(records) => {
                records.collection().put(&tenant, &id, &job, Expected::Absent).await.expect("it is put");
            }
            Self::Sqlite(connection) => {
                let connection = Arc::clone(connection);
                blocking(move || {
                    let body = serde_json::to_string(&job).expect("JSON");
                    let connection = connection.lock();
                    let mut put = connection.prepare_cached(&for_sqlite(BARE_PUT)).expect("SQL");
                    put.execute(params![tenant.as_str(), id.as_str(), body, job.name, job.status, job.due])
                        .expect("it is put")
                })
                .await;
            }
            Self::Postgres(pool) => {
                let client = pool.get().await.expect("a connection");
                let body = serde_json::to_string(&job).expect("JSON");
                let put = client.prepare_cached(BARE_PUT).await.expect("SQL");
                let values = (tenant.as_str(), id.as_str());
                client
                    .execute(&put, &[&values.0, &values.1, &body, &job.name, &job.status, &job.due])
                    .await
                    .expect("it is put");
            }
        }
    }

    /// Claims some jobs and completes each; says how many.
    async fn work(&self) -> u64 {
        let tenant = Tenant::default_tenant();
        match self {
            Self::Records(records) => {
                let jobs = records.collection::<Job>();
                let claims = jobs.claim(Timestamp(NOW), Duration::from_secs(60), BATCH).await.expect("claims");
                for claim in &claims {
                    jobs.complete(claim, &claim.record.body.clone().done()).await.expect("it is done");
                }
                claims.len() as u64
            }
            Self::Sqlite(connection) => {
                let claimed = Arc::clone(connection);
                let claimed: Vec<(String, String)> = blocking(move || {
                    let connection = claimed.lock();
                    let mut claim = connection.prepare_cached(&for_sqlite(BARE_CLAIM)).expect("SQL");
                    let rows =
                        claim.query_map(params![NOW, NOW + 1, BATCH as i64], |row| Ok((row.get(0)?, row.get(1)?)));
                    rows.expect("claims").collect::<Result<_, _>>().expect("claims")
                })
                .await;
                let count = claimed.len() as u64;
                for (id, body) in claimed {
                    let (connection, tenant) = (Arc::clone(connection), tenant.clone());
                    blocking(move || {
                        let job = serde_json::from_str::<Job>(&body).expect("a job").done();
                        let body = serde_json::to_string(&job).expect("JSON");
                        let connection = connection.lock();
                        let mut done = connection.prepare_cached(&for_sqlite(BARE_DONE)).expect("SQL");
                        done.execute(params![tenant.as_str(), id, body, job.status]).expect("it is done")
                    })
                    .await;
                }
                count
            }
            Self::Postgres(pool) => {
                let client = pool.get().await.expect("a connection");
                let claim = BARE_CLAIM.replace("/*lock*/", "FOR UPDATE SKIP LOCKED");
                let claim = client.prepare_cached(&claim).await.expect("SQL");
                let rows = client.query(&claim, &[&NOW, &(NOW + 1), &(BATCH as i64)]).await.expect("claims");
                let done = client.prepare_cached(BARE_DONE).await.expect("SQL");
                for row in &rows {
                    let (id, body): (&str, &str) = (row.get(0), row.get(1));
                    let job = serde_json::from_str::<Job>(body).expect("a job").done();
                    let body = serde_json::to_string(&job).expect("JSON");
                    client.execute(&done, &[&tenant.as_str(), &id, &body, &job.status]).await.expect("it is done");
                }
                rows.len() as u64
            }
        }
    }
}

#[tokio::main]
async fn main() {
    let directory = env::args().nth(1).expect("a directory as the argument");
    let (records, bare) = sqlite(Path::new(&directory)).await;
    compare("SQLite", &records, &bare).await;

    let server = match env::args().nth(2) {
        Some(url) => Err(url),
        None => match PostgresServer::start_in(Path::new(&directory)).await {
            Ok(server) => Ok(server),
            Err(skip) => return skip.tell(),
        },
    };
    let url = server.as_ref().map_or_else(Clone::clone, PostgresServer::url);
    let (records, bare) = postgres(&url).await;
    compare("PostgreSQL", &records, &bare).await;
}

async fn sqlite(directory: &Path) -> (Way, Way) {
    let records = Records::sqlite(directory.join("records.sqlite")).await.expect("a database");
    let bare = Connection::open(directory.join("bare.sqlite")).expect("a database");
    bare.execute_batch("PRAGMA journal_mode = wal; PRAGMA synchronous = full").expect("the same settings");
    bare.execute_batch(BARE).expect("a table");
    (Way::Records(records), Way::Sqlite(Arc::new(Mutex::new(bare))))
}

async fn postgres(url: &str) -> (Way, Way) {
    let config = Config { url: Some(Url::new(url)), connections_max: 16, ..Config::default() };
    let records = Records::open(&config).await.expect("a database");
    let manager = Manager::new(url.parse().expect("a URL"), NoTls);
    let bare = Pool::builder(manager).max_size(16).build().expect("a pool");
    bare.get().await.expect("a connection").batch_execute(BARE).await.expect("a table");
    (Way::Records(records), Way::Postgres(bare))
}

/// One after the other with the bare driver, with records, and with the bare driver again.
async fn compare(database: &str, records: &Way, bare: &Way) {
    for clients in CLIENTS {
        let before = puts(bare, clients).await;
        let ours = puts(records, clients).await;
        show(database, "puts", clients, ours, (before + puts(bare, clients).await) / 2.0);
        let before = claims(bare, clients).await;
        let ours = claims(records, clients).await;
        show(database, "claims", clients, ours, (before + claims(bare, clients).await) / 2.0);
    }
}

fn show(database: &str, what: &str, clients: usize, ours: f64, bare: f64) {
    println!("{database}, {clients} clients: {ours:.0} {what}/s, bare driver {bare:.0}/s, ratio {:.2}", ours / bare);
}

async fn puts(way: &Way, clients: usize) -> f64 {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let count = run(clients, way, |way| async move {
        way.put(NUMBER.fetch_add(1, Ordering::Relaxed)).await;
        1
    });
    count.await
}

async fn claims(way: &Way, clients: usize) -> f64 {
    run(clients, way, |way| async move { way.work().await }).await
}

/// What all clients together do in a second, until time or work is up.
async fn run<W>(clients: usize, way: &Way, step: impl Fn(Way) -> W + Clone + Send + Sync + 'static) -> f64
where
    W: Future<Output = u64> + Send,
{
    let begun = Instant::now();
    let client = |_| {
        let (way, step) = (way.clone(), step.clone());
        tokio::spawn(async move {
            let mut count = 0;
            while begun.elapsed() < RUN {
                match step(way.clone()).await {
                    0 => break,
                    done => count += done,
                }
            }
            count
        })
    };
    let mut count = 0;
    for client in (0..clients).map(client).collect::<Vec<_>>() {
        count += client.await.expect("no panic");
    }
    count as f64 / begun.elapsed().as_secs_f64()
}

async fn blocking<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    tokio::task::spawn_blocking(work).await.expect("no panic")
}

fn for_sqlite(sql: &str) -> String {
    sql.replace('$', "?")
}
