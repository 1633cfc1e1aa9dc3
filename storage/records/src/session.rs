//! Where statements go: each to the database by itself, or into an open transaction.

use std::any::TypeId;
use std::collections::HashSet;
use std::sync::Arc;

use model::Timestamp;
use parking_lot::{Mutex, RwLock};

use crate::backend::{Backend, Begun, Failure};
use crate::config::Limits;
use crate::error::Error;
use crate::statement::{Row, Statement};

/// What all handles of one database share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) limits: Limits,
    /// Types of documents whose columns are those of their keys.
    pub(crate) laid_out: RwLock<HashSet<TypeId>>,
}

/// Tells the time that documents are stamped with.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A way to the database, with what handles need on it.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Clock,
    /// The transaction it belongs to; without one each statement is its own.
    pub(crate) within: Option<Arc<Open>>,
}

/// An open transaction.
#[derive(Debug)]
pub(crate) struct Open {
    begun: Box<dyn Begun>,
    /// What went wrong first; nothing works after it.
    failure: Mutex<Option<Failure>>,
    /// Types that it has found or made so, which holds for all when it is committed.
    pub(crate) laid_out: Mutex<Vec<TypeId>>,
}

impl Session {
    pub(crate) async fn query(&self, statement: Statement) -> Result<Vec<Row>, Failure> {
        match &self.within {
            None => self.shared.backend.query(statement).await,
            Some(open) => open.query(statement).await,
        }
    }

    /// The same in an open transaction.
    pub(crate) fn within(&self, open: &Arc<Open>) -> Self {
        Self { within: Some(Arc::clone(open)), ..self.clone() }
    }

    /// The only row, if there is one.
    pub(crate) async fn query_row(&self, statement: Statement) -> Result<Option<Row>, Failure> {
        Ok(self.query(statement).await?.into_iter().next())
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

impl Open {
    pub(crate) fn new(begun: Box<dyn Begun>) -> Self {
        Self { begun, failure: Mutex::new(None), laid_out: Mutex::new(Vec::new()) }
    }

    async fn query(&self, statement: Statement) -> Result<Vec<Row>, Failure> {
        if let Some(failure) = self.failure() {
            return Err(failure);
        }
        let rows = self.begun.query(statement).await;
        if let Err(failure) = &rows {
            self.failure.lock().get_or_insert_with(|| failure.clone());
        }
        rows
    }

    /// What went wrong, if anything did.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure.lock().clone()
    }

    /// Makes it last; handles that are left do nothing any more.
    pub(crate) async fn commit(&self) -> Result<(), Failure> {
        if let Some(failure) = self.failure() {
            return Err(failure);
        }
        let over = Error::Invalid("the transaction is over".to_owned());
        *self.failure.lock() = Some(over.into());
        self.begun.commit().await
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("backend", &self.shared.backend).field("within", &self.within).finish()
    }
}
