//! Connections that read beside the writer; each sees what was committed before its statement.

use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::place::Place;
use crate::backend::Failure;
use crate::config::Limits;
use crate::error::Error;
use crate::statement::{Row, Statement};

/// Connections that read, made as they are needed.
pub(super) struct Readers {
    place: Place,
    limits: Limits,
    idle: Mutex<Vec<Connection>>,
    places: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(place: Place, limits: Limits) -> Self {
        let places = Arc::new(Semaphore::new(limits.read_connections_max));
        Self { place, limits, idle: Mutex::new(Vec::new()), places }
    }

    pub(super) async fn query(self: &Arc<Self>, statement: Statement) -> Result<Vec<Row>, Failure> {
        let limit = self.limits.wait_max;
        let waited = timeout(limit, Arc::clone(&self.places).acquire_owned()).await;
        let Ok(Ok(place)) = waited else {
            return Err(
                Error::Busy(format!("all connections to {} were in use for {limit:?}", self.place.medium)).into()
            );
        };
        let readers = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || {
            let _place = place;
            readers.read(&statement)
        });
        read.await.unwrap_or_else(|cause| {
            Err(Error::Unavailable { medium: self.place.medium.to_string(), cause: Arc::new(cause) }.into())
        })
    }

    fn read(&self, statement: &Statement) -> Result<Vec<Row>, Failure> {
        let idle = self.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                self.place.connect(flags, &self.limits)?
            }
        };
        let rows = self.place.run(&connection, statement);
        self.idle.lock().push(connection);
        rows
    }
}
