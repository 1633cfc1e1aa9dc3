//! PostgreSQL: statements run on pooled connections, each prepared once a connection.

mod connect;
mod failure;
mod setup;
#[path = "../../../../timescale/src/tls.rs"]
mod tls;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use deadpool_postgres::{Object, Pool};
use futures::{FutureExt, TryStreamExt};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use self::connect::Address;
use crate::backend::{Backend, Begun, Dialect, Failure};
use crate::config::Config;
use crate::error::Error;
use crate::statement::{Access, Row, Statement, Value};

/// Statements each connection keeps prepared.
const PREPARED_MAX: usize = 128;
/// Name of the lock under which transactions are run again that others came between.
const AGAIN: i64 = 0x0b5e_7265_7472_79;

const DIALECT: Dialect = Dialect {
    append: "WITH head AS (INSERT INTO heads (log, tenant, sequence) VALUES ($1, $2, 1) \
             ON CONFLICT (log, tenant) DO UPDATE SET sequence = heads.sequence + 1 RETURNING sequence) \
             INSERT INTO entries (log, tenant, sequence, at, body) SELECT $1, $2, sequence, $3, $4 FROM head \
             RETURNING sequence",
    hold: "FOR SHARE",
    skip_chosen: "FOR UPDATE SKIP LOCKED",
};

/// A server that may be away.
pub(crate) struct Postgres {
    address: Arc<Address>,
    pool: Pool,
}

impl Postgres {
    /// Waits for the server as long as the settings allow, and brings its tables up to date.
    pub(crate) async fn open(config: &Config, url: &str) -> Result<Self, Error> {
        let address = Arc::new(Address::new(config, url)?);
        setup::prepare(&address, config).await?;
        Ok(Self { pool: address.pool(config)?, address })
    }

    async fn client(&self) -> Result<Object, Failure> {
        self.pool.get().await.map_err(|cause| failure::pool(&self.address.medium, cause).into())
    }
}

#[async_trait]
impl Backend for Postgres {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn medium(&self) -> &str {
        &self.address.medium
    }

    async fn query(&self, statement: Statement) -> Result<Vec<Row>, Failure> {
        let client = self.client().await?;
        run(&client, statement).await.map_err(|cause| failure::of(&self.address.medium, cause))
    }

    async fn begin(&self, attempt: u32) -> Result<Box<dyn Begun>, Failure> {
        let (client, is_queued) = (self.client().await?, attempt > 1);
        let transaction = Transaction { client, address: Arc::clone(&self.address), is_queued, is_over: false.into() };
        if is_queued {
            // One after the other, those that had a conflict do not have another one with each other.
            let wait = Statement::read("SELECT 1::bigint FROM pg_advisory_lock($1)").with(AGAIN);
            transaction.query(wait).await?;
        }
        transaction.execute("BEGIN ISOLATION LEVEL SERIALIZABLE").await?;
        Ok(Box::new(transaction))
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Postgres").field(&self.address.medium).finish()
    }
}

struct Transaction {
    client: Object,
    address: Arc<Address>,
    is_queued: bool,
    is_over: AtomicBool,
}

impl Transaction {
    async fn execute(&self, sql: &str) -> Result<(), Failure> {
        self.client.batch_execute(sql).await.map_err(|cause| failure::of(&self.address.medium, cause))
    }
}

#[async_trait]
impl Begun for Transaction {
    async fn query(&self, statement: Statement) -> Result<Vec<Row>, Failure> {
        run(&self.client, statement).await.map_err(|cause| failure::of(&self.address.medium, cause))
    }

    async fn commit(&self) -> Result<(), Failure> {
        self.execute("COMMIT").await?;
        self.is_over.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let end = match (self.is_over.load(Ordering::Relaxed), self.is_queued) {
            (true, false) => return,
            (true, true) => "SELECT pg_advisory_unlock_all()",
            (false, false) => "ROLLBACK",
            (false, true) => "ROLLBACK; SELECT pg_advisory_unlock_all()",
        };
        // Sent now and answered later: whoever has the connection next comes behind it.
        let _ = self.client.batch_execute(end).now_or_never();
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transaction").field(&self.address.medium).finish()
    }
}

async fn run(client: &Object, statement: Statement) -> Result<Vec<Row>, tokio_postgres::Error> {
    let prepared = client.prepare_cached(&statement.sql).await?;
    if client.statement_cache.size() > PREPARED_MAX {
        client.statement_cache.clear();
    }
    let mut rows = pin!(client.query_raw(&prepared, &statement.parameters).await?);
    let (mut read, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.try_next().await? {
        let cells = (0..row.len()).map(|column| row.try_get(column));
        let row = Row::new(cells.collect::<Result<_, _>>()?);
        bytes += row.bytes();
        read.push(row);
        if statement.access == Access::Read && bytes >= Row::BYTES_MAX {
            break;
        }
    }
    Ok(read)
}

impl ToSql for Value {
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Number(number) => number.to_sql(column, out),
            Value::Text(text) => {
                // JSON travels as its text.
                out.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(column: &Type) -> bool {
        matches!(*column, Type::INT8 | Type::TEXT | Type::JSON)
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(column: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        match *column {
            Type::INT8 => i64::from_sql(column, raw).map(Value::Number),
            _ => Ok(Value::Text(std::str::from_utf8(raw)?.to_owned())),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Value::Null)
    }

    fn accepts(column: &Type) -> bool {
        matches!(*column, Type::INT8 | Type::TEXT | Type::JSON)
    }
}
