//! What a statement answered.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::web::Http;

/// Rows in the order of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows(pub Vec<Vec<Value>>);

impl Rows {
    /// The rows of a statement; the error says why it was refused.
    pub async fn of(api: &Http, statement: &str) -> anyhow::Result<Self> {
        let body = json!({"sql": statement}).to_string();
        let reply = api.post("/api/v1/sql", &[("content-type", "application/json")], body).await?;
        ensure!(reply.status == 200, "HTTP {}: {}", reply.status, reply.text());
        let answer: Value = serde_json::from_slice(&reply.body)?;
        ensure!(answer.get("error").is_none_or(Value::is_null), "broken off: {}", answer["error"]);
        let rows = answer["rows"].as_array().context("an answer has rows")?;
        let rows = rows.iter().map(|row| row.as_array().cloned().context("a row is a list"));
        Ok(Self(rows.collect::<anyhow::Result<_>>()?))
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number in the only cell.
    ///
    /// # Panics
    /// When that is not what came.
    pub fn number(&self) -> u64 {
        match self.0.as_slice() {
            [row] if row.len() == 1 => number(&row[0]).unwrap_or_else(|| panic!("a number, not {}", row[0])),
            other => panic!("one cell, not {other:?}"),
        }
    }

    /// All cells as text: cells by `|`, rows by line.
    pub fn text(&self) -> String {
        let rows = self.0.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join("|"));
        rows.collect::<Vec<_>>().join("\n")
    }
}

/// Integers of 64 bits may come as text, so that no client rounds them.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn cell(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
