//! What requests bring, read with errors of ours.

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use http::request::Parts;
use records::{Cursor, List, PAGE_MAX, RecordId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use crate::error::Error;

/// The body of a request, as JSON.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let Json(body) = Json::from_request(request, state).await.map_err(|cause| Error::Invalid(cause.body_text()))?;
        Ok(Self(body))
    }
}

/// What stands behind the question mark.
#[derive(Debug)]
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let asked = Query::from_request_parts(parts, state).await;
        asked.map(|Query(asked)| Self(asked)).map_err(|cause| Error::Invalid(cause.body_text()))
    }
}

/// Which page of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct PageWanted {
    /// `next` of the page before.
    pub(crate) after: Option<String>,
    /// At most so many; 100 when it is not said, 1000 at most.
    pub(crate) limit: Option<usize>,
}

impl PageWanted {
    /// The listing, for the page.
    pub(crate) fn list(&self) -> Result<List, Error> {
        let after: Option<Cursor> = self.after.clone().map(Cursor::try_from).transpose()?;
        Ok(List::all().limit(self.limit.unwrap_or(100).clamp(1, PAGE_MAX)).after(after))
    }
}

/// The id of an address; what cannot be an id is not there.
pub(crate) fn id(what: &'static str, text: String) -> Result<RecordId, Error> {
    RecordId::new(text.as_str()).map_err(|_| Error::not_found(what, text))
}
